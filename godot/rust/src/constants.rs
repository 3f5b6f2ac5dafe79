//! The numbers that scripts see, on `SinewServer`. They are those of the C ABI (include/sinew.h) and for ever.

use crate::request::NOT_SENT;
use crate::server::SinewServer;
use godot::prelude::*;

#[godot_api(secondary)]
impl SinewServer {
    /// Ordered, and exactly once, across broken links, as long as both servers live.
    #[constant]
    const MODE_RELIABLE: i64 = 0;
    /// At most once, in any order; dropped rather than queued.
    #[constant]
    const MODE_UNRELIABLE: i64 = 1;
    /// Added to a mode by [code]|[/code]: goes before messages without a lane.
    #[constant]
    const LANE_1: i64 = 256;
    /// Goes before lane 1.
    #[constant]
    const LANE_2: i64 = 512;
    /// Goes before every other lane.
    #[constant]
    const LANE_3: i64 = 768;

    /// In view, but not connected: the next attempt is due later, or the other side dials.
    #[constant]
    const STATE_DISCONNECTED: i64 = 1;
    /// This server is dialling it.
    #[constant]
    const STATE_CONNECTING: i64 = 2;
    /// The link is up.
    #[constant]
    const STATE_CONNECTED: i64 = 3;
    /// The link broke, or nothing is heard of it; what is sent waits.
    #[constant]
    const STATE_INTERRUPTED: i64 = 4;
    /// It is gone from view.
    #[constant]
    const STATE_LEFT: i64 = 5;

    /// This server dials, or its group names the other in [code]connects_to[/code].
    #[constant]
    const DIRECTION_OUTGOING: i64 = 1;
    /// The other dials, or its group names this one's in [code]connects_to[/code].
    #[constant]
    const DIRECTION_INCOMING: i64 = 2;

    /// Servers of the group may not accept game clients.
    #[constant]
    const VISIBILITY_INTERNAL: i64 = 1;
    /// Servers of the group may accept game clients.
    #[constant]
    const VISIBILITY_EXTERNAL: i64 = 2;

    /// Why a session ended: the connection broke and did not come back in time.
    #[constant]
    const DISCONNECT_LOST: i64 = 1;
    /// Nothing was heard of it for too long.
    #[constant]
    const DISCONNECT_SILENT: i64 = 2;
    /// It stopped gracefully.
    #[constant]
    const DISCONNECT_PEER_STOPPED: i64 = 3;
    /// The registry says that it has left.
    #[constant]
    const DISCONNECT_PEER_LEFT: i64 = 4;
    /// A newer start of the same server took over.
    #[constant]
    const DISCONNECT_SUPERSEDED: i64 = 5;
    /// It broke the protocol.
    #[constant]
    const DISCONNECT_PROTOCOL: i64 = 6;
    /// This server is stopping.
    #[constant]
    const DISCONNECT_STOPPING: i64 = 7;
    /// A reload told one of the two a topology by which they do not see each other.
    #[constant]
    const DISCONNECT_UNRELATED: i64 = 8;

    /// Why a server left: it stopped gracefully.
    #[constant]
    const LEAVE_STOPPED: i64 = 1;
    /// A newer server registered under its group and name.
    #[constant]
    const LEAVE_REPLACED: i64 = 2;
    /// Its registration ran out: it crashed, hangs, or cannot reach the registry.
    #[constant]
    const LEAVE_EXPIRED: i64 = 3;
    /// This server is stopping.
    #[constant]
    const LEAVE_STOPPING: i64 = 4;
    /// A reload told this server a topology by which the two do not see each other.
    #[constant]
    const LEAVE_UNRELATED: i64 = 5;

    /// Why this server has stopped: [method SinewServer.stop] was called.
    #[constant]
    const STOP_REQUESTED: i64 = 1;
    /// A newer server registered under its group and name.
    #[constant]
    const STOP_REPLACED: i64 = 2;
    /// A bug in Sinew ended it.
    #[constant]
    const STOP_FAILED: i64 = 3;

    /// Why a request has no answer: it could not be sent, [member SinewReply.failure_text] says why.
    #[constant]
    const REQUEST_NOT_SENT: i64 = NOT_SENT;
    /// No answer came in time. Whether it was carried out is not known.
    #[constant]
    const REQUEST_TIMED_OUT: i64 = 1;
    /// The session with the server asked has ended. Whether it was carried out is not known.
    #[constant]
    const REQUEST_DISCONNECTED: i64 = 2;
    /// The server asked has stopped or left. Whether it was carried out is not known.
    #[constant]
    const REQUEST_LEFT: i64 = 3;
    /// The server asked would not answer: [method SinewRequest.refuse].
    #[constant]
    const REQUEST_REFUSED: i64 = 4;
    /// Nobody there answers such requests.
    #[constant]
    const REQUEST_NO_HANDLER: i64 = 5;
    /// The server asked has too many unanswered requests of this one.
    #[constant]
    const REQUEST_OVERLOADED: i64 = 6;
    /// [method SinewReply.cancel] was called.
    #[constant]
    const REQUEST_CANCELLED: i64 = 7;
    /// This server is stopping.
    #[constant]
    const REQUEST_STOPPING: i64 = 8;

    /// For any server of a group: each in turn.
    #[constant]
    const POLICY_ROUND_ROBIN: i64 = 1;
    /// The least full by its property [code]load[/code], as a share of its [code]capacity[/code].
    #[constant]
    const POLICY_LEAST_LOADED: i64 = 2;
    /// The server that the key belongs to: the same for the same key on every server.
    #[constant]
    const POLICY_KEY: i64 = 3;

    /// It does not take work yet.
    #[constant]
    const READINESS_STARTING: i64 = 1;
    /// It takes work.
    #[constant]
    const READINESS_READY: i64 = 2;
    /// It takes no more work; a server says so by itself from [method SinewServer.stop] on.
    #[constant]
    const READINESS_DRAINING: i64 = 3;
}
