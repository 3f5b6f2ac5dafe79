//! The eight bytes in front of everything on a link.

use crate::message::SendMode;

/// Bytes of a frame header: `len: u32, kind: u8, flags: u8, tag: u16`, little-endian.
pub(crate) const HEADER_BYTES: usize = 8;

/// Largest control frame body. A hello is a few hundred bytes; names and versions are bounded by the configuration.
pub(crate) const MAX_CONTROL_BYTES: usize = 64 * 1024;

const KIND_CONTROL: u8 = 0;
const KIND_MESSAGE: u8 = 1;
const FLAG_UNRELIABLE: u8 = 0b0000_0001;

/// A frame header that has been checked against the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Header {
    Control { len: usize },
    Message { len: usize, tag: u16, mode: SendMode },
}

/// Why bytes are not a frame. The link is closed with this text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("unknown frame kind {0}")]
    Kind(u8),
    #[error("reserved flag bits set: {0:#010b}")]
    Flags(u8),
    #[error("control frame with tag {0}, must be 0")]
    Tag(u16),
    #[error("a control frame of {len} bytes is over the limit of {MAX_CONTROL_BYTES}")]
    ControlTooBig { len: usize },
    #[error("a message of {len} bytes is over limits.max_message_bytes = {limit} of this server")]
    MessageTooBig { len: usize, limit: usize },
}

impl Header {
    /// Reads a header, and refuses it before anything is allocated for the body.
    pub(crate) fn parse(bytes: [u8; HEADER_BYTES], max_message_bytes: usize) -> Result<Self, FrameError> {
        let [l0, l1, l2, l3, kind, flags, t0, t1] = bytes;
        let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let tag = u16::from_le_bytes([t0, t1]);
        match kind {
            KIND_CONTROL if flags != 0 => Err(FrameError::Flags(flags)),
            KIND_CONTROL if tag != 0 => Err(FrameError::Tag(tag)),
            KIND_CONTROL if len > MAX_CONTROL_BYTES => Err(FrameError::ControlTooBig { len }),
            KIND_CONTROL => Ok(Header::Control { len }),
            KIND_MESSAGE if flags & !FLAG_UNRELIABLE != 0 => Err(FrameError::Flags(flags)),
            KIND_MESSAGE if len > max_message_bytes => Err(FrameError::MessageTooBig { len, limit: max_message_bytes }),
            KIND_MESSAGE => {
                let mode = if flags & FLAG_UNRELIABLE != 0 { SendMode::Unreliable } else { SendMode::Reliable };
                Ok(Header::Message { len, tag, mode })
            }
            other => Err(FrameError::Kind(other)),
        }
    }

    /// The header as it goes on the wire. Callers have checked `len` against the limits, which are below 4 GiB.
    pub(crate) fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let (len, kind, flags, tag) = match self {
            Header::Control { len } => (len, KIND_CONTROL, 0, 0),
            Header::Message { len, tag, mode } => (len, KIND_MESSAGE, if mode == SendMode::Unreliable { FLAG_UNRELIABLE } else { 0 }, tag),
        };
        let [l0, l1, l2, l3] = (len as u32).to_le_bytes();
        let [t0, t1] = tag.to_le_bytes();
        [l0, l1, l2, l3, kind, flags, t0, t1]
    }

    /// Bytes that follow the header.
    pub(crate) fn body_len(self) -> usize {
        match self {
            Header::Control { len } | Header::Message { len, .. } => len,
        }
    }
}

/// The header at the front of `bytes`: `None` while fewer than [`HEADER_BYTES`] are there.
pub(crate) fn peek(bytes: &[u8], max_message_bytes: usize) -> Option<Result<Header, FrameError>> {
    let header = bytes.first_chunk::<HEADER_BYTES>()?;
    Some(Header::parse(*header, max_message_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: usize = 1 << 20;

    proptest! {
        #[test]
        fn a_message_header_survives_the_wire(len in 0..=LIMIT, tag: u16, unreliable: bool) {
            let mode = if unreliable { SendMode::Unreliable } else { SendMode::Reliable };
            let header = Header::Message { len, tag, mode };
            prop_assert_eq!(Header::parse(header.to_bytes(), LIMIT), Ok(header));
        }

        #[test]
        fn any_eight_bytes_are_a_bounded_header_or_an_error(bytes: [u8; 8]) {
            if let Ok(header) = Header::parse(bytes, LIMIT) {
                prop_assert!(header.body_len() <= LIMIT);
                prop_assert_eq!(header.to_bytes(), bytes);
            }
        }
    }

    #[test]
    fn a_length_of_4_gib_is_refused_by_the_header_alone() {
        let bytes = [0xff, 0xff, 0xff, 0xff, KIND_MESSAGE, 0, 0, 0];
        assert_eq!(Header::parse(bytes, LIMIT), Err(FrameError::MessageTooBig { len: u32::MAX as usize, limit: LIMIT }));
    }

    #[test]
    fn every_reserved_bit_is_refused() {
        for bit in 1..8 {
            assert_eq!(Header::parse([0, 0, 0, 0, KIND_MESSAGE, 1 << bit, 0, 0], LIMIT), Err(FrameError::Flags(1 << bit)));
        }
        assert_eq!(Header::parse([0, 0, 0, 0, 2, 0, 0, 0], LIMIT), Err(FrameError::Kind(2)));
        assert_eq!(Header::parse([0, 0, 0, 0, KIND_CONTROL, 0, 1, 0], LIMIT), Err(FrameError::Tag(1)));
    }

    #[test]
    fn a_header_is_not_read_before_it_is_complete() {
        assert_eq!(peek(&[0; 7], LIMIT), None);
        assert_eq!(peek(&[0; 8], LIMIT), Some(Ok(Header::Control { len: 0 })));
    }
}
