//! Fuzz target: a session whose other side lies.

use super::{Sending, boundaries};
use crate::buffer::{Buffer, Pool};
use crate::event::Span;
use crate::link::lanes::{self, BUFFER_BYTES, Parcel};
use crate::link::receiving::{Found, Receiving};
use crate::message::{Delivery, Label, Lane, SendMode};
use crate::wire::control::{Control, Goodbye};
use crate::wire::frame::{Header, MAX_BODY_BYTES};
use arbitrary::{Arbitrary, Unstructured};
use std::collections::VecDeque;

const MAX_MESSAGE_BYTES: usize = 200_000;
/// Enough for every case, and quick.
const MOST_SAID: usize = 600_000;

#[derive(Debug, Arbitrary)]
enum Step {
    /// The honest side sends a message, if it is not too much already.
    Say {
        tag: u16,
        how: How,
        len: Len,
    },
    /// It writes what goes next.
    Write,
    /// It reads so many bytes of what the liar has said.
    Read(u16),
    /// The link is cut, and another goes on with the session.
    Cut,
    /// The liar says a control message, or something like a frame.
    Ack(Place),
    Resume(Place),
    Goodbye,
    Message {
        tag: u16,
        how: How,
        len: Len,
    },
    Begin {
        tag: u16,
        how: How,
        total: u32,
        len: Len,
    },
    Continue {
        tag: u16,
        how: How,
        len: Len,
    },
    Raw([u8; 9]),
}

#[derive(Debug, Arbitrary)]
struct How {
    unreliable: bool,
    lane: u8,
}

#[derive(Debug, Arbitrary)]
enum Len {
    Small(u8),
    Middle(u16),
    Frame(u16),
    Large(u16),
}

/// A position in what the honest side has written.
#[derive(Debug, Arbitrary)]
enum Place {
    Written,
    Acknowledged,
    /// The end of a frame.
    Boundary(u8),
    /// Anywhere between what is acknowledged and what is written.
    Between(u32),
    Near(i8),
    Any(u64),
}

impl How {
    fn delivery(&self) -> Delivery {
        (if self.unreliable { SendMode::Unreliable } else { SendMode::Reliable }).on(Lane::from_bits(self.lane))
    }
}

impl Len {
    fn bytes(&self) -> usize {
        match self {
            Len::Small(len) => usize::from(*len),
            Len::Middle(len) => usize::from(*len) % 3000,
            Len::Frame(len) => usize::from(*len).min(MAX_BODY_BYTES),
            Len::Large(len) => MAX_BODY_BYTES + 1 + usize::from(*len) * 2,
        }
    }
}

/// The honest side's promises, kept in the simplest way: every byte that was ever taken lies in `log`.
struct Model {
    pool: Pool,
    sending: Sending,
    /// Taken, and not given back.
    frames: Vec<Buffer>,
    held: bool,
    log: Vec<u8>,
    /// Where frames end in `log`.
    ends: Vec<u64>,
    /// Where reliable messages end.
    reliable: Vec<u64>,
    /// What the other side may have received on this link.
    written: u64,
    acknowledged: u64,
    /// Said and not taken, lane by lane.
    waiting: [VecDeque<(u16, Delivery, usize)>; Lane::COUNT],
    said: usize,
    /// Reads the log as an honest peer would.
    peer: Receiving,
}

