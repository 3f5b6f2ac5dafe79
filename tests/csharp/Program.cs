// Runs the tests: `tests.exe list` names the suites, `tests.exe SUITE` runs one. What `tests.exe child …` does, the suites say.
using System;
using System.Collections.Generic;
using System.Diagnostics;

internal static class Program
{
    private static readonly SortedDictionary<string, Action[]> Suites = new SortedDictionary<string, Action[]>
    {
        { "appdomains", AppDomains.All },
        { "connector", Connector.All },
        { "dead-peer", DeadPeer.All },
        { "garbage", Garbage.All },
        { "handlers", Handlers.All },
        { "in-time", InTime.All },
        { "library", MissingLibrary.All },
        { "lifetime", Lifetime.All },
        { "misuse", Misuse.All },
        { "requests", Requests.All },
        { "source", Source.All },
        { "surface", Surface.All },
        { "threads", ManyThreads.All },
        { "two-processes", TwoProcesses.All },
        { "vectors", Vectors.All },
    };

    private static int Main(string[] arguments)
    {
        if (arguments.Length == 1 && arguments[0] == "list")
        {
            foreach (string name in Suites.Keys) Console.WriteLine(name);
            return 0;
        }
        if (arguments.Length >= 2 && arguments[0] == "child") return Child(arguments);
        Action[] tests;
        if (arguments.Length != 1 || !Suites.TryGetValue(arguments[0], out tests))
        {
            Console.Error.WriteLine("called as: tests.exe list, or tests.exe SUITE");
            return 2;
        }
        int failed = 0;
        foreach (Action test in tests)
        {
            Stopwatch watch = Stopwatch.StartNew();
            try
            {
                test();
                Console.WriteLine("ok      " + test.Method.Name + " (" + watch.ElapsedMilliseconds + " ms)");
            }
            catch (Exception exception)
            {
                failed++;
                Console.WriteLine("FAILED  " + test.Method.Name + ": " + (exception is CheckFailed ? exception.Message : exception.ToString()));
            }
        }
        return failed == 0 && tests.Length > 0 ? 0 : 1;
    }

    private static int Child(string[] arguments)
    {
        switch (arguments[1])
        {
            case "member": return TwoProcesses.Child(arguments);
            case "peer": return DeadPeer.Child(arguments);
            case "connector": return Connector.Child(arguments);
            case "no-library": return MissingLibrary.Child(arguments);
            case "ends": return InTime.Child(arguments);
            default: return 2;
        }
    }
}
