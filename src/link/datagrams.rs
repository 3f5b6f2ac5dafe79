//! Unreliable messages beside the stream: packed into datagrams once both ends have tied a QUIC connection to their stream.
//!
//! The side that dialled the stream dials the datagrams too, when one of the two first has an unreliable message to send. Until that has
//! worked, and whenever it has not, the stream carries everything.

use super::commons::{Apart, Commons};
use super::lanes::Parcel;
use super::peer::Peer;
use super::requests;
use crate::buffer::Buffer;
use crate::event::{Batch, EventQueue, Span};
use crate::message::{Role, SendMode};
use crate::transport::datagrams::{Binding, Connection, Datagrams, Sink};
use crate::wire::control::Control;
use crate::wire::frame::{self, HEADER_BYTES, Header};
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// Most bytes that wait for one link; the newest message is dropped beyond it.
pub(super) const MOST_WAITING: usize = 1024 * 1024;

/// How long the stream carries everything after a failure, and after how many failures in a row it does so until the link ends.
const PAUSE: Duration = Duration::from_secs(10);
const FAILURES: u32 = 3;
/// How long the other side may take to find the connection it was told of.
const BOUND_WITHIN: Duration = Duration::from_secs(10);

const OFF: u8 = 0;
const UNUSED: u8 = 1;
const ASKED: u8 = 2;
const BOUND: u8 = 3;

/// What waits to be sent by datagram to one server.
///
/// As with the stream's outbox, nobody, the link's task or one caller is writing at each moment.
#[derive(Debug)]
pub(crate) struct DatagramOutbox {
    phase: AtomicU8,
    state: Apart<Mutex<State>>,
    /// What has been taken, and found no room in the connection yet. Locked by whoever writes.
    writing: Apart<Mutex<VecDeque<Bytes>>>,
    work: Notify,
    wanted: Notify,
    commons: Arc<Commons>,
}

#[derive(Debug, Default)]
struct State {
    connection: Option<Arc<Connection>>,
    /// Bytes that fit in one datagram, as of the last step of writing.
    largest: usize,
    filling: Option<Buffer>,
    full: VecDeque<Bytes>,
    tally: DatagramTally,
    /// Nobody is writing.
    idle: bool,
}

/// What became of the messages that were to go by datagram, over all links.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct DatagramTally {
    pub(crate) sent: u64,
    /// Because too much waited.
    pub(crate) dropped: u64,
    /// Of all that waits, taken or not.
    pub(crate) queued_bytes: usize,
}

/// What a step of writing came to.
enum Written {
    Idle,
    /// The connection takes no more for now, or somebody else is using it.
    Blocked,
}

impl DatagramOutbox {
    pub(super) fn new(commons: Arc<Commons>) -> Self {
        Self {
            phase: AtomicU8::new(OFF),
            state: Apart::default(),
            writing: Apart::default(),
            work: Notify::new(),
            wanted: Notify::new(),
            commons,
        }
    }

    /// Copies the payload in (or drops the message, when too much waits), if datagrams are in use and it fits in one. False: it has not, and
    /// the stream must carry it; datagrams are asked for.
    pub(super) fn push(&self, parcel: &Parcel<'_>) -> bool {
        match self.phase.load(Ordering::Acquire) {
            BOUND => {}
            UNUSED => {
                self.phase.store(ASKED, Ordering::Release);
                self.wanted.notify_one();
                return false;
            }
            _ => return false,
        }
        let frame = HEADER_BYTES + parcel.len();
        let mut state = self.state.0.lock();
        let largest = state.largest;
        if frame > largest {
            return false;
        }
        if state.tally.queued_bytes + frame > MOST_WAITING {
            state.tally.dropped += 1;
            return true;
        }
        if state.filling.as_ref().is_none_or(|filling| filling.bytes().len() + frame > largest.min(filling.size())) {
            state.seal();
            let room = if state.idle { frame } else { largest };
            state.filling = Some(self.commons.pool.take(room));
        }
        if let Some(filling) = &mut state.filling {
            filling.append(&Header::Message { len: parcel.len(), label: parcel.label }.to_bytes());
            filling.append(parcel.head);
            filling.append(parcel.payload);
        }
        state.tally.queued_bytes += frame;
        state.tally.sent += 1;
        if std::mem::take(&mut state.idle) {
            drop(state);
            let written = self.commons.may_write() && matches!(self.advance(Connection::try_send), Some(Written::Idle));
            if !written {
                self.work.notify_one();
            }
        }
        true
    }

