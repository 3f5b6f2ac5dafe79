//! What waits to be sent to one server. `send` copies into it on the caller's thread; whoever writes takes everything at once.
//!
//! At each moment nobody, the link's task or one caller is busy writing. Who puts something into an idle outbox either writes it right there
//! (`Commons::may_write`) or wakes the task; whoever writes goes on until nothing waits. So many messages cost one wake-up, and a single one
//! can do without.

use super::commons::{Apart, Commons};
use super::lanes::{self, Lanes};
use super::session::Tally;
use super::writer::{Progress, Writer};
use crate::buffer::Buffer;
use crate::message::{Delivery, SendMode};
use crate::transport::channel::SendHalf;
use crate::wire::control::{Control, Goodbye};
use crate::wire::frame::MAX_BODY_BYTES;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::Notify;

/// The largest message that a caller writes itself: sealing and copying more than one TLS record takes longer than waking a thread.
const MAX_OWN_WRITE: usize = 16 * 1024;

/// Bounded by `limits.outbox_bytes` (a message larger than that is taken when nothing else waits).
#[derive(Debug)]
pub(crate) struct Outbox {
    state: Apart<Mutex<State>>,
    /// The writing half of the started link. Locked by the link's task, and by a caller that found the outbox idle and writes itself.
    writer: Apart<Mutex<Option<Writer>>>,
    work: Notify,
    limit: usize,
    commons: Arc<Commons>,
}

#[derive(Debug, Default)]
struct State {
    open: bool,
    /// How many links this outbox has served.
    links: u64,
    /// Messages taken, over all of them.
    sent: u64,
    lanes: Lanes,
    /// Bytes of large messages that callers are cutting into fragments at this moment.
    reserved: usize,
    /// Bytes that have been taken and not yet handed to the operating system.
    in_flight: usize,
    /// Control frames keep only their newest value, so a peer that asks without reading cannot grow this.
    ping: Option<u64>,
    pong: Option<u64>,
    ack: Option<Tally>,
    /// About datagrams.
    told: Option<Control>,
    goodbye: Option<Goodbye>,
    /// The link closes its sending half when nothing else waits.
    hang_up: bool,
    /// Reliable messages accepted since the link started.
    reliable: Tally,
    /// A caller was told `QueueFull` and waits for `Writable`.
    refused: bool,
    /// Nobody is writing.
    idle: bool,
}

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PushError {
    Closed,
    Full { queued: usize, limit: usize },
}

/// What comes behind the frames that were taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Come again.
    Frames,
    /// Say goodbye: no message follows, at most an acknowledgement.
    Goodbye(Goodbye),
    /// Close the sending half.
    HangUp,
}

/// What became of a message that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    Queued,
    /// Unreliable, and the link is busy: dropped, which is what unreliable means.
    Dropped,
}

impl Outbox {
    pub(crate) fn new(limit: usize, commons: Arc<Commons>) -> Self {
        Self { state: Apart::default(), writer: Apart::default(), work: Notify::new(), limit, commons }
    }

    /// Copies the payload in. The caller has checked its size against `max_message_bytes`.
    pub(crate) fn push(&self, tag: u16, delivery: Delivery, payload: &[u8]) -> Result<Pushed, PushError> {
        let mut state = self.state.0.lock();
        if !state.open {
            return Err(PushError::Closed);
        }
        let queued = state.queued();
        let framed = lanes::framed_bytes(payload.len());
        match delivery.mode {
            SendMode::Unreliable if queued > 0 && queued + framed > self.limit / 2 => return Ok(Pushed::Dropped),
            SendMode::Reliable if queued > 0 && queued + framed > self.limit => {
                state.refused = true;
                return Err(PushError::Full { queued, limit: self.limit });
            }
            SendMode::Reliable | SendMode::Unreliable => {}
        }
        if payload.len() <= MAX_BODY_BYTES {
            state.lanes.push(&self.commons.pool, tag, delivery, payload);
        } else {
            state.reserved += framed;
            let link = state.links;
            drop(state);
            // Other senders do not wait while a large message is copied.
            let fragments = lanes::fragments(&self.commons.pool, tag, delivery, payload);
            state = self.state.0.lock();
            if !state.open || state.links != link {
                return Err(PushError::Closed);
            }
            state.reserved -= framed;
            state.lanes.push_fragments(delivery.lane, fragments);
        }
        state.sent += 1;
        if delivery.mode == SendMode::Reliable {
            state.reliable.add(1, payload.len() as u64);
        }
        if std::mem::take(&mut state.idle) {
            drop(state);
            if !(payload.len() <= MAX_OWN_WRITE && self.commons.may_write() && self.write_here()) {
                self.work.notify_one();
            }
        }
        Ok(Pushed::Queued)
    }

