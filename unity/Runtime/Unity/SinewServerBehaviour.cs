using System;
using System.IO;
using UnityEngine;

namespace Sinew
{
    /// <summary>Who polls a <see cref="SinewServerBehaviour"/>.</summary>
    public enum PollIn
    {
        /// <summary>The component, in its <c>Update</c>: before that of other scripts, by its execution order.</summary>
        Update = 0,
        /// <summary>Unity's player loop, at the end of <c>PreUpdate</c>: before every script's <c>Update</c>, also while the component is disabled.</summary>
        PreUpdate = 1,
        /// <summary>You, by <see cref="SinewServerBehaviour.Poll"/>.</summary>
        Manual = 2,
    }

    /// <summary>
    /// A server of the cluster as a component. It starts a <see cref="SinewServer"/> from what the inspector says, polls it once per frame, and ends
    /// it when it is disabled or destroyed, when play mode ends, when the editor reloads scripts, and when the application quits. Events are raised
    /// on the main thread only. Several may be in one scene.
    /// </summary>
    [AddComponentMenu("Sinew/Sinew Server")]
    [DefaultExecutionOrder(-1000)]
    public sealed partial class SinewServerBehaviour : MonoBehaviour, IRunningServer
    {
        [Tooltip("What the server is told when it starts.")]
        public ServerSettings settings = new ServerSettings();

        [Tooltip("Start before the first frame, and again whenever this component is enabled again.")]
        public bool startOnEnable = true;

        [Tooltip("Keep the game object when another scene is loaded. It must be a root object.")]
        public bool dontDestroyOnLoad;

        [Tooltip("Go on polling while the window has no focus (Application.runInBackground).")]
        public bool runInBackground = true;

        [Tooltip("Who polls the server.")]
        public PollIn pollIn = PollIn.Update;

        [Tooltip("Microseconds of a frame after which the rest of the events waits for the next one. 0: no budget."), Min(0)]
        public int pollBudgetMicroseconds = 2000;

        [Tooltip("Show the library's log in the console. With a text, an asset or a file for configuration that one must say log.to = \"events\".")]
        public bool logToConsole = true;

        /// <summary>What the inspector connects.</summary>
        public SinewUnityEvents unityEvents = new SinewUnityEvents();

        private SinewServer server;
        private bool inPlayerLoop, begun;

        /// <summary>The server; <c>null</c> while none runs. Another one after each start.</summary>
        public SinewServer Server { get { return server; } }

        /// <summary>Why the last start failed; <c>null</c> if it did not.</summary>
        public string Mistake { get; private set; }

        /// <summary>The TOML text that the running server was started with, or given by <see cref="Reload"/>; <c>null</c> while none runs.</summary>
        public string Configuration { get; private set; }

        /// <summary>
        /// Makes your registry, for <c>registry.kind = "external"</c>: called at each start, since a connector serves one server. Set it before the
        /// server starts: an <c>Awake</c> is in time; <c>null</c> for Sinew's own registries.
        /// </summary>
        public Func<ServerRegistryConnector> MakeConnector { get; set; }

        /// <summary>The server could not be started: why, and what to do about it. The console has it, too.</summary>
        public event Action<string> StartFailed;

        /// <summary>
        /// Starts the server, unless it runs. <c>false</c>: it was not possible, and <see cref="Mistake"/> says why; so does the console.
        /// </summary>
        public bool StartServer()
        {
            if (server != null) return true;
            try
            {
                string toml = settings.ToToml(logToConsole);
                server = SinewServer.Start(toml, MakeConnector == null ? null : MakeConnector());
                Configuration = toml;
                Mistake = null;
            }
            // What throws here is a mistake of the configuration or of its surroundings; others than these are bugs.
            catch (Exception exception) when (exception is SinewException || exception is IOException || exception is UnauthorizedAccessException
                || exception is InvalidOperationException || exception is ArgumentException)
            {
                Fail(exception.Message);
                return false;
            }
            AttachAll();
            inPlayerLoop = pollIn == PollIn.PreUpdate;
            RunningServers.Add(this);
            return true;
        }

        /// <summary>
        /// Begins a graceful end: what is queued is sent, the others learn of it. The server is polled until <see cref="Stopped"/> was raised, and
        /// is gone then. Disabling the component ends it at once, after what is queued was sent if that takes no longer than <c>limits.shutdown_ms</c>.
        /// </summary>
        public void StopServer()
        {
            if (server != null) server.Stop();
        }

        /// <summary>
        /// Applies the settings as they are now to the running server: all of them or nothing. docs/configuration.md lists what can change.
        /// </summary>
        /// <exception cref="SinewException">The message names what is wrong, or needs a restart to change; nothing has changed.</exception>
        /// <exception cref="InvalidOperationException">No server runs.</exception>
        public void Reload()
        {
            if (server == null) throw new InvalidOperationException("no server runs; StartServer() starts one with the settings as they are");
            string toml = settings.ToToml(logToConsole);
            server.Reload(toml);
            Configuration = toml;
        }

        /// <summary>Raises the events of what happened since the last call; for <see cref="PollIn.Manual"/>. Does nothing while no server runs.</summary>
        /// <returns>How many events there were.</returns>
        public int Poll()
        {
            SinewServer polled = server;
            if (polled == null) return 0;
            int events = polled.Poll(pollBudgetMicroseconds);
            // A handler may have ended it, or ended it and started another.
            if (polled.IsStopped && ReferenceEquals(polled, server)) End();
            return events;
        }

        private void Awake()
        {
            if (dontDestroyOnLoad) DontDestroyOnLoad(gameObject);
        }

        private void OnEnable()
        {
            if (runInBackground) Application.runInBackground = true;
            if (begun && startOnEnable) StartServer();
        }

        /// <summary>
        /// The first start: not in OnEnable, so that the other scripts of a scene, and who adds this component by code, have said what they want.
        /// </summary>
        private void Start()
        {
            begun = true;
            if (startOnEnable) StartServer();
        }

        private void Update()
        {
            if (!inPlayerLoop && pollIn != PollIn.Manual) Poll();
        }

        private void OnDisable()
        {
            End();
        }

        private void OnDestroy()
        {
            // Who was never enabled, but started by hand.
            End();
        }

        bool IRunningServer.InPlayerLoop { get { return inPlayerLoop; } }

        void IRunningServer.Poll()
        {
            Poll();
        }

        void IRunningServer.BeginEnd()
        {
            StopServer();
        }

        void IRunningServer.End()
        {
            End();
        }

        private void End()
        {
            SinewServer ended = server;
            if (ended == null) return;
            server = null;
            Configuration = null;
            RunningServers.Remove(this);
            ended.Dispose();
        }

        private void Fail(string why)
        {
            Mistake = why;
            ConsoleLog.Error(why, this);
            unityEvents.startFailed.Invoke(why);
            if (StartFailed != null) StartFailed(why);
        }
    }
}
