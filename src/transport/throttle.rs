//! How many connections one address may open per second: decided before a connection costs a handshake.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::time::Duration;

/// Addresses share so many buckets, chosen by a hash whose seed nobody knows. So memory is fixed however many addresses come, nothing is ever
/// looked for or evicted, and an attacker can neither aim at an honest address's bucket nor, from fewer addresses than this, empty them all.
const BUCKETS: usize = 4096;

/// A quiet address may open this many seconds' worth at once.
const BURST_SECONDS: u32 = 2;

/// A token bucket for each remote address; the addresses of one IPv6 /64, which one machine may have all of, are one.
#[derive(Debug)]
pub(crate) struct Throttle {
    /// When each bucket is full again (GCRA's "theoretical arrival time").
    full_at: Box<[Duration]>,
    seed: RandomState,
    /// One token takes this long to come.
    interval: Duration,
    burst: Duration,
}

impl Throttle {
    /// `per_second` is at least 1.
    pub(crate) fn new(per_second: u32) -> Self {
        Self {
            full_at: vec![Duration::ZERO; BUCKETS].into(),
            seed: RandomState::new(),
            interval: Duration::from_secs(1) / per_second.max(1),
            burst: Duration::from_secs(1) * BURST_SECONDS,
        }
    }

    /// Takes a token for this address; false: there is none, and the connection is over the limit. `now` counts from any moment and never goes back.
    pub(crate) fn admit(&mut self, from: IpAddr, now: Duration) -> bool {
        let bucket = self.seed.hash_one(network(from)) as usize % BUCKETS;
        let full_at = &mut self.full_at[bucket];
        let after = now.max(*full_at) + self.interval;
        let admitted = after <= now + self.burst;
        if admitted {
            *full_at = after;
        }
        admitted
    }
}

/// What counts as one address. IPv4 reads the same on an IPv4 and on a dual-stack socket.
fn network(from: IpAddr) -> u64 {
    match from.to_canonical() {
        IpAddr::V4(v4) => u64::from(v4.to_bits()),
        // The upper half names the network. No IPv6 network in use begins with 32 zero bits, so none is taken for an IPv4 address.
        IpAddr::V6(v6) => (v6.to_bits() >> 64) as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1000);

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    /// How many of `tries` connections at this moment are let in.
    fn admitted(throttle: &mut Throttle, from: &str, now: Duration, tries: usize) -> usize {
        (0..tries).filter(|_| throttle.admit(ip(from), now)).count()
    }

    #[test]
    fn two_seconds_worth_at_once_and_then_so_many_per_second() {
        let mut throttle = Throttle::new(10);
        assert_eq!(admitted(&mut throttle, "10.0.0.1", NOW, 100), 20);
        assert_eq!(admitted(&mut throttle, "10.0.0.1", NOW + Duration::from_millis(99), 100), 0);
        assert_eq!(admitted(&mut throttle, "10.0.0.1", NOW + Duration::from_millis(100), 100), 1);
        assert_eq!(admitted(&mut throttle, "10.0.0.1", NOW + Duration::from_millis(1100), 100), 10);
        assert_eq!(admitted(&mut throttle, "10.0.0.1", NOW + Duration::from_secs(3600), 100), 20, "more than the burst is never saved up");
    }

    #[test]
    fn one_address_over_its_limit_takes_nothing_from_others() {
        let mut throttle = Throttle::new(10);
        assert_eq!(admitted(&mut throttle, "10.0.0.1", NOW, 1000), 20);
        // One in 4096 shares its bucket by chance; of 64 not even two do.
        let unharmed = (0..64).filter(|n| admitted(&mut throttle, &format!("10.1.0.{n}"), NOW, 1) == 1).count();
        assert!(unharmed >= 62, "{unharmed}");
    }

    #[test]
    fn an_ipv6_network_is_one_address_and_a_mapped_ipv4_address_is_itself() {
        let mut throttle = Throttle::new(1);
        assert_eq!(network(ip("2001:db8::1")), network(ip("2001:db8:0:0:ffff::2")));
        assert_ne!(network(ip("2001:db8::1")), network(ip("2001:db8:0:1::1")));
        assert_eq!(network(ip("::ffff:10.0.0.1")), network(ip("10.0.0.1")));
        let from_one_network = (0..100).filter(|n| throttle.admit(ip(&format!("2001:db8::{n:x}")), NOW)).count();
        assert_eq!(from_one_network, 2);
    }

    #[test]
    fn a_flood_from_many_addresses_keeps_memory_flat_and_leaves_room_for_others() {
        let mut throttle = Throttle::new(100);
        let flood = (0..100_000_u32).filter(|n| throttle.admit(IpAddr::from(n.to_be_bytes()), NOW)).count();
        assert_eq!((flood, throttle.full_at.len()), (100_000, BUCKETS), "about 24 in each bucket of 200");
        assert!(throttle.admit(ip("10.0.0.1"), NOW));
    }
}
