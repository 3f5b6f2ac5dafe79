// For the tests of this folder: checks that say what they saw, waiting with a bound, and what this process holds.
using System;
using System.Diagnostics;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using System.Threading;
using Sinew;

/// <summary>A check did not hold.</summary>
internal sealed class CheckFailed : Exception
{
    internal CheckFailed(string sentence) : base(sentence)
    {
    }
}

internal static class Support
{
    /// <summary>Nothing on loopback takes this long.</summary>
    internal const int PatienceMs = 30000;

    internal static void Check(bool holds, string what = "a condition", [CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
    {
        if (!holds) throw new CheckFailed(Path.GetFileName(file) + ":" + line + ": does not hold: " + what);
    }

    internal static void Same<T>(T expected, T found, string what = "", [CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
    {
        if (!Equals(expected, found))
        {
            throw new CheckFailed(Path.GetFileName(file) + ":" + line + ": " + what + " is " + found + ", not " + expected);
        }
    }

    /// <summary>The action throws this and nothing else; a sentence in it contains <paramref name="says"/>.</summary>
    internal static T Throws<T>(Action action, string says = "", [CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
        where T : Exception
    {
        string place = Path.GetFileName(file) + ":" + line + ": ";
        try
        {
            action();
        }
        catch (T exception)
        {
            if (exception.Message.IndexOf(says, StringComparison.Ordinal) < 0)
            {
                throw new CheckFailed(place + "\"" + says + "\" is not in: " + exception.Message);
            }
            return exception;
        }
        catch (Exception exception)
        {
            throw new CheckFailed(place + "threw " + exception + ", not " + typeof(T).Name);
        }
        throw new CheckFailed(place + "did not throw " + typeof(T).Name);
    }

    internal static void Refused(SinewResult code, string says, Action action, [CallerFilePath] string file = "", [CallerLineNumber] int line = 0)
    {
        SinewException exception = Throws<SinewException>(action, says, file, line);
        Same(code, exception.Code, "the code of \"" + exception.Message + "\"", file, line);
    }

    /// <summary>A port that was free a moment ago, for what two servers must know before it is bound.</summary>
    internal static int FreePort()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        return port;
    }

    internal const string Alone = "log.to = 'none'\nserver.group = 'world'\nserver.name = 'w1'\ngroups.world.connects_to = ['world']\n" +
        "registry = { host = true, listen = '127.0.0.1:0' }\n";

    /// <summary>The configuration of a server of one of two groups, of which the lobby dials the world.</summary>
    internal static string MemberText(string group, string registry, string more = "")
    {
        return "log.to = 'none'\nserver.group = '" + group + "'\ngroups.lobby.connects_to = ['world']\ngroups.world.visibility = 'internal'\n" +
            "registry.addresses = ['" + registry + "']\n" + more;
    }

    internal static SinewServer StartMember(string group, string registry, string more = "")
    {
        return SinewServer.Start(MemberText(group, registry, more));
    }

    /// <summary>Polls these servers until the condition holds.</summary>
    internal static void Until(Func<bool> condition, params SinewServer[] servers)
    {
        Stopwatch watch = Stopwatch.StartNew();
        while (!condition())
        {
            if (watch.ElapsedMilliseconds > PatienceMs) throw new CheckFailed("what was waited for did not come:\n" + Environment.StackTrace);
            foreach (SinewServer server in servers) server.WaitAndPoll(servers.Length > 1 ? 1 : 10);
            if (servers.Length == 0) Thread.Sleep(1);
        }
    }

    internal static int Threads()
    {
        return Directory.GetDirectories("/proc/self/task").Length;
    }

    internal static int Descriptors()
    {
        return Directory.GetFileSystemEntries("/proc/self/fd").Length;
    }

    /// <summary>This program again, in a process of its own.</summary>
    internal static Process Child(params string[] arguments)
    {
        string program = typeof(Support).Assembly.Location;
        var start = new ProcessStartInfo("mono", "--debug \"" + program + "\" " + string.Join(" ", arguments))
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        return Process.Start(start);
    }
}

/// <summary>Two servers of this process that are connected: the lobby, which hosts the registry, and the world that it dials.</summary>
internal sealed class Pair : IDisposable
{
    internal readonly SinewServer Lobby, World;

    /// <summary>What the lobby calls the world, and the world the lobby.</summary>
    internal IRemoteServer ToWorld, ToLobby;

    internal readonly string Registry;

    internal Pair(string moreOfLobby = "", string moreOfWorld = "")
    {
        Registry = "127.0.0.1:" + Support.FreePort();
        Lobby = Support.StartMember("lobby", Registry, "registry.host = true\nregistry.listen = '" + Registry + "'\n" + moreOfLobby);
        World = Support.StartMember("world", Registry, moreOfWorld);
        Lobby.ServerConnected += SeeWorld;
        World.ServerConnected += SeeLobby;
        Support.Until(() => ToWorld != null && ToLobby != null, Lobby, World);
        Lobby.ServerConnected -= SeeWorld;
        World.ServerConnected -= SeeLobby;
    }

    private void SeeWorld(object sender, RemoteServerEventArgs e)
    {
        ToWorld = e.RemoteServer;
    }

    private void SeeLobby(object sender, RemoteServerEventArgs e)
    {
        ToLobby = e.RemoteServer;
    }

    /// <summary>Polls both until the condition holds.</summary>
    internal void Until(Func<bool> condition)
    {
        Support.Until(condition, Lobby, World);
    }

    public void Dispose()
    {
        Lobby.Dispose();
        World.Dispose();
    }
}
