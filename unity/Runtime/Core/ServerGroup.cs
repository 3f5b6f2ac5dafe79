using System;
using System.Collections.Generic;
using System.Text;
using Sinew.Native;

namespace Sinew
{
    /// <summary>What <see cref="IServerGroup"/> says. One per name and server.</summary>
    internal sealed class ServerGroup : IServerGroup
    {
        private readonly SinewServer owner;

        internal readonly byte[] Utf8;

        internal HandlerList<EventHandler<RemoteServerEventArgs>> Joined, Connected;
        internal HandlerList<EventHandler<ServerDisconnectedEventArgs>> Disconnected;
        internal HandlerList<EventHandler<ServerLeftEventArgs>> Left;
        internal HandlerList<MessageReceivedHandler> Messages;
        internal HandlerList<RequestReceivedHandler> Requests;

        internal ServerGroup(SinewServer owner, string name)
        {
            this.owner = owner;
            Name = name;
            Utf8 = Encoding.UTF8.GetBytes(name);
        }

        public string Name { get; private set; }

        public ServerVisibility Visibility { get { return (ServerVisibility)owner.GroupInfo(Name).visibility; } }

        public ServerConnectionDirection Direction { get { return (ServerConnectionDirection)owner.GroupInfo(Name).direction; } }

        public int Count { get { return (int)owner.GroupInfo(Name).count; } }

        public IRemoteServer this[ulong id]
        {
            get
            {
                IRemoteServer server = GetRemoteServer(id);
                if (server == null) throw new KeyNotFoundException("group `" + Name + "` has no server " + id + " in view");
                return server;
            }
        }

        public IRemoteServer[] GetAllRemoteServers()
        {
            return owner.MembersOf(this);
        }

        public IRemoteServer GetRemoteServer(ulong id)
        {
            IRemoteServer server = owner.FindServer(id);
            return server != null && ReferenceEquals(server.ServerGroup, this) ? server : null;
        }

        public event EventHandler<RemoteServerEventArgs> ServerJoined { add { Joined.Add(value); } remove { Joined.Remove(value); } }

        public event EventHandler<ServerLeftEventArgs> ServerLeft { add { Left.Add(value); } remove { Left.Remove(value); } }

        public event EventHandler<RemoteServerEventArgs> ServerConnected { add { Connected.Add(value); } remove { Connected.Remove(value); } }

        public event EventHandler<ServerDisconnectedEventArgs> ServerDisconnected
        {
            add { Disconnected.Add(value); }
            remove { Disconnected.Remove(value); }
        }

        public event MessageReceivedHandler MessageReceived { add { Messages.Add(value); } remove { Messages.Remove(value); } }

        public event RequestReceivedHandler RequestReceived { add { Requests.Add(value); } remove { Requests.Remove(value); } }

        public BroadcastResult Broadcast(ushort tag, ReadOnlySpan<byte> data, SendMode mode, Span<ulong> missed)
        {
            return owner.Broadcast(Utf8, tag, data, mode, missed);
        }

        public SinewResult SendAny(SelectionPolicy policy, ushort tag, ReadOnlySpan<byte> data, out ulong to, SendMode mode, ReadOnlySpan<byte> key)
        {
            return owner.SendAny(Utf8, policy, tag, data, out to, mode, key);
        }

        public ServerRequest RequestAny(SelectionPolicy policy, ushort tag, ReadOnlySpan<byte> data, int timeoutMs, int retries, SendMode mode,
            ReadOnlySpan<byte> key)
        {
            return owner.RequestAny(Utf8, policy, tag, data, timeoutMs, retries, mode, key);
        }

        public override string ToString()
        {
            return Name;
        }
    }
}
