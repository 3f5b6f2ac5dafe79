// The life of a server: started, stopped, disposed, forgotten; on one thread and under others.
using System;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Threading;
using Sinew;
using static Support;

internal static class Lifetime
{
    internal static readonly Action[] All =
    {
        DisposedTwice, UsedAfterwards, AHandleIsGoodForEver, OpenRequestsEnd, DisposedWhileAnotherThreadWaits, DisposedUnderSenders,
        ForgottenServersAreFreed, NothingIsLeftOfAThousand,
    };

    private const int Cycles = 1000;
    private const int Forgotten = 20;

    private static void DisposedTwice()
    {
        SinewServer server = SinewServer.Start(Alone);
        server.Dispose();
        server.Dispose();
        Check(server.IsDisposed);
    }

    private static void UsedAfterwards()
    {
        var pair = new Pair();
        ulong id = pair.ToWorld.Id;
        IServerGroup group = pair.ToWorld.ServerGroup;
        pair.Dispose();
        SinewServer server = pair.Lobby;
        Throws<ObjectDisposedException>(() => server.Poll());
        Throws<ObjectDisposedException>(() => server.WaitAndPoll(1));
        Throws<ObjectDisposedException>(() => server.Reload(Alone));
        Throws<ObjectDisposedException>(() => server.SetProperty("a", "b"));
        server.Stop();
        Same(SinewResult.Stopped, server.TrySend(id, 1, new byte[0]), "TrySend");
        Check(!server.SendMessage(id, 1, new byte[0]));
        Same(SinewResult.Stopped, server.Broadcast("world", 1, new byte[0]).Result, "Broadcast");
        Same(SinewResult.Stopped, server.SendAny("world", SelectionPolicy.RoundRobin, 1, new byte[0], out id), "SendAny");
        Same(RequestFailure.NotSent, server.Request(7, 1, new byte[0]).Failure, "Request");
        Same(SinewResult.Stopped, server.RequestAny("world", SelectionPolicy.RoundRobin, 1, new byte[0]).Result, "RequestAny");
        Check(server.FindServer(7) == null && server.GetGroup("world") == null && server.GetAllGroups().Length == 0);
        Check(server.GetProperty("a") == null && server.Explain(7) == null && server.Stats().Servers == 0);
        Check(group.Count == 0 && group.GetAllRemoteServers().Length == 0 && group.GetRemoteServer(7) == null);
        Check(server.Group == "lobby" && server.Port != 0, "what it was is still known");
    }

    private static void AHandleIsGoodForEver()
    {
        using (var pair = new Pair())
        {
            IRemoteServer world = pair.ToWorld;
            bool left = false;
            world.Left += (sender, e) =>
            {
                Check(ReferenceEquals(sender, world) && e.Reason == LeaveReason.Stopped);
                left = true;
            };
            Check(world.RemoteEndPoints.Count == 1 && world.ConnectionState == ConnectionState.Connected);
            pair.World.Dispose();
            Until(() => left, pair.Lobby);
            for (int round = 0; round < 2; round++)
            {
                Same(ConnectionState.Left, world.ConnectionState, "the state");
                SinewResult answer = world.TrySend(1, new byte[0]);
                Same(round == 0 ? SinewResult.UnknownServer : SinewResult.Stopped, answer, "TrySend");
                Check(!world.SendMessage(1, new byte[0]) && world.RemoteEndPoints == null && world.RoundTripTime == null);
                Check(world.Load == null && world.Capacity == null && world.Readiness == Readiness.None && world.QueuedBytes == 0);
                Check(world.ServerConnectionDirection == ServerConnectionDirection.None && world.OpenRequests == 0);
                Check(world.Name.Length > 0 && world.Port != 0 && world.Explain() == null && world.GetProperty("a") == null);
                Check(world.ServerGroup.Name == "world" && world.Properties != null);
                Check(pair.Lobby.FindServer(world.Id) == null);
                Same(RequestFailure.NotSent, world.Request(1, new byte[0]).Failure, "Request");
                pair.Lobby.Dispose();
            }
        }
    }

    private static void OpenRequestsEnd()
    {
        var pair = new Pair();
        ServerRequest request = pair.ToWorld.Request(1, new byte[0]);
        int ended = 0;
        request.OnCompleted(() => ended++);
        Check(!request.IsCompleted && request.Result == SinewResult.Ok && request.Id != 0);
        pair.Dispose();
        Same(1, ended, "ends told");
        Same(RequestFailure.Stopping, request.Failure, "the failure");
        Throws<RequestFailedException>(() => request.Reply.GetReader(), "Stopping");
        Check(!request.Cancel());
    }

    private static void DisposedWhileAnotherThreadWaits()
    {
        int threads = Threads();
        SinewServer server = SinewServer.Start(Alone);
        bool waits = false;
        Exception ended = null;
        var thread = new Thread(() =>
        {
            try
            {
                while (!server.IsStopped)
                {
                    server.WaitAndPoll(-1);
                    Volatile.Write(ref waits, true);
                }
            }
            catch (ObjectDisposedException exception)
            {
                ended = exception;
            }
        });
        thread.Start();
        Until(() => Volatile.Read(ref waits));
        server.Dispose();
        Check(thread.Join(PatienceMs), "the thread that waits ends");
        Check(ended != null || server.IsDisposed);
        Until(() => Threads() <= threads + 1);
    }

    private static void DisposedUnderSenders()
    {
        for (int round = 0; round < 10; round++)
        {
            var pair = new Pair();
            var senders = new Thread[3];
            int taken = 0;
            for (int at = 0; at < senders.Length; at++)
            {
                senders[at] = new Thread(() =>
                {
                    SinewResult answer;
                    var bytes = new byte[100];
                    do
                    {
                        answer = pair.ToWorld.TrySend(1, bytes);
                        Interlocked.Increment(ref taken);
                        pair.Lobby.Stats();
                        pair.Lobby.FindServer(pair.ToWorld.Id);
                    }
                    while (answer != SinewResult.Stopped);
                });
                senders[at].Start();
            }
            Until(() => Volatile.Read(ref taken) > 1000, pair.World);
            pair.Lobby.Dispose();
            foreach (Thread sender in senders) Check(sender.Join(PatienceMs), "a sender ends");
            pair.World.Dispose();
        }
    }

    /// <summary>On a thread of its own, so that nothing on this one's stack still points there.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Forget()
    {
        var thread = new Thread(() =>
        {
            for (int n = 0; n < Forgotten; n++) SinewServer.Start(Alone).Poll();
        });
        thread.Start();
        thread.Join();
    }

    private static void ForgottenServersAreFreed()
    {
        int threads = Threads(), descriptors = Descriptors();
        Forget();
        Until(() =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            // What happens to lie in a register may keep one of them.
            return Threads() <= threads + 4 && Descriptors() <= descriptors + 10;
        });
    }

    private static void NothingIsLeftOfAThousand()
    {
        SinewServer.Start(Alone).Dispose();
        GC.Collect();
        GC.WaitForPendingFinalizers();
        int threads = Threads(), descriptors = Descriptors();
        Stopwatch watch = Stopwatch.StartNew();
        for (int cycle = 0; cycle < Cycles; cycle++)
        {
            SinewServer server = SinewServer.Start(Alone);
            server.Poll();
            server.Dispose();
        }
        Until(() => Threads() <= threads && Descriptors() <= descriptors);
        Console.WriteLine("        " + Cycles + " servers in " + watch.ElapsedMilliseconds + " ms; " + Threads() + " threads and " + Descriptors() +
            " descriptors, before: " + threads + " and " + descriptors);
    }
}
