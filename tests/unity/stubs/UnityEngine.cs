// Stand-ins for what the package uses of UnityEngine, written from Unity's public documentation and its behaviour: enough to compile against,
// and to run components with the small loop of Engine.cs. Nothing here is Unity's code.
using System;
using System.Collections.Generic;

namespace UnityEngine
{
    public enum RuntimeInitializeLoadType
    {
        AfterSceneLoad,
        BeforeSceneLoad,
        AfterAssembliesLoaded,
        BeforeSplashScreen,
        SubsystemRegistration,
    }

    [AttributeUsage(AttributeTargets.Method)]
    public sealed class RuntimeInitializeOnLoadMethodAttribute : Attribute
    {
        public RuntimeInitializeLoadType loadType { get; private set; }

        public RuntimeInitializeOnLoadMethodAttribute(RuntimeInitializeLoadType loadType)
        {
            this.loadType = loadType;
        }
    }

    [AttributeUsage(AttributeTargets.Class)]
    public sealed class AddComponentMenu : Attribute
    {
        public AddComponentMenu(string menuName)
        {
        }
    }

    [AttributeUsage(AttributeTargets.Class)]
    public sealed class DefaultExecutionOrder : Attribute
    {
        public int order { get; private set; }

        public DefaultExecutionOrder(int order)
        {
            this.order = order;
        }
    }

    [AttributeUsage(AttributeTargets.Field)]
    public sealed class SerializeField : Attribute
    {
    }

    [AttributeUsage(AttributeTargets.Field)]
    public sealed class TooltipAttribute : Attribute
    {
        public TooltipAttribute(string tooltip)
        {
        }
    }

    [AttributeUsage(AttributeTargets.Field)]
    public sealed class TextAreaAttribute : Attribute
    {
        public TextAreaAttribute(int minLines, int maxLines)
        {
        }
    }

    [AttributeUsage(AttributeTargets.Field)]
    public sealed class MinAttribute : Attribute
    {
        public MinAttribute(float min)
        {
        }
    }

    /// <summary>A destroyed one is equal to null, as in Unity.</summary>
    public class Object
    {
        internal bool Destroyed;

        public string name { get; set; }

        public static bool operator ==(Object left, Object right)
        {
            bool noLeft = ReferenceEquals(left, null) || left.Destroyed, noRight = ReferenceEquals(right, null) || right.Destroyed;
            return noLeft || noRight ? noLeft == noRight : ReferenceEquals(left, right);
        }

        public static bool operator !=(Object left, Object right)
        {
            return !(left == right);
        }

        public override bool Equals(object other)
        {
            return this == other as Object;
        }

        public override int GetHashCode()
        {
            return System.Runtime.CompilerServices.RuntimeHelpers.GetHashCode(this);
        }

        public override string ToString()
        {
            return name;
        }

        public static void Destroy(Object target)
        {
            Engine.Destroy(target);
        }

        public static void DestroyImmediate(Object target)
        {
            Engine.Destroy(target);
        }

        public static void DontDestroyOnLoad(Object target)
        {
            Engine.Kept.Add(target);
        }
    }

    public class TextAsset : Object
    {
        public string text { get; private set; }

        public TextAsset(string text)
        {
            this.text = text;
        }
    }

    public class Component : Object
    {
        public GameObject gameObject { get; internal set; }

        public T GetComponent<T>()
        {
            return gameObject.GetComponent<T>();
        }
    }

    public class Behaviour : Component
    {
        internal bool Wanted = true;

        public bool enabled
        {
            get { return Wanted; }
            set
            {
                Wanted = value;
                Engine.Refresh(this);
            }
        }

        public bool isActiveAndEnabled { get { return Wanted && gameObject.activeSelf; } }
    }

    public class MonoBehaviour : Behaviour
    {
        internal bool Awoken, Started, Enabled;
    }

    public sealed class GameObject : Object
    {
        internal readonly List<Component> Components = new List<Component>();

        public bool activeSelf { get; private set; }

        public GameObject(string name)
        {
            this.name = name;
            activeSelf = true;
            Engine.Objects.Add(this);
        }

        public T AddComponent<T>() where T : Component, new()
        {
            var component = new T { gameObject = this, name = name };
            Components.Add(component);
            Engine.Refresh(component);
            return component;
        }

        public T GetComponent<T>()
        {
            foreach (Component one in Components)
            {
                if (one is T) return (T)(object)one;
            }
            return default(T);
        }

        public void SetActive(bool value)
        {
            activeSelf = value;
            foreach (Component one in Components.ToArray()) Engine.Refresh(one);
        }
    }

    public static class Application
    {
        public static event Action quitting;

        public static bool runInBackground { get; set; }

        public static bool isPlaying { get; internal set; }

        internal static void Quitting()
        {
            if (quitting != null) quitting();
        }
    }

    public static class Time
    {
        public static float unscaledTime { get { return Engine.Seconds; } }
    }

    public enum LogType
    {
        Error = 0,
        Assert = 1,
        Warning = 2,
        Log = 3,
        Exception = 4,
    }

    public interface ILogger
    {
        void Log(LogType logType, string tag, object message, Object context);

        void LogException(Exception exception, Object context);
    }

    public static class Debug
    {
        private sealed class Console : ILogger
        {
            public void Log(LogType logType, string tag, object message, Object context)
            {
                Engine.Log.Add(new Engine.Line(logType, tag + ": " + message, context));
            }

            public void LogException(Exception exception, Object context)
            {
                Engine.Log.Add(new Engine.Line(LogType.Exception, exception.ToString(), context));
            }
        }

        private static readonly ILogger console = new Console();

        public static ILogger unityLogger { get { return console; } }

        public static void Log(object message)
        {
            Engine.Log.Add(new Engine.Line(LogType.Log, message.ToString(), null));
        }

        public static void LogError(object message)
        {
            Engine.Log.Add(new Engine.Line(LogType.Error, message.ToString(), null));
        }

        public static void LogException(Exception exception)
        {
            Engine.Log.Add(new Engine.Line(LogType.Exception, exception.ToString(), null));
        }
    }

    public static class Resources
    {
        public static T[] FindObjectsOfTypeAll<T>() where T : Object
        {
            var found = new List<T>();
            foreach (GameObject one in Engine.Objects)
            {
                foreach (Component component in one.Components)
                {
                    if (component is T) found.Add((T)(Object)component);
                }
            }
            return found.ToArray();
        }
    }

    // What windows of the editor draw with.

    public struct Vector2
    {
        public static Vector2 zero { get { return default(Vector2); } }
    }

    public sealed class GUIContent
    {
        public GUIContent(string text)
        {
        }
    }

    public sealed class GUIStyle
    {
    }

    public class GUILayoutOption
    {
    }

    public static class GUILayout
    {
        /// <summary>The labels of the buttons that somebody clicks in this pass.</summary>
        public static readonly HashSet<string> Clicked = new HashSet<string>();

        public static bool Button(string text, params GUILayoutOption[] options)
        {
            return Clicked.Contains(text);
        }

        public static GUILayoutOption Width(float width)
        {
            return new GUILayoutOption();
        }
    }
}
