// What careless programs do: every mistake is answered, with a sentence that helps, and nothing crashes. The twin of tests/c/misuse.c.
using System;
using System.IO;
using System.Threading;
using Sinew;
using static Support;

internal static class Misuse
{
    internal static readonly Action[] All =
    {
        ResultsHaveWords, Starting, Arguments, Reloading, Questions, TwoThreadsPoll, AfterTheEnd, OnePortTwoServers, AConnectorWithoutItsServer,
        AnExternalRegistryWithoutConnector,
    };

    private const string Alone = "log.to = 'none'\nserver.group = 'world'\nserver.name = 'alone'\n" +
        "groups.world.connects_to = ['world', 'lobby']\ngroups.lobby.visibility = 'external'\ngroups.chat.connects_to = []\n" +
        "registry.host = true\nregistry.listen = '127.0.0.1:0'\n";

    private static readonly byte[] One = new byte[1];

    private static void ResultsHaveWords()
    {
        foreach (SinewResult result in (SinewResult[])Enum.GetValues(typeof(SinewResult)))
        {
            string words = result.Describe();
            Check(words.Length > 1 && !words.StartsWith("UNKNOWN: "), result + ": " + words);
        }
        Check(((SinewResult)11).Describe().StartsWith("UNKNOWN: "));
        Check(SinewServer.NativeVersion.IndexOf('.') > 0);
    }

    private static void Starting()
    {
        Throws<ArgumentNullException>(() => SinewServer.Start(null));
        Throws<ArgumentNullException>(() => SinewServer.StartFile(null));
        Refused(SinewResult.InvalidConfig, "server.group", () => SinewServer.Start(""));
        Refused(SinewResult.InvalidUtf8, "surrogate", () => SinewServer.Start("server.group = 'w\ud800'"));
        Refused(SinewResult.InvalidConfig, "line 5", () => SinewServer.Start("[server]\ngroup = 'world'\n\n[limits]\noutbox_byte = 4096\n\n[groups.world]\n"));
        Refused(SinewResult.InvalidConfig, "limits.outbox_bytes?", () => SinewServer.Start("server.group = 'world'\nlimits.outbox_byte = 4096\ngroups.world = {}"));
        Refused(SinewResult.InvalidConfig, "", () => SinewServer.Start(Alone + "\0"));
        Refused(SinewResult.InvalidConfig, "no/such/file.toml", () => SinewServer.StartFile("no/such/file.toml"));
        Refused(SinewResult.InvalidConfig, "", () => SinewServer.StartFile("a\0b"));
        string file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, Alone);
            using (SinewServer server = SinewServer.StartFile(file)) Same("alone", server.Name, "the name");
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static void Arguments()
    {
        using (SinewServer server = SinewServer.Start(Alone))
        {
            bool started = false;
            server.Started += (sender, e) => started = true;
            Until(() => started, server);
            Check(server.ServerId != 0);
            Refused(SinewResult.InvalidArgument, "0 is no server id", () => server.TrySend(0, 1, One));
            Refused(SinewResult.InvalidArgument, "", () => server.TrySend(1UL << 53, 1, One));
            Refused(SinewResult.InvalidArgument, "", () => server.SendMessage(ulong.MaxValue, 1, One));
            Same(SinewResult.UnknownServer, server.TrySend((1UL << 53) - 1, 1, One), "TrySend");
            Check(SinewServer.LastError.Contains("9007199254740991"), SinewServer.LastError);
            Same(SinewResult.UnknownServer, server.TrySend(server.ServerId, 1, default(ReadOnlySpan<byte>)), "TrySend to itself");
            Refused(SinewResult.InvalidArgument, "the mode 0x2 has unknown bits", () => server.TrySend(server.ServerId, 1, One, (SendMode)2));
            Refused(SinewResult.InvalidArgument, "4 is no lane", () => server.TrySend(server.ServerId, 1, One, SendMode.Lane3 + 0x100));

            Same(SinewResult.UnknownGroup, server.Broadcast("wrld", 1, One).Result, "Broadcast");
            Check(SinewServer.LastError.Contains("`wrld`") && SinewServer.LastError.Contains("lobby, world"), SinewServer.LastError);
            Same(SinewResult.UnknownGroup, server.Broadcast("chat", 1, One).Result, "Broadcast");
            Same(SinewResult.UnknownGroup, server.Broadcast("", 1, One).Result, "Broadcast");
            Throws<ArgumentNullException>(() => server.Broadcast((string)null, 1, One));
            Refused(SinewResult.InvalidUtf8, "surrogate", () => server.Broadcast("\udc00", 1, One));
            Refused(SinewResult.InvalidArgument, "", () => server.Broadcast("world", 1, One, (SendMode)9));
            BroadcastResult nobody = server.Broadcast("world", 1, One);
            Check(nobody.Result == SinewResult.Ok && nobody.Sent == 0 && nobody.Missed == 0);

            ulong to;
            Same(SinewResult.NoCandidate, server.SendAny("world", SelectionPolicy.RoundRobin, 1, One, out to), "SendAny");
            Refused(SinewResult.InvalidArgument, "9 is no policy", () => server.SendAny("world", (SelectionPolicy)9, 1, One, out to));
            Refused(SinewResult.InvalidArgument, "a key of length 0", () => server.SendAny("world", SelectionPolicy.Key, 1, One, out to));
            Throws<ArgumentOutOfRangeException>(() => server.RequestAny("world", SelectionPolicy.RoundRobin, 1, One, 1, -1));
            ServerRequest unknown = server.Request(77, 1, One);
            Check(unknown.IsCompleted && unknown.Failure == RequestFailure.NotSent && unknown.Result == SinewResult.UnknownServer && unknown.Id == 0);
            Same(RequestFailure.NotSent, Throws<RequestFailedException>(() => unknown.Reply.GetReader(), "77").Failure, "the failure");
            Same(SinewResult.NoCandidate, server.RequestAny("world", SelectionPolicy.LeastLoaded, 1, One).Result, "RequestAny");
            Check(!unknown.Cancel());
            Same(SinewResult.UnknownRequest, default(ReceivedRequest).Reply(One), "a request that never was");

            Throws<ArgumentNullException>(() => server.SetProperty(null, "a"));
            Refused(SinewResult.InvalidArgument, "`load` cannot be `much`", () => server.SetProperty("load", "much"));
            Refused(SinewResult.InvalidArgument, "", () => server.SetProperty("", "a"));
            Refused(SinewResult.InvalidArgument, "", () => server.SetProperty("long", new string('x', 5000)));
            server.SetProperty("map", "d\u00fcne \U0001f3ae");
            Same("d\u00fcne \U0001f3ae", server.GetProperty("map"), "the property");
            server.SetProperty("map", "");
            Same("", server.GetProperty("map"), "the property");
            server.SetProperty("map", null);
            Same(null, server.GetProperty("map"), "the property");
        }
    }

