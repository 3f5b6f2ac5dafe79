using System;
using System.Collections.Generic;
using System.Net;
using Sinew.Native;

namespace Sinew
{
    /// <summary>What <see cref="IRemoteServer"/> says. One per id and server, as long as somebody holds it.</summary>
    internal sealed class RemoteServer : IRemoteServer
    {
        internal static readonly IReadOnlyDictionary<string, string> NoProperties = new Dictionary<string, string>();

        private readonly SinewServer owner;
        private volatile IReadOnlyDictionary<string, string> properties = NoProperties;

        internal readonly ulong Number;
        internal readonly ServerGroup Group;

        /// <summary>The same for every event that tells nothing but the server: news that come often cost no garbage.</summary>
        internal readonly RemoteServerEventArgs Args;

        internal HandlerList<EventHandler<RemoteServerEventArgs>> ConnectedHandlers, InterruptedHandlers, ResumedHandlers, UpdatedHandlers, WritableHandlers;
        internal HandlerList<EventHandler<ServerDisconnectedEventArgs>> DisconnectedHandlers;
        internal HandlerList<EventHandler<ServerLeftEventArgs>> LeftHandlers;
        internal HandlerList<MessageReceivedHandler> Messages;
        internal HandlerList<RequestReceivedHandler> Requests;

        internal RemoteServer(SinewServer owner, ulong id, ServerGroup group, string name, string host, ushort port)
        {
            this.owner = owner;
            Number = id;
            Group = group;
            Name = name;
            Host = host;
            Port = port;
            Args = new RemoteServerEventArgs(this);
        }

        public ulong Id { get { return Number; } }

        public string Name { get; private set; }

        public string Host { get; private set; }

        public ushort Port { get; private set; }

        public IServerGroup ServerGroup { get { return Group; } }

        public ConnectionState ConnectionState
        {
            get
            {
                sinew_remote_info info;
                return owner.TryInfo(Number, out info) ? (ConnectionState)info.state : ConnectionState.Left;
            }
        }

        public ServerConnectionDirection ServerConnectionDirection
        {
            get
            {
                sinew_remote_info info;
                owner.TryInfo(Number, out info);
                return (ServerConnectionDirection)info.direction;
            }
        }

        public IReadOnlyList<EndPoint> RemoteEndPoints
        {
            get
            {
                ConnectionState state = ConnectionState;
                if (state != ConnectionState.Connected && state != ConnectionState.Interrupted) return null;
                IPAddress address;
                if (IPAddress.TryParse(Host, out address)) return new EndPoint[] { new IPEndPoint(address, Port) };
                return new EndPoint[] { new DnsEndPoint(Host, Port) };
            }
        }

        public TimeSpan? RoundTripTime
        {
            get
            {
                sinew_remote_info info;
                if (!owner.TryInfo(Number, out info) || info.rtt_us == 0) return null;
                return TimeSpan.FromTicks(info.rtt_us * (TimeSpan.TicksPerMillisecond / 1000));
            }
        }

        public IReadOnlyDictionary<string, string> Properties { get { return properties; } }

        public double? Load
        {
            get
            {
                sinew_remote_info info;
                if (!owner.TryInfo(Number, out info) || double.IsNaN(info.load)) return null;
                return info.load;
            }
        }

        public double? Capacity
        {
            get
            {
                sinew_remote_info info;
                if (!owner.TryInfo(Number, out info) || double.IsNaN(info.capacity)) return null;
                return info.capacity;
            }
        }

        public Readiness Readiness
        {
            get
            {
                sinew_remote_info info;
                owner.TryInfo(Number, out info);
                return (Readiness)info.readiness;
            }
        }

        public ulong QueuedBytes
        {
            get
            {
                sinew_remote_info info;
                owner.TryInfo(Number, out info);
                return info.queued_bytes;
            }
        }

        public int OpenRequests
        {
            get
            {
                sinew_remote_info info;
                owner.TryInfo(Number, out info);
                return (int)info.open_requests;
            }
        }

        public event EventHandler<RemoteServerEventArgs> Connected { add { ConnectedHandlers.Add(value); } remove { ConnectedHandlers.Remove(value); } }

        public event EventHandler<RemoteServerEventArgs> Interrupted { add { InterruptedHandlers.Add(value); } remove { InterruptedHandlers.Remove(value); } }

        public event EventHandler<RemoteServerEventArgs> Resumed { add { ResumedHandlers.Add(value); } remove { ResumedHandlers.Remove(value); } }

        public event EventHandler<ServerDisconnectedEventArgs> Disconnected
        {
            add { DisconnectedHandlers.Add(value); }
            remove { DisconnectedHandlers.Remove(value); }
        }

        public event EventHandler<ServerLeftEventArgs> Left { add { LeftHandlers.Add(value); } remove { LeftHandlers.Remove(value); } }

        public event EventHandler<RemoteServerEventArgs> Updated { add { UpdatedHandlers.Add(value); } remove { UpdatedHandlers.Remove(value); } }

        public event EventHandler<RemoteServerEventArgs> Writable { add { WritableHandlers.Add(value); } remove { WritableHandlers.Remove(value); } }

        public event MessageReceivedHandler MessageReceived { add { Messages.Add(value); } remove { Messages.Remove(value); } }

        public event RequestReceivedHandler RequestReceived { add { Requests.Add(value); } remove { Requests.Remove(value); } }

        public bool SendMessage(ushort tag, ReadOnlySpan<byte> data, SendMode mode)
        {
            return owner.TrySend(Number, tag, data, mode) == SinewResult.Ok;
        }

        public bool SendMessage(ushort tag, MessageWriter writer, SendMode mode)
        {
            return TrySend(tag, writer, mode) == SinewResult.Ok;
        }

        public bool SendMessage(in Message message, SendMode mode)
        {
            return owner.TrySend(Number, message.Tag, message.Data, mode) == SinewResult.Ok;
        }

        public SinewResult TrySend(ushort tag, ReadOnlySpan<byte> data, SendMode mode)
        {
            return owner.TrySend(Number, tag, data, mode);
        }

        public SinewResult TrySend(ushort tag, MessageWriter writer, SendMode mode)
        {
            if (writer == null) throw new ArgumentNullException(nameof(writer));
            return owner.TrySend(Number, tag, writer.WrittenSpan, mode);
        }

        public ServerRequest Request(ushort tag, ReadOnlySpan<byte> data, int timeoutMs, SendMode mode)
        {
            return owner.Request(Number, tag, data, timeoutMs, mode);
        }

        public ServerRequest Request(ushort tag, MessageWriter writer, int timeoutMs, SendMode mode)
        {
            if (writer == null) throw new ArgumentNullException(nameof(writer));
            return owner.Request(Number, tag, writer.WrittenSpan, timeoutMs, mode);
        }

        public string GetProperty(string key)
        {
            return owner.PropertyOf(Number, key);
        }

        public string Explain()
        {
            return owner.Explain(Number);
        }

        internal void Describe(IReadOnlyDictionary<string, string> told)
        {
            properties = told;
        }

        public override string ToString()
        {
            return Group.Name + "/" + Name;
        }
    }
}
