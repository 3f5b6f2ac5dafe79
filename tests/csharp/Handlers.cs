// What handlers may do: throw, dispose, stop, change handlers, take too long. And what they may not.
using System;
using System.Collections.Generic;
using System.Threading;
using Sinew;
using static Support;

internal static class Handlers
{
    internal static readonly Action[] All =
    {
        OneThatThrowsIsReportedAndNothingIsLost, OneThatThrowsInHandlerFailedIsHarmless, RemoteThenGroupThenServer, HandlersComeAndGo,
        DisposeInside, StopInside, PollInside, ABudgetLosesNothing, AFloodEndsAPoll, LogsAreEvents,
    };

    private const int Messages = 1000;

    private static void OneThatThrowsIsReportedAndNothingIsLost()
    {
        using (var pair = new Pair())
        {
            int thrown = 0, reported = 0, received = 0;
            pair.World.HandlerFailed += (sender, e) =>
            {
                Same("MessageReceived", e.During, "what it was called for");
                Check(e.Exception.Message == "on purpose", "the exception is handed over");
                reported++;
            };
            pair.World.MessageReceived += (sender, e) =>
            {
                thrown++;
                throw new InvalidOperationException("on purpose");
            };
            pair.World.MessageReceived += (sender, e) => Same(received++, (int)e.Tag, "the tag");
            for (int n = 0; n < Messages; n++) Check(pair.ToWorld.SendMessage((ushort)n, new byte[n % 50]));
            pair.Until(() => received == Messages);
            Same(Messages, thrown, "thrown");
            Same(Messages, reported, "reported");
        }
    }

    private static void OneThatThrowsInHandlerFailedIsHarmless()
    {
        using (var pair = new Pair())
        {
            int seen = 0;
            pair.World.HandlerFailed += (sender, e) => { throw new InvalidOperationException("told on purpose, nothing is wrong"); };
            pair.World.HandlerFailed += (sender, e) => seen++;
            pair.World.MessageReceived += (sender, e) => { throw new InvalidOperationException("on purpose"); };
            Check(pair.ToWorld.SendMessage(1, new byte[0]));
            pair.Until(() => seen == 1);
        }
    }

    private static void RemoteThenGroupThenServer()
    {
        using (var pair = new Pair())
        {
            var order = new List<string>();
            pair.World.MessageReceived += (sender, e) =>
            {
                Check(ReferenceEquals(sender, pair.World));
                order.Add("server");
            };
            pair.ToLobby.ServerGroup.MessageReceived += (sender, e) =>
            {
                Check(ReferenceEquals(sender, pair.ToLobby.ServerGroup));
                order.Add("group");
            };
            pair.ToLobby.MessageReceived += (sender, e) =>
            {
                Check(ReferenceEquals(sender, pair.ToLobby) && ReferenceEquals(e.RemoteServer, pair.ToLobby));
                order.Add("remote");
            };
            Check(pair.ToWorld.SendMessage(1, new byte[0]));
            pair.Until(() => order.Count == 3);
            Same("remote group server", string.Join(" ", order.ToArray()), "the order");
        }
    }

    private static void HandlersComeAndGo()
    {
        using (var pair = new Pair())
        {
            int first = 0, second = 0;
            MessageReceivedHandler other = (sender, e) => second++;
            MessageReceivedHandler once = null;
            once = (sender, e) =>
            {
                first++;
                pair.World.MessageReceived -= once;
                pair.World.MessageReceived += other;
            };
            pair.World.MessageReceived += once;
            for (int n = 0; n < 3; n++) Check(pair.ToWorld.SendMessage(1, new byte[0]));
            pair.Until(() => second == 2);
            Same(1, first, "calls of the one that went");
            pair.World.MessageReceived -= other;
            pair.World.MessageReceived -= other;
            int after = 0;
            pair.ToLobby.MessageReceived += (sender, e) => after++;
            Check(pair.ToWorld.SendMessage(1, new byte[0]));
            pair.Until(() => after == 1);
            Same(2, second, "calls after it went");
        }
    }

