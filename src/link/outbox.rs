//! What waits to be sent to one server. `send` copies into it on the caller's thread; the link takes everything at once.

use crate::message::SendMode;
use crate::wire::control::{Control, Goodbye};
use crate::wire::frame::{HEADER_BYTES, Header};
use parking_lot::Mutex;
use tokio::sync::Notify;

/// Bounded by `limits.outbox_bytes` (a message larger than that is taken when nothing else waits).
#[derive(Debug)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    work: Notify,
    limit: usize,
}

#[derive(Debug, Default)]
struct State {
    open: bool,
    /// Whole message frames, in order.
    frames: Vec<u8>,
    /// Bytes the link has taken and not yet handed to the operating system.
    in_flight: usize,
    /// Control frames keep only their newest value, so a peer that asks without reading cannot grow this.
    ping: Option<u64>,
    pong: Option<u64>,
    ack: Option<u64>,
    goodbye: Option<Goodbye>,
    /// The link closes its sending half when nothing else waits.
    hang_up: bool,
    /// Reliable messages accepted since the link started.
    reliable: u64,
    /// A caller was told `QueueFull` and waits for `Writable`.
    refused: bool,
    /// The link waits for work.
    idle: bool,
}

/// Why a message was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PushError {
    Closed,
    Full { queued: usize, limit: usize },
}

