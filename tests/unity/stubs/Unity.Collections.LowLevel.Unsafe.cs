using System;

namespace Unity.Collections.LowLevel.Unsafe
{
    public static unsafe class NativeArrayUnsafeUtility
    {
        public static void* GetUnsafePtr<T>(this NativeArray<T> nativeArray) where T : struct
        {
            return (void*)nativeArray.Memory;
        }

        /// <summary>With the checks of the editor on: an array that was not created, or was disposed of, has none.</summary>
        public static void* GetUnsafeReadOnlyPtr<T>(this NativeArray<T> nativeArray) where T : struct
        {
            if (!nativeArray.IsCreated) throw new InvalidOperationException("The NativeArray has not been allocated or was disposed of");
            return (void*)nativeArray.Memory;
        }
    }
}
