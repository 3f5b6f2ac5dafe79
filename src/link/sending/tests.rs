//! Both directions of a session over links that are cut again and again, byte by byte: what comes out must be what went in, once and in order.
//!
//! ```text
//! SINEW_SIM_SEED=1234 cargo test sessions      plays one story again
//! SINEW_SIM_SEEDS=100000 cargo test sessions   plays that many
//! ```

use super::*;
use crate::event::Span;
use crate::link::lanes::{self, Parcel};
use crate::link::receiving::{Found, Receiving};
use crate::message::Delivery;
use crate::wire::control::Control;
use crate::wire::frame::MAX_BODY_BYTES;
use rand::rngs::SmallRng;
use rand::{Rng, RngCore, SeedableRng};

const SEEDS: u64 = 2000;
const LARGEST: usize = 300_000;

/// A message as the game knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    tag: u16,
    delivery: Delivery,
    payload: Vec<u8>,
}

/// One of the two servers.
struct Server {
    pool: Pool,
    sending: Sending,
    receiving: Receiving,
    /// Taken, and perhaps not written in full.
    frames: Vec<Buffer>,
    /// What this side has written and the other has not read.
    wire: Vec<u8>,
    /// What came and is no whole frame yet.
    unparsed: Vec<u8>,
    accepted: [VecDeque<Said>; Lane::COUNT],
    delivered: u64,
    said: u64,
    /// The other side has not said yet what it has.
    held: bool,
}

impl Server {
    fn new() -> Self {
        Self {
            pool: Pool::new(1 << 20),
            sending: Sending::default(),
            receiving: Receiving::start(),
            frames: Vec::new(),
            wire: Vec::new(),
            unparsed: Vec::new(),
            accepted: Default::default(),
            delivered: 0,
            said: 0,
            held: false,
        }
    }

    fn say(&mut self, rng: &mut SmallRng) {
        let len = match rng.random_range(0..20) {
            0 => rng.random_range(MAX_BODY_BYTES..LARGEST),
            1..4 => rng.random_range(0..MAX_BODY_BYTES),
            _ => rng.random_range(0..200),
        };
        // What is large is mostly of one kind: random bytes are slow to make.
        let mut payload = vec![rng.random(); len];
        rng.fill_bytes(&mut payload[..len.min(16)]);
        rng.fill_bytes(&mut payload[len - len.min(16)..]);
        let mode = if rng.random_bool(0.8) { SendMode::Reliable } else { SendMode::Unreliable };
        let delivery = mode.on(Lane::new(rng.random_range(0..4)).expect("a lane"));
        let tag = rng.random();
        if len <= MAX_BODY_BYTES {
            self.sending.push(&self.pool, &Parcel::message(tag, delivery, &payload));
        } else {
            let fragments = lanes::fragments(&self.pool, &Parcel::message(tag, delivery, &payload));
            self.sending.push_fragments(delivery.lane, fragments);
        }
        self.said += 1;
        self.accepted[usize::from(delivery.lane.number())].push_back(Said { tag, delivery, payload });
    }

    fn control(&mut self, control: Control) {
        let mut frame = Vec::new();
        control.append_to(&mut frame);
        self.wire.extend_from_slice(&frame);
    }

    fn write(&mut self) {
        if self.held {
            return;
        }
        self.sending.take(&mut self.frames);
        self.frames.iter().for_each(|frame| self.wire.extend_from_slice(frame.bytes()));
    }

