//! What all links of one server share: recycled memory, and how often the game's thread writes to a socket itself.

use super::datagrams::MOST_WAITING;
use super::lanes::BUFFER_BYTES;
use super::requests::{self, Requests};
use crate::buffer::Pool;
use crate::config::{LimitsSection, RuntimeSection};
use crate::event::Span;
use crate::message::Lane;
use crate::transport::datagrams::CONNECTION_BYTES;
use crate::wire::frame::HEADER_BYTES;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A send that finds its link idle writes to the socket itself, which saves the wake-up of an IO thread (about 10 µs) and costs the game's
/// thread about as much. It does so only if no other send of this server has found an idle link for this long: all but the first of a
/// burst or a broadcast are carried by the IO threads.
const QUIET_NS: u64 = 20_000;

/// The largest buffer of one round of reading or writing.
pub(super) const ROUND_BYTES: usize = 264 * 1024;

/// What a task of a link does before the other tasks of its thread have their turn, in bytes, and what a round costs beside its bytes.
const TURN_BYTES: usize = 256 * 1024;
const TURN_ROUND: usize = TURN_BYTES / 16;

/// Lists of spans are kept for the next batches, apart by how many fit in, so that a few small messages do not hold a long one. Which one a batch
/// gets follows from the bytes of its frames: up to these, and more. Lists that are longer than all of them (a flood of tiny messages) are not kept.
const FRAMES: [usize; 2] = [4096, 32 * 1024];
const SPANS: [usize; 3] = [FRAMES[0] / HEADER_BYTES, FRAMES[1] / HEADER_BYTES, 8192];
/// Most memory that kept lists hold: as many as a full inbox of small batches gives back at once.
const KEPT_SPANS_BYTES: usize = 4 << 20;

/// Empty lists, and the memory they hold.
#[derive(Debug, Default)]
struct KeptSpans {
    lists: [Vec<Vec<Span>>; SPANS.len()],
    bytes: usize,
}

impl KeptSpans {
    fn bytes_of(spans: &Vec<Span>) -> usize {
        spans.capacity() * size_of::<Span>() + size_of::<Vec<Span>>()
    }

    /// Many bytes may be few messages: where no long list is left, a short one grows if it must, and comes back to where its length belongs.
    fn take(&mut self, bytes: usize) -> Vec<Span> {
        let longest = FRAMES.iter().position(|most| bytes <= *most).unwrap_or(FRAMES.len());
        let Some(spans) = self.lists[..=longest].iter_mut().rev().find_map(Vec::pop) else { return Vec::new() };
        self.bytes -= Self::bytes_of(&spans);
        spans
    }

    fn keep(&mut self, mut spans: Vec<Span>) {
        let bytes = Self::bytes_of(&spans);
        let Some(size) = SPANS.iter().position(|most| spans.capacity() <= *most) else { return };
        if self.bytes + bytes <= KEPT_SPANS_BYTES {
            spans.clear();
            self.bytes += bytes;
            self.lists[size].push(spans);
        }
    }
}

/// In cache lines of its own: what one core writes must not slow down another that has to do with something else.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Apart<T>(pub(super) T);

/// A round costs system calls and wake-ups whatever it carries. Where rounds of this many bytes follow each other within this time, the link is
/// faster than who fills it, and each round makes the next one smaller: so who fills it is let run first, if it waits for this core. A busy
/// machine is left alone otherwise: it may be long until the thread has its turn again.
const LITTLE_BYTES: std::ops::Range<usize> = 2 * 1024..64 * 1024;
const AT_ONCE: Duration = Duration::from_micros(100);

/// Keeps a busy link from holding up the others, and one direction the other: an urgent answer waits behind one turn, not behind a transfer.
#[derive(Debug, Default)]
pub(super) struct Turn {
    used: usize,
    /// When the last round ended that carried little.
    little: Option<Instant>,
}

impl Turn {
    /// One more round is done; gives way if it is time.
    pub(super) async fn round(&mut self, bytes: usize) {
        if LITTLE_BYTES.contains(&bytes) {
            if self.little.is_some_and(|since| since.elapsed() < AT_ONCE) {
                std::thread::yield_now();
            }
            self.little = Some(Instant::now());
        }
        self.used += bytes + TURN_ROUND;
        if self.used >= TURN_BYTES {
            self.used = 0;
            tokio::task::yield_now().await;
        }
    }
}

