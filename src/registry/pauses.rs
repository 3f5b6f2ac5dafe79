//! How long to wait before the next attempt to reach a registry.

use rand::Rng;
use std::time::Duration;

/// Pauses that double up to a maximum, with full jitter on the upper half: members that lost the same registry do not come back all at once.
#[derive(Debug)]
pub(super) struct Pauses {
    next: Duration,
    min: Duration,
    max: Duration,
}

impl Pauses {
    pub(super) fn new(min: Duration, max: Duration) -> Self {
        Self { next: min, min, max }
    }

    pub(super) fn next(&mut self) -> Duration {
        let pause = rand::rng().random_range(self.next / 2..=self.next);
        self.next = (self.next * 2).min(self.max);
        pause
    }

    /// It has worked.
    pub(super) fn reset(&mut self) {
        self.next = self.min;
    }
}
