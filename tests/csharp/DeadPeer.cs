// A peer dies while this program, which does not poll, cannot read from it: the first that is noticed of its death is that it cannot be
// written to, which the system answers with SIGPIPE. That must not happen to a game. The twin of tests/c/dead_peer.c.
using System;
using System.Diagnostics;
using System.Threading;
using Sinew;
using static Support;

internal static class DeadPeer
{
    internal static readonly Action[] All = { ItsDeathIsAnEvent };

    /// <summary>More than the parent's inbox, and less than the system holds for it.</summary>
    private const int Messages = 5, Length = 2000;

    internal static int Child(string[] arguments)
    {
        using (SinewServer server = StartMember("lobby", arguments[2]))
        {
            IRemoteServer world = null;
            server.ServerConnected += (sender, e) => world = e.RemoteServer;
            Until(() => world != null, server);
            for (int n = 0; n < Messages; n++) Check(world.SendMessage(1, new byte[Length]));
            // Until it is killed, or its parent has gone.
            Console.In.ReadToEnd();
        }
        return 0;
    }

    private static void ItsDeathIsAnEvent()
    {
        string registry = "127.0.0.1:" + FreePort();
        using (SinewServer server = StartMember("world", registry,
            "limits.inbox_bytes = 4096\nlimits.resume_window_ms = 300\nregistry.host = true\nregistry.listen = '" + registry + "'\nregistry.lease_ms = 500\n"))
        {
            IRemoteServer lobby = null;
            ServerDisconnectedEventArgs disconnected = null;
            server.ServerConnected += (sender, e) => lobby = e.RemoteServer;
            server.ServerDisconnected += (sender, e) => disconnected = e;
            using (Process child = Support.Child("child", "peer", registry))
            {
                Until(() => lobby != null, server);
                // From here on nothing is polled, so that the inbox fills and the link stops reading.
                Until(() => server.Stats().InboxBytes >= 4096);
                child.Kill();
                Check(child.WaitForExit(PatienceMs));
            }
            // The first write is answered with a reset, the second with the signal.
            Until(() =>
            {
                SinewResult result = lobby.TrySend(1, new byte[1]);
                Check(result == SinewResult.Ok || result == SinewResult.NotConnected || result == SinewResult.UnknownServer, "a send was answered " + result);
                Thread.Sleep(1);
                return lobby.ConnectionState != ConnectionState.Connected;
            });
            Until(() => disconnected != null, server);
            Check(ReferenceEquals(disconnected.RemoteServer, lobby) && disconnected.Reason == DisconnectReason.Lost && disconnected.Unacknowledged > 0);
        }
    }
}
