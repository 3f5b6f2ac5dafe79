//! What this server knows of the others, and what it does about it: a pure state machine.
//!
//! Inputs (registry news, ends of dials and links, the clock's `now`) go in by method calls; [`Action`]s come out of
//! [`Cluster::next_action`] in the order in which they must be carried out. It opens nothing, awaits nothing, reads no clock, and draws
//! its randomness from a seed, so a simulated cluster of these machines replays exactly (`simulation.rs`).
//!
//! May use: configuration values, ids, the wire's control messages, the registry's value types. Must never know: tokio, sockets, time, the game.

mod actions;
mod admission;
mod backoff;
#[cfg(test)]
mod cases;
mod links;
mod membership;
mod news;
#[cfg(test)]
mod simulation;
mod topology;

pub(crate) use actions::{Action, ClusterPace, Goal, LinkEnd, LinkEndReason, Notice, Renewal, Settings};
pub(crate) use admission::{Admission, Passport};
pub(crate) use membership::Cluster;
pub use topology::Direction;
pub(crate) use topology::Topology;

use serde::{Deserialize, Serialize};

/// One attempt to have a link, dialled or accepted; unique within one `Server`, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct LinkId(pub(crate) u64);

/// Why a link that was connected is not any more. The numbers are the `code` of `SINEW_EVENT_SERVER_DISCONNECTED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// The connection broke: the peer's process ended, or the network between.
    Lost = 1,
    /// Not a byte came for `interrupted_after_ms` + `resume_window_ms`.
    Silent = 2,
    /// The peer stopped gracefully.
    PeerStopped = 3,
    /// The registry says that the peer has left, and it did not close the link by itself.
    PeerLeft = 4,
    /// The same peer made a newer link.
    Superseded = 5,
    /// The peer sent something that breaks the protocol; the text says what.
    Protocol = 6,
    /// This server is stopping.
    Stopping = 7,
    /// One of the two was told a topology by which they do not see each other.
    Unrelated = 8,
}

/// Why a server is no longer in this server's view. The numbers are the `code` of `SINEW_EVENT_SERVER_LEFT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
#[non_exhaustive]
pub enum LeaveReason {
    /// It stopped gracefully.
    Stopped = 1,
    /// A newer server registered under its name.
    Replaced = 2,
    /// Its registration ran out and there is no link to it.
    Expired = 3,
    /// This server is stopping.
    Stopping = 4,
    /// This server was told a topology by which the two do not see each other.
    Unrelated = 5,
}

/// Why this server ended. The numbers are the `code` of `SINEW_EVENT_STOPPED`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u32)]
#[non_exhaustive]
pub enum StopReason {
    /// `stop` was called.
    Requested = 1,
    /// A newer server took this server's group and name.
    Replaced = 2,
    /// A bug in Sinew ended this server; others in the process are not touched.
    Failed = 3,
}