    private static void Reloading()
    {
        using (SinewServer server = SinewServer.Start(Alone))
        {
            const string More = "groups.later.connects_to = ['world']\nlimits.drain_ms = 1234\n";
            int before = server.GetAllGroups().Length;
            Throws<ArgumentNullException>(() => server.Reload(null));
            Refused(SinewResult.InvalidConfig, "", () => server.Reload("limit"));
            Refused(SinewResult.InvalidConfig, "server.app_version from \"\" to \"other\"", () => server.Reload(Alone + More + "server.app_version = 'other'\n"));
            Same(before, server.GetAllGroups().Length, "groups");
            server.Reload(Alone + More);
            Same(before + 1, server.GetAllGroups().Length, "groups");
            IServerGroup later = server["later"];
            server.Reload(Alone);
            Same(before, server.GetAllGroups().Length, "groups");
            Check(server.GetGroup("later") == null && later.Count == 0 && later.Visibility == ServerVisibility.None);
        }
    }

    private static void Questions()
    {
        using (SinewServer server = SinewServer.Start(Alone))
        {
            Check(server.Group == "world" && server.Name == "alone" && server.Host == "127.0.0.1" && server.Port != 0);
            Same(ServerVisibility.Internal, server.Visibility, "the visibility");
            IServerGroup[] groups = server.GetAllGroups();
            Check(groups.Length == 2 && groups[0].Name == "lobby" && groups[1].Name == "world");
            Check(groups[0].Visibility == ServerVisibility.External && groups[0].Direction == ServerConnectionDirection.Outgoing);
            Same(ServerConnectionDirection.Outgoing | ServerConnectionDirection.Incoming, groups[1].Direction, "the direction");
            Check(groups[1].Count == 0 && groups[1].GetAllRemoteServers().Length == 0);
            Check(ReferenceEquals(groups[1], server["world"]) && ReferenceEquals(groups[1], server.GetGroup("world")));
            Check(server.GetGroup("wrld") == null && server.GetGroup("chat") == null);
            Throws<System.Collections.Generic.KeyNotFoundException>(() => server["chat"].GetHashCode(), "`chat`");
            Throws<System.Collections.Generic.KeyNotFoundException>(() => server["world"][7].GetHashCode(), "7");
            Throws<ArgumentNullException>(() => server.GetGroup(null));
            IRemoteServer none;
            Check(server.FindServer(0) == null && server.FindServer(ulong.MaxValue) == null && !server.TryFindServer(12345, out none) && none == null);
            Refused(SinewResult.InvalidArgument, "0 is no server id", () => server.Explain(0));
            Check(server.Explain(12345) == null);
            ServerStats stats = server.Stats();
            Check(stats.Servers == 0 && stats.Connected == 0 && stats.MessagesSent == 0 && stats.CeilingBytes > 0);
        }
    }