/// What the link does behind the frames it has taken.
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
    pub(crate) fn new(limit: usize) -> Self {
        Self { state: Mutex::default(), work: Notify::new(), limit }
    }

    /// Copies the payload in. The caller has checked its size against `max_message_bytes`.
    pub(crate) fn push(&self, tag: u16, mode: SendMode, payload: &[u8]) -> Result<Pushed, PushError> {
        let mut state = self.state.lock();
        if !state.open {
            return Err(PushError::Closed);
        }
        let queued = state.frames.len() + state.in_flight;
        let frame = HEADER_BYTES + payload.len();
        match mode {
            SendMode::Unreliable if queued > 0 && queued + frame > self.limit / 2 => return Ok(Pushed::Dropped),
            SendMode::Reliable if queued > 0 && queued + frame > self.limit => {
                state.refused = true;
                return Err(PushError::Full { queued, limit: self.limit });
            }
            SendMode::Reliable => state.reliable += 1,
            SendMode::Unreliable => {}
        }
        state.frames.reserve(frame);
        state.frames.extend_from_slice(&Header::Message { len: payload.len(), tag, mode }.to_bytes());
        state.frames.extend_from_slice(payload);
        self.wake(state);
        Ok(Pushed::Queued)
    }

    pub(crate) fn ping(&self, stamp: u64) {
        self.control(|state| state.ping = Some(stamp));
    }

    pub(crate) fn pong(&self, stamp: u64) {
        self.control(|state| state.pong = Some(stamp));
    }

    pub(crate) fn ack(&self, received: u64) {
        self.control(|state| state.ack = Some(received));
    }

    fn control(&self, set: impl FnOnce(&mut State)) {
        let mut state = self.state.lock();
        set(&mut state);
        self.wake(state);
    }

    /// One wake-up for however many messages gather until the link comes to take them.
    fn wake(&self, mut state: parking_lot::MutexGuard<'_, State>) {
        let idle = std::mem::take(&mut state.idle);
        drop(state);
        if idle {
            self.work.notify_one();
        }
    }

    /// Messages are taken from now on, none are left over from an earlier link.
    pub(crate) fn open(&self) {
        *self.state.lock() = State { open: true, ..State::default() };
    }

    /// No message is taken any more; what waits is dropped.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        state.open = false;
        state.frames = Vec::new();
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

    /// Waits for work, then takes all of it: control frames into `control`, message frames (swapped, not copied) into `frames`.
    pub(super) async fn take(&self, control: &mut Vec<u8>, frames: &mut Vec<u8>) -> Next {
        loop {
            let work = self.work.notified();
            if let Some(next) = self.try_take(control, frames) {
                return next;
            }
            work.await;
        }
    }

    fn try_take(&self, control: &mut Vec<u8>, frames: &mut Vec<u8>) -> Option<Next> {
        control.clear();
        frames.clear();
        let mut state = self.state.lock();
        let pong = state.pong.take().map(|stamp| Control::Pong { stamp });
        let ping = state.ping.take().map(|stamp| Control::Ping { stamp });
        let ack = state.ack.take().map(|received| Control::Ack { received });
        for message in [pong, ping, ack].into_iter().flatten() {
            message.append_to(control);
        }
        std::mem::swap(&mut state.frames, frames);
        state.in_flight += frames.len();
        match state.goodbye.take() {
            Some(goodbye) => Some(Next::Goodbye(goodbye)),
            None if !control.is_empty() || !frames.is_empty() => Some(Next::Frames),
            None if state.hang_up => Some(Next::HangUp),
            None => {
                state.idle = true;
                None
            }
        }
    }

    /// `bytes` of what was taken have been handed to the operating system. True: tell the game that it may send again.
    pub(super) fn written(&self, bytes: usize) -> bool {
        let mut state = self.state.lock();
        state.in_flight -= bytes.min(state.in_flight);
        let queued = state.frames.len() + state.in_flight;
        state.refused && state.open && queued <= self.limit / 2 && std::mem::take(&mut state.refused)
    }

    /// Bytes that wait, headers included.
    pub(crate) fn queued_bytes(&self) -> usize {
        let state = self.state.lock();
        state.frames.len() + state.in_flight
    }

    /// Reliable messages accepted since the link started.
    pub(crate) fn reliable(&self) -> u64 {
        self.state.lock().reliable
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(outbox: &Outbox) -> (Vec<u8>, Option<Next>) {
        let (mut control, mut frames) = (Vec::new(), Vec::new());
        let next = outbox.try_take(&mut control, &mut frames);
        (frames, next)
    }

    #[test]
    fn a_full_outbox_refuses_reliable_messages_drops_unreliable_ones_and_asks_for_writable_once() {
        let outbox = Outbox::new(100);
        outbox.open();
        assert_eq!(outbox.push(1, SendMode::Reliable, &[0; 72]), Ok(Pushed::Queued));
        assert_eq!(outbox.push(1, SendMode::Reliable, &[0; 13]), Err(PushError::Full { queued: 80, limit: 100 }));
        assert_eq!(outbox.push(1, SendMode::Unreliable, &[]), Ok(Pushed::Dropped));
        assert_eq!(outbox.reliable(), 1, "a refused message was not accepted");
        let (frames, _) = take(&outbox);
        assert_eq!(frames.len(), 80);
        assert!(!outbox.written(20), "60 of 100 still wait");
        assert!(outbox.written(10));
        assert!(!outbox.written(50), "told once");
    }

    #[test]
    fn a_message_larger_than_the_outbox_is_taken_when_nothing_else_waits() {
        let outbox = Outbox::new(100);
        outbox.open();
        assert_eq!(outbox.push(1, SendMode::Reliable, &[0; 1000]), Ok(Pushed::Queued));
        assert!(matches!(outbox.push(1, SendMode::Reliable, &[]), Err(PushError::Full { .. })));
    }

    #[test]
    fn a_flood_of_pings_keeps_one_pong() {
        let outbox = Outbox::new(100);
        outbox.open();
        for stamp in 0..1000 {
            outbox.pong(stamp);
        }
        let (mut control, mut frames) = (Vec::new(), Vec::new());
        assert_eq!(outbox.try_take(&mut control, &mut frames), Some(Next::Frames));
        let mut one = Vec::new();
        Control::Pong { stamp: 999 }.append_to(&mut one);
        assert_eq!(control, one);
    }

    #[test]
    fn finish_sends_what_waits_before_the_goodbye_and_takes_nothing_more() {
        let outbox = Outbox::new(100);
        outbox.open();
        assert_eq!(outbox.push(7, SendMode::Reliable, b"last"), Ok(Pushed::Queued));
        outbox.finish(Goodbye::Stopped);
        assert_eq!(outbox.push(7, SendMode::Reliable, b"late"), Err(PushError::Closed));
        let (frames, next) = take(&outbox);
        assert!(frames.ends_with(b"last"));
        assert_eq!(next, Some(Next::Goodbye(Goodbye::Stopped)));
        assert_eq!(take(&outbox).1, None, "the peer may still have something to say");
        outbox.ack(7);
        outbox.hang_up();
        assert_eq!(take(&outbox).1, Some(Next::Frames), "the last acknowledgement goes first");
        assert_eq!(take(&outbox).1, Some(Next::HangUp));
    }

    #[test]
    fn a_new_link_starts_with_an_empty_outbox() {
        let outbox = Outbox::new(100);
        assert_eq!(outbox.push(1, SendMode::Reliable, b"early"), Err(PushError::Closed));
        outbox.open();
        assert_eq!(outbox.push(1, SendMode::Reliable, b"old"), Ok(Pushed::Queued));
        outbox.close();
        outbox.open();
        assert_eq!(outbox.queued_bytes(), 0);
        assert_eq!(outbox.reliable(), 0);
    }
}