#[derive(Debug)]
pub(crate) struct Commons {
    pub(crate) pool: Pool,
    pub(crate) requests: Requests,
    /// A frame that tells this server's properties, for links that start.
    pub(crate) properties: Mutex<Arc<[u8]>>,
    spans: Mutex<KeptSpans>,
    epoch: Instant,
    own_writes: bool,
    most_recycled: usize,
    most_for_a_link: AtomicUsize,
    last_start: AtomicU64,
}

/// Most memory that one link can hold, with everything full.
fn most_for_a_link(limits: &LimitsSection, runtime: &RuntimeSection) -> usize {
    // A message that is larger than the outbox is taken while half of it is free. Buffers are at least half full, but for one on each lane.
    let filled = limits.outbox_bytes.max(limits.outbox_bytes / 2 + limits.max_message_bytes);
    let outbox = 2 * filled + Lane::COUNT * BUFFER_BYTES;
    // Reading stops when the inbox is over its limit, by one read with what lists its messages. That may complete a large one on each lane,
    // and begin the next.
    let spans = 2 * ROUND_BYTES / HEADER_BYTES * size_of::<Span>();
    let inbox = limits.inbox_bytes + ROUND_BYTES + spans + 2 * Lane::COUNT * Pool::size_for(limits.max_message_bytes);
    // What waits for a datagram, and what the connection holds of them in both directions.
    let datagrams = if runtime.datagrams { MOST_WAITING + 2 * CONNECTION_BYTES } else { 0 };
    let requests = limits.requests_per_link * requests::BYTES_EACH;
    // What is sealed, what was read and what was opened of it.
    outbox + inbox + datagrams + requests + 3 * ROUND_BYTES
}

impl Commons {
    pub(crate) fn new(limits: &LimitsSection, runtime: &RuntimeSection) -> Arc<Self> {
        // What a link at full speed has in use at one moment it may not have at the next.
        let most_recycled = limits.outbox_bytes.max(limits.inbox_bytes) + 4 * ROUND_BYTES;
        Arc::new(Self {
            pool: Pool::new(most_recycled),
            requests: Requests::new(),
            properties: Mutex::new(Arc::default()),
            most_recycled,
            most_for_a_link: AtomicUsize::new(most_for_a_link(limits, runtime)),
            spans: Default::default(),
            epoch: Instant::now(),
            own_writes: runtime.send_writes,
            last_start: AtomicU64::new(0),
        })
    }

    /// Most memory that this many links can hold.
    pub(crate) fn ceiling(&self, links: usize) -> usize {
        self.most_recycled + KEPT_SPANS_BYTES + links * self.most_for_a_link.load(Ordering::Relaxed)
    }

    /// Links to come are bounded by these. Those that stand keep theirs, so the higher ceiling of the two holds.
    pub(crate) fn renew(&self, limits: &LimitsSection, runtime: &RuntimeSection) {
        self.most_for_a_link.fetch_max(most_for_a_link(limits, runtime), Ordering::Relaxed);
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

    /// An empty list for the spans of so many bytes of frames.
    pub(super) fn spans(&self, bytes: usize) -> Vec<Span> {
        self.spans.lock().take(bytes)
    }

    pub(crate) fn recycle(&self, spans: Vec<Span>) {
        self.spans.lock().keep(spans);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_a_full_inbox_of_small_batches_are_taken_again() {
        let mut kept = KeptSpans::default();
        for _ in 0..1000 {
            kept.keep(Vec::with_capacity(100));
        }
        for bytes in [300, 6000, 100_000].into_iter().cycle().take(1000) {
            assert_eq!(kept.take(bytes).capacity(), 100);
        }
        assert_eq!((kept.bytes, kept.take(300).capacity()), (0, 0));
    }

    #[test]
    fn a_few_small_messages_do_not_hold_a_long_list() {
        let mut kept = KeptSpans::default();
        kept.keep(Vec::with_capacity(5000));
        assert_eq!(kept.take(300).capacity(), 0);
        assert_eq!(kept.take(100_000).capacity(), 5000);
    }

    #[test]
    fn kept_lists_hold_no_more_than_was_said() {
        let mut kept = KeptSpans::default();
        for _ in 0..100 {
            kept.keep(Vec::with_capacity(SPANS[2]));
            kept.keep(Vec::with_capacity(SPANS[2] + 1));
        }
        assert!(kept.bytes <= KEPT_SPANS_BYTES && kept.lists.iter().flatten().all(|spans| spans.capacity() <= SPANS[2]));
    }
}
