//! Large messages, put together from their fragments. Pure.

use crate::buffer::{Buffer, Pool};
use crate::message::{Label, Lane};
use crate::wire::frame::{MAX_BODY_BYTES, TOTAL_BYTES};

/// At most one message on each lane is under way, and none is larger than `limits.max_message_bytes`.
#[derive(Debug, Default)]
pub(super) struct Reassembly {
    open: [Option<Partial>; Lane::COUNT],
}

#[derive(Debug)]
struct Partial {
    label: Label,
    total: usize,
    buffer: Buffer,
}

impl Reassembly {
    /// The first fragment: the length of the whole, and the first bytes. An error breaks the protocol.
    pub(super) fn begin(&mut self, pool: &Pool, label: Label, body: &[u8], limit: usize) -> Result<(), String> {
        let lane = label.delivery.lane.number();
        let open = &mut self.open[usize::from(lane)];
        if let Some(partial) = open {
            return Err(format!("a second message in fragments on lane {lane}, where one of {} bytes is not complete", partial.total));
        }
        let Some((total, first)) = body.split_first_chunk::<TOTAL_BYTES>() else {
            return Err("a first fragment without the message's length".into());
        };
        let total = u32::from_le_bytes(*total) as usize;
        if total > limit {
            return Err(format!("a message of {total} bytes is over limits.max_message_bytes = {limit} of this server"));
        }
        if total <= MAX_BODY_BYTES {
            return Err(format!("a message of {total} bytes in fragments, though it fits in one frame"));
        }
        let mut buffer = pool.take(total);
        // At most a frame, which is less than the whole.
        buffer.append(first);
        *open = Some(Partial { label, total, buffer });
        Ok(())
    }

    /// A further fragment; the whole message, if it was the last. An error breaks the protocol.
    pub(super) fn proceed(&mut self, label: Label, body: &[u8]) -> Result<Option<Buffer>, String> {
        let lane = label.delivery.lane.number();
        let open = &mut self.open[usize::from(lane)];
        let Some(partial) = open else { return Err(format!("a fragment on lane {lane}, where no message was begun")) };
        if partial.label != label {
            let (found, begun) = (label.tag, partial.label.tag);
            return Err(format!("a fragment with tag {found} on lane {lane}, where a message with tag {begun} was begun"));
        }
        let missing = partial.total - partial.buffer.bytes().len();
        if body.len() > missing {
            return Err(format!("a fragment of {} bytes on lane {lane}, where {missing} are missing", body.len()));
        }
        partial.buffer.append(body);
        if body.len() < missing {
            return Ok(None);
        }
        Ok(open.take().map(|partial| partial.buffer))
    }

    /// A whole message may not come between the fragments of another on its lane. An error breaks the protocol.
    pub(super) fn allows_message(&self, lane: Lane) -> Result<(), String> {
        match &self.open[usize::from(lane.number())] {
            None => Ok(()),
            Some(partial) => Err(format!(
                "a message between the fragments of another on lane {}: {} of {} bytes are there",
                lane.number(),
                partial.buffer.bytes().len(),
                partial.total
            )),
        }
    }

    /// No message is under way: whole ones may come on every lane.
    pub(super) fn is_empty(&self) -> bool {
        self.open.iter().all(Option::is_none)
    }

    /// Bytes of memory that unfinished messages hold.
    pub(super) fn bytes(&self) -> usize {
        self.open.iter().flatten().map(|partial| partial.buffer.size()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::SendMode;

    const LIMIT: usize = 1 << 20;

    fn label(tag: u16, lane: u8) -> Label {
        Label::message(tag, SendMode::Reliable.on(Lane::new(lane).unwrap()))
    }

    fn body(total: u32, bytes: usize) -> Vec<u8> {
        [&total.to_le_bytes()[..], &vec![7; bytes]].concat()
    }

    #[test]
    fn fragments_of_every_lane_are_put_together_side_by_side() {
        let (pool, mut parts) = (Pool::new(LIMIT), Reassembly::default());
        for lane in 0..4 {
            parts.begin(&pool, label(u16::from(lane), lane), &body(100_000, 50_000), LIMIT).unwrap();
        }
        assert!(parts.bytes() >= 400_000);
        for lane in 0..4 {
            assert!(parts.proceed(label(u16::from(lane), lane), &[8; 49_999]).unwrap().is_none());
            let whole = parts.proceed(label(u16::from(lane), lane), &[9]).unwrap().expect("complete");
            assert_eq!((whole.bytes().len(), whole.bytes()[99_999]), (100_000, 9));
        }
        assert_eq!(parts.bytes(), 0);
    }

    #[test]
    fn what_cannot_be_a_message_breaks_the_protocol() {
        let (pool, mut parts) = (Pool::new(LIMIT), Reassembly::default());
        let says = |outcome: Result<(), String>, words: &str| {
            let text = outcome.expect_err(words);
            assert!(text.contains(words), "{text}");
        };
        says(parts.begin(&pool, label(1, 0), &body(u32::MAX, 10), LIMIT), "over limits.max_message_bytes = 1048576");
        says(parts.begin(&pool, label(1, 0), &body(10, 10), LIMIT), "fits in one frame");
        says(parts.proceed(label(1, 0), &[1]).map(drop), "no message was begun");
        parts.begin(&pool, label(1, 0), &body(70_000, 10), LIMIT).unwrap();
        says(parts.begin(&pool, label(1, 0), &body(70_000, 10), LIMIT), "a second message in fragments on lane 0");
        says(parts.allows_message(Lane::LOWEST), "between the fragments");
        assert!(parts.allows_message(Lane::HIGHEST).is_ok());
        says(parts.proceed(label(2, 0), &[1]).map(drop), "with tag 2");
        says(parts.proceed(label(1, 0), &[1; 69_991]).map(drop), "where 69990 are missing");
    }
}
