//! What one server still has to be sent, and what it may have to be sent again. Pure.
//!
//! Every byte of a message frame has a position: how many such bytes were taken for this session before it. The peer acknowledges positions, so
//! what waits, what is under way and what has arrived differ only by where it lies, and keeping it costs no copy.

use super::lanes::{Lanes, Parcel, TAKE_BUFFERS, TAKE_BYTES};
use crate::buffer::{Buffer, Pool};
use crate::message::{Lane, SendMode};
use crate::wire::frame::{self, HEADER_BYTES, Header};
use std::collections::VecDeque;

/// One direction of a session, on the side that sends.
#[derive(Debug, Default)]
pub(super) struct Sending {
    lanes: Lanes,
    /// To be written once more, in the order of the first time, before anything new.
    again: VecDeque<Buffer>,
    again_bytes: usize,
    /// Written, and not known to have arrived.
    kept: VecDeque<Buffer>,
    /// Where `kept` begins.
    kept_from: u64,
    /// Everything before this position has arrived.
    acknowledged: u64,
    /// Where what has never been taken begins.
    taken: u64,
}

impl Sending {
    /// Bytes that wait to be written.
    pub(super) fn waiting(&self) -> usize {
        self.lanes.bytes() + self.again_bytes
    }

    /// Bytes that wait or are not known to have arrived.
    pub(super) fn bytes(&self) -> usize {
        self.lanes.bytes() + (self.taken - self.acknowledged) as usize
    }

    pub(super) fn is_drained(&self) -> bool {
        self.lanes.is_empty() && self.again.is_empty()
    }

    pub(super) fn push(&mut self, pool: &Pool, parcel: &Parcel<'_>) {
        self.lanes.push(pool, parcel);
    }

    pub(super) fn push_fragments(&mut self, lane: Lane, fragments: Vec<Buffer>) {
        self.lanes.push_fragments(lane, fragments);
    }

    /// Keeps what is in `frames`, which was taken before and has been written, and puts there what goes next.
    pub(super) fn take(&mut self, frames: &mut Vec<Buffer>) {
        self.keep(frames);
        if self.again.is_empty() {
            self.taken += self.lanes.take(frames) as u64;
            return;
        }
        let mut total = 0;
        while frames.len() < TAKE_BUFFERS
            && let Some(next) = self.again.front()
            && (total == 0 || total + next.bytes().len() <= TAKE_BYTES)
        {
            total += next.bytes().len();
            frames.extend(self.again.pop_front());
        }
        self.again_bytes -= total;
    }

    /// Keeps what was taken until it is acknowledged.
    pub(super) fn keep(&mut self, frames: &mut Vec<Buffer>) {
        for frame in frames.drain(..) {
            let len = frame.bytes().len();
            if self.kept.is_empty() && self.kept_from + len as u64 <= self.acknowledged {
                // The acknowledgement was faster.
                self.kept_from += len as u64;
                continue;
            }
            // Small writes would hold far more memory than bytes: what is less than half full shares a buffer.
            match self.kept.back_mut() {
                Some(last) if last.free() >= len && (2 * len < frame.size() || 2 * last.bytes().len() < last.size()) => {
                    last.append(frame.bytes())
                }
                _ => self.kept.push_back(frame),
            }
        }
    }

    /// Everything before `position` has arrived. An error breaks the protocol.
    pub(super) fn acknowledge(&mut self, position: u64) -> Result<(), String> {
        let written = self.taken - self.again_bytes as u64;
        if position < self.acknowledged || position > written {
            let before = self.acknowledged;
            return Err(format!("acknowledged {position} bytes, but {written} were sent and {before} acknowledged before"));
        }
        self.acknowledged = position;
        while let Some(first) = self.kept.front()
            && self.kept_from + first.bytes().len() as u64 <= position
        {
            self.kept_from += first.bytes().len() as u64;
            self.kept.pop_front();
        }
        Ok(())
    }

    /// On a new link: the peer has everything before `position`, and the rest goes once more. To be called when nothing is taken that has not
    /// been given back. An error breaks the protocol.
    pub(super) fn resume(&mut self, pool: &Pool, position: u64) -> Result<(), String> {
        self.acknowledge(position).map_err(|text| format!("cannot resume: {text}"))?;
        let known = (position - self.kept_from) as usize;
        if known > 0
            && let Some(first) = self.kept.front_mut()
        {
            // Frames are written whole or not at all, as far as the peer counts them.
            if !boundaries(first.bytes()).any(|boundary| boundary == known) {
                return Err(format!("cannot resume in the middle of a frame, behind {position} bytes"));
            }
            let rest = &first.bytes()[known..];
            let mut unknown = pool.take(rest.len());
            unknown.append(rest);
            *first = unknown;
        }
        let kept = (self.taken - position) as usize - self.again_bytes;
        self.again_bytes += kept;
        self.kept.append(&mut self.again);
        std::mem::swap(&mut self.kept, &mut self.again);
        self.kept_from = position;
        Ok(())
    }

    /// Reliable messages of which the end is not known to have arrived; to be called when nothing is taken that has not been given back.
    pub(super) fn unacknowledged(&self) -> u64 {
        let mut known = self.acknowledged.saturating_sub(self.kept_from) as usize;
        let mut count = 0;
        // A message in fragments counts by its last one, but of what waits only the first may be there.
        let mut open = [false; Lane::COUNT];
        let held = self.kept.iter().chain(&self.again).chain(self.lanes.buffers());
        for buffer in held {
            // Acknowledgements may end anywhere: a frame of which only some has arrived counts.
            let known = std::mem::take(&mut known);
            for (header, _) in frames(buffer.bytes()).skip_while(|(_, end)| *end <= known) {
                let (reliable, lane, begins) = match header {
                    Header::Control { .. } => continue,
                    Header::Message { label, .. } => {
                        count += u64::from(label.delivery.mode == SendMode::Reliable);
                        continue;
                    }
                    Header::Begin { label, .. } => (label.delivery.mode == SendMode::Reliable, label.delivery.lane, true),
                    Header::Continue { label, .. } => (label.delivery.mode == SendMode::Reliable, label.delivery.lane, false),
                };
                // One that was begun before is counted by the first of its fragments that is left.
                let open = &mut open[usize::from(lane.number())];
                count += u64::from(reliable && (begins || !*open));
                *open = true;
            }
        }
        count
    }
}

/// The frames in bytes that were written by [`Lanes`], and where each ends.
fn frames(bytes: &[u8]) -> impl Iterator<Item = (Header, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let header = frame::peek(bytes.get(at..)?, usize::MAX)?.ok()?;
        at += HEADER_BYTES + header.body_len();
        Some((header, at))
    })
}

fn boundaries(bytes: &[u8]) -> impl Iterator<Item = usize> {
    frames(bytes).map(|(_, end)| end)
}

#[cfg(any(test, feature = "fuzzing"))]
pub(super) mod fuzzing;
#[cfg(test)]
mod tests;
