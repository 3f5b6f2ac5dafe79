// Stand-ins for what the package uses of UnityEditor: an assembly of its own, which a player does not have.
using System;
using System.Reflection;
using UnityEngine;

namespace UnityEditor
{
    public enum PlayModeStateChange
    {
        EnteredEditMode = 0,
        ExitingEditMode = 1,
        EnteredPlayMode = 2,
        ExitingPlayMode = 3,
    }

    [AttributeUsage(AttributeTargets.Method)]
    public sealed class InitializeOnLoadMethodAttribute : Attribute
    {
    }

    [AttributeUsage(AttributeTargets.Method)]
    public sealed class MenuItem : Attribute
    {
        public MenuItem(string itemName)
        {
        }
    }

    public static class EditorApplication
    {
        public static event Action<PlayModeStateChange> playModeStateChanged;

        public static event Action quitting;

        public static bool isPlaying { get { return Application.isPlaying; } }

        internal static void Changed(PlayModeStateChange change)
        {
            if (playModeStateChanged != null) playModeStateChanged(change);
        }

        internal static void Quitting()
        {
            if (quitting != null) quitting();
        }
    }

    public static class AssemblyReloadEvents
    {
        public delegate void AssemblyReloadCallback();

        public static event AssemblyReloadCallback beforeAssemblyReload;

        internal static void Before()
        {
            if (beforeAssemblyReload != null) beforeAssemblyReload();
        }
    }

    public static class EditorUtility
    {
        /// <summary>No test has assets.</summary>
        public static bool IsPersistent(UnityEngine.Object target)
        {
            return false;
        }
    }

    public static class EditorPrefs
    {
        private static readonly System.Collections.Generic.Dictionary<string, string> Kept = new System.Collections.Generic.Dictionary<string, string>();

        public static string GetString(string key, string defaultValue)
        {
            string kept;
            return Kept.TryGetValue(key, out kept) ? kept : defaultValue;
        }

        public static void SetString(string key, string value)
        {
            Kept[key] = value;
        }
    }

    public class EditorWindow : UnityEngine.Object
    {
        public GUIContent titleContent { get; set; }

        public static T GetWindow<T>(string title) where T : EditorWindow, new()
        {
            return new T { titleContent = new GUIContent(title) };
        }

        public void Repaint()
        {
        }
    }

    public enum MessageType
    {
        None = 0,
        Info = 1,
        Warning = 2,
        Error = 3,
    }

    /// <summary>Draws nothing, and remembers the words for the tests.</summary>
    public static class EditorGUILayout
    {
        public static readonly System.Text.StringBuilder Drawn = new System.Text.StringBuilder();

        public static Vector2 BeginScrollView(Vector2 scrollPosition, params GUILayoutOption[] options)
        {
            return scrollPosition;
        }

        public static void EndScrollView()
        {
        }

        public static void LabelField(string label, GUIStyle style, params GUILayoutOption[] options)
        {
            Drawn.AppendLine(label);
        }

        public static string TextArea(string text, GUIStyle style, params GUILayoutOption[] options)
        {
            Drawn.AppendLine(text);
            return text;
        }

        public static void HelpBox(string message, MessageType type)
        {
            Drawn.AppendLine(type + ": " + message);
        }

        public static string TextField(string label, string text, params GUILayoutOption[] options)
        {
            return text;
        }

        public static void Space()
        {
        }
    }

    public static class EditorStyles
    {
        public static GUIStyle boldLabel { get; } = new GUIStyle();

        public static GUIStyle label { get; } = new GUIStyle();

        public static GUIStyle textArea { get; } = new GUIStyle();
    }

    /// <summary>What drives the stand-ins of the editor. For the tests alone; no such class is in Unity.</summary>
    public static class EditorEngine
    {
        /// <summary>The editor has loaded these scripts.</summary>
        public static void Load(params Assembly[] assemblies)
        {
            foreach (MethodInfo method in Engine.Marked<InitializeOnLoadMethodAttribute>(assemblies)) method.Invoke(null, null);
        }

        public static void ExitPlayMode()
        {
            EditorApplication.Changed(PlayModeStateChange.ExitingPlayMode);
            Engine.Clear();
            Engine.Quit();
        }

        public static void BeforeReload()
        {
            AssemblyReloadEvents.Before();
        }

        public static void Quit()
        {
            EditorApplication.Quitting();
        }
    }
}