    /// Sends what waits until nothing does, or the connection takes no more. `None`: somebody else is at it, or there is no connection.
    fn advance(&self, send: fn(&Connection, &mut VecDeque<Bytes>) -> bool) -> Option<Written> {
        let mut writing = self.writing.0.try_lock()?;
        let mut sent = 0;
        loop {
            let connection = {
                let mut state = self.state.0.lock();
                state.measure();
                // A connection that was lost meanwhile has forgotten them.
                state.tally.queued_bytes = state.tally.queued_bytes.saturating_sub(sent);
                state.seal();
                writing.append(&mut state.full);
                if writing.is_empty() {
                    state.idle = true;
                    return Some(Written::Idle);
                }
                state.connection.clone()?
            };
            let before: usize = writing.iter().map(Bytes::len).sum();
            let room = send(&connection, &mut writing);
            sent = before - writing.iter().map(Bytes::len).sum::<usize>();
            if !room {
                let mut state = self.state.0.lock();
                state.tally.queued_bytes = state.tally.queued_bytes.saturating_sub(sent);
                return Some(Written::Blocked);
            }
        }
    }

    async fn write(&self, connection: &Connection) -> Infallible {
        loop {
            match self.advance(Connection::send) {
                Some(Written::Blocked) => connection.room().await,
                // A caller that is writing leaves word when it does not finish.
                Some(Written::Idle) | None => self.work.notified().await,
            }
        }
    }

    /// A link has started on which datagrams may be used.
    fn open(&self) {
        self.phase.store(UNUSED, Ordering::Release);
    }

    fn bind(&self, connection: Arc<Connection>) {
        self.replace(Some(connection));
        self.phase.store(BOUND, Ordering::Release);
    }

    /// From now on the stream carries everything; what waits is lost.
    fn unbind(&self, phase: u8) {
        self.phase.store(phase, Ordering::Release);
        self.replace(None);
    }

    fn replace(&self, connection: Option<Arc<Connection>>) {
        let mut writing = self.writing.0.lock();
        let mut state = self.state.0.lock();
        let tally = DatagramTally { queued_bytes: 0, ..state.tally };
        let before = std::mem::replace(&mut *state, State { idle: connection.is_some(), connection, tally, ..State::default() });
        state.measure();
        writing.clear();
        drop((state, writing));
        // A connection closes as it is dropped: outside of the locks.
        drop(before);
    }

    pub(crate) fn close(&self) {
        self.unbind(OFF);
    }

    pub(crate) fn tally(&self) -> DatagramTally {
        self.state.0.lock().tally
    }
}

impl State {
    fn measure(&mut self) {
        self.largest = self.connection.as_ref().map_or(0, |connection| connection.max_size());
    }

    fn seal(&mut self) {
        self.full.extend(self.filling.take().map(Bytes::from_owner));
    }
}

/// What the other side says on the stream about datagrams.
#[derive(Debug)]
pub(super) enum Told {
    Wanted,
    Binding(Binding),
    Bound,
}

/// What a link needs for its datagrams.
#[derive(Debug, Clone)]
pub(crate) struct Way {
    pub(crate) datagrams: Datagrams,
    /// Where to dial; `None` on the side that was dialled.
    pub(crate) dial: Option<SocketAddr>,
}

