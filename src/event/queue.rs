//! The one queue between the library's threads and the game's thread.

use super::{Batch, Event};
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// So many messages that came together are part of a stream.
const STREAM: usize = 64;

/// One thing in the queue.
#[derive(Debug)]
pub(crate) enum Item {
    Event { event: Event, since: Instant },
    Messages(Batch),
}

/// Bounded by the links' inboxes (messages) and `limits.event_queue_bytes` (everything else).
pub(crate) struct EventQueue {
    state: Mutex<State>,
    ready: Condvar,
    ready_async: Notify,
    room: Notify,
    limit: AtomicUsize,
    /// How long a poll that may wait looks again and again before it sleeps.
    spin: Duration,
    /// Something waits: what a spinning poll looks at, so that it does not take the lock from those who push.
    filled: AtomicBool,
    polling: AtomicBool,
    dropped_logs: AtomicU64,
}

#[derive(Default)]
struct State {
    items: VecDeque<Item>,
    event_bytes: usize,
    sleepers: usize,
    /// Among what was taken last were many messages at once.
    streams: bool,
    /// `Stopped` has been pushed: nothing follows.
    ended: bool,
    /// Nobody will poll again.
    abandoned: bool,
}

impl State {
    /// Nothing more comes out of the queue than what is in it.
    fn is_over(&self) -> bool {
        self.ended || self.abandoned
    }
}

impl EventQueue {
    pub(crate) fn new(limit: usize, spin: Duration) -> Self {
        Self {
            state: Mutex::default(),
            ready: Condvar::new(),
            ready_async: Notify::new(),
            room: Notify::new(),
            limit: AtomicUsize::new(limit),
            spin,
            filled: AtomicBool::new(false),
            polling: AtomicBool::new(false),
            dropped_logs: AtomicU64::new(0),
        }
    }

    fn limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    pub(crate) fn set_limit(&self, bytes: usize) {
        self.limit.store(bytes, Ordering::Relaxed);
        self.room.notify_one();
    }

    /// Never refused: the node waits for [`EventQueue::room`] before it does anything that makes events.
    pub(crate) fn push(&self, event: Event) {
        self.push_item(Item::Event { event, since: Instant::now() });
    }

    /// A log line is dropped, and counted, while the queue is over its limit.
    pub(crate) fn push_log(&self, event: Event) {
        if self.state.lock().event_bytes >= self.limit() {
            self.dropped_logs.fetch_add(1, Ordering::Relaxed);
        } else {
            self.push(event);
        }
    }

    pub(crate) fn push_messages(&self, batch: Batch) {
        self.push_item(Item::Messages(batch));
    }

    fn push_item(&self, item: Item) {
        let mut state = self.state.lock();
        if state.is_over() {
            return;
        }
        if let Item::Event { event, .. } = &item {
            state.event_bytes += event.cost();
            state.ended = matches!(event, Event::Stopped { .. });
        }
        state.items.push_back(item);
        self.filled.store(true, Ordering::Release);
        let sleeping = state.sleepers > 0;
        drop(state);
        if sleeping {
            self.ready.notify_one();
        }
        self.ready_async.notify_one();
    }

    /// Waits until events may be made again, which is at once unless the game has not polled for long.
    pub(crate) async fn room(&self) {
        loop {
            let freed = self.room.notified();
            if self.state.lock().event_bytes < self.limit() {
                return;
            }
            freed.await;
        }
    }

    /// Everything that waits now, or after at most `timeout` the first that comes. `None`: ended, nothing will ever come.
    pub(crate) fn take(&self, timeout: Duration, into: &mut VecDeque<Item>) -> Option<()> {
        self.spin(timeout);
        let deadline = (!timeout.is_zero()).then(|| Instant::now().checked_add(timeout)).flatten();
        let mut state = self.state.lock();
        if state.items.is_empty() && !timeout.is_zero() && std::mem::take(&mut state.streams) {
            // More is coming, perhaps from a thread that waits for this core: that is less than a sleep and a wake-up.
            MutexGuard::unlocked(&mut state, std::thread::yield_now);
        }
        while state.items.is_empty() && !state.is_over() && !timeout.is_zero() {
            state.sleepers += 1;
            let timed_out = match deadline {
                Some(deadline) => self.ready.wait_until(&mut state, deadline).timed_out(),
                // A timeout beyond what the clock can hold: wait for ever.
                None => {
                    self.ready.wait(&mut state);
                    false
                }
            };
            state.sleepers -= 1;
            if timed_out {
                break;
            }
        }
        self.drain(&mut state, into)
    }

