//! What waits to be sent to one server. `send` copies into it on the caller's thread; whoever writes takes everything at once.
//!
//! At each moment nobody, the link's task or one caller is busy writing. Who puts something into an idle outbox either writes it right there
//! (`Commons::may_write`) or wakes the task; whoever writes goes on until nothing waits. So many messages cost one wake-up, and a single one
//! can do without.

use super::brief::{Brief, BriefGuard};
use super::commons::{Apart, Commons};
use super::lanes::{self, Parcel};
use super::sending::Sending;
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

/// Bounded by `limits.outbox_bytes`, for what waits and what is not acknowledged together (a message larger than that is taken while half of it
/// is free).
#[derive(Debug)]
pub(crate) struct Outbox {
    state: Apart<Brief<State>>,
    /// The writing half of the started link. Locked by the link's task, and by a caller that found the outbox idle and writes itself.
    writer: Apart<Mutex<Option<Writer>>>,
    work: Notify,
    limit: usize,
    commons: Arc<Commons>,
}

#[derive(Debug, Default)]
struct State {
    /// Messages are taken: there is a session, with a link at the moment or between two of them.
    open: bool,
    /// How many sessions this outbox has served.
    sessions: u64,
    /// Messages taken, over all of them.
    sent: u64,
    sending: Sending,
    /// Bytes of large messages that callers are cutting into fragments at this moment.
    reserved: usize,
    /// A caller was told `QueueFull` and waits for `Writable`.
    refused: bool,
    link: LinkState,
}

/// What is over with the link.
#[derive(Debug, Default)]
struct LinkState {
    /// The last link broke, and no other goes on with the session yet.
    down: bool,
    /// To be told first: what has been received in this session. Until the peer has told the same, no message is written.
    resume: Option<u64>,
    held: bool,
    /// Control frames keep only their newest value, so a peer that asks without reading cannot grow this.
    ping: Option<u64>,
    pong: Option<u64>,
    /// What has been received and not been told, and whether that must be told now.
    received: Option<u64>,
    ack_due: bool,
    /// About datagrams.
    told: Option<Control>,
    /// A frame that tells this server's properties.
    properties: Option<Arc<[u8]>>,
    goodbye: Option<Goodbye>,
    /// The link closes its sending half when nothing else waits.
    hang_up: bool,
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

    /// Copies the message in. The caller has checked its size against `max_message_bytes`.
    pub(super) fn push(&self, parcel: &Parcel<'_>) -> Result<Pushed, PushError> {
        let mut state = self.state.0.lock();
        if !state.open {
            return Err(PushError::Closed);
        }
        let held = state.bytes();
        let Delivery { mode, lane } = parcel.label.delivery;
        let framed = lanes::framed_bytes(parcel.len());
        match mode {
            // Between two links everything waits; what may be lost is old by the time of the next.
            SendMode::Unreliable if state.link.down || held > 0 && held + framed > self.limit / 2 => return Ok(Pushed::Dropped),
            SendMode::Reliable if held + framed > self.limit && !(framed > self.limit && held <= self.limit / 2) => {
                state.refused = true;
                return Err(PushError::Full { queued: held, limit: self.limit });
            }
            SendMode::Reliable | SendMode::Unreliable => {}
        }
        if parcel.len() <= MAX_BODY_BYTES {
            state.sending.push(&self.commons.pool, parcel);
        } else {
            state.reserved += framed;
            let session = state.sessions;
            drop(state);
            // Other senders do not wait while a large message is copied.
            let fragments = lanes::fragments(&self.commons.pool, parcel);
            state = self.state.0.lock();
            if !state.open || state.sessions != session {
                return Err(PushError::Closed);
            }
            state.reserved -= framed;
            state.sending.push_fragments(lane, fragments);
        }
        state.sent += 1;
        if std::mem::take(&mut state.link.idle) {
            drop(state);
            if !(!parcel.crowded && parcel.len() <= MAX_OWN_WRITE && self.commons.may_write() && self.write_here()) {
                self.work.notify_one();
            }
        }
        Ok(Pushed::Queued)
    }

    pub(crate) fn ping(&self, stamp: u64) {
        self.control(|link| link.ping = Some(stamp));
    }

    pub(crate) fn pong(&self, stamp: u64) {
        self.control(|link| link.pong = Some(stamp));
    }

    /// Everything before this position has been received: the peer is told so along with whatever goes next.
    pub(super) fn received(&self, position: u64) {
        self.state.0.lock().link.received = Some(position);
    }