/// One side of a session is Sinew's, the other does what the bytes say. Lies about what arrived are refused exactly when they can be known for lies;
/// what is written after each cut is, byte for byte, what was written before; and no lie makes it keep more memory, or count what is not there.
pub(crate) fn resume(bytes: &[u8]) {
    let mut input = Unstructured::new(bytes);
    let mut model = Model::new();
    let mut receiving = Receiving::start();
    // What the liar has said on this link, and what of it has come and is no whole frame.
    let (mut wire, mut unparsed): (Vec<u8>, Vec<u8>) = Default::default();
    for _ in 0..500 {
        if input.is_empty() {
            break;
        }
        let Ok(step) = Step::arbitrary(&mut input) else { break };
        match step {
            Step::Say { tag, how, len } => model.say(tag, how.delivery(), len.bytes()),
            Step::Write => model.write(),
            Step::Cut => {
                (wire, unparsed) = Default::default();
                receiving = receiving.resume();
                model.cut();
                model.held = true;
            }
            Step::Ack(place) => say(&mut wire, &Control::Ack { received: model.place(&place) }),
            Step::Resume(place) => say(&mut wire, &Control::Resume { received: model.place(&place) }),
            Step::Goodbye => say(&mut wire, &Control::Goodbye(Goodbye::Stopped)),
            Step::Message { tag, how, len } => {
                let len = len.bytes();
                frame(&mut wire, Header::Message { len, label: Label::message(tag, how.delivery()) }, &[], len);
            }
            Step::Begin { tag, how, total, len } => {
                let header = Header::Begin { len: 4 + len.bytes(), label: Label::message(tag, how.delivery()) };
                // Mostly something that is allowed.
                let total = if total % 8 == 0 { total } else { total % MAX_MESSAGE_BYTES as u32 };
                frame(&mut wire, header, &total.to_le_bytes(), len.bytes());
            }
            Step::Continue { tag, how, len } => {
                frame(&mut wire, Header::Continue { len: len.bytes(), label: Label::message(tag, how.delivery()) }, &[], len.bytes());
            }
            Step::Raw(bytes) => wire.extend_from_slice(&bytes),
            Step::Read(count) => {
                unparsed.extend(wire.drain(..usize::from(count).min(wire.len())));
                match model.read(&mut receiving, &unparsed) {
                    Ok(used) => drop(unparsed.drain(..used)),
                    Err(_) => break,
                }
            }
        }
        // A liar that is never read costs this test memory, not Sinew.
        if wire.len() > MOST_SAID {
            break;
        }
        model.check_memory();
    }
    model.cut();
}

fn say(wire: &mut Vec<u8>, control: &Control) {
    control.append_to(wire);
}

fn frame(wire: &mut Vec<u8>, header: Header, front: &[u8], len: usize) {
    wire.extend_from_slice(&header.to_bytes());
    wire.extend_from_slice(front);
    wire.resize(wire.len() + len, 1);
}

impl Model {
    fn new() -> Self {
        Self {
            pool: Pool::new(1 << 20),
            sending: Sending::default(),
            frames: Vec::new(),
            held: false,
            log: Vec::new(),
            ends: vec![0],
            reliable: Vec::new(),
            written: 0,
            acknowledged: 0,
            waiting: Default::default(),
            said: 0,
            peer: Receiving::start(),
        }
    }

    fn say(&mut self, tag: u16, delivery: Delivery, len: usize) {
        if self.said + len > MOST_SAID {
            return;
        }
        self.said += len;
        // Looks like frames when it is read in the wrong place: empty messages, reliable and on lane 0.
        let payload = &[0, 0, 0, 0, 1, 0, 0, 0].repeat(len.div_ceil(8))[..len];
        let parcel = Parcel::message(tag, delivery, payload);
        if len <= MAX_BODY_BYTES {
            self.sending.push(&self.pool, &parcel);
        } else {
            self.sending.push_fragments(delivery.lane, lanes::fragments(&self.pool, &parcel));
        }
        self.waiting[usize::from(delivery.lane.number())].push_back((tag, delivery, len));
    }

    /// As the outbox does: nothing goes before the other side has said what it has.
    fn write(&mut self) {
        if self.held {
            return self.sending.keep(&mut self.frames);
        }
        self.sending.take(&mut self.frames);
        let bytes = self.frames.iter().map(Buffer::bytes).collect::<Vec<_>>().concat();
        let again = (self.log.len() - self.written as usize).min(bytes.len());
        assert!(self.log[self.written as usize..][..again] == bytes[..again], "written again, but not as the first time");
        self.log.extend_from_slice(&bytes[again..]);
        self.written += bytes.len() as u64;
        let first = self.log.len() - (bytes.len() - again);
        let mut start = first;
        for end in boundaries(&self.log[first..]).map(|end| first + end).collect::<Vec<_>>() {
            self.taken(start, end);
            start = end;
        }
        assert_eq!(start, self.log.len(), "whole frames are written");
    }

    /// One frame that was never taken before.
    fn taken(&mut self, start: usize, end: usize) {
        let (mut spans, mut large): (Vec<Span>, Vec<Buffer>) = (Vec::new(), Vec::new());
        let found = Found { spans: &mut spans, large: &mut large };
        let (parsed, outcome) = self.peer.parse(&self.pool, &self.log[start..end], usize::MAX, found, |control| panic!("{control:?}"));
        assert_eq!((parsed.bytes, outcome), (end - start, Ok(())));
        self.ends.push(end as u64);
        for span in spans {
            let next = self.waiting[usize::from(span.label.delivery.lane.number())].pop_front();
            assert_eq!(next, Some((span.label.tag, span.label.delivery, span.len as usize)), "not what was said next on this lane");
            if span.label.delivery.mode == SendMode::Reliable {
                self.reliable.push(end as u64);
            }
        }
    }

