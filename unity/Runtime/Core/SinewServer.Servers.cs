using System;
using System.Collections.Generic;
using Sinew.Native;

namespace Sinew
{
    public sealed unsafe partial class SinewServer
    {
        /// <summary>Guards the two dictionaries below.</summary>
        private readonly object directory = new object();

        private readonly Dictionary<ulong, RemoteServer> servers = new Dictionary<ulong, RemoteServer>();

        /// <summary>Those that have left: if one joins again, who holds its handle still has the right one.</summary>
        private readonly Dictionary<ulong, WeakReference<RemoteServer>> gone = new Dictionary<ulong, WeakReference<RemoteServer>>();

        private readonly Dictionary<string, ServerGroup> groups = new Dictionary<string, ServerGroup>();

        /// <inheritdoc/>
        public IServerGroup this[string name]
        {
            get
            {
                IServerGroup group = GetGroup(name);
                if (group == null) throw new KeyNotFoundException("group `" + Group + "` is connected with no group `" + name + "`");
                return group;
            }
        }

        /// <inheritdoc/>
        public IServerGroup[] GetAllGroups()
        {
            sinew_group_info[] infos = GroupInfos();
            var all = new IServerGroup[infos.Length];
            for (int at = 0; at < all.Length; at++)
            {
                fixed (sinew_group_info* info = &infos[at]) all[at] = GroupOf(Text.From(info->name));
            }
            return all;
        }

        /// <inheritdoc/>
        public IServerGroup GetGroup(string name)
        {
            if (name == null) throw new ArgumentNullException(nameof(name));
            return GroupInfo(name).size == 0 ? null : GroupOf(name);
        }

        /// <inheritdoc/>
        public bool TryFindServer(ulong id, out IRemoteServer server)
        {
            server = FindServer(id);
            return server != null;
        }

        /// <inheritdoc/>
        public IRemoteServer FindServer(ulong id)
        {
            sinew_remote_info info;
            if (!TryInfo(id, out info)) return null;
            lock (directory)
            {
                RemoteServer server;
                if (servers.TryGetValue(id, out server)) return server;
                string group = Text.From(info.group), name = Text.From(info.name), host = Text.From(info.host);
                return Add(id, group, name, host, (ushort)info.port);
            }
        }

        /// <inheritdoc/>
        public string Explain(ulong id)
        {
            sinew_server* server = handle.Enter();
            if (server == null) return null;
            try
            {
                var text = new byte[2048];
                for (;;)
                {
                    UIntPtr needed;
                    fixed (byte* start = text)
                    {
                        int result = NativeMethods.sinew_server_explain(server, id, start, (UIntPtr)text.Length, &needed);
                        if (result == NativeMethods.SINEW_RESULT_UNKNOWN_SERVER) return null;
                        Text.Demand(result);
                        if ((int)needed < text.Length) return Text.From(start, needed);
                    }
                    text = new byte[(int)needed + 1];
                }
            }
            finally
            {
                handle.Leave();
            }
        }

        /// <inheritdoc/>
        public void SetProperty(string key, string value)
        {
            UIntPtr keyLength, valueLength = UIntPtr.Zero;
            byte[] keyBytes = Text.Bytes(key, nameof(key), out keyLength);
            byte[] valueBytes = value == null ? null : Text.Bytes(value, nameof(value), out valueLength);
            sinew_server* server = EnterOrThrow();
            try
            {
                fixed (byte* keyStart = keyBytes)
                fixed (byte* valueStart = valueBytes)
                {
                    Text.Demand(NativeMethods.sinew_server_set_property(server, keyStart, keyLength, valueStart, valueLength));
                }
            }
            finally
            {
                handle.Leave();
            }
        }

        /// <inheritdoc/>
        public string GetProperty(string key)
        {
            return PropertyOf(0, key);
        }

        /// <summary>A property of a server, 0 for this one; NULL if there is none, or no such server.</summary>
        internal string PropertyOf(ulong id, string key)
        {
            UIntPtr keyLength;
            byte[] keyBytes = Text.Bytes(key, nameof(key), out keyLength);
            sinew_server* server = handle.Enter();
            if (server == null) return null;
            try
            {
                // As much as all properties of a server may be.
                const int Longest = 4097;
                byte* text = stackalloc byte[Longest];
                UIntPtr needed;
                uint found;
                fixed (byte* keyStart = keyBytes)
                {
                    int result = NativeMethods.sinew_server_property(server, id, keyStart, keyLength, text, (UIntPtr)Longest, &needed, &found);
                    if (result == NativeMethods.SINEW_RESULT_UNKNOWN_SERVER) return null;
                    Text.Demand(result);
                }
                return found == 0 ? null : Text.From(text, needed);
            }
            finally
            {
                handle.Leave();
            }
        }

        /// <summary>What is known of a server now; all 0 if it is not in view.</summary>
        internal bool TryInfo(ulong id, out sinew_remote_info info)
        {
            info = new sinew_remote_info { size = (uint)sizeof(sinew_remote_info), load = double.NaN, capacity = double.NaN };
            sinew_server* server = id == 0 ? null : handle.Enter();
            if (server == null) return false;
            try
            {
                int result;
                fixed (sinew_remote_info* out_ = &info) result = NativeMethods.sinew_server_find(server, id, out_);
                if (result == NativeMethods.SINEW_RESULT_OK) return true;
                // An id that never was one is as unknown as one that has left.
                if (result != NativeMethods.SINEW_RESULT_UNKNOWN_SERVER && result != NativeMethods.SINEW_RESULT_INVALID_ARGUMENT) throw Text.Error(result);
                return false;
            }
            finally
            {
                handle.Leave();
            }
        }