    /// Nothing went: it is told now.
    pub(super) fn acknowledge(&self) {
        let mut state = self.state.0.lock();
        if state.link.received.is_some() {
            state.link.ack_due = true;
            self.wake(state);
        }
    }

    /// Something about datagrams.
    pub(super) fn tell(&self, control: Control) {
        self.control(|link| link.told = Some(control));
    }

    /// `frame`: this server's properties as they are now.
    pub(crate) fn tell_properties(&self, frame: Arc<[u8]>) {
        self.control(|link| link.properties = Some(frame));
    }

    fn control(&self, set: impl FnOnce(&mut LinkState)) {
        let mut state = self.state.0.lock();
        set(&mut state.link);
        self.wake(state);
    }

    fn wake(&self, mut state: BriefGuard<'_, State>) {
        if std::mem::take(&mut state.link.idle) {
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
                Ok(Progress::Idle) => return true,
                Ok(Progress::Blocked | Progress::HungUp) => return false,
                Err(error) => {
                    writer.fail(error);
                    return false;
                }
            }
        }
        false
    }

    /// A session begins: messages are taken from now on, none are left over from an earlier one.
    pub(crate) fn open(&self) {
        let mut state = self.state.0.lock();
        *state = State { open: true, sessions: state.sessions + 1, sent: state.sent, ..State::default() };
    }

    /// The socket of a link that has started; `resume`: it goes on with the session, and this is what has been received in it.
    pub(super) fn attach(&self, writer: Writer, resume: Option<u64>) {
        *self.writer.0.lock() = Some(writer);
        let properties = Some(self.commons.properties.lock().clone());
        self.state.0.lock().link = LinkState { resume, held: resume.is_some(), properties, ..LinkState::default() };
    }

    /// The link has ended. What it has not carried over for certain stays for the next one, if the session goes on.
    pub(crate) fn detach(&self) {
        let writer = self.writer.0.lock().take();
        let mut state = self.state.0.lock();
        state.link = LinkState { down: true, ..LinkState::default() };
        if let Some(writer) = writer {
            state.sending.keep(&mut writer.into_frames());
        }
    }

    /// The session has ended: no message is taken any more, and what is left is dropped. Says how many reliable messages are not known to
    /// have arrived.
    pub(super) fn close(&self) -> u64 {
        let mut state = self.state.0.lock();
        state.open = false;
        state.reserved = 0;
        let left = std::mem::take(&mut state.sending);
        drop(state);
        left.unacknowledged()
    }

    /// No message is taken any more; what waits is sent, then the goodbye.
    pub(crate) fn finish(&self, goodbye: Goodbye) {
        let mut state = self.state.0.lock();
        state.open = false;
        state.link.goodbye = Some(goodbye);
        self.wake(state);
    }

    /// The peer has said goodbye: what waits is sent, then the sending half is closed.
    pub(super) fn hang_up(&self) {
        self.control(|link| link.hang_up = true);
    }

    /// The peer has everything before this position. True: there is room again for a caller that was refused. An error breaks the protocol.
    pub(super) fn acknowledged(&self, position: u64) -> Result<bool, String> {
        let mut state = self.state.0.lock();
        state.sending.acknowledge(position)?;
        Ok(state.becomes_writable(self.limit))
    }

    /// The same at the start of a link that goes on with a session: the rest is written again.
    pub(super) fn resume(&self, position: u64) -> Result<bool, String> {
        let mut state = self.state.0.lock();
        state.sending.resume(&self.commons.pool, position)?;
        state.link.held = false;
        let writable = state.becomes_writable(self.limit);
        self.wake(state);
        Ok(writable)
    }

    /// One step of the task of the link that has this socket. `None`: the link is gone.
    pub(super) fn advance(&self, socket: &Arc<SendHalf>) -> Option<std::io::Result<Progress>> {
        let mut locked = self.writer.0.lock();
        let writer = locked.as_mut().filter(|writer| writer.writes_to(socket))?;
        Some(writer.advance(self))
    }

    /// Until there is something to do for the task.
    pub(super) async fn work(&self) {
        self.work.notified().await;
    }

    /// What was taken before, in `frames`, has been handed to the operating system. Takes what goes next: control frames into `control`, message
    /// frames into `frames`. `None`: nothing waits, and the outbox is idle.
    ///
    /// One visit for all of it: the game's threads wait at this door.
    pub(super) fn take(&self, control: &mut Vec<u8>, frames: &mut Vec<Buffer>) -> Option<Next> {
        self.state.0.lock().take(control, frames)
    }

    /// Bytes that wait, headers included.
    pub(crate) fn queued_bytes(&self) -> usize {
        let state = self.state.0.lock();
        state.sending.waiting() + state.reserved
    }

    /// Bytes that wait or are not known to have arrived, headers included.
    pub(crate) fn unacknowledged_bytes(&self) -> usize {
        self.state.0.lock().bytes()
    }

    /// Messages taken, over all sessions.
    pub(crate) fn sent(&self) -> u64 {
        self.state.0.lock().sent
    }
}

