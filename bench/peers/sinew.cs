// Sinew, as a game in C# uses it: through unity/Runtime/Core, on mono. Does what common.h and run.h do for the programs in C.
using System;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Net;
using System.Net.Sockets;
using System.Threading;
using Sinew;

internal static class Peer
{
    private const int WaitMs = 1000;
    private const ushort Tag = 1;
    private const ulong FinalMessage = 1UL << 63;

    private static bool isServer, isRoundTrip, spins;
    private static int size;
    private static double seconds, warmup;
    private static int registryPort;

    private static SinewServer server;
    private static IRemoteServer other;
    private static bool writable;

    // What a receiver, or the side that waits for an answer, knows.
    private static ulong messages, next, disorder, awaited;
    private static bool answered;

    private static int Main(string[] arguments)
    {
        foreach (string argument in arguments)
        {
            string[] parts = argument.Split(new[] { '=' }, 2);
            switch (parts[0])
            {
                case "role": isServer = parts[1] == "server"; break;
                case "test": isRoundTrip = parts[1] == "rtt"; break;
                case "size": size = int.Parse(parts[1]); break;
                case "spin": spins = parts[1] == "1"; break;
                case "port": registryPort = int.Parse(parts[1]); break;
                case "seconds": seconds = double.Parse(parts[1], CultureInfo.InvariantCulture); break;
                case "warmup": warmup = double.Parse(parts[1], CultureInfo.InvariantCulture); break;
            }
        }
        int port = isServer ? FreePort() : registryPort;
        string hosting = isServer ? "registry.host = true\nregistry.listen = '127.0.0.1:" + port + "'\n" : "";
        server = SinewServer.Start("log.to = 'none'\nserver.group = '" + (isServer ? "world" : "lobby") + "'\n" +
            "groups.world.visibility = 'internal'\ngroups.lobby.connects_to = ['world']\nregistry.addresses = ['127.0.0.1:" + port + "']\n" + hosting);
        server.ServerConnected += (sender, e) => other = e.RemoteServer;
        server.Writable += (sender, e) => writable = true;
        server.ServerDisconnected += (sender, e) => Fail("disconnected: " + e.Text);
        server.HandlerFailed += (sender, e) => Fail(e.Exception.ToString());
        if (isServer && isRoundTrip) server.MessageReceived += SendBack;
        else if (isServer) server.MessageReceived += Count;
        else server.MessageReceived += TakeAnswer;

        if (isServer)
        {
            Console.WriteLine("ready " + port);
            Serve();
        }
        while (other == null) server.WaitAndPoll(WaitMs);
        if (isRoundTrip) Ping();
        else SendAll();
        return 0;
    }

    private static void SendBack(object sender, MessageReceivedEventArgs e)
    {
        Send(e.Data);
    }

    private static void Count(object sender, MessageReceivedEventArgs e)
    {
        ulong sequence = Sequence(e.Data);
        if ((sequence & FinalMessage) != 0) return;
        if (sequence != next) disorder++;
        if (sequence >= next) next = sequence + 1;
        messages++;
    }

    private static void TakeAnswer(object sender, MessageReceivedEventArgs e)
    {
        answered |= Sequence(e.Data) == awaited;
    }

    private static ulong Sequence(ReadOnlySpan<byte> message)
    {
        return System.Runtime.InteropServices.MemoryMarshal.Read<ulong>(message);
    }

    /// <summary>Sends for certain: a full outbox is waited for.</summary>
    private static void Send(ReadOnlySpan<byte> message)
    {
        for (;;)
        {
            SinewResult result = other.TrySend(Tag, message);
            if (result == SinewResult.Ok) return;
            if (result != SinewResult.QueueFull) Fail("send: " + result);
            writable = false;
            while (!writable) server.WaitAndPoll(100);
        }
    }

    private static void Serve()
    {
        var meter = new Meter();
        for (;;)
        {
            ulong before = messages;
            if (spins) server.Poll();
            else server.WaitAndPoll(WaitMs);
            if (messages != before) meter.Update(messages, next, disorder);
        }
    }

