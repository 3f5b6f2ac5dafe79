// Runs the tests: `tests.exe list` names the suites, `tests.exe SUITE` runs one. `without-library` is for a place where the loader finds none.
using System;
using System.Collections.Generic;
using System.Diagnostics;

internal static class Program
{
    private static readonly SortedDictionary<string, Action[]> Suites = new SortedDictionary<string, Action[]>
    {
        { "components", Components.All },
        { "every-event", EveryEvent.All },
        { "extras", Extras.All },
        { "package-tests", PackageTests.All },
        { "reloads", Reloads.All },
        { "samples", PackageTests.Samples },
        { "without-library", Extras.WithoutLibrary },
    };

    private static int Main(string[] arguments)
    {
        if (arguments.Length == 1 && arguments[0] == "list")
        {
            foreach (string name in Suites.Keys) Console.WriteLine(name);
            return 0;
        }
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
}
