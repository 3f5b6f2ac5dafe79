//! What two servers say to each other on a link: frames, and the control messages inside some of them. `WIRE.md` is the specification.
//!
//! Pure: bytes in, values out. Knows nothing of sockets, tasks or the cluster's state; every length is checked before it is believed.

pub(crate) mod codec;
pub(crate) mod control;
pub(crate) mod frame;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
#[cfg(test)]
mod specification;

/// ALPN protocol name of a link; the number changes only when old and new cannot talk at all.
pub(crate) const ALPN: &[u8] = b"sinew/1";

/// Oldest and newest protocol version this build speaks; the hello carries the range and the higher common one is used.
pub(crate) const PROTOCOL: std::ops::RangeInclusive<u16> = 1..=1;
