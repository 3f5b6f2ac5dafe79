//! The numbers by which servers and requests are known.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU64;

/// One registration of one server: never 0, never reused, always below 2^53 so that every language can hold it.
///
/// A server that restarts registers anew and gets a new id (with the `fixed` registry an id names the seat in the list instead).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "u64", into = "u64")]
pub struct ServerId(u64);

impl ServerId {
    /// The largest id: 2^53 - 1, the last integer a double holds exactly (GDScript via JSON, JavaScript tools).
    pub const MAX: u64 = (1 << 53) - 1;

    /// `None` for 0 and for numbers over [`ServerId::MAX`], which name no server.
    pub fn new(raw: u64) -> Option<Self> {
        (raw != 0 && raw <= Self::MAX).then_some(Self(raw))
    }

    /// The number as it crosses the C ABI and the wire.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl TryFrom<u64> for ServerId {
    type Error = &'static str;

    /// What arrives from outside is checked before it is an id.
    fn try_from(raw: u64) -> Result<Self, Self::Error> {
        Self::new(raw).ok_or("a server id is between 1 and 2^53 - 1")
    }
}

impl From<ServerId> for u64 {
    fn from(id: ServerId) -> u64 {
        id.0
    }
}

impl fmt::Display for ServerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of a request that this server has made: never used again while the server runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(NonZeroU64);

impl RequestId {
    /// `None` for 0, which is no request.
    pub fn new(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    pub fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
