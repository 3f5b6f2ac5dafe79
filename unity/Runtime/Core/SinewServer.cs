using System;
using System.Threading;
using Sinew.Native;

namespace Sinew
{
    /// <summary>
    /// One server of the cluster. Start it with a TOML text, call <see cref="Poll(int)"/> once per frame, and handle the events: they are raised
    /// inside <c>Poll</c>, on the thread that polls, and nowhere else. For each remote server their order is always joined, connected, message...,
    /// disconnected, ..., left.
    /// </summary>
    /// <remarks>
    /// All members may be used on any thread, at any time; only one thread polls. A handler may do anything, also dispose of the server, but not
    /// poll it. Several servers may live in one process and share nothing. After <see cref="Dispose"/>, sends answer <c>Stopped</c>, questions
    /// answer nothing (<c>null</c>, 0, no servers), and the rest throws <see cref="ObjectDisposedException"/>.
    /// </remarks>
    public sealed unsafe partial class SinewServer : IRemoteServerManager, IDisposable
    {
        private readonly ServerHandle handle;
        private readonly ServerRegistryConnector connector;

        private volatile LocalInfo local;
        private int disposed;

        /// <summary>Starts a server from a TOML text, with the process's SINEW_* environment variables on top.</summary>
        /// <param name="config">Every option there is: docs/configuration.md.</param>
        /// <param name="connector">Your registry, for <c>registry.kind = "external"</c>; it serves this server alone.</param>
        /// <remarks>
        /// The addresses are bound when this returns; the server registers and connects in the background, tries again for as long as it must,
        /// and tells in events how it goes.
        /// </remarks>
        /// <exception cref="SinewException">
        /// The configuration is wrong, an address is taken, a key is missing, or the native library does not fit: the message says what, and
        /// what to do about it.
        /// </exception>
        public static SinewServer Start(string config, ServerRegistryConnector connector = null)
        {
            return Start(config, nameof(config), false, connector);
        }

        /// <summary>Starts a server from a TOML file, relative to the working directory. Otherwise as <see cref="Start(string, ServerRegistryConnector)"/>.</summary>
        public static SinewServer StartFile(string path, ServerRegistryConnector connector = null)
        {
            return Start(path, nameof(path), true, connector);
        }

        /// <summary>The version of the native library, such as "0.1.0".</summary>
        /// <exception cref="SinewException">It is missing, or does not fit.</exception>
        public static string NativeVersion { get { return Library.Version(); } }

        /// <summary>
        /// The whole sentence, with the cause and the cure, of the last call to the library that failed on this thread: why a send was answered
        /// something else than <c>Ok</c>. A call that succeeds leaves it alone. Empty if nothing has failed.
        /// </summary>
        public static string LastError
        {
            get
            {
                Library.Ensure();
                return Text.LastError();
            }
        }

        private static SinewServer Start(string text, string what, bool isPath, ServerRegistryConnector connector)
        {
            UIntPtr length;
            byte[] bytes = Text.Bytes(text, what, out length);
            Library.Ensure();
            sinew_server* started;
            fixed (byte* start = bytes)
            {
                Text.Demand(isPath
                    ? NativeMethods.sinew_server_start_file(start, length, &started)
                    : NativeMethods.sinew_server_start(start, length, &started));
            }
            var owner = new ServerHandle(started);
            try
            {
                return new SinewServer(owner, connector);
            }
            catch
            {
                owner.Shut();
                throw;
            }
        }

        private SinewServer(ServerHandle handle, ServerRegistryConnector connector)
        {
            this.handle = handle;
            this.connector = connector;
            RefreshLocalInfo();
            if (connector != null) connector.Attach(this);
        }

        /// <inheritdoc/>
        public ulong ServerId { get { return local.Id; } }

        /// <inheritdoc/>
        public string Group { get { return local.Group; } }

        /// <inheritdoc/>
        public ServerVisibility Visibility { get { return local.Visibility; } }

        /// <inheritdoc/>
        public string Name { get { return local.Name; } }

