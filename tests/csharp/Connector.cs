// A cluster whose registry the program connects itself: first with FileRegistry, two processes, one that leaves, one that is killed and a folder
// that is away for a while (the twin of tests/c/file_registry.c); then every report there is, by hand.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.IO;
using Sinew;
using static Support;

internal static class Connector
{
    internal static readonly Action[] All = { ARegistryOfFiles, EveryReport, AHandleThatJoinsAgain, OneThatThrows, AnEntryDoesNotOutliveItsServer };

    private const int LeaseMs = 600;
    private const ushort Hello = 1, Leave = 2;

    private sealed class Side : IDisposable
    {
        internal readonly SinewServer Server;
        internal readonly FileRegistry Registry;
        internal IRemoteServer Other;
        internal bool Started, Connected, Left, ToldToLeave;
        internal int Joined, Hellos, Lost, Restored;

        internal Side(string folder, string group)
        {
            Registry = new FileRegistry(folder, LeaseMs);
            Server = SinewServer.Start("log.to = 'none'\nserver.group = '" + group + "'\nserver.properties.map = 'd\u00fcne'\n" +
                "groups.lobby.connects_to = ['world']\ngroups.world.visibility = 'external'\nlimits.resume_window_ms = 100\n" +
                "limits.reconnect_attempts = 2\nregistry.kind = 'external'\n", Registry);
            Server.Started += (sender, e) => Started = Registry.Id == Server.ServerId;
            Server.ServerJoined += (sender, e) =>
            {
                Other = e.RemoteServer;
                Check(Other.Properties["map"] == "d\u00fcne");
                Joined++;
                Connected = Left = false;
            };
            Server.ServerConnected += (sender, e) =>
            {
                Connected = true;
                Check(e.RemoteServer.SendMessage(Hello, new byte[5]));
            };
            Server.MessageReceived += (sender, e) =>
            {
                if (e.Tag == Hello && e.Data.Length == 5) Hellos++;
                if (e.Tag == Leave) ToldToLeave = true;
            };
            Server.ServerLeft += (sender, e) => Left = true;
            Server.RegistryLost += (sender, e) => Lost += e.Text.Length > 0 ? 1 : 0;
            Server.RegistryRestored += (sender, e) => Restored++;
            // What the connector throws while the folder is away is the reason it gives.
            Server.HandlerFailed += (sender, e) => Check(e.During == "RegisterServer" && e.Exception is IOException, e.Exception.ToString());
        }

        internal void Until(Func<bool> condition)
        {
            Stopwatch watch = Stopwatch.StartNew();
            while (!condition())
            {
                Server.WaitAndPoll(10);
                Registry.Tick();
                Check(watch.ElapsedMilliseconds < PatienceMs, "what was waited for came");
            }
        }

        internal void End()
        {
            Server.Stop();
            Until(() => Server.IsStopped);
            Same(0UL, Registry.Id, "its id after the goodbye");
            Server.Dispose();
        }

        public void Dispose()
        {
            Server.Dispose();
        }
    }

    internal static int Child(string[] arguments)
    {
        using (var here = new Side(arguments[2], "lobby"))
        {
            here.Until(() => here.ToldToLeave);
            here.End();
        }
        return 0;
    }

    private static void ARegistryOfFiles()
    {
        string folder = Path.Combine(Path.GetTempPath(), "sinew-" + Guid.NewGuid().ToString("N")), away = folder + "-away";
        Directory.CreateDirectory(away);
        try
        {
            // Without the folder there is no registration, and one word about that.
            using (var here = new Side(folder, "world"))
            {
                here.Until(() => here.Lost == 1);
                Directory.Move(away, folder);
                here.Until(() => here.Started && here.Restored == 1);
                using (Process child = Support.Child("child", "connector", folder))
                {
                    here.Until(() => here.Joined == 1 && here.Connected && here.Hellos == 1);
                    // An outage harms nobody.
                    Directory.Move(folder, away);
                    here.Until(() => here.Lost == 2);
                    Check(here.Connected && !here.Left);
                    Directory.Move(away, folder);
                    here.Until(() => here.Restored == 2);
                    int frames = 0;
                    here.Until(() => ++frames > 50);
                    Check(here.Connected && !here.Left && here.Joined == 1);
                    Check(here.Other.SendMessage(Leave, new byte[0]));
                    here.Until(() => here.Left);
                    Check(child.WaitForExit(PatienceMs) && child.ExitCode == 0, "the child ends well");
                }
                ulong first = here.Other.Id;
                using (Process child = Support.Child("child", "connector", folder))
                {
                    here.Until(() => here.Joined == 2 && here.Connected && here.Hellos == 2);
                    Check(here.Other.Id != first);
                    child.Kill();
                    here.Until(() => here.Left);
                    Check(child.WaitForExit(PatienceMs));
                }
                here.End();
            }
        }
        finally
        {
            if (Directory.Exists(folder)) Directory.Delete(folder, true);
            if (Directory.Exists(away)) Directory.Delete(away, true);
        }
    }

