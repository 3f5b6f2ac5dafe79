// The rules that ahead-of-time compilers for engines make, read in the source: nothing that only a just-in-time compiler could do.
using System;
using System.Collections.Generic;
using System.IO;
using System.Text.RegularExpressions;
using static Support;

internal static class Source
{
    internal static readonly Action[] All = { ImportsAreBlittable, StructsAreBlittable, NothingForbidden, TheRulesCatch, FilesAreShort };

    private static readonly string Core = Environment.GetEnvironmentVariable("SINEW_ROOT") + "/unity/Runtime/Core";

    private static readonly Regex Parameter = new Regex(
        @"^(?:byte|ushort|uint|ulong|int|long|void|double|System\.UIntPtr|sinew_\w+\*)\**(?: @?\w+)?$");

    private static readonly Regex Field = new Regex(
        @"^public (?:fixed byte \w+\[\d+\]|(?:byte|ushort|uint|ulong|int|long|double|System\.UIntPtr|sinew_\w+\*)\** \w+);$");

    /// <summary>What must not stand in the code, and why.</summary>
    private static readonly Dictionary<string, string> Forbidden = new Dictionary<string, string>
    {
        { @"\bUnityEngine\b|\bUnityEditor\b", "the core is for plain .NET, too" },
        { @"\bSystem\.Reflection\b|\.GetType\(\)|\bActivator\b|\btypeof\(", "stripping must not need a link.xml" },
        { @"\bUnmanagedCallersOnly\b|\bMonoPInvokeCallback\b|\bUnmanagedFunctionPointer\b", "nothing native calls back" },
        { @"\bGetFunctionPointerForDelegate\b|\bGetDelegateForFunctionPointer\b|\bdelegate\*", "nothing native calls back" },
        { @"\bdynamic\b|\bSystem\.Linq\.Expressions\b|\bSystem\.Reflection\.Emit\b", "no code is made at run time" },
        { @"\bThread\.Start\b|\bnew Thread\b|\bThreadPool\b|\bTask\.Run\b|\bnew Timer\b", "the core starts no thread" },
        { @"\binit;|\brecord\b", "later than the C# of this project" },
    };

    private static IEnumerable<string> Files()
    {
        string[] files = Directory.GetFiles(Core, "*.cs", SearchOption.AllDirectories);
        Check(files.Length > 15, files.Length + " files are read");
        return files;
    }

    /// <summary>Without comments and texts.</summary>
    private static string CodeOf(string text)
    {
        text = Regex.Replace(text, "\"(?:[^\"\\\\\\n]|\\\\.)*\"", "\"\"");
        return Regex.Replace(text, @"//[^\n]*", "");
    }

    private static List<string> WrongImports(string text)
    {
        var wrong = new List<string>();
        foreach (Match import in Regex.Matches(text, @"\[DllImport\(([^\]]*)\)\]\s*([^;]*);"))
        {
            string declaration = import.Groups[2].Value;
            Match parts = Regex.Match(declaration, @"^internal static extern ([\w.*]+) \w+\((.*)\)$");
            bool good = parts.Success && import.Groups[1].Value.Contains("CallingConvention = CallingConvention.Cdecl") &&
                import.Groups[1].Value.Contains("ExactSpelling = true") && Parameter.IsMatch(parts.Groups[1].Value);
            if (good && parts.Groups[2].Value.Length > 0)
            {
                foreach (string parameter in parts.Groups[2].Value.Split(',')) good = good && Parameter.IsMatch(parameter.Trim());
            }
            if (!good) wrong.Add(declaration);
        }
        return wrong;
    }

    private static List<string> WrongFields(string text)
    {
        var wrong = new List<string>();
        foreach (Match type in Regex.Matches(text, @"partial struct sinew_\w+\s*\{([^}]*)\}"))
        {
            foreach (string line in type.Groups[1].Value.Split('\n'))
            {
                string field = line.Trim();
                if (field.Length > 0 && !Field.IsMatch(field)) wrong.Add(field);
            }
        }
        return wrong;
    }

    private static List<string> WrongWords(string code)
    {
        var wrong = new List<string>();
        foreach (KeyValuePair<string, string> rule in Forbidden)
        {
            Match found = Regex.Match(code, rule.Key);
            if (found.Success) wrong.Add("`" + found.Value + "`: " + rule.Value);
        }
        return wrong;
    }

    private static void ImportsAreBlittable()
    {
        int imports = 0;
        foreach (string file in Files())
        {
            string text = CodeOf(File.ReadAllText(file));
            imports += Regex.Matches(text, @"\[DllImport\(").Count;
            Same("", string.Join("; ", WrongImports(text).ToArray()), "what " + file + " imports");
        }
        Check(imports > 30, imports + " imports are read");
    }

    private static void StructsAreBlittable()
    {
        string text = CodeOf(File.ReadAllText(Core + "/Native/NativeMethods.cs"));
        int structs = Regex.Matches(text, @"partial struct sinew_").Count, laidOut = Regex.Matches(text, @"LayoutKind\.Sequential").Count;
        Check(structs > 6 && structs == laidOut, structs + " structs, " + laidOut + " layouts");
        Same("", string.Join("; ", WrongFields(text).ToArray()), "what the structs hold");
    }

    private static void NothingForbidden()
    {
        foreach (string file in Files())
        {
            Same("", string.Join("; ", WrongWords(CodeOf(File.ReadAllText(file))).ToArray()), "what " + file + " uses");
        }
    }

    /// <summary>A test of these tests: what is wrong is found.</summary>
    private static void TheRulesCatch()
    {
        const string Head = "[DllImport(\"\", EntryPoint = \"\", CallingConvention = CallingConvention.Cdecl, ExactSpelling = true)]\n";
        foreach (string wrong in new[] { "string text", "bool yes", "char c", "Action call", "System.IntPtr p", "out int x", "byte[] bytes" })
        {
            Same(1, WrongImports(Head + "internal static extern int f(byte* a, " + wrong + ");").Count, "what is wrong with " + wrong);
            Same(1, WrongFields("partial struct sinew_x\n{\npublic " + wrong + ";\n}").Count, "what is wrong with " + wrong);
        }
        Same(0, WrongImports(Head + "internal static extern int f(sinew_server* server, System.UIntPtr* @out);").Count, "what is wrong");
        Same(1, WrongImports(Head.Replace("Cdecl", "Winapi") + "internal static extern int f();").Count, "what is wrong");
        Same(1, WrongImports(Head.Replace("true", "false") + "internal static extern int f();").Count, "what is wrong");
        Same(1, WrongWords(CodeOf("x.GetType(); // GetType()")).Count, "what is wrong");
        Same(0, WrongWords(CodeOf("x = \"GetType()\"; // typeof(x)")).Count, "what is wrong");
    }

    private static void FilesAreShort()
    {
        foreach (string file in Files())
        {
            int lines = File.ReadAllLines(file).Length;
            Check(lines <= (file.EndsWith("NativeMethods.cs") ? 1200 : 600), file + " has " + lines + " lines");
        }
    }
}