/// Keeps a link's datagrams going until it is aborted.
pub(super) async fn keep(way: Way, peer: Arc<Peer>, queue: Arc<EventQueue>, gate: Gate, mut told: mpsc::Receiver<Told>) {
    peer.datagrams.open();
    let mut failures = 0;
    // Once one of the two has asked for datagrams they are dialled again after a failure, unasked.
    let mut wanted = false;
    while failures < FAILURES {
        let outcome = match way.dial {
            Some(to) => {
                if !std::mem::replace(&mut wanted, true) {
                    until_wanted(&peer, &mut told).await;
                }
                dialled(&way.datagrams, to, &peer, &queue, &gate, &mut told).await
            }
            None => accepted(&way.datagrams, &peer, &queue, &gate, &mut told).await,
        };
        let reason = match outcome {
            Ok(connection) => {
                failures = 0;
                peer.datagrams.bind(connection.clone());
                if way.dial.is_none() {
                    peer.outbox.tell(Control::DatagramsBound);
                }
                let reason = tokio::select! {
                    reason = connection.lost() => reason,
                    never = peer.datagrams.write(&connection) => match never {},
                };
                peer.datagrams.unbind(ASKED);
                reason
            }
            Err(reason) => {
                failures += 1;
                reason
            }
        };
        if failures <= 1 {
            let Peer { id, group, name, .. } = &*peer;
            tracing::warn!("no datagrams with server {id} ({group}/{name}): {reason}; unreliable messages go by the stream");
        }
        if way.dial.is_some() {
            tokio::time::sleep(PAUSE).await;
        } else {
            peer.datagrams.unbind(UNUSED);
        }
    }
    peer.datagrams.close();
}

async fn until_wanted(peer: &Peer, told: &mut mpsc::Receiver<Told>) {
    loop {
        tokio::select! {
            () = peer.datagrams.wanted.notified() => return,
            word = told.recv() => match word {
                Some(Told::Wanted) => return,
                Some(_) => {}
                None => std::future::pending().await,
            },
        }
    }
}

async fn dialled(
    datagrams: &Datagrams,
    to: SocketAddr,
    peer: &Arc<Peer>,
    queue: &Arc<EventQueue>,
    gate: &Gate,
    told: &mut mpsc::Receiver<Told>,
) -> Result<Arc<Connection>, String> {
    let connection = datagrams.dial(to, sink(peer, queue, gate)).await?;
    check(&connection, peer)?;
    gate.open();
    peer.outbox.tell(Control::Datagrams { binding: connection.binding() });
    let bound = async {
        while let Some(word) = told.recv().await {
            if matches!(word, Told::Bound) {
                return;
            }
        }
    };
    tokio::select! {
        outcome = tokio::time::timeout(BOUND_WITHIN, bound) => outcome.map_err(|_| "the other side did not bind them".to_string())?,
        reason = connection.lost() => return Err(reason),
    }
    Ok(Arc::new(connection))
}

async fn accepted(
    datagrams: &Datagrams,
    peer: &Arc<Peer>,
    queue: &Arc<EventQueue>,
    gate: &Gate,
    told: &mut mpsc::Receiver<Told>,
) -> Result<Arc<Connection>, String> {
    loop {
        let binding = tokio::select! {
            () = peer.datagrams.wanted.notified() => {
                peer.outbox.tell(Control::DatagramsWanted);
                continue;
            }
            word = told.recv() => match word {
                Some(Told::Binding(binding)) => binding,
                Some(_) => continue,
                None => std::future::pending().await,
            },
        };
        let connection =
            datagrams.claim(binding, sink(peer, queue, gate)).await.ok_or("no connection has the keys that the stream told of")?;
        check(&connection, peer)?;
        gate.open();
        return Ok(Arc::new(connection));
    }
}

fn check(connection: &Connection, peer: &Peer) -> Result<(), String> {
    let proven = connection.peer();
    if (proven.group.as_str(), proven.name.as_str()) == (&*peer.group, &*peer.name) {
        return Ok(());
    }
    Err(format!("the certificate of {proven} answered"))
}

/// Shut again when the link ends: nothing is delivered behind its end.
#[derive(Debug, Clone, Default)]
pub(super) struct Gate(Arc<Mutex<bool>>);

impl Gate {
    fn open(&self) {
        *self.0.lock() = true;
    }

    pub(super) fn shut(&self) {
        *self.0.lock() = false;
    }
}

