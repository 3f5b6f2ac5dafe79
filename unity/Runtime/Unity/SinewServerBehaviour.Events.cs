using System;

namespace Sinew
{
    /// <content>
    /// The events of the server that runs, and of every one that is started later: who subscribes in an <c>Awake</c> misses nothing, and subscribes
    /// once. The handlers are the server's own, so a message costs no garbage; <c>sender</c> is the <see cref="SinewServer"/>.
    /// </content>
    public sealed partial class SinewServerBehaviour
    {
        private static readonly Delegate[] None = new Delegate[0];

        private EventHandler started, registryRestored;
        private EventHandler<RemoteServerEventArgs> joined, connected, interrupted, resumed, updated, writable;
        private EventHandler<ServerDisconnectedEventArgs> disconnected;
        private EventHandler<ServerLeftEventArgs> left;
        private EventHandler<RegistryLostEventArgs> registryLost;
        private EventHandler<LoggedEventArgs> logged;
        private EventHandler<HandlerFailedEventArgs> handlerFailed;
        private EventHandler<StoppedEventArgs> stopped;
        private MessageReceivedHandler messageReceived;
        private RequestReceivedHandler requestReceived;

        /// <inheritdoc cref="IRemoteServerManager.Started"/>
        public event EventHandler Started
        {
            add { started += value; if (server != null) server.Started += value; }
            remove { started -= value; if (server != null) server.Started -= value; }
        }

        /// <inheritdoc cref="IRemoteServerManager.ServerJoined"/>
        public event EventHandler<RemoteServerEventArgs> ServerJoined
        {
            add { joined += value; if (server != null) server.ServerJoined += value; }
            remove { joined -= value; if (server != null) server.ServerJoined -= value; }
        }

        /// <inheritdoc cref="IRemoteServerManager.ServerConnected"/>
        public event EventHandler<RemoteServerEventArgs> ServerConnected
        {
            add { connected += value; if (server != null) server.ServerConnected += value; }
            remove { connected -= value; if (server != null) server.ServerConnected -= value; }
        }

        /// <inheritdoc cref="IRemoteServerManager.ServerInterrupted"/>
        public event EventHandler<RemoteServerEventArgs> ServerInterrupted
        {
            add { interrupted += value; if (server != null) server.ServerInterrupted += value; }
            remove { interrupted -= value; if (server != null) server.ServerInterrupted -= value; }
        }

        /// <inheritdoc cref="IRemoteServerManager.ServerResumed"/>
        public event EventHandler<RemoteServerEventArgs> ServerResumed
        {
            add { resumed += value; if (server != null) server.ServerResumed += value; }
            remove { resumed -= value; if (server != null) server.ServerResumed -= value; }
        }

        /// <inheritdoc cref="IRemoteServerManager.ServerUpdated"/>
        public event EventHandler<RemoteServerEventArgs> ServerUpdated
        {
            add { updated += value; if (server != null) server.ServerUpdated += value; }
            remove { updated -= value; if (server != null) server.ServerUpdated -= value; }
        }

        /// <inheritdoc cref="IRemoteServerManager.Writable"/>
        public event EventHandler<RemoteServerEventArgs> Writable
        {
            add { writable += value; if (server != null) server.Writable += value; }
            remove { writable -= value; if (server != null) server.Writable -= value; }
        }

        /// <inheritdoc cref="IRemoteServerManager.ServerDisconnected"/>
        public event EventHandler<ServerDisconnectedEventArgs> ServerDisconnected
        {
            add { disconnected += value; if (server != null) server.ServerDisconnected += value; }
            remove { disconnected -= value; if (server != null) server.ServerDisconnected -= value; }
        }

        /// <inheritdoc cref="IRemoteServerManager.ServerLeft"/>
        public event EventHandler<ServerLeftEventArgs> ServerLeft
        {
            add { left += value; if (server != null) server.ServerLeft += value; }
            remove { left -= value; if (server != null) server.ServerLeft -= value; }
        }

        /// <inheritdoc cref="IRemoteServerManager.MessageReceived"/>
        public event MessageReceivedHandler MessageReceived
        {
            add { messageReceived += value; if (server != null) server.MessageReceived += value; }
            remove { messageReceived -= value; if (server != null) server.MessageReceived -= value; }
        }

