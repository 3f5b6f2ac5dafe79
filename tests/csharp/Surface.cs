// What a game sees of its cluster: groups, servers, their states and properties, in the one order of events; and that no number is missing.
using System;
using System.Collections.Generic;
using System.IO;
using System.Net;
using System.Text.RegularExpressions;
using Sinew;
using static Support;

internal static class Surface
{
    internal static readonly Action[] All = { TheWholeStory, MessagesOfEveryKind, PropertiesOfOthers, Broadcasting, NumbersAreComplete };

    private static readonly string Core = Environment.GetEnvironmentVariable("SINEW_ROOT") + "/unity/Runtime/Core";

    private static void TheWholeStory()
    {
        var story = new List<string>();
        string registry = "127.0.0.1:" + FreePort();
        using (SinewServer lobby = StartMember("lobby", registry, "registry.host = true\nregistry.listen = '" + registry + "'\nserver.name = 'l1'\n"))
        {
            lobby.Started += (sender, e) => story.Add("started");
            lobby.ServerJoined += (sender, e) => story.Add("joined " + e.RemoteServer.Name + " of " + e.ServerGroup.Name);
            lobby["world"].ServerJoined += (sender, e) =>
            {
                Check(ReferenceEquals(sender, lobby["world"]) && ReferenceEquals(e.ServerGroup, sender));
                story.Add("joined the group");
                e.RemoteServer.Connected += (s, c) => story.Add("its link is up");
                e.RemoteServer.Disconnected += (s, c) => story.Add("its link is down: " + c.Reason);
                e.RemoteServer.Left += (s, c) => story.Add("it left: " + c.Reason);
            };
            lobby.ServerConnected += (sender, e) => story.Add("connected");
            lobby["world"].ServerConnected += (sender, e) => story.Add("connected in the group");
            lobby.ServerDisconnected += (sender, e) => story.Add("disconnected, " + e.Unacknowledged + " lost, " + (e.Text.Length > 0));
            lobby.ServerLeft += (sender, e) => story.Add("left");
            lobby["world"].ServerLeft += (sender, e) => story.Add("left the group");
            lobby.Stopped += (sender, e) => story.Add("stopped");

            SinewServer world = StartMember("world", registry, "server.name = 'w1'\nserver.properties.map = 'd\u00fcne'\n");
            Until(() => story.Contains("connected"), lobby, world);
            IRemoteServer w1 = lobby["world"].GetAllRemoteServers()[0];
            Check(ReferenceEquals(w1, lobby.FindServer(w1.Id)) && ReferenceEquals(w1, lobby["world"][w1.Id]) && lobby["world"].Count == 1);
            Check(w1.Name == "w1" && w1.Host == "127.0.0.1" && w1.Port == world.Port && w1.ServerGroup.Name == "world" && w1.Id == world.ServerId);
            Same(ConnectionState.Connected, w1.ConnectionState, "the state");
            Same(ServerConnectionDirection.Outgoing, w1.ServerConnectionDirection, "the direction");
            Same("d\u00fcne", w1.Properties["map"], "the property");
            Same((EndPoint)new IPEndPoint(IPAddress.Loopback, world.Port), w1.RemoteEndPoints[0], "the end point");
            Check(w1.Explain().Contains("w1") && lobby.Explain(w1.Id) == w1.Explain());
            Until(() => w1.RoundTripTime != null, lobby, world);
            Check(w1.RoundTripTime < TimeSpan.FromSeconds(5) && w1.ToString() == "world/w1");
            world.Stop();
            Until(() => story.Contains("left"), lobby, world);
            world.Dispose();
            lobby.Stop();
            Until(() => lobby.IsStopped, lobby);
        }
        string expected = "started|joined the group|joined w1 of world|its link is up|connected in the group|connected|" +
            "its link is down: PeerStopped|disconnected, 0 lost, True|it left: Stopped|left the group|left|stopped";
        Same(expected, string.Join("|", story.ToArray()), "the story");
    }

    private static void MessagesOfEveryKind()
    {
        using (var pair = new Pair())
        {
            var seen = new List<string>();
            pair.World.MessageReceived += (sender, e) =>
            {
                Message message = e.GetMessage();
                Check(message.Tag == e.Tag && message.Data.Length == e.Data.Length);
                string text = message.Data.Length == 0 ? "nothing" : message.GetReader().ReadString();
                seen.Add(e.Tag + " " + e.SendMode.IsReliable() + " " + e.SendMode.Lane() + " " + text);
            };
            var writer = new MessageWriter();
            writer.WriteString("hello");
            Check(pair.ToWorld.SendMessage(65535, writer));
            Check(pair.ToWorld.SendMessage(1, default(ReadOnlySpan<byte>), SendMode.Reliable));
            Check(pair.ToWorld.SendMessage(new Message(2, writer), SendMode.Reliable));
            Check(pair.Lobby.SendMessage(pair.ToWorld.Id, 3, writer.ToArray(), SendMode.Reliable));
            pair.Until(() => seen.Count == 4);
            Same("65535 True 0 hello|1 True 0 nothing|2 True 0 hello|3 True 0 hello", string.Join("|", seen.ToArray()), "the messages");
            seen.Clear();
            Same(SinewResult.Ok, pair.ToWorld.TrySend(4, writer, SendMode.Reliable | SendMode.Lane3), "TrySend");
            pair.Until(() => seen.Count == 1);
            Same(SinewResult.Ok, pair.ToWorld.TrySend(5, writer.WrittenSpan, SendMode.Unreliable | SendMode.Lane1), "TrySend");
            pair.Until(() => seen.Count == 2);
            Same("4 True 3 hello|5 False 1 hello", string.Join("|", seen.ToArray()), "the messages");
            Same(SinewResult.MessageTooBig, pair.ToWorld.TrySend(6, new byte[17 << 20]), "17 MiB");
            Throws<ArgumentNullException>(() => pair.ToWorld.SendMessage(1, (MessageWriter)null));
            // Copied before the call returns, and whole whatever its size.
            var big = new byte[1 << 20];
            new Random(3).NextBytes(big);
            var copy = (byte[])big.Clone();
            bool same = false;
            pair.ToLobby.MessageReceived += (sender, e) => same = e.Tag == 7 && e.Data.SequenceEqual(copy);
            pair.World.MessageReceived += (sender, e) => { };
            seen.Clear();
            Check(pair.ToWorld.SendMessage(8, default(ReadOnlySpan<byte>)));
            pair.Until(() => seen.Count == 1);
            pair.World.HandlerFailed += (sender, e) => { };
            Check(pair.ToWorld.SendMessage(7, big));
            Array.Clear(big, 0, big.Length);
            pair.Until(() => same);
        }
    }

