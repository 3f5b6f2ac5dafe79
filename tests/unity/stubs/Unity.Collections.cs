using System;
using System.Runtime.InteropServices;

namespace Unity.Collections
{
    public enum Allocator
    {
        Invalid = 0,
        None = 1,
        Temp = 2,
        TempJob = 3,
        Persistent = 4,
    }

    public enum NativeArrayOptions
    {
        UninitializedMemory = 0,
        ClearMemory = 1,
    }

    public struct NativeArray<T> : IDisposable where T : struct
    {
        internal IntPtr Memory;

        public int Length { get; private set; }

        public bool IsCreated { get { return Memory != IntPtr.Zero; } }

        public NativeArray(int length, Allocator allocator, NativeArrayOptions options = NativeArrayOptions.ClearMemory)
        {
            if (allocator <= Allocator.None) throw new ArgumentException("Allocator must be Temp, TempJob or Persistent");
            Length = length;
            Memory = Marshal.AllocHGlobal(Math.Max(1, length * Marshal.SizeOf(typeof(T))));
        }

        public NativeArray(T[] array, Allocator allocator) : this(array.Length, allocator)
        {
            for (int at = 0; at < array.Length; at++) this[at] = array[at];
        }

        public T this[int index]
        {
            get { return (T)Marshal.PtrToStructure(At(index), typeof(T)); }
            set { Marshal.StructureToPtr(value, At(index), false); }
        }

        public T[] ToArray()
        {
            var copy = new T[Length];
            for (int at = 0; at < copy.Length; at++) copy[at] = this[at];
            return copy;
        }

        public void Dispose()
        {
            Marshal.FreeHGlobal(Memory);
            Memory = IntPtr.Zero;
        }

        private IntPtr At(int index)
        {
            if (index < 0 || index >= Length) throw new IndexOutOfRangeException();
            return Memory + index * Marshal.SizeOf(typeof(T));
        }
    }
}
