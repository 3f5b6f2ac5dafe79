//! Numbers for operators, at the moment they are asked for.

use super::rejections::Rejection;
use super::shared::Shared;
use crate::link::ConnectionState;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How this server is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Servers in view.
    pub servers: usize,
    /// Of those, connected (or interrupted).
    pub connected: usize,
    /// Over all servers in view now.
    pub messages_sent: u64,
    pub messages_received: u64,
    /// Unreliable messages dropped because a link was busy.
    pub messages_dropped: u64,
    /// Times a `send` was answered with `QueueFull`.
    pub sends_refused: u64,
    /// Bytes that wait in all outboxes.
    pub outbox_bytes: usize,
    /// Bytes of messages, headers included, that are not known to have arrived, those that wait included.
    pub unacknowledged_bytes: u64,
    /// Memory of messages received and not yet polled, and of large ones of which not everything is there yet.
    pub inbox_bytes: usize,
    /// Bytes of other events not yet polled.
    pub event_bytes: usize,
    /// Memory that lies ready for the next messages.
    pub recycled_bytes: usize,
    /// Most memory that messages and events can take by the limits, with as many links as now.
    pub ceiling_bytes: usize,
    /// How long the oldest event has waited for a poll.
    pub oldest_event_wait: Duration,
    /// Log lines dropped because nobody polled.
    pub logs_dropped: u64,
    /// Connections that did not become links, by reason, in the order of [`Rejection::ALL`].
    pub rejected: [u64; Rejection::ALL.len()],
    /// Of the messages dropped: because the stream was busy.
    pub dropped_link_busy: u64,
    /// Of the messages dropped: because too many waited for a datagram.
    pub dropped_datagram_queue: u64,
    /// Datagrams received that made no sense, dropped whole.
    pub dropped_malformed: u64,
    /// Messages that came by datagram while too much waited for a poll.
    pub dropped_inbox_full: u64,
    /// Of the messages received, those that came by datagram.
    pub received_by_datagram: u64,
    /// Requests made by this server since its start; one that is tried again elsewhere counts again.
    pub requests_sent: u64,
    /// Answers to them that came in time.
    pub requests_answered: u64,
    /// Those that failed.
    pub requests_failed: u64,
    /// Answers that came when nobody waited any more, dropped.
    pub replies_late: u64,
    /// Requests of other servers.
    pub requests_received: u64,
}

impl Stats {
    /// How many connections were rejected for this reason.
    pub fn rejected(&self, reason: Rejection) -> u64 {
        self.rejected[reason as usize]
    }
}

pub(super) fn collect(shared: &Shared) -> Stats {
    let mut stats = Stats {
        event_bytes: shared.queue.event_bytes(),
        oldest_event_wait: shared.queue.oldest_wait(),
        logs_dropped: shared.queue.dropped_logs(),
        rejected: shared.rejections.counts(),
        recycled_bytes: shared.commons.pool.idle_bytes(),
        ..Stats::default()
    };
    let tally = &shared.commons.requests.tally;
    let now = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    (stats.requests_sent, stats.requests_received) = (now(&tally.sent), now(&tally.received));
    (stats.requests_answered, stats.requests_failed, stats.replies_late) = (now(&tally.answered), now(&tally.failed), now(&tally.late));
    let mut holding = 0;
    for peer in shared.peers.read().values() {
        stats.servers += 1;
        let connected = matches!(peer.state(), ConnectionState::Connected | ConnectionState::Interrupted);
        stats.connected += usize::from(connected);
        // What came from a server that is gone waits for a poll like everything else.
        holding += usize::from(connected || peer.inbox.bytes() > 0);
        let datagrams = peer.datagrams.tally();
        stats.messages_sent += peer.outbox.sent() + datagrams.sent;
        stats.messages_received += peer.traffic.received.load(Ordering::Relaxed);
        stats.dropped_link_busy += peer.traffic.dropped.load(Ordering::Relaxed);
        stats.dropped_datagram_queue += datagrams.dropped;
        stats.dropped_malformed += peer.traffic.malformed.load(Ordering::Relaxed);
        stats.dropped_inbox_full += peer.traffic.inbox_full.load(Ordering::Relaxed);
        stats.received_by_datagram += peer.traffic.by_datagram.load(Ordering::Relaxed);
        stats.sends_refused += peer.traffic.refused.load(Ordering::Relaxed);
        stats.outbox_bytes += peer.outbox.queued_bytes() + datagrams.queued_bytes;
        stats.unacknowledged_bytes += peer.outbox.unacknowledged_bytes() as u64;
        stats.inbox_bytes += peer.inbox.bytes();
    }
    stats.messages_dropped = stats.dropped_link_busy + stats.dropped_datagram_queue;
    stats.ceiling_bytes = shared.commons.ceiling(holding) + shared.limits().event_queue_bytes;
    stats
}
