// What the editor does to a game that runs: play mode that ends, scripts that are compiled anew, the end of the application.
using System;
using Sinew;
using UnityEditor;
using UnityEngine;
using UnityEngine.LowLevel;
using static Support;

internal static class Reloads
{
    internal static readonly Action[] All =
    {
        EveryHookEndsEverything, CompiledWhilePlaying, PlayedAgainAndAgainWithoutReload, TheDomainIsReloaded, ALoopOfTheLastTimeIsTakenOut,
        ServersWithoutComponents, OneThatFailsToEnd,
    };

    /// <summary>The domain is unloaded this often, with two servers that talk in it.</summary>
    private const int Domains = 10;

    private static SinewServerBehaviour[] Connected()
    {
        string registry = Scene.Registry();
        SinewServerBehaviour one = Scene.World("one", registry, true), two = Scene.World("two", registry, false, PollIn.PreUpdate);
        bool up = false;
        two.ServerConnected += (sender, e) => up = true;
        Scene.Activate(one, two);
        Scene.Until(() => up);
        return new[] { one, two };
    }

    private static void EveryHookEndsEverything()
    {
        foreach (Action hook in new Action[] { EditorEngine.ExitPlayMode, EditorEngine.BeforeReload, EditorEngine.Quit, Engine.Quit })
        {
            Scene.Play();
            int sockets = Scene.Sockets();
            SinewServerBehaviour[] servers = Connected();
            Check(Scene.LibraryThreads() > 0, "the library's threads have names");
            hook();
            Scene.NothingLeft(sockets);
            foreach (SinewServerBehaviour server in servers) Check(server.Server == null, "the component knows");
            Same(0, OurSystems(PlayerLoop.GetCurrentPlayerLoop()), "what is in the player loop");
            // A frame after that is harmless, and so is everything once more.
            Engine.Frame();
            hook();
            Engine.Clear();
            Check(!Engine.Log.Exists(it => it.Type == LogType.Exception), Scene.Console());
        }
    }

    /// <summary>Scripts that are compiled in play mode: Unity disables and enables what it has loaded anew, with the fields as they were.</summary>
    private static void CompiledWhilePlaying()
    {
        Scene.Play();
        SinewServerBehaviour[] servers = Connected();
        EditorEngine.BeforeReload();
        bool up = false;
        servers[1].ServerConnected += (sender, e) => up = true;
        foreach (SinewServerBehaviour server in servers) server.gameObject.SetActive(false);
        foreach (SinewServerBehaviour server in servers) server.gameObject.SetActive(true);
        Scene.Until(() => up);
        EditorEngine.ExitPlayMode();
        Scene.NoThreadsLeft();
    }

    /// <summary>Enter and leave play mode with statics that stay: what newer editors do by default.</summary>
    private static void PlayedAgainAndAgainWithoutReload()
    {
        int sockets = Scene.Sockets();
        for (int round = 0; round < 20; round++)
        {
            Scene.Play();
            Scene.NothingLeft(sockets);
            Connected();
            Same(1, OurSystems(PlayerLoop.GetCurrentPlayerLoop()), "what is in the player loop");
            // Now and then nobody told the end: the next beginning ends it.
            if (round % 3 == 0) EditorEngine.ExitPlayMode();
            else if (round % 3 == 1) Engine.Objects.Clear();
        }
        EditorEngine.ExitPlayMode();
        Scene.NothingLeft(sockets);
    }

    private static int OurSystems(PlayerLoopSystem system)
    {
        int found = system.type == typeof(SinewPlayerLoop) ? 1 : 0;
        foreach (PlayerLoopSystem inside in system.subSystemList ?? new PlayerLoopSystem[0]) found += OurSystems(inside);
        return found;
    }

    private static void Inside()
    {
        Scene.Play();
        Connected();
        EditorEngine.BeforeReload();
    }

    private static void TheDomainIsReloaded()
    {
        int sockets = Scene.Sockets();
        for (int n = 0; n < Domains; n++)
        {
            AppDomain domain = AppDomain.CreateDomain("scripts");
            domain.DoCallBack(Inside);
            Scene.NothingLeft(sockets);
            AppDomain.Unload(domain);
        }
        Scene.NothingLeft(sockets);
    }

