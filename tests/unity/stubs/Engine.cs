// What drives the stand-ins: a scene, a frame, play mode, the console. For the tests alone; no such class is in Unity.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Reflection;
using System.Runtime.CompilerServices;
using UnityEngine.LowLevel;

[assembly: InternalsVisibleTo("UnityEditor")]

namespace UnityEngine
{
    public static class Engine
    {
        public struct Line
        {
            public readonly LogType Type;
            public readonly string Text;
            public readonly Object Context;

            public Line(LogType type, string text, Object context)
            {
                Type = type;
                Text = text;
                Context = context;
            }
        }

        public static readonly List<Line> Log = new List<Line>();
        public static readonly List<GameObject> Objects = new List<GameObject>();
        public static readonly List<Object> Kept = new List<Object>();
        private static readonly Stopwatch Clock = Stopwatch.StartNew();

        public static float Seconds { get { return (float)Clock.Elapsed.TotalSeconds; } }

        /// <summary>What the attributes ask for: methods that are called before a scene is loaded. Play mode begins.</summary>
        public static void EnterPlayMode(params Assembly[] assemblies)
        {
            foreach (MethodInfo method in Marked<RuntimeInitializeOnLoadMethodAttribute>(assemblies))
            {
                var wanted = (RuntimeInitializeOnLoadMethodAttribute)method.GetCustomAttributes(typeof(RuntimeInitializeOnLoadMethodAttribute), false)[0];
                if (wanted.loadType == RuntimeInitializeLoadType.SubsystemRegistration) method.Invoke(null, null);
            }
            Application.isPlaying = true;
        }

        public static IEnumerable<MethodInfo> Marked<T>(Assembly[] assemblies) where T : Attribute
        {
            const BindingFlags All = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;
            foreach (Assembly assembly in assemblies)
            {
                foreach (Type type in assembly.GetTypes())
                {
                    foreach (MethodInfo method in type.GetMethods(All))
                    {
                        if (method.IsDefined(typeof(T), false)) yield return method;
                    }
                }
            }
        }

        /// <summary>The scene is thrown away, as at the end of play mode or when another one is loaded.</summary>
        public static void Clear()
        {
            foreach (GameObject one in Objects.ToArray()) Destroy(one);
            Kept.Clear();
        }

        public static void Quit()
        {
            Application.Quitting();
            Clear();
            Application.isPlaying = false;
        }

        /// <summary>One pass of the player loop: what was put into PreUpdate, then the scripts in their order.</summary>
        public static void Frame()
        {
            Run(UnityEngine.LowLevel.PlayerLoop.GetCurrentPlayerLoop());
            var scripts = new List<MonoBehaviour>();
            foreach (GameObject one in Objects)
            {
                foreach (Component component in one.Components)
                {
                    if (component is MonoBehaviour) scripts.Add((MonoBehaviour)component);
                }
            }
            // List.Sort is not stable, and nor is Unity: scripts of one order have none among them.
            scripts.Sort((left, right) => Order(left).CompareTo(Order(right)));
            foreach (MonoBehaviour script in scripts)
            {
                if (!script.Enabled) continue;
                if (!script.Started)
                {
                    script.Started = true;
                    Call(script, "Start");
                }
                if (script.Enabled) Call(script, "Update");
            }
        }

        internal static void Refresh(Component component)
        {
            var script = component as MonoBehaviour;
            if (ReferenceEquals(script, null) || script.Destroyed) return;
            if (!script.Awoken && script.gameObject.activeSelf)
            {
                script.Awoken = true;
                Call(script, "Awake");
            }
            bool enabled = script.isActiveAndEnabled;
            if (enabled == script.Enabled) return;
            script.Enabled = enabled;
            Call(script, enabled ? "OnEnable" : "OnDisable");
        }

        /// <summary>At once: the end of the frame, for which Unity waits, makes no difference here.</summary>
        internal static void Destroy(Object target)
        {
            var whole = target as GameObject;
            if (!ReferenceEquals(whole, null))
            {
                foreach (Component one in whole.Components.ToArray()) Destroy(one);
                Objects.Remove(whole);
            }
            var script = target as MonoBehaviour;
            if (!ReferenceEquals(script, null) && !script.Destroyed)
            {
                if (script.Enabled) Call(script, "OnDisable");
                script.Enabled = false;
                if (script.Awoken) Call(script, "OnDestroy");
                script.gameObject.Components.Remove(script);
            }
            target.Destroyed = true;
        }

        private static void Run(PlayerLoopSystem system)
        {
            if (system.updateDelegate != null) Guard(() => system.updateDelegate());
            foreach (PlayerLoopSystem inside in system.subSystemList ?? new PlayerLoopSystem[0]) Run(inside);
        }

        private static int Order(MonoBehaviour script)
        {
            object[] found = script.GetType().GetCustomAttributes(typeof(DefaultExecutionOrder), true);
            return found.Length == 0 ? 0 : ((DefaultExecutionOrder)found[0]).order;
        }

        private static void Call(MonoBehaviour script, string message)
        {
            MethodInfo method = script.GetType().GetMethod(message, BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic, null,
                Type.EmptyTypes, null);
            if (method != null) Guard(() => method.Invoke(script, null));
        }

        /// <summary>What a script throws goes to the console, and the frame goes on.</summary>
        private static void Guard(Action action)
        {
            try
            {
                action();
            }
            catch (TargetInvocationException exception)
            {
                Debug.LogException(exception.InnerException);
            }
            catch (Exception exception)
            {
                Debug.LogException(exception);
            }
        }
    }
}
