// The component, two of them in one process, driven by frames as Unity does it.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Threading;
using Sinew;
using UnityEditor;
using UnityEngine;
using static Support;

internal static class Components
{
    internal static readonly Action[] All =
    {
        EventsInOrderOnTheMainThread, InspectorEvents, DisabledAndEnabledAgain, GracefulStop, ReplacedByAnother, DisabledInAHandler,
        ExceptionInAHandler, MistakesAreTold, LogInTheConsole, BudgetOfAFrame, ReloadedWhileItRuns, FromAFile, KeptBetweenScenes, NoGarbage,
    };

    private static void EventsInOrderOnTheMainThread()
    {
        foreach (PollIn pollIn in new[] { PollIn.Update, PollIn.PreUpdate, PollIn.Manual })
        {
            const int Messages = 5000;
            Scene.Play();
            int sockets = Scene.Sockets(), main = Thread.CurrentThread.ManagedThreadId, next = 0;
            string registry = Scene.Registry();
            SinewServerBehaviour one = Scene.World("one", registry, true, pollIn), two = Scene.World("two", registry, false, pollIn);
            two.pollBudgetMicroseconds = 0;
            var seen = new List<string>();
            Action<string> see = what =>
            {
                Same(main, Thread.CurrentThread.ManagedThreadId, "the thread of " + what);
                seen.Add(what);
            };
            two.Started += (sender, e) => see("started");
            two.ServerJoined += (sender, e) => see("joined " + e.RemoteServer.Name);
            two.ServerConnected += (sender, e) => see("connected " + e.RemoteServer.Name);
            two.ServerDisconnected += (sender, e) => see("disconnected " + e.Reason);
            two.ServerLeft += (sender, e) => see("left " + e.Reason);
            two.MessageReceived += (sender, e) =>
            {
                Same(main, Thread.CurrentThread.ManagedThreadId, "the thread of a message");
                Same(next++, e.GetReader().ReadInt32(), "a message's number");
                Check(ReferenceEquals(sender, two.Server), "the sender is the server");
            };
            var writer = new MessageWriter();
            one.ServerConnected += (sender, e) =>
            {
                for (int n = 0; n < Messages; n++) Check(e.RemoteServer.SendMessage(1, writer.Clear().WriteInt32(n)), "it is taken");
            };
            Scene.Activate(one, two);
            Action frame = () =>
            {
                if (pollIn != PollIn.Manual) return;
                one.Poll();
                two.Poll();
            };
            Scene.Until(() => { frame(); return next == Messages; });
            UnityEngine.Object.Destroy(one.gameObject);
            Scene.Until(() => { frame(); return seen.Count == 5; });
            Same("started, joined one, connected one, disconnected PeerStopped, left Stopped", string.Join(", ", seen.ToArray()), "what was seen");
            EditorEngine.ExitPlayMode();
            Scene.NothingLeft(sockets);
        }
    }

    private static void InspectorEvents()
    {
        Scene.Play();
        string registry = Scene.Registry();
        SinewServerBehaviour one = Scene.World("one", registry, true), two = Scene.World("two", registry);
        var seen = new List<string>();
        one.unityEvents.started.AddListener(() => seen.Add("started"));
        one.unityEvents.serverJoined.AddListener(server => seen.Add("joined " + server.Name));
        one.unityEvents.serverConnected.AddListener(server => seen.Add("connected " + server.Name));
        one.unityEvents.messageReceived.AddListener((server, tag, data) => seen.Add("message " + tag + " of " + data.Length));
        one.unityEvents.messageReceived.Persistent = 1;
        one.unityEvents.requestReceived.AddListener((request, data) =>
        {
            seen.Add("request " + request.Tag + " of " + data.Length);
            request.Reply(new byte[] { 9 });
        });
        one.unityEvents.requestReceived.Persistent = 1;
        // When it stops, it says that it is draining, if there is time.
        one.unityEvents.serverUpdated.AddListener(server =>
        {
            if (server.Readiness != Readiness.Draining && !seen.Contains("updated harbour")) seen.Add("updated " + server.Properties["map"]);
        });
        one.unityEvents.serverDisconnected.AddListener((server, reason) => seen.Add("disconnected " + reason));
        one.unityEvents.serverLeft.AddListener((server, reason) => seen.Add("left " + reason));
        one.unityEvents.stopped.AddListener(reason => seen.Add("stopped " + reason));
        int lines = 0;
        one.unityEvents.logged.AddListener((level, text) => lines++);
        ServerRequest asked = null;
        two.ServerConnected += (sender, e) =>
        {
            e.RemoteServer.SendMessage(3, new byte[4]);
            asked = e.RemoteServer.Request(5, new byte[6]);
        };
        Scene.Activate(one, two);
        Scene.Until(() => asked != null && asked.IsCompleted);
        Same(1, asked.Reply.Data.Length, "the length of the answer");
        two.Server.SetProperty("map", "harbour");
        Scene.Until(() => seen.Contains("updated harbour"));
        two.StopServer();
        Scene.Until(() => seen.Contains("left Stopped"));
        one.StopServer();
        Scene.Until(() => one.Server == null);
        Same("started, joined two, connected two, message 3 of 4, request 5 of 6, updated harbour, disconnected PeerStopped, left Stopped, " +
            "stopped Requested", string.Join(", ", seen.ToArray()), "what was seen");
        Check(lines > 0, "the log was heard");
        EditorEngine.ExitPlayMode();
    }

