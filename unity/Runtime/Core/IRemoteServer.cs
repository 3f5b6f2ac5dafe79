using System;
using System.Collections.Generic;
using System.Net;

namespace Sinew
{
    /// <summary>
    /// Another server of the cluster. There is one handle per id, it may be kept and used on any thread for ever, and it is harmless after
    /// its server has left or this one was disposed: sends then answer <c>false</c>, properties what was last known.
    /// </summary>
    public interface IRemoteServer
    {
        /// <summary>Its id, never 0 and never used again.</summary>
        ulong Id { get; }

        /// <summary>Its name, unique in its group.</summary>
        string Name { get; }

        /// <summary>What is dialled to reach it: a host name or an address.</summary>
        string Host { get; }

        /// <summary>The port beside it.</summary>
        ushort Port { get; }

        /// <summary>Its group.</summary>
        IServerGroup ServerGroup { get; }

        /// <summary>How it stands with it now; <see cref="Sinew.ConnectionState.Left"/> once it is gone from view.</summary>
        ConnectionState ConnectionState { get; }

        /// <summary>Which side dials; <see cref="Sinew.ServerConnectionDirection.None"/> once it is gone from view.</summary>
        ServerConnectionDirection ServerConnectionDirection { get; }

        /// <summary>Where it is reached while it is connected; <c>null</c> while it is not.</summary>
        IReadOnlyList<EndPoint> RemoteEndPoints { get; }

        /// <summary>Round trip of the last keep-alive; <c>null</c> while not measured.</summary>
        TimeSpan? RoundTripTime { get; }

        /// <summary>
        /// What it says of itself, as of the last <see cref="SinewServer.ServerJoined"/> or <see cref="SinewServer.ServerUpdated"/> that was
        /// polled. Never <c>null</c>; a change makes a new dictionary.
        /// </summary>
        IReadOnlyDictionary<string, string> Properties { get; }

        /// <summary>Its property <c>load</c>; <c>null</c> if it tells none.</summary>
        double? Load { get; }

        /// <summary>Its property <c>capacity</c>; <c>null</c> if it tells none.</summary>
        double? Capacity { get; }

        /// <summary>Whether it takes work: its property <c>state</c>.</summary>
        Readiness Readiness { get; }

        /// <summary>Bytes that wait to be sent to it or to be acknowledged by it: what counts against <c>limits.outbox_bytes</c>.</summary>
        ulong QueuedBytes { get; }

        /// <summary>Requests of this server that it has not answered.</summary>
        int OpenRequests { get; }

        /// <summary>The link is up; sending works.</summary>
        event EventHandler<RemoteServerEventArgs> Connected;

        /// <summary>The link broke or is silent. What is sent now waits, nothing is lost by that.</summary>
        event EventHandler<RemoteServerEventArgs> Interrupted;

        /// <summary>Another link goes on where the last one stopped.</summary>
        event EventHandler<RemoteServerEventArgs> Resumed;

        /// <summary>The session is over.</summary>
        event EventHandler<ServerDisconnectedEventArgs> Disconnected;

        /// <summary>It is gone from view.</summary>
        event EventHandler<ServerLeftEventArgs> Left;

        /// <summary>Its properties are others than before.</summary>
        event EventHandler<RemoteServerEventArgs> Updated;

        /// <summary>After <see cref="SinewResult.QueueFull"/>: half of the outbox to it is free again.</summary>
        event EventHandler<RemoteServerEventArgs> Writable;

        /// <summary>A message of it. Before the handlers of its group and of the server.</summary>
        event MessageReceivedHandler MessageReceived;

        /// <summary>It asks something. Before the handlers of its group and of the server.</summary>
        event RequestReceivedHandler RequestReceived;

        /// <summary>
        /// Sends a message; the bytes are copied before this returns, and it never blocks. <c>false</c>: it was not taken, because its outbox is
        /// full, it is not connected, or the like; <see cref="TrySend(ushort, ReadOnlySpan{byte}, SendMode)"/> tells which.
        /// </summary>
        /// <exception cref="SinewException">A mistake, such as a mode that means nothing.</exception>
        bool SendMessage(ushort tag, ReadOnlySpan<byte> data, SendMode mode = SendMode.Reliable);

        /// <summary>Sends what was written so far, see <see cref="SendMessage(ushort, ReadOnlySpan{byte}, SendMode)"/>.</summary>
        bool SendMessage(ushort tag, MessageWriter writer, SendMode mode = SendMode.Reliable);

        /// <summary>Sends a message, see <see cref="SendMessage(ushort, ReadOnlySpan{byte}, SendMode)"/>.</summary>
        bool SendMessage(in Message message, SendMode mode);

        /// <summary>
        /// Sends a message and tells what came of it: <c>Ok</c>, <c>QueueFull</c> (nothing was queued; <see cref="Writable"/> follows),
        /// <c>NotConnected</c>, <c>UnknownServer</c> (it has left), <c>MessageTooBig</c> or <c>Stopped</c>.
        /// </summary>
        /// <exception cref="SinewException">A mistake, such as a mode that means nothing.</exception>
        SinewResult TrySend(ushort tag, ReadOnlySpan<byte> data, SendMode mode = SendMode.Reliable);

        /// <summary>Sends what was written so far, see <see cref="TrySend(ushort, ReadOnlySpan{byte}, SendMode)"/>.</summary>
        SinewResult TrySend(ushort tag, MessageWriter writer, SendMode mode = SendMode.Reliable);

        /// <summary>
        /// Asks it something; <c>await</c> the answer, or look at the request in each frame. It ends exactly once, on the thread that polls and
        /// inside <c>Poll</c>, within <paramref name="timeoutMs"/> (1 or more; noticed up to 10 ms late).
        /// </summary>
        /// <exception cref="SinewException">A mistake, such as a time limit of 0.</exception>
        ServerRequest Request(ushort tag, ReadOnlySpan<byte> data, int timeoutMs = 5000, SendMode mode = SendMode.Reliable);

        /// <summary>Asks what was written so far, see <see cref="Request(ushort, ReadOnlySpan{byte}, int, SendMode)"/>.</summary>
        ServerRequest Request(ushort tag, MessageWriter writer, int timeoutMs = 5000, SendMode mode = SendMode.Reliable);

        /// <summary>One of its properties as it is now, <c>null</c> if it has no such one or is gone from view.</summary>
        string GetProperty(string key);

        /// <summary>Why the link is, or is not, up: several lines for a person to read. <c>null</c> once it is gone from view.</summary>
        string Explain();
    }
}
