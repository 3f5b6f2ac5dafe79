using System;
using System.Threading;

namespace Sinew
{
    /// <summary>
    /// The handlers of one event. Walking them allocates nothing, and when one throws the others are still called: neither holds for a multicast
    /// delegate. May be changed on any thread at any time; who walks sees the handlers of the moment when it began.
    /// </summary>
    internal struct HandlerList<T> where T : class
    {
        /// <summary>NULL for none. Never changed in place.</summary>
        internal T[] Items;

        internal void Add(T handler)
        {
            if (handler == null) return;
            T[] seen, more;
            do
            {
                seen = Volatile.Read(ref Items);
                int count = seen == null ? 0 : seen.Length;
                more = new T[count + 1];
                if (count > 0) Array.Copy(seen, more, count);
                more[count] = handler;
            }
            while (Interlocked.CompareExchange(ref Items, more, seen) != seen);
        }

        /// <summary>Takes away the one added last, as <c>-=</c> does.</summary>
        internal void Remove(T handler)
        {
            T[] seen, fewer;
            do
            {
                seen = Volatile.Read(ref Items);
                int at = seen == null ? -1 : Array.LastIndexOf(seen, handler);
                if (at < 0) return;
                fewer = seen.Length == 1 ? null : new T[seen.Length - 1];
                if (fewer != null)
                {
                    Array.Copy(seen, fewer, at);
                    Array.Copy(seen, at + 1, fewer, at, fewer.Length - at);
                }
            }
            while (Interlocked.CompareExchange(ref Items, fewer, seen) != seen);
        }
    }
}
