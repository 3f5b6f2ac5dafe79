// No garbage per message, counted by the runtime: what this thread has allocated, to the byte.
using System;
using Sinew;
using static Support;

internal static class Garbage
{
    internal static readonly Action[] All = { TheCounterSeesOneBoxedByte, SendingAndReceivingCostsNothing, AFullOutboxCostsNothing, BroadcastsCostNothing };

    private const int WarmUp = 20000;
    private const int Messages = 200000;

    private static int received;
    private static uint sum;
    private static object box;

    private static void Count(object sender, MessageReceivedEventArgs e)
    {
        received++;
        MessageReader reader = e.GetReader();
        sum += reader.ReadUInt32() + reader.ReadByte();
        reader.ReadBytes();
        reader.Finish();
    }

    private static void CountAndBoxOnce(object sender, MessageReceivedEventArgs e)
    {
        if (++received == Messages) box = (byte)1;
    }

    /// <summary>How many bytes it costs to send and receive so many messages, the polls included.</summary>
    private static long Cost(Pair pair, int messages)
    {
        var writer = new MessageWriter();
        var more = new byte[16];
        received = 0;
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int sent = 0; received < messages;)
        {
            for (int burst = 0; burst < 100 && sent < messages; burst++)
            {
                writer.Clear().WriteUInt32((uint)sent).WriteByte(7).WriteBytes(more);
                if (!pair.ToWorld.SendMessage((ushort)sent, writer)) break;
                sent++;
            }
            pair.Lobby.Poll();
            if (pair.World.Poll() == 0) pair.World.WaitAndPoll(1);
        }
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    /// <summary>A test of the test: one byte, boxed at one of all the messages, is seen.</summary>
    private static void TheCounterSeesOneBoxedByte()
    {
        using (var pair = new Pair())
        {
            pair.World.MessageReceived += CountAndBoxOnce;
            Cost(pair, WarmUp);
            Cost(pair, Messages - 1);
            long cost = Cost(pair, Messages) - Cost(pair, Messages - 1);
            Check(box != null && cost > 0, "a boxed byte costs " + cost + " bytes");
            Console.WriteLine("        one boxed byte in " + Messages + " messages counts as " + cost + " bytes");
        }
    }

    private static void SendingAndReceivingCostsNothing()
    {
        using (var pair = new Pair())
        {
            // One handler at each of the three places.
            pair.World.MessageReceived += Count;
            Cost(pair, WarmUp);
            Lowest(pair, "messages through the handlers of the server");
            pair.World.MessageReceived -= Count;
            pair.ToLobby.MessageReceived += Count;
            Lowest(pair, "messages through the handlers of the remote server");
            pair.ToLobby.MessageReceived -= Count;
            pair.ToLobby.ServerGroup.MessageReceived += Count;
            Lowest(pair, "messages through the handlers of the group");
        }
    }

    /// <summary>Once without garbage is proof that messages cost none; a runtime that compiles a method meanwhile may once have some of its own.</summary>
    private static void Lowest(Pair pair, string what)
    {
        long lowest = long.MaxValue;
        for (int round = 0; round < 3 && lowest != 0; round++) lowest = Math.Min(lowest, Cost(pair, Messages));
        Same(0L, lowest, "the cost of " + Messages + " " + what + ", in bytes,");
    }

    private static void AFullOutboxCostsNothing()
    {
        using (var pair = new Pair("limits.outbox_bytes = 65536\n"))
        {
            pair.World.MessageReceived += (sender, e) => received++;
            int writable = 0, full = 0;
            pair.Lobby.Writable += (sender, e) => writable++;
            var bytes = new byte[4000];
            long lowest = long.MaxValue;
            for (int round = 0; round < 6 && (round < 2 || lowest != 0); round++)
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                writable = full = 0;
                while (writable < 200)
                {
                    while (pair.ToWorld.TrySend(1, bytes) == SinewResult.Ok) { }
                    full++;
                    pair.World.Poll();
                    pair.Lobby.WaitAndPoll(1);
                }
                if (round > 0) lowest = Math.Min(lowest, GC.GetAllocatedBytesForCurrentThread() - before);
            }
            Check(full >= 200);
            Same(0L, lowest, "the cost of 200 times a full outbox and Writable, in bytes,");
        }
    }

    private static void BroadcastsCostNothing()
    {
        using (var pair = new Pair())
        {
            pair.World.MessageReceived += (sender, e) => received++;
            var bytes = new byte[20];
            var missed = new ulong[4];
            ulong to;
            long lowest = long.MaxValue;
            for (int round = 0; round < 4 && lowest != 0; round++)
            {
                received = 0;
                long before = GC.GetAllocatedBytesForCurrentThread();
                for (int sent = 0; received < 20000;)
                {
                    if (sent < 20000 && sent - received < 1000)
                    {
                        BroadcastResult result = pair.Lobby.Broadcast("world", 1, bytes, SendMode.Reliable, missed);
                        SinewResult any = pair.Lobby.SendAny("world", SelectionPolicy.RoundRobin, 1, bytes, out to);
                        if (result.Sent != 1 || any != SinewResult.Ok) throw new CheckFailed("a broadcast was not taken");
                        sent += 2;
                    }
                    pair.Lobby.Poll();
                    if (pair.World.Poll() == 0) pair.World.WaitAndPoll(1);
                }
                if (round > 0) lowest = Math.Min(lowest, GC.GetAllocatedBytesForCurrentThread() - before);
            }
            Same(0L, lowest, "the cost of 10000 broadcasts and as many sends to any, in bytes,");
        }
    }
}
