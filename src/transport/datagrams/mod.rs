//! Datagrams between members: QUIC (RFC 9000, RFC 9221) without streams, on one UDP socket per server.
//!
//! quinn-proto is the protocol and quinn-udp the system calls; ours are the socket, the timers, and that whoever sends writes to the socket on
//! its own thread. A connection carries nothing before it is bound to an authenticated stream: see [`Datagrams::claim`].
//! May use tokio and rustls; must never know what a datagram carries.

mod connection;
mod endpoint;

pub(crate) use connection::{Connection, Sink};
pub(crate) use endpoint::Datagrams;

/// What one connection may hold of datagrams, in either direction.
pub(crate) const CONNECTION_BYTES: usize = 256 * 1024;

/// What both ends derive from the keys of one connection, and nobody else can.
pub(crate) type Binding = [u8; 32];
