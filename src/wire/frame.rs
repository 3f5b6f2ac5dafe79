//! The eight bytes in front of everything on a link.

use crate::message::{Delivery, Label, Lane, Role, SendMode};

/// Bytes of a frame header: `len: u32, kind: u8, flags: u8, tag: u16`, little-endian.
pub(crate) const HEADER_BYTES: usize = 8;

/// Largest control frame body. A hello is a few hundred bytes; names and versions are bounded by the configuration.
pub(crate) const MAX_CONTROL_BYTES: usize = 64 * 1024;

/// Largest body of a message frame and of a fragment, so that no frame is longer than 64 KiB. A larger message is cut into fragments.
pub(crate) const MAX_BODY_BYTES: usize = 64 * 1024 - HEADER_BYTES;

/// Bytes in front of a message's first fragment: how long the whole message is, `u32`, little-endian.
pub(crate) const TOTAL_BYTES: usize = 4;

const KIND_CONTROL: u8 = 0;
const KIND_MESSAGE: u8 = 1;
const KIND_BEGIN: u8 = 2;
const KIND_CONTINUE: u8 = 3;
const FLAG_UNRELIABLE: u8 = 0b0000_0001;
const LANE_SHIFT: u8 = 1;
const ROLE_SHIFT: u8 = 3;
const FLAGS: u8 = FLAG_UNRELIABLE | 0b11 << LANE_SHIFT | 0b11 << ROLE_SHIFT;

/// A frame header that has been checked against the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Header {
    Control {
        len: usize,
    },
    Message {
        len: usize,
        label: Label,
    },
    /// The first part of a message too large for one frame; [`TOTAL_BYTES`] precede it in the body.
    Begin {
        len: usize,
        label: Label,
    },
    /// The next part of the message that was begun on this lane.
    Continue {
        len: usize,
        label: Label,
    },
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
    #[error("a frame of {len} bytes is over the limit of {MAX_BODY_BYTES}; larger messages come in fragments")]
    FrameTooBig { len: usize },
    #[error("a fragment of {len} bytes carries nothing")]
    Empty { len: usize },
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
            KIND_MESSAGE..=KIND_CONTINUE if flags & !FLAGS != 0 => Err(FrameError::Flags(flags)),
            KIND_MESSAGE if len > max_message_bytes => Err(FrameError::MessageTooBig { len, limit: max_message_bytes }),
            KIND_MESSAGE..=KIND_CONTINUE if len > MAX_BODY_BYTES => Err(FrameError::FrameTooBig { len }),
            KIND_MESSAGE => Ok(Header::Message { len, label: label(flags, tag) }),
            KIND_BEGIN if len <= TOTAL_BYTES => Err(FrameError::Empty { len }),
            KIND_BEGIN => Ok(Header::Begin { len, label: label(flags, tag) }),
            KIND_CONTINUE if len == 0 => Err(FrameError::Empty { len }),
            KIND_CONTINUE => Ok(Header::Continue { len, label: label(flags, tag) }),
            other => Err(FrameError::Kind(other)),
        }
    }

    /// The header as it goes on the wire. Callers have checked `len` against the limits, which are below 4 GiB.
    pub(crate) fn to_bytes(self) -> [u8; HEADER_BYTES] {
        let (len, kind, flags, tag) = match self {
            Header::Control { len } => (len, KIND_CONTROL, 0, 0),
            Header::Message { len, label } => (len, KIND_MESSAGE, flags(label), label.tag),
            Header::Begin { len, label } => (len, KIND_BEGIN, flags(label), label.tag),
            Header::Continue { len, label } => (len, KIND_CONTINUE, flags(label), label.tag),
        };
        let [l0, l1, l2, l3] = (len as u32).to_le_bytes();
        let [t0, t1] = tag.to_le_bytes();
        [l0, l1, l2, l3, kind, flags, t0, t1]
    }

    /// Bytes that follow the header.
    pub(crate) fn body_len(self) -> usize {
        match self {
            Header::Control { len } | Header::Message { len, .. } | Header::Begin { len, .. } | Header::Continue { len, .. } => len,
        }
    }
}

fn flags(label: Label) -> u8 {
    let Delivery { mode, lane } = label.delivery;
    let unreliable = if mode == SendMode::Unreliable { FLAG_UNRELIABLE } else { 0 };
    unreliable | lane.number() << LANE_SHIFT | (label.role as u8) << ROLE_SHIFT
}

fn label(flags: u8, tag: u16) -> Label {
    let mode = if flags & FLAG_UNRELIABLE != 0 { SendMode::Unreliable } else { SendMode::Reliable };
    let role = match flags >> ROLE_SHIFT & 0b11 {
        0 => Role::Message,
        1 => Role::Request,
        2 => Role::Reply,
        _ => Role::Refusal,
    };
    Label { tag, delivery: mode.on(Lane::from_bits(flags >> LANE_SHIFT)), role }
}

