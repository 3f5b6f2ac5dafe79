using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Sinew.Native
{
    /// <summary>
    /// Owns one native server and the memory its events are polled into. Shutting it ends the server, also while calls are under way on other
    /// threads; its memory is given back by the finalizer, when nobody can be inside a call any more. So no call pays for being safe from a
    /// <c>Dispose</c> on another thread, and nobody who forgets to dispose leaks anything.
    /// </summary>
    /// <remarks>Counting the calls, as <c>DangerousAddRef</c> does, would be a tenth of a small message's way through this process.</remarks>
    internal sealed unsafe class ServerHandle : SafeHandle
    {
        /// <summary>Events of one native poll.</summary>
        internal const int Capacity = 512;

        private volatile bool shut;

        /// <summary>Room for <see cref="Capacity"/> events; lives as long as this object.</summary>
        internal readonly sinew_event* Events;

        internal ServerHandle(sinew_server* server) : base(IntPtr.Zero, true)
        {
            Events = (sinew_event*)Marshal.AllocHGlobal(Capacity * sizeof(sinew_event));
            SetHandle((IntPtr)server);
        }

        public override bool IsInvalid { get { return handle == IntPtr.Zero; } }

        // Both are in every send; mono inlines nothing of this length unless it is told to.
        /// <summary>The server, which is there until <see cref="Leave"/>; NULL once it is shut, and then nothing is to be left.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal sinew_server* Enter()
        {
            return shut ? null : (sinew_server*)handle;
        }

        /// <summary>After a call: until here somebody holds this object, so it is not finalized.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal void Leave()
        {
            GC.KeepAlive(this);
        }

        /// <summary>Ends the server: calls that are under way answer that it is stopped, and nobody is let in any more.</summary>
        internal void Shut()
        {
            shut = true;
            NativeMethods.sinew_server_close((sinew_server*)handle);
            Leave();
        }

        protected override bool ReleaseHandle()
        {
            NativeMethods.sinew_server_free((sinew_server*)handle);
            Marshal.FreeHGlobal((IntPtr)Events);
            return true;
        }
    }
}
