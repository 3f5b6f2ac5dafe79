using System;
using Sinew.Native;

namespace Sinew
{
    /// <summary>How a message is sent: one of the first two, perhaps with a lane, as in <c>SendMode.Reliable | SendMode.Lane1</c>.</summary>
    [Flags]
    public enum SendMode : uint
    {
        /// <summary>Ordered, and exactly once, as long as the session lives.</summary>
        Reliable = NativeMethods.SINEW_MODE_RELIABLE,
        /// <summary>At most once, in any order; dropped rather than queued.</summary>
        Unreliable = NativeMethods.SINEW_MODE_UNRELIABLE,
        /// <summary>A lane that goes before lane 0, where messages without a lane are. Messages of one lane keep their order.</summary>
        Lane1 = NativeMethods.SINEW_LANE_1,
        /// <summary>Goes before lane 1.</summary>
        Lane2 = NativeMethods.SINEW_LANE_2,
        /// <summary>Goes before every other lane.</summary>
        Lane3 = NativeMethods.SINEW_LANE_3,
    }

    /// <summary>The two halves of a <see cref="SendMode"/>.</summary>
    public static class SendModes
    {
        /// <summary>Whether the mode, whatever its lane, is <see cref="SendMode.Reliable"/>.</summary>
        public static bool IsReliable(this SendMode mode)
        {
            return ((uint)mode & NativeMethods.SINEW_MODE_MASK) == NativeMethods.SINEW_MODE_RELIABLE;
        }

        /// <summary>0 to 3: higher lanes go first.</summary>
        public static int Lane(this SendMode mode)
        {
            return (int)((uint)mode / NativeMethods.SINEW_LANE_1);
        }
    }

    /// <summary>How it stands with a remote server.</summary>
    public enum ConnectionState
    {
        /// <summary>In view, but no link: it dials, or this server's next attempt is due later.</summary>
        Disconnected = (int)NativeMethods.SINEW_STATE_DISCONNECTED,
        /// <summary>This server is dialling it.</summary>
        Connecting = (int)NativeMethods.SINEW_STATE_CONNECTING,
        /// <summary>The link is up.</summary>
        Connected = (int)NativeMethods.SINEW_STATE_CONNECTED,
        /// <summary>The link broke or is silent; what is sent now waits for it.</summary>
        Interrupted = (int)NativeMethods.SINEW_STATE_INTERRUPTED,
        /// <summary>It is gone from view.</summary>
        Left = (int)NativeMethods.SINEW_STATE_LEFT,
    }

    /// <summary>Who dials whom. Between groups that name each other, both bits are set; between two servers, one.</summary>
    [Flags]
    public enum ServerConnectionDirection
    {
        /// <summary>Not known: the server or group is not in view.</summary>
        None = 0,
        /// <summary>This server dials it, or this server's group names that group in <c>connects_to</c>.</summary>
        Outgoing = (int)NativeMethods.SINEW_DIRECTION_OUTGOING,
        /// <summary>It dials this server, or that group names this server's group in <c>connects_to</c>.</summary>
        Incoming = (int)NativeMethods.SINEW_DIRECTION_INCOMING,
    }

    /// <summary>Whom a group is for.</summary>
    public enum ServerVisibility
    {
        /// <summary>Not known: the group is not in view.</summary>
        None = 0,
        /// <summary>Its servers may not accept game clients.</summary>
        Internal = (int)NativeMethods.SINEW_VISIBILITY_INTERNAL,
        /// <summary>Its servers may accept game clients.</summary>
        External = (int)NativeMethods.SINEW_VISIBILITY_EXTERNAL,
    }

    /// <summary>Why a session with a remote server is over.</summary>
    public enum DisconnectReason
    {
        /// <summary>The connection broke: its process ended, or the network cut it.</summary>
        Lost = (int)NativeMethods.SINEW_DISCONNECT_LOST,
        /// <summary>Nothing was heard from it for too long.</summary>
        Silent = (int)NativeMethods.SINEW_DISCONNECT_SILENT,
        /// <summary>It stopped gracefully.</summary>
        PeerStopped = (int)NativeMethods.SINEW_DISCONNECT_PEER_STOPPED,
        /// <summary>The registry says that it has left.</summary>
        PeerLeft = (int)NativeMethods.SINEW_DISCONNECT_PEER_LEFT,
        /// <summary>A newer link to the same server took over.</summary>
        Superseded = (int)NativeMethods.SINEW_DISCONNECT_SUPERSEDED,
        /// <summary>It broke the protocol.</summary>
        Protocol = (int)NativeMethods.SINEW_DISCONNECT_PROTOCOL,
        /// <summary>This server is stopping.</summary>
        Stopping = (int)NativeMethods.SINEW_DISCONNECT_STOPPING,
        /// <summary>One of the two was told a topology by which they do not see each other.</summary>
        Unrelated = (int)NativeMethods.SINEW_DISCONNECT_UNRELATED,
    }