    private static void DisabledAndEnabledAgain()
    {
        Scene.Play();
        int sockets = Scene.Sockets();
        string registry = Scene.Registry();
        SinewServerBehaviour one = Scene.World("one", registry, true), two = Scene.World("two", registry);
        int connected = 0, heard = 0;
        two.ServerConnected += (sender, e) => connected++;
        EventHandler<RemoteServerEventArgs> extra = (sender, e) => heard++;
        two.ServerConnected += extra;
        Scene.Activate(one, two);
        Scene.Until(() => connected == 1);
        for (int round = 2; round <= 5; round++)
        {
            SinewServer before = two.Server;
            two.enabled = false;
            Check(two.Server == null && before.IsDisposed, "it has ended");
            if (round == 4) two.ServerConnected -= extra;
            two.enabled = true;
            Check(two.Server != null && !ReferenceEquals(before, two.Server), "another one runs");
            Scene.Until(() => connected == round);
        }
        Same(3, heard, "what a handler heard until it was removed");
        one.gameObject.SetActive(false);
        two.gameObject.SetActive(false);
        Scene.NothingLeft(sockets);
        EditorEngine.ExitPlayMode();
    }

    private static void GracefulStop()
    {
        Scene.Play();
        string registry = Scene.Registry();
        SinewServerBehaviour one = Scene.World("one", registry, true), two = Scene.World("two", registry, false, PollIn.PreUpdate);
        int received = 0;
        StopReason? reason = null;
        one.MessageReceived += (sender, e) => received++;
        two.Stopped += (sender, e) => reason = e.Reason;
        two.ServerConnected += (sender, e) =>
        {
            for (int n = 0; n < 1000; n++) e.RemoteServer.SendMessage(1, new byte[100]);
            two.StopServer();
        };
        Scene.Activate(one, two);
        Scene.Until(() => two.Server == null);
        Same((StopReason?)StopReason.Requested, reason, "the reason");
        Scene.Until(() => received == 1000);
        two.StopServer();
        Same(0, two.Poll(), "events of a server that is gone");
        EditorEngine.ExitPlayMode();
    }

    private static void ReplacedByAnother()
    {
        Scene.Play();
        string registry = Scene.Registry();
        SinewServerBehaviour host = Scene.World("host", registry, true), one = Scene.World("one", registry), two = Scene.World("one", registry);
        StopReason? reason = null;
        bool started = false;
        one.Started += (sender, e) => started = true;
        one.Stopped += (sender, e) => reason = e.Reason;
        Scene.Activate(host, one);
        Scene.Until(() => started);
        Scene.Activate(two);
        Scene.Until(() => one.Server == null);
        Same((StopReason?)StopReason.Replaced, reason, "the reason");
        Check(one.isActiveAndEnabled && two.Server != null, "the component is still there, and the other server runs");
        EditorEngine.ExitPlayMode();
    }

