using System;
using UnityEngine;
using UnityEngine.LowLevel;
using UnityEngine.PlayerLoop;

namespace Sinew
{
    /// <summary>
    /// Polls servers from Unity's player loop, at the end of <c>PreUpdate</c>: for servers that no component stands for. It is only in the loop
    /// while there is something to poll. On the main thread only.
    /// </summary>
    public static class SinewPlayerLoop
    {
        private static bool installed;

        /// <summary>
        /// Has a server polled in every frame, until it was disposed, has stopped, or <see cref="Remove"/> is called. It is disposed when play mode
        /// ends, when scripts are reloaded, and when the application quits. Adding it again changes its budget.
        /// </summary>
        /// <param name="server">A server that nobody else polls.</param>
        /// <param name="maxMicroseconds">See <see cref="SinewServer.Poll"/>.</param>
        public static void Add(SinewServer server, int maxMicroseconds = 0)
        {
            if (server == null) throw new ArgumentNullException(nameof(server));
            if (maxMicroseconds < 0) throw new ArgumentOutOfRangeException(nameof(maxMicroseconds), maxMicroseconds, "a budget is 0 or more");
            Remove(server);
            RunningServers.Add(new Polled(server, maxMicroseconds));
        }

        /// <summary>Leaves the server to you again. Does nothing if it was not added.</summary>
        public static void Remove(SinewServer server)
        {
            foreach (IRunningServer one in RunningServers.All)
            {
                if (one is Polled polled && ReferenceEquals(polled.Server, server)) RunningServers.Remove(one);
            }
        }

        internal static void Install()
        {
            // Whoever replaced the loop since has thrown it out: so take it away where it is, and put it in again.
            PlayerLoopSystem loop = Without(UnityEngine.LowLevel.PlayerLoop.GetCurrentPlayerLoop());
            var ours = new PlayerLoopSystem { type = typeof(SinewPlayerLoop), updateDelegate = PollAll };
            PlayerLoopSystem[] phases = loop.subSystemList;
            int at = phases == null ? -1 : Array.FindIndex(phases, phase => phase.type == typeof(PreUpdate));
            if (at < 0)
            {
                ConsoleLog.Error("Unity's player loop has no PreUpdate, so servers cannot be polled in it: poll them in Update", null);
                return;
            }
            PlayerLoopSystem[] inside = phases[at].subSystemList ?? new PlayerLoopSystem[0];
            Array.Resize(ref inside, inside.Length + 1);
            inside[inside.Length - 1] = ours;
            phases[at].subSystemList = inside;
            UnityEngine.LowLevel.PlayerLoop.SetPlayerLoop(loop);
            installed = true;
        }

        internal static void Uninstall()
        {
            if (!installed) return;
            installed = false;
            UnityEngine.LowLevel.PlayerLoop.SetPlayerLoop(Without(UnityEngine.LowLevel.PlayerLoop.GetCurrentPlayerLoop()));
        }

        /// <summary>For play mode that begins: a system of the last one may still be in the loop, of which nothing is known here any more.</summary>
        internal static void Reset()
        {
            installed = true;
            Uninstall();
        }

        private static PlayerLoopSystem Without(PlayerLoopSystem system)
        {
            if (system.subSystemList == null) return system;
            PlayerLoopSystem[] others = Array.FindAll(system.subSystemList, one => one.type != typeof(SinewPlayerLoop));
            for (int at = 0; at < others.Length; at++) others[at] = Without(others[at]);
            system.subSystemList = others;
            return system;
        }

        private static void PollAll()
        {
            foreach (IRunningServer server in RunningServers.All)
            {
                if (server.InPlayerLoop) server.Poll();
            }
        }

        /// <summary>A server that no component stands for.</summary>
        private sealed class Polled : IRunningServer
        {
            internal readonly SinewServer Server;
            private readonly int budget;

            internal Polled(SinewServer server, int budget)
            {
                Server = server;
                this.budget = budget;
            }

            public bool InPlayerLoop { get { return true; } }

            public void Poll()
            {
                if (!Server.IsDisposed) Server.Poll(budget);
                if (Server.IsDisposed || Server.IsStopped) RunningServers.Remove(this);
            }

            public void BeginEnd()
            {
                Server.Stop();
            }

            public void End()
            {
                Server.Dispose();
            }
        }
    }
}
