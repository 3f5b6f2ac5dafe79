//! What is measured: the peers and the cases.

/// Where a peer's program comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// This program, called as `sinew-bench peer …`.
    Own,
    /// `bench/peers/NAME.c`, compiled with these flags.
    C { name: &'static str, flags: &'static [&'static str] },
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) encrypted: bool,
    pub(crate) program: Program,
    pub(crate) tests: &'static [Test],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Test {
    Reliable,
    RoundTrip,
    Unreliable,
    UnreliableRoundTrip,
    Stall,
}

use Test::{Reliable, RoundTrip, Stall, Unreliable, UnreliableRoundTrip};

const STREAM: &[Test] = &[Reliable, RoundTrip, Stall];
const BOTH: &[Test] = &[Reliable, RoundTrip, Unreliable, UnreliableRoundTrip, Stall];

const SINEW: Program = Program::C { name: "sinew", flags: &["-lsinew"] };

pub(crate) const PEERS: &[Peer] = &[
    Peer { name: "sinew", what: "Sinew, through the C ABI", encrypted: true, program: SINEW, tests: BOTH },
    Peer {
        name: "tokio-rustls",
        what: "tokio + rustls, batched, tasks + queues (the baseline)",
        encrypted: true,
        program: Program::Own,
        tests: STREAM,
    },
    Peer { name: "rustls", what: "raw rustls, one thread, 64 KiB batches", encrypted: true, program: Program::Own, tests: STREAM },
    Peer { name: "tcp-batch", what: "raw TCP, 64 KiB batches", encrypted: false, program: Program::Own, tests: STREAM },
    Peer { name: "tcp-write", what: "raw TCP, one write per message", encrypted: false, program: Program::Own, tests: STREAM },
];

impl Test {
    pub(crate) const ALL: [Test; 5] = [Reliable, RoundTrip, Unreliable, UnreliableRoundTrip, Stall];

    /// As the programs are told, and as `--tests` takes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Reliable => "reliable",
            RoundTrip => "rtt",
            Unreliable => "unreliable",
            UnreliableRoundTrip => "unreliable-rtt",
            Stall => "stall",
        }
    }

    pub(crate) fn cases(self) -> Vec<Case> {
        let case = |size, spin| Case { test: self, size, spin };
        match self {
            Reliable => [64, 1024, 16 * 1024, 256 * 1024].map(|size| case(size, false)).to_vec(),
            RoundTrip | UnreliableRoundTrip => vec![case(64, false), case(64, true)],
            Unreliable | Stall => vec![case(64, false)],
        }
    }
}

/// One measurement of one peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Case {
    pub(crate) test: Test,
    pub(crate) size: usize,
    /// The application thread polls without sleeping.
    pub(crate) spin: bool,
}

impl Case {
    pub(crate) fn name(self) -> String {
        match self.test {
            Reliable | Unreliable => format!("{}-{}", self.test.name(), self.size),
            RoundTrip | UnreliableRoundTrip => format!("{}-{}", self.test.name(), if self.spin { "spinning" } else { "blocking" }),
            Stall => self.test.name().to_owned(),
        }
    }
}
