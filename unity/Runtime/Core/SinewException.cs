using System;

namespace Sinew
{
    /// <summary>
    /// A mistake, with the whole sentence about it: what was found, and the cure. Normal life (a full queue, a link that is down) is never an
    /// exception but a <see cref="SinewResult"/>.
    /// </summary>
    public class SinewException : Exception
    {
        /// <summary>Which kind of mistake it is.</summary>
        public SinewResult Code { get; private set; }

        internal SinewException(SinewResult code, string sentence, Exception cause = null) : base(sentence, cause)
        {
            Code = code;
        }
    }

    /// <summary>A payload does not hold what was read from it; the reader stays where it was.</summary>
    public sealed class MalformedMessageException : SinewException
    {
        /// <summary>Where the value begins that could not be read, in bytes from the start of the payload.</summary>
        public int Offset { get; private set; }

        internal MalformedMessageException(int offset, string reason)
            : base(SinewResult.InvalidData, "the data ends or is malformed at byte " + offset + ": " + reason)
        {
            Offset = offset;
        }
    }

    /// <summary>What awaiting a <see cref="ServerRequest"/> throws when there is no answer.</summary>
    public sealed class RequestFailedException : SinewException
    {
        /// <summary>Why there is no answer.</summary>
        public RequestFailure Failure { get; private set; }

        internal RequestFailedException(RequestFailure failure, SinewResult code, string sentence) : base(code, sentence)
        {
            Failure = failure;
        }
    }
}