    /// The other side's bytes arrive, some of them.
    fn read(&mut self, from: &mut Server, count: usize) {
        let count = count.min(from.wire.len());
        self.unparsed.extend_from_slice(&from.wire[..count]);
        from.wire.drain(..count);
        let (mut spans, mut large): (Vec<Span>, Vec<Buffer>) = (Vec::new(), Vec::new());
        let found = Found { spans: &mut spans, large: &mut large };
        let (sending, pool, held) = (&mut self.sending, &self.pool, &mut self.held);
        let obey = |control| {
            match control {
                Control::Ack { received } => sending.acknowledge(received)?,
                Control::Resume { received } => {
                    sending.resume(pool, received)?;
                    *held = false;
                }
                other => panic!("{other:?}"),
            }
            Ok(None)
        };
        let (parsed, outcome) = self.receiving.parse(&self.pool, &self.unparsed, LARGEST, found, obey);
        outcome.expect("an honest peer");
        for span in spans {
            let (start, len) = (span.start as usize, span.len as usize);
            let payload = match span.large {
                0 => &self.unparsed[start..start + len],
                number => large[usize::from(number) - 1].bytes(),
            };
            let said = Said { tag: span.label.tag, delivery: span.label.delivery, payload: payload.to_vec() };
            let expected = from.accepted[usize::from(span.label.delivery.lane.number())].pop_front();
            assert!(expected.as_ref() == Some(&said), "lane {}: {} bytes are not what comes next", span.label.delivery.lane.number(), len);
            self.delivered += 1;
        }
        self.unparsed.drain(..parsed.bytes);
    }

    /// The link has ended; the next one begins.
    fn cut(&mut self) {
        self.wire.clear();
        self.unparsed.clear();
        self.sending.keep(&mut self.frames);
        self.receiving = std::mem::take(&mut self.receiving).resume();
        self.held = true;
        let received = self.receiving.position();
        self.control(Control::Resume { received });
    }

    fn memory(&self) -> usize {
        let lists = [&self.sending.kept, &self.sending.again];
        lists.into_iter().flatten().map(Buffer::size).sum()
    }
}

/// Plays one story; how often it was cut, and how many messages it was about.
fn play(seed: u64) -> (u64, u64) {
    let rng = &mut SmallRng::seed_from_u64(seed);
    let (mut one, mut two) = (Server::new(), Server::new());
    let mut cuts = 0;
    let cutting = rng.random_range(0.0..0.3);
    for _ in 0..rng.random_range(20..300) {
        std::mem::swap(&mut one, &mut two);
        match rng.random_range(0..10) {
            0..4 => one.say(rng),
            4..6 => one.write(),
            6..9 => {
                let most = [20, 5000, 500_000][rng.random_range(0..3)];
                let count = rng.random_range(0..most);
                one.read(&mut two, count);
            }
            _ => {
                let received = one.receiving.position();
                one.control(Control::Ack { received });
            }
        }
        if rng.random_bool(cutting) {
            cuts += 1;
            // What one side has on its way may still arrive at the other before that notices.
            if rng.random() {
                let count = rng.random_range(0..100_000);
                one.read(&mut two, count);
            }
            one.cut();
            two.cut();
        }
        let bytes = one.sending.bytes() - one.sending.lanes.bytes();
        assert!(one.memory() <= 2 * bytes + 3 * lanes::BUFFER_BYTES, "{} bytes of memory for {bytes}", one.memory());
    }
    // In peace everything arrives.
    for _ in 0..100_000 {
        for _ in 0..2 {
            std::mem::swap(&mut one, &mut two);
            one.write();
            one.read(&mut two, usize::MAX);
            let received = one.receiving.position();
            one.control(Control::Ack { received });
        }
        if one.sending.bytes() == 0 && two.sending.bytes() == 0 {
            break;
        }
    }
    for server in [&one, &two] {
        assert!(
            server.accepted.iter().all(VecDeque::is_empty),
            "{} messages never arrived",
            server.accepted.iter().map(VecDeque::len).sum::<usize>()
        );
        assert_eq!(server.sending.unacknowledged(), 0);
    }
    assert_eq!(one.delivered + two.delivered, one.said + two.said);
    (cuts, one.said + two.said)
}

