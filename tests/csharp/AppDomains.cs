// The reload of an engine's editor: an AppDomain with a running server is unloaded, again and again. Native code and its threads would survive
// that; finalizers must have freed them.
using System;
using System.Diagnostics;
using Sinew;
using static Support;

internal static class AppDomains
{
    internal static readonly Action[] All = { UnloadedWithARunningServer };

    private const int Reloads = 200;

    /// <summary>Every so many, two servers that talk; else one alone, which a new domain compiles in half of the time.</summary>
    private const int EveryPair = 10;

    /// <summary>What runs inside: a server, and nobody who disposes of it.</summary>
    private static void One()
    {
        SinewServer server = SinewServer.Start(Alone);
        server.WaitAndPoll(1000);
        AppDomain.CurrentDomain.SetData("alive", server);
    }

    private static void Two()
    {
        var pair = new Pair();
        bool received = false;
        pair.World.MessageReceived += (sender, e) => received = true;
        pair.ToWorld.SendMessage(1, new byte[100]);
        pair.ToWorld.Request(1, new byte[1], 60000);
        pair.Until(() => received);
        AppDomain.CurrentDomain.SetData("alive", pair);
    }

    private static void Reload(CrossAppDomainDelegate inside)
    {
        AppDomain domain = AppDomain.CreateDomain("game");
        domain.DoCallBack(inside);
        AppDomain.Unload(domain);
    }

    private static void UnloadedWithARunningServer()
    {
        Reload(Two);
        int threads = Threads(), descriptors = Descriptors();
        Stopwatch watch = Stopwatch.StartNew();
        for (int n = 0; n < Reloads; n++) Reload(n % EveryPair == 0 ? (CrossAppDomainDelegate)Two : One);
        long took = watch.ElapsedMilliseconds;
        Until(() => Threads() <= threads && Descriptors() <= descriptors);
        Console.WriteLine("        " + Reloads + " reloads in " + took + " ms; " + Threads() + " threads and " + Descriptors() +
            " descriptors, before: " + threads + " and " + descriptors);
    }
}
