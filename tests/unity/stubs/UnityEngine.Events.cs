using System.Collections.Generic;

namespace UnityEngine.Events
{
    public delegate void UnityAction();

    public delegate void UnityAction<T0>(T0 arg0);

    public delegate void UnityAction<T0, T1>(T0 arg0, T1 arg1);

    public delegate void UnityAction<T0, T1, T2>(T0 arg0, T1 arg1, T2 arg2);

    public abstract class UnityEventBase
    {
        /// <summary>What the inspector would have connected, for the tests to say.</summary>
        public int Persistent { get; set; }

        public int GetPersistentEventCount()
        {
            return Persistent;
        }
    }

    public class UnityEvent : UnityEventBase
    {
        private UnityAction calls;

        public void AddListener(UnityAction call)
        {
            calls += call;
        }

        public void RemoveListener(UnityAction call)
        {
            calls -= call;
        }

        public void Invoke()
        {
            if (calls != null) calls();
        }
    }

    public abstract class UnityEvent<T0> : UnityEventBase
    {
        private UnityAction<T0> calls;

        public void AddListener(UnityAction<T0> call)
        {
            calls += call;
        }

        public void Invoke(T0 arg0)
        {
            if (calls != null) calls(arg0);
        }
    }

    public abstract class UnityEvent<T0, T1> : UnityEventBase
    {
        private UnityAction<T0, T1> calls;

        public void AddListener(UnityAction<T0, T1> call)
        {
            calls += call;
        }

        public void Invoke(T0 arg0, T1 arg1)
        {
            if (calls != null) calls(arg0, arg1);
        }
    }

    public abstract class UnityEvent<T0, T1, T2> : UnityEventBase
    {
        private UnityAction<T0, T1, T2> calls;

        public void AddListener(UnityAction<T0, T1, T2> call)
        {
            calls += call;
        }

        public void Invoke(T0 arg0, T1 arg1, T2 arg2)
        {
            if (calls != null) calls(arg0, arg1, arg2);
        }
    }
}
