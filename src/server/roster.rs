//! Finds a remote server by its id without a lock: what every `send` through the C ABI begins with.
//!
//! A lock that nobody else wants still costs two locked instructions, a quarter of a small message's way into its outbox (measured with
//! bench/). So servers are entered once and never taken out: who has left is passed over. That is bounded: servers beyond the places
//! here, after thousands have come and gone, are found behind the lock as before.

use crate::id::ServerId;
use crate::link::{ConnectionState, Peer};
use once_cell::sync::OnceCell;
use std::sync::Arc;

/// Places of the first table, and how many times more each further one has: powers of two.
const FIRST: usize = 64;
const GROWTH: usize = 4;
const TABLES: usize = 4;

/// Places in each table at which an id may stand.
const PROBES: usize = 4;

type Place = OnceCell<Arc<Peer>>;

/// Servers by id, some of which may have left.
#[derive(Default)]
pub(super) struct Roster {
    tables: [OnceCell<Box<[Place]>>; TABLES],
}

impl Roster {
    /// To be called for every server that joins.
    pub(super) fn enter(&self, peer: &Arc<Peer>) {
        for (number, table) in self.tables.iter().enumerate() {
            let size = FIRST * GROWTH.pow(number as u32);
            let table = table.get_or_init(|| (0..size).map(|_| Place::new()).collect());
            if places(table, peer.id).any(|place| place.set(peer.clone()).is_ok()) {
                return;
            }
        }
    }

    /// `None`: not here, perhaps behind the lock.
    #[inline]
    pub(super) fn find(&self, id: ServerId) -> Option<&Arc<Peer>> {
        let tables = self.tables.iter().map_while(OnceCell::get);
        let mut found = tables.flat_map(|table| places(table, id)).filter_map(OnceCell::get);
        found.find(|peer| peer.id == id && peer.state() != ConnectionState::Left)
    }
}

fn places(table: &[Place], id: ServerId) -> impl Iterator<Item = &Place> {
    // Ids are times and chance; a multiplication by 2^64 / golden ratio (Knuth, The Art of Computer Programming, volume 3, 6.4) spreads both.
    let start = (id.get().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as usize;
    // A remainder, without the division.
    (0..PROBES).map(move |step| &table[(start + step) & (table.len() - 1)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::Direction;
    use crate::config::{LimitsSection, RuntimeSection};
    use crate::link::Commons;
    use crate::registry::Registration;

    fn peer(id: u64) -> Arc<Peer> {
        let limits = LimitsSection::default();
        let entry = Registration {
            id: ServerId::new(id).unwrap(),
            group: "world".into(),
            name: format!("w{id}"),
            host: "127.0.0.1".into(),
            port: 1,
            visibility: Default::default(),
            properties: Default::default(),
        };
        Arc::new(Peer::new(entry, Direction::Incoming, &limits, Commons::new(&limits, &RuntimeSection::default())))
    }

    #[test]
    fn hundreds_of_servers_are_found_and_strangers_are_not() {
        let roster = Roster::default();
        let peers: Vec<_> = (1..500).map(|number| peer(number * 1000)).collect();
        peers.iter().for_each(|peer| roster.enter(peer));
        for peer in &peers {
            assert!(Arc::ptr_eq(roster.find(peer.id).expect("entered"), peer));
        }
        assert!(roster.find(ServerId::new(77).unwrap()).is_none());
    }

    #[test]
    fn who_has_left_is_passed_over_and_may_come_back() {
        let roster = Roster::default();
        let (before, after) = (peer(7), peer(7));
        roster.enter(&before);
        before.set_state(ConnectionState::Left);
        assert!(roster.find(before.id).is_none());
        roster.enter(&after);
        assert!(Arc::ptr_eq(roster.find(after.id).expect("entered"), &after));
    }

    #[test]
    fn it_never_grows_beyond_its_tables() {
        let roster = Roster::default();
        let one = peer(7);
        for _ in 0..100 {
            roster.enter(&one);
        }
        let entered = roster.tables.iter().filter_map(OnceCell::get).flat_map(|table| table.iter()).filter_map(OnceCell::get);
        assert_eq!(entered.count(), TABLES * PROBES);
    }
}
