//! How long to wait before the next dial.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::time::Duration;

/// Exponential back-off with full jitter: many servers that lost one peer together do not come back together.
#[derive(Debug)]
pub(super) struct Backoff {
    min: Duration,
    max: Duration,
    patience: u32,
    rng: SmallRng,
}

impl Backoff {
    /// After `patience` failures the delay is always between half of `max` and `max`.
    pub(super) fn new(min: Duration, max: Duration, patience: u32, seed: u64) -> Self {
        Self { min, max, patience, rng: SmallRng::seed_from_u64(seed) }
    }

    pub(super) fn renew(&mut self, min: Duration, max: Duration, patience: u32) {
        (self.min, self.max, self.patience) = (min, max, patience);
    }

    /// The wait after the `failures`-th failure in a row (0: a link that worked has just been lost).
    pub(super) fn delay(&mut self, failures: u32) -> Duration {
        let bound = self.min.saturating_mul(1_u32.checked_shl(failures).unwrap_or(u32::MAX)).min(self.max);
        let least = if failures >= self.patience { self.max / 2 } else { Duration::ZERO };
        let (least, bound) = (least.as_micros() as u64, bound.max(least).as_micros() as u64);
        Duration::from_micros(self.rng.random_range(least..=bound))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_maximum_and_stay_high_after_patience_ran_out() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5), 10, 7);
        for _ in 0..1000 {
            assert!(backoff.delay(0) <= Duration::from_millis(100));
            assert!(backoff.delay(3) <= Duration::from_millis(800));
            assert!(backoff.delay(9) <= Duration::from_secs(5));
            let slow = backoff.delay(u32::MAX);
            assert!(slow >= Duration::from_millis(2500) && slow <= Duration::from_secs(5));
        }
    }

    #[test]
    fn delays_are_spread_over_the_whole_range() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5), 10, 7);
        let delays: Vec<_> = (0..1000).map(|_| backoff.delay(4)).collect();
        assert!(delays.iter().any(|delay| *delay < Duration::from_millis(200)));
        assert!(delays.iter().any(|delay| *delay > Duration::from_millis(1400)));
    }
}
