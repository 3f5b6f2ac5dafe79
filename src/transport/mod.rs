//! Authenticated encrypted byte streams between members of one cluster, and the keys that make somebody a member.
//!
//! May use tokio, rustls and the file system (keys only); takes `config` sections and returns streams, proven names and typed
//! errors. Must never know what travels on a stream (frames, sessions, registries) nor who is in the cluster.
//! How many connections an address may open is decided here too (`throttle`), for every port that speaks TLS.
//! Nothing here is process-wide: the crypto provider is passed explicitly, so any number of servers live side by side.

pub mod channel;
mod credentials;
pub(crate) mod datagrams;
mod failure;
mod files;
pub mod identity;
pub mod keys;
mod negotiation;
pub mod record;
mod socket;
pub(crate) mod throttle;
pub mod tls;
mod verifier;
