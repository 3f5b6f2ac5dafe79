//! The frames that wait for one link, lane by lane. Pure.

use crate::buffer::{Buffer, Pool};
use crate::message::{Delivery, Label, Lane};
use crate::wire::frame::{HEADER_BYTES, Header, MAX_BODY_BYTES, TOTAL_BYTES};
use std::collections::VecDeque;

/// A lane that is not alone gets buffers of this size: a good write each, and as long as a more urgent message waits at most.
pub(super) const BUFFER_BYTES: usize = HEADER_BYTES + MAX_BODY_BYTES;

/// The first buffer of a quiet lane.
const FIRST_BYTES: usize = 4 * 1024;

/// Most bytes, and most buffers, taken at once.
pub(super) const TAKE_BYTES: usize = 4 * BUFFER_BYTES;
pub(super) const TAKE_BUFFERS: usize = 32;

/// So many buffers of higher lanes go before one of the lowest lane that waits.
const PATIENCE: u32 = 8;

/// A message that is to be sent: its body is `head`, then `payload`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parcel<'a> {
    pub(super) label: Label,
    /// What a request or an answer needs beyond the game's bytes.
    pub(super) head: &'a [u8],
    pub(super) payload: &'a [u8],
    /// More of its kind are under way: the link's task is to write them together, not the caller this one alone.
    pub(super) crowded: bool,
}

impl<'a> Parcel<'a> {
    pub(super) fn message(tag: u16, delivery: Delivery, payload: &'a [u8]) -> Self {
        Self { label: Label::message(tag, delivery), head: &[], payload, crowded: false }
    }

    /// Bytes of the body.
    pub(super) fn len(&self) -> usize {
        self.head.len() + self.payload.len()
    }
}

#[derive(Debug, Default)]
pub(super) struct Lanes {
    waiting: [VecDeque<Buffer>; Lane::COUNT],
    bytes: usize,
    /// Buffers that have overtaken a lower lane since one of the lowest went.
    overtaken: u32,
}

impl Lanes {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// What waits, lane by lane.
    pub(super) fn buffers(&self) -> impl Iterator<Item = &Buffer> {
        self.waiting.iter().flatten()
    }

    /// Appends a message that fits in one frame.
    pub(super) fn push(&mut self, pool: &Pool, parcel: &Parcel<'_>) {
        let lane = &mut self.waiting[usize::from(parcel.label.delivery.lane.number())];
        let frame = HEADER_BYTES + parcel.len();
        let buffer = match lane.back_mut() {
            Some(last) if last.free() >= frame => last,
            last => {
                let size = if last.is_some() { BUFFER_BYTES } else { FIRST_BYTES };
                lane.push_back(pool.take(frame.max(size)));
                // cannot fail: pushed the line before
                lane.back_mut().expect("a buffer")
            }
        };
        buffer.append(&Header::Message { len: parcel.len(), label: parcel.label }.to_bytes());
        if !parcel.head.is_empty() {
            buffer.append(parcel.head);
        }
        buffer.append(parcel.payload);
        self.bytes += frame;
    }

    /// Appends the fragments of one large message.
    pub(super) fn push_fragments(&mut self, lane: Lane, fragments: Vec<Buffer>) {
        self.bytes += fragments.iter().map(|fragment| fragment.bytes().len()).sum::<usize>();
        self.waiting[usize::from(lane.number())].extend(fragments);
    }

    /// Moves what goes next into `taken`, and says how many bytes that is.
    pub(super) fn take(&mut self, taken: &mut Vec<Buffer>) -> usize {
        let mut total = 0;
        while taken.len() < TAKE_BUFFERS {
            let Some(lane) = self.next_lane() else { break };
            let Some(first) = self.waiting[lane].front() else { break };
            if total > 0 && total + first.bytes().len() > TAKE_BYTES {
                break;
            }
            total += first.bytes().len();
            taken.extend(self.waiting[lane].pop_front());
            let below = self.waiting[..lane].iter().any(|lane| !lane.is_empty());
            self.overtaken = if below { self.overtaken + 1 } else { 0 };
        }
        self.bytes -= total;
        total
    }

    /// The highest that waits; when it has gone first for long enough, the lowest.
    fn next_lane(&self) -> Option<usize> {
        let mut waiting = (0..Lane::COUNT).filter(|lane| !self.waiting[*lane].is_empty());
        let lowest = waiting.next()?;
        Some(if self.overtaken >= PATIENCE { lowest } else { waiting.next_back().unwrap_or(lowest) })
    }
}