    private static bool AnotherPolls(InvalidOperationException exception)
    {
        return exception.Message.Contains("another thread");
    }

    private static void TwoThreadsPoll()
    {
        using (SinewServer server = SinewServer.Start(Alone))
        {
            bool polls = false;
            var sleeper = new Thread(() =>
            {
                while (!server.IsStopped)
                {
                    try
                    {
                        server.WaitAndPoll(-1);
                        Volatile.Write(ref polls, true);
                    }
                    catch (InvalidOperationException exception) when (AnotherPolls(exception))
                    {
                        // It polls at this moment, to see whether this one does.
                    }
                }
            });
            sleeper.Start();
            Until(() => Volatile.Read(ref polls));
            // It is between two polls only for a moment.
            Until(() =>
            {
                try
                {
                    server.Poll();
                    return false;
                }
                catch (InvalidOperationException exception) when (AnotherPolls(exception))
                {
                    return true;
                }
            });
            server.Stats();
            server.Stop();
            server.Stop();
            Same(SinewResult.Stopped, server.TrySend(1, 1, One), "TrySend");
            Same(SinewResult.Stopped, server.Broadcast("world", 1, One).Result, "Broadcast");
            Check(sleeper.Join(PatienceMs));
        }
    }

    private static void AfterTheEnd()
    {
        using (SinewServer server = SinewServer.Start(Alone))
        {
            server.Stop();
            Until(() => server.IsStopped, server);
            for (int n = 0; n < 3; n++) Same(0, server.WaitAndPoll(-1), "events");
            Same(SinewResult.Stopped, server.TrySend(1, 1, One), "TrySend");
            server.Stop();
            server.Stats();
        }
    }

    private static void OnePortTwoServers()
    {
        string config = "server.listen = '127.0.0.1:" + FreePort() + "'\n" + Alone;
        SinewServer first = SinewServer.Start(config);
        Refused(SinewResult.AddressInUse, "server.listen", () => SinewServer.Start(config));
        first.Dispose();
        SinewServer.Start(config).Dispose();
    }

    private sealed class Idle : ServerRegistryConnector
    {
        protected override void RegisterServer(ServerRegistration entry)
        {
        }

        protected override void DeregisterServer(ulong id)
        {
        }

        internal SinewResult Report()
        {
            return HandleServerLeave(7);
        }
    }

    private static void AConnectorWithoutItsServer()
    {
        var connector = new Idle();
        Throws<InvalidOperationException>(() => connector.Report(), "SinewServer.Start");
        using (SinewServer.Start(Alone, connector))
        {
            Refused(SinewResult.InvalidState, "registry.kind", () => connector.Report());
        }
        Same(SinewResult.Stopped, connector.Report(), "a report afterwards");
        // It stays that server's; and of the server that does not get it nothing is left.
        int descriptors = Descriptors();
        Throws<InvalidOperationException>(() => SinewServer.Start(Alone, connector), "another server");
        Same(descriptors, Descriptors(), "descriptors after a start that failed");
    }

    private static void AnExternalRegistryWithoutConnector()
    {
        string why = null;
        using (SinewServer server = SinewServer.Start("log.to = 'none'\nserver.group = 'world'\ngroups.world.connects_to = ['world']\nregistry.kind = 'external'\n"))
        {
            server.RegistryLost += (sender, e) => why = e.Text;
            Until(() => why != null, server);
        }
        Check(why.Contains("ServerRegistryConnector"), why);
    }
}
