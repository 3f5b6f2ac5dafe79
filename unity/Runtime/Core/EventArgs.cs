using System;
using Sinew.Native;

namespace Sinew
{
    /// <summary>Something that happened to a remote server.</summary>
    public class RemoteServerEventArgs : EventArgs
    {
        /// <summary>The remote server.</summary>
        public IRemoteServer RemoteServer { get; private set; }

        /// <summary>Its group.</summary>
        public IServerGroup ServerGroup { get { return RemoteServer.ServerGroup; } }

        internal RemoteServerEventArgs(IRemoteServer server)
        {
            RemoteServer = server;
        }
    }

    /// <summary>The session with a remote server is over.</summary>
    public sealed class ServerDisconnectedEventArgs : RemoteServerEventArgs
    {
        /// <summary>Why.</summary>
        public DisconnectReason Reason { get; private set; }

        /// <summary>Why, as a sentence.</summary>
        public string Text { get; private set; }

        /// <summary>Reliable messages not known to have arrived, which nobody will send again.</summary>
        public ulong Unacknowledged { get; private set; }

        internal ServerDisconnectedEventArgs(IRemoteServer server, DisconnectReason reason, string text, ulong unacknowledged) : base(server)
        {
            Reason = reason;
            Text = text;
            Unacknowledged = unacknowledged;
        }
    }

    /// <summary>A remote server is gone from view.</summary>
    public sealed class ServerLeftEventArgs : RemoteServerEventArgs
    {
        /// <summary>Why.</summary>
        public LeaveReason Reason { get; private set; }

        internal ServerLeftEventArgs(IRemoteServer server, LeaveReason reason) : base(server)
        {
            Reason = reason;
        }
    }

    /// <summary>The registry cannot be reached.</summary>
    public sealed class RegistryLostEventArgs : EventArgs
    {
        /// <summary>Why, as a sentence.</summary>
        public string Text { get; private set; }

        internal RegistryLostEventArgs(string text)
        {
            Text = text;
        }
    }

    /// <summary>A line of the library's log.</summary>
    public sealed class LoggedEventArgs : EventArgs
    {
        /// <summary>How severe it is.</summary>
        public LogLevel Level { get; private set; }

        /// <summary>The part of Sinew that says it, and what it says.</summary>
        public string Text { get; private set; }

        internal LoggedEventArgs(LogLevel level, string text)
        {
            Level = level;
            Text = text;
        }
    }

    /// <summary>This server has stopped.</summary>
    public sealed class StoppedEventArgs : EventArgs
    {
        /// <summary>Why.</summary>
        public StopReason Reason { get; private set; }

        /// <summary>Why, as a sentence.</summary>
        public string Text { get; private set; }

        internal StoppedEventArgs(StopReason reason, string text)
        {
            Reason = reason;
            Text = text;
        }
    }

    /// <summary>A handler, a continuation of a request, or a registry connector threw.</summary>
    public sealed class HandlerFailedEventArgs : EventArgs
    {
        /// <summary>What it threw.</summary>
        public Exception Exception { get; private set; }

        /// <summary>What it was called for, such as <c>MessageReceived</c>.</summary>
        public string During { get; private set; }

        internal HandlerFailedEventArgs(Exception exception, string during)
        {
            Exception = exception;
            During = during;
        }
    }

    /// <summary>Handles messages. What <paramref name="e"/> lends is good until the handler returns. A plain <c>(sender, e) => …</c> will do.</summary>
    public delegate void MessageReceivedHandler(object sender, MessageReceivedEventArgs e);

    /// <summary>A message that arrived. It costs no garbage, and cannot be kept: copy what is to outlive the handler.</summary>
    public readonly unsafe ref struct MessageReceivedEventArgs
    {
        private readonly IRemoteServer from;

        // Read where it lies: this is handed from method to method for every message, and mono copies every field each time.
        private readonly sinew_event* e;

        /// <summary>Who sent it.</summary>
        public IRemoteServer RemoteServer { get { return from; } }

        /// <summary>What kind of message it is.</summary>
        public ushort Tag { get { return (ushort)e->tag; } }

        /// <summary>How it was sent, with its lane.</summary>
        public SendMode SendMode { get { return (SendMode)e->mode; } }

        /// <summary>The payload, lent until the handler returns.</summary>
        public ReadOnlySpan<byte> Data { get { return new ReadOnlySpan<byte>(e->data, (int)e->len); } }

        internal MessageReceivedEventArgs(IRemoteServer from, sinew_event* e)
        {
            this.from = from;
            this.e = e;
        }

        /// <summary>Tag and payload together.</summary>
        public Message GetMessage()
        {
            return new Message(Tag, Data);
        }

        /// <summary>Takes the payload apart from its start.</summary>
        public MessageReader GetReader()
        {
            return new MessageReader(Data);
        }
    }
}
