//! Connections that did not become links: counted by reason, each address and reason (of a member: each sentence) logged once a minute.

use crate::link::handshake::HandshakeError;
use crate::transport::tls::TlsFailure;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

const QUIET: Duration = Duration::from_secs(60);

/// Addresses remembered for quiet; past this a flood from many addresses starts over, so memory stays flat.
const REMEMBERED: usize = 1024;

/// Why an accepted connection was closed before it became a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rejection {
    /// Not TLS 1.3 with our protocol: plain HTTP, garbage, another program.
    NotTls,
    /// No certificate, or not one of this cluster.
    Untrusted,
    /// Broke off during the handshake.
    Aborted,
    /// Did not finish the handshake in time.
    TimedOut,
    /// Not a Sinew handshake, or a broken one.
    Malformed,
    /// A proper hello that was refused: version, cluster, identity, topology, registry.
    Refused,
    /// Too many handshakes were under way.
    Overload,
}

impl Rejection {
    /// All, in the order of `sinew_stats.rejected`.
    pub const ALL: [Rejection; 7] = [
        Rejection::NotTls,
        Rejection::Untrusted,
        Rejection::Aborted,
        Rejection::TimedOut,
        Rejection::Malformed,
        Rejection::Refused,
        Rejection::Overload,
    ];

    pub(crate) fn of(error: &HandshakeError) -> Self {
        match error {
            HandshakeError::Tls(tls) => match tls.reason {
                TlsFailure::NotTls => Rejection::NotTls,
                TlsFailure::Untrusted => Rejection::Untrusted,
                TlsFailure::Io => Rejection::Aborted,
            },
            HandshakeError::Refused(_) | HandshakeError::RefusedByPeer(_) => Rejection::Refused,
            HandshakeError::Malformed(_) => Rejection::Malformed,
            HandshakeError::TimedOut(_) => Rejection::TimedOut,
        }
    }
}

#[derive(Default)]
pub(crate) struct Rejections {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    counts: [u64; Rejection::ALL.len()],
    logged: HashMap<(IpAddr, Rejection, u64), Instant>,
}

impl Rejections {
    pub(crate) fn count(&self, from: SocketAddr, reason: Rejection, text: &str) {
        if self.note(from.ip(), reason, text) {
            tracing::warn!("rejected a connection from {from}: {text} (more of the same from there is counted, not logged, for a minute)");
        }
    }

    /// True: worth a log line.
    fn note(&self, from: IpAddr, reason: Rejection, text: &str) -> bool {
        // Members behind one address are refused for different things, and each operator must read his own. Strangers choose their bytes.
        let sentence = if reason == Rejection::Refused { hash(text) } else { 0 };
        let mut state = self.state.lock();
        state.counts[reason as usize] += 1;
        let now = Instant::now();
        if state.logged.get(&(from, reason, sentence)).is_some_and(|at| now.duration_since(*at) < QUIET) {
            return false;
        }
        if state.logged.len() >= REMEMBERED {
            state.logged.clear();
        }
        state.logged.insert((from, reason, sentence), now);
        true
    }

    pub(crate) fn counts(&self) -> [u64; Rejection::ALL.len()] {
        self.state.lock().counts
    }
}

fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_address_and_reason_is_counted_always_and_logged_once() {
        let rejections = Rejections::default();
        let ip = IpAddr::from([127, 0, 0, 1]);
        assert!(rejections.note(ip, Rejection::NotTls, "GET"));
        assert!(!rejections.note(ip, Rejection::NotTls, "POST"));
        assert!(rejections.note(ip, Rejection::Untrusted, ""));
        assert_eq!(rejections.counts()[..2], [2, 1]);
    }

    #[test]
    fn members_behind_one_address_are_told_apart_by_what_they_are_refused_for() {
        let rejections = Rejections::default();
        let ip = IpAddr::from([127, 0, 0, 1]);
        assert!(rejections.note(ip, Rejection::Refused, "a"));
        assert!(rejections.note(ip, Rejection::Refused, "b"));
        assert!(!rejections.note(ip, Rejection::Refused, "a"));
    }

    #[test]
    fn a_flood_from_many_addresses_keeps_memory_flat() {
        let rejections = Rejections::default();
        for n in 0..100_000_u32 {
            rejections.note(IpAddr::from(n.to_be_bytes()), Rejection::NotTls, "");
        }
        assert!(rejections.state.lock().logged.len() <= REMEMBERED);
        assert_eq!(rejections.counts()[0], 100_000);
    }
}
