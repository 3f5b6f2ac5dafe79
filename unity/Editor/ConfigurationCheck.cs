using System;
using System.Collections;
using System.Collections.Generic;
using System.ComponentModel;
using System.Diagnostics;
using System.IO;
using System.Text;

namespace Sinew.Editing
{
    /// <summary>
    /// What a server would run with: every key with its value and where it came from, or one sentence per mistake. The program <c>sinew check</c> tells
    /// it: no server is started, no address bound, no native library loaded into the editor.
    /// </summary>
    public sealed class ConfigurationCheck
    {
        /// <summary>For a program that reads a file and prints it.</summary>
        private const int PatienceMs = 10000;

        /// <summary>Whether a server would start with it, as far as the text goes.</summary>
        public bool IsGood { get; private set; }

        /// <summary>The effective configuration as TOML; empty if there are mistakes.</summary>
        public string Effective { get; private set; }

        /// <summary>One sentence per mistake, or why there was no check; empty if all is well.</summary>
        public string Mistakes { get; private set; }

        private ConfigurationCheck(bool isGood, string effective, string mistakes)
        {
            IsGood = isGood;
            Effective = effective;
            Mistakes = mistakes;
        }

        /// <summary>Checks a TOML text, with the SINEW_* variables of the editor on top.</summary>
        /// <param name="toml">What <see cref="ServerSettings.ToToml"/> gives.</param>
        /// <param name="program">The <c>sinew</c> program; its bare name is looked for in PATH.</param>
        public static ConfigurationCheck Run(string toml, string program)
        {
            string folder = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
            Directory.CreateDirectory(folder);
            try
            {
                // Its name is in the sentences.
                string file = Path.Combine(folder, "configuration");
                File.WriteAllText(file, toml, new UTF8Encoding(false));
                return Ask(file, program);
            }
            catch (Win32Exception exception)
            {
                return new ConfigurationCheck(false, "", "the program `" + program + "` cannot be started (" + exception.Message +
                    "); it comes with the package's archive and with every release of Sinew: name its path above");
            }
            finally
            {
                Directory.Delete(folder, true);
            }
        }

        private static ConfigurationCheck Ask(string file, string program)
        {
            var output = new StringBuilder();
            var errors = new StringBuilder();
            var start = new ProcessStartInfo(program, "check \"" + file + "\"")
            {
                UseShellExecute = false,
                CreateNoWindow = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
                StandardOutputEncoding = Encoding.UTF8,
                StandardErrorEncoding = Encoding.UTF8,
            };
            using (Process process = Process.Start(start))
            {
                process.OutputDataReceived += (sender, e) => { if (e.Data != null) output.AppendLine(e.Data); };
                process.ErrorDataReceived += (sender, e) => { if (e.Data != null) errors.AppendLine(e.Data); };
                process.BeginOutputReadLine();
                process.BeginErrorReadLine();
                if (!process.WaitForExit(PatienceMs))
                {
                    process.Kill();
                    return new ConfigurationCheck(false, "", "the program `" + program + "` did not end within " + PatienceMs / 1000 + " s");
                }
                // Without a limit it waits for the end of the output, too.
                process.WaitForExit();
                string mistakes = errors.ToString().Replace(file, "configuration").TrimEnd();
                return new ConfigurationCheck(process.ExitCode == 0, output.ToString().TrimEnd(), mistakes);
            }
        }

        /// <summary>The SINEW_* variables of this process, which lie on top of every configuration: one <c>NAME=value</c> for each, in order.</summary>
        public static List<string> Environment()
        {
            var found = new List<string>();
            foreach (DictionaryEntry one in System.Environment.GetEnvironmentVariables())
            {
                string name = (string)one.Key;
                if (name.StartsWith("SINEW_", StringComparison.Ordinal)) found.Add(name + "=" + one.Value);
            }
            found.Sort(StringComparer.Ordinal);
            return found;
        }
    }
}
