//! What one remote server has asked and this one has not answered. Pure: `now` comes in.

use crate::message::Label;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Those that nobody waits for any more are looked for at most this often.
const SWEEP: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
pub(in crate::link) struct Incoming {
    open: HashMap<u64, Open, Scatter>,
    swept: Duration,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
    /// The answer travels in the same way.
    pub(super) label: Label,
    /// Then who asked has given up.
    pub(super) until: Duration,
}

/// What became of a request that has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrival {
    Open,
    /// So many wait already.
    TooMany,
    /// One of this number waits: a breach of the protocol.
    Twice,
}

impl Incoming {
    /// Memory for one that waits, in a map that is at least 7/16 full.
    pub(super) const BYTES_EACH: usize = 16 * (size_of::<(u64, Open)>() + 1) / 7;

    pub(super) fn begin(&mut self, number: u64, open: Open, now: Duration, limit: usize) -> Arrival {
        if self.open.len() >= limit && now >= self.swept + SWEEP {
            self.swept = now;
            self.open.retain(|_, open| open.until > now);
        }
        if self.open.len() >= limit {
            return Arrival::TooMany;
        }
        match self.open.insert(number, open) {
            None => Arrival::Open,
            Some(_) => Arrival::Twice,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// `None`: it is none, was answered, or who asked has given up.
    pub(super) fn end(&mut self, number: u64, now: Duration) -> Option<Open> {
        self.open.remove(&number).filter(|open| open.until > now)
    }

    /// The answer could not be sent.
    pub(super) fn begin_again(&mut self, number: u64, open: Open) {
        self.open.insert(number, open);
    }

    /// The session is over.
    pub(in crate::link) fn clear(&mut self) {
        self.open = HashMap::default();
    }
}

/// The other server chooses the numbers, so there is a seed that it cannot know; what the standard library hashes with costs more than the rest of
/// looking a number up.
#[derive(Debug)]
struct Scatter {
    seed: u64,
}

impl Default for Scatter {
    fn default() -> Self {
        Self { seed: RandomState::new().hash_one(0) }
    }
}

impl BuildHasher for Scatter {
    type Hasher = Scattered;

    fn build_hasher(&self) -> Scattered {
        Scattered(self.seed)
    }
}

#[derive(Debug)]
struct Scattered(u64);

impl Hasher for Scattered {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::SendMode;

    const fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn until(ms: u64) -> Open {
        Open { label: Label::message(1, SendMode::Reliable.into()), until: at(ms) }
    }

    #[test]
    fn each_can_be_answered_once_and_only_while_somebody_waits() {
        let mut incoming = Incoming::default();
        assert_eq!(incoming.begin(1, until(500), at(0), 10), Arrival::Open);
        assert_eq!(incoming.begin(2, until(500), at(0), 10), Arrival::Open);
        assert_eq!(incoming.begin(2, until(500), at(0), 10), Arrival::Twice);
        assert!(incoming.end(1, at(100)).is_some() && incoming.end(1, at(100)).is_none());
        assert!(incoming.end(2, at(500)).is_none(), "too late");
        assert!(incoming.end(3, at(100)).is_none(), "never asked");
    }

    #[test]
    fn what_nobody_waits_for_makes_room() {
        let mut incoming = Incoming::default();
        for number in 0..10 {
            assert_eq!(incoming.begin(number, until(1000 + number), at(950), 10), Arrival::Open);
        }
        assert_eq!(incoming.begin(10, until(5000), at(999), 10), Arrival::TooMany);
        assert_eq!(incoming.begin(11, until(5000), at(1050), 10), Arrival::TooMany, "not looked for again so soon");
        assert_eq!(incoming.begin(12, until(5000), at(1100), 10), Arrival::Open);
        assert!(incoming.open.len() == 1);
    }
}
