// Stand-ins for what the package's own tests use of NUnit 3, which Unity's test runner brings. They check as NUnit does.
using System;

namespace NUnit.Framework
{
    [AttributeUsage(AttributeTargets.Class)]
    public sealed class TestFixtureAttribute : Attribute
    {
    }

    [AttributeUsage(AttributeTargets.Method)]
    public sealed class TestAttribute : Attribute
    {
    }

    [AttributeUsage(AttributeTargets.Method)]
    public sealed class TearDownAttribute : Attribute
    {
    }

    public sealed class AssertionException : Exception
    {
        public AssertionException(string message) : base(message)
        {
        }
    }

    /// <summary>What a value must be, and how that is said.</summary>
    public sealed class Constraint
    {
        internal readonly Func<object, bool> Holds;
        internal readonly string Says;

        internal Constraint(Func<object, bool> holds, string says)
        {
            Holds = holds;
            Says = says;
        }
    }

    public static class Is
    {
        public static Constraint Null { get { return new Constraint(value => value == null, "null"); } }

        public static Constraint EqualTo(object expected)
        {
            return new Constraint(value => Equals(value, expected), expected.ToString());
        }
    }

    public static class Does
    {
        public static Constraint StartWith(string expected)
        {
            return new Constraint(value => ((string)value).StartsWith(expected, StringComparison.Ordinal), "text that starts with " + expected);
        }

        public static Constraint Contain(string expected)
        {
            return new Constraint(value => ((string)value).Contains(expected), "text that contains " + expected);
        }
    }

    public static class Assert
    {
        public static void That(object actual, Constraint expected)
        {
            if (!expected.Holds(actual)) throw new AssertionException("Expected: " + expected.Says + "\nBut was: " + (actual ?? "null"));
        }

        public static T Throws<T>(Action code) where T : Exception
        {
            try
            {
                code();
            }
            catch (T exception)
            {
                return exception;
            }
            throw new AssertionException("Expected: " + typeof(T) + "\nBut was: no exception");
        }
    }
}
