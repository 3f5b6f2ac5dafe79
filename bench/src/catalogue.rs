//! What is measured: the peers and the cases.

/// Where a peer's program comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// This program, called as `sinew-bench peer …`.
    Own,
    /// `bench/peers/NAME.c`, compiled with these flags.
    C { name: &'static str, flags: &'static [&'static str] },
    /// `bench/peers/NAME.cs` over the C# core, on mono.
    Mono(&'static str),
    /// `bench/peers/NAME.cpp`, through the headers of `bindings/cpp`, compiled with these flags.
    Cpp { name: &'static str, flags: &'static [&'static str] },
    /// `bench/peers/godot/NAME.gd`, run by the engine with Sinew's addon.
    Godot(&'static str),
    /// A package of its own in `bench/NAME`, outside of the workspace.
    Package(&'static str),
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) encrypted: bool,
    pub(crate) program: Program,
    pub(crate) tests: &'static [Test],
    pub(crate) broker: Broker,
    /// Unreliable messages under way at once: of the powers of two, the one with which the peer delivers most.
    pub(crate) window: u64,
}

/// A process between the two, whose CPU time counts, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broker {
    None,
    Nats { tls: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Test {
    Reliable,
    RoundTrip,
    Unreliable,
    UnreliableRoundTrip,
    Stall,
    /// Messages of 64 B to and fro on an urgent lane, while messages of 16 MiB stream on another.
    Lanes,
    /// Requests of 64 B with their answers, many under way at once.
    Requests,
    /// One after the other.
    RequestsSingle,
}

use Test::{Lanes, Reliable, Requests, RequestsSingle, RoundTrip, Stall, Unreliable, UnreliableRoundTrip};

const STREAM: &[Test] = &[Reliable, RoundTrip, Stall];
/// With requests of its own, or what one would build them with.
const ASKED: &[Test] = &[Reliable, RoundTrip, Stall, Requests, RequestsSingle];
/// What shows what a wrapper of the C ABI costs.
const WRAPPED: &[Test] = &[Reliable, RoundTrip, Requests, RequestsSingle];
const BOTH: &[Test] = &[Reliable, RoundTrip, Unreliable, UnreliableRoundTrip, Stall];
const DATAGRAMS: &[Test] = &[Unreliable, UnreliableRoundTrip];

const ZENOH: Program = Program::Package("zenoh");

const fn own(name: &'static str, what: &'static str, encrypted: bool, tests: &'static [Test]) -> Peer {
    Peer { name, what, encrypted, program: Program::Own, tests, broker: Broker::None, window: 4096 }
}

const fn in_c(
    name: &'static str,
    what: &'static str,
    encrypted: bool,
    source: &'static str,
    flags: &'static [&'static str],
    tests: &'static [Test],
) -> Peer {
    Peer { name, what, encrypted, program: Program::C { name: source, flags }, tests, broker: Broker::None, window: 4096 }
}

pub(crate) const PEERS: &[Peer] = &[
    Peer { window: 8192, ..in_c("sinew", "Sinew, through the C ABI", true, "sinew", &["-lsinew"], &Test::ALL) },
    Peer { program: Program::Mono("sinew"), ..own("sinew-csharp", "Sinew, through its C# core, on mono", true, &[Reliable, RoundTrip]) },
    Peer { program: Program::Cpp { name: "sinew", flags: &["-lsinew"] }, ..own("sinew-cpp", "Sinew, through sinew.hpp", true, WRAPPED) },
    Peer { program: Program::Godot("sinew"), ..own("sinew-godot", "Sinew in Godot, signals of GDScript", true, &[Reliable]) },
    Peer { program: Program::Godot("enet"), ..own("godot-enet", "Godot's ENetMultiplayerPeer, packets of GDScript", false, &[Reliable]) },
    own("tokio-rustls", "tokio + rustls, batched, tasks + queues (the baseline)", true, STREAM),
    own("rustls", "raw rustls, one thread, 64 KiB batches", true, STREAM),
    own("tcp-batch", "raw TCP, 64 KiB batches", false, STREAM),
    own("tcp-write", "raw TCP, one write per message", false, STREAM),
    Peer { window: 256, ..own("udp", "raw UDP, one call per message", false, DATAGRAMS) },
    own("quinn", "quinn: a QUIC stream / datagrams", true, BOTH),
    in_c("zmq-plain", "ZeroMQ", false, "zmq", &["-lzmq"], ASKED),
    in_c("zmq-curve", "ZeroMQ CURVE", true, "zmq", &["-lzmq"], ASKED),
    in_c("enet", "ENet", false, "enet", &["-lenet"], BOTH),
    in_c("nng-tcp", "NNG", false, "nng", &["-lnng"], STREAM),
    in_c("nng-tls", "NNG over TLS", true, "nng", &["-lnng"], STREAM),
    Peer { broker: Broker::Nats { tls: false }, ..in_c("nats-plain", "NATS, with its broker", false, "nats", &["-lnats"], ASKED) },
    Peer { broker: Broker::Nats { tls: true }, ..in_c("nats-tls", "NATS over TLS, with its broker", true, "nats", &["-lnats"], ASKED) },
    Peer { program: ZENOH, ..own("zenoh-tcp", "zenoh over TCP", false, STREAM) },
    Peer { program: ZENOH, ..own("zenoh-tls", "zenoh over TLS", true, STREAM) },
    Peer { program: ZENOH, ..own("zenoh-udp", "zenoh over UDP", false, DATAGRAMS) },
];

impl Test {
    pub(crate) const ALL: [Test; 8] = [Reliable, RoundTrip, Unreliable, UnreliableRoundTrip, Stall, Lanes, Requests, RequestsSingle];

    /// As the programs are told, and as `--tests` takes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Reliable => "reliable",
            RoundTrip => "rtt",
            Unreliable => "unreliable",
            UnreliableRoundTrip => "unreliable-rtt",
            Stall => "stall",
            Lanes => "lanes",
            Requests => "requests",
            RequestsSingle => "requests-single",
        }
    }

    /// Requests under way at once.
    pub(crate) fn flight(self) -> usize {
        match self {
            Requests => 1000,
            RequestsSingle => 1,
            _ => 0,
        }
    }

    pub(crate) fn cases(self) -> Vec<Case> {
        let case = |size, spin| Case { test: self, size, spin };
        match self {
            Reliable => [64, 1024, 16 * 1024, 256 * 1024].map(|size| case(size, false)).to_vec(),
            RoundTrip | UnreliableRoundTrip => vec![case(64, false), case(64, true)],
            Unreliable | Stall | Lanes | Requests | RequestsSingle => vec![case(64, false)],
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
            Stall | Lanes | Requests | RequestsSingle => self.test.name().to_owned(),
        }
    }
}