    /// Sleeping and waking costs more than a short wait; whoever has a core to spare trades it for that.
    fn spin(&self, timeout: Duration) {
        let limit = self.spin.min(timeout);
        if limit.is_zero() {
            return;
        }
        let since = Instant::now();
        while !self.filled.load(Ordering::Acquire) && since.elapsed() < limit {
            std::hint::spin_loop();
        }
    }

    fn drain(&self, state: &mut State, into: &mut VecDeque<Item>) -> Option<()> {
        if state.items.is_empty() {
            return (!state.is_over()).then_some(());
        }
        let was_full = state.event_bytes >= self.limit();
        state.event_bytes = 0;
        state.streams = state.items.iter().any(|item| matches!(item, Item::Messages(batch) if batch.len() >= STREAM));
        self.filled.store(false, Ordering::Release);
        if into.is_empty() {
            std::mem::swap(&mut state.items, into);
        } else {
            into.append(&mut state.items);
        }
        if was_full {
            self.room.notify_one();
        }
        Some(())
    }

    /// What a poller did not use goes back to the front, in order.
    pub(crate) fn put_back(&self, mut unused: VecDeque<Item>) {
        let mut state = self.state.lock();
        self.filled.store(true, Ordering::Release);
        state.event_bytes += unused.iter().map(|item| if let Item::Event { event, .. } = item { event.cost() } else { 0 }).sum::<usize>();
        if state.items.is_empty() {
            std::mem::swap(&mut state.items, &mut unused);
        } else {
            while let Some(item) = unused.pop_back() {
                state.items.push_front(item);
            }
        }
    }

    /// The events that wait, taken by the only poller of this moment; `Err` while another thread has them.
    pub(crate) fn poll(self: &Arc<Self>, timeout: Duration) -> Result<Option<Events>, Occupied> {
        let mut events = self.claim()?;
        Ok(self.take(timeout, &mut events.items).map(|()| events))
    }

    /// The next event, for async code. `None` after `Stopped`.
    pub(crate) async fn next(self: &Arc<Self>) -> Result<Option<Event>, Occupied> {
        loop {
            let ready = self.ready_async.notified();
            match self.poll(Duration::ZERO)? {
                None => return Ok(None),
                Some(mut events) => {
                    if let Some(event) = events.next() {
                        return Ok(Some(event));
                    }
                }
            }
            ready.await;
        }
    }

    fn claim(self: &Arc<Self>) -> Result<Events, Occupied> {
        if self.polling.swap(true, Ordering::Acquire) {
            return Err(Occupied);
        }
        Ok(Events { queue: self.clone(), items: VecDeque::new() })
    }

    /// Nobody will poll again: what waits and what comes is dropped, nothing waits for room, and who waits for events is told that it is over.
    pub(crate) fn abandon(&self) {
        let unread = {
            let mut state = self.state.lock();
            state.abandoned = true;
            state.event_bytes = 0;
            // Ends a poll that spins.
            self.filled.store(true, Ordering::Release);
            std::mem::take(&mut state.items)
        };
        drop(unread);
        self.ready.notify_all();
        self.room.notify_one();
    }

    /// How long the oldest waiting item has waited.
    pub(crate) fn oldest_wait(&self) -> Duration {
        match self.state.lock().items.front() {
            Some(Item::Event { since, .. } | Item::Messages(Batch { since, .. })) => since.elapsed(),
            None => Duration::ZERO,
        }
    }

    /// Bytes of events other than messages that wait.
    pub(crate) fn event_bytes(&self) -> usize {
        self.state.lock().event_bytes
    }

    pub(crate) fn dropped_logs(&self) -> u64 {
        self.dropped_logs.load(Ordering::Relaxed)
    }
}

/// Another thread is polling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Occupied;

/// What one `poll` brought: an iterator over events.
///
/// What is not taken from it goes back to the queue when it is dropped; nothing is lost by a `break`. While it lives, a further `poll` answers `Busy`.
pub struct Events {
    queue: Arc<EventQueue>,
    items: VecDeque<Item>,
}

impl Events {
    /// Nothing happened.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        loop {
            if let Item::Messages(batch) = self.items.front_mut()? {
                let event = batch.next_event();
                // At once: what is empty must not be put back.
                if batch.is_used_up() {
                    self.items.pop_front();
                }
                if event.is_some() {
                    return event;
                }
            } else if let Some(Item::Event { event, .. }) = self.items.pop_front() {
                event.given();
                return Some(event);
            }
        }
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        if !self.items.is_empty() {
            self.queue.put_back(std::mem::take(&mut self.items));
        }
        self.queue.polling.store(false, Ordering::Release);
    }
}