    private static void DisposeInside()
    {
        var pair = new Pair();
        int received = 0;
        byte last = 0;
        pair.World.MessageReceived += (sender, e) =>
        {
            received++;
            pair.World.Dispose();
            pair.World.Dispose();
            // What is lent is good until the handler returns, whatever it did.
            last = e.Data[e.Data.Length - 1];
            Same(SinewResult.Stopped, pair.ToLobby.TrySend(1, new byte[0]), "a send after Dispose");
        };
        for (int n = 0; n < Messages; n++) Check(pair.ToWorld.SendMessage(1, new byte[] { 1, 2, 77 }));
        pair.Lobby.Poll();
        System.Diagnostics.Stopwatch watch = System.Diagnostics.Stopwatch.StartNew();
        while (received == 0)
        {
            pair.World.WaitAndPoll(10);
            Check(watch.ElapsedMilliseconds < PatienceMs);
        }
        Same(1, received, "messages handed over");
        Same((byte)77, last, "the last byte");
        Throws<ObjectDisposedException>(() => pair.World.Poll());
        bool left = false;
        pair.Lobby.ServerLeft += (sender, e) => left = true;
        Until(() => left, pair.Lobby);
        pair.Lobby.Dispose();
    }

    private static void StopInside()
    {
        using (var pair = new Pair())
        {
            StoppedEventArgs stopped = null;
            pair.World.MessageReceived += (sender, e) => pair.World.Stop();
            pair.World.Stopped += (sender, e) => stopped = e;
            Check(pair.ToWorld.SendMessage(1, new byte[0]));
            pair.Until(() => stopped != null);
            Check(pair.World.IsStopped && !pair.World.IsDisposed);
            Same(StopReason.Requested, stopped.Reason, "the reason");
            Check(stopped.Text.Length > 0);
            Same(0, pair.World.Poll(), "events after the last one");
            Same(0, pair.World.WaitAndPoll(-1), "events after the last one");
            SinewResult late = pair.ToLobby.TrySend(1, new byte[0]);
            Check(late == SinewResult.Stopped || late == SinewResult.UnknownServer, "a send afterwards is answered " + late);
        }
    }

    private static void PollInside()
    {
        using (var pair = new Pair())
        {
            bool refused = false;
            pair.World.MessageReceived += (sender, e) =>
            {
                Throws<InvalidOperationException>(() => pair.World.Poll(), "being polled");
                refused = true;
            };
            Check(pair.ToWorld.SendMessage(1, new byte[0]));
            pair.Until(() => refused);
        }
    }

    private static void ABudgetLosesNothing()
    {
        using (var pair = new Pair())
        {
            int received = 0, polls = 0;
            pair.World.MessageReceived += (sender, e) =>
            {
                Same(received++, (int)e.Tag, "the tag");
                Same(received - 1, (int)e.GetReader().ReadUInt32(), "the payload");
                Thread.SpinWait(20000);
            };
            var writer = new MessageWriter();
            for (int n = 0; n < Messages; n++) Check(pair.ToWorld.SendMessage((ushort)n, writer.Clear().WriteUInt32((uint)n)));
            System.Diagnostics.Stopwatch watch = System.Diagnostics.Stopwatch.StartNew();
            while (received < Messages)
            {
                int before = received, handed = pair.World.Poll(100);
                if (handed > 0) polls++;
                Check(received - before <= handed && watch.ElapsedMilliseconds < PatienceMs);
            }
            Check(polls > 10, polls + " polls of 100 us each were enough");
            Throws<ArgumentOutOfRangeException>(() => pair.World.Poll(-1));
            Throws<ArgumentOutOfRangeException>(() => pair.World.WaitAndPoll(-2));
        }
    }

    /// <summary>However much waits, a poll without a budget takes 64 batches of 512 events, and the next one goes on there.</summary>
    private static void AFloodEndsAPoll()
    {
        const int Flood = 100000, Most = 64 * 512;
        using (var pair = new Pair())
        {
            int received = 0;
            pair.World.MessageReceived += (sender, e) => received++;
            pair.World.Poll();
            for (int sent = 0; sent < Flood;)
            {
                if (pair.ToWorld.SendMessage(1, new byte[1])) sent++;
            }
            Until(() => pair.World.Stats().MessagesReceived == Flood);
            Same(Most, pair.World.Poll(), "events of the first poll");
            Same(Most, pair.World.Poll(), "events of the second poll");
            pair.Until(() => received == Flood);
        }
    }

    private static void LogsAreEvents()
    {
        var lines = new List<LoggedEventArgs>();
        using (SinewServer server = SinewServer.Start(Alone.Replace("log.to = 'none'", "log = { to = 'events', level = 'debug' }")))
        {
            server.Logged += (sender, e) => lines.Add(e);
            Until(() => lines.Count > 0, server);
        }
        Check(lines[0].Text.Length > 0 && lines[0].Level >= LogLevel.Error && lines[0].Level <= LogLevel.Trace);
    }
}
