// Dispose returns in time whatever the other side does, or does not do; and a program that ends without it ends as it meant to. The twin of
// tests/c/free_in_time.c, without the look-up that hangs: that needs a resolver of its own, and nothing of it is C#.
using System;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using Sinew;
using static Support;

internal static class InTime
{
    internal static readonly Action[] All =
    {
        APeerThatNeverReads, ARegistryThatSaysNothing, AnotherThreadPolls, StoppedUnderSenders, ProgramsEndAsTheyMeantTo,
    };

    private const int ShutdownMs = 500;

    /// <summary>What a busy machine needs to wake a thread.</summary>
    private const int ToleranceMs = 250;

    private const int Exits = 5, ExitCode = 7;

    private static readonly string Limits = "limits.shutdown_ms = " + ShutdownMs + "\nlimits.outbox_bytes = 65536\n";

    private static void DisposeInTime(SinewServer server, string what)
    {
        Stopwatch watch = Stopwatch.StartNew();
        server.Dispose();
        Console.WriteLine("        " + what + ": disposed in " + watch.ElapsedMilliseconds + " ms");
        Check(watch.ElapsedMilliseconds <= ShutdownMs + ToleranceMs, what + ": Dispose took " + watch.ElapsedMilliseconds + " ms");
    }

    private static void APeerThatNeverReads()
    {
        var pair = new Pair(Limits, Limits + "limits.inbox_bytes = 4096\n");
        var message = new byte[60000];
        // Full for good is what stays full for a while: until then it is the system's memory for the connection that fills.
        for (int refused = 0; refused < 200;)
        {
            SinewResult result = pair.ToWorld.TrySend(1, message);
            Check(result == SinewResult.Ok || result == SinewResult.QueueFull, "a send was answered " + result);
            refused = result == SinewResult.Ok ? 0 : refused + 1;
            if (refused > 0) Thread.Sleep(1);
        }
        DisposeInTime(pair.Lobby, "a peer that never reads");
        DisposeInTime(pair.World, "the one that never polled");
    }

    private static void ARegistryThatSaysNothing()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        SinewServer server = StartMember("world", listener.LocalEndpoint.ToString(), Limits);
        using (listener.AcceptSocket()) DisposeInTime(server, "a registry that accepts and says nothing");
        listener.Stop();
    }

    private static void AnotherThreadPolls()
    {
        SinewServer server = SinewServer.Start(Alone + Limits);
        bool started = false;
        server.Started += (sender, e) => Volatile.Write(ref started, true);
        var thread = new Thread(() =>
        {
            try
            {
                while (!server.IsStopped) server.WaitAndPoll(-1);
            }
            catch (ObjectDisposedException)
            {
                // What a poll after Dispose answers.
            }
        });
        thread.Start();
        Until(() => Volatile.Read(ref started));
        Stopwatch watch = Stopwatch.StartNew();
        server.Dispose();
        Check(thread.Join(PatienceMs) && watch.ElapsedMilliseconds <= ShutdownMs + ToleranceMs, "it took " + watch.ElapsedMilliseconds + " ms");
    }

    private static void StoppedUnderSenders()
    {
        var pair = new Pair(Limits, Limits);
        var threads = new Thread[3];
        for (int at = 0; at < threads.Length; at++)
        {
            IRemoteServer to = at < 2 ? pair.ToWorld : pair.ToLobby;
            threads[at] = new Thread(() =>
            {
                var message = new byte[100];
                while (to.TrySend(1, message) != SinewResult.Stopped) { }
            });
            threads[at].Start();
        }
        int received = 0;
        pair.World.MessageReceived += (sender, e) => received |= 1;
        pair.Lobby.MessageReceived += (sender, e) => received |= 2;
        pair.Until(() => received == 3);
        pair.Lobby.Stop();
        Check(threads[0].Join(PatienceMs) && threads[1].Join(PatienceMs));
        DisposeInTime(pair.Lobby, "threads that send, and a peer that sends");
        pair.World.Stop();
        Check(threads[2].Join(PatienceMs));
        DisposeInTime(pair.World, "a thread that sends to who has left");
    }

    /// <summary>The program that ends with everything under way: links, a poll, sends.</summary>
    internal static int Child(string[] arguments)
    {
        var pair = new Pair(Limits, Limits);
        new Thread(() => pair.World.WaitAndPoll(-1)) { IsBackground = true }.Start();
        new Thread(() =>
        {
            while (pair.ToWorld.TrySend(1, new byte[10]) != SinewResult.Stopped) { }
        }) { IsBackground = true }.Start();
        Until(() => pair.Lobby.Stats().MessagesSent > 100);
        Console.WriteLine("ready");
        return ExitCode;
    }

    private static void ProgramsEndAsTheyMeantTo()
    {
        for (int n = 0; n < Exits; n++)
        {
            using (Process child = Support.Child("child", "ends"))
            {
                Same("ready", child.StandardOutput.ReadLine(), "what it says");
                Stopwatch watch = Stopwatch.StartNew();
                Check(child.WaitForExit(PatienceMs), "it ends");
                Same(ExitCode, child.ExitCode, "its exit code");
                Check(watch.ElapsedMilliseconds < 5000, "its end took " + watch.ElapsedMilliseconds + " ms");
            }
        }
    }
}
