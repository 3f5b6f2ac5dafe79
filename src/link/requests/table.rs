//! What waits for an answer, by number and by deadline. Pure: `now` comes in.
//!
//! A slab, so that a number says where its entry lies, and a hashed timing wheel (Varghese and Lauck, 1987) threaded through it: beginning and
//! ending cost the same however many wait, and nothing is allocated once the slab has grown to what is usual.

use std::time::Duration;

/// Deadlines are rounded up to this. The wheel turns once in 4 s; what is due later stays where it is for another turn.
const TICK: Duration = Duration::from_millis(4);
const BUCKETS: usize = 1024;

/// The lower bits of a number say where the entry lies, the upper ones count all there ever were: 2^44 of them.
const PLACE_BITS: u32 = 20;
/// Most that can wait at once.
const MOST: usize = 1 << PLACE_BITS;

const NOWHERE: u32 = u32::MAX;

#[derive(Debug)]
pub(super) struct Table<T> {
    slots: Vec<Slot<T>>,
    free: Vec<u32>,
    buckets: Box<[u32]>,
    begun: u64,
    /// Up to this tick everything that was due is out.
    done: u64,
    /// When the keeper will look next of its own accord.
    awake_at: u64,
}

#[derive(Debug)]
struct Slot<T> {
    /// 0: empty.
    number: u64,
    /// In ticks.
    due: u64,
    previous: u32,
    next: u32,
    entry: Option<T>,
}

/// One that was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Begun {
    pub(super) number: u64,
    /// It is due before the keeper would look.
    pub(super) wake: bool,
}

impl<T> Table<T> {
    /// Memory for one entry.
    pub(super) const BYTES_EACH: usize = size_of::<Slot<T>>() + size_of::<u32>();

    pub(super) fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), buckets: vec![NOWHERE; BUCKETS].into(), begun: 0, done: 0, awake_at: u64::MAX }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// The entry comes back when no more can wait.
    pub(super) fn begin(&mut self, now: Duration, timeout: Duration, entry: T) -> Result<Begun, T> {
        if self.len() == 0 {
            self.done = self.done.max(ticks(now));
        }
        let place = match self.free.pop() {
            Some(place) => place,
            None if self.slots.len() == MOST => return Err(entry),
            None => {
                self.slots.push(Slot { number: 0, due: 0, previous: NOWHERE, next: NOWHERE, entry: None });
                self.slots.len() as u32 - 1
            }
        };
        self.begun += 1;
        let number = self.begun << PLACE_BITS | u64::from(place);
        // Never early: the tick that has begun does not count.
        let due = (ticks(now + timeout) + 1).max(self.done + 1);
        let bucket = bucket(due);
        let next = std::mem::replace(&mut self.buckets[bucket], place);
        if let Some(next) = self.slots.get_mut(next as usize) {
            next.previous = place;
        }
        self.slots[place as usize] = Slot { number, due, previous: NOWHERE, next, entry: Some(entry) };
        let wake = due < self.awake_at;
        self.awake_at = self.awake_at.min(due);
        Ok(Begun { number, wake })
    }

    /// Takes the entry out, if it is there and is what is meant.
    pub(super) fn end(&mut self, number: u64, is_meant: impl FnOnce(&T) -> bool) -> Option<T> {
        let place = number & (MOST as u64 - 1);
        let slot = self.slots.get(place as usize).filter(|slot| slot.number == number && number != 0)?;
        if !slot.entry.as_ref().is_some_and(is_meant) {
            return None;
        }
        self.take(place as u32)
    }

    fn take(&mut self, place: u32) -> Option<T> {
        let slot = &mut self.slots[place as usize];
        let (due, previous, next) = (slot.due, slot.previous, slot.next);
        slot.number = 0;
        let entry = slot.entry.take();
        match self.slots.get_mut(previous as usize) {
            Some(previous) => previous.next = next,
            None => self.buckets[bucket(due)] = next,
        }
        if let Some(next) = self.slots.get_mut(next as usize) {
            next.previous = previous;
        }
        self.free.push(place);
        entry
    }

    /// Takes out everything whose time is over.
    pub(super) fn expire(&mut self, now: Duration, mut out: impl FnMut(u64, T)) {
        let now = ticks(now);
        let turns = now.saturating_sub(self.done).min(BUCKETS as u64);
        for tick in now + 1 - turns..=now {
            let mut place = self.buckets[bucket(tick)];
            while let Some(slot) = self.slots.get(place as usize) {
                let (number, next) = (slot.number, slot.next);
                if slot.due <= now
                    && let Some(entry) = self.take(place)
                {
                    out(number, entry);
                }
                place = next;
            }
        }
        self.done = self.done.max(now);
    }

    /// Takes out everything that is meant.
    pub(super) fn end_all(&mut self, is_meant: impl Fn(u64, &T) -> bool, mut out: impl FnMut(u64, T)) {
        for place in 0..self.slots.len() as u32 {
            let slot = &self.slots[place as usize];
            let number = slot.number;
            if slot.entry.as_ref().is_some_and(|entry| is_meant(number, entry))
                && let Some(entry) = self.take(place)
            {
                out(number, entry);
            }
        }
    }

    /// When [`Table::expire`] has something to do at the earliest; from then on nobody needs to be woken for what is due later.
    pub(super) fn next_look(&mut self) -> Option<Duration> {
        self.awake_at = u64::MAX;
        if self.len() > 0 {
            let ahead = (1..=BUCKETS as u64).map(|ticks| self.done + ticks);
            self.awake_at = ahead.into_iter().find(|tick| self.buckets[bucket(*tick)] != NOWHERE).unwrap_or(u64::MAX);
        }
        // Nanoseconds in 64 bits last for centuries.
        (self.awake_at != u64::MAX).then(|| Duration::from_nanos(u64::from(TICK.subsec_nanos()) * self.awake_at))
    }
}

