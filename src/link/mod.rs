//! The authenticated connection to one other server: getting it, keeping it, and moving messages over it.
//!
//! [`Peer`] is the record of a remote server that the game's threads and the link share: `send` goes straight into its outbox.
//! [`handshake`] makes a link out of a socket, [`run()`] moves bytes until it ends, [`session`] (pure) decides about keep-alives and
//! acknowledgements. May use: transport, wire, messages, the event queue. Must never know: the registry, or which links should exist.

mod accept;
mod addresses;
mod brief;
mod commons;
mod datagrams;
mod dial;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
pub(crate) mod handshake;
mod lanes;
mod outbox;
mod peer;
mod reading;
mod reassembly;
mod receiving;
mod requests;
mod run;
mod sending;
mod session;
mod work;
mod writer;

pub(crate) use accept::{Accepted, Offer, accept};
pub(crate) use commons::Commons;
pub(crate) use datagrams::Way;
pub(crate) use dial::{DialFailure, Dialled, Purpose, dial};
pub use peer::ConnectionState;
pub(crate) use peer::Peer;
pub(crate) use requests::{Again, Ask, Asker, Ended, Outcome, Pick, Unsent, check_timeout};
pub(crate) use run::{Closing, Running, run};
pub(crate) use session::Pace;
pub use work::Readiness;
pub(crate) use work::{CAPACITY, LOAD, STATE, number};
