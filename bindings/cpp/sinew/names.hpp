// The numbers of sinew.h by name. They are for ever: one never changes, and later versions add some, so a switch over one of these wants a
// default. sinew.h says more of each.
#ifndef SINEW_NAMES_HPP
#define SINEW_NAMES_HPP

#include <cstdint>
#include <sinew.h>

namespace sinew {

/// Another server, or this one. 0 means none; an id is never used again.
using ServerId = std::uint64_t;

/// A request of this server. 0 means none; a number is never used again.
using RequestId = std::uint64_t;

/// What a function answers. 1 to 99 are mistakes of the caller, 100 to 199 are normal life, 200 to 299 come from the system, 900 is a bug
/// in Sinew that was contained.
enum class Code : std::int32_t {
    Ok = SINEW_RESULT_OK,
    /// The number that means nothing, the missing pointer, or a Server that was moved from.
    InvalidArgument = SINEW_RESULT_INVALID_ARGUMENT,
    /// The configuration is wrong; the sentence names the key, the line and the cure.
    InvalidConfig = SINEW_RESULT_INVALID_CONFIG,
    /// Text that is not UTF-8.
    InvalidUtf8 = SINEW_RESULT_INVALID_UTF8,
    /// Bytes that are not what they should be: what a Reader answers.
    InvalidData = SINEW_RESULT_INVALID_DATA,
    /// No server of this id is in view: it has left, or never was visible.
    UnknownServer = SINEW_RESULT_UNKNOWN_SERVER,
    /// No group of this name is connected with this server's group.
    UnknownGroup = SINEW_RESULT_UNKNOWN_GROUP,
    /// Another thread is inside poll() on this server.
    Busy = SINEW_RESULT_BUSY,
    /// The call is out of place now; the sentence says what must come first.
    InvalidState = SINEW_RESULT_INVALID_STATE,
    /// A server of this id has joined already, or it has with other details.
    AlreadyJoined = SINEW_RESULT_ALREADY_JOINED,
    /// No request of this number waits for an answer.
    UnknownRequest = SINEW_RESULT_UNKNOWN_REQUEST,
    /// The outbox is full and nothing was queued: go on at EventType::Writable.
    QueueFull = SINEW_RESULT_QUEUE_FULL,
    /// The remote server is in view but its link is down: wait for EventType::ServerConnected.
    NotConnected = SINEW_RESULT_NOT_CONNECTED,
    /// This server is stopped or stopping.
    Stopped = SINEW_RESULT_STOPPED,
    /// The message is over `limits.max_message_bytes`.
    MessageTooBig = SINEW_RESULT_MESSAGE_TOO_BIG,
    /// `limits.requests_per_link` requests to the server wait for an answer: nothing was sent.
    TooManyRequests = SINEW_RESULT_TOO_MANY_REQUESTS,
    /// No server of the group can be chosen now: none is connected and ready for work.
    NoCandidate = SINEW_RESULT_NO_CANDIDATE,
    /// Another program, or another server of this one, listens on the address already.
    AddressInUse = SINEW_RESULT_ADDRESS_IN_USE,
    /// The operating system refused.
    Io = SINEW_RESULT_IO,
    /// A key or certificate file is missing, unreadable, damaged or of another cluster.
    Key = SINEW_RESULT_KEY,
    /// A bug in Sinew was contained. The server it happened in may be lost, others are not.
    Panic = SINEW_RESULT_PANIC,
    /// From Server::start alone, and never from the library itself: it speaks another ABI than this header was written for.
    WrongLibrary = -1,
};

/// How a message is sent.
enum class SendMode : std::uint32_t {
    /// Ordered, and exactly once, as long as the session lives.
    Reliable = SINEW_MODE_RELIABLE,
    /// At most once, in any order; dropped rather than queued.
    Unreliable = SINEW_MODE_UNRELIABLE,
};

/// Messages of one lane keep their order, those of a higher lane go first.
enum class Lane : std::uint32_t {
    /// Where a mode without a lane is.
    Zero = 0,
    One = SINEW_LANE_1,
    Two = SINEW_LANE_2,
    /// Goes before every other lane.
    Three = SINEW_LANE_3,
};

/// A mode, perhaps with a lane: `SendMode::Reliable`, or `SendMode::Reliable | Lane::One`.
class Delivery {
public:
    /// On lane 0.
    constexpr Delivery(SendMode mode) noexcept : number_(static_cast<std::uint32_t>(mode)) {}
    constexpr Delivery(SendMode mode, Lane lane) noexcept : number_(static_cast<std::uint32_t>(mode) | static_cast<std::uint32_t>(lane)) {}

