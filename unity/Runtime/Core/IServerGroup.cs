using System;

namespace Sinew
{
    /// <summary>A group of servers that this server's group is connected with. May be kept and used on any thread for ever.</summary>
    public interface IServerGroup
    {
        /// <summary>As in the configuration.</summary>
        string Name { get; }

        /// <summary>Whom its servers are for; <c>None</c> if the group is not in view any more.</summary>
        ServerVisibility Visibility { get; }

        /// <summary>Which of the two groups names the other in <c>connects_to</c>; <c>None</c> if the group is not in view any more.</summary>
        ServerConnectionDirection Direction { get; }

        /// <summary>Servers in view, connected or not.</summary>
        int Count { get; }

        /// <summary>The server of this id. <see cref="GetRemoteServer"/> answers <c>null</c> instead of throwing.</summary>
        /// <exception cref="System.Collections.Generic.KeyNotFoundException">This group has no such server in view.</exception>
        IRemoteServer this[ulong id] { get; }

        /// <summary>The servers in view, connected or not, the oldest registration first.</summary>
        IRemoteServer[] GetAllRemoteServers();

        /// <summary>The server of this id, <c>null</c> if this group has no such one in view.</summary>
        IRemoteServer GetRemoteServer(ulong id);

        /// <summary>A server of this group is in the registry; it is not connected yet.</summary>
        event EventHandler<RemoteServerEventArgs> ServerJoined;

        /// <summary>A server of this group is gone from view.</summary>
        event EventHandler<ServerLeftEventArgs> ServerLeft;

        /// <summary>The link to a server of this group is up; sending works.</summary>
        event EventHandler<RemoteServerEventArgs> ServerConnected;

        /// <summary>The session with a server of this group is over.</summary>
        event EventHandler<ServerDisconnectedEventArgs> ServerDisconnected;

        /// <summary>A message of a server of this group. After the handlers of that server, before those of <see cref="SinewServer"/>.</summary>
        event MessageReceivedHandler MessageReceived;

        /// <summary>A server of this group asks something. After the handlers of that server, before those of <see cref="SinewServer"/>.</summary>
        event RequestReceivedHandler RequestReceived;

        /// <summary>Sends a message to every connected server of this group, see <see cref="SinewServer.Broadcast(string, ushort, ReadOnlySpan{byte}, SendMode, Span{ulong})"/>.</summary>
        BroadcastResult Broadcast(ushort tag, ReadOnlySpan<byte> data, SendMode mode = SendMode.Reliable, Span<ulong> missed = default);

        /// <summary>Sends a message to one server of this group, see <see cref="IRemoteServerManager.SendAny"/>.</summary>
        SinewResult SendAny(SelectionPolicy policy, ushort tag, ReadOnlySpan<byte> data, out ulong to, SendMode mode = SendMode.Reliable,
            ReadOnlySpan<byte> key = default);

        /// <summary>Asks one server of this group, see <see cref="IRemoteServerManager.RequestAny"/>.</summary>
        ServerRequest RequestAny(SelectionPolicy policy, ushort tag, ReadOnlySpan<byte> data, int timeoutMs = 5000, int retries = 0,
            SendMode mode = SendMode.Reliable, ReadOnlySpan<byte> key = default);
    }

    /// <summary>What came of a broadcast.</summary>
    public readonly struct BroadcastResult
    {
        /// <summary><c>Ok</c>, or <c>QueueFull</c> (nothing was sent to servers whose outbox is full; the others have it), <c>UnknownGroup</c>, <c>MessageTooBig</c>, <c>Stopped</c>.</summary>
        public SinewResult Result { get; }

        /// <summary>To how many servers it was sent.</summary>
        public int Sent { get; }

        /// <summary>How many of the group did not get it: not connected, or their outbox is full. Their ids are in the span that was passed.</summary>
        public int Missed { get; }

        internal BroadcastResult(SinewResult result, int sent, int missed)
        {
            Result = result;
            Sent = sent;
            Missed = missed;
        }
    }
}
