using System;

namespace Sinew
{
    public sealed unsafe partial class SinewServer
    {
        private HandlerList<EventHandler> started, registryRestored;
        private HandlerList<EventHandler<RemoteServerEventArgs>> joined, connected, interrupted, resumed, updated, writable;
        private HandlerList<EventHandler<ServerDisconnectedEventArgs>> disconnected;
        private HandlerList<EventHandler<ServerLeftEventArgs>> left;
        private HandlerList<EventHandler<RegistryLostEventArgs>> registryLost;
        private HandlerList<EventHandler<LoggedEventArgs>> logged;
        private HandlerList<EventHandler<StoppedEventArgs>> stopped;
        private HandlerList<EventHandler<HandlerFailedEventArgs>> handlerFailed;
        private HandlerList<MessageReceivedHandler> messages;
        private HandlerList<RequestReceivedHandler> requests;

        /// <inheritdoc/>
        public event EventHandler Started { add { started.Add(value); } remove { started.Remove(value); } }

        /// <inheritdoc/>
        public event EventHandler<RemoteServerEventArgs> ServerJoined { add { joined.Add(value); } remove { joined.Remove(value); } }

        /// <inheritdoc/>
        public event EventHandler<ServerLeftEventArgs> ServerLeft { add { left.Add(value); } remove { left.Remove(value); } }

        /// <inheritdoc/>
        public event EventHandler<RemoteServerEventArgs> ServerConnected { add { connected.Add(value); } remove { connected.Remove(value); } }

        /// <inheritdoc/>
        public event EventHandler<RemoteServerEventArgs> ServerInterrupted { add { interrupted.Add(value); } remove { interrupted.Remove(value); } }

        /// <inheritdoc/>
        public event EventHandler<RemoteServerEventArgs> ServerResumed { add { resumed.Add(value); } remove { resumed.Remove(value); } }

        /// <inheritdoc/>
        public event EventHandler<ServerDisconnectedEventArgs> ServerDisconnected
        {
            add { disconnected.Add(value); }
            remove { disconnected.Remove(value); }
        }

        /// <inheritdoc/>
        public event EventHandler<RemoteServerEventArgs> ServerUpdated { add { updated.Add(value); } remove { updated.Remove(value); } }

        /// <inheritdoc/>
        public event EventHandler<RemoteServerEventArgs> Writable { add { writable.Add(value); } remove { writable.Remove(value); } }

        /// <inheritdoc/>
        public event MessageReceivedHandler MessageReceived { add { messages.Add(value); } remove { messages.Remove(value); } }

        /// <inheritdoc/>
        public event RequestReceivedHandler RequestReceived { add { requests.Add(value); } remove { requests.Remove(value); } }

        /// <inheritdoc/>
        public event EventHandler<RegistryLostEventArgs> RegistryLost { add { registryLost.Add(value); } remove { registryLost.Remove(value); } }

        /// <inheritdoc/>
        public event EventHandler RegistryRestored { add { registryRestored.Add(value); } remove { registryRestored.Remove(value); } }

        /// <inheritdoc/>
        public event EventHandler<LoggedEventArgs> Logged { add { logged.Add(value); } remove { logged.Remove(value); } }

        /// <inheritdoc/>
        public event EventHandler<HandlerFailedEventArgs> HandlerFailed { add { handlerFailed.Add(value); } remove { handlerFailed.Remove(value); } }

        /// <inheritdoc/>
        public event EventHandler<StoppedEventArgs> Stopped { add { stopped.Add(value); } remove { stopped.Remove(value); } }

        /// <summary>Tells that a handler threw, to whoever listens, or else to the error output.</summary>
        internal void ReportFailure(Exception exception, string during)
        {
            EventHandler<HandlerFailedEventArgs>[] handlers = handlerFailed.Items;
            if (handlers == null)
            {
                Console.Error.WriteLine("Sinew: a handler threw during " + during + ": " + exception);
                return;
            }
            var e = new HandlerFailedEventArgs(exception, during);
            for (int at = 0; at < handlers.Length; at++)
            {
                try
                {
                    handlers[at](this, e);
                }
                catch (Exception second)
                {
                    Console.Error.WriteLine("Sinew: a handler of HandlerFailed threw: " + second + "\nwhen it was told of: " + exception);
                }
            }
        }

        private void Raise(EventHandler[] handlers, string during)
        {
            if (handlers == null) return;
            for (int at = 0; at < handlers.Length; at++)
            {
                try
                {
                    handlers[at](this, EventArgs.Empty);
                }
                catch (Exception exception)
                {
                    ReportFailure(exception, during);
                }
            }
        }

        private void Raise<T>(EventHandler<T>[] handlers, object sender, T e, string during)
        {
            if (handlers == null) return;
            for (int at = 0; at < handlers.Length; at++)
            {
                try
                {
                    handlers[at](sender, e);
                }
                catch (Exception exception)
                {
                    ReportFailure(exception, during);
                }
            }
        }

        private void Raise(MessageReceivedHandler[] handlers, object sender, MessageReceivedEventArgs e)
        {
            for (int at = 0; at < handlers.Length; at++)
            {
                try
                {
                    handlers[at](sender, e);
                }
                catch (Exception exception)
                {
                    ReportFailure(exception, nameof(MessageReceived));
                }
            }
        }

        private void Raise(RequestReceivedHandler[] handlers, object sender, RequestReceivedEventArgs e)
        {
            if (handlers == null) return;
            for (int at = 0; at < handlers.Length; at++)
            {
                try
                {
                    handlers[at](sender, e);
                }
                catch (Exception exception)
                {
                    ReportFailure(exception, nameof(RequestReceived));
                }
            }
        }
    }
}