    /// <summary>Does nothing by itself, and lets the test report.</summary>
    private sealed class ByHand : ServerRegistryConnector
    {
        internal ServerRegistration Me;
        internal ulong Deregistered;
        internal readonly List<ulong> Failed = new List<ulong>();
        internal Exception Throws;

        protected override void RegisterServer(ServerRegistration entry)
        {
            if (Throws != null)
            {
                Exception once = Throws;
                Throws = null;
                throw once;
            }
            Me = entry;
        }

        protected override void DeregisterServer(ulong id)
        {
            Deregistered = id;
        }

        protected override void HandleConnectionFailure(IRemoteServer server)
        {
            Failed.Add(server.Id);
        }

        internal SinewResult Accept(ulong id) { return Registered(id); }

        internal SinewResult Deny(string why) { return RegisterFailed(why); }

        internal SinewResult Join(ServerRegistration entry) { return HandleServerJoin(entry); }

        internal SinewResult Leave(ulong id) { return HandleServerLeave(id); }

        internal SinewResult Begin() { return BeginSnapshot(); }

        internal SinewResult End() { return EndSnapshot(); }

        internal SinewResult Lose(string why) { return HandleRegistryLost(why); }

        internal SinewResult Restore() { return HandleRegistryRestored(); }

        internal SinewServer Mine { get { return Server; } }
    }

    private const string External = "log.to = 'none'\nserver.group = 'world'\nserver.name = 'w1'\ngroups.world.connects_to = ['world']\n" +
        "groups.chat.connects_to = []\nlimits.reconnect_attempts = 1\nlimits.reconnect_min_ms = 1\nlimits.reconnect_max_ms = 2\nregistry.kind = 'external'\n";

    private static ServerRegistration Entry(ulong id, string name, ushort port = 1, IReadOnlyDictionary<string, string> properties = null)
    {
        return new ServerRegistration(id, "world", name, "127.0.0.1", port, properties);
    }

    private static void EveryReport()
    {
        var registry = new ByHand();
        using (SinewServer server = SinewServer.Start(External, registry))
        {
            Check(ReferenceEquals(server, registry.Mine));
            string why = null;
            bool started = false, restored = false;
            IRemoteServer joined = null;
            ServerLeftEventArgs left = null;
            StoppedEventArgs stopped = null;
            server.RegistryLost += (sender, e) => why = e.Text;
            server.RegistryRestored += (sender, e) => restored = true;
            server.Started += (sender, e) => started = true;
            server.ServerJoined += (sender, e) => joined = e.RemoteServer;
            server.ServerLeft += (sender, e) => left = e;
            server.Stopped += (sender, e) => stopped = e;
            Refused(SinewResult.InvalidState, "", () => registry.Join(Entry(7, "w2")));
            Until(() => registry.Me != null, server);
            Check(registry.Me.Group == "world" && registry.Me.Name == "w1" && registry.Me.Port == server.Port && registry.Me.Visibility == ServerVisibility.Internal);
            Refused(SinewResult.InvalidUtf8, "", () => registry.Deny("\ud800"));
            Same(SinewResult.Ok, registry.Deny("the folder is full"), "RegisterFailed");
            registry.Me = null;
            Until(() => why != null && registry.Me != null, server);
            Check(why.Contains("the folder is full"), why);
            Refused(SinewResult.InvalidArgument, "", () => registry.Accept(0));
            ulong id = registry.Me.Id;
            Same(SinewResult.Ok, registry.Accept(id), "Registered");
            Until(() => started, server);
            Same(id, server.ServerId, "the id");

            Throws<ArgumentNullException>(() => registry.Join(null));
            Throws<ArgumentNullException>(() => registry.Join(new ServerRegistration(7, null, "w2", "h", 1)));
            Refused(SinewResult.InvalidArgument, "", () => registry.Join(Entry(0, "w2")));
            Refused(SinewResult.InvalidArgument, "", () => registry.Join(Entry(7, "w2", 0)));
            Refused(SinewResult.InvalidArgument, "", () => registry.Join(Entry(7, "no name")));
            var properties = new Dictionary<string, string> { { "map", "d\u00fcne" }, { "nul", "a\0b" }, { "none", "" } };
            Same(SinewResult.Ok, registry.Join(Entry(7, "w2", 1, properties)), "HandleServerJoin");
            Same(SinewResult.AlreadyJoined, registry.Join(Entry(7, "w2", 1, properties)), "HandleServerJoin");
            Same(SinewResult.AlreadyJoined, registry.Join(Entry(7, "w2", 2, properties)), "HandleServerJoin");
            Until(() => joined != null, server);
            Check(joined.Id == 7 && joined.Name == "w2" && joined.Port == 1 && joined.Properties.Count == 3);
            Check(joined.Properties["map"] == "d\u00fcne" && joined.Properties["nul"] == "a\0b" && joined.Properties["none"] == "");
            Check(joined.RemoteEndPoints == null && joined.TrySend(1, new byte[1]) == SinewResult.NotConnected);
            IRemoteServer w2 = joined;
            // The lower id dials: a server that is not there, of a higher one, cannot be reached.
            Same(SinewResult.Ok, registry.Join(Entry(id + 1000, "w4")), "HandleServerJoin");
            Until(() => registry.Failed.Contains(id + 1000), server);
            Check(server.FindServer(id + 1000).Explain().Length > 0 && !registry.Failed.Contains(7));
            Same(SinewResult.Ok, registry.Leave(id + 1000), "HandleServerLeave");
            Until(() => left != null, server);
            left = null;

            Refused(SinewResult.InvalidState, "no snapshot has begun", () => registry.End());
            Same(SinewResult.Ok, registry.Begin(), "BeginSnapshot");
            Refused(SinewResult.InvalidState, "", () => registry.Begin());
            Same(SinewResult.Ok, registry.End(), "EndSnapshot");
            Until(() => left != null, server);
            Check(ReferenceEquals(left.RemoteServer, w2) && left.Reason == LeaveReason.Expired);
            Same(SinewResult.UnknownServer, registry.Leave(8), "HandleServerLeave");
            Refused(SinewResult.InvalidArgument, "", () => registry.Leave(0));
            why = null;
            restored = false;
            Same(SinewResult.Ok, registry.Restore(), "HandleRegistryRestored");
            Same(SinewResult.Ok, registry.Lose("gone"), "HandleRegistryLost");
            Same(SinewResult.Ok, registry.Lose("gone again"), "HandleRegistryLost");
            Until(() => why != null, server);
            Same("gone", why, "the reason");
            Same(SinewResult.Ok, registry.Restore(), "HandleRegistryRestored");
            Until(() => restored, server);

            // A newer server of its name ends it, and its own entry must go.
            Same(SinewResult.Ok, registry.Join(Entry(id + 1, "w1")), "HandleServerJoin");
            Until(() => stopped != null, server);
            Check(registry.Deregistered == id && stopped.Reason == StopReason.Replaced);
            Same(SinewResult.Stopped, registry.Join(Entry(9, "w3")), "HandleServerJoin");
            Same(SinewResult.Stopped, registry.Accept(id), "Registered");
        }
        Same(SinewResult.Stopped, registry.Begin(), "BeginSnapshot after Dispose");
        Same(SinewResult.Stopped, registry.End(), "EndSnapshot after Dispose");
        Same(SinewResult.Stopped, registry.Lose("x"), "HandleRegistryLost after Dispose");
        Same(SinewResult.Stopped, registry.Restore(), "HandleRegistryRestored after Dispose");
        Same(SinewResult.Stopped, registry.Join(Entry(9, "w3")), "HandleServerJoin after Dispose");
    }

