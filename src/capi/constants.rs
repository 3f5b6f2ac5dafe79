//! The numbers of the C ABI. Numbers are for ever; `tests` below hold them to the Rust enums.

/// The version of the ABI that this header describes. It changes only when programs must be compiled anew.
pub const SINEW_ABI_VERSION: u32 = 1;

/// Success.
pub const SINEW_RESULT_OK: i32 = 0;
/// A NULL where none is allowed, a number that means nothing, a struct whose `size` is not its sizeof.
pub const SINEW_RESULT_INVALID_ARGUMENT: i32 = 1;
/// The configuration is wrong: sinew_last_error names the key, the line and the cure.
pub const SINEW_RESULT_INVALID_CONFIG: i32 = 2;
/// Text that is not UTF-8: sinew_last_error names the first bad byte.
pub const SINEW_RESULT_INVALID_UTF8: i32 = 3;
/// Bytes that are not what they should be.
pub const SINEW_RESULT_INVALID_DATA: i32 = 4;
/// No server of this id is in view: it has left, or never was visible.
pub const SINEW_RESULT_UNKNOWN_SERVER: i32 = 5;
/// No group of this name is connected with this server's group.
pub const SINEW_RESULT_UNKNOWN_GROUP: i32 = 6;
/// Another thread is inside sinew_server_poll on this server.
pub const SINEW_RESULT_BUSY: i32 = 7;
/// The call is out of place now: sinew_last_error says what must come first.
pub const SINEW_RESULT_INVALID_STATE: i32 = 8;
/// sinew_registry_server_joined: a server of this id has joined already, or it has with other details.
pub const SINEW_RESULT_ALREADY_JOINED: i32 = 9;
/// No request of this number waits for an answer: it has been answered or has failed, or was never made.
pub const SINEW_RESULT_UNKNOWN_REQUEST: i32 = 10;
/// The outbox is full: nothing was queued. SINEW_EVENT_WRITABLE follows. From sinew_registry_*: too many reports wait; nothing was done,
/// report it again after the next poll.
pub const SINEW_RESULT_QUEUE_FULL: i32 = 100;
/// The remote server is in view but its link is down: wait for SINEW_EVENT_SERVER_CONNECTED.
pub const SINEW_RESULT_NOT_CONNECTED: i32 = 101;
/// This server is stopped or stopping.
pub const SINEW_RESULT_STOPPED: i32 = 102;
/// The message is over `limits.max_message_bytes`.
pub const SINEW_RESULT_MESSAGE_TOO_BIG: i32 = 103;
/// `limits.requests_per_link` requests to the server wait for an answer: nothing was sent.
pub const SINEW_RESULT_TOO_MANY_REQUESTS: i32 = 104;
/// No server of the group can be chosen now: none is connected and ready for work.
pub const SINEW_RESULT_NO_CANDIDATE: i32 = 105;
/// Another program, or another server of this one, listens on the address already.
pub const SINEW_RESULT_ADDRESS_IN_USE: i32 = 200;
/// The operating system refused: sinew_last_error says what.
pub const SINEW_RESULT_IO: i32 = 201;
/// A key or certificate file is missing, unreadable, damaged or of another cluster.
pub const SINEW_RESULT_KEY: i32 = 202;
/// A bug in Sinew was contained. The server it happened in may be lost, others are not.
pub const SINEW_RESULT_PANIC: i32 = 900;

/// Ordered, and exactly once, as long as the link lives.
pub const SINEW_MODE_RELIABLE: u32 = 0;
/// At most once, in any order; dropped rather than queued.
pub const SINEW_MODE_UNRELIABLE: u32 = 1;
/// Bits 0 to 7 of a mode: which of the two above it is.
pub const SINEW_MODE_MASK: u32 = 0xff;
/// Added to a mode by `|`: a lane that goes before lane 0, which is where a mode without any of these is. Messages of one
/// lane keep their order, those of a higher lane go first.
pub const SINEW_LANE_1: u32 = 0x100;
/// Goes before lane 1.
pub const SINEW_LANE_2: u32 = 0x200;
/// Goes before every other lane.
pub const SINEW_LANE_3: u32 = 0x300;

