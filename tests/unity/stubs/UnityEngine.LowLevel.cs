using System;

namespace UnityEngine.LowLevel
{
    public struct PlayerLoopSystem
    {
        public delegate void UpdateFunction();

        public Type type;
        public PlayerLoopSystem[] subSystemList;
        public UpdateFunction updateDelegate;
        public IntPtr updateFunction;
        public IntPtr loopConditionFunction;
    }

    public static class PlayerLoop
    {
        private static PlayerLoopSystem current = GetDefaultPlayerLoop();

        public static PlayerLoopSystem GetDefaultPlayerLoop()
        {
            return new PlayerLoopSystem
            {
                subSystemList = new[]
                {
                    new PlayerLoopSystem { type = typeof(UnityEngine.PlayerLoop.EarlyUpdate) },
                    new PlayerLoopSystem { type = typeof(UnityEngine.PlayerLoop.PreUpdate), subSystemList = new PlayerLoopSystem[1] },
                    new PlayerLoopSystem { type = typeof(UnityEngine.PlayerLoop.Update) },
                },
            };
        }

        /// <summary>A copy, as in Unity: a change of it changes nothing until it is set.</summary>
        public static PlayerLoopSystem GetCurrentPlayerLoop()
        {
            return Copy(current);
        }

        public static void SetPlayerLoop(PlayerLoopSystem loop)
        {
            current = Copy(loop);
        }

        private static PlayerLoopSystem Copy(PlayerLoopSystem system)
        {
            if (system.subSystemList != null) system.subSystemList = Array.ConvertAll(system.subSystemList, Copy);
            return system;
        }
    }
}