    /// <summary>Statics are new, the player loop is the old one: so it is after a reload of the domain.</summary>
    private static void ALoopOfTheLastTimeIsTakenOut()
    {
        PlayerLoopSystem loop = PlayerLoop.GetCurrentPlayerLoop();
        int at = Array.FindIndex(loop.subSystemList, phase => phase.type == typeof(UnityEngine.PlayerLoop.PreUpdate));
        int others = loop.subSystemList[at].subSystemList.Length, polled = 0;
        Array.Resize(ref loop.subSystemList[at].subSystemList, others + 1);
        loop.subSystemList[at].subSystemList[others] =
            new PlayerLoopSystem { type = typeof(SinewPlayerLoop), updateDelegate = () => polled++ };
        PlayerLoop.SetPlayerLoop(loop);
        Scene.Play();
        Engine.Frame();
        Same(0, polled, "how often the old one was called");

        // Somebody takes the whole loop for the default one: the next server puts us in again, once.
        SinewServerBehaviour one = Connected()[0];
        PlayerLoop.SetPlayerLoop(PlayerLoop.GetDefaultPlayerLoop());
        one.gameObject.SetActive(false);
        one.pollIn = PollIn.PreUpdate;
        Scene.Activate(one);
        Same(1, OurSystems(PlayerLoop.GetCurrentPlayerLoop()), "what is in the player loop");

        // And a loop without PreUpdate is said.
        one.gameObject.SetActive(false);
        PlayerLoop.SetPlayerLoop(new PlayerLoopSystem());
        Scene.Enable(one);
        Check(Engine.Log.Exists(it => it.Type == LogType.Error && it.Text.Contains("no PreUpdate")), Scene.Console());
        PlayerLoop.SetPlayerLoop(PlayerLoop.GetDefaultPlayerLoop());
        EditorEngine.ExitPlayMode();
    }

    private static void ServersWithoutComponents()
    {
        Scene.Play();
        int sockets = Scene.Sockets();
        bool started = false;
        SinewServer server = SinewServer.Start(Alone);
        server.Started += (sender, e) => started = true;
        SinewPlayerLoop.Add(server, 1000);
        SinewPlayerLoop.Add(server);
        Same(1, OurSystems(PlayerLoop.GetCurrentPlayerLoop()), "what is in the player loop");
        Scene.Until(() => started);
        SinewPlayerLoop.Remove(server);
        Same(0, OurSystems(PlayerLoop.GetCurrentPlayerLoop()), "what is in the player loop");
        SinewPlayerLoop.Add(server);
        server.Stop();
        Scene.Until(() => server.IsStopped && OurSystems(PlayerLoop.GetCurrentPlayerLoop()) == 0);
        server.Dispose();

        SinewServer second = SinewServer.Start(Alone), third = SinewServer.Start(Alone.Replace("w1", "w2"));
        SinewPlayerLoop.Add(second);
        SinewPlayerLoop.Add(third);
        Same(1, OurSystems(PlayerLoop.GetCurrentPlayerLoop()), "what is in the player loop");
        third.Dispose();
        Engine.Frame();
        EditorEngine.ExitPlayMode();
        Check(second.IsDisposed, "what was left to the player loop ends with play mode");
        Scene.NothingLeft(sockets);
        Throws<ArgumentNullException>(() => SinewPlayerLoop.Add(null));
        Throws<ArgumentOutOfRangeException>(() => SinewPlayerLoop.Add(server, -1));
    }

    /// <summary>A handler that throws at the end does not keep the others alive.</summary>
    private static void OneThatFailsToEnd()
    {
        Scene.Play();
        int sockets = Scene.Sockets();
        SinewServerBehaviour[] servers = Connected();
        ServerRequest open = servers[0].Server.GetAllGroups()[0].GetAllRemoteServers()[0].Request(1, new byte[1], 60000);
        open.OnCompleted(() => { throw new InvalidOperationException("a bug of the game"); });
        EditorEngine.ExitPlayMode();
        Check(open.Failure == RequestFailure.Stopping || open.Failure == RequestFailure.NoHandler, "the request: " + open.Failure);
        Scene.NothingLeft(sockets);
    }
}
