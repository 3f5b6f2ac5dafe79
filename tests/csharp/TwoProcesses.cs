// Two programs, each with a server: the parent hosts the registry, the child dials it. They talk both ways; then one child leaves as it should,
// and another one is killed while both sides send. The twin of tests/c/two_processes.c.
using System;
using System.Diagnostics;
using Sinew;
using static Support;

internal static class TwoProcesses
{
    internal static readonly Action[] All = { OneLeavesAndOneIsKilled };

    private const int Messages = 10000, Unreliable = 100;
    private const ushort Counted = 1, Dropped = 2, Leave = 3, Flood = 4;

    private const string Limits = "groups.lobby.visibility = 'external'\nlimits.outbox_bytes = 65536\nlimits.resume_window_ms = 300\n";

    /// <summary>What one side knows of the other.</summary>
    private sealed class Side
    {
        internal readonly SinewServer Server;
        internal IRemoteServer Other;
        internal int Sent, Received, SeenUnreliable;
        internal bool Waits, Connected, Left, ToldToLeave;
        internal ServerDisconnectedEventArgs Disconnected;
        internal LeaveReason LeaveReason;
        private Exception failure;
        private readonly MessageWriter expected = new MessageWriter();

        internal Side(SinewServer server)
        {
            Server = server;
            server.ServerJoined += SeeJoined;
            server.ServerConnected += SeeConnected;
            server.ServerDisconnected += SeeDisconnected;
            server.ServerLeft += SeeLeft;
            server.Writable += SeeWritable;
            server.MessageReceived += SeeMessage;
            server.HandlerFailed += SeeFailure;
        }

        internal void Detach()
        {
            Server.ServerJoined -= SeeJoined;
            Server.ServerConnected -= SeeConnected;
            Server.ServerDisconnected -= SeeDisconnected;
            Server.ServerLeft -= SeeLeft;
            Server.Writable -= SeeWritable;
            Server.MessageReceived -= SeeMessage;
            Server.HandlerFailed -= SeeFailure;
        }

        private void SeeJoined(object sender, RemoteServerEventArgs e)
        {
            Check(Other == null);
            Other = e.RemoteServer;
        }

        private void SeeConnected(object sender, RemoteServerEventArgs e)
        {
            Check(ReferenceEquals(e.RemoteServer, Other) && !Connected && !Left);
            Connected = true;
        }

        private void SeeDisconnected(object sender, ServerDisconnectedEventArgs e)
        {
            Check(ReferenceEquals(e.RemoteServer, Other) && Connected && Disconnected == null && e.Text.Length > 0);
            Disconnected = e;
        }

        private void SeeLeft(object sender, ServerLeftEventArgs e)
        {
            Check(ReferenceEquals(e.RemoteServer, Other) && Connected == (Disconnected != null) && !Left);
            Left = true;
            LeaveReason = e.Reason;
        }

        private void SeeWritable(object sender, RemoteServerEventArgs e)
        {
            Waits = false;
        }

        private void SeeMessage(object sender, MessageReceivedEventArgs e)
        {
            Check(Connected && Disconnected == null && ReferenceEquals(e.RemoteServer, Other));
            if (e.Tag == Counted)
            {
                Check(e.SendMode == SendMode.Reliable && e.Data.SequenceEqual(Content(Received, expected).WrittenSpan), "message " + Received);
                Received++;
            }
            else if (e.Tag == Dropped)
            {
                Check(e.SendMode == SendMode.Unreliable && e.Data.Length == 0);
                SeenUnreliable++;
            }
            else if (e.Tag == Leave)
            {
                ToldToLeave = true;
            }
        }

        private void SeeFailure(object sender, HandlerFailedEventArgs e)
        {
            failure = e.Exception;
        }

        internal void Frame(int timeoutMs)
        {
            Server.WaitAndPoll(timeoutMs);
            if (failure != null) throw failure;
        }

        internal void Until(Func<bool> condition)
        {
            Stopwatch watch = Stopwatch.StartNew();
            while (!condition())
            {
                Frame(10);
                Check(watch.ElapsedMilliseconds < PatienceMs, "what was waited for came");
            }
        }

