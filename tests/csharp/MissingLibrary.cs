// No native library, one of another version, or something else under its name: one sentence that says what to do, every time, and no crash.
using System;
using System.Diagnostics;
using System.IO;
using Sinew;
using static Support;

internal static class MissingLibrary
{
    internal static readonly Action[] All = { Missing, OfAnotherVersion, SomethingElse, Damaged };

    /// <summary>Folders made by the runner, each with a libsinew.so of its own kind.</summary>
    private static readonly string Folders = Environment.GetEnvironmentVariable("SINEW_WRONG_LIBRARIES");

    private static void Missing()
    {
        Tells("missing", "cannot be loaded", "LD_LIBRARY_PATH");
    }

    private static void OfAnotherVersion()
    {
        Tells("version", "speaks version 99 of the ABI, this assembly speaks version 1", "from one release");
    }

    private static void SomethingElse()
    {
        Tells("other", "has no sinew_abi_version", "from one release");
    }

    private static void Damaged()
    {
        Tells("damaged", "cannot be loaded", "libsinew.so");
    }

    private static void Tells(string kind, params string[] words)
    {
        ProcessStartInfo start;
        using (Process idle = Support.Child("list"))
        {
            start = idle.StartInfo;
            idle.StandardOutput.ReadToEnd();
            idle.WaitForExit();
        }
        start.Arguments = start.Arguments.Replace(" list", " child no-library");
        start.EnvironmentVariables["LD_LIBRARY_PATH"] = Path.Combine(Folders, kind);
        using (Process child = Process.Start(start))
        {
            string said = child.StandardOutput.ReadToEnd();
            Check(child.WaitForExit(PatienceMs) && child.ExitCode == 0, kind + ": it ended with " + child.ExitCode + " and said: " + said);
            foreach (string word in words) Check(said.Contains(word), kind + ": \"" + word + "\" is not in: " + said);
        }
    }

    /// <summary>Everything that needs no server works; what makes one throws the same each time.</summary>
    internal static int Child(string[] arguments)
    {
        var writer = new MessageWriter();
        writer.WriteString("payloads need no library");
        Same("payloads need no library", new Message(1, writer).GetReader().ReadString(), "the text");
        string first = null;
        for (int n = 0; n < 3; n++)
        {
            SinewException exception = Throws<SinewException>(() => SinewServer.Start(Alone));
            Same(SinewResult.NativeLibrary, exception.Code, "the code");
            if (first == null) first = exception.Message;
            Same(first, exception.Message, "the sentence");
        }
        Throws<SinewException>(() => SinewServer.StartFile("x"));
        Throws<SinewException>(() => SinewServer.NativeVersion.GetHashCode());
        Check(SinewResult.NativeLibrary.Describe().Length > 10);
        Console.WriteLine(first);
        return 0;
    }
}
