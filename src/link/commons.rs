//! What all links of one server share: recycled memory, and how often the game's thread writes to a socket itself.

use super::datagrams::MOST_WAITING;
use super::lanes::BUFFER_BYTES;
use crate::buffer::Pool;
use crate::config::{LimitsSection, RuntimeSection};
use crate::event::Span;
use crate::message::Lane;
use crate::transport::datagrams::CONNECTION_BYTES;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// A send that finds its link idle writes to the socket itself, which saves the wake-up of an IO thread (about 10 µs) and costs the game's
/// thread about as much. It does so only if no other send of this server has found an idle link for this long: all but the first of a
/// burst or a broadcast are carried by the IO threads.
const QUIET_NS: u64 = 20_000;

/// The largest buffer of one round of reading or writing.
const ROUND_BYTES: usize = 264 * 1024;

/// Lists of spans that are kept for the next batches.
const KEEP_SPANS: usize = 32;

#[derive(Debug)]
pub(crate) struct Commons {
    pub(crate) pool: Pool,
    spans: Mutex<Vec<Vec<Span>>>,
    epoch: Instant,
    own_writes: bool,
    most_recycled: usize,
    most_for_a_link: usize,
    last_start: AtomicU64,
}

/// Most memory that one link can hold, with everything full.
fn most_for_a_link(limits: &LimitsSection, runtime: &RuntimeSection) -> usize {
    // A message that is larger than the outbox is taken when nothing else waits. Buffers are at least half full, but for one on each lane.
    let outbox = 2 * limits.outbox_bytes.max(limits.max_message_bytes) + Lane::COUNT * BUFFER_BYTES;
    // Reading stops when the inbox is over its limit, by one read, or by one large message. Others may be half there.
    let inbox = limits.inbox_bytes + (1 + Lane::COUNT) * limits.max_message_bytes;
    // What waits for a datagram, and what the connection holds of them in both directions.
    let datagrams = if runtime.datagrams { MOST_WAITING + 2 * CONNECTION_BYTES } else { 0 };
    // What is sealed, what was read and what was opened of it.
    outbox + inbox + datagrams + 3 * ROUND_BYTES
}

impl Commons {
    pub(crate) fn new(limits: &LimitsSection, runtime: &RuntimeSection) -> Arc<Self> {
        // What a link at full speed has in use at one moment it may not have at the next.
        let most_recycled = limits.outbox_bytes.max(limits.inbox_bytes) + 4 * ROUND_BYTES;
        Arc::new(Self {
            pool: Pool::new(most_recycled),
            most_recycled,
            most_for_a_link: most_for_a_link(limits, runtime),
            spans: Mutex::default(),
            epoch: Instant::now(),
            own_writes: runtime.send_writes,
            last_start: AtomicU64::new(0),
        })
    }

    /// Most memory that this many links can hold.
    pub(crate) fn ceiling(&self, links: usize) -> usize {
        self.most_recycled + links * self.most_for_a_link
    }

    /// Whether the calling thread should write what it has just put into an idle link's outbox.
    pub(super) fn may_write(&self) -> bool {
        if !self.own_writes {
            return false;
        }
        let now = self.epoch.elapsed().as_nanos() as u64;
        let last = self.last_start.swap(now, Ordering::Relaxed);
        now - last.min(now) >= QUIET_NS
    }

    /// An empty list of spans.
    pub(super) fn spans(&self) -> Vec<Span> {
        self.spans.lock().pop().unwrap_or_default()
    }

    pub(crate) fn recycle(&self, mut spans: Vec<Span>) {
        let mut kept = self.spans.lock();
        if kept.len() < KEEP_SPANS {
            spans.clear();
            kept.push(spans);
        }
    }
}