    private static unsafe void SendAll()
    {
        var meter = new Meter();
        var message = new byte[size];
        ulong clockEvery = size <= 1024 ? 256UL : 1;
        ReadOnlySpan<byte> whole = message;
        fixed (byte* start = message)
        {
            for (ulong sent = 0; ; )
            {
                *(ulong*)start = sent;
                Send(whole);
                if (++sent % clockEvery == 0) meter.Update(sent, sent, 0);
            }
        }
    }

    private static void Ping()
    {
        var message = new byte[size];
        var times = new long[1 << 22];
        int count = 0, lost = 0;
        long began = Stopwatch.GetTimestamp(), cpu = Cpu();
        for (ulong sequence = 0; ; sequence++)
        {
            System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(message, sequence);
            awaited = sequence;
            answered = false;
            long sent = Stopwatch.GetTimestamp();
            Send(message);
            while (!answered && Stopwatch.GetTimestamp() - sent < Stopwatch.Frequency)
            {
                if (spins) server.Poll();
                else server.WaitAndPoll(WaitMs);
            }
            long now = Stopwatch.GetTimestamp();
            if (!answered) lost++;
            double passed = (now - began) / (double)Stopwatch.Frequency;
            if (passed < warmup) cpu = Cpu();
            else if (count < times.Length) times[count++] = now - sent;
            if (passed < warmup + seconds) continue;
            cpu = Cpu() - cpu;
            Array.Sort(times, 0, count);
            long tick = 1000000000L / Stopwatch.Frequency;
            Console.WriteLine("result round_trips=" + count + " p50_ns=" + times[count / 2] * tick + " p99_ns=" + times[count * 99L / 100] * tick +
                " p999_ns=" + times[count * 999L / 1000] * tick + " max_ns=" + times[count - 1] * tick + " lost=" + lost + " cpu_us=" + cpu +
                " rss_kib=" + PeakKib());
            Thread.Sleep(Timeout.Infinite);
        }
    }

    /// <summary>A warm-up, then a window of `seconds` in which messages and CPU time are counted.</summary>
    private sealed class Meter
    {
        private long began, from, fromCpu;
        private ulong fromMessages, fromSequence;
        private bool measuring, done;

        internal void Update(ulong messages, ulong sequence, ulong disorder)
        {
            if (done) return;
            long now = Stopwatch.GetTimestamp();
            if (began == 0)
            {
                began = now;
            }
            else if (!measuring)
            {
                if (now - began < warmup * Stopwatch.Frequency) return;
                measuring = true;
                fromMessages = messages;
                fromSequence = sequence;
                fromCpu = Cpu();
                from = Stopwatch.GetTimestamp();
            }
            else if (now - from >= seconds * Stopwatch.Frequency)
            {
                done = true;
                Console.WriteLine("result total=" + messages + " messages=" + (messages - fromMessages) + " ns=" +
                    (now - from) * (1000000000L / Stopwatch.Frequency) + " cpu_us=" + (Cpu() - fromCpu) + " sequences=" + (sequence - fromSequence) +
                    " disorder=" + disorder + " rss_kib=" + PeakKib());
            }
        }
    }

    /// <summary>Of all threads of this process, in microseconds; the kernel tells it here in hundredths of a second.</summary>
    private static long Cpu()
    {
        return Process.GetCurrentProcess().TotalProcessorTime.Ticks / (TimeSpan.TicksPerMillisecond / 1000);
    }

    private static string PeakKib()
    {
        foreach (string line in File.ReadAllLines("/proc/self/status"))
        {
            if (line.StartsWith("VmHWM:")) return line.Split(new[] { ' ', '\t' }, StringSplitOptions.RemoveEmptyEntries)[1];
        }
        return "0";
    }

    private static int FreePort()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        return port;
    }

    private static void Fail(string sentence)
    {
        Console.Error.WriteLine(sentence);
        Environment.Exit(1);
    }
}