/// This server is registered; before it, nobody else is heard of. `server`: its own id.
pub const SINEW_EVENT_STARTED: u32 = 1;
/// A server that this one may see is in the registry; it is not connected yet. `server`, `group`; `data`: a `const sinew_registration *`,
/// lent like all data.
pub const SINEW_EVENT_SERVER_JOINED: u32 = 2;
/// The link is up on both sides, and sending works. `server`, `group`.
pub const SINEW_EVENT_SERVER_CONNECTED: u32 = 3;
/// The link broke, or nothing was heard for `limits.interrupted_after_ms`. What is sent now waits, and what was not acknowledged
/// is sent again when it is resumed: nothing is lost by that. `server`, `group`.
pub const SINEW_EVENT_SERVER_INTERRUPTED: u32 = 4;
/// Another link goes on where the last one stopped. `server`, `group`.
pub const SINEW_EVENT_SERVER_RESUMED: u32 = 5;
/// The session with it is over. `server`, `group`; `code`: SINEW_DISCONNECT_*; `data`: why, as text; `count`: reliable
/// messages not known to have arrived, which nobody will send again.
pub const SINEW_EVENT_SERVER_DISCONNECTED: u32 = 6;
/// It is gone from view, and nothing more comes from this id, unless it had expired and joins again. `server`, `group`;
/// `code`: SINEW_LEAVE_*.
pub const SINEW_EVENT_SERVER_LEFT: u32 = 7;
/// A message. `server`, `group`, `tag`, `mode` with its lane; `data` and `len`: the payload, with no NUL behind it.
pub const SINEW_EVENT_MESSAGE: u32 = 8;
/// After SINEW_RESULT_QUEUE_FULL: half of the outbox to `server` is free again. `server`, `group`.
pub const SINEW_EVENT_WRITABLE: u32 = 9;
/// The registry cannot be reached; links live on. `data`: why, as text.
pub const SINEW_EVENT_REGISTRY_LOST: u32 = 10;
/// The registry is there again; what changed meanwhile follows as events.
pub const SINEW_EVENT_REGISTRY_RESTORED: u32 = 11;
/// Only with `registry.kind = "external"`: register this server in your registry, then call sinew_registry_registered or
/// sinew_registry_register_failed. `data`: a `const sinew_registration *`, lent like all data; `server`: the id in it; `group`: this
/// server's own.
pub const SINEW_EVENT_REGISTRY_REGISTER: u32 = 12;
/// Only with `registry.kind = "external"`: this server is stopping, or was replaced. Take the entry of this id out of your registry, and no
/// other: the next event may be SINEW_EVENT_STOPPED. `server`: its own id.
pub const SINEW_EVENT_REGISTRY_DEREGISTER: u32 = 13;
/// Only with `registry.kind = "external"`: dialling this server failed again and again. Look whether it is really there, and call
/// sinew_registry_server_left if it is not. `server`, `group`.
pub const SINEW_EVENT_REGISTRY_CONNECTION_FAILURE: u32 = 14;
/// A line of the library's log, if the configuration says `log.to = "events"`. `code`: SINEW_LOG_*; `data`: the text.
pub const SINEW_EVENT_LOG: u32 = 15;
/// The last event of this server: every link is down. `code`: SINEW_STOP_*; `data`: why, as text.
pub const SINEW_EVENT_STOPPED: u32 = 16;

/// A connected server asks something: answer with sinew_server_reply or sinew_server_refuse. `server`, `group`, `request`, `tag`, `mode`;
/// `data` and `len`: the payload; `count`: for how many milliseconds it is waited for an answer.
pub const SINEW_EVENT_REQUEST: u32 = 17;
/// The answer to a request of this server. `server`: who answered; `group`, `request`, `tag`, `mode`; `code`: the answer's; `data` and
/// `len`: its payload.
pub const SINEW_EVENT_REPLY: u32 = 18;
/// There will be no answer to a request of this server. `server`: who was asked, the last one if there were several; `group`, `request`;
/// `code`: SINEW_REQUEST_*. Those to a server come before its SINEW_EVENT_SERVER_DISCONNECTED.
pub const SINEW_EVENT_REQUEST_FAILED: u32 = 19;
/// A connected server's properties are others than before. `server`, `group`; `data`: a `const sinew_registration *` with them, lent like
/// all data.
pub const SINEW_EVENT_SERVER_UPDATED: u32 = 20;

/// No answer came in time. Whether it was carried out is not known.
pub const SINEW_REQUEST_TIMED_OUT: u32 = 1;
/// The session with the server asked has ended. Whether it was carried out is not known.
pub const SINEW_REQUEST_DISCONNECTED: u32 = 2;
/// The server asked has stopped, or left the registry. Whether it was carried out is not known.
pub const SINEW_REQUEST_LEFT: u32 = 3;
/// The server asked would not answer.
pub const SINEW_REQUEST_REFUSED: u32 = 4;
/// Nobody on the server asked answers requests of this tag.
pub const SINEW_REQUEST_NO_HANDLER: u32 = 5;
/// The server asked has `limits.requests_per_link` unanswered requests of this one; its game never saw it.
pub const SINEW_REQUEST_OVERLOADED: u32 = 6;
/// sinew_server_cancel was called.
pub const SINEW_REQUEST_CANCELLED: u32 = 7;
/// This server is stopping.
pub const SINEW_REQUEST_STOPPING: u32 = 8;

