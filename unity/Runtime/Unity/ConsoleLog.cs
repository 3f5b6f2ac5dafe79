using System;
using UnityEngine;

namespace Sinew
{
    /// <summary>The library's log, and what handlers throw, in Unity's console.</summary>
    internal static class ConsoleLog
    {
        private const string Tag = "Sinew";

        /// <summary>Shows it, with <paramref name="context"/> to click on.</summary>
        internal static void Attach(SinewServer server, UnityEngine.Object context)
        {
            server.Logged += (sender, e) => Write(e.Level, e.Text, context);
        }

        /// <summary>What a handler threw looks like any other exception of the game.</summary>
        internal static void AttachFailures(SinewServer server, UnityEngine.Object context)
        {
            server.HandlerFailed += (sender, e) => Debug.unityLogger.LogException(e.Exception, context);
        }

        internal static void Error(string sentence, UnityEngine.Object context)
        {
            Debug.unityLogger.Log(LogType.Error, Tag, sentence, context);
        }

        private static void Write(LogLevel level, string text, UnityEngine.Object context)
        {
            LogType type = level == LogLevel.Error ? LogType.Error : level == LogLevel.Warn ? LogType.Warning : LogType.Log;
            Debug.unityLogger.Log(type, Tag, text, context);
        }
    }
}