    pub(crate) fn ping(&self, stamp: u64) {
        self.control(|state| state.ping = Some(stamp));
    }

    pub(crate) fn pong(&self, stamp: u64) {
        self.control(|state| state.pong = Some(stamp));
    }

    pub(crate) fn ack(&self, received: Tally) {
        self.control(|state| state.ack = Some(received));
    }

    /// Something about datagrams.
    pub(super) fn tell(&self, control: Control) {
        self.control(|state| state.told = Some(control));
    }

    fn control(&self, set: impl FnOnce(&mut State)) {
        let mut state = self.state.0.lock();
        set(&mut state);
        if std::mem::take(&mut state.idle) {
            drop(state);
            self.work.notify_one();
        }
    }

    /// Writes what waits, which is what the caller has put there. False: the link's task must go on.
    fn write_here(&self) -> bool {
        // Locked only when a link ends at this very moment; then the task is the one to know.
        let Some(mut locked) = self.writer.0.try_lock() else { return false };
        let Some(writer) = locked.as_mut() else { return false };
        for _ in 0..2 {
            match writer.advance(self) {
                Ok(Progress::More(_)) => {}
                Ok(Progress::Idle) => return !writer.has_writable(),
                Ok(Progress::Blocked | Progress::HungUp) => return false,
                Err(error) => {
                    writer.fail(error);
                    return false;
                }
            }
        }
        false
    }

    /// A link has started that writes here: messages are taken from now on, none are left over from an earlier link.
    pub(crate) fn open(&self) {
        let mut state = self.state.0.lock();
        *state = State { open: true, links: state.links + 1, sent: state.sent, ..State::default() };
    }

    /// The socket of the link that has started.
    pub(super) fn attach(&self, writer: Writer) {
        *self.writer.0.lock() = Some(writer);
    }

    /// No message is taken any more; what waits is dropped.
    pub(crate) fn close(&self) {
        let mut state = self.state.0.lock();
        state.open = false;
        state.lanes = Lanes::default();
        state.reserved = 0;
        drop(state);
        *self.writer.0.lock() = None;
    }

    /// No message is taken any more; what waits is sent, then the goodbye.
    pub(crate) fn finish(&self, goodbye: Goodbye) {
        self.control(|state| {
            state.open = false;
            state.goodbye = Some(goodbye);
        });
    }

    /// The peer has said goodbye: what waits is sent, then the sending half is closed.
    pub(super) fn hang_up(&self) {
        self.control(|state| state.hang_up = true);
    }

    /// One step of the task of the link that has this socket; `tell`: the game must know that there is room again. `None`: the link is gone.
    pub(super) fn advance(&self, socket: &Arc<SendHalf>, tell: impl FnOnce()) -> Option<std::io::Result<Progress>> {
        let mut locked = self.writer.0.lock();
        let writer = locked.as_mut().filter(|writer| writer.writes_to(socket))?;
        let progress = writer.advance(self);
        if writer.take_writable() {
            tell();
        }
        Some(progress)
    }

    /// Until there is something to do for the task.
    pub(super) async fn work(&self) {
        self.work.notified().await;
    }

    /// `written` bytes of what was taken before have been handed to the operating system. Takes what goes next: control frames into `control`,
    /// message frames into `frames`. `None`: nothing waits, and the outbox is idle. True: there is room again for a caller that was refused.
    ///
    /// One visit for all of it: the game's threads wait at this door.
    pub(super) fn take(&self, written: usize, control: &mut Vec<u8>, frames: &mut Vec<Buffer>) -> (Option<Next>, bool) {
        let mut state = self.state.0.lock();
        state.in_flight -= written.min(state.in_flight);
        let writable = state.refused && state.open && state.queued() <= self.limit / 2;
        state.refused &= !writable;
        (state.take(control, frames), writable)
    }

    /// Bytes that wait, headers included.
    pub(crate) fn queued_bytes(&self) -> usize {
        self.state.0.lock().queued()
    }

    /// Messages taken, over all links.
    pub(crate) fn sent(&self) -> u64 {
        self.state.0.lock().sent
    }

    /// Reliable messages accepted since the link started.
    pub(crate) fn reliable(&self) -> Tally {
        self.state.0.lock().reliable
    }
}