    fn place(&self, place: &Place) -> u64 {
        match *place {
            Place::Written => self.written,
            Place::Acknowledged => self.acknowledged,
            Place::Boundary(nth) => {
                let known: Vec<u64> = self.ends.iter().copied().filter(|end| (self.acknowledged..=self.written).contains(end)).collect();
                known.get(usize::from(nth) % known.len().max(1)).copied().unwrap_or(0)
            }
            Place::Between(part) => self.acknowledged + u64::from(part) % (self.written - self.acknowledged + 1),
            Place::Near(by) => self.written.saturating_add_signed(by.into()),
            Place::Any(position) => position,
        }
    }

    /// Parses what has come; how much of it. An error ends the session.
    fn read(&mut self, receiving: &mut Receiving, bytes: &[u8]) -> Result<usize, String> {
        let (pool, before) = (self.pool.clone(), receiving.position());
        let (mut spans, mut large): (Vec<Span>, Vec<Buffer>) = (Vec::new(), Vec::new());
        let found = Found { spans: &mut spans, large: &mut large };
        let (parsed, outcome) = receiving.parse(&pool, bytes, MAX_MESSAGE_BYTES, found, |control| self.obey(control));
        assert_eq!(receiving.position(), before + parsed.messages);
        assert!(parsed.bytes <= bytes.len() && parsed.messages <= parsed.bytes as u64);
        assert!(!self.held || parsed.messages == 0, "a message before the other side has said what it has");
        assert!(spans.iter().all(|span| span.len as usize <= MAX_MESSAGE_BYTES));
        assert!(receiving.assembling() <= Lane::COUNT * Pool::size_for(MAX_MESSAGE_BYTES));
        outcome.map(|()| parsed.bytes)
    }

    fn obey(&mut self, control: Control) -> Result<Option<Goodbye>, String> {
        match control {
            Control::Ack { received } => {
                assert!(!self.held, "an acknowledgement before the other side has said what it has");
                self.learn(received);
                let known = self.acknowledged == received;
                let outcome = self.sending.acknowledge(received);
                assert_eq!(outcome.is_ok(), known, "{received} bytes acknowledged: {outcome:?}");
                outcome.map(|()| None)
            }
            Control::Resume { received } => {
                assert!(std::mem::replace(&mut self.held, false), "resumed twice");
                self.sending.keep(&mut self.frames);
                self.learn(received);
                let known = self.acknowledged == received && self.ends.binary_search(&received).is_ok();
                let outcome = self.sending.resume(&self.pool, received);
                assert_eq!(outcome.is_ok(), known, "resumed behind {received} bytes: {outcome:?}");
                outcome?;
                self.written = received;
                Ok(None)
            }
            Control::Goodbye(goodbye) => Ok(Some(goodbye)),
            _ => Ok(None),
        }
    }

    /// What is told is believed if it can be true.
    fn learn(&mut self, received: u64) {
        if (self.acknowledged..=self.written).contains(&received) {
            self.acknowledged = received;
        }
    }

    /// The link is over: everything that was taken is given back, and counted.
    fn cut(&mut self) {
        self.sending.keep(&mut self.frames);
        let arriving = self.reliable.iter().filter(|end| **end > self.acknowledged).count();
        let waiting = self.waiting.iter().flatten().filter(|(_, delivery, _)| delivery.mode == SendMode::Reliable).count();
        assert_eq!(self.sending.unacknowledged(), (arriving + waiting) as u64);
        self.check_memory();
    }

    fn check_memory(&self) {
        let kept: usize = [&self.sending.kept, &self.sending.again].into_iter().flatten().map(Buffer::size).sum();
        let bytes = self.log.len() - self.acknowledged as usize;
        assert_eq!(self.sending.bytes(), self.sending.lanes.bytes() + bytes);
        assert!(kept <= 2 * bytes + 4 * BUFFER_BYTES, "{kept} bytes of memory for {bytes}");
    }
}
