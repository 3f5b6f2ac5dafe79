using System;
using System.Diagnostics;
using System.Threading;
using Sinew.Native;

namespace Sinew
{
    public sealed unsafe partial class SinewServer
    {
        /// <summary>After so many full batches a poll without a budget ends: who sends faster than this game handles must not own its frame.</summary>
        private const int MostBatches = 64;

        /// <summary>The thread that is inside a poll: 1, or 0 for none.</summary>
        private int polling;

        // The batch that is being handed over. What a budget leaves of it is the next poll's.
        private int next, count;
        private bool wasFull;

        /// <summary>Whether a handler has answered, refused or taken the request that is being handed over.</summary>
        internal bool requestTaken;

        private volatile bool isStopped;

        /// <summary>Who sent the last message: messages come in runs.</summary>
        private RemoteServer lastSender;

        /// <summary>
        /// Raises the events of what happened since the last call, in order, on this thread. Call it once per frame; it never waits.
        /// </summary>
        /// <param name="maxMicroseconds">
        /// Ends after the event during which this time has passed; the rest waits for the next call. 0: no budget.
        /// </param>
        /// <returns>How many events there were.</returns>
        /// <exception cref="InvalidOperationException">Another thread polls, or a handler does.</exception>
        /// <exception cref="ObjectDisposedException">The server was disposed.</exception>
        public int Poll(int maxMicroseconds = 0)
        {
            if (maxMicroseconds < 0) throw new ArgumentOutOfRangeException(nameof(maxMicroseconds), maxMicroseconds, "a budget is 0 or more");
            return Run(0, maxMicroseconds);
        }

        /// <summary>
        /// Like <see cref="Poll"/>, but waits up to <paramref name="timeoutMs"/> for the first event, for programs without frames; -1 is for ever.
        /// </summary>
        public int WaitAndPoll(int timeoutMs)
        {
            if (timeoutMs < -1) throw new ArgumentOutOfRangeException(nameof(timeoutMs), timeoutMs, "milliseconds are -1 or more");
            return Run(unchecked((uint)timeoutMs), 0);
        }

        private int Run(uint timeoutMs, int maxMicroseconds)
        {
            sinew_server* server = EnterOrThrow();
            try
            {
                if (Interlocked.CompareExchange(ref polling, 1, 0) != 0)
                {
                    throw new InvalidOperationException("this server is being polled: by another thread, or by the handler that polls again");
                }
                try
                {
                    return HandOver(server, timeoutMs, maxMicroseconds);
                }
                finally
                {
                    Volatile.Write(ref polling, 0);
                }
            }
            finally
            {
                handle.Leave();
            }
        }

        private int HandOver(sinew_server* server, uint timeoutMs, int maxMicroseconds)
        {
            long deadline = maxMicroseconds == 0 ? long.MaxValue : Stopwatch.GetTimestamp() + maxMicroseconds * Stopwatch.Frequency / 1000000;
            sinew_event* events = handle.Events;
            int handled = 0;
            for (int batches = 0; ; batches++)
            {
                while (next < count)
                {
                    if (Volatile.Read(ref disposed) != 0) return handled;
                    // Counted before: whatever comes of it, this event has been handed over.
                    sinew_event* e = events + next++;
                    handled++;
                    if (e->type == NativeMethods.SINEW_EVENT_MESSAGE) OnMessage(e);
                    else Dispatch(e);
                    if (deadline != long.MaxValue && Stopwatch.GetTimestamp() >= deadline) return handled;
                }
                bool more = batches == 0 || (wasFull && batches < MostBatches);
                if (!more || isStopped || Volatile.Read(ref disposed) != 0) return handled;

                UIntPtr filled;
                uint patience = handled == 0 ? timeoutMs : 0;
                int result = NativeMethods.sinew_server_poll(server, patience, events, (UIntPtr)ServerHandle.Capacity, &filled);
                next = count = 0;
                wasFull = false;
                if (result == NativeMethods.SINEW_RESULT_STOPPED)
                {
                    isStopped = true;
                    return handled;
                }
                Text.Demand(result);
                count = (int)filled;
                wasFull = count == ServerHandle.Capacity;
            }
        }

        private void OnMessage(sinew_event* e)
        {
            RemoteServer from = lastSender;
            if (from == null || from.Number != e->server) lastSender = from = Sender(e);
            var args = new MessageReceivedEventArgs(from, e);
            MessageReceivedHandler[] handlers = from.Messages.Items;
            if (handlers != null) Raise(handlers, from, args);
            handlers = from.Group.Messages.Items;
            if (handlers != null) Raise(handlers, from.Group, args);
            handlers = messages.Items;
            if (handlers != null) Raise(handlers, this, args);
        }