        /// <inheritdoc/>
        public string Host { get { return local.Host; } }

        /// <inheritdoc/>
        public ushort Port { get { return local.Port; } }

        /// <summary>Whether <see cref="Stopped"/> was raised: nothing more comes, and <c>Poll</c> does nothing.</summary>
        public bool IsStopped { get { return isStopped; } }

        /// <summary>Whether <see cref="Dispose"/> was called.</summary>
        public bool IsDisposed { get { return Volatile.Read(ref disposed) != 0; } }

        /// <summary>
        /// Begins a graceful end and returns at once: the server leaves the registry, sends what is queued and says goodbye. Go on polling until
        /// <see cref="Stopped"/>, then dispose. Calling it again, or after that, does nothing.
        /// </summary>
        public void Stop()
        {
            sinew_server* server = handle.Enter();
            if (server == null) return;
            try
            {
                Text.Demand(NativeMethods.sinew_server_stop(server));
            }
            finally
            {
                handle.Leave();
            }
        }

        /// <summary>
        /// Applies a new configuration, a whole one, to the running server: all of it or nothing. docs/configuration.md lists what can change.
        /// </summary>
        /// <exception cref="SinewException">The message names every key that is wrong, or that needs a restart to change; nothing has changed.</exception>
        public void Reload(string config)
        {
            UIntPtr length;
            byte[] bytes = Text.Bytes(config, nameof(config), out length);
            sinew_server* server = EnterOrThrow();
            try
            {
                fixed (byte* start = bytes) Text.Demand(NativeMethods.sinew_server_reload(server, start, length));
                RefreshLocalInfo();
            }
            finally
            {
                handle.Leave();
            }
        }

        /// <inheritdoc/>
        public ServerStats Stats()
        {
            var stats = new sinew_stats { size = (uint)sizeof(sinew_stats) };
            sinew_server* server = handle.Enter();
            if (server == null) return new ServerStats();
            try
            {
                Text.Demand(NativeMethods.sinew_server_stats(server, &stats));
                return new ServerStats(stats);
            }
            finally
            {
                handle.Leave();
            }
        }

        /// <summary>
        /// Ends the server: its threads, sockets and files are gone when this returns, which takes <c>limits.shutdown_ms</c> at most. Calls that are
        /// under way end safely: a handler may call this, and so may a thread while others send or poll. What little memory is left goes with the
        /// garbage. Open requests fail with <see cref="RequestFailure.Stopping"/>. A second call does nothing.
        /// </summary>
        public void Dispose()
        {
            if (Interlocked.Exchange(ref disposed, 1) != 0) return;
            // First, as a graceful end does it; and once more for what another thread has reported meanwhile.
            DeregisterIfRegistered();
            handle.Shut();
            DeregisterIfRegistered();
            FailOpenRequests();
        }

        private sinew_server* EnterOrThrow()
        {
            sinew_server* server = handle.Enter();
            if (server == null) throw new ObjectDisposedException(nameof(SinewServer));
            return server;
        }

        private void RefreshLocalInfo()
        {
            var info = new sinew_local_info { size = (uint)sizeof(sinew_local_info) };
            sinew_server* server = handle.Enter();
            if (server == null) return;
            try
            {
                Text.Demand(NativeMethods.sinew_server_info(server, &info));
                local = new LocalInfo(&info);
            }
            finally
            {
                handle.Leave();
            }
        }

        /// <summary>What this server is, as of the last time that it was asked: read as a whole on any thread.</summary>
        private sealed class LocalInfo
        {
            internal readonly ulong Id;
            internal readonly string Group, Name, Host;
            internal readonly ushort Port;
            internal readonly ServerVisibility Visibility;

            internal LocalInfo(sinew_local_info* info)
            {
                Id = info->id;
                Group = Text.From(info->group);
                Name = Text.From(info->name);
                Host = Text.From(info->host);
                Port = (ushort)info->port;
                Visibility = (ServerVisibility)info->visibility;
            }
        }
    }
}
