//! What a server says of its work: how much it has, how much it can take, and whether it takes more.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// The well-known keys among a server's properties.
pub(crate) const LOAD: &str = "load";
pub(crate) const CAPACITY: &str = "capacity";
pub(crate) const STATE: &str = "state";

/// Whether a server takes new work. The numbers cross the C ABI; the words are what its property `state` says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Readiness {
    /// `starting`: not yet.
    Starting = 1,
    /// `ready`, which is also what a server is that says nothing, or something else.
    #[default]
    Ready = 2,
    /// `draining`: not any more. A server says so by itself from [`Server::stop`](crate::Server::stop) on.
    Draining = 3,
}

impl Readiness {
    /// Every one of them.
    pub const ALL: [Readiness; 3] = [Readiness::Starting, Readiness::Ready, Readiness::Draining];

    /// As the property `state` says it.
    pub fn word(self) -> &'static str {
        match self {
            Readiness::Starting => "starting",
            Readiness::Ready => "ready",
            Readiness::Draining => "draining",
        }
    }

    pub(crate) fn of(properties: &BTreeMap<String, String>) -> Self {
        let says = properties.get(STATE).map(String::as_str);
        Self::ALL.into_iter().find(|state| says == Some(state.word())).unwrap_or_default()
    }
}

/// A number among the properties: finite and not negative, or it counts as not told.
pub(crate) fn number(properties: &BTreeMap<String, String>, key: &str) -> Option<f64> {
    properties.get(key)?.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

/// The same of one remote server, to be read without a lock, and what this server has given it since.
#[derive(Debug)]
pub(crate) struct Work {
    /// Bits of an `f64`; NaN: not told.
    load: AtomicU64,
    capacity: AtomicU64,
    readiness: AtomicU8,
    /// Messages and requests sent to it as one of a group since it last told its load.
    given: AtomicU64,
}

impl Default for Work {
    fn default() -> Self {
        let untold = || AtomicU64::new(f64::NAN.to_bits());
        Self { load: untold(), capacity: untold(), readiness: AtomicU8::new(Readiness::default() as u8), given: AtomicU64::new(0) }
    }
}

impl Work {
    pub(super) fn tell(&self, properties: &BTreeMap<String, String>) {
        let bits = |key| number(properties, key).unwrap_or(f64::NAN).to_bits();
        self.load.store(bits(LOAD), Ordering::Relaxed);
        self.capacity.store(bits(CAPACITY), Ordering::Relaxed);
        self.readiness.store(Readiness::of(properties) as u8, Ordering::Relaxed);
        self.given.store(0, Ordering::Relaxed);
    }

    pub(crate) fn load(&self) -> Option<f64> {
        Some(f64::from_bits(self.load.load(Ordering::Relaxed))).filter(|load| !load.is_nan())
    }

    pub(crate) fn capacity(&self) -> Option<f64> {
        Some(f64::from_bits(self.capacity.load(Ordering::Relaxed))).filter(|capacity| !capacity.is_nan())
    }

    pub(crate) fn readiness(&self) -> Readiness {
        match self.readiness.load(Ordering::Relaxed) {
            1 => Readiness::Starting,
            3 => Readiness::Draining,
            _ => Readiness::Ready,
        }
    }

    /// One more piece of work has been sent to it.
    pub(crate) fn give(&self) {
        self.given.fetch_add(1, Ordering::Relaxed);
    }

    /// How full it is: its load with what was given since it told it, as a share of its capacity where it tells one.
    pub(crate) fn fullness(&self) -> f64 {
        let load = self.load().unwrap_or(0.0) + self.given.load(Ordering::Relaxed) as f64;
        match self.capacity() {
            Some(capacity) if capacity > 0.0 => load / capacity,
            Some(_) => f64::INFINITY,
            None => load,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(pairs: &[(&str, &str)]) -> Work {
        let work = Work::default();
        work.tell(&pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect());
        work
    }

    #[test]
    fn load_capacity_and_state_are_read_and_nonsense_counts_as_not_told() {
        let work = told(&[("load", "12.5"), ("capacity", " 50 "), ("state", "draining")]);
        assert_eq!((work.load(), work.capacity(), work.readiness()), (Some(12.5), Some(50.0), Readiness::Draining));
        for nonsense in ["", "many", "-1", "NaN", "inf", "1e999"] {
            let work = told(&[("load", nonsense), ("capacity", nonsense), ("state", nonsense)]);
            assert_eq!((work.load(), work.capacity(), work.readiness()), (None, None, Readiness::Ready), "{nonsense}");
        }
    }

    #[test]
    fn what_was_given_counts_until_the_load_is_told_anew() {
        let work = told(&[("load", "10"), ("capacity", "20")]);
        (0..5).for_each(|_| work.give());
        assert_eq!(work.fullness(), 0.75);
        work.tell(&[("load".to_string(), "13".to_string())].into());
        assert_eq!(work.fullness(), 13.0);
        assert_eq!(told(&[("capacity", "0")]).fullness(), f64::INFINITY);
    }
}
