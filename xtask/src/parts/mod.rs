//! What `cargo xtask test` and `cargo xtask soak` check, one file per kind of check.
//!
//! A part may build and run anything, prints what it likes, and answers with an [`Outcome`]. It never skips a check: what cannot be
//! checked has failed.

mod c;
mod cpp;
mod csharp;
mod demo;
pub(crate) mod deny;
pub(crate) mod godot;
pub(crate) mod headers;
mod installed;
mod mixed;
mod mono;
mod notices;
mod registry;
mod rust;
mod spdx;
mod symbols;
pub(crate) mod unity;
mod unload;
pub(crate) mod unreal;

use crate::outcome::Outcome;
use crate::tools::*;

pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    pub(crate) tools: &'static [Tool],
    pub(crate) run: fn() -> Outcome,
}

/// Every part of `cargo xtask test`, the quick ones first.
pub(crate) const TEST: &[Part] = &[
    Part { name: "fmt", what: "the Rust sources are formatted", tools: &[], run: || rust::formatting().into() },
    Part { name: "deny", what: "dependencies: licences, sources and bans of deny.toml", tools: &[], run: deny::check },
    Part {
        name: "notices",
        what: "the Godot addon names whose work its library contains, and under which terms",
        tools: &[],
        run: || godot::notices::check().into(),
    },
    Part { name: "clippy", what: "no warnings, with and without the C ABI", tools: &[CC], run: rust::clippy },
    Part { name: "docs", what: "the documentation has no warnings", tools: &[CC], run: || rust::documentation().into() },
    Part { name: "headers", what: "the C header and the C# declarations are what src/capi says", tools: &[CC], run: headers::check },
    Part { name: "rust", what: "the Rust tests", tools: &[CC, CXX, ETCD, IP, REDIS_SENTINEL, REDIS_SERVER], run: rust::tests },
    Part { name: "symbols", what: "the shared library exports the header's functions", tools: &[CC, NM, READELF], run: symbols::check },
    Part {
        name: "c",
        what: "the programs of tests/c: both libraries, sanitizers, valgrind",
        tools: &[CC, CXX, PKG_CONFIG, VALGRIND],
        run: c::check,
    },
    Part {
        name: "unload",
        what: "a program that loads and closes the library: half a minute of servers leaves nothing behind",
        tools: &[CC, PKG_CONFIG],
        run: unload::check,
    },
    Part {
        name: "godot",
        what: "the addon in a real Godot: its suite, its documentation, its demo, an empty project",
        tools: &[CC, NM, PKG_CONFIG, READELF, STRIP, UNZIP, ZIP],
        run: godot::check,
    },
    Part {
        name: "csharp",
        what: "the C# core compiled and run by mono: its tests, and the program of its page of the book",
        tools: &[CC, MCS, MONO, PKG_CONFIG],
        run: csharp::check,
    },
    Part {
        name: "cpp",
        what: "sinew.hpp: three compilers, CMake, pkg-config, sanitizers, its page of the book",
        tools: &[CC, CXX, CLANG, CLANG_16, CMAKE, PKG_CONFIG],
        run: cpp::check,
    },
    Part {
        name: "unreal",
        what: "the plugin for Unreal against stand-ins and the real library: lint, compilers, behaviour",
        tools: &[CC, CLANG, GXX, MCS, MONO, PKG_CONFIG, PYTHON3],
        run: unreal::check,
    },
    Part {
        name: "unity",
        what: "the Unity package: its files, and on mono its code and samples, with stand-ins for Unity",
        tools: &[CC, MCS, MONO, STRIP],
        run: unity::check,
    },
    Part {
        name: "mixed",
        what: "servers in Rust, C, C++, C# and Godot in one cluster compare 100,000 messages, each with each",
        tools: &[CC, GXX, MCS, MONO, PKG_CONFIG, STRIP],
        run: || mixed::check().into(),
    },
    Part { name: "demo", what: "`sinew demo` ends well", tools: &[CC], run: || demo::check().into() },
];

/// Every part of `cargo xtask soak`: what takes too long for every run of the tests.
pub(crate) const SOAK: &[Part] = &[
    Part {
        name: "unload",
        what: "a program that loads and closes the library: a thousand times two servers leave nothing behind",
        tools: &[CC, PKG_CONFIG],
        run: unload::soak,
    },
    Part {
        name: "sessions",
        what: "a thousand cuts, a hundred restarts, a hundred thousand simulated stories: no message lost or doubled",
        tools: &[CC, CXX],
        run: rust::soak,
    },
    Part { name: "unreal", what: "the plugin for Unreal in every dialect of C++", tools: &[CLANG, GXX, PYTHON3], run: unreal::soak },
    Part { name: "threads", what: "many threads send, ask and poll for two minutes", tools: &[CC, PKG_CONFIG], run: c::soak },
];