/// Asked for each request: seconds and the rest on their own, because dividing nanoseconds takes 128 bits.
fn ticks(now: Duration) -> u64 {
    const A_SECOND: u64 = 1_000_000_000 / TICK.subsec_nanos() as u64;
    now.as_secs() * A_SECOND + u64::from(now.subsec_nanos() / TICK.subsec_nanos())
}

fn bucket(tick: u64) -> usize {
    (tick % BUCKETS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn expired(table: &mut Table<u64>, now: Duration) -> Vec<u64> {
        let mut out = Vec::new();
        table.expire(now, |_, entry| out.push(entry));
        out
    }

    #[test]
    fn an_entry_ends_once_and_its_number_never_means_another() {
        let mut table = Table::new();
        let first = table.begin(ms(0), ms(100), 1).unwrap().number;
        assert_eq!(table.end(first, |entry| *entry == 2), None, "not what was meant");
        assert_eq!((table.end(first, |_| true), table.end(first, |_| true)), (Some(1), None));
        let second = table.begin(ms(0), ms(100), 2).unwrap().number;
        assert_ne!(first, second);
        assert_eq!((table.end(first, |_| true), table.end(0, |_| true), table.end(u64::MAX, |_| true)), (None, None, None));
        assert_eq!(expired(&mut table, ms(200)), [2]);
        assert_eq!((table.len(), table.next_look()), (0, None));
    }

    #[test]
    fn only_what_is_due_earlier_wakes_the_keeper() {
        let mut table = Table::new();
        assert!(table.begin(ms(0), ms(500), 1).unwrap().wake);
        assert!(!table.begin(ms(10), ms(500), 2).unwrap().wake);
        assert!(table.begin(ms(10), ms(50), 3).unwrap().wake);
        let look = table.next_look().unwrap();
        assert!(look > ms(60) && look <= ms(68), "{look:?}");
        assert_eq!(expired(&mut table, look), [3]);
        assert!(table.next_look().unwrap() > ms(500));
        assert!(table.begin(look, ms(1), 4).unwrap().wake);
    }

    #[test]
    fn a_deadline_of_many_turns_is_kept() {
        let mut table = Table::new();
        table.begin(ms(7), Duration::from_secs(3600), 1).unwrap();
        let mut looks = 0;
        loop {
            let look = table.next_look().unwrap();
            looks += 1;
            if expired(&mut table, look) == [1] {
                assert!(look > ms(3_600_007) && look < ms(3_600_020), "{look:?}");
                break;
            }
        }
        assert!(looks < 1000, "{looks} looks in an hour");
    }

    #[test]
    fn years_of_uptime_change_nothing() {
        let (mut table, uptime) = (Table::new(), Duration::from_secs(20 * 365 * 24 * 3600));
        table.begin(uptime, ms(100), 1).unwrap();
        let look = table.next_look().unwrap();
        assert!(look > uptime + ms(100) && look < uptime + ms(110), "{look:?}");
        assert_eq!((expired(&mut table, uptime + ms(50)), expired(&mut table, look)), (vec![], vec![1]));
    }

    proptest! {
        #[test]
        fn it_does_what_a_plain_map_does(steps in proptest::collection::vec((0u8..4, 0u64..6000, 0usize..8), 1..200)) {
            let mut table = Table::new();
            let mut model: BTreeMap<u64, (Duration, u64)> = BTreeMap::new();
            let (mut now, mut made) = (ms(3), 0);
            for (what, amount, pick) in steps {
                match what {
                    0 | 1 => {
                        made += 1;
                        let number = table.begin(now, ms(amount), made).unwrap().number;
                        model.insert(number, (now + ms(amount), made));
                    }
                    2 => {
                        if let Some(number) = model.keys().nth(pick).copied() {
                            prop_assert_eq!(table.end(number, |_| true), model.remove(&number).map(|(_, entry)| entry));
                        }
                    }
                    _ => {
                        now += ms(amount);
                        let mut out = Vec::new();
                        table.expire(now, |number, entry| out.push((number, entry)));
                        for (number, entry) in out {
                            let (due, expected) = model.remove(&number).unwrap();
                            prop_assert!(due <= now && expected == entry, "early");
                        }
                        prop_assert!(model.values().all(|(due, _)| *due + TICK * 2 > now), "late");
                    }
                }
                prop_assert_eq!(table.len(), model.len());
            }
            let mut left = 0;
            table.end_all(|_, _| true, |_, _| left += 1);
            prop_assert_eq!((left, table.len()), (model.len(), 0));
            prop_assert!(table.buckets.iter().all(|head| *head == NOWHERE));
        }
    }
}