        /// <summary>Sends all numbered messages and takes all of the other's; a full outbox makes it wait, nothing else.</summary>
        internal void Talk()
        {
            var writer = new MessageWriter();
            Until(() => Connected);
            for (int n = 0; n < Unreliable; n++) Same(SinewResult.Ok, Other.TrySend(Dropped, default(ReadOnlySpan<byte>), SendMode.Unreliable), "TrySend");
            Until(() =>
            {
                while (Sent < Messages && !Waits)
                {
                    SinewResult result = Other.TrySend(Counted, Content(Sent, writer));
                    if (result == SinewResult.QueueFull) Waits = true;
                    else Same(SinewResult.Ok, result, "TrySend");
                    if (result == SinewResult.Ok) Sent++;
                }
                Check(Disconnected == null);
                return Sent == Messages && Received == Messages;
            });
            Check(SeenUnreliable <= Unreliable);
        }
    }

    private static MessageWriter Content(int number, MessageWriter writer)
    {
        writer.Clear().WriteUInt32((uint)number);
        for (int at = 0; at < number * 7919L % 296; at++) writer.WriteByte((byte)(number * 31 + at));
        return writer;
    }

    internal static int Child(string[] arguments)
    {
        using (SinewServer server = StartMember("lobby", arguments[2], Limits))
        {
            var here = new Side(server);
            here.Talk();
            var one = new byte[1];
            while (!here.ToldToLeave)
            {
                // The one that will be killed is killed while it sends.
                SinewResult result = here.Other.TrySend(Flood, one);
                Check(result == SinewResult.Ok || result == SinewResult.QueueFull, "a send was answered " + result);
                here.Frame(0);
                Check(here.Disconnected == null);
            }
            server.Stop();
            here.Until(() => server.IsStopped);
            Same(DisconnectReason.Stopping, here.Disconnected.Reason, "the reason");
            Same(LeaveReason.Stopping, here.LeaveReason, "the reason");
        }
        return 0;
    }

    private static void OneLeavesAndOneIsKilled()
    {
        string registry = "127.0.0.1:" + FreePort();
        using (SinewServer server = StartMember("world", registry, Limits + "registry.host = true\nregistry.listen = '" + registry + "'\nregistry.lease_ms = 500\n"))
        {
            ulong first = OneChild(server, registry, false), second = OneChild(server, registry, true);
            Check(first != second, "an id is never used again");
            server.Stop();
            Until(() => server.IsStopped, server);
        }
    }

    private static ulong OneChild(SinewServer server, string registry, bool killIt)
    {
        var here = new Side(server);
        using (Process child = Support.Child("child", "member", registry))
        {
            here.Talk();
            var one = new byte[1];
            if (killIt)
            {
                child.Kill();
                // Goes on writing to it until its end is known.
                here.Until(() =>
                {
                    for (int n = 0; n < 100; n++)
                    {
                        SinewResult result = here.Other.TrySend(Flood, one);
                        Check(result == SinewResult.Ok || result == SinewResult.QueueFull || result == SinewResult.NotConnected ||
                            result == SinewResult.UnknownServer, "a send was answered " + result);
                    }
                    return here.Disconnected != null;
                });
            }
            else
            {
                here.Until(() => here.Other.SendMessage(Leave, default(ReadOnlySpan<byte>), SendMode.Reliable));
            }
            here.Until(() => here.Left);
            Check(child.WaitForExit(PatienceMs), "the child ends");
            Check(killIt ? child.ExitCode != 0 : child.ExitCode == 0, "it ended with " + child.ExitCode);
        }
        Same(killIt ? DisconnectReason.Lost : DisconnectReason.PeerStopped, here.Disconnected.Reason, "the reason");
        Same(killIt ? LeaveReason.Expired : LeaveReason.Stopped, here.LeaveReason, "the reason");
        Check(killIt || here.Disconnected.Unacknowledged == 0);
        Same(SinewResult.UnknownServer, here.Other.TrySend(Counted, default(ReadOnlySpan<byte>)), "TrySend");
        here.Detach();
        return here.Other.Id;
    }
}
