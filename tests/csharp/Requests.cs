// Every request ends exactly once, with the right answer, with 1,000 under way at any time; over a quiet link, and over one that is cut every
// 50 ms. The twin of tests/c/requests.c.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using System.Threading.Tasks;
using Sinew;
using static Support;

internal static class Requests
{
    internal static readonly Action[] All =
    {
        AnsweredNowAndLater, FailuresHaveReasons, AwaitedOnThePollingThread, AnyOfAGroup, OverAQuietLink, OverALinkThatIsCut,
    };

    private const int Total = 20000;
    private const int AtOnce = 1000;
    private const int CutEveryMs = 50;

    private static void AnsweredNowAndLater()
    {
        using (var pair = new Pair())
        {
            var later = new List<ReceivedRequest>();
            pair.World.RequestReceived += (sender, e) =>
            {
                Check(ReferenceEquals(e.RemoteServer, pair.ToLobby) && e.TimeLeftMs > 0 && e.SendMode == SendMode.Reliable);
                if (e.Tag == 1) Same(SinewResult.Ok, e.Reply(e.Data, 7), "Reply");
                else later.Add(e.AnswerLater());
            };
            ServerRequest now = pair.ToWorld.Request(1, new byte[] { 1, 2, 3 }), then = pair.ToWorld.Request(2, new byte[0]);
            Throws<InvalidOperationException>(() => now.Reply.GetReader(), "not ended");
            pair.Until(() => now.IsCompleted && later.Count == 1);
            Check(now.IsAnswered && now.Reply.Code == 7 && now.Reply.Data.Length == 3 && now.Reply.Data[2] == 3 && now.Failure == RequestFailure.None);
            Check(ReferenceEquals(now.Reply.RemoteServer, pair.ToWorld) && !then.IsCompleted && pair.ToWorld.OpenRequests == 1);
            var writer = new MessageWriter();
            Same(SinewResult.Ok, later[0].Reply(writer.WriteString("late")), "Reply");
            Same(SinewResult.UnknownRequest, later[0].Reply(writer), "a second Reply");
            Same(SinewResult.UnknownRequest, later[0].Refuse(), "a Refuse afterwards");
            pair.Until(() => then.IsCompleted);
            Same("late", then.Reply.GetReader().ReadString(), "the answer");
            Refused(SinewResult.InvalidArgument, "0ns", () => pair.ToWorld.Request(1, new byte[0], 0));
            Refused(SinewResult.InvalidArgument, "0ns", () => pair.ToWorld.Request(1, new byte[0], -5));
        }
    }

    private static void FailuresHaveReasons()
    {
        using (var pair = new Pair())
        {
            // Nobody listens, then somebody who takes nothing, then one who throws: nobody answers.
            Ends(pair, pair.ToWorld.Request(1, new byte[0]), RequestFailure.NoHandler);
            RequestReceivedHandler idle = (sender, e) => { };
            pair.World.RequestReceived += idle;
            Ends(pair, pair.ToWorld.Request(1, new byte[0]), RequestFailure.NoHandler);
            pair.World.RequestReceived -= idle;
            pair.World.HandlerFailed += (sender, e) => { };
            RequestReceivedHandler throws = (sender, e) => { throw new InvalidOperationException("on purpose"); };
            pair.World.RequestReceived += throws;
            Ends(pair, pair.ToWorld.Request(1, new byte[0]), RequestFailure.NoHandler);
            pair.World.RequestReceived -= throws;
            pair.World.RequestReceived += (sender, e) =>
            {
                if (e.Tag == 2) e.Refuse();
                if (e.Tag == 3) e.AnswerLater();
                if (e.Tag == 4)
                {
                    ReceivedRequest kept = e.AnswerLater();
                    Refused(SinewResult.InvalidArgument, "no reason to refuse", () => kept.Refuse(RequestFailure.TimedOut));
                    e.Refuse(RequestFailure.NoHandler);
                }
            };
            ServerRequest refused = pair.ToWorld.Request(2, new byte[0]);
            Ends(pair, refused, RequestFailure.Refused);
            Check(ReferenceEquals(refused.FailedServer, pair.ToWorld));
            Same(RequestFailure.Refused, Throws<RequestFailedException>(() => refused.Reply.GetReader(), "Refused").Failure, "the failure");
            Ends(pair, pair.ToWorld.Request(3, new byte[0], 50), RequestFailure.TimedOut);
            Ends(pair, pair.ToWorld.Request(4, new byte[0]), RequestFailure.NoHandler);
            ServerRequest given = pair.ToWorld.Request(3, new byte[0]);
            Check(given.Cancel());
            Ends(pair, given, RequestFailure.Cancelled);
            Check(!given.Cancel());
            ServerRequest left = pair.ToWorld.Request(3, new byte[0], 60000);
            pair.World.Stop();
            pair.Until(() => left.IsCompleted);
            Check(left.Failure == RequestFailure.Left || left.Failure == RequestFailure.Disconnected, "it failed: " + left.Failure);
        }
    }

