//! Which turned-away connections are worth a line in the log: one per address and reason, so that a port scanner cannot fill a disk.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// The same address and reason are logged again after this long.
const QUIET: Duration = Duration::from_secs(60);
/// Addresses and reasons remembered at once.
const CAPACITY: usize = 1024;

/// Remembers what was logged lately.
#[derive(Debug, Default)]
pub(super) struct Rejects {
    seen: HashMap<(IpAddr, &'static str), Seen>,
    /// Kept silent because too many different addresses came.
    uncounted: u64,
}

#[derive(Debug)]
struct Seen {
    logged: Duration,
    silent: u64,
}

impl Rejects {
    /// `Some(n)`: log it, and that `n` more were kept silent since the last line.
    pub(super) fn note(&mut self, address: IpAddr, reason: &'static str, now: Duration) -> Option<u64> {
        if self.seen.len() >= CAPACITY {
            self.seen.retain(|_, seen| now.saturating_sub(seen.logged) < QUIET);
        }
        let full = self.seen.len() >= CAPACITY;
        match self.seen.get_mut(&(address, reason)) {
            Some(seen) if now.saturating_sub(seen.logged) < QUIET => {
                seen.silent += 1;
                None
            }
            Some(seen) => {
                seen.logged = now;
                Some(std::mem::take(&mut seen.silent))
            }
            None if full => {
                self.uncounted += 1;
                None
            }
            None => {
                self.seen.insert((address, reason), Seen { logged: now, silent: 0 });
                Some(std::mem::take(&mut self.uncounted))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn one_line_per_address_and_reason_and_minute() {
        let mut rejects = Rejects::default();
        let [a, b] = [1, 2].map(|n| IpAddr::from([10, 0, 0, n]));
        let second = Duration::from_secs;
        assert_eq!(rejects.note(a, "not TLS", second(0)), Some(0));
        assert_eq!(rejects.note(a, "not TLS", second(1)), None);
        assert_eq!(rejects.note(a, "too long", second(1)), Some(0));
        assert_eq!(rejects.note(b, "not TLS", second(1)), Some(0));
        assert_eq!(rejects.note(a, "not TLS", second(59)), None);
        assert_eq!(rejects.note(a, "not TLS", second(60)), Some(2));
    }

    #[test]
    fn many_addresses_take_no_memory_and_are_counted() {
        let mut rejects = Rejects::default();
        let address = |n: usize| IpAddr::from(Ipv4Addr::from(n as u32));
        let lines = (0..5000).filter(|n| rejects.note(address(*n), "not TLS", Duration::ZERO).is_some()).count();
        assert_eq!((lines, rejects.seen.len()), (CAPACITY, CAPACITY));
        assert_eq!(rejects.note(address(9999), "not TLS", QUIET), Some(5000 - CAPACITY as u64));
        assert_eq!(rejects.seen.len(), 1);
    }
}