    /// <summary>Who holds a handle, with its handlers, has the right one when the same id joins again.</summary>
    private static void AHandleThatJoinsAgain()
    {
        var registry = new ByHand();
        using (SinewServer server = SinewServer.Start(External, registry))
        {
            IRemoteServer joined = null;
            int joins = 0, lefts = 0, ofTheHandle = 0;
            server.ServerJoined += (sender, e) =>
            {
                joined = e.RemoteServer;
                joins++;
            };
            server.ServerLeft += (sender, e) => lefts++;
            Until(() => registry.Me != null, server);
            registry.Accept(registry.Me.Id);
            Until(() => registry.Join(Entry(7, "w2")) == SinewResult.Ok, server);
            Until(() => joins == 1, server);
            IRemoteServer before = joined;
            before.Left += (sender, e) => ofTheHandle++;
            registry.Leave(7);
            Until(() => lefts == 1, server);
            Check(server.FindServer(7) == null && before.ConnectionState == ConnectionState.Left);
            registry.Join(Entry(7, "w2"));
            Until(() => joins == 2, server);
            Check(ReferenceEquals(before, joined) && ReferenceEquals(before, server.FindServer(7)));
            registry.Leave(7);
            Until(() => lefts == 2, server);
            Same(2, ofTheHandle, "its handler was called");

            // A server that nobody holds is not kept for ever: a thousand come and go.
            for (ulong id = 100; id < 1100; id++)
            {
                int wanted = lefts + 1;
                registry.Join(Entry(id, "w2"));
                registry.Leave(id);
                Until(() => lefts == wanted, server);
            }
        }
    }

    private static void OneThatThrows()
    {
        var registry = new ByHand { Throws = new InvalidOperationException("no disk") };
        using (SinewServer server = SinewServer.Start(External, registry))
        {
            string why = null, during = null;
            server.RegistryLost += (sender, e) => why = e.Text;
            server.HandlerFailed += (sender, e) => during = e.During;
            Until(() => why != null && registry.Me != null, server);
            Check(why.Contains("no disk") && during == "RegisterServer", why + during);
        }
    }

    private static void AnEntryDoesNotOutliveItsServer()
    {
        var registry = new ByHand();
        using (SinewServer server = SinewServer.Start(External, registry))
        {
            Until(() => registry.Me != null, server);
            Same(SinewResult.Ok, registry.Accept(registry.Me.Id), "Registered");
        }
        Same(registry.Me.Id, registry.Deregistered, "what Dispose took out");

        var neverIn = new ByHand();
        using (SinewServer server = SinewServer.Start(External, neverIn)) Until(() => neverIn.Me != null, server);
        Same(0UL, neverIn.Deregistered, "what was never put in");
    }
}
