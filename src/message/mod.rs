//! Messages: what one server sends another, and the encoding that fills them.
//!
//! The library carries a payload without looking inside. [`Writer`] and [`Reader`] are for the two ends: they write and read the
//! bincode 2 `standard()` encoding field by field, the same in every language, so that a Rust server reads with
//! `#[derive(Deserialize)]` what another language wrote. `docs/messages.md` specifies the encoding in our own words.
//!
//! May use: the error type, serde and, for writing serde types, bincode. Must never know: tokio, sockets, the clock, or what any payload means.

mod delivery;
mod deserialize;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod label;
mod reader;
mod writer;

pub use delivery::{Delivery, Lane, SendMode};
pub(crate) use label::{HEAD_BYTES, Label, Role, head, read_head};
pub use reader::Reader;
pub use writer::Writer;

use bytes::Bytes;

/// What travels from one server to another: a number the game gives a meaning, and bytes.
///
/// Cloning shares the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Which of the game's own messages this is; Sinew reserves none.
    pub tag: u16,
    pub mode: SendMode,
    pub lane: Lane,
    pub payload: Bytes,
}

impl Message {
    /// Takes the payload without copying it when it is a [`Writer`], a `Vec<u8>` or [`Bytes`].
    pub fn new(tag: u16, delivery: impl Into<Delivery>, payload: impl Into<Bytes>) -> Self {
        let Delivery { mode, lane } = delivery.into();
        Self { tag, mode, lane, payload: payload.into() }
    }

    /// Reads the payload from its start.
    pub fn reader(&self) -> Reader<'_> {
        Reader::new(&self.payload)
    }
}

/// The first byte of a number that takes more than that byte (docs/messages.md, "Numbers").
mod marker {
    /// The largest number that is its own single byte.
    pub(super) const LAST_SMALL: u8 = 250;
    /// Two bytes follow, least significant first; likewise below.
    pub(super) const TWO_BYTES: u8 = 251;
    pub(super) const FOUR_BYTES: u8 = 252;
    pub(super) const EIGHT_BYTES: u8 = 253;
    pub(super) const SIXTEEN_BYTES: u8 = 254;
}

/// Compiles and runs the Rust examples of the page.
#[cfg(doctest)]
#[doc = include_str!("../../docs/messages.md")]
struct MessagesPage;