/// Bytes a message takes in the outbox, headers included.
pub(super) fn framed_bytes(message: usize) -> usize {
    if message <= MAX_BODY_BYTES {
        return HEADER_BYTES + message;
    }
    let body = message + TOTAL_BYTES;
    body + body.div_ceil(MAX_BODY_BYTES) * HEADER_BYTES
}

/// Cuts a message that is too large for one frame into fragments, one in each buffer.
pub(super) fn fragments(pool: &Pool, parcel: &Parcel<'_>) -> Vec<Buffer> {
    let Parcel { label, head, payload, .. } = *parcel;
    let (first, rest) = payload.split_at(MAX_BODY_BYTES - TOTAL_BYTES - head.len());
    let mut begin = pool.take(BUFFER_BYTES);
    begin.append(&Header::Begin { len: MAX_BODY_BYTES, label }.to_bytes());
    // Messages are below 4 GiB: limits.max_message_bytes is.
    begin.append(&(parcel.len() as u32).to_le_bytes());
    begin.append(head);
    begin.append(first);
    let mut fragments = Vec::with_capacity(1 + rest.len().div_ceil(MAX_BODY_BYTES));
    fragments.push(begin);
    for part in rest.chunks(MAX_BODY_BYTES) {
        let mut fragment = pool.take(HEADER_BYTES + part.len());
        fragment.append(&Header::Continue { len: part.len(), label }.to_bytes());
        fragment.append(part);
        fragments.push(fragment);
    }
    fragments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::SendMode;

    fn pool() -> Pool {
        Pool::new(1 << 20)
    }

    fn on(lane: u8) -> Delivery {
        SendMode::Reliable.on(Lane::new(lane).unwrap())
    }

    fn tags(lanes: &mut Lanes) -> Vec<u16> {
        let mut taken = Vec::new();
        lanes.take(&mut taken);
        let tag = |buffer: &Buffer| u16::from_le_bytes([buffer.bytes()[6], buffer.bytes()[7]]);
        taken.iter().map(tag).collect()
    }

    #[test]
    fn higher_lanes_go_first_and_each_keeps_its_order() {
        let (pool, mut lanes) = (pool(), Lanes::default());
        for (lane, tag) in [(0, 1), (2, 2), (0, 3), (3, 4), (2, 5)] {
            lanes.push(&pool, &Parcel::message(tag, on(lane), &[0; 40_000]));
        }
        let mut seen = Vec::new();
        while !lanes.is_empty() {
            seen.extend(tags(&mut lanes));
        }
        assert_eq!(seen, [4, 2, 5, 1, 3]);
        assert_eq!(lanes.bytes(), 0);
    }

    #[test]
    fn a_lower_lane_is_not_starved() {
        let (pool, mut lanes) = (pool(), Lanes::default());
        lanes.push(&pool, &Parcel::message(0, on(0), b"patient"));
        let mut urgent_before = 0;
        loop {
            for _ in 0..5 {
                lanes.push(&pool, &Parcel::message(3, on(3), &[0; 60_000]));
            }
            let seen = tags(&mut lanes);
            urgent_before += seen.iter().take_while(|tag| **tag == 3).count();
            if seen.contains(&0) {
                break;
            }
        }
        assert_eq!(urgent_before, PATIENCE as usize);
    }

    #[test]
    fn many_small_messages_share_a_buffer_and_large_ones_are_cut() {
        let (pool, mut lanes) = (pool(), Lanes::default());
        for _ in 0..50 {
            lanes.push(&pool, &Parcel::message(1, on(0), &[7; 64]));
        }
        let mut taken = Vec::new();
        assert_eq!(lanes.take(&mut taken), 50 * 72);
        assert_eq!(taken.len(), 1);

        for len in [MAX_BODY_BYTES + 1, 2 * MAX_BODY_BYTES - TOTAL_BYTES, 2 * MAX_BODY_BYTES, 1 << 20] {
            let payload: Vec<u8> = (0..len).map(|at| at as u8).collect();
            for head in [&[][..], b"twelve bytes"] {
                let parcel = Parcel { head, payload: &payload[head.len()..], ..Parcel::message(9, on(1), &[]) };
                let parts = fragments(&pool, &parcel);
                assert_eq!(parts.iter().map(|part| part.bytes().len()).sum::<usize>(), framed_bytes(len));
                assert!(parts.iter().all(|part| part.bytes().len() <= BUFFER_BYTES));
                let mut whole: Vec<u8> = parts.iter().flat_map(|part| &part.bytes()[HEADER_BYTES..]).copied().collect();
                assert_eq!(whole.drain(..TOTAL_BYTES).collect::<Vec<_>>(), (len as u32).to_le_bytes());
                assert_eq!(whole, [head, &payload[head.len()..]].concat());
            }
        }
    }
}