fn sink(peer: &Arc<Peer>, queue: &Arc<EventQueue>, gate: &Gate) -> Sink {
    let (peer, queue, gate) = (peer.clone(), queue.clone(), gate.clone());
    Box::new(move |datagrams| {
        let open = gate.0.lock();
        if *open {
            deliver(&peer, &queue, datagrams);
        }
    })
}

/// Hands the messages of one round to the queue as one batch.
fn deliver(peer: &Arc<Peer>, queue: &EventQueue, datagrams: &[Bytes]) {
    let bytes = datagrams.iter().map(Bytes::len).sum();
    let (mut memory, mut spans) = (peer.commons.pool.take(bytes), peer.commons.spans(bytes));
    let (mut malformed, mut messages) = (0, 0);
    for datagram in datagrams {
        let before = spans.len();
        match parse(datagram, memory.bytes().len(), &mut spans) {
            Some(()) => memory.append(datagram),
            None => {
                spans.truncate(before);
                malformed += 1;
            }
        }
    }
    let traffic = &peer.traffic;
    if malformed > 0 {
        traffic.malformed.fetch_add(malformed, Ordering::Relaxed);
    }
    if peer.inbox.is_full() {
        traffic.inbox_full.fetch_add(spans.len() as u64, Ordering::Relaxed);
        spans.clear();
    }
    if spans.iter().any(|span| span.label.role != Role::Message) && requests::sort(peer, &mut memory, &mut [], &mut spans).is_err() {
        // The stream would be closed for it; of datagrams, what came before the mistake counts.
        traffic.malformed.fetch_add(1, Ordering::Relaxed);
    }
    messages += spans.len() as u64;
    if spans.is_empty() {
        peer.commons.recycle(spans);
        return;
    }
    traffic.received.fetch_add(messages, Ordering::Relaxed);
    traffic.by_datagram.fetch_add(messages, Ordering::Relaxed);
    queue.push_messages(Batch::new(peer.clone(), memory, Vec::new(), spans));
}

/// Unreliable messages, one behind the other, and nothing else. `offset`: where the datagram will lie.
pub(super) fn parse(datagram: &[u8], offset: usize, spans: &mut Vec<Span>) -> Option<()> {
    let mut at = 0;
    while at < datagram.len() {
        let rest = &datagram[at..];
        // No message is longer than the datagram it is in.
        let Some(Ok(Header::Message { len, label })) = frame::peek(rest, datagram.len()) else { return None };
        if label.delivery.mode != SendMode::Unreliable || rest.len() < HEADER_BYTES + len {
            return None;
        }
        spans.push(Span { start: (offset + at + HEADER_BYTES) as u32, len: len as u32, label, large: 0 });
        at += HEADER_BYTES + len;
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Label, Lane};
    use proptest::prelude::*;

    fn frame(payload: &[u8], mode: SendMode) -> Vec<u8> {
        let header = Header::Message { len: payload.len(), label: Label::message(7, mode.on(Lane::HIGHEST)) };
        [&header.to_bytes()[..], payload].concat()
    }

    #[test]
    fn unreliable_messages_alone_are_legal() {
        let mut spans = Vec::new();
        let datagram = [frame(b"one", SendMode::Unreliable), frame(b"", SendMode::Unreliable)].concat();
        assert_eq!(parse(&datagram, 100, &mut spans), Some(()));
        assert_eq!(spans.iter().map(|span| (span.start, span.len)).collect::<Vec<_>>(), [(108, 3), (119, 0)]);
        assert_eq!(parse(&frame(b"one", SendMode::Reliable), 0, &mut spans), None);
        assert_eq!(parse(&datagram[..datagram.len() - 1], 0, &mut spans), None);
        assert_eq!(parse(&Header::Control { len: 0 }.to_bytes(), 0, &mut spans), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_messages_within_the_datagram_or_malformed(datagram: Vec<u8>) {
            let mut spans = Vec::new();
            if parse(&datagram, 0, &mut spans).is_some() {
                prop_assert!(spans.iter().all(|span| (span.start + span.len) as usize <= datagram.len()));
            }
        }
    }
}
