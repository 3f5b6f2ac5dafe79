using System;

namespace UnityEngine.TestTools
{
    /// <summary>A test that goes over frames: each <c>yield return null</c> waits for the next one.</summary>
    [AttributeUsage(AttributeTargets.Method)]
    public sealed class UnityTestAttribute : Attribute
    {
    }

    public static class LogAssert
    {
        /// <summary>Whether errors in the console leave the test that runs alone.</summary>
        public static bool ignoreFailingMessages { get; set; }
    }
}
