using Sinew.Native;

namespace Sinew
{
    /// <summary>
    /// What a call answered. 1 to 99 are mistakes of the caller, 100 to 199 are normal life, 200 to 299 come from the system, 900 is a bug in
    /// Sinew that was contained. A newer library may answer numbers that are not here: treat them by their range.
    /// </summary>
    public enum SinewResult
    {
        /// <summary>Success.</summary>
        Ok = NativeMethods.SINEW_RESULT_OK,
        /// <summary>A number or a text that means nothing.</summary>
        InvalidArgument = NativeMethods.SINEW_RESULT_INVALID_ARGUMENT,
        /// <summary>The configuration is wrong: the sentence names the key, the line and the cure.</summary>
        InvalidConfig = NativeMethods.SINEW_RESULT_INVALID_CONFIG,
        /// <summary>Text that is not UTF-8, such as half of a surrogate pair.</summary>
        InvalidUtf8 = NativeMethods.SINEW_RESULT_INVALID_UTF8,
        /// <summary>A payload does not hold what was read from it.</summary>
        InvalidData = NativeMethods.SINEW_RESULT_INVALID_DATA,
        /// <summary>No server of this id is in view: it has left, or never was visible.</summary>
        UnknownServer = NativeMethods.SINEW_RESULT_UNKNOWN_SERVER,
        /// <summary>No group of this name is connected with this server's group.</summary>
        UnknownGroup = NativeMethods.SINEW_RESULT_UNKNOWN_GROUP,
        /// <summary>Another thread polls this server, or a handler of the poll under way does.</summary>
        Busy = NativeMethods.SINEW_RESULT_BUSY,
        /// <summary>The call is out of place now: the sentence says what must come first.</summary>
        InvalidState = NativeMethods.SINEW_RESULT_INVALID_STATE,
        /// <summary>A registry connector reported a server that has joined already, or that has with other details.</summary>
        AlreadyJoined = NativeMethods.SINEW_RESULT_ALREADY_JOINED,
        /// <summary>No request of this number waits for an answer: it has been answered, or has failed.</summary>
        UnknownRequest = NativeMethods.SINEW_RESULT_UNKNOWN_REQUEST,
        /// <summary>The outbox is full, nothing was queued; <see cref="SinewServer.Writable"/> follows.</summary>
        QueueFull = NativeMethods.SINEW_RESULT_QUEUE_FULL,
        /// <summary>The remote server is in view, but its link is down.</summary>
        NotConnected = NativeMethods.SINEW_RESULT_NOT_CONNECTED,
        /// <summary>This server is stopped, stopping or disposed.</summary>
        Stopped = NativeMethods.SINEW_RESULT_STOPPED,
        /// <summary>The message is over <c>limits.max_message_bytes</c>.</summary>
        MessageTooBig = NativeMethods.SINEW_RESULT_MESSAGE_TOO_BIG,
        /// <summary><c>limits.requests_per_link</c> requests to the server wait for an answer: nothing was sent.</summary>
        TooManyRequests = NativeMethods.SINEW_RESULT_TOO_MANY_REQUESTS,
        /// <summary>No server of the group can be chosen now: none is connected and ready for work.</summary>
        NoCandidate = NativeMethods.SINEW_RESULT_NO_CANDIDATE,
        /// <summary>Another program, or another server of this one, listens on the address already.</summary>
        AddressInUse = NativeMethods.SINEW_RESULT_ADDRESS_IN_USE,
        /// <summary>The operating system refused: the sentence says what.</summary>
        Io = NativeMethods.SINEW_RESULT_IO,
        /// <summary>A key or certificate file is missing, unreadable, damaged or of another cluster.</summary>
        Key = NativeMethods.SINEW_RESULT_KEY,
        /// <summary>A bug in Sinew was contained. The server it happened in may be lost, others are not.</summary>
        Panic = NativeMethods.SINEW_RESULT_PANIC,
        /// <summary>
        /// The native library is missing, or speaks another version. Only in a <see cref="SinewException"/>, and of this wrapper alone: the
        /// library itself never answers a negative number.
        /// </summary>
        NativeLibrary = -1,
    }

    /// <summary>Results in words.</summary>
    public static class SinewResults
    {
        /// <summary>The result's name and what it means in a few words, for any number. <see cref="SinewServer.LastError"/> says more.</summary>
        public static unsafe string Describe(this SinewResult result)
        {
            if (result == SinewResult.NativeLibrary) return "NATIVE_LIBRARY: the native library is missing or does not fit";
            Library.Ensure();
            return Native.Text.From(NativeMethods.sinew_result_text((int)result));
        }
    }
}