/// Each server of the group in turn.
pub const SINEW_POLICY_ROUND_ROBIN: u32 = 1;
/// The least full by its property `load`, as a share of its `capacity` where it tells one. Until it tells its load anew, each piece of work
/// that this server sends it counts as 1.
pub const SINEW_POLICY_LEAST_LOADED: u32 = 2;
/// The server that the key belongs to: on every server the same for the same key, as long as the names of the servers that can be chosen are
/// the same. Only the keys of a server that comes or goes move. A server whose link is interrupted is still chosen.
pub const SINEW_POLICY_KEY: u32 = 3;

/// It does not take work yet: its property `state` is `starting`.
pub const SINEW_READINESS_STARTING: u32 = 1;
/// It takes work: `ready`, or nothing is said.
pub const SINEW_READINESS_READY: u32 = 2;
/// It takes no more work: `draining`. A server says so by itself from sinew_server_stop on.
pub const SINEW_READINESS_DRAINING: u32 = 3;

/// The connection broke: its process ended, or the network cut it.
pub const SINEW_DISCONNECT_LOST: u32 = 1;
/// Nothing was heard from it for too long.
pub const SINEW_DISCONNECT_SILENT: u32 = 2;
/// It stopped gracefully.
pub const SINEW_DISCONNECT_PEER_STOPPED: u32 = 3;
/// The registry says that it has left.
pub const SINEW_DISCONNECT_PEER_LEFT: u32 = 4;
/// A newer link to the same server took over.
pub const SINEW_DISCONNECT_SUPERSEDED: u32 = 5;
/// It broke the protocol.
pub const SINEW_DISCONNECT_PROTOCOL: u32 = 6;
/// This server is stopping.
pub const SINEW_DISCONNECT_STOPPING: u32 = 7;
/// One of the two was told a topology by which they do not see each other (sinew_server_reload).
pub const SINEW_DISCONNECT_UNRELATED: u32 = 8;

/// It stopped gracefully.
pub const SINEW_LEAVE_STOPPED: u32 = 1;
/// A newer server registered under its group and name.
pub const SINEW_LEAVE_REPLACED: u32 = 2;
/// Its registration ran out: it crashed, hangs, or cannot reach the registry.
pub const SINEW_LEAVE_EXPIRED: u32 = 3;
/// This server is stopping.
pub const SINEW_LEAVE_STOPPING: u32 = 4;
/// This server was told a topology by which the two do not see each other (sinew_server_reload).
pub const SINEW_LEAVE_UNRELATED: u32 = 5;

/// sinew_server_stop was called.
pub const SINEW_STOP_REQUESTED: u32 = 1;
/// A newer server registered under this server's group and name.
pub const SINEW_STOP_REPLACED: u32 = 2;
/// A bug in Sinew ended this server.
pub const SINEW_STOP_FAILED: u32 = 3;

/// Something is broken, and somebody should look.
pub const SINEW_LOG_ERROR: u32 = 1;
/// Something is not as it should be, and Sinew goes on trying.
pub const SINEW_LOG_WARN: u32 = 2;
/// What an operator wants to know.
pub const SINEW_LOG_INFO: u32 = 3;
/// What a developer wants to know.
pub const SINEW_LOG_DEBUG: u32 = 4;
/// Everything.
pub const SINEW_LOG_TRACE: u32 = 5;

/// In view, but no link: it dials, or this server's next attempt is due later.
pub const SINEW_STATE_DISCONNECTED: u32 = 1;
/// This server is dialling it.
pub const SINEW_STATE_CONNECTING: u32 = 2;
/// The link is up.
pub const SINEW_STATE_CONNECTED: u32 = 3;
/// The link is up, but nothing is heard from it.
pub const SINEW_STATE_INTERRUPTED: u32 = 4;
/// It is gone from view.
pub const SINEW_STATE_LEFT: u32 = 5;

/// Bit: this server dials it, or this server's group names that group in `connects_to`.
pub const SINEW_DIRECTION_OUTGOING: u32 = 1;
/// Bit: it dials this server, or that group names this server's group in `connects_to`.
pub const SINEW_DIRECTION_INCOMING: u32 = 2;

