//! Who gets in and who does not: keys on disk, and TLS on real loopback sockets.

mod files;
#[cfg(feature = "cli")]
mod keygen;
mod members;
mod strangers;
mod support;