    private static void Ends(Pair pair, ServerRequest request, RequestFailure how)
    {
        int ended = 0;
        request.OnCompleted(() => ended++);
        pair.Until(() => request.IsCompleted);
        Same(how, request.Failure, "the failure");
        Same(1, ended, "ends");
        request.OnCompleted(() => ended++);
        Same(2, ended, "ends, told again");
    }

    private static void AwaitedOnThePollingThread()
    {
        using (var pair = new Pair())
        {
            pair.World.RequestReceived += (sender, e) =>
            {
                if (e.Tag < 10) e.Reply(new byte[] { (byte)(e.Data[0] + 1) });
                else e.Refuse();
            };
            // As in an engine: a context that nobody pumps must not matter.
            SynchronizationContext.SetSynchronizationContext(new NobodyPumps());
            try
            {
                Task<int> task = AskThree(pair.ToWorld, Thread.CurrentThread.ManagedThreadId);
                Task<Reply> asTask = pair.ToWorld.Request(1, new byte[] { 40 }).AsTask();
                pair.Until(() => task.IsCompleted && asTask.IsCompleted);
                Same(4, task.Result, "the last answer");
                Same((byte)41, asTask.Result.Data[0], "the answer of the task");
            }
            finally
            {
                SynchronizationContext.SetSynchronizationContext(null);
            }
            // A continuation that throws is reported, and the next one still runs.
            string during = null;
            bool second = false;
            pair.Lobby.HandlerFailed += (sender, e) => during = e.During;
            ServerRequest request = pair.ToWorld.Request(1, new byte[] { 1 });
            request.OnCompleted(() => { throw new InvalidOperationException("on purpose"); });
            request.OnCompleted(() => second = true);
            pair.Until(() => second);
            Same("the end of a request", during, "what failed");
        }
    }

    private sealed class NobodyPumps : SynchronizationContext
    {
        public override void Post(SendOrPostCallback callback, object state)
        {
            throw new CheckFailed("a continuation took the way over the synchronization context");
        }
    }

    private static async Task<int> AskThree(IRemoteServer world, int thread)
    {
        byte value = 1;
        for (int n = 0; n < 3; n++)
        {
            Reply reply = await world.Request((ushort)n, new byte[] { value });
            value = reply.Data[0];
            Same(thread, Thread.CurrentThread.ManagedThreadId, "the thread");
        }
        try
        {
            await world.Request(10, new byte[] { value });
            throw new CheckFailed("a refused request was answered");
        }
        catch (RequestFailedException exception)
        {
            Same(RequestFailure.Refused, exception.Failure, "the failure");
        }
        return value;
    }

    private static void AnyOfAGroup()
    {
        using (var pair = new Pair())
        {
            pair.World.RequestReceived += (sender, e) => e.Reply(e.Data);
            ServerRequest any = pair.Lobby.RequestAny("world", SelectionPolicy.RoundRobin, 9, new byte[] { 5 }, 5000, 2);
            ServerRequest ofGroup = pair.ToWorld.ServerGroup.RequestAny(SelectionPolicy.Key, 9, new byte[] { 6 }, 5000, 0, SendMode.Reliable, new byte[] { 1 });
            pair.Until(() => any.IsCompleted && ofGroup.IsCompleted);
            Check(any.Reply.Data[0] == 5 && ofGroup.Reply.Data[0] == 6 && ReferenceEquals(any.Reply.RemoteServer, pair.ToWorld));
        }
    }

    private static void OverAQuietLink()
    {
        using (var pair = new Pair("runtime.datagrams = false\n", "runtime.datagrams = false\n")) Exchange(pair.Lobby, pair.ToWorld, pair.World, "a quiet link");
    }

    private static void OverALinkThatIsCut()
    {
        int behind = FreePort();
        using (var cutter = new Cutter(behind))
        {
            int interrupted = 0;
            using (var pair = new Pair(
                "runtime.datagrams = false\nlimits.reconnect_min_ms = 1\nlimits.reconnect_max_ms = 5\nlimits.resume_window_ms = 60000\n",
                "server.listen = '127.0.0.1:" + behind + "'\nserver.advertise = '127.0.0.1:" + cutter.Port + "'\nruntime.datagrams = false\nlimits.resume_window_ms = 60000\n"))
            {
                pair.Lobby.ServerInterrupted += (sender, e) => interrupted++;
                int resumed = 0, ofIt = 0;
                pair.Lobby.ServerResumed += (sender, e) => resumed++;
                pair.ToWorld.Resumed += (sender, e) => ofIt++;
                pair.ToWorld.Interrupted += (sender, e) => Check(e.RemoteServer.ConnectionState != ConnectionState.Left);
                Exchange(pair.Lobby, pair.ToWorld, pair.World, "a link that is cut every 50 ms");
                pair.Until(() => interrupted > 0 && resumed > 0);
                Same(resumed, ofIt, "resumptions");
            }
            Check(cutter.Cuts > 0);
        }
    }

