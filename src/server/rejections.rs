//! Connections that did not become links: counted by reason, each address and reason (of a member: each sentence) logged once a minute.

use crate::link::handshake::HandshakeError;
use crate::transport::tls::TlsFailure;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// The same is logged again after this long.
pub(super) const QUIET: Duration = Duration::from_secs(60);

/// Addresses and reasons remembered for quiet; while so many were logged within the last minute, further ones are only counted.
const REMEMBERED: usize = 1024;

/// Different sentences for one address and reason. A member chooses what it is refused for, so without this it could fill the log.
const SENTENCES: usize = 16;

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
    /// Its address opens connections too often.
    Throttled,
}

impl Rejection {
    /// All, in the order in which `sinew_stats` got them.
    pub const ALL: [Rejection; 8] = [
        Rejection::NotTls,
        Rejection::Untrusted,
        Rejection::Aborted,
        Rejection::TimedOut,
        Rejection::Malformed,
        Rejection::Refused,
        Rejection::Overload,
        Rejection::Throttled,
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
    logged: HashMap<(IpAddr, Rejection), Logged>,
}

/// What has been said of an address within the last minute.
struct Logged {
    since: Instant,
    sentences: Vec<u64>,
    last: Instant,
    text: String,
}

impl Logged {
    fn new(now: Instant, sentence: u64, text: &str) -> Self {
        Self { since: now, sentences: vec![sentence], last: now, text: text.into() }
    }
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
        if state.logged.len() >= REMEMBERED {
            state.logged.retain(|_, logged| now.duration_since(logged.since) < QUIET);
        }
        let full = state.logged.len() >= REMEMBERED;
        match state.logged.entry((from, reason)) {
            Entry::Occupied(mut known) if now.duration_since(known.get().since) >= QUIET => {
                known.insert(Logged::new(now, sentence, text));
                true
            }
            Entry::Occupied(mut known) => {
                let Logged { sentences, last, text: last_text, .. } = known.get_mut();
                *last = now;
                text.clone_into(last_text);
                let new = sentences.len() < SENTENCES && !sentences.contains(&sentence);
                if new {
                    sentences.push(sentence);
                }
                new
            }
            Entry::Vacant(_) if full => false,
            Entry::Vacant(place) => {
                place.insert(Logged::new(now, sentence, text));
                true
            }
        }
    }

    /// What was said last to this address before anybody there had proven who it is, and how long ago.
    pub(crate) fn of_strangers(&self, from: IpAddr) -> Vec<(Duration, String)> {
        let reasons = [Rejection::NotTls, Rejection::Untrusted, Rejection::Aborted, Rejection::TimedOut, Rejection::Overload];
        let state = self.state.lock();
        let logged = reasons.iter().filter_map(|reason| state.logged.get(&(from, *reason)));
        logged.map(|logged| (logged.last.elapsed(), logged.text.clone())).collect()
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
    fn a_member_that_is_refused_for_ever_new_reasons_is_logged_so_often_and_no_more() {
        let rejections = Rejections::default();
        let ip = IpAddr::from([127, 0, 0, 1]);
        let lines = (0..1000).filter(|n| rejections.note(ip, Rejection::Refused, &n.to_string())).count();
        assert_eq!((lines, rejections.counts()[Rejection::Refused as usize]), (SENTENCES, 1000));
    }

    #[test]
    fn a_flood_from_many_addresses_keeps_memory_and_log_flat() {
        let rejections = Rejections::default();
        let lines = (0..100_000_u32).filter(|n| rejections.note(IpAddr::from(n.to_be_bytes()), Rejection::NotTls, "")).count();
        assert_eq!((lines, rejections.state.lock().logged.len()), (REMEMBERED, REMEMBERED));
        assert_eq!(rejections.counts()[0], 100_000);
    }
}
