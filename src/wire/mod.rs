//! What travels between servers, byte for byte.
//!
//! Pure: takes and gives bytes. Must never know a socket, a clock or tokio.

pub mod codec;
