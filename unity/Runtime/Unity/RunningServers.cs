using System;
using UnityEngine;

namespace Sinew
{
    /// <summary>A server that Unity polls, and ends when the code that it belongs to does.</summary>
    internal interface IRunningServer
    {
        /// <summary>Whether the player loop polls it.</summary>
        bool InPlayerLoop { get; }

        void Poll();

        /// <summary>Begins the end, and does not wait for it.</summary>
        void BeginEnd();

        /// <summary>Ends it: no thread, socket or file of it is left.</summary>
        void End();
    }

    /// <summary>All of them, in the order in which they were started. On the main thread only.</summary>
    internal static class RunningServers
    {
        private static readonly IRunningServer[] None = new IRunningServer[0];

        /// <summary>Never changed in place: a handler may start and end servers while they are polled.</summary>
        internal static IRunningServer[] All { get; private set; } = None;

        internal static void Add(IRunningServer server)
        {
            var more = new IRunningServer[All.Length + 1];
            All.CopyTo(more, 0);
            more[All.Length] = server;
            All = more;
            if (server.InPlayerLoop) SinewPlayerLoop.Install();
        }

        internal static void Remove(IRunningServer server)
        {
            All = Array.FindAll(All, one => !ReferenceEquals(one, server));
            if (!Array.Exists(All, one => one.InPlayerLoop)) SinewPlayerLoop.Uninstall();
        }

        /// <summary>Ends them all, at the same time: that takes as long as the slowest of them. Does nothing, and calls nothing, where none runs.</summary>
        internal static void EndAll()
        {
            IRunningServer[] ended = All;
            foreach (IRunningServer server in ended) Try(server.BeginEnd);
            foreach (IRunningServer server in ended) Try(server.End);
            All = None;
            SinewPlayerLoop.Uninstall();
        }

        /// <summary>One that fails does not keep the others alive.</summary>
        private static void Try(Action action)
        {
            try
            {
                action();
            }
            catch (Exception exception)
            {
                Debug.LogException(exception);
            }
        }
    }
}