impl State {
    fn take(&mut self, control: &mut Vec<u8>, frames: &mut Vec<Buffer>) -> Option<Next> {
        let pong = self.pong.take().map(|stamp| Control::Pong { stamp });
        let ping = self.ping.take().map(|stamp| Control::Ping { stamp });
        let ack = self.ack.take().map(|received| Control::Ack { received: received.messages, bytes: received.bytes });
        let told = self.told.take();
        for message in [pong, ping, ack, told].into_iter().flatten() {
            message.append_to(control);
        }
        self.in_flight += self.lanes.take(frames);
        // The goodbye is the last word: everything that waits goes first.
        if self.lanes.is_empty()
            && let Some(goodbye) = self.goodbye.take()
        {
            return Some(Next::Goodbye(goodbye));
        }
        if !control.is_empty() || !frames.is_empty() {
            return Some(Next::Frames);
        }
        if self.hang_up && self.goodbye.is_none() {
            return Some(Next::HangUp);
        }
        self.idle = true;
        None
    }

    fn queued(&self) -> usize {
        self.lanes.bytes() + self.reserved + self.in_flight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox(limit: usize) -> Outbox {
        let (limits, runtime) = (crate::config::LimitsSection::default(), crate::config::RuntimeSection::default());
        Outbox::new(limit, Commons::new(&limits, &runtime))
    }

    const RELIABLE: Delivery = Delivery { mode: SendMode::Reliable, lane: crate::message::Lane::LOWEST };
    const UNRELIABLE: Delivery = Delivery { mode: SendMode::Unreliable, ..RELIABLE };

    fn take(outbox: &Outbox) -> (Vec<u8>, Option<Next>) {
        let (mut control, mut frames) = (Vec::new(), Vec::new());
        let (next, _) = outbox.take(0, &mut control, &mut frames);
        (frames.iter().flat_map(Buffer::bytes).copied().collect(), next)
    }

    #[test]
    fn a_full_outbox_refuses_reliable_messages_drops_unreliable_ones_and_asks_for_writable_once() {
        let outbox = outbox(100);
        outbox.open();
        assert_eq!(outbox.push(1, RELIABLE, &[0; 72]), Ok(Pushed::Queued));
        assert_eq!(outbox.push(1, RELIABLE, &[0; 13]), Err(PushError::Full { queued: 80, limit: 100 }));
        assert_eq!(outbox.push(1, UNRELIABLE, &[]), Ok(Pushed::Dropped));
        assert_eq!(outbox.reliable().messages, 1, "a refused message was not accepted");
        let (frames, _) = take(&outbox);
        assert_eq!(frames.len(), 80);
        let written = |bytes| outbox.take(bytes, &mut Vec::new(), &mut Vec::new()).1;
        assert!(!written(20), "60 of 100 still wait");
        assert!(written(10));
        assert!(!written(50), "told once");
    }

    #[test]
    fn a_message_larger_than_the_outbox_is_taken_when_nothing_else_waits() {
        let outbox = outbox(100);
        outbox.open();
        assert_eq!(outbox.push(1, RELIABLE, &[0; 1000]), Ok(Pushed::Queued));
        assert!(matches!(outbox.push(1, RELIABLE, &[]), Err(PushError::Full { .. })));
    }

    #[test]
    fn a_flood_of_pings_keeps_one_pong() {
        let outbox = outbox(100);
        outbox.open();
        for stamp in 0..1000 {
            outbox.pong(stamp);
        }
        let (mut control, mut frames) = (Vec::new(), Vec::new());
        assert_eq!(outbox.take(0, &mut control, &mut frames).0, Some(Next::Frames));
        let mut one = Vec::new();
        Control::Pong { stamp: 999 }.append_to(&mut one);
        assert_eq!(control, one);
    }

    #[test]
    fn finish_sends_what_waits_before_the_goodbye_and_takes_nothing_more() {
        let outbox = outbox(100);
        outbox.open();
        assert_eq!(outbox.push(7, RELIABLE, b"last"), Ok(Pushed::Queued));
        outbox.finish(Goodbye::Stopped);
        assert_eq!(outbox.push(7, RELIABLE, b"late"), Err(PushError::Closed));
        let (frames, next) = take(&outbox);
        assert!(frames.ends_with(b"last"));
        assert_eq!(next, Some(Next::Goodbye(Goodbye::Stopped)));
        assert_eq!(take(&outbox).1, None, "the peer may still have something to say");
        outbox.ack(Tally { messages: 7, bytes: 70 });
        outbox.hang_up();
        assert_eq!(take(&outbox).1, Some(Next::Frames), "the last acknowledgement goes first");
        assert_eq!(take(&outbox).1, Some(Next::HangUp));
    }

    #[test]
    fn a_new_link_starts_with_an_empty_outbox() {
        let outbox = outbox(100);
        assert_eq!(outbox.push(1, RELIABLE, b"early"), Err(PushError::Closed));
        outbox.open();
        assert_eq!(outbox.push(1, RELIABLE, b"old"), Ok(Pushed::Queued));
        outbox.close();
        outbox.open();
        assert_eq!(outbox.queued_bytes(), 0);
        assert_eq!(outbox.reliable(), Tally::default());
    }
}