#[test]
fn sessions_deliver_every_message_once_and_in_order_however_their_links_are_cut() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect(name));
    if let Some(seed) = number("SINEW_SIM_SEED") {
        play(seed);
        return;
    }
    let (mut cuts, mut messages) = (0, 0);
    for seed in 0..number("SINEW_SIM_SEEDS").unwrap_or(SEEDS) {
        let played = std::panic::catch_unwind(|| play(seed));
        let played = played.unwrap_or_else(|_| panic!("seed {seed} fails; play it again: SINEW_SIM_SEED={seed} cargo test sessions"));
        (cuts, messages) = (cuts + played.0, messages + played.1);
    }
    println!("{messages} messages, {cuts} cuts");
    assert!(cuts >= 10_000 && messages >= 50_000, "{messages} messages, {cuts} cuts");
}

const RELIABLE: Delivery = Delivery { mode: SendMode::Reliable, lane: Lane::LOWEST };

/// What was taken is written in full.
fn written(sending: &mut Sending) {
    let mut frames = Vec::new();
    sending.take(&mut frames);
    sending.keep(&mut frames);
}

#[test]
fn messages_are_counted_as_unacknowledged_until_their_last_byte_is_known_to_have_arrived() {
    let (pool, mut sending) = (Pool::new(1 << 20), Sending::default());
    sending.push(&pool, &Parcel::message(1, RELIABLE, b"one"));
    sending.push(&pool, &Parcel::message(2, SendMode::Unreliable.on(Lane::LOWEST), b"not counted"));
    sending.push_fragments(Lane::LOWEST, lanes::fragments(&pool, &Parcel::message(3, RELIABLE, &[0; 200_000])));
    assert_eq!(sending.unacknowledged(), 2, "they wait");
    written(&mut sending);
    assert_eq!(sending.unacknowledged(), 2, "they are written");
    sending.acknowledge(11).unwrap();
    assert_eq!(sending.unacknowledged(), 1);
    let first_fragment = (30 + lanes::BUFFER_BYTES) as u64;
    sending.acknowledge(first_fragment).unwrap();
    assert_eq!(sending.unacknowledged(), 1, "its end is missing");
    sending.push(&pool, &Parcel::message(4, RELIABLE, b"four"));
    assert_eq!(sending.unacknowledged(), 2);
}

#[test]
fn an_acknowledgement_in_the_middle_of_a_frame_does_not_make_its_payload_count() {
    let (pool, mut sending) = (Pool::new(1 << 20), Sending::default());
    // Read as frames, these are a hundred empty messages.
    sending.push(&pool, &Parcel::message(1, RELIABLE, &[0, 0, 0, 0, 1, 0, 0, 0].repeat(100)));
    written(&mut sending);
    sending.acknowledge(8).unwrap();
    assert_eq!(sending.unacknowledged(), 1);
}

#[test]
fn small_writes_share_memory_while_they_wait_for_their_acknowledgement() {
    let (pool, mut sending) = (Pool::new(1 << 20), Sending::default());
    for _ in 0..10_000 {
        sending.push(&pool, &Parcel::message(1, RELIABLE, &[7; 64]));
        written(&mut sending);
    }
    let memory: usize = sending.kept.iter().map(Buffer::size).sum();
    assert!(memory <= 2 * sending.bytes(), "{memory} bytes of memory for {}", sending.bytes());
}

#[test]
fn forged_counts_break_the_protocol() {
    let (pool, mut sending) = (Pool::new(1 << 20), Sending::default());
    sending.push(&pool, &Parcel::message(1, RELIABLE, &[7; 64]));
    assert!(sending.acknowledge(1).is_err(), "nothing was sent");
    written(&mut sending);
    assert!(sending.acknowledge(73).is_err(), "more than was sent");
    assert!(sending.resume(&pool, 73).is_err(), "more than was sent");
    assert!(sending.resume(&pool, u64::MAX).is_err());
    assert!(sending.resume(&pool, 9).is_err(), "in the middle of a frame");
    sending.acknowledge(72).unwrap();
    assert!(sending.acknowledge(71).is_err(), "backwards");
}