        private void Dispatch(sinew_event* e)
        {
            switch (e->type)
            {
                case NativeMethods.SINEW_EVENT_STARTED:
                    RefreshLocalInfo();
                    Raise(started.Items, nameof(Started));
                    break;
                case NativeMethods.SINEW_EVENT_SERVER_JOINED:
                    OnJoined((sinew_registration*)e->data);
                    break;
                case NativeMethods.SINEW_EVENT_SERVER_CONNECTED:
                {
                    RemoteServer server = Sender(e);
                    Raise(server.ConnectedHandlers.Items, server, server.Args, nameof(RemoteServer.Connected));
                    Raise(server.Group.Connected.Items, server.Group, server.Args, nameof(ServerConnected));
                    Raise(connected.Items, this, server.Args, nameof(ServerConnected));
                    break;
                }
                case NativeMethods.SINEW_EVENT_SERVER_INTERRUPTED:
                {
                    RemoteServer server = Sender(e);
                    Raise(server.InterruptedHandlers.Items, server, server.Args, nameof(RemoteServer.Interrupted));
                    Raise(interrupted.Items, this, server.Args, nameof(ServerInterrupted));
                    break;
                }
                case NativeMethods.SINEW_EVENT_SERVER_RESUMED:
                {
                    RemoteServer server = Sender(e);
                    Raise(server.ResumedHandlers.Items, server, server.Args, nameof(RemoteServer.Resumed));
                    Raise(resumed.Items, this, server.Args, nameof(ServerResumed));
                    break;
                }
                case NativeMethods.SINEW_EVENT_SERVER_DISCONNECTED:
                {
                    RemoteServer server = Sender(e);
                    var args = new ServerDisconnectedEventArgs(server, (DisconnectReason)e->code, Text.From(e->data, e->len), e->count);
                    Raise(server.DisconnectedHandlers.Items, server, args, nameof(RemoteServer.Disconnected));
                    Raise(server.Group.Disconnected.Items, server.Group, args, nameof(ServerDisconnected));
                    Raise(disconnected.Items, this, args, nameof(ServerDisconnected));
                    break;
                }
                case NativeMethods.SINEW_EVENT_SERVER_LEFT:
                {
                    RemoteServer server = Sender(e);
                    Forget(server);
                    var args = new ServerLeftEventArgs(server, (LeaveReason)e->code);
                    Raise(server.LeftHandlers.Items, server, args, nameof(RemoteServer.Left));
                    Raise(server.Group.Left.Items, server.Group, args, nameof(ServerLeft));
                    Raise(left.Items, this, args, nameof(ServerLeft));
                    break;
                }
                case NativeMethods.SINEW_EVENT_SERVER_UPDATED:
                {
                    RemoteServer server = Sender(e);
                    server.Describe(Text.Properties((sinew_registration*)e->data));
                    Raise(server.UpdatedHandlers.Items, server, server.Args, nameof(RemoteServer.Updated));
                    Raise(updated.Items, this, server.Args, nameof(ServerUpdated));
                    break;
                }
                case NativeMethods.SINEW_EVENT_WRITABLE:
                {
                    RemoteServer server = Sender(e);
                    Raise(server.WritableHandlers.Items, server, server.Args, nameof(Writable));
                    Raise(writable.Items, this, server.Args, nameof(Writable));
                    break;
                }
                case NativeMethods.SINEW_EVENT_REQUEST:
                    OnRequest(e);
                    break;
                case NativeMethods.SINEW_EVENT_REPLY:
                    OnReply(e);
                    break;
                case NativeMethods.SINEW_EVENT_REQUEST_FAILED:
                    OnRequestFailed(e);
                    break;
                case NativeMethods.SINEW_EVENT_REGISTRY_LOST:
                    Raise(registryLost.Items, this, new RegistryLostEventArgs(Text.From(e->data, e->len)), nameof(RegistryLost));
                    break;
                case NativeMethods.SINEW_EVENT_REGISTRY_RESTORED:
                    Raise(registryRestored.Items, nameof(RegistryRestored));
                    break;
                case NativeMethods.SINEW_EVENT_REGISTRY_REGISTER:
                    OnRegister((sinew_registration*)e->data);
                    break;
                case NativeMethods.SINEW_EVENT_REGISTRY_DEREGISTER:
                    OnDeregister(e->server);
                    break;
                case NativeMethods.SINEW_EVENT_REGISTRY_CONNECTION_FAILURE:
                    OnConnectionFailure(Sender(e));
                    break;
                case NativeMethods.SINEW_EVENT_LOG:
                    if (logged.Items == null) break;
                    Raise(logged.Items, this, new LoggedEventArgs((LogLevel)e->code, Text.From(e->data, e->len)), nameof(Logged));
                    break;
                case NativeMethods.SINEW_EVENT_STOPPED:
                    isStopped = true;
                    Raise(stopped.Items, this, new StoppedEventArgs((StopReason)e->code, Text.From(e->data, e->len)), nameof(Stopped));
                    break;
                default:
                    // What later versions of the library add.
                    break;
            }
        }

        private void OnJoined(sinew_registration* entry)
        {
            RemoteServer server = Join(entry);
            Raise(server.Group.Joined.Items, server.Group, server.Args, nameof(ServerJoined));
            Raise(joined.Items, this, server.Args, nameof(ServerJoined));
        }

        private void OnRequest(sinew_event* e)
        {
            RemoteServer from = Sender(e);
            var args = new RequestReceivedEventArgs(this, from, e->request, (ushort)e->tag, (SendMode)e->mode,
                (int)Math.Min(e->count, int.MaxValue), new ReadOnlySpan<byte>(e->data, (int)e->len));
            requestTaken = false;
            Raise(from.Requests.Items, from, args);
            Raise(from.Group.Requests.Items, from.Group, args);
            Raise(requests.Items, this, args);
            // Best effort, as everything about a session that may be over by now: who asked has a time limit.
            if (!requestTaken) Refuse(from.Number, e->request, RequestFailure.NoHandler);
        }
    }
}