    /// From the `mode` of sinew.h.
    static constexpr Delivery from_number(std::uint32_t number) noexcept { return Delivery(number); }
    /// As sinew.h wants it.
    constexpr std::uint32_t number() const noexcept { return number_; }

    constexpr SendMode mode() const noexcept { return static_cast<SendMode>(number_ & SINEW_MODE_MASK); }
    constexpr Lane lane() const noexcept { return static_cast<Lane>(number_ & SINEW_LANE_3); }

    friend constexpr bool operator==(Delivery a, Delivery b) noexcept { return a.number_ == b.number_; }
    friend constexpr bool operator!=(Delivery a, Delivery b) noexcept { return a.number_ != b.number_; }

private:
    explicit constexpr Delivery(std::uint32_t number) noexcept : number_(number) {}

    std::uint32_t number_;
};

/// Puts a mode on a lane.
constexpr Delivery operator|(SendMode mode, Lane lane) noexcept { return Delivery(mode, lane); }

/// What happened. In brackets: what an Event of the type tells besides server() and group().
enum class EventType : std::uint32_t {
    /// This server is registered; before it, nobody else is heard of. [server(): this server]
    Started = SINEW_EVENT_STARTED,
    /// A server that this one may see is in the registry; it is not connected yet. [registration()]
    ServerJoined = SINEW_EVENT_SERVER_JOINED,
    /// The link is up on both sides, and sending works.
    ServerConnected = SINEW_EVENT_SERVER_CONNECTED,
    /// The link broke, or nothing is heard: what is sent now waits, and nothing is lost by that.
    ServerInterrupted = SINEW_EVENT_SERVER_INTERRUPTED,
    /// Another link goes on where the last one stopped.
    ServerResumed = SINEW_EVENT_SERVER_RESUMED,
    /// The session with it is over. [disconnect_reason(), text(), unacknowledged()]
    ServerDisconnected = SINEW_EVENT_SERVER_DISCONNECTED,
    /// It is gone from view. [leave_reason()]
    ServerLeft = SINEW_EVENT_SERVER_LEFT,
    /// [message()]
    Message = SINEW_EVENT_MESSAGE,
    /// After Code::QueueFull: half of the outbox to the server is free again.
    Writable = SINEW_EVENT_WRITABLE,
    /// The registry cannot be reached; links live on. [text()]
    RegistryLost = SINEW_EVENT_REGISTRY_LOST,
    /// The registry is there again; what changed meanwhile follows.
    RegistryRestored = SINEW_EVENT_REGISTRY_RESTORED,
    /// For a RegistryConnector. [registration()]
    RegistryRegister = SINEW_EVENT_REGISTRY_REGISTER,
    /// For a RegistryConnector. [server(): this server]
    RegistryDeregister = SINEW_EVENT_REGISTRY_DEREGISTER,
    /// For a RegistryConnector.
    RegistryConnectionFailure = SINEW_EVENT_REGISTRY_CONNECTION_FAILURE,
    /// A line of the library's log, if the configuration says `log.to = "events"`. [log_level(), text()]
    Log = SINEW_EVENT_LOG,
    /// The last event: every link is down. [stop_reason(), text()]
    Stopped = SINEW_EVENT_STOPPED,
    /// A connected server asks something. [request()]
    Request = SINEW_EVENT_REQUEST,
    /// The answer to a request of this server. [reply()]
    Reply = SINEW_EVENT_REPLY,
    /// There will be no answer to a request of this server. [request_id(), failure()]
    RequestFailed = SINEW_EVENT_REQUEST_FAILED,
    /// A connected server's properties are others than before. [registration()]
    ServerUpdated = SINEW_EVENT_SERVER_UPDATED,
};

/// Why there is no answer to a request. After the first three it is not known whether it was carried out.
enum class RequestFailure : std::uint32_t {
    /// No answer came in time.
    TimedOut = SINEW_REQUEST_TIMED_OUT,
    /// The session with the server asked has ended.
    Disconnected = SINEW_REQUEST_DISCONNECTED,
    /// The server asked has stopped, or left the registry.
    Left = SINEW_REQUEST_LEFT,
    /// The server asked would not answer.
    Refused = SINEW_REQUEST_REFUSED,
    /// Nobody on the server asked answers requests of this tag.
    NoHandler = SINEW_REQUEST_NO_HANDLER,
    /// The server asked has too many unanswered requests of this one; its game never saw it.
    Overloaded = SINEW_REQUEST_OVERLOADED,
    /// cancel() was called.
    Cancelled = SINEW_REQUEST_CANCELLED,
    /// This server is stopping.
    Stopping = SINEW_REQUEST_STOPPING,
};

/// What a server says of itself by its property `state`.
enum class Readiness : std::uint32_t {
    /// It does not take work yet.
    Starting = SINEW_READINESS_STARTING,
    /// It takes work, or says nothing.
    Ready = SINEW_READINESS_READY,
    /// It takes no more work. A server says so by itself from stop() on.
    Draining = SINEW_READINESS_DRAINING,
};

/// Why a session ended.
enum class DisconnectReason : std::uint32_t {
    /// The connection broke: its process ended, or the network cut it.
    Lost = SINEW_DISCONNECT_LOST,
    /// Nothing was heard from it for too long.
    Silent = SINEW_DISCONNECT_SILENT,
    /// It stopped gracefully.
    PeerStopped = SINEW_DISCONNECT_PEER_STOPPED,
    /// The registry says that it has left.
    PeerLeft = SINEW_DISCONNECT_PEER_LEFT,
    /// A newer link to the same server took over.
    Superseded = SINEW_DISCONNECT_SUPERSEDED,
    /// It broke the protocol.
    Protocol = SINEW_DISCONNECT_PROTOCOL,
    /// This server is stopping.
    Stopping = SINEW_DISCONNECT_STOPPING,
    /// One of the two was told a topology by which they do not see each other.
    Unrelated = SINEW_DISCONNECT_UNRELATED,
};

/// Why a remote server has left.
enum class LeaveReason : std::uint32_t {
    /// It stopped gracefully.
    Stopped = SINEW_LEAVE_STOPPED,
    /// A newer server registered under its group and name.
    Replaced = SINEW_LEAVE_REPLACED,
    /// Its registration ran out: it crashed, hangs, or cannot reach the registry.
    Expired = SINEW_LEAVE_EXPIRED,
    /// This server is stopping.
    Stopping = SINEW_LEAVE_STOPPING,
    /// This server was told a topology by which the two do not see each other.
    Unrelated = SINEW_LEAVE_UNRELATED,
};

/// Why this server has stopped.
enum class StopReason : std::uint32_t {
    /// stop() was called.
    Requested = SINEW_STOP_REQUESTED,
    /// A newer server registered under this server's group and name.
    Replaced = SINEW_STOP_REPLACED,
    /// A bug in Sinew ended this server.
    Failed = SINEW_STOP_FAILED,
};

/// How severe a line of the log is.
enum class LogLevel : std::uint32_t {
    Error = SINEW_LOG_ERROR,
    Warn = SINEW_LOG_WARN,
    Info = SINEW_LOG_INFO,
    Debug = SINEW_LOG_DEBUG,
    Trace = SINEW_LOG_TRACE,
};

/// How it stands with a remote server.
enum class ConnectionState : std::uint32_t {
    /// In view, but no link: it dials, or this server's next attempt is due later.
    Disconnected = SINEW_STATE_DISCONNECTED,
    /// This server is dialling it.
    Connecting = SINEW_STATE_CONNECTING,
    /// The link is up.
    Connected = SINEW_STATE_CONNECTED,
    /// The link is up, but nothing is heard from it.
    Interrupted = SINEW_STATE_INTERRUPTED,
    /// It is gone from view.
    Left = SINEW_STATE_LEFT,
};

/// Who dials whom, or which group names which in `connects_to`.
enum class Direction : std::uint32_t {
    Outgoing = SINEW_DIRECTION_OUTGOING,
    Incoming = SINEW_DIRECTION_INCOMING,
    /// Only of groups: each names the other.
    Both = SINEW_DIRECTION_OUTGOING | SINEW_DIRECTION_INCOMING,
};

/// Whom a group is for.
enum class Visibility : std::uint32_t {
    /// Its servers may not accept game clients.
    Internal = SINEW_VISIBILITY_INTERNAL,
    /// Its servers may accept game clients.
    External = SINEW_VISIBILITY_EXTERNAL,
};

} // namespace sinew

#endif
