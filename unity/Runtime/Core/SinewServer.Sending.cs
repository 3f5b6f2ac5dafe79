using System;
using System.Collections.Generic;
using System.Runtime.InteropServices;
using Sinew.Native;

namespace Sinew
{
    public sealed unsafe partial class SinewServer
    {
        /// <summary>Requests of this server that have not ended. A request is made and entered under the lock, so its end never comes before it is here.</summary>
        private readonly Dictionary<ulong, ServerRequest> open = new Dictionary<ulong, ServerRequest>();

        /// <inheritdoc/>
        public bool SendMessage(ulong to, ushort tag, ReadOnlySpan<byte> data, SendMode mode = SendMode.Reliable)
        {
            return TrySend(to, tag, data, mode) == SinewResult.Ok;
        }

        /// <inheritdoc/>
        public SinewResult TrySend(ulong to, ushort tag, ReadOnlySpan<byte> data, SendMode mode = SendMode.Reliable)
        {
            sinew_server* server = handle.Enter();
            if (server == null) return SinewResult.Stopped;
            int result;
            // Read as what it is on a little-endian machine, which all of them are: mono calls two methods for each conversion.
            long length = data.Length;
            fixed (byte* start = &MemoryMarshal.GetReference(data))
            {
                result = NativeMethods.sinew_server_send(server, to, tag, (uint)mode, start, *(UIntPtr*)&length);
            }
            handle.Leave();
            return result == NativeMethods.SINEW_RESULT_OK ? SinewResult.Ok : Text.Answer(result);
        }

        /// <inheritdoc/>
        public BroadcastResult Broadcast(string group, ushort tag, ReadOnlySpan<byte> data, SendMode mode = SendMode.Reliable, Span<ulong> missed = default)
        {
            return Broadcast(NameOf(group), tag, data, mode, missed);
        }

        internal BroadcastResult Broadcast(byte[] group, ushort tag, ReadOnlySpan<byte> data, SendMode mode, Span<ulong> missed)
        {
            UIntPtr sent = UIntPtr.Zero, missing = UIntPtr.Zero;
            sinew_server* server = handle.Enter();
            if (server == null) return new BroadcastResult(SinewResult.Stopped, 0, 0);
            int result;
            fixed (byte* name = group)
            fixed (byte* start = &MemoryMarshal.GetReference(data))
            fixed (ulong* ids = &MemoryMarshal.GetReference(missed))
            {
                result = NativeMethods.sinew_server_broadcast(server, name, (UIntPtr)group.Length, tag, (uint)mode, start, (UIntPtr)data.Length,
                    &sent, ids, (UIntPtr)missed.Length, &missing);
            }
            handle.Leave();
            return new BroadcastResult(Text.Answer(result), (int)sent, (int)missing);
        }

        /// <inheritdoc/>
        public SinewResult SendAny(string group, SelectionPolicy policy, ushort tag, ReadOnlySpan<byte> data, out ulong to,
            SendMode mode = SendMode.Reliable, ReadOnlySpan<byte> key = default)
        {
            return SendAny(NameOf(group), policy, tag, data, out to, mode, key);
        }

        internal SinewResult SendAny(byte[] group, SelectionPolicy policy, ushort tag, ReadOnlySpan<byte> data, out ulong to, SendMode mode,
            ReadOnlySpan<byte> key)
        {
            ulong chosen = 0;
            to = 0;
            sinew_server* server = handle.Enter();
            if (server == null) return SinewResult.Stopped;
            int result;
            fixed (byte* name = group)
            fixed (byte* start = &MemoryMarshal.GetReference(data))
            fixed (byte* keyStart = &MemoryMarshal.GetReference(key))
            {
                result = NativeMethods.sinew_server_send_any(server, name, (UIntPtr)group.Length, (uint)policy, keyStart, (UIntPtr)key.Length, tag,
                    (uint)mode, start, (UIntPtr)data.Length, &chosen);
            }
            handle.Leave();
            to = chosen;
            return Text.Answer(result);
        }

        /// <inheritdoc/>
        public ServerRequest Request(ulong to, ushort tag, ReadOnlySpan<byte> data, int timeoutMs = 5000, SendMode mode = SendMode.Reliable)
        {
            var request = new ServerRequest(this, tag);
            sinew_server* server = handle.Enter();
            int result = NativeMethods.SINEW_RESULT_STOPPED;
            if (server != null)
            {
                lock (open)
                {
                    ulong id = 0;
                    fixed (byte* start = &MemoryMarshal.GetReference(data))
                    {
                        result = NativeMethods.sinew_server_request(server, to, tag, (uint)mode, start, (UIntPtr)data.Length, Timeout(timeoutMs), &id);
                    }
                    Enter(request, id);
                }
                handle.Leave();
            }
            return Begun(request, result);
        }

