using System;
using UnityEngine.Events;

namespace Sinew
{
    // Unity's inspector shows a UnityEvent with arguments only through a class of its own on older versions.

    /// <summary>Something that happened to a remote server.</summary>
    [Serializable]
    public sealed class RemoteServerUnityEvent : UnityEvent<IRemoteServer>
    {
    }

    /// <summary>The session with a remote server is over.</summary>
    [Serializable]
    public sealed class ServerDisconnectedUnityEvent : UnityEvent<IRemoteServer, DisconnectReason>
    {
    }

    /// <summary>A remote server is gone from view.</summary>
    [Serializable]
    public sealed class ServerLeftUnityEvent : UnityEvent<IRemoteServer, LeaveReason>
    {
    }

    /// <summary>A message: who sent it, its tag, a copy of its payload.</summary>
    [Serializable]
    public sealed class MessageUnityEvent : UnityEvent<IRemoteServer, int, byte[]>
    {
    }

    /// <summary>A request, to be answered now or later, and a copy of its payload.</summary>
    [Serializable]
    public sealed class RequestUnityEvent : UnityEvent<ReceivedRequest, byte[]>
    {
    }

    /// <summary>A sentence.</summary>
    [Serializable]
    public sealed class TextUnityEvent : UnityEvent<string>
    {
    }

    /// <summary>A line of the library's log.</summary>
    [Serializable]
    public sealed class LogUnityEvent : UnityEvent<LogLevel, string>
    {
    }

    /// <summary>Why a server has stopped.</summary>
    [Serializable]
    public sealed class StoppedUnityEvent : UnityEvent<StopReason>
    {
    }

    /// <summary>
    /// What the inspector of a <see cref="SinewServerBehaviour"/> can connect. They are invoked before the C# events of the same name.
    /// </summary>
    [Serializable]
    public sealed class SinewUnityEvents
    {
        /// <summary>The server is registered.</summary>
        public UnityEvent started = new UnityEvent();

        /// <summary>The server could not be started: why, and what to do about it.</summary>
        public TextUnityEvent startFailed = new TextUnityEvent();

        /// <summary>A server is in the registry; it is not connected yet.</summary>
        public RemoteServerUnityEvent serverJoined = new RemoteServerUnityEvent();

        /// <summary>The link to a server is up; sending works.</summary>
        public RemoteServerUnityEvent serverConnected = new RemoteServerUnityEvent();

        /// <summary>The link broke or is silent; what is sent waits.</summary>
        public RemoteServerUnityEvent serverInterrupted = new RemoteServerUnityEvent();

        /// <summary>Another link goes on where the last one stopped.</summary>
        public RemoteServerUnityEvent serverResumed = new RemoteServerUnityEvent();

        /// <summary>A server's properties are others than before.</summary>
        public RemoteServerUnityEvent serverUpdated = new RemoteServerUnityEvent();

        /// <summary>After a full queue: half of the outbox to a server is free again.</summary>
        public RemoteServerUnityEvent writable = new RemoteServerUnityEvent();

        /// <summary>The session with a server is over.</summary>
        public ServerDisconnectedUnityEvent serverDisconnected = new ServerDisconnectedUnityEvent();

        /// <summary>A server is gone from view.</summary>
        public ServerLeftUnityEvent serverLeft = new ServerLeftUnityEvent();

        /// <summary>A message. It costs a copy, which is garbage: the C# event costs none. Connect it in the inspector, before the server starts.</summary>
        public MessageUnityEvent messageReceived = new MessageUnityEvent();

        /// <summary>
        /// A request, which counts as taken: answer it. It costs a copy, as a message does. Connect it in the inspector, before the server starts.
        /// </summary>
        public RequestUnityEvent requestReceived = new RequestUnityEvent();

        /// <summary>The registry cannot be reached; links live on.</summary>
        public TextUnityEvent registryLost = new TextUnityEvent();

        /// <summary>The registry is there again.</summary>
        public UnityEvent registryRestored = new UnityEvent();

        /// <summary>A line of the library's log.</summary>
        public LogUnityEvent logged = new LogUnityEvent();

        /// <summary>The last event: every link is down.</summary>
        public StoppedUnityEvent stopped = new StoppedUnityEvent();

        /// <summary>Has them invoked for what happens to this server, before whoever is added to it later.</summary>
        internal void Attach(SinewServer server)
        {
            server.Started += (sender, e) => started.Invoke();
            server.ServerJoined += (sender, e) => serverJoined.Invoke(e.RemoteServer);
            server.ServerConnected += (sender, e) => serverConnected.Invoke(e.RemoteServer);
            server.ServerInterrupted += (sender, e) => serverInterrupted.Invoke(e.RemoteServer);
            server.ServerResumed += (sender, e) => serverResumed.Invoke(e.RemoteServer);
            server.ServerUpdated += (sender, e) => serverUpdated.Invoke(e.RemoteServer);
            server.Writable += (sender, e) => writable.Invoke(e.RemoteServer);
            server.ServerDisconnected += (sender, e) => serverDisconnected.Invoke(e.RemoteServer, e.Reason);
            server.ServerLeft += (sender, e) => serverLeft.Invoke(e.RemoteServer, e.Reason);
            server.RegistryLost += (sender, e) => registryLost.Invoke(e.Text);
            server.RegistryRestored += (sender, e) => registryRestored.Invoke();
            server.Logged += (sender, e) => logged.Invoke(e.Level, e.Text);
            server.Stopped += (sender, e) => stopped.Invoke(e.Reason);
            // These two copy, and a request that nobody answers is to be refused: only where somebody listens.
            if (messageReceived.GetPersistentEventCount() > 0)
            {
                server.MessageReceived += (sender, e) => messageReceived.Invoke(e.RemoteServer, e.Tag, e.Data.ToArray());
            }
            if (requestReceived.GetPersistentEventCount() > 0)
            {
                server.RequestReceived += (sender, e) => requestReceived.Invoke(e.AnswerLater(), e.Data.ToArray());
            }
        }
    }
}
