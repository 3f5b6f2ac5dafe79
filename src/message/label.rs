//! What stands on a message beside the game's bytes.

use super::Delivery;

/// What a message is to the two games.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Role {
    Message = 0,
    /// Wants an answer.
    Request = 1,
    /// The answer.
    Reply = 2,
    /// There will be none.
    Refusal = 3,
}

/// What is written on a message, beside how long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) tag: u16,
    pub(crate) delivery: Delivery,
    pub(crate) role: Role,
}

impl Label {
    pub(crate) fn message(tag: u16, delivery: Delivery) -> Self {
        Self { tag, delivery, role: Role::Message }
    }
}

/// Bytes in front of the payload: the request's number (`u64`, little-endian) and a `u32`: in a request its time limit in milliseconds, in a
/// reply the game's code, in a refusal the reason.
pub(crate) const HEAD_BYTES: usize = 12;

/// What stands in front of an answer, and (with the time limit in place of the code) of a request.
pub(crate) fn head(number: u64, code: u32) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[..8].copy_from_slice(&number.to_le_bytes());
    head[8..].copy_from_slice(&code.to_le_bytes());
    head
}

/// Number, `u32` and payload. `None`: there is not enough.
#[inline]
pub(crate) fn read_head(body: &[u8]) -> Option<(u64, u32, &[u8])> {
    let (number, rest) = body.split_first_chunk::<8>()?;
    let (code, payload) = rest.split_first_chunk::<4>()?;
    Some((u64::from_le_bytes(*number), u32::from_le_bytes(*code), payload))
}
