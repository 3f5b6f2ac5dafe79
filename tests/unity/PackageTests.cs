// The package's own tests and samples, run as Unity runs them: fixtures and frames by a small runner, samples as components.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Reflection;
using System.Threading;
using NUnit.Framework;
using Sinew.Samples;
using UnityEditor;
using UnityEngine;
using UnityEngine.TestTools;
using static Support;

internal static class PackageTests
{
    internal static readonly Action[] All = { EditMode, PlayMode };

    internal static readonly Action[] Samples = { TwoServersTalk, RequestsAreAnswered, ARegistryOfTheGame };

    private static void EditMode()
    {
        Run(typeof(Sinew.Tests.SettingsTests), 4);
    }

    private static void PlayMode()
    {
        Run(typeof(Sinew.Tests.BehaviourTests), 3);
    }

    private static void Run(Type fixture, int expected)
    {
        int ran = 0;
        foreach (MethodInfo test in fixture.GetMethods())
        {
            bool overFrames = test.IsDefined(typeof(UnityTestAttribute), false);
            if (!overFrames && !test.IsDefined(typeof(TestAttribute), false)) continue;
            ran++;
            Scene.Play();
            LogAssert.ignoreFailingMessages = false;
            object instance = Activator.CreateInstance(fixture);
            try
            {
                object result = test.Invoke(instance, null);
                if (overFrames) Frames((IEnumerator)result);
                bool failed = Engine.Log.Exists(it => it.Type == LogType.Error || it.Type == LogType.Exception);
                Check(!failed || LogAssert.ignoreFailingMessages, Scene.Console());
            }
            catch (TargetInvocationException exception)
            {
                throw new CheckFailed(test.Name + ": " + exception.InnerException);
            }
            foreach (MethodInfo after in fixture.GetMethods())
            {
                if (after.IsDefined(typeof(TearDownAttribute), false)) after.Invoke(instance, null);
            }
            Same(0, Engine.Objects.Count, "the objects that " + test.Name + " leaves behind");
            EditorEngine.ExitPlayMode();
            Scene.NoThreadsLeft("the threads that " + test.Name + " leaves behind");
            Console.WriteLine("        " + fixture.Name + "." + test.Name);
        }
        Same(expected, ran, "the number of tests in " + fixture.Name);
    }

    private static void Frames(IEnumerator test)
    {
        while (test.MoveNext())
        {
            Check(test.Current == null, "a test waits for frames only");
            Engine.Frame();
            Thread.Sleep(1);
        }
    }

    private static T Sample<T>(Action<T> prepare) where T : MonoBehaviour, new()
    {
        Scene.Play();
        var game = new GameObject(typeof(T).Name);
        game.SetActive(false);
        T sample = game.AddComponent<T>();
        prepare(sample);
        game.SetActive(true);
        return sample;
    }

    private static void End()
    {
        foreach (Engine.Line line in Engine.Log) Check(line.Type == LogType.Log || line.Type == LogType.Warning, Scene.Console());
        EditorEngine.ExitPlayMode();
        Scene.NoThreadsLeft("the threads that are left");
    }

    private static void TwoServersTalk()
    {
        var sample = Sample<TwoServers>(it => it.registry = Scene.Registry());
        Scene.Until(() => sample.arrivals.Count > 0);
        Same("Ada at 4.5", string.Join(", ", sample.arrivals.ToArray()), "who has arrived");
        Check(Engine.Log.Exists(it => it.Text == "Ada at 4.5"), Scene.Console());
        End();
    }

    private static void RequestsAreAnswered()
    {
        var sample = Sample<RequestReply>(it => it.registry = Scene.Registry());
        Scene.Until(() => sample.outcomes.Count == 4);
        foreach (string outcome in sample.outcomes) Check(outcome == "arena-1" || outcome == "arena-2", outcome);
        Check(new HashSet<string>(sample.outcomes).Count == 2, "both have work: " + string.Join(", ", sample.outcomes.ToArray()));
        End();
    }

    private static void ARegistryOfTheGame()
    {
        var sample = Sample<CustomRegistry>(it => it.servers = 3);
        Scene.Until(() => sample.Links == 6);
        End();
    }
}
