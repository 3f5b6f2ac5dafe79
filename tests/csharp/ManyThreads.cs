// Many threads at once: some send, some ask everything there is to ask, one polls, while one of the other servers comes and goes all the time.
// Nothing is lost that was taken for a server that stayed, and each sender's messages come in their order. The twin of tests/c/threads.c.
using System;
using System.Collections.Generic;
using System.Threading;
using Sinew;
using static Support;

internal static class ManyThreads
{
    internal static readonly Action[] All = { EverythingAtOnce };

    private const int Staying = 2, Senders = 3, Askers = 2, Seconds = 3;
    private const ushort Done = Senders; // the tags below are the senders' numbers

    private static volatile bool over;
    private static Exception failure;

    private static Thread Run(Action body)
    {
        var thread = new Thread(() =>
        {
            try
            {
                body();
            }
            catch (Exception exception)
            {
                Interlocked.CompareExchange(ref failure, exception, null);
                over = true;
            }
        });
        thread.Start();
        return thread;
    }

    private static void EverythingAtOnce()
    {
        const string Limits = "limits.outbox_bytes = 65536\nlimits.inbox_bytes = 65536\n";
        string registry = "127.0.0.1:" + FreePort();
        SinewServer hub = StartMember("lobby", registry, Limits + "registry.host = true\nregistry.listen = '" + registry + "'\n");
        var staying = new SinewServer[Staying];
        var to = new List<IRemoteServer>();
        EventHandler<RemoteServerEventArgs> see = (sender, e) => to.Add(e.RemoteServer);
        hub.ServerConnected += see;
        for (int at = 0; at < Staying; at++)
        {
            staying[at] = StartMember("world", registry, Limits);
            int wanted = at + 1;
            Until(() => to.Count == wanted, hub);
        }
        hub.ServerConnected -= see;

        var received = new int[Staying, Senders];
        var sent = new int[Staying, Senders];
        var receiving = new List<Thread>();
        for (int at = 0; at < Staying; at++)
        {
            int index = at;
            // Which of them the hub calls what: they joined one after the other.
            SinewServer here = staying[index];
            receiving.Add(Run(() => Receive(here, received, index)));
        }
        int visits = 0;
        hub.ServerLeft += (sender, e) => visits++;
        Thread polling = Run(() =>
        {
            while (!hub.IsStopped) hub.WaitAndPoll(50);
        });
        var others = new List<Thread>();
        others.Add(Run(() =>
        {
            while (!over)
            {
                using (SinewServer visitor = StartMember("world", registry, Limits))
                {
                    bool connected = false;
                    visitor.ServerConnected += (sender, e) => connected = true;
                    Until(() => connected || over, visitor);
                }
            }
        }));
        for (int asker = 0; asker < Askers; asker++) others.Add(Run(() => AskEverything(hub)));
        for (int number = 0; number < Senders; number++)
        {
            int tag = number;
            others.Add(Run(() => SendNumbers(hub, to, sent, tag)));
        }
        Check(!SpinWait.SpinUntil(() => over, Seconds * 1000), "a thread failed: " + failure);
        over = true;
        foreach (Thread thread in others) Check(thread.Join(PatienceMs), "a thread ends");
        foreach (IRemoteServer server in to) Until(() => server.TrySend(Done, default(ReadOnlySpan<byte>)) == SinewResult.Ok);
        foreach (Thread thread in receiving) Check(thread.Join(PatienceMs), "a receiver ends");
        if (failure != null) throw failure;
        long messages = 0;
        for (int at = 0; at < Staying; at++)
        {
            for (int tag = 0; tag < Senders; tag++)
            {
                Same(sent[at, tag], received[at, tag], "what arrived at " + at + " of sender " + tag);
                Check(sent[at, tag] > 0);
                messages += received[at, tag];
            }
        }
        hub.Stop();
        Check(polling.Join(PatienceMs));
        hub.Dispose();
        foreach (SinewServer server in staying) server.Dispose();
        Check(visits > 0);
        Console.WriteLine("        " + messages + " messages of " + Senders + " threads in order, while servers left " + visits + " times");
    }

    private static void SendNumbers(SinewServer hub, List<IRemoteServer> to, int[,] sent, int tag)
    {
        var writer = new MessageWriter();
        while (!over)
        {
            for (int at = 0; at < Staying; at++)
            {
                SinewResult result = to[at].TrySend((ushort)tag, writer.Clear().WriteInt32(sent[at, tag]));
                Check(result == SinewResult.Ok || result == SinewResult.QueueFull, "a send was answered " + result);
                if (result == SinewResult.Ok) sent[at, tag]++;
            }
            Same(SinewResult.UnknownServer, hub.TrySend(1, 0, default(ReadOnlySpan<byte>)), "TrySend");
        }
    }

    private static void Receive(SinewServer here, int[,] received, int index)
    {
        bool done = false;
        Exception failed = null;
        here.HandlerFailed += (sender, e) => failed = e.Exception;
        here.MessageReceived += (sender, e) =>
        {
            if (e.Tag < Senders) Same(received[index, e.Tag]++, e.GetReader().ReadInt32(), "the number");
            else if (e.Tag == Done) done = true;
        };
        while (!done)
        {
            here.WaitAndPoll(50);
            if (failed != null) throw failed;
            if (failure != null) return;
        }
    }

    private static void AskEverything(SinewServer hub)
    {
        while (!over)
        {
            ServerStats stats = hub.Stats();
            Check(stats.Servers >= Staying && stats.Connected >= Staying && stats.MessagesSent >= stats.MessagesDropped);
            Check(hub.Group == "lobby" && hub.ServerId != 0 && hub.GetAllGroups().Length == 1);
            Check(hub["world"].Count >= Staying);
            foreach (IRemoteServer server in hub["world"].GetAllRemoteServers())
            {
                // Who was there may have left meanwhile.
                Check(server.Name.Length > 0 && server.Id != 0);
                server.Explain();
                server.GetProperty("load");
                if (server.ConnectionState == ConnectionState.Connected) server.RemoteEndPoints?.GetHashCode();
            }
            BroadcastResult result = hub.Broadcast("world", Done + 1, default(ReadOnlySpan<byte>), SendMode.Unreliable);
            Check(result.Result == SinewResult.Ok || result.Result == SinewResult.QueueFull);
        }
    }
}
