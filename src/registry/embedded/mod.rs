//! Our own registry: small, in memory, authenticated like every link.
//!
//! One or more *hosts* ([`Host`]; `sinew registry`, or a server with `registry.host = true`) each keep a directory. Every member
//! ([`Embedded`]) registers at all of them and believes the union, so no host is a single point of failure and hosts never talk to
//! each other. A member makes its own id and keeps it over the restart of any host, and with it every link.
//!
//! `directory`, `union` and `membership` are pure: inputs with `now`, outputs what to do. `host` and `member` do the
//! IO and decide nothing, and so does `look`, which asks a host for its directory without a registration. May use `transport` (TLS) and `wire` (the codec). Must never know links, messages or the event queue.

mod directory;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod host;
mod look;
mod member;
mod membership;
mod outgoing;
mod protocol;
mod rejects;
#[cfg(test)]
mod simulation;
mod union;

pub use host::{Host, HostOptions};
pub use member::Embedded;
pub(super) use union::{Change, Union};

use std::time::Duration;

/// Longest pause between two attempts of a member to reach a host.
const RECONNECT_MAX: Duration = Duration::from_secs(1);
/// Beyond its lease, a member needs at most this long to come back to a host that has restarted: the pause and the handshake.
const RECONNECT_SLACK: Duration = Duration::from_secs(3);
