using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;

namespace Sinew.Native
{
    /// <summary>
    /// Owns one native server and the memory its events are polled into. Calls may be under way on any thread when it is closed: the last one
    /// to end frees the server. Nobody who forgets to close it leaks it: the finalizer frees it, too.
    /// </summary>
    /// <remarks>
    /// Counts by itself instead of by <c>DangerousAddRef</c>: that costs several times as much, in every send.
    /// </remarks>
    internal sealed unsafe class ServerHandle : SafeHandle
    {
        /// <summary>Events of one native poll.</summary>
        internal const int Capacity = 512;

        /// <summary>Added to the number of users when it is closed.</summary>
        private const int Closed = int.MinValue;

        private int users;

        /// <summary>Room for <see cref="Capacity"/> events; lives as long as the server.</summary>
        internal readonly sinew_event* Events;

        internal ServerHandle(sinew_server* server) : base(IntPtr.Zero, true)
        {
            Events = (sinew_event*)Marshal.AllocHGlobal(Capacity * sizeof(sinew_event));
            SetHandle((IntPtr)server);
        }

        public override bool IsInvalid { get { return handle == IntPtr.Zero; } }

        // Both are in every send; mono inlines nothing of this length unless it is told to.
        /// <summary>The server, which stays alive until <see cref="Leave"/>; NULL if it is closed, and then nothing is to be left.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal sinew_server* Enter()
        {
            return Interlocked.Increment(ref users) > 0 ? (sinew_server*)handle : Late();
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal void Leave()
        {
            if (Interlocked.Decrement(ref users) == Closed) Dispose();
        }

        private sinew_server* Late()
        {
            Leave();
            return null;
        }

        /// <summary>Lets nobody in any more, and frees the server as soon as nobody is in.</summary>
        internal void Shut()
        {
            int seen;
            do
            {
                seen = users;
                if (seen < 0) return;
            }
            while (Interlocked.CompareExchange(ref users, seen + Closed, seen) != seen);
            // Dispose releases once, however often it is called.
            if (seen == 0) Dispose();
        }

        protected override bool ReleaseHandle()
        {
            NativeMethods.sinew_server_free((sinew_server*)handle);
            Marshal.FreeHGlobal((IntPtr)Events);
            return true;
        }
    }
}