/// Its servers may not accept game clients.
pub const SINEW_VISIBILITY_INTERNAL: u32 = 1;
/// Its servers may accept game clients.
pub const SINEW_VISIBILITY_EXTERNAL: u32 = 2;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConnectionState, DisconnectReason, ErrorCode, Lane, LeaveReason, Readiness, RequestFailure, SendMode, StopReason};

    #[test]
    fn results_are_the_error_codes() {
        let results = [
            SINEW_RESULT_INVALID_ARGUMENT,
            SINEW_RESULT_INVALID_CONFIG,
            SINEW_RESULT_INVALID_UTF8,
            SINEW_RESULT_INVALID_DATA,
            SINEW_RESULT_UNKNOWN_SERVER,
            SINEW_RESULT_UNKNOWN_GROUP,
            SINEW_RESULT_BUSY,
            SINEW_RESULT_INVALID_STATE,
            SINEW_RESULT_ALREADY_JOINED,
            SINEW_RESULT_UNKNOWN_REQUEST,
            SINEW_RESULT_QUEUE_FULL,
            SINEW_RESULT_NOT_CONNECTED,
            SINEW_RESULT_STOPPED,
            SINEW_RESULT_MESSAGE_TOO_BIG,
            SINEW_RESULT_TOO_MANY_REQUESTS,
            SINEW_RESULT_NO_CANDIDATE,
            SINEW_RESULT_ADDRESS_IN_USE,
            SINEW_RESULT_IO,
            SINEW_RESULT_KEY,
            SINEW_RESULT_PANIC,
        ];
        assert_eq!(ErrorCode::ALL.map(|code| code as i32), results);
        assert!(!results.contains(&SINEW_RESULT_OK));
    }

    #[test]
    fn reasons_modes_and_states_are_the_enums() {
        assert_eq!([SendMode::Reliable as u32, SendMode::Unreliable as u32], [SINEW_MODE_RELIABLE, SINEW_MODE_UNRELIABLE]);
        let lanes = [0, 1, 2, 3].map(|lane| u32::from(SendMode::Unreliable.on(Lane::new(lane).unwrap())));
        assert_eq!(lanes, [0, SINEW_LANE_1, SINEW_LANE_2, SINEW_LANE_3].map(|lane| SINEW_MODE_UNRELIABLE | lane));
        assert!(lanes.iter().all(|mode| mode & SINEW_MODE_MASK == SINEW_MODE_UNRELIABLE));
        assert_eq!(
            [
                DisconnectReason::Lost,
                DisconnectReason::Silent,
                DisconnectReason::PeerStopped,
                DisconnectReason::PeerLeft,
                DisconnectReason::Superseded,
                DisconnectReason::Protocol,
                DisconnectReason::Stopping,
                DisconnectReason::Unrelated,
            ]
            .map(|reason| reason as u32),
            [
                SINEW_DISCONNECT_LOST,
                SINEW_DISCONNECT_SILENT,
                SINEW_DISCONNECT_PEER_STOPPED,
                SINEW_DISCONNECT_PEER_LEFT,
                SINEW_DISCONNECT_SUPERSEDED,
                SINEW_DISCONNECT_PROTOCOL,
                SINEW_DISCONNECT_STOPPING,
                SINEW_DISCONNECT_UNRELATED,
            ]
        );
        assert_eq!(
            [LeaveReason::Stopped, LeaveReason::Replaced, LeaveReason::Expired, LeaveReason::Stopping, LeaveReason::Unrelated]
                .map(|reason| reason as u32),
            [SINEW_LEAVE_STOPPED, SINEW_LEAVE_REPLACED, SINEW_LEAVE_EXPIRED, SINEW_LEAVE_STOPPING, SINEW_LEAVE_UNRELATED]
        );
        assert_eq!(
            Readiness::ALL.map(|readiness| readiness as u32),
            [SINEW_READINESS_STARTING, SINEW_READINESS_READY, SINEW_READINESS_DRAINING]
        );
        assert_eq!(
            [
                RequestFailure::TimedOut,
                RequestFailure::Disconnected,
                RequestFailure::Left,
                RequestFailure::Refused,
                RequestFailure::NoHandler,
                RequestFailure::Overloaded,
                RequestFailure::Cancelled,
                RequestFailure::Stopping,
            ]
            .map(|failure| failure as u32),
            [
                SINEW_REQUEST_TIMED_OUT,
                SINEW_REQUEST_DISCONNECTED,
                SINEW_REQUEST_LEFT,
                SINEW_REQUEST_REFUSED,
                SINEW_REQUEST_NO_HANDLER,
                SINEW_REQUEST_OVERLOADED,
                SINEW_REQUEST_CANCELLED,
                SINEW_REQUEST_STOPPING,
            ]
        );
        assert_eq!(
            [StopReason::Requested, StopReason::Replaced, StopReason::Failed].map(|reason| reason as u32),
            [SINEW_STOP_REQUESTED, SINEW_STOP_REPLACED, SINEW_STOP_FAILED]
        );
        assert_eq!(
            [
                ConnectionState::Disconnected,
                ConnectionState::Connecting,
                ConnectionState::Connected,
                ConnectionState::Interrupted,
                ConnectionState::Left,
            ]
            .map(|state| state as u32),
            [SINEW_STATE_DISCONNECTED, SINEW_STATE_CONNECTING, SINEW_STATE_CONNECTED, SINEW_STATE_INTERRUPTED, SINEW_STATE_LEFT]
        );
    }
}