impl State {
    fn take(&mut self, control: &mut Vec<u8>, frames: &mut Vec<Buffer>) -> Option<Next> {
        let link = &mut self.link;
        // First of all: messages of the same round would be written before it.
        let resume = link.resume.take().map(|received| Control::Resume { received });
        let held = link.held || resume.is_some();
        let pong = link.pong.take().map(|stamp| Control::Pong { stamp });
        let ping = link.ping.take().map(|stamp| Control::Ping { stamp });
        for message in [resume, pong, ping, link.told.take()].into_iter().flatten() {
            message.append_to(control);
        }
        control.extend(link.properties.take().iter().flat_map(|frame| frame.iter()));
        match held {
            true => self.sending.keep(frames),
            false => self.sending.take(frames),
        }
        if (link.ack_due || !control.is_empty() || !frames.is_empty())
            && let Some(received) = link.received.take()
        {
            link.ack_due = false;
            Control::Ack { received }.append_to(control);
        }
        // The goodbye is the last word: everything that waits goes first.
        if !held
            && self.sending.is_drained()
            && let Some(goodbye) = link.goodbye.take()
        {
            return Some(Next::Goodbye(goodbye));
        }
        if !control.is_empty() || !frames.is_empty() {
            return Some(Next::Frames);
        }
        if link.hang_up && link.goodbye.is_none() {
            return Some(Next::HangUp);
        }
        link.idle = true;
        None
    }

    fn bytes(&self) -> usize {
        self.sending.bytes() + self.reserved
    }

