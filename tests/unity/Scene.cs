// For the tests of this folder: components in a scene, frames until something holds, and what the process holds of the library.
using System;
using System.Diagnostics;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Reflection;
using System.Threading;
using Sinew;
using UnityEditor;
using UnityEngine;

internal static class Scene
{
    internal static readonly Assembly[] Package = { typeof(SinewServerBehaviour).Assembly };

    /// <summary>The editor has loaded the scripts, and play mode begins with an empty scene and console.</summary>
    internal static void Play()
    {
        EditorEngine.Load(Package);
        Engine.EnterPlayMode(Package);
        Engine.Log.Clear();
    }

    /// <summary>A game object that is not active yet, with a server of the group "world", of which each connects to each.</summary>
    internal static SinewServerBehaviour World(string name, string registry, bool host = false, PollIn pollIn = PollIn.Update)
    {
        var child = new GameObject(name);
        child.SetActive(false);
        var server = child.AddComponent<SinewServerBehaviour>();
        server.settings.group = "world";
        server.settings.serverName = name;
        server.settings.registryAddresses = new[] { registry };
        server.settings.hostRegistry = host;
        if (host) server.settings.registryListen = registry;
        server.settings.topology = new[] { new GroupSettings { name = "world", connectsTo = new[] { "world" } } };
        server.pollIn = pollIn;
        return server;
    }

    /// <summary>An address that was free a moment ago, for a registry that others must find.</summary>
    internal static string Registry()
    {
        // Not by TcpListener, which opens another socket when it is stopped: sockets are counted here.
        using (var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
        {
            socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
            return "127.0.0.1:" + ((IPEndPoint)socket.LocalEndPoint).Port;
        }
    }

    /// <summary>They are enabled, and start in the next frame or, if they did before, at once.</summary>
    internal static void Activate(params SinewServerBehaviour[] servers)
    {
        Enable(servers);
        foreach (SinewServerBehaviour server in servers) Support.Check(server.Server != null, server.Mistake);
    }

    /// <summary>The same, of servers that may not start.</summary>
    internal static void Enable(params SinewServerBehaviour[] servers)
    {
        foreach (SinewServerBehaviour server in servers) server.gameObject.SetActive(true);
        Engine.Frame();
    }

    /// <summary>Frames until the condition holds.</summary>
    internal static void Until(Func<bool> condition)
    {
        Stopwatch watch = Stopwatch.StartNew();
        while (!condition())
        {
            if (watch.ElapsedMilliseconds > Support.PatienceMs)
            {
                throw new CheckFailed("what was waited for did not come:\n" + Environment.StackTrace + "\n" + Console());
            }
            Engine.Frame();
            Thread.Sleep(1);
        }
    }

    /// <summary>What is in the console, for the eye.</summary>
    internal static string Console()
    {
        var text = new System.Text.StringBuilder();
        foreach (Engine.Line line in Engine.Log) text.AppendLine(line.Type + " " + line.Text);
        return text.ToString();
    }

    /// <summary>Threads of the library in this process, by their name.</summary>
    internal static int LibraryThreads()
    {
        int found = 0;
        foreach (string task in Directory.GetDirectories("/proc/self/task"))
        {
            try
            {
                if (File.ReadAllText(task + "/comm").StartsWith("sinew", StringComparison.Ordinal)) found++;
            }
            catch (IOException)
            {
                // It has ended just now.
            }
        }
        return found;
    }

    /// <summary>TCP sockets that listen in this process.</summary>
    internal static int Sockets()
    {
        int found = 0;
        foreach (string descriptor in Directory.GetFileSystemEntries("/proc/self/fd"))
        {
            var target = new System.Text.StringBuilder(256);
            if (ReadLink(descriptor, target).StartsWith("socket:", StringComparison.Ordinal)) found++;
        }
        return found;
    }

    [System.Runtime.InteropServices.DllImport("libc", SetLastError = true)]
    private static extern IntPtr readlink(string path, System.Text.StringBuilder target, IntPtr capacity);

    private static string ReadLink(string path, System.Text.StringBuilder target)
    {
        int length = (int)readlink(path, target, (IntPtr)target.Capacity);
        return length < 0 ? "" : target.ToString(0, Math.Min(length, target.Length));
    }

    /// <summary>No thread of the library is left. The kernel may still show one that was joined a moment ago.</summary>
    internal static void NoThreadsLeft(string what = "the number of threads of the library")
    {
        // bounded wait: for the kernel to forget it
        for (int tries = 0; tries < 200 && LibraryThreads() > 0; tries++) System.Threading.Thread.Sleep(10);
        Support.Same(0, LibraryThreads(), what);
    }

    /// <summary>No thread and no socket of the library is left.</summary>
    internal static void NothingLeft(int sockets)
    {
        NoThreadsLeft();
        Support.Same(sockets, Sockets(), "the number of sockets");
    }
}
