//! Drawing ids: never 0, below 2^53, rising with time.

use crate::id::ServerId;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// 2025-01-01T00:00:00Z in milliseconds since 1970. 43 bits of milliseconds from there last until 2303.
const EPOCH_MS: u64 = 1_735_689_600_000;
/// Random bits below the milliseconds.
const RANDOM_BITS: u32 = 10;

/// Draws the ids of one server: milliseconds since 2025 and ten random bits, each draw above all earlier ones.
#[derive(Debug)]
pub(super) struct Ids {
    started_ms: u64,
    last: u64,
    random: SmallRng,
}

impl Ids {
    /// `unix` is the time of day at `now == 0`.
    pub(super) fn new(unix: Duration, seed: u64) -> Self {
        let started_ms = u64::try_from(unix.as_millis()).unwrap_or(u64::MAX).saturating_sub(EPOCH_MS);
        Self { started_ms, last: 0, random: SmallRng::seed_from_u64(seed) }
    }

    /// From the machine's clock. A clock that is wrong costs a second draw at the registry, nothing else.
    pub(super) fn from_clock() -> Self {
        Self::new(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(), rand::random())
    }

    /// An id above `above` and above every id drawn before, as long as there are any.
    pub(super) fn draw(&mut self, now: Duration, above: Option<ServerId>) -> ServerId {
        let now_ms = self.started_ms.saturating_add(u64::try_from(now.as_millis()).unwrap_or(u64::MAX));
        let floor = self.last.max(above.map_or(0, ServerId::get));
        let ms = now_ms.max((floor >> RANDOM_BITS) + 1).min(ServerId::MAX >> RANDOM_BITS);
        let raw = (ms << RANDOM_BITS) | self.random.random_range(0..1 << RANDOM_BITS);
        self.last = raw;
        // cannot fail: ms is between 1 and MAX >> RANDOM_BITS
        ServerId::new(raw).expect("an id")
    }
}

/// An id that nobody has, for a registry that gives none by itself: milliseconds since 2025 and ten random bits, so ids rise with time. Two that
/// are drawn in the same millisecond are the same once in a thousand times; a registry that can tell refuses the second.
pub fn fresh_id() -> ServerId {
    Ids::from_clock().draw(Duration::ZERO, None)
}

/// When the server of this id registered, by its own clock.
pub(crate) fn drawn_at(id: ServerId) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis((id.get() >> RANDOM_BITS).saturating_add(EPOCH_MS))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_id_tells_its_time_and_fits_a_double_for_centuries() {
        let in_2300 = Duration::from_millis(10_413_792_000_000);
        let id = Ids::new(in_2300, 1).draw(Duration::ZERO, None);
        assert_eq!(id.get() >> RANDOM_BITS, 10_413_792_000_000 - EPOCH_MS);
        assert_eq!(drawn_at(id), UNIX_EPOCH + in_2300);
        assert!(Ids::new(Duration::ZERO, 1).draw(Duration::ZERO, None).get() >= 1 << RANDOM_BITS);
    }

    proptest! {
        #[test]
        fn every_draw_is_above_the_last_and_above_what_was_asked(seed: u64, unix_ms in 0..u64::MAX / 2, draws: Vec<(u32, Option<u32>)>) {
            let mut ids = Ids::new(Duration::from_millis(unix_ms % (EPOCH_MS * 4)), seed);
            let mut last = 0;
            for (now_ms, above) in draws {
                let above = above.and_then(|back| ServerId::new((last + u64::from(back) * 1000).min(ServerId::MAX / 2)));
                let id = ids.draw(Duration::from_millis(now_ms.into()), above).get();
                prop_assert!(id > last && above.is_none_or(|above| id > above.get()));
                last = id;
            }
        }

        #[test]
        fn there_is_an_id_whatever_the_clock_says(unix_ms: u64, now_ms: u64, above in proptest::option::of(1..=ServerId::MAX)) {
            let id = Ids::new(Duration::from_millis(unix_ms), 0).draw(Duration::from_millis(now_ms), above.and_then(ServerId::new));
            prop_assert!(ServerId::new(id.get()).is_some());
        }
    }
}