        /// <inheritdoc/>
        public ServerRequest RequestAny(string group, SelectionPolicy policy, ushort tag, ReadOnlySpan<byte> data, int timeoutMs = 5000,
            int retries = 0, SendMode mode = SendMode.Reliable, ReadOnlySpan<byte> key = default)
        {
            return RequestAny(NameOf(group), policy, tag, data, timeoutMs, retries, mode, key);
        }

        internal ServerRequest RequestAny(byte[] group, SelectionPolicy policy, ushort tag, ReadOnlySpan<byte> data, int timeoutMs, int retries,
            SendMode mode, ReadOnlySpan<byte> key)
        {
            if (retries < 0) throw new ArgumentOutOfRangeException(nameof(retries), retries, "retries are 0 or more");
            var request = new ServerRequest(this, tag);
            sinew_server* server = handle.Enter();
            int result = NativeMethods.SINEW_RESULT_STOPPED;
            if (server != null)
            {
                lock (open)
                {
                    ulong id = 0;
                    fixed (byte* name = group)
                    fixed (byte* start = &MemoryMarshal.GetReference(data))
                    fixed (byte* keyStart = &MemoryMarshal.GetReference(key))
                    {
                        result = NativeMethods.sinew_server_request_any(server, name, (UIntPtr)group.Length, (uint)policy, keyStart,
                            (UIntPtr)key.Length, tag, (uint)mode, start, (UIntPtr)data.Length, Timeout(timeoutMs), (uint)retries, &id);
                    }
                    Enter(request, id);
                }
                handle.Leave();
            }
            return Begun(request, result);
        }

        internal SinewResult Reply(ulong to, ulong request, uint code, ReadOnlySpan<byte> data)
        {
            sinew_server* server = handle.Enter();
            if (server == null) return SinewResult.Stopped;
            int result;
            fixed (byte* start = &MemoryMarshal.GetReference(data))
            {
                result = NativeMethods.sinew_server_reply(server, to, request, code, start, (UIntPtr)data.Length);
            }
            handle.Leave();
            return Text.Answer(result);
        }

        internal SinewResult Refuse(ulong to, ulong request, RequestFailure reason)
        {
            sinew_server* server = handle.Enter();
            if (server == null) return SinewResult.Stopped;
            int result = NativeMethods.sinew_server_refuse(server, to, request, unchecked((uint)reason));
            handle.Leave();
            return Text.Answer(result);
        }

        internal bool Cancel(ulong request)
        {
            sinew_server* server = request == 0 ? null : handle.Enter();
            if (server == null) return false;
            int result = NativeMethods.sinew_server_cancel(server, request);
            handle.Leave();
            return Text.Answer(result) == SinewResult.Ok;
        }

        private void OnReply(sinew_event* e)
        {
            ServerRequest request = Take(e->request);
            if (request != null) request.Answer(new Reply(Sender(e), e->code, new ReadOnlySpan<byte>(e->data, (int)e->len).ToArray()));
        }

        private void OnRequestFailed(sinew_event* e)
        {
            ServerRequest request = Take(e->request);
            if (request != null) request.Fail((RequestFailure)e->code, e->server == 0 ? null : Sender(e));
        }

        private ServerRequest Take(ulong id)
        {
            lock (open)
            {
                ServerRequest request;
                if (open.TryGetValue(id, out request)) open.Remove(id);
                return request;
            }
        }

        /// <summary>Only with the lock on the open requests.</summary>
        private void Enter(ServerRequest request, ulong id)
        {
            request.Id = id;
            if (id != 0) open[id] = request;
        }

        /// <summary>After the lock: what has ended calls whoever waits.</summary>
        private ServerRequest Begun(ServerRequest request, int result)
        {
            SinewResult answer = Text.Answer(result);
            if (answer != SinewResult.Ok) request.NotSent(answer, result == NativeMethods.SINEW_RESULT_STOPPED ? "the server is stopped" : Text.LastError());
            // Disposed of between the call and here: whichever of the two sees the other's work ends it.
            else if (IsDisposed) FailOpenRequests();
            return request;
        }

        private void FailOpenRequests()
        {
            List<ServerRequest> left;
            lock (open)
            {
                left = new List<ServerRequest>(open.Values);
                open.Clear();
            }
            foreach (ServerRequest request in left) request.Fail(RequestFailure.Stopping, null);
        }

        /// <summary>A time limit below 0 is as wrong as 0, and the library says so.</summary>
        private static uint Timeout(int milliseconds)
        {
            return milliseconds < 0 ? 0 : (uint)milliseconds;
        }

        /// <summary>A group's name as the library takes it; costs nothing for groups that were seen before.</summary>
        private byte[] NameOf(string group)
        {
            if (group == null) throw new ArgumentNullException(nameof(group));
            lock (directory)
            {
                ServerGroup known;
                if (groups.TryGetValue(group, out known)) return known.Utf8;
            }
            UIntPtr length;
            byte[] bytes = Text.Bytes(group, nameof(group), out length);
            return length == UIntPtr.Zero ? new byte[0] : bytes;
        }
    }
}
