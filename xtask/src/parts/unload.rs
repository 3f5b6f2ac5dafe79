//! A program that loads the library itself, closes it and goes on: what is left, counted after every start and end of two servers.

use super::installed::{C99, Installed, Linking, Program};
use crate::outcome::Outcome;
use crate::shell::root;
use std::process::Command;
use std::time::Duration;

/// What `sinew` promises is counted over this many cycles.
const CYCLES: &str = "1000";
/// Of each of the two ways in an ordinary run of the tests, which must not get long on a busy machine.
const SECONDS: &str = "15";
const LIMIT: Duration = Duration::from_secs(60);
/// A hundred times what it takes where nothing else runs.
const SOAK_LIMIT: Duration = Duration::from_secs(900);

/// As many cycles as half a minute allows.
pub(super) fn check() -> Outcome {
    run(&[&["close", CYCLES, SECONDS], &["keep", CYCLES, SECONDS], &["lookup"]], LIMIT)
}

/// All of them.
pub(super) fn soak() -> Outcome {
    run(&[&["close", CYCLES], &["keep", CYCLES], &["lookup"]], SOAK_LIMIT)
}

fn run(ways: &[&[&str]], limit: Duration) -> Outcome {
    let mut outcome = Outcome::default();
    let program = Program { compiler: ("CC", "cc"), dialect: C99, sanitized: false, linking: Linking::Loaded, what: "loaded" };
    let prepared = Installed::prepare("unload").and_then(|installed| {
        let built = installed.build(&root().join("tests/c/unload.c"), &program)?;
        Ok((installed, built))
    });
    match prepared {
        Ok((installed, built)) => {
            for arguments in ways {
                let mut command = Command::new(&built);
                command.args(*arguments);
                outcome.add(installed.run(command, limit));
            }
        }
        Err(sentence) => outcome.add(Err(sentence)),
    }
    outcome
}