    /// <summary>What request <paramref name="number"/> says: its number, then bytes that depend on it, of a length that does, too.</summary>
    private static MessageWriter Content(int number, MessageWriter writer)
    {
        writer.Clear().WriteUInt32((uint)number);
        for (int at = 0; at < number * 7919L % 392; at++) writer.WriteByte((byte)(number * 31 + at));
        return writer;
    }

    private static void Exchange(SinewServer lobby, IRemoteServer to, SinewServer world, string what)
    {
        var unanswered = new Queue<KeyValuePair<ReceivedRequest, byte[]>>();
        world.RequestReceived += (sender, e) =>
        {
            SinewResult result = e.Reply(e.Data, 7);
            if (result == SinewResult.QueueFull) unanswered.Enqueue(new KeyValuePair<ReceivedRequest, byte[]>(e.AnswerLater(), e.Data.ToArray()));
            else Same(SinewResult.Ok, result, "Reply");
        };
        world.HandlerFailed += (sender, e) => { throw e.Exception; };
        lobby.ServerDisconnected += (sender, e) => { throw new CheckFailed("disconnected: " + e.Text); };
        var open = new Dictionary<int, ServerRequest>();
        var writer = new MessageWriter();
        var expected = new MessageWriter();
        int asked = 0, ended = 0;
        Exception failure = null;
        Stopwatch watch = Stopwatch.StartNew();
        while (ended < Total && failure == null)
        {
            while (asked < Total && asked - ended < AtOnce)
            {
                int number = asked;
                ServerRequest request = to.Request((ushort)number, Content(number, writer), 60000);
                if (request.Result == SinewResult.QueueFull) break;
                Same(SinewResult.Ok, request.Result, "Request");
                asked++;
                open.Add(number, request);
                request.OnCompleted(() =>
                {
                    if (!open.Remove(number)) failure = new CheckFailed("request " + number + " ended twice");
                    else if (request.Failure != RequestFailure.None) failure = new CheckFailed("request " + number + " failed: " + request.Failure);
                    else if (!Content(number, expected).WrittenSpan.SequenceEqual(request.Reply.Data) || request.Reply.Code != 7) failure = new CheckFailed("request " + number + " has another's answer");
                    ended++;
                });
            }
            while (unanswered.Count > 0 && unanswered.Peek().Key.Reply(unanswered.Peek().Value, 7) == SinewResult.Ok) unanswered.Dequeue();
            world.Poll();
            if (lobby.Poll() == 0) lobby.WaitAndPoll(1);
            Check(watch.ElapsedMilliseconds < 3 * PatienceMs, ended + " of " + Total + " requests have ended");
        }
        if (failure != null) throw failure;
        Same(0, open.Count, "open requests");
        Console.WriteLine("        " + what + ": " + Total + " requests, each answered once, in " + watch.ElapsedMilliseconds + " ms");
    }

    /// <summary>Carries bytes between dialers and a port, and resets every connection after 50 ms: what is under way is lost.</summary>
    private sealed class Cutter : IDisposable
    {
        private readonly TcpListener listener = new TcpListener(IPAddress.Loopback, 0);
        private readonly int to;
        private volatile bool over;
        internal volatile int Cuts;

        internal Cutter(int to)
        {
            this.to = to;
            listener.Start();
            new Thread(Accept) { IsBackground = true }.Start();
        }

        internal int Port { get { return ((IPEndPoint)listener.LocalEndpoint).Port; } }

        private void Accept()
        {
            var bytes = new byte[65536];
            while (!over)
            {
                try
                {
                    using (Socket inside = listener.AcceptSocket())
                    using (var outside = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp))
                    {
                        outside.Connect(IPAddress.Loopback, to);
                        Carry(inside, outside, bytes);
                        inside.LingerState = outside.LingerState = new LingerOption(true, 0);
                        Cuts++;
                    }
                }
                catch (SocketException)
                {
                    // A side that is gone: the next one will come.
                }
            }
        }

        private static void Carry(Socket inside, Socket outside, byte[] bytes)
        {
            Stopwatch watch = Stopwatch.StartNew();
            inside.SendTimeout = outside.SendTimeout = CutEveryMs;
            while (watch.ElapsedMilliseconds < CutEveryMs)
            {
                var readable = new List<Socket> { inside, outside };
                Socket.Select(readable, null, null, 1000);
                foreach (Socket from in readable)
                {
                    int got = from.Receive(bytes);
                    if (got == 0) return;
                    (from == inside ? outside : inside).Send(bytes, got, SocketFlags.None);
                }
            }
        }

        public void Dispose()
        {
            over = true;
            listener.Stop();
        }
    }
}