    private static void DisabledInAHandler()
    {
        foreach (PollIn pollIn in new[] { PollIn.Update, PollIn.PreUpdate })
        {
            Scene.Play();
            int sockets = Scene.Sockets(), after = 0;
            string registry = Scene.Registry();
            SinewServerBehaviour one = Scene.World("one", registry, true, pollIn), two = Scene.World("two", registry, false, pollIn);
            two.ServerConnected += (sender, e) => two.gameObject.SetActive(false);
            two.ServerDisconnected += (sender, e) => after++;
            Scene.Activate(one, two);
            Scene.Until(() => two.Server == null);
            one.gameObject.SetActive(false);
            Same(0, after, "events after the end");
            Scene.NothingLeft(sockets);
            Same("", string.Join("", Errors().ToArray()), "the errors in the console");
            EditorEngine.ExitPlayMode();
        }
    }

    private static List<string> Errors()
    {
        var errors = new List<string>();
        foreach (Engine.Line line in Engine.Log)
        {
            if (line.Type == LogType.Error || line.Type == LogType.Exception) errors.Add(line.Text);
        }
        return errors;
    }

    private static void ExceptionInAHandler()
    {
        Scene.Play();
        SinewServerBehaviour one = Scene.World("one", Scene.Registry(), true);
        string during = null;
        int second = 0;
        one.Started += (sender, e) => { throw new InvalidOperationException("a bug of the game"); };
        one.Started += (sender, e) => second++;
        one.HandlerFailed += (sender, e) => during = e.During;
        Scene.Activate(one);
        Scene.Until(() => second == 1);
        Same("Started", during, "what failed");
        Engine.Line line = Engine.Log.Find(it => it.Type == LogType.Exception);
        Check(line.Text.Contains("a bug of the game") && ReferenceEquals(line.Context, one), "the console has it: " + Scene.Console());
        EditorEngine.ExitPlayMode();
    }

    private static void MistakesAreTold()
    {
        Scene.Play();
        SinewServerBehaviour one = Scene.World("one", Scene.Registry(), true);
        string told = null, inspector = null;
        one.StartFailed += why => told = why;
        one.unityEvents.startFailed.AddListener(why => inspector = why);
        one.settings.more = "limits.outbox_byte = 1";
        Scene.Enable(one);
        Check(told != null && told.Contains("did you mean limits.outbox_bytes?"), "the sentence: " + told);
        Same(told, inspector, "what the inspector's listener heard");
        Same(told, one.Mistake, "the mistake");
        Check(one.Server == null && !one.StartServer(), "it does not run");
        Engine.Line line = Engine.Log.Find(it => it.Type == LogType.Error);
        Check(line.Text == "Sinew: " + told && ReferenceEquals(line.Context, one), "the console has it: " + Scene.Console());
        Throws<InvalidOperationException>(one.Reload, "StartServer()");

        one.settings.source = ConfigurationSource.Asset;
        Check(!one.StartServer() && one.Mistake.Contains("none is assigned"), one.Mistake);
        one.settings.source = ConfigurationSource.File;
        one.settings.file = "no/such/file.toml";
        Check(!one.StartServer() && one.Mistake.Contains("file.toml"), one.Mistake);

        one.settings.source = ConfigurationSource.Fields;
        one.settings.more = "";
        Check(one.StartServer() && one.Mistake == null, "it runs when the mistake is gone");
        Check(one.StartServer(), "it runs already");
        EditorEngine.ExitPlayMode();
    }

    private static void LogInTheConsole()
    {
        Scene.Play();
        SinewServerBehaviour one = Scene.World("one", Scene.Registry(), true);
        one.settings.logLevel = LogLevel.Debug;
        Scene.Activate(one);
        Scene.Until(() => Engine.Log.Exists(it => it.Type == LogType.Warning) && Engine.Log.Exists(it => it.Type == LogType.Log));
        Check(Engine.Log.TrueForAll(it => it.Text.StartsWith("Sinew: ") && ReferenceEquals(it.Context, one)), Scene.Console());
        one.gameObject.SetActive(false);

        Engine.Log.Clear();
        one.logToConsole = false;
        one.settings.more = "log.to = 'none'";
        // Nobody answers there.
        one.settings.registryAddresses = new[] { Scene.Registry() };
        one.settings.hostRegistry = false;
        one.settings.registryListen = "";
        bool lost = false;
        one.RegistryLost += (sender, e) => lost = e.Text.Length > 0;
        Scene.Activate(one);
        Scene.Until(() => lost);
        Same("", Scene.Console(), "the console");
        EditorEngine.ExitPlayMode();
    }