/// The header at the front of `bytes`: `None` while fewer than [`HEADER_BYTES`] are there.
pub(crate) fn peek(bytes: &[u8], max_message_bytes: usize) -> Option<Result<Header, FrameError>> {
    let header = bytes.first_chunk::<HEADER_BYTES>()?;
    Some(Header::parse(*header, max_message_bytes))
}

/// The message at the front of `bytes` if it is whole there: its length and label. `None` leaves everything open: [`peek`] knows more.
///
/// Says nothing that `peek` would not, in a few instructions: on a busy link nearly everything is this.
#[inline]
pub(crate) fn whole_message(bytes: &[u8], max_message_bytes: usize) -> Option<(usize, Label)> {
    const KIND_AND_RESERVED: u64 = 0xff | (!FLAGS as u64) << 8;
    let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let header = u64::from_le_bytes(*header);
    let (len, above) = (header as u32 as usize, header >> 32);
    let is_message = above & KIND_AND_RESERVED == u64::from(KIND_MESSAGE) && len <= max_message_bytes.min(MAX_BODY_BYTES);
    (is_message && len <= rest.len()).then(|| (len, label((above >> 8) as u8, (above >> 16) as u16)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: usize = 1 << 20;

    proptest! {
        #[test]
        fn a_message_header_survives_the_wire(len in TOTAL_BYTES + 1..=MAX_BODY_BYTES, tag: u16, flags in 0..=FLAGS, kind in 0..3) {
            let label = label(flags, tag);
            let header = match kind {
                0 => Header::Message { len, label },
                1 => Header::Begin { len, label },
                _ => Header::Continue { len, label },
            };
            prop_assert_eq!(Header::parse(header.to_bytes(), LIMIT), Ok(header));
        }

        #[test]
        fn a_whole_message_is_what_peek_says_it_is(len in 0..40_u32, kind in 0..3_u8, flags: u8, tag: u16, there in 0..48_usize, limit in 0..40_usize) {
            let [t0, t1] = tag.to_le_bytes();
            let mut bytes = len.to_le_bytes().to_vec();
            bytes.extend([kind, flags, t0, t1]);
            bytes.resize(there, 7);
            let whole = match peek(&bytes, limit) {
                Some(Ok(Header::Message { len, label })) if HEADER_BYTES + len <= there => Some((len, label)),
                _ => None,
            };
            prop_assert_eq!(whole_message(&bytes, limit), whole);
        }

        #[test]
        fn any_eight_bytes_are_a_bounded_header_or_an_error(bytes: [u8; 8]) {
            if let Ok(header) = Header::parse(bytes, LIMIT) {
                prop_assert!(header.body_len() <= MAX_CONTROL_BYTES);
                prop_assert_eq!(header.to_bytes(), bytes);
            }
        }
    }

    #[test]
    fn a_length_of_4_gib_is_refused_by_the_header_alone() {
        let header = |kind| Header::parse([0xff, 0xff, 0xff, 0xff, kind, 0, 0, 0], LIMIT);
        let len = u32::MAX as usize;
        assert_eq!(header(KIND_CONTROL), Err(FrameError::ControlTooBig { len }));
        assert_eq!(header(KIND_MESSAGE), Err(FrameError::MessageTooBig { len, limit: LIMIT }));
        assert_eq!(header(KIND_BEGIN), Err(FrameError::FrameTooBig { len }));
        assert_eq!(header(KIND_CONTINUE), Err(FrameError::FrameTooBig { len }));
    }

    #[test]
    fn every_reserved_bit_is_refused() {
        for kind in [KIND_MESSAGE, KIND_BEGIN, KIND_CONTINUE] {
            for bit in 5..8 {
                assert_eq!(Header::parse([9, 0, 0, 0, kind, 1 << bit, 0, 0], LIMIT), Err(FrameError::Flags(1 << bit)));
            }
        }
        assert_eq!(Header::parse([0, 0, 0, 0, 4, 0, 0, 0], LIMIT), Err(FrameError::Kind(4)));
        assert_eq!(Header::parse([0, 0, 0, 0, KIND_CONTROL, 0, 1, 0], LIMIT), Err(FrameError::Tag(1)));
    }

    #[test]
    fn a_fragment_carries_something() {
        assert_eq!(Header::parse([4, 0, 0, 0, KIND_BEGIN, 0, 0, 0], LIMIT), Err(FrameError::Empty { len: 4 }));
        assert_eq!(Header::parse([0, 0, 0, 0, KIND_CONTINUE, 0, 0, 0], LIMIT), Err(FrameError::Empty { len: 0 }));
    }

    #[test]
    fn a_header_is_not_read_before_it_is_complete() {
        assert_eq!(peek(&[0; 7], LIMIT), None);
        assert_eq!(peek(&[0; 8], LIMIT), Some(Ok(Header::Control { len: 0 })));
    }
}
