// The member of a mixed cluster in C#; README.md tells what it does. It is never the conductor.
using System;
using System.Collections.Generic;
using Sinew;

internal static class Member
{
    /// <summary>How far it is with one of the others.</summary>
    private sealed class Peer
    {
        internal IRemoteServer Server;
        internal uint Sent, Received;
    }

    private const int MostBytes = 4 + 99;

    private static readonly List<Peer> Peers = new List<Peer>();
    private static uint countOfMessages;
    private static int wanted;
    private static bool verified, conductorLeft;

    private static int Main(string[] arguments)
    {
        if (arguments.Length != 4) Wrong("it is called as: member NAME REGISTRY COUNT PEERS");
        countOfMessages = uint.Parse(arguments[2]);
        wanted = int.Parse(arguments[3]);
        try
        {
            using (SinewServer server = SinewServer.Start(
                "server = { group = 'mixed', name = '" + arguments[0] + "' }\n" +
                "groups.mixed.connects_to = ['mixed']\n" +
                "registry.addresses = ['" + arguments[1] + "']\n" +
                "log.level = 'error'\n"))
            {
                Run(server);
            }
        }
        catch (SinewException exception)
        {
            Wrong(exception.Message);
        }
        return 0;
    }

    private static void Run(SinewServer server)
    {
        server.ServerJoined += (sender, e) => Tell("joined", e.RemoteServer);
        server.ServerConnected += (sender, e) =>
        {
            Tell("connected", e.RemoteServer);
            if (Peers.Count < wanted) Peers.Add(new Peer { Server = e.RemoteServer });
        };
        server.MessageReceived += Check;
        server.ServerDisconnected += (sender, e) =>
        {
            if (!verified) Wrong(e.RemoteServer.Name + " is disconnected: " + e.Text);
        };
        server.ServerLeft += (sender, e) =>
        {
            Tell("left", e.RemoteServer);
            conductorLeft |= e.RemoteServer.Name == "conductor";
        };
        server.HandlerFailed += (sender, e) => Wrong(e.Exception.ToString());

        var bytes = new byte[MostBytes];
        bool stopping = false;
        while (!server.IsStopped)
        {
            server.WaitAndPoll(20);
            bool done = Peers.Count == wanted;
            foreach (Peer peer in Peers)
            {
                while (peer.Sent < countOfMessages)
                {
                    int length = Payload(peer.Sent, bytes);
                    SinewResult result = peer.Server.TrySend((ushort)peer.Sent, new ReadOnlySpan<byte>(bytes, 0, length));
                    if (result == SinewResult.QueueFull) break;
                    if (result != SinewResult.Ok) Wrong("send: " + result);
                    peer.Sent++;
                }
                done = done && peer.Sent == countOfMessages && peer.Received == countOfMessages;
            }
            if (done && !verified)
            {
                verified = true;
                Console.WriteLine("verified");
            }
            if (verified && conductorLeft && !stopping)
            {
                stopping = true;
                server.Stop();
            }
        }
        Console.WriteLine("stopped");
    }

    private static readonly byte[] Expected = new byte[MostBytes];

    private static void Check(object sender, MessageReceivedEventArgs e)
    {
        Peer from = null;
        foreach (Peer peer in Peers)
        {
            if (ReferenceEquals(peer.Server, e.RemoteServer)) from = peer;
        }
        if (from == null || from.Received == countOfMessages)
        {
            Wrong("a message too much of " + e.RemoteServer.Name);
            return;
        }
        var expected = new ReadOnlySpan<byte>(Expected, 0, Payload(from.Received, Expected));
        if (e.Tag != from.Received % 65536 || e.SendMode != SendMode.Reliable || !e.Data.SequenceEqual(expected))
        {
            Wrong("message " + from.Received + " of " + e.RemoteServer.Name + ": tag " + e.Tag + ", " + e.Data.Length + " bytes");
        }
        from.Received++;
    }

    private static int Payload(uint number, byte[] bytes)
    {
        for (int at = 0; at < 4; at++) bytes[at] = (byte)(number >> (8 * at));
        for (uint at = 0; at < number % 100; at++) bytes[4 + at] = (byte)(number + 7 * at);
        return (int)(4 + number % 100);
    }

    private static void Tell(string what, IRemoteServer server)
    {
        Console.WriteLine(what + " " + server.Name);
    }

    private static void Wrong(string sentence)
    {
        Console.WriteLine("wrong: " + sentence);
        Environment.Exit(1);
    }
}