    private static void BudgetOfAFrame()
    {
        Scene.Play();
        string registry = Scene.Registry();
        SinewServerBehaviour one = Scene.World("one", registry, true), two = Scene.World("two", registry);
        int received = 0, most = 0, inFrame = 0;
        two.pollBudgetMicroseconds = 1;
        two.MessageReceived += (sender, e) =>
        {
            most = Math.Max(most, ++inFrame);
            // Longer than that, however fast the machine is.
            for (Stopwatch watch = Stopwatch.StartNew(); watch.ElapsedTicks < Stopwatch.Frequency / 100000; ) { }
        };
        two.MessageReceived += (sender, e) => received++;
        one.ServerConnected += (sender, e) =>
        {
            for (int n = 0; n < 200; n++) e.RemoteServer.SendMessage(1, new byte[1]);
        };
        Scene.Activate(one, two);
        Scene.Until(() => { inFrame = 0; return received == 200; });
        Same(1, most, "messages in one frame");
        EditorEngine.ExitPlayMode();
    }

    private static void ReloadedWhileItRuns()
    {
        Scene.Play();
        SinewServerBehaviour one = Scene.World("one", Scene.Registry(), true);
        bool started = false;
        one.Started += (sender, e) => started = true;
        Scene.Activate(one);
        Scene.Until(() => started);
        string before = one.Configuration;
        Check(before.Contains("server.name = \"one\""), before);
        one.settings.topology = new[]
        {
            new GroupSettings { name = "world", connectsTo = new[] { "world", "chat" } },
            new GroupSettings { name = "chat" },
        };
        one.Reload();
        Same(2, one.Server.GetAllGroups().Length, "the number of groups");
        Check(one.Configuration.Contains("chat"), one.Configuration);
        one.settings.serverName = "another";
        Refused(SinewResult.InvalidConfig, "server.name", one.Reload);
        Check(!one.Configuration.Contains("another"), one.Configuration);
        EditorEngine.ExitPlayMode();
    }

    private static void FromAFile()
    {
        Scene.Play();
        string file = System.IO.Path.GetTempFileName();
        System.IO.File.WriteAllText(file, Alone);
        SinewServerBehaviour one = Scene.World("unused", Scene.Registry());
        one.settings.source = ConfigurationSource.File;
        one.settings.file = file;
        Scene.Activate(one);
        Same("w1", one.Server.Name, "the name");
        one.gameObject.SetActive(false);
        one.settings.source = ConfigurationSource.Asset;
        one.settings.asset = new TextAsset(Alone.Replace("w1", "w2"));
        Scene.Activate(one);
        Same("w2", one.Server.Name, "the name");
        System.IO.File.Delete(file);
        EditorEngine.ExitPlayMode();
    }

    private static void KeptBetweenScenes()
    {
        Scene.Play();
        SinewServerBehaviour one = Scene.World("one", Scene.Registry(), true), two = Scene.World("two", Scene.Registry(), true);
        Application.runInBackground = false;
        one.dontDestroyOnLoad = true;
        two.runInBackground = false;
        Scene.Enable(two);
        Check(!Application.runInBackground && !Engine.Kept.Contains(two.gameObject), "it is left alone");
        Scene.Enable(one);
        Check(Application.runInBackground && Engine.Kept.Contains(one.gameObject), "it is kept");
        EditorEngine.ExitPlayMode();
    }

    /// <summary>Between two components, over frames: what the core promises holds through this layer, too.</summary>
    private static void NoGarbage()
    {
        Scene.Play();
        string registry = Scene.Registry();
        SinewServerBehaviour one = Scene.World("one", registry, true), two = Scene.World("two", registry);
        IRemoteServer to = null;
        int received = 0;
        one.ServerConnected += (sender, e) => to = e.RemoteServer;
        two.MessageReceived += (sender, e) => received++;
        Scene.Activate(one, two);
        Scene.Until(() => to != null);
        var payload = new byte[64];
        Func<int, long> cost = count =>
        {
            received = 0;
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int sent = 0; received < count;)
            {
                for (int burst = 0; burst < 100 && sent < count && to.SendMessage(1, payload); burst++) sent++;
                one.Poll();
                two.Poll();
            }
            return GC.GetAllocatedBytesForCurrentThread() - before;
        };
        cost(20000);
        // What the runtime itself allocates now and then is not in all of them.
        long lowest = Math.Min(cost(100000), Math.Min(cost(100000), cost(100000)));
        Same(0L, lowest, "the bytes that 100000 messages cost");
        EditorEngine.ExitPlayMode();
    }
}
