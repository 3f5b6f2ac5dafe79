//! Messages in a stream of bytes, for peers that only move streams: a length of 4 bytes before each.

const HEADER: usize = 4;

/// What is written to the stream at once.
pub(crate) const BATCH: usize = 64 * 1024;

/// What is read from the stream at once.
pub(crate) const READ: usize = 256 * 1024;

pub(crate) fn append(batch: &mut Vec<u8>, message: &[u8]) {
    batch.extend_from_slice(&(message.len() as u32).to_le_bytes());
    batch.extend_from_slice(message);
}

/// Walks the whole messages of `bytes` and returns how many bytes those are.
pub(crate) fn walk(bytes: &[u8], mut take: impl FnMut(&[u8])) -> usize {
    let mut at = 0;
    while let Some((length, rest)) = bytes[at..].split_first_chunk::<HEADER>() {
        let length = u32::from_le_bytes(*length) as usize;
        let Some(message) = rest.get(..length) else { break };
        take(message);
        at += HEADER + length;
    }
    at
}

/// How many bytes the first message of `bytes` needs in all.
pub(crate) fn needed(bytes: &[u8]) -> usize {
    bytes.first_chunk::<HEADER>().map_or(HEADER, |length| HEADER + u32::from_le_bytes(*length) as usize)
}

/// A buffer that is read into and walked in place.
#[derive(Debug)]
pub(crate) struct Frames {
    buffer: Vec<u8>,
    filled: usize,
}

impl Frames {
    pub(crate) fn new() -> Self {
        Frames { buffer: vec![0; 2 * READ], filled: 0 }
    }

    /// Where to read to; never empty.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        let needed = needed(&self.buffer[..self.filled]).max(self.filled + 1);
        if self.buffer.len() < needed {
            self.buffer.resize(needed, 0);
        }
        &mut self.buffer[self.filled..]
    }

    /// So many bytes were read; hands over the messages that are whole now.
    pub(crate) fn walk(&mut self, read: usize, take: impl FnMut(&[u8])) {
        self.filled += read;
        let walked = walk(&self.buffer[..self.filled], take);
        self.buffer.copy_within(walked..self.filled, 0);
        self.filled -= walked;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_out_as_they_went_in_however_they_are_cut() {
        let messages: Vec<Vec<u8>> = [0, 1, 64, 300_000, 5].iter().map(|length| vec![*length as u8; *length]).collect();
        let mut stream = Vec::new();
        messages.iter().for_each(|message| append(&mut stream, message));
        for cut in [1000, READ, 7 * READ] {
            let (mut frames, mut seen, mut rest) = (Frames::new(), Vec::new(), stream.as_slice());
            while !rest.is_empty() {
                let room = frames.room();
                let count = room.len().min(rest.len()).min(cut);
                room[..count].copy_from_slice(&rest[..count]);
                rest = &rest[count..];
                frames.walk(count, |message| seen.push(message.to_vec()));
            }
            assert!(seen == messages, "cut at {cut}");
        }
    }
}
