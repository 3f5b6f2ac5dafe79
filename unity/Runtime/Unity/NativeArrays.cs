using System;
using Unity.Collections;
using Unity.Collections.LowLevel.Unsafe;

namespace Sinew
{
    /// <summary>
    /// Payloads in a <c>NativeArray&lt;byte&gt;</c>, as jobs and Burst make them: sent without a copy of ours (Sinew copies once, into the outbox),
    /// received with one. An array that was not created counts as empty. Complete the job that writes to an array before sending it.
    /// </summary>
    public static unsafe class NativeArrays
    {
        /// <summary>The bytes of the array, for every member that takes a span; good until it is disposed.</summary>
        public static ReadOnlySpan<byte> AsBytes(this NativeArray<byte> data)
        {
            return data.IsCreated ? new ReadOnlySpan<byte>(data.GetUnsafeReadOnlyPtr(), data.Length) : default(ReadOnlySpan<byte>);
        }

        /// <inheritdoc cref="IRemoteServer.SendMessage(ushort, ReadOnlySpan{byte}, SendMode)"/>
        public static bool SendMessage(this IRemoteServer server, ushort tag, NativeArray<byte> data, SendMode mode = SendMode.Reliable)
        {
            return server.SendMessage(tag, data.AsBytes(), mode);
        }

        /// <inheritdoc cref="IRemoteServer.TrySend(ushort, ReadOnlySpan{byte}, SendMode)"/>
        public static SinewResult TrySend(this IRemoteServer server, ushort tag, NativeArray<byte> data, SendMode mode = SendMode.Reliable)
        {
            return server.TrySend(tag, data.AsBytes(), mode);
        }

        /// <inheritdoc cref="IRemoteServer.Request(ushort, ReadOnlySpan{byte}, int, SendMode)"/>
        public static ServerRequest Request(this IRemoteServer server, ushort tag, NativeArray<byte> data, int timeoutMs = 5000,
            SendMode mode = SendMode.Reliable)
        {
            return server.Request(tag, data.AsBytes(), timeoutMs, mode);
        }

        /// <inheritdoc cref="IServerGroup.Broadcast"/>
        public static BroadcastResult Broadcast(this IServerGroup group, ushort tag, NativeArray<byte> data, SendMode mode = SendMode.Reliable)
        {
            return group.Broadcast(tag, data.AsBytes(), mode);
        }

        /// <inheritdoc cref="IServerGroup.SendAny"/>
        public static SinewResult SendAny(this IServerGroup group, SelectionPolicy policy, ushort tag, NativeArray<byte> data, out ulong to,
            SendMode mode = SendMode.Reliable, ReadOnlySpan<byte> key = default(ReadOnlySpan<byte>))
        {
            return group.SendAny(policy, tag, data.AsBytes(), out to, mode, key);
        }

        /// <inheritdoc cref="IServerGroup.RequestAny"/>
        public static ServerRequest RequestAny(this IServerGroup group, SelectionPolicy policy, ushort tag, NativeArray<byte> data,
            int timeoutMs = 5000, int retries = 0, SendMode mode = SendMode.Reliable, ReadOnlySpan<byte> key = default(ReadOnlySpan<byte>))
        {
            return group.RequestAny(policy, tag, data.AsBytes(), timeoutMs, retries, mode, key);
        }

        /// <inheritdoc cref="ReceivedRequest.Reply(ReadOnlySpan{byte}, uint)"/>
        public static SinewResult Reply(this ReceivedRequest request, NativeArray<byte> data, uint code = 0)
        {
            return request.Reply(data.AsBytes(), code);
        }

        /// <summary>A copy of the payload, which you dispose of; <c>Allocator.Temp</c> needs that only after the frame.</summary>
        public static NativeArray<byte> ToNativeArray(this MessageReceivedEventArgs e, Allocator allocator)
        {
            return Copy(e.Data, allocator);
        }

        /// <summary>A copy of the payload, which you dispose of.</summary>
        public static NativeArray<byte> ToNativeArray(this RequestReceivedEventArgs e, Allocator allocator)
        {
            return Copy(e.Data, allocator);
        }

        /// <summary>A copy of what was written so far, which you dispose of.</summary>
        public static NativeArray<byte> ToNativeArray(this MessageWriter writer, Allocator allocator)
        {
            return Copy(writer.WrittenSpan, allocator);
        }

        private static NativeArray<byte> Copy(ReadOnlySpan<byte> data, Allocator allocator)
        {
            var copy = new NativeArray<byte>(data.Length, allocator, NativeArrayOptions.UninitializedMemory);
            data.CopyTo(new Span<byte>(copy.GetUnsafePtr(), data.Length));
            return copy;
        }
    }
}
