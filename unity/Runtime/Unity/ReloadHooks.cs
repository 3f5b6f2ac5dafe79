using UnityEngine;
#if UNITY_EDITOR
using UnityEditor;
#endif

namespace Sinew
{
    /// <summary>
    /// Everything that Unity tells about the end of play mode, of scripts and of the application; here, and in no other file. The native library
    /// stays loaded for as long as the process lives, so what these hooks do not end would go on without anybody who polls it. None of them calls the
    /// library unless a server runs.
    /// </summary>
    /// <remarks>
    /// | what ends | who tells |
    /// | play mode, with or without a reload of the domain | playModeStateChanged, ExitingPlayMode |
    /// | the scripts, by a compilation | beforeAssemblyReload |
    /// | the player | Application.quitting |
    /// | the editor | EditorApplication.quitting |
    /// </remarks>
    internal static class ReloadHooks
    {
        /// <summary>Play mode begins, or the player starts. Without a reload of the domain, statics are those of the last time.</summary>
        [RuntimeInitializeOnLoadMethod(RuntimeInitializeLoadType.SubsystemRegistration)]
        private static void BeforePlay()
        {
            RunningServers.EndAll();
            SinewPlayerLoop.Reset();
            Application.quitting -= RunningServers.EndAll;
            Application.quitting += RunningServers.EndAll;
        }

#if UNITY_EDITOR
        /// <summary>The editor has loaded the scripts.</summary>
        [InitializeOnLoadMethod]
        private static void InEditor()
        {
            AssemblyReloadEvents.beforeAssemblyReload -= RunningServers.EndAll;
            AssemblyReloadEvents.beforeAssemblyReload += RunningServers.EndAll;
            EditorApplication.playModeStateChanged -= OnPlayModeStateChanged;
            EditorApplication.playModeStateChanged += OnPlayModeStateChanged;
            EditorApplication.quitting -= RunningServers.EndAll;
            EditorApplication.quitting += RunningServers.EndAll;
        }

        private static void OnPlayModeStateChanged(PlayModeStateChange change)
        {
            if (change == PlayModeStateChange.ExitingPlayMode) RunningServers.EndAll();
        }
#endif
    }
}