    private static void PropertiesOfOthers()
    {
        using (var pair = new Pair())
        {
            int updated = 0, onServer = 0;
            pair.ToWorld.Updated += (sender, e) => updated++;
            pair.Lobby.ServerUpdated += (sender, e) =>
            {
                Check(ReferenceEquals(e.RemoteServer, pair.ToWorld));
                onServer++;
            };
            Check(pair.ToWorld.Load == null && pair.ToWorld.Capacity == null && pair.ToWorld.Readiness == Readiness.Ready);
            IReadOnlyDictionary<string, string> before = pair.ToWorld.Properties;
            pair.World.SetProperty("load", "12.5");
            pair.World.SetProperty("capacity", "40");
            pair.World.SetProperty("state", "draining");
            pair.Until(() => pair.ToWorld.Properties.Count == 3);
            Check(before.Count == 0 && updated > 0 && updated == onServer);
            Check(pair.ToWorld.Load == 12.5 && pair.ToWorld.Capacity == 40 && pair.ToWorld.Readiness == Readiness.Draining);
            Check(pair.ToWorld.GetProperty("load") == "12.5" && pair.ToWorld.GetProperty("lode") == null);
            Check(pair.ToWorld.Properties["state"] == "draining");
            ulong to;
            Same(SinewResult.NoCandidate, pair.Lobby.SendAny("world", SelectionPolicy.RoundRobin, 1, new byte[0], out to), "SendAny");
            pair.World.SetProperty("state", null);
            pair.Until(() => pair.ToWorld.Readiness == Readiness.Ready);
            Same(SinewResult.Ok, pair.ToWorld.ServerGroup.SendAny(SelectionPolicy.LeastLoaded, 1, new byte[0], out to), "SendAny");
            Same(pair.ToWorld.Id, to, "the one chosen");
            Same(SinewResult.Ok, pair.Lobby.SendAny("world", SelectionPolicy.Key, 1, new byte[0], out to, SendMode.Reliable, new byte[] { 7 }), "SendAny");
        }
    }

    private static void Broadcasting()
    {
        using (var pair = new Pair("limits.outbox_bytes = 65536\n"))
        {
            int received = 0;
            pair.World.MessageReceived += (sender, e) => received++;
            Same(1, pair.ToWorld.ServerGroup.Broadcast(1, new byte[10]).Sent, "sent");
            Same(1, pair.Lobby.Broadcast("world", 1, new byte[10]).Sent, "sent");
            pair.Until(() => received == 2);
            var missed = new ulong[2];
            BroadcastResult result;
            do
            {
                result = pair.Lobby.Broadcast("world", 1, new byte[30000], SendMode.Reliable, missed);
            }
            while (result.Result == SinewResult.Ok);
            Check(result.Result == SinewResult.QueueFull && result.Sent == 0 && result.Missed == 1 && missed[0] == pair.ToWorld.Id);
            bool writable = false, ofTheServer = false;
            pair.ToWorld.Writable += (sender, e) => writable = true;
            pair.Lobby.Writable += (sender, e) => ofTheServer = true;
            pair.Until(() => writable && ofTheServer);
            Check(pair.Lobby.Stats().SendsRefused > 0 && pair.ToWorld.QueuedBytes <= 65536);
        }
    }

    /// <summary>A constant that the library gains must not be forgotten here: each has its place in an enum, or in the code.</summary>
    private static void NumbersAreComplete()
    {
        string used = "";
        foreach (string file in Directory.GetFiles(Core, "*.cs", SearchOption.AllDirectories))
        {
            if (Path.GetFileName(file) != "NativeMethods.cs") used += File.ReadAllText(file);
        }
        int constants = 0, functions = 0;
        foreach (string line in File.ReadAllLines(Core + "/Native/NativeMethods.cs"))
        {
            Match constant = Regex.Match(line, @"internal const \w+ (SINEW_\w+) ");
            Match function = Regex.Match(line, @"extern .*\b(sinew_\w+)\(");
            string name = constant.Success ? constant.Groups[1].Value : function.Success ? function.Groups[1].Value : null;
            if (name == null) continue;
            Check(Regex.IsMatch(used, @"NativeMethods\." + name + @"\b"), name + " is used");
            if (constant.Success) constants++;
            else functions++;
        }
        Check(constants > 80 && functions > 30, constants + " constants and " + functions + " functions are read");
    }
}
