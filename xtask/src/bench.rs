//! Sinew beside what one would use instead: `bench/`, with what that needs.

use crate::parts::godot;
use crate::shell::{cargo, run};
use crate::tools::{CC, CXX, MCS, MONO, NATS_SERVER, ensure, ensure_files};

/// A header that a peer's program includes, and the Debian package it comes in.
const HEADERS: &[(&str, &str)] = &[
    ("/usr/include/zmq.h", "libzmq3-dev"),
    ("/usr/include/nng/nng.h", "libnng-dev"),
    ("/usr/include/enet/enet.h", "libenet-dev"),
    ("/usr/include/nats/nats.h", "libnats-dev"),
];

/// Builds everything in release and measures; the arguments are the program's own.
pub(crate) fn measure(arguments: &[&str]) -> Result<(), String> {
    // Without the compilers there is nothing to measure; without another library its row is missing, and the table says so.
    ensure(&[CC, CXX])?;
    if let Err(sentence) = ensure_files(HEADERS).and_then(|()| ensure(&[MCS, MONO, NATS_SERVER])) {
        println!("{sentence}");
    }
    let mut bench = cargo();
    match godot::engine() {
        Ok(engine) => {
            bench.env("SINEW_GODOT", engine);
        }
        Err(sentence) => println!("{sentence}"),
    }
    run(bench.args(["run", "--release", "--package", "sinew-bench", "--"]).args(arguments))
}
