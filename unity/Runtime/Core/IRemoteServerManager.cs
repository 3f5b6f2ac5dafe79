using System;

namespace Sinew
{
    /// <summary>The member of the cluster that runs in this process, as code needs it that is not to start or end it.</summary>
    public interface IRemoteServerManager
    {
        /// <summary>This server's id; 0 until it is registered, which <see cref="Started"/> tells.</summary>
        ulong ServerId { get; }

        /// <summary>This server's group.</summary>
        string Group { get; }

        /// <summary>Whom this server's group is for.</summary>
        ServerVisibility Visibility { get; }

        /// <summary>This server's name, unique in its group.</summary>
        string Name { get; }

        /// <summary>What others dial; until <see cref="Started"/> was polled, the bound address.</summary>
        string Host { get; }

        /// <summary>The port beside it: the real one, also where the configuration says 0.</summary>
        ushort Port { get; }

        /// <summary>The group of this name.</summary>
        /// <exception cref="System.Collections.Generic.KeyNotFoundException">This server's group is connected with no such group.</exception>
        IServerGroup this[string name] { get; }

        /// <summary>The groups that this server's group is connected with, ordered by name.</summary>
        IServerGroup[] GetAllGroups();

        /// <summary>The group of this name, <c>null</c> if this server's group is connected with no such one.</summary>
        IServerGroup GetGroup(string name);

        /// <summary>The server of this id, whatever its group; <c>null</c> if it has left or never was visible.</summary>
        IRemoteServer FindServer(ulong id);

        /// <summary>Like <see cref="FindServer"/>; tells whether there is such a server.</summary>
        bool TryFindServer(ulong id, out IRemoteServer server);

        /// <summary>This server is registered; before it, nobody else is heard of.</summary>
        event EventHandler Started;

        /// <summary>A server that this one may see is in the registry; it is not connected yet.</summary>
        event EventHandler<RemoteServerEventArgs> ServerJoined;

        /// <summary>A server is gone from view.</summary>
        event EventHandler<ServerLeftEventArgs> ServerLeft;

        /// <summary>The link to a server is up; sending works.</summary>
        event EventHandler<RemoteServerEventArgs> ServerConnected;

        /// <summary>The link broke or is silent. What is sent now waits, nothing is lost by that.</summary>
        event EventHandler<RemoteServerEventArgs> ServerInterrupted;

        /// <summary>Another link goes on where the last one stopped.</summary>
        event EventHandler<RemoteServerEventArgs> ServerResumed;

        /// <summary>The session with a server is over.</summary>
        event EventHandler<ServerDisconnectedEventArgs> ServerDisconnected;

        /// <summary>A server's properties are others than before.</summary>
        event EventHandler<RemoteServerEventArgs> ServerUpdated;

        /// <summary>After <see cref="SinewResult.QueueFull"/>: half of the outbox to a server is free again.</summary>
        event EventHandler<RemoteServerEventArgs> Writable;

        /// <summary>A message, of whichever server. After the handlers of that server and of its group.</summary>
        event MessageReceivedHandler MessageReceived;

        /// <summary>A server asks something. After the handlers of that server and of its group.</summary>
        event RequestReceivedHandler RequestReceived;

        /// <summary>The registry cannot be reached; links live on.</summary>
        event EventHandler<RegistryLostEventArgs> RegistryLost;

        /// <summary>The registry is there again; what changed meanwhile follows as events.</summary>
        event EventHandler RegistryRestored;

        /// <summary>A line of the library's log, if the configuration says <c>log.to = "events"</c>.</summary>
        event EventHandler<LoggedEventArgs> Logged;

        /// <summary>A handler threw; the events after it are handed over all the same. Without a handler for this, it is written to the error output.</summary>
        event EventHandler<HandlerFailedEventArgs> HandlerFailed;

        /// <summary>The last event: every link is down.</summary>
        event EventHandler<StoppedEventArgs> Stopped;

        /// <summary>Sends to the server of this id, see <see cref="IRemoteServer.TrySend(ushort, ReadOnlySpan{byte}, SendMode)"/>.</summary>
        SinewResult TrySend(ulong to, ushort tag, ReadOnlySpan<byte> data, SendMode mode = SendMode.Reliable);

        /// <summary>Sends to the server of this id, see <see cref="IRemoteServer.SendMessage(ushort, ReadOnlySpan{byte}, SendMode)"/>.</summary>
        bool SendMessage(ulong to, ushort tag, ReadOnlySpan<byte> data, SendMode mode = SendMode.Reliable);

        /// <summary>
        /// Sends a message to every connected server of a group. The ids of those that did not get it are written into
        /// <paramref name="missed"/>, as far as it is long enough.
        /// </summary>
        /// <exception cref="SinewException">A mistake, such as a mode that means nothing.</exception>
        BroadcastResult Broadcast(string group, ushort tag, ReadOnlySpan<byte> data, SendMode mode = SendMode.Reliable,
            Span<ulong> missed = default);

        /// <summary>
        /// Sends a message to one server of a group; <paramref name="to"/> becomes its id. The <paramref name="key"/> (1 byte or more) goes with
        /// <see cref="SelectionPolicy.Key"/> alone. <c>NoCandidate</c>: none of them is connected and ready for work.
        /// </summary>
        /// <exception cref="SinewException">A mistake, such as a policy without its key.</exception>
        SinewResult SendAny(string group, SelectionPolicy policy, ushort tag, ReadOnlySpan<byte> data, out ulong to,
            SendMode mode = SendMode.Reliable, ReadOnlySpan<byte> key = default);

        /// <summary>Asks the server of this id, see <see cref="IRemoteServer.Request(ushort, ReadOnlySpan{byte}, int, SendMode)"/>.</summary>
        ServerRequest Request(ulong to, ushort tag, ReadOnlySpan<byte> data, int timeoutMs = 5000, SendMode mode = SendMode.Reliable);

        /// <summary>
        /// Asks one server of a group, chosen as by <see cref="SendAny"/>. <paramref name="retries"/>: how many more are asked, one after the
        /// other, each for <paramref name="timeoutMs"/>, when one fails to answer; the request may then be carried out more than once.
        /// </summary>
        /// <exception cref="SinewException">A mistake, such as a time limit of 0.</exception>
        ServerRequest RequestAny(string group, SelectionPolicy policy, ushort tag, ReadOnlySpan<byte> data, int timeoutMs = 5000,
            int retries = 0, SendMode mode = SendMode.Reliable, ReadOnlySpan<byte> key = default);

        /// <summary>
        /// Sets one of this server's properties, <c>null</c> removes it; connected servers are told within 100 ms. At most 4 KiB for all keys and
        /// values. <c>load</c>, <c>capacity</c> and <c>state</c> mean something to <see cref="SelectionPolicy"/>.
        /// </summary>
        /// <exception cref="SinewException">Too many bytes, an empty key, a load that is no number; nothing is changed then.</exception>
        void SetProperty(string key, string value);

        /// <summary>One of this server's own properties, <c>null</c> if there is no such one.</summary>
        string GetProperty(string key);

        /// <summary>Why the link to a server is, or is not, up: several lines for a person to read. <c>null</c> if it is not in view.</summary>
        string Explain(ulong id);

        /// <summary>How this server is doing: numbers for operators.</summary>
        ServerStats Stats();
    }
}