        /// <summary>What is known of a group now; all 0 if it is not in view.</summary>
        internal sinew_group_info GroupInfo(string name)
        {
            foreach (sinew_group_info info in GroupInfos())
            {
                sinew_group_info copy = info;
                if (Text.From(copy.name) == name) return copy;
            }
            return new sinew_group_info();
        }

        private sinew_group_info[] GroupInfos()
        {
            sinew_server* server = handle.Enter();
            if (server == null) return new sinew_group_info[0];
            try
            {
                var infos = new sinew_group_info[16];
                for (;;)
                {
                    UIntPtr there;
                    infos[0].size = (uint)sizeof(sinew_group_info);
                    fixed (sinew_group_info* start = infos)
                    {
                        Text.Demand(NativeMethods.sinew_server_groups(server, start, (UIntPtr)infos.Length, &there));
                    }
                    bool all = (int)there <= infos.Length;
                    Array.Resize(ref infos, (int)there);
                    if (all) return infos;
                }
            }
            finally
            {
                handle.Leave();
            }
        }

        internal IRemoteServer[] MembersOf(ServerGroup group)
        {
            var found = new List<IRemoteServer>();
            foreach (ulong id in IdsOf(group.Utf8))
            {
                IRemoteServer server = FindServer(id);
                // It may have left since.
                if (server != null) found.Add(server);
            }
            return found.ToArray();
        }

        private ulong[] IdsOf(byte[] group)
        {
            sinew_server* server = handle.Enter();
            if (server == null) return new ulong[0];
            try
            {
                var ids = new ulong[64];
                for (;;)
                {
                    UIntPtr there;
                    fixed (byte* name = group)
                    fixed (ulong* start = ids)
                    {
                        int result = NativeMethods.sinew_server_group_members(server, name, (UIntPtr)group.Length, start, (UIntPtr)ids.Length, &there);
                        if (result == NativeMethods.SINEW_RESULT_UNKNOWN_GROUP) return new ulong[0];
                        Text.Demand(result);
                    }
                    bool all = (int)there <= ids.Length;
                    Array.Resize(ref ids, Math.Max((int)there, all ? 0 : 1));
                    if (all) return ids;
                }
            }
            finally
            {
                handle.Leave();
            }
        }

        /// <summary>The server that an event is about.</summary>
        private RemoteServer Sender(sinew_event* e)
        {
            lock (directory)
            {
                RemoteServer server;
                WeakReference<RemoteServer> before;
                if (servers.TryGetValue(e->server, out server)) return server;
                if (gone.TryGetValue(e->server, out before) && before.TryGetTarget(out server)) return server;
            }
            // It has left, as who failed to answer may have, or its joining was never seen here: what the event says of it must do. It is not
            // entered: nothing would ever take it out again.
            return FindServer(e->server) as RemoteServer ?? new RemoteServer(this, e->server, GroupOf(Text.From(e->group)), "", "", 0);
        }

        private RemoteServer Join(sinew_registration* entry)
        {
            lock (directory)
            {
                RemoteServer server;
                if (!servers.TryGetValue(entry->id, out server))
                {
                    server = Add(entry->id, Text.From(entry->group, entry->group_len), Text.From(entry->name, entry->name_len),
                        Text.From(entry->host, entry->host_len), (ushort)entry->port);
                }
                server.Describe(Text.Properties(entry));
                return server;
            }
        }

        /// <summary>Only with the lock on the directory.</summary>
        private RemoteServer Add(ulong id, string group, string name, string host, ushort port)
        {
            RemoteServer server = null;
            WeakReference<RemoteServer> before;
            if (gone.TryGetValue(id, out before)) before.TryGetTarget(out server);
            gone.Remove(id);
            if (server == null) server = new RemoteServer(this, id, GroupOf(group), name, host, port);
            servers[id] = server;
            return server;
        }

        /// <summary>After its last event. Its handle stays good for those who hold it.</summary>
        private void Forget(RemoteServer server)
        {
            lock (directory)
            {
                servers.Remove(server.Number);
                if (ReferenceEquals(lastSender, server)) lastSender = null;
                // Nobody holds most of them: they are taken away whenever their number has doubled.
                if (gone.Count >= mostGone)
                {
                    var dead = new List<ulong>();
                    foreach (KeyValuePair<ulong, WeakReference<RemoteServer>> entry in gone)
                    {
                        RemoteServer alive;
                        if (!entry.Value.TryGetTarget(out alive)) dead.Add(entry.Key);
                    }
                    foreach (ulong id in dead) gone.Remove(id);
                    mostGone = Math.Max(64, 2 * gone.Count);
                }
                gone[server.Number] = new WeakReference<RemoteServer>(server);
            }
        }

        private int mostGone = 64;

        private ServerGroup GroupOf(string name)
        {
            lock (directory)
            {
                ServerGroup group;
                if (!groups.TryGetValue(name, out group)) groups[name] = group = new ServerGroup(this, name);
                return group;
            }
        }
    }
}
