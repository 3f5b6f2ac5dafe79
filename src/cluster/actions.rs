//! What goes into the machine once, and what comes out of it.

use super::admission::{self, Passport};
use super::topology::{Direction, Topology};
use super::{DisconnectReason, LeaveReason, LinkId, StopReason};
use crate::id::ServerId;
use crate::registry::Registration;
use crate::wire::control::{Goodbye, Hello, Refusal, Welcome};
use std::time::Duration;

/// What the machine is told once.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) cluster: String,
    pub(crate) group: String,
    pub(crate) name: String,
    pub(crate) app_version: String,
    pub(crate) mixed_app_versions: bool,
    pub(crate) topology: Topology,
    /// Greater for every later start of this server.
    pub(crate) incarnation: u64,
    pub(crate) pace: ClusterPace,
    /// See [`crate::registry::Connector::ids_are_seats`].
    pub(crate) ids_are_seats: bool,
    pub(crate) seed: u64,
}

/// The times that govern dials and sessions.
#[derive(Debug, Clone)]
pub(crate) struct ClusterPace {
    pub(crate) reconnect_min: Duration,
    pub(crate) reconnect_max: Duration,
    pub(crate) reconnect_attempts: u32,
    /// How long a session outlives its link. Zero: not at all.
    pub(crate) resume_window: Duration,
    /// How long a peer that deregistered may keep its link to flush what it has queued.
    pub(crate) drain: Duration,
}

/// What may change while the machine runs.
#[derive(Debug, Clone)]
pub(crate) struct Renewal {
    pub(crate) topology: Topology,
    pub(crate) mixed_app_versions: bool,
    pub(crate) pace: ClusterPace,
}

/// What must be done, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Try all addresses of `to` once; ends in exactly one `link_up` or `dial_failed` with this number.
    Dial {
        link: LinkId,
        to: Registration,
    },
    /// A link that went up may carry messages now. `connected` has been reported just before; or it goes on with the session of an earlier link,
    /// which is down, and if its end was reported as `interrupted`, `resumed` has been, too.
    Start {
        link: LinkId,
        resumes: bool,
    },
    /// End a started link without a word: another one goes on with its session when this has ended in its `link_down`.
    Abandon {
        link: LinkId,
    },
    /// End a dial, a handshake or a link. A link that had been started ends in exactly one `link_down`.
    Close {
        link: LinkId,
        goodbye: Goodbye,
    },
    /// Tell the registry that a server cannot be reached.
    ReportFailure(ServerId),
    Deregister,
    /// Tell the game.
    Notify(Notice),
}

/// What the game is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Notice {
    Started { id: ServerId },
    Joined { registration: Registration, direction: Direction },
    Connected { id: ServerId, link: LinkId },
    Interrupted { id: ServerId, text: String },
    Resumed { id: ServerId, link: LinkId },
    Disconnected { id: ServerId, end: LinkEnd },
    Left { id: ServerId, reason: LeaveReason },
    RegistryLost(String),
    RegistryRestored,
    Stopped { reason: StopReason, text: String },
}

/// How a link ended, as the link itself saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LinkEnd {
    pub(crate) reason: LinkEndReason,
    pub(crate) text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LinkEndReason {
    Lost,
    Silent,
    Protocol,
    /// The peer said goodbye.
    Goodbye(Goodbye),
    /// Closed because an [`Action::Close`] said so.
    Closed(Goodbye),
}

impl LinkEnd {
    /// It broke, which says nothing about the two servers.
    pub(super) fn is_broken(&self) -> bool {
        matches!(self.reason, LinkEndReason::Lost | LinkEndReason::Silent)
    }

    /// What the game is told of it.
    pub(crate) fn disconnect_reason(&self) -> DisconnectReason {
        match self.reason {
            LinkEndReason::Lost => DisconnectReason::Lost,
            LinkEndReason::Silent => DisconnectReason::Silent,
            LinkEndReason::Protocol => DisconnectReason::Protocol,
            LinkEndReason::Goodbye(Goodbye::Stopped | Goodbye::Replaced) => DisconnectReason::PeerStopped,
            LinkEndReason::Goodbye(Goodbye::YouLeft) => DisconnectReason::Lost,
            LinkEndReason::Goodbye(Goodbye::Superseded) | LinkEndReason::Closed(Goodbye::Superseded) => DisconnectReason::Superseded,
            LinkEndReason::Closed(Goodbye::Stopped | Goodbye::Replaced) => DisconnectReason::Stopping,
            LinkEndReason::Closed(Goodbye::YouLeft) => DisconnectReason::PeerLeft,
            LinkEndReason::Goodbye(Goodbye::Unrelated) | LinkEndReason::Closed(Goodbye::Unrelated) => DisconnectReason::Unrelated,
        }
    }
}

/// What a dial is for: the entry that was dialled, kept so that the welcome can be checked against it.
#[derive(Debug, Clone)]
pub(crate) struct Goal {
    pub(crate) hello: Hello,
    pub(crate) expected: Registration,
}

impl Goal {
    /// The dialer's half of the admission: is this the server we wanted, and do we agree?
    pub(crate) fn check(&self, welcome: &Welcome, proven: Passport<'_>) -> Result<(), Refusal> {
        admission::check_welcome(welcome, &self.expected, proven)?;
        admission::check_terms((&self.hello.from.group, &self.hello.terms), (&self.expected.group, &welcome.terms))
    }
}
