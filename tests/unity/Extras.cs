// Native arrays, the window of the editor, and a package without its native library.
using System;
using System.IO;
using System.Reflection;
using Sinew;
using Sinew.Editing;
using Unity.Collections;
using UnityEditor;
using UnityEngine;
using static Support;

internal static class Extras
{
    internal static readonly Action[] All = { Arrays, TheWindow, TheCheck };

    /// <summary>Run where the loader finds no library.</summary>
    internal static readonly Action[] WithoutLibrary = { NoHookCallsTheLibrary };

    private static void Arrays()
    {
        using (var pair = new Pair())
        {
            byte[] received = null, asked = null;
            int empty = 0;
            pair.World.MessageReceived += (sender, e) =>
            {
                if (e.Data.Length == 0)
                {
                    empty++;
                    return;
                }
                NativeArray<byte> copy = e.ToNativeArray(Allocator.Temp);
                received = copy.ToArray();
                copy.Dispose();
            };
            pair.World.RequestReceived += (sender, e) =>
            {
                NativeArray<byte> copy = e.ToNativeArray(Allocator.Temp);
                asked = copy.ToArray();
                e.AnswerLater().Reply(copy, 5);
                copy.Dispose();
            };
            var data = new NativeArray<byte>(new byte[] { 1, 2, 3 }, Allocator.Persistent);
            IServerGroup group = pair.Lobby["world"];
            Check(pair.ToWorld.SendMessage(1, data), "it is sent");
            pair.Until(() => received != null);
            Same("01-02-03", BitConverter.ToString(received), "what was received");
            received = null;
            Same(SinewResult.Ok, pair.ToWorld.TrySend(1, data, SendMode.Lane1), "what came of it");
            pair.Until(() => received != null);
            received = null;
            Same(1, group.Broadcast(1, data).Sent, "to how many it was sent");
            pair.Until(() => received != null);
            received = null;
            ulong to;
            Same(SinewResult.Ok, group.SendAny(SelectionPolicy.RoundRobin, 1, data, out to), "what came of it");
            Same(pair.ToWorld.Id, to, "to whom it went");
            pair.Until(() => received != null);

            foreach (ServerRequest request in new[]
            {
                pair.ToWorld.Request(2, data), group.RequestAny(SelectionPolicy.RoundRobin, 2, data),
            })
            {
                pair.Until(() => request.IsCompleted);
                Same("01-02-03", BitConverter.ToString(asked), "what was asked");
                Same("01-02-03", BitConverter.ToString(request.Reply.Data), "what was answered");
                Same(5u, request.Reply.Code, "the code");
            }
            Check(pair.ToWorld.SendMessage(1, default(NativeArray<byte>)), "one that was not created");
            Check(pair.ToWorld.SendMessage(1, new NativeArray<byte>(0, Allocator.Temp)), "an empty one");
            pair.Until(() => empty == 2);
            NativeArray<byte> written = new MessageWriter().WriteByte(7).WriteByte(8).ToNativeArray(Allocator.Temp);
            Same("07-08", BitConverter.ToString(written.ToArray()), "what was written");
            written.Dispose();
            data.Dispose();
        }
    }

    private static string Draw(SinewWindow window, params string[] clicked)
    {
        EditorGUILayout.Drawn.Length = 0;
        GUILayout.Clicked.Clear();
        foreach (string one in clicked) GUILayout.Clicked.Add(one);
        Call(window, "OnGUI");
        GUILayout.Clicked.Clear();
        return EditorGUILayout.Drawn.ToString();
    }

    private static void Call(SinewWindow window, string message)
    {
        typeof(SinewWindow).GetMethod(message, BindingFlags.Instance | BindingFlags.NonPublic).Invoke(window, null);
    }

    private static void TheWindow()
    {
        Scene.Play();
        SinewWindow.Program = Environment.GetEnvironmentVariable("TEST_SINEW_PROGRAM");
        var window = EditorWindow.GetWindow<SinewWindow>("Sinew");
        Check(Draw(window).Contains("No open scene"), "an empty scene");

        string registry = Scene.Registry();
        SinewServerBehaviour one = Scene.World("one", registry, true), two = Scene.World("two", registry);
        string drawn = Draw(window, "Check one");
        Check(drawn.Contains("server.name = \"one\"") && drawn.Contains("listen = \"127.0.0.1:0\"  # default"), drawn);
        two.settings.more = "limits.outbox_byte = 1";
        drawn = Draw(window, "Check two");
        Check(drawn.Contains("Error: configuration line ") && drawn.Contains("did you mean limits.outbox_bytes?"), drawn);
        Scene.Enable(two);
        Check(Draw(window).Contains("Error: It was not started: "), "the mistake");
        two.settings.more = "";
        bool up = false;
        one.ServerConnected += (sender, e) => up = true;
        two.gameObject.SetActive(false);
        Scene.Activate(one, two);
        Scene.Until(() => up);
        drawn = Draw(window);
        Check(drawn.Contains("world/one, id ") && drawn.Contains("1 of 1 servers in view connected") && drawn.Contains("world/two: Connected"), drawn);
        two.settings.source = ConfigurationSource.Asset;
        two.gameObject.SetActive(false);
        Check(Draw(window).Contains("Error: the configuration is to come from a text asset"), "the mistake of the settings");
        Call(window, "OnInspectorUpdate");
        EditorEngine.ExitPlayMode();
    }

    private static void TheCheck()
    {
        string program = Environment.GetEnvironmentVariable("TEST_SINEW_PROGRAM");
        ConfigurationCheck good = ConfigurationCheck.Run(Alone, program);
        Check(good.IsGood && good.Effective.Contains("name = \"w1\""), good.Mistakes);
        ConfigurationCheck bad = ConfigurationCheck.Run("server.grup = 'x'", program);
        Check(!bad.IsGood && bad.Mistakes.Contains("server.grup") && bad.Effective == "", bad.Mistakes);
        ConfigurationCheck none = ConfigurationCheck.Run(Alone, "no-such-sinew");
        Check(!none.IsGood && none.Mistakes.Contains("`no-such-sinew` cannot be started"), none.Mistakes);
        Environment.SetEnvironmentVariable("SINEW_SERVER__NAME", "from-outside");
        Same("SINEW_SERVER__NAME=from-outside", string.Join(", ", ConfigurationCheck.Environment().ToArray()), "the variables");
        Check(ConfigurationCheck.Run(Alone, program).Effective.Contains("from-outside"), "they are in effect");
        Environment.SetEnvironmentVariable("SINEW_SERVER__NAME", null);
    }

    /// <summary>Every project that has the package runs its hooks, also one that never starts a server.</summary>
    private static void NoHookCallsTheLibrary()
    {
        Throws<SinewException>(() => Same("", SinewServer.NativeVersion, "there is no library"), "cannot be loaded");
        Scene.Play();
        SinewServerBehaviour idle = Scene.World("one", Scene.Registry());
        idle.startOnEnable = false;
        Scene.Enable(idle);
        for (int n = 0; n < 3; n++) Engine.Frame();
        EditorEngine.BeforeReload();
        EditorEngine.ExitPlayMode();
        EditorEngine.Quit();
        Same("", Scene.Console(), "the console");

        Scene.Play();
        SinewServerBehaviour one = Scene.World("one", Scene.Registry());
        Scene.Enable(one);
        Check(one.Server == null && one.Mistake.Contains("the native library `sinew`") && one.Mistake.Contains("cannot be loaded"), one.Mistake);
        Same(1, Engine.Log.Count, "the number of lines in the console");
        EditorEngine.ExitPlayMode();
    }
}