        /// <inheritdoc cref="IRemoteServerManager.RequestReceived"/>
        public event RequestReceivedHandler RequestReceived
        {
            add { requestReceived += value; if (server != null) server.RequestReceived += value; }
            remove { requestReceived -= value; if (server != null) server.RequestReceived -= value; }
        }

        /// <inheritdoc cref="IRemoteServerManager.RegistryLost"/>
        public event EventHandler<RegistryLostEventArgs> RegistryLost
        {
            add { registryLost += value; if (server != null) server.RegistryLost += value; }
            remove { registryLost -= value; if (server != null) server.RegistryLost -= value; }
        }

        /// <inheritdoc cref="IRemoteServerManager.RegistryRestored"/>
        public event EventHandler RegistryRestored
        {
            add { registryRestored += value; if (server != null) server.RegistryRestored += value; }
            remove { registryRestored -= value; if (server != null) server.RegistryRestored -= value; }
        }

        /// <inheritdoc cref="IRemoteServerManager.Logged"/>
        public event EventHandler<LoggedEventArgs> Logged
        {
            add { logged += value; if (server != null) server.Logged += value; }
            remove { logged -= value; if (server != null) server.Logged -= value; }
        }

        /// <summary>A handler threw; the events after it are handed over all the same. The console has the exception in any case.</summary>
        public event EventHandler<HandlerFailedEventArgs> HandlerFailed
        {
            add { handlerFailed += value; if (server != null) server.HandlerFailed += value; }
            remove { handlerFailed -= value; if (server != null) server.HandlerFailed -= value; }
        }

        /// <summary>The last event of a server that ends by itself or by <see cref="StopServer"/>. Disabling the component raises none.</summary>
        public event EventHandler<StoppedEventArgs> Stopped
        {
            add { stopped += value; if (server != null) server.Stopped += value; }
            remove { stopped -= value; if (server != null) server.Stopped -= value; }
        }

        /// <summary>Gives the new server everybody who listens.</summary>
        private void AttachAll()
        {
            ConsoleLog.AttachFailures(server, this);
            if (logToConsole) ConsoleLog.Attach(server, this);
            unityEvents.Attach(server);
            foreach (Delegate one in Each(started)) server.Started += (EventHandler)one;
            foreach (Delegate one in Each(joined)) server.ServerJoined += (EventHandler<RemoteServerEventArgs>)one;
            foreach (Delegate one in Each(connected)) server.ServerConnected += (EventHandler<RemoteServerEventArgs>)one;
            foreach (Delegate one in Each(interrupted)) server.ServerInterrupted += (EventHandler<RemoteServerEventArgs>)one;
            foreach (Delegate one in Each(resumed)) server.ServerResumed += (EventHandler<RemoteServerEventArgs>)one;
            foreach (Delegate one in Each(updated)) server.ServerUpdated += (EventHandler<RemoteServerEventArgs>)one;
            foreach (Delegate one in Each(writable)) server.Writable += (EventHandler<RemoteServerEventArgs>)one;
            foreach (Delegate one in Each(disconnected)) server.ServerDisconnected += (EventHandler<ServerDisconnectedEventArgs>)one;
            foreach (Delegate one in Each(left)) server.ServerLeft += (EventHandler<ServerLeftEventArgs>)one;
            foreach (Delegate one in Each(messageReceived)) server.MessageReceived += (MessageReceivedHandler)one;
            foreach (Delegate one in Each(requestReceived)) server.RequestReceived += (RequestReceivedHandler)one;
            foreach (Delegate one in Each(registryLost)) server.RegistryLost += (EventHandler<RegistryLostEventArgs>)one;
            foreach (Delegate one in Each(registryRestored)) server.RegistryRestored += (EventHandler)one;
            foreach (Delegate one in Each(logged)) server.Logged += (EventHandler<LoggedEventArgs>)one;
            foreach (Delegate one in Each(handlerFailed)) server.HandlerFailed += (EventHandler<HandlerFailedEventArgs>)one;
            foreach (Delegate one in Each(stopped)) server.Stopped += (EventHandler<StoppedEventArgs>)one;
        }

        /// <summary>One by one, so that one that throws does not keep the next from being called.</summary>
        private static Delegate[] Each(Delegate handlers)
        {
            return handlers == null ? None : handlers.GetInvocationList();
        }
    }
}
