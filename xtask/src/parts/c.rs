//! Programs that use the library as a C or C++ programmer does: through the installed header and pkg-config.

use super::installed::{C99, Installed, Linking, Program};
use crate::files;
use crate::outcome::Outcome;
use crate::shell::root;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// For one program to run.
const LIMIT: Duration = Duration::from_secs(120);

/// Loads the library itself: the part `unload` builds and runs it.
const LOADS_THE_LIBRARY: &str = "unload";

/// As engines are built.
const CPP17: &[&str] = &["-std=c++17", "-fno-exceptions", "-fno-rtti"];
const CPP20: &[&str] = &["-std=c++20", "-fno-exceptions", "-fno-rtti"];

/// What runs under valgrind as well: it sees the memory of the library, too. The others would be slow there, and show nothing more.
///
/// Not under its helgrind or drd: these know neither Rust's atomics nor parking_lot's locks, and report over a thousand races of `example`,
/// all of them in memory that such a lock or atomic hands over. What rules data races out is Rust's types; `threads` looks for the rest.
const UNDER_VALGRIND: &[&str] = &["example", "misuse"];

pub(super) fn check() -> Outcome {
    let mut outcome = Outcome::default();
    match sources().and_then(|sources| Ok((Installed::prepare("c")?, sources))) {
        Ok((installed, sources)) => sources.iter().for_each(|source| check_source(&installed, source, &mut outcome)),
        Err(sentence) => outcome.add(Err(sentence)),
    }
    outcome
}

/// The threads of a game, for as long as a match.
pub(super) fn soak() -> Outcome {
    const SECONDS: &str = "120";
    let program = Program { compiler: ("CC", "cc"), dialect: C99, sanitized: false, linking: Linking::Shared, what: "shared" };
    let ran = Installed::prepare("threads").and_then(|installed| {
        let built = installed.build(&root().join("tests/c/threads.c"), &program)?;
        let mut command = Command::new(built);
        command.arg(SECONDS);
        installed.run(command, LIMIT * 2)
    });
    ran.into()
}

fn sources() -> Result<Vec<PathBuf>, String> {
    let mut sources = files::entries(&root().join("tests/c"))?;
    sources.retain(|path| path.extension().is_some_and(|it| it == "c" || it == "cpp"));
    sources.retain(|path| path.file_stem().is_some_and(|name| name != LOADS_THE_LIBRARY));
    if sources.is_empty() { Err("tests/c holds no C programs".to_owned()) } else { Ok(sources) }
}

fn check_source(installed: &Installed, source: &Path, outcome: &mut Outcome) {
    let name = source.file_stem().unwrap_or_default().to_string_lossy();
    if source.extension().is_some_and(|it| it == "cpp") {
        for (dialect, what) in [(CPP17, "C++17"), (CPP20, "C++20")] {
            let program = Program { compiler: ("CXX", "c++"), dialect, sanitized: false, linking: Linking::Shared, what };
            outcome.add(installed.build(source, &program).and_then(|built| installed.run(Command::new(built), LIMIT)));
        }
        return;
    }
    let variants = [("shared", Linking::Shared, false), ("static", Linking::Static, false), ("sanitized", Linking::Shared, true)];
    for (what, linking, sanitized) in variants {
        let program = Program { compiler: ("CC", "cc"), dialect: C99, sanitized, linking, what };
        let built = installed.build(source, &program);
        if what == "shared" && UNDER_VALGRIND.contains(&&*name) {
            outcome.add(built.clone().and_then(|built| installed.run(under_valgrind(&built), LIMIT)));
        }
        outcome.add(built.and_then(|built| installed.run(Command::new(built), LIMIT)));
    }
}

fn under_valgrind(program: &Path) -> Command {
    println!("-- the same under valgrind");
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--error-exitcode=9", "--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"]);
    command.arg(program);
    command
}
