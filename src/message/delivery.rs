//! How a message travels: whether it may get lost, and what it may overtake.

use crate::error::Error;

/// How much a message is worth.
///
/// The numbers cross the C ABI and are for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum SendMode {
    /// Arrives exactly once and in order, across broken connections, as long as both servers live.
    Reliable = 0,
    /// Arrives at most once, in any order; dropped rather than queued.
    Unreliable = 1,
}

/// What may overtake what: messages of one lane keep their order, those of a higher lane go first.
///
/// So a large transfer belongs on a lower lane than what must not wait for it. A lower lane is never starved for good: it gets a share of
/// about a ninth of the link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane(u8);

/// [`SendMode`] and [`Lane`] of a message; wherever one is wanted, a plain `SendMode` stands for that mode on lane 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Delivery {
    pub mode: SendMode,
    pub lane: Lane,
}

impl SendMode {
    /// This mode on another lane than 0.
    pub fn on(self, lane: Lane) -> Delivery {
        Delivery { mode: self, lane }
    }
}

impl Lane {
    /// How many there are.
    pub const COUNT: usize = 4;
    /// Lane 0, where messages travel that say nothing of lanes.
    pub const LOWEST: Lane = Lane(0);
    /// Lane 3.
    pub const HIGHEST: Lane = Lane(Self::COUNT as u8 - 1);

    /// Lane 0 to 3.
    pub fn new(number: u8) -> Result<Self, Error> {
        if usize::from(number) < Self::COUNT {
            return Ok(Self(number));
        }
        Err(Error::InvalidArgument(format!("{number} is no lane; lanes are 0 (default) to 3 (most urgent)")))
    }

    pub fn number(self) -> u8 {
        self.0
    }

    /// The lane in the lowest two bits.
    pub(crate) fn from_bits(bits: u8) -> Self {
        Self(bits & Self::HIGHEST.0)
    }
}

impl Delivery {
    /// Where the lane is in the number that crosses the C ABI.
    const LANE_SHIFT: u32 = 8;
}

impl From<SendMode> for Delivery {
    fn from(mode: SendMode) -> Self {
        mode.on(Lane::LOWEST)
    }
}

impl From<SendMode> for u32 {
    fn from(mode: SendMode) -> Self {
        mode as u32
    }
}

impl TryFrom<u32> for SendMode {
    type Error = Error;

    #[inline]
    fn try_from(number: u32) -> Result<Self, Error> {
        match number {
            0 => Ok(SendMode::Reliable),
            1 => Ok(SendMode::Unreliable),
            _ => Err(Error::InvalidArgument(format!("{number} is no send mode; use 0 (reliable) or 1 (unreliable)"))),
        }
    }
}

/// The number that crosses the C ABI: the mode in bits 0 to 7, the lane in bits 8 to 15.
impl From<Delivery> for u32 {
    fn from(delivery: Delivery) -> Self {
        delivery.mode as u32 | u32::from(delivery.lane.number()) << Delivery::LANE_SHIFT
    }
}

impl TryFrom<u32> for Delivery {
    type Error = Error;

    #[inline]
    fn try_from(number: u32) -> Result<Self, Error> {
        let lane = number >> Self::LANE_SHIFT;
        match SendMode::try_from(number & 0xff) {
            Ok(mode) if lane < Lane::COUNT as u32 => Ok(mode.on(Lane(lane as u8))),
            // In every send through the C ABI: what is wrong is found out elsewhere.
            _ => Err(refused(number)),
        }
    }
}

/// What is wrong with a number that is no [`Delivery`].
#[cold]
fn refused(number: u32) -> Error {
    let lane = u8::try_from(number >> Delivery::LANE_SHIFT).ok().and_then(|lane| Lane::new(lane).err());
    lane.unwrap_or_else(|| {
        Error::InvalidArgument(format!("the mode {number:#x} has unknown bits; use SINEW_MODE_* and SINEW_LANE_* alone"))
    })
}