    /// <summary>Why a remote server has left.</summary>
    public enum LeaveReason
    {
        /// <summary>It stopped gracefully.</summary>
        Stopped = (int)NativeMethods.SINEW_LEAVE_STOPPED,
        /// <summary>A newer server registered under its group and name.</summary>
        Replaced = (int)NativeMethods.SINEW_LEAVE_REPLACED,
        /// <summary>Its registration ran out: it crashed, hangs, or cannot reach the registry.</summary>
        Expired = (int)NativeMethods.SINEW_LEAVE_EXPIRED,
        /// <summary>This server is stopping.</summary>
        Stopping = (int)NativeMethods.SINEW_LEAVE_STOPPING,
        /// <summary>This server was told a topology by which the two do not see each other.</summary>
        Unrelated = (int)NativeMethods.SINEW_LEAVE_UNRELATED,
    }

    /// <summary>Why this server has stopped.</summary>
    public enum StopReason
    {
        /// <summary><see cref="SinewServer.Stop"/> was called.</summary>
        Requested = (int)NativeMethods.SINEW_STOP_REQUESTED,
        /// <summary>A newer server registered under this server's group and name.</summary>
        Replaced = (int)NativeMethods.SINEW_STOP_REPLACED,
        /// <summary>A bug in Sinew ended this server.</summary>
        Failed = (int)NativeMethods.SINEW_STOP_FAILED,
    }

    /// <summary>Why a request has no answer.</summary>
    public enum RequestFailure
    {
        /// <summary>It has not failed: it is open, or answered.</summary>
        None = 0,
        /// <summary>It was never sent; <see cref="ServerRequest.Result"/> tells why. Not carried out.</summary>
        NotSent = -1,
        /// <summary>No answer came in time. Whether it was carried out is not known.</summary>
        TimedOut = (int)NativeMethods.SINEW_REQUEST_TIMED_OUT,
        /// <summary>The session with the server asked has ended. Whether it was carried out is not known.</summary>
        Disconnected = (int)NativeMethods.SINEW_REQUEST_DISCONNECTED,
        /// <summary>The server asked has stopped, or left the registry. Whether it was carried out is not known.</summary>
        Left = (int)NativeMethods.SINEW_REQUEST_LEFT,
        /// <summary>The server asked would not answer.</summary>
        Refused = (int)NativeMethods.SINEW_REQUEST_REFUSED,
        /// <summary>Nobody on the server asked answers requests of this tag.</summary>
        NoHandler = (int)NativeMethods.SINEW_REQUEST_NO_HANDLER,
        /// <summary>The server asked has too many unanswered requests of this one; its game never saw it.</summary>
        Overloaded = (int)NativeMethods.SINEW_REQUEST_OVERLOADED,
        /// <summary><see cref="ServerRequest.Cancel"/> was called.</summary>
        Cancelled = (int)NativeMethods.SINEW_REQUEST_CANCELLED,
        /// <summary>This server is stopping, or was disposed.</summary>
        Stopping = (int)NativeMethods.SINEW_REQUEST_STOPPING,
    }

    /// <summary>How one server of a group is chosen.</summary>
    public enum SelectionPolicy
    {
        /// <summary>Each server of the group in turn.</summary>
        RoundRobin = (int)NativeMethods.SINEW_POLICY_ROUND_ROBIN,
        /// <summary>The least full by its property <c>load</c>, as a share of its <c>capacity</c> where it tells one.</summary>
        LeastLoaded = (int)NativeMethods.SINEW_POLICY_LEAST_LOADED,
        /// <summary>The server that the key belongs to: on every server the same for the same key.</summary>
        Key = (int)NativeMethods.SINEW_POLICY_KEY,
    }

    /// <summary>Whether a server takes work: its property <c>state</c>.</summary>
    public enum Readiness
    {
        /// <summary>Not known: the server is not in view.</summary>
        None = 0,
        /// <summary>Not yet.</summary>
        Starting = (int)NativeMethods.SINEW_READINESS_STARTING,
        /// <summary>It does, or says nothing.</summary>
        Ready = (int)NativeMethods.SINEW_READINESS_READY,
        /// <summary>No more; every server says so by itself once it is told to stop.</summary>
        Draining = (int)NativeMethods.SINEW_READINESS_DRAINING,
    }

    /// <summary>How severe a line of the log is.</summary>
    public enum LogLevel
    {
        /// <summary>Something is broken, and somebody should look.</summary>
        Error = (int)NativeMethods.SINEW_LOG_ERROR,
        /// <summary>Something is not as it should be, and Sinew goes on trying.</summary>
        Warn = (int)NativeMethods.SINEW_LOG_WARN,
        /// <summary>What an operator wants to know.</summary>
        Info = (int)NativeMethods.SINEW_LOG_INFO,
        /// <summary>What a developer wants to know.</summary>
        Debug = (int)NativeMethods.SINEW_LOG_DEBUG,
        /// <summary>Everything.</summary>
        Trace = (int)NativeMethods.SINEW_LOG_TRACE,
    }
}
