using System;

namespace Sinew
{
    /// <summary>
    /// A registry that the game connects itself, for <c>registry.kind = "external"</c>: pass one to <see cref="SinewServer.Start(string, ServerRegistryConnector)"/>.
    /// Sinew calls <see cref="RegisterServer"/>, <see cref="DeregisterServer"/> and <see cref="HandleConnectionFailure"/> inside <c>Poll</c>, on
    /// the thread that polls; you call the others, on any thread, whenever the registry tells something.
    /// </summary>
    /// <remarks>
    /// What you call answers <c>Ok</c>, <c>QueueFull</c> (too many reports wait; nothing was done, report it again after the next poll) or
    /// <c>Stopped</c>, and throws a <see cref="SinewException"/> for mistakes unless it says otherwise.
    /// </remarks>
    public abstract class ServerRegistryConnector
    {
        private SinewServer owner;

        /// <summary>The server this connector works for; <c>null</c> before it was passed to one.</summary>
        protected SinewServer Server { get { return owner; } }

        /// <summary>
        /// Put this server into your registry, then call <see cref="Registered"/> or <see cref="RegisterFailed"/>: now, or later from any thread.
        /// Throwing counts as <see cref="RegisterFailed"/>. It is called again after a failure.
        /// </summary>
        protected internal abstract void RegisterServer(ServerRegistration entry);

        /// <summary>
        /// Take the entry of this id out of your registry, and no other; the next event may be the last. A server that is disposed of while it is
        /// registered calls it inside <see cref="SinewServer.Dispose"/>, on that thread.
        /// </summary>
        protected internal abstract void DeregisterServer(ulong id);

        /// <summary>
        /// Dialling this server failed again and again. Look whether it is really there, and call <see cref="HandleServerLeave"/> if it is not.
        /// Does nothing unless you override it.
        /// </summary>
        protected internal virtual void HandleConnectionFailure(IRemoteServer server)
        {
        }

        /// <summary>
        /// This server is registered, under the id that was offered or another one that nobody ever had. <c>Stopped</c>: it is stopping, take the
        /// entry out again.
        /// </summary>
        protected SinewResult Registered(ulong id)
        {
            return Owner().ReportRegistered(id);
        }

        /// <summary>It was not possible; <see cref="SinewServer.RegistryLost"/> tells why, once, and <see cref="RegisterServer"/> is called again after a pause.</summary>
        protected SinewResult RegisterFailed(string why)
        {
            return Owner().ReportRegisterFailed(why);
        }

        /// <summary>
        /// A server stands in the registry. Report everybody, this server included. <c>AlreadyJoined</c>: the id is known, and no snapshot asks
        /// for it, or it is known with other details.
        /// </summary>
        protected SinewResult HandleServerJoin(ServerRegistration entry)
        {
            if (entry == null) throw new ArgumentNullException(nameof(entry));
            return Owner().ReportJoined(entry);
        }

        /// <summary>A server does not stand in the registry any more: a hint, a live link outlives it. <c>UnknownServer</c>: it was not reported, or has left.</summary>
        protected SinewResult HandleServerLeave(ulong id)
        {
            return Owner().ReportLeft(id);
        }

        /// <summary>Begins a look at the whole registry: report everybody, known or not; who is not reported until <see cref="EndSnapshot"/> has left.</summary>
        protected SinewResult BeginSnapshot()
        {
            return Owner().ReportSnapshotBegin();
        }

        /// <summary>Ends what <see cref="BeginSnapshot"/> began.</summary>
        protected SinewResult EndSnapshot()
        {
            return Owner().ReportSnapshotEnd();
        }

        /// <summary>The registry cannot be reached. Calling it again does nothing; links live on.</summary>
        protected SinewResult HandleRegistryLost(string why)
        {
            return Owner().ReportRegistryLost(why);
        }

        /// <summary>The registry can be reached again. Does nothing where nothing was lost; report what has changed, best as a snapshot.</summary>
        protected SinewResult HandleRegistryRestored()
        {
            return Owner().ReportRegistryRestored();
        }

        internal void Attach(SinewServer server)
        {
            if (System.Threading.Interlocked.CompareExchange(ref owner, server, null) != null)
            {
                throw new InvalidOperationException("this ServerRegistryConnector serves another server already; make one for each");
            }
        }

        private SinewServer Owner()
        {
            if (owner == null) throw new InvalidOperationException("no server has this ServerRegistryConnector; pass it to SinewServer.Start");
            return owner;
        }
    }
}
