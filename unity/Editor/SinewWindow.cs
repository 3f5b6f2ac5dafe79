using System;
using System.Collections.Generic;
using System.IO;
using UnityEditor;
using UnityEngine;

namespace Sinew.Editing
{
    /// <summary>
    /// The window Sinew: for each <see cref="SinewServerBehaviour"/> of the open scenes its configuration, a check of it, and while it runs how it
    /// stands with its links.
    /// </summary>
    public sealed class SinewWindow : EditorWindow
    {
        private const string ProgramKey = "com.sinew.cluster.program";

        private readonly Dictionary<SinewServerBehaviour, ConfigurationCheck> checks = new Dictionary<SinewServerBehaviour, ConfigurationCheck>();
        private Vector2 scroll;

        /// <summary>The path of the <c>sinew</c> program, of this machine's editor; by default that of the package, or else the one in PATH.</summary>
        public static string Program
        {
            get { return EditorPrefs.GetString(ProgramKey, Shipped()); }
            set { EditorPrefs.SetString(ProgramKey, value); }
        }

        [MenuItem("Window/Sinew")]
        private static void Open()
        {
            GetWindow<SinewWindow>("Sinew");
        }

        /// <summary>Ten times a second: what runs is shown as it is.</summary>
        private void OnInspectorUpdate()
        {
            if (EditorApplication.isPlaying) Repaint();
        }

        private void OnGUI()
        {
            string program = Program;
            string named = EditorGUILayout.TextField("sinew program", program);
            if (named != program) Program = named;
            List<string> environment = ConfigurationCheck.Environment();
            if (environment.Count > 0)
            {
                EditorGUILayout.HelpBox("These variables of the editor lie on top of every configuration:\n" + string.Join("\n", environment.ToArray()),
                    MessageType.Warning);
            }

            scroll = EditorGUILayout.BeginScrollView(scroll);
            bool any = false;
            foreach (SinewServerBehaviour one in Resources.FindObjectsOfTypeAll<SinewServerBehaviour>())
            {
                // Prefabs are not in a scene.
                if (EditorUtility.IsPersistent(one)) continue;
                any = true;
                Draw(one);
            }
            if (!any) EditorGUILayout.HelpBox("No open scene has a Sinew Server component.", MessageType.Info);
            EditorGUILayout.EndScrollView();
        }

        private void Draw(SinewServerBehaviour one)
        {
            EditorGUILayout.LabelField(one.name, EditorStyles.boldLabel);
            if (one.Mistake != null) EditorGUILayout.HelpBox("It was not started: " + one.Mistake, MessageType.Error);
            if (one.Server != null)
            {
                EditorGUILayout.LabelField("Links", EditorStyles.label);
                EditorGUILayout.TextArea(ServerReport.Of(one.Server), EditorStyles.textArea);
            }
            string toml = Toml(one);
            if (toml != null)
            {
                EditorGUILayout.LabelField(one.Configuration == null ? "Configuration" : "Configuration of the running server", EditorStyles.label);
                EditorGUILayout.TextArea(toml, EditorStyles.textArea);
                if (GUILayout.Button("Check " + one.name)) checks[one] = ConfigurationCheck.Run(toml, Program);
            }
            ConfigurationCheck check;
            if (checks.TryGetValue(one, out check))
            {
                if (check.Mistakes.Length > 0) EditorGUILayout.HelpBox(check.Mistakes, check.IsGood ? MessageType.Warning : MessageType.Error);
                if (check.IsGood)
                {
                    EditorGUILayout.LabelField("In effect, and where it came from", EditorStyles.label);
                    EditorGUILayout.TextArea(check.Effective, EditorStyles.textArea);
                }
            }
            EditorGUILayout.Space();
        }

        /// <summary>What runs, or would be started. NULL, and a box that says why, if there is none.</summary>
        private static string Toml(SinewServerBehaviour one)
        {
            if (one.Configuration != null) return one.Configuration;
            try
            {
                return one.settings.ToToml(one.logToConsole);
            }
            catch (Exception exception)
            {
                EditorGUILayout.HelpBox(exception.Message, MessageType.Error);
                return null;
            }
        }

        /// <summary>The archive of the package has it for Linux, where Unity does not look: in a folder whose name ends with a tilde.</summary>
        private static string Shipped()
        {
            string path = Path.GetFullPath("Packages/com.sinew.cluster/Tools~/Linux/x86_64/sinew");
            return File.Exists(path) ? path : "sinew";
        }
    }
}
