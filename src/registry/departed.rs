//! A bounded memory of the ids that are gone for good.

use crate::id::ServerId;
use std::collections::{HashMap, VecDeque};

/// Remembers something about each of the last [`Departed::CAPACITY`] ids that ended; older ones are forgotten first.
///
/// Forgetting is harmless in practice: only a report that lags behind thousands of departures could bring a forgotten id back,
/// and then the next lease ends it.
#[derive(Debug)]
pub(super) struct Departed<T> {
    known: HashMap<ServerId, T>,
    order: VecDeque<ServerId>,
}

impl<T> Departed<T> {
    pub(super) const CAPACITY: usize = 8192;

    pub(super) fn new() -> Self {
        Self { known: HashMap::new(), order: VecDeque::new() }
    }

    pub(super) fn insert(&mut self, id: ServerId, about: T) {
        if self.known.insert(id, about).is_some() {
            return;
        }
        self.order.push_back(id);
        if self.order.len() > Self::CAPACITY
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    pub(super) fn get(&self, id: ServerId) -> Option<&T> {
        self.known.get(&id)
    }

    pub(super) fn contains(&self, id: ServerId) -> bool {
        self.known.contains_key(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first_and_memory_is_bounded() {
        let mut departed = Departed::new();
        let id = |raw: usize| ServerId::new(raw as u64).unwrap();
        for raw in 1..=Departed::<()>::CAPACITY + 10 {
            departed.insert(id(raw), ());
            departed.insert(id(raw), ());
        }
        assert_eq!(departed.known.len(), Departed::<()>::CAPACITY);
        assert_eq!(departed.order.len(), Departed::<()>::CAPACITY);
        assert!(!departed.contains(id(10)) && departed.contains(id(11)));
    }
}
