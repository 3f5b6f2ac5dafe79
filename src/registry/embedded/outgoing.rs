//! What waits to be written to one member: bounded in bytes, taken in batches.

use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::VecDeque;
use tokio::sync::Notify;

/// With more bytes than this waiting, a member is too slow.
const LIMIT_BYTES: usize = 8 << 20;
/// One write takes about this many bytes, so that its deadline means something.
const BATCH_BYTES: usize = 256 * 1024;

/// The queue between the directory and one connection's writer. Shared by both.
#[derive(Debug, Default)]
pub(super) struct Outgoing {
    state: Mutex<State>,
    changed: Notify,
    abandoned: Notify,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Bytes>,
    bytes: usize,
    closed: bool,
}

impl Outgoing {
    /// `false`: this member reads too slowly, the queue is full and the frame is not on it. It is to be dropped; it comes back for a
    /// snapshot. After a close frames are dropped silently.
    pub(super) fn push(&self, frame: Bytes) -> bool {
        let mut state = self.state.lock();
        if state.bytes > LIMIT_BYTES {
            return false;
        }
        if state.closed {
            return true;
        }
        state.bytes += frame.len();
        state.frames.push_back(frame);
        drop(state);
        self.changed.notify_one();
        true
    }

    /// What is on the queue is still written, nothing more is taken.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.changed.notify_one();
    }

    /// Nothing of what waits is wanted any more.
    pub(super) fn abandon(&self) {
        *self.state.lock() = State { closed: true, ..State::default() };
        self.abandoned.notify_one();
    }

    /// Resolves once after [`Outgoing::abandon`].
    pub(super) async fn abandoned(&self) {
        self.abandoned.notified().await;
    }

    /// The next bytes to write, into `batch`; `false` once closed and empty. For one caller.
    pub(super) async fn next(&self, batch: &mut Vec<u8>) -> bool {
        batch.clear();
        loop {
            {
                let mut state = self.state.lock();
                while batch.len() < BATCH_BYTES
                    && let Some(frame) = state.frames.pop_front()
                {
                    state.bytes -= frame.len();
                    batch.extend_from_slice(&frame);
                }
                if !batch.is_empty() || state.closed {
                    return !batch.is_empty();
                }
            }
            self.changed.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_come_out_in_order_and_in_batches() {
        let outgoing = Outgoing::default();
        for frame in [Bytes::from_static(b"ab"), Bytes::from_static(b"c"), Bytes::from(vec![b'd'; BATCH_BYTES]), Bytes::from_static(b"e")] {
            assert!(outgoing.push(frame));
        }
        outgoing.close();
        assert!(outgoing.push(Bytes::from_static(b"too late")));
        let mut batch = Vec::new();
        assert!(outgoing.next(&mut batch).await);
        assert!(batch.starts_with(b"abcd") && batch.len() == BATCH_BYTES + 3);
        assert!(outgoing.next(&mut batch).await);
        assert_eq!(batch, b"e");
        assert!(!outgoing.next(&mut batch).await);
    }

    #[test]
    fn a_full_queue_refuses_and_memory_stays_bounded() {
        let outgoing = Outgoing::default();
        let frame = Bytes::from(vec![0; 1 << 20]);
        let taken = (0..100).take_while(|_| outgoing.push(frame.clone())).count();
        assert_eq!(taken, 9);
        assert_eq!(outgoing.state.lock().bytes, 9 << 20);
        outgoing.abandon();
        assert_eq!(outgoing.state.lock().frames.len(), 0);
    }
}
