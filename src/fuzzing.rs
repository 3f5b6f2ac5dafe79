//! What is fuzzed: everything that takes bytes from outside and can do so without a socket.
//!
//! ```text
//! cargo test fuzzing                          the corpus and a few thousand mutations of it, the same ones every time
//! cargo xtask fuzz [TARGET] [--seconds N]     libFuzzer, guided by what the code does with the bytes
//! ```
//!
//! A target takes any bytes and panics when a promise is broken. It lies in the module whose promises it knows; this list is all that is seen of
//! it from outside, and only with the feature `fuzzing`.

use crate::{config, link, message, registry, wire};

/// One function that must keep its promises whatever the bytes are.
pub struct Target {
    pub name: &'static str,
    pub run: fn(&[u8]),
    /// Most bytes that a run may hold at once: what the target itself needs for its checks is part of it.
    pub memory: u64,
}

pub const TARGETS: &[Target] = &[
    Target { name: "frames", run: link::fuzzing::frames, memory: 16 << 20 },
    Target { name: "datagram", run: link::fuzzing::datagram, memory: 4 << 20 },
    Target { name: "control", run: wire::fuzzing::control, memory: 2 << 20 },
    Target { name: "resume", run: link::fuzzing::resume, memory: 16 << 20 },
    Target { name: "reader", run: message::fuzzing::reader, memory: 4 << 20 },
    Target { name: "config", run: config::fuzzing::config, memory: 16 << 20 },
    Target { name: "registry-host", run: registry::embedded::fuzzing::host, memory: 8 << 20 },
    Target { name: "registry-member", run: registry::embedded::fuzzing::member, memory: 8 << 20 },
];

#[cfg(test)]
mod tests;