    /// Whether a refused caller must be told, once, that half is free.
    fn becomes_writable(&mut self, limit: usize) -> bool {
        let writable = self.refused && self.open && self.bytes() <= limit / 2;
        self.refused &= !writable;
        writable
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

    fn push(outbox: &Outbox, tag: u16, delivery: Delivery, payload: &[u8]) -> Result<Pushed, PushError> {
        outbox.push(&Parcel::message(tag, delivery, payload))
    }

    /// As a writer would that writes everything at once.
    fn take(outbox: &Outbox, written: &mut Vec<Buffer>) -> (Vec<u8>, Option<Next>) {
        let mut control = Vec::new();
        let next = outbox.take(&mut control, written);
        (written.iter().flat_map(Buffer::bytes).copied().collect(), next)
    }

    #[test]
    fn a_full_outbox_refuses_reliable_messages_drops_unreliable_ones_and_asks_for_writable_once() {
        let outbox = outbox(100);
        outbox.open();
        for _ in 0..2 {
            assert_eq!(push(&outbox, 1, RELIABLE, &[0; 32]), Ok(Pushed::Queued));
        }
        assert_eq!(push(&outbox, 1, RELIABLE, &[0; 13]), Err(PushError::Full { queued: 80, limit: 100 }));
        assert_eq!(push(&outbox, 1, UNRELIABLE, &[]), Ok(Pushed::Dropped));
        let mut written = Vec::new();
        assert_eq!(take(&outbox, &mut written).0.len(), 80);
        take(&outbox, &mut written);
        assert_eq!(outbox.queued_bytes(), 0);
        assert_eq!(push(&outbox, 1, RELIABLE, &[0; 13]), Err(PushError::Full { queued: 80, limit: 100 }), "written is not arrived");
        assert_eq!(outbox.acknowledged(40), Ok(true));
        assert_eq!(outbox.acknowledged(80), Ok(false), "told once");
        assert!(outbox.acknowledged(81).is_err(), "never sent");
        assert!(outbox.acknowledged(79).is_err(), "backwards");
    }

    #[test]
    fn a_message_larger_than_the_outbox_is_taken_while_half_of_it_is_free() {
        let outbox = outbox(100);
        outbox.open();
        assert_eq!(push(&outbox, 1, RELIABLE, &[0; 42]), Ok(Pushed::Queued));
        assert_eq!(push(&outbox, 1, RELIABLE, &[0; 1000]), Ok(Pushed::Queued));
        assert!(matches!(push(&outbox, 1, RELIABLE, &[]), Err(PushError::Full { .. })));
    }

    #[test]
    fn a_flood_of_pings_keeps_one_pong() {
        let outbox = outbox(100);
        outbox.open();
        for stamp in 0..1000 {
            outbox.pong(stamp);
        }
        let (mut control, mut frames) = (Vec::new(), Vec::new());
        assert_eq!(outbox.take(&mut control, &mut frames), Some(Next::Frames));
        let mut one = Vec::new();
        Control::Pong { stamp: 999 }.append_to(&mut one);
        assert_eq!(control, one);
    }

    #[test]
    fn an_acknowledgement_rides_on_traffic_and_goes_alone_when_it_is_due() {
        let outbox = outbox(100);
        outbox.open();
        let controls = |outbox: &Outbox| {
            let (mut control, mut frames) = (Vec::new(), Vec::new());
            outbox.take(&mut control, &mut frames);
            control
        };
        let ack = |received| {
            let mut frame = Vec::new();
            Control::Ack { received }.append_to(&mut frame);
            frame
        };
        outbox.received(70);
        assert_eq!(controls(&outbox), b"", "nothing to ride on");
        assert_eq!(push(&outbox, 1, RELIABLE, b"x"), Ok(Pushed::Queued));
        assert_eq!(controls(&outbox), ack(70));
        outbox.acknowledge();
        assert_eq!(controls(&outbox), b"", "told already");
        outbox.received(90);
        outbox.acknowledge();
        assert_eq!(controls(&outbox), ack(90));
    }

    #[test]
    fn finish_sends_what_waits_before_the_goodbye_and_takes_nothing_more() {
        let outbox = outbox(100);
        outbox.open();
        let mut written = Vec::new();
        assert_eq!(push(&outbox, 7, RELIABLE, b"last"), Ok(Pushed::Queued));
        outbox.finish(Goodbye::Stopped);
        assert_eq!(push(&outbox, 7, RELIABLE, b"late"), Err(PushError::Closed));
        let (frames, next) = take(&outbox, &mut written);
        assert!(frames.ends_with(b"last"));
        assert_eq!(next, Some(Next::Goodbye(Goodbye::Stopped)));
        assert_eq!(take(&outbox, &mut written).1, None, "the peer may still have something to say");
        outbox.received(7);
        outbox.acknowledge();
        outbox.hang_up();
        assert_eq!(take(&outbox, &mut written).1, Some(Next::Frames), "the last acknowledgement goes first");
        assert_eq!(take(&outbox, &mut written).1, Some(Next::HangUp));
    }

    #[test]
    fn a_link_that_resumes_says_first_what_was_received_and_holds_messages_until_the_peer_has() {
        let outbox = outbox(1000);
        outbox.open();
        for text in [b"one", b"two"] {
            assert_eq!(push(&outbox, 1, RELIABLE, text), Ok(Pushed::Queued));
        }
        let mut written = Vec::new();
        let (first, _) = take(&outbox, &mut written);
        outbox.state.0.lock().sending.keep(&mut written);
        outbox.state.0.lock().link = LinkState { resume: Some(5), held: true, ..LinkState::default() };
        assert_eq!(push(&outbox, 1, RELIABLE, b"three"), Ok(Pushed::Queued), "between and before");
        let mut control = Vec::new();
        assert_eq!(outbox.take(&mut control, &mut written), Some(Next::Frames));
        let mut resume = Vec::new();
        Control::Resume { received: 5 }.append_to(&mut resume);
        assert_eq!((&control, written.len()), (&resume, 0));
        assert!(outbox.resume(23).is_err(), "more than was sent");
        assert_eq!(outbox.resume(11), Ok(false));
        // As if the peer's word had come before this side's was taken.
        outbox.state.0.lock().link.resume = Some(5);
        assert_eq!((outbox.take(&mut control, &mut written), written.len()), (Some(Next::Frames), 0), "never together with messages");
        assert_eq!(take(&outbox, &mut written).0, &first[11..], "the second again");
        assert!(take(&outbox, &mut written).0.ends_with(b"three"), "then what is new");
    }

    #[test]
    fn a_new_session_starts_with_an_empty_outbox() {
        let outbox = outbox(100);
        assert_eq!(push(&outbox, 1, RELIABLE, b"early"), Err(PushError::Closed));
        outbox.open();
        assert_eq!(push(&outbox, 1, RELIABLE, b"old"), Ok(Pushed::Queued));
        assert_eq!(outbox.close(), 1);
        outbox.open();
        assert_eq!((outbox.queued_bytes(), outbox.unacknowledged_bytes()), (0, 0));
        assert_eq!(outbox.close(), 0);
    }
}
