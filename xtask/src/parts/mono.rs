//! What is common to everything that Debian's mono compiles and runs.

use super::installed::Installed;
use crate::outcome::Outcome;
use crate::shell::{output, run_within};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Warnings are errors. The compiler knows no later C# than this one, so neither does our code: every Unity of today takes it.
pub(super) const FLAGS: &[&str] = &["-langversion:7.2", "-warnaserror", "-optimize"];

/// A program that finds the installed library.
pub(super) fn program(program: &Path, installed: &Installed) -> Command {
    let mut command = Command::new("mono");
    command.arg("--debug").arg(program).env("LD_LIBRARY_PATH", installed.libraries());
    command
}

/// Runs each suite that a `tests.exe` lists, in a process of its own. `tests` is that program for one of them, or for `list`.
pub(super) fn suites(tests: impl Fn(&str) -> Command, limit: Duration, outcome: &mut Outcome) {
    match output(tests("list").arg("list")) {
        Ok(names) if names.lines().count() > 1 => {
            for name in names.lines() {
                println!("-- {name}");
                outcome.add(run_within(tests(name).arg(name), limit).map_err(|sentence| format!("{name}: {sentence}")));
            }
        }
        Ok(_) => outcome.add(Err("tests.exe lists no suites".to_owned())),
        Err(sentence) => outcome.add(Err(sentence)),
    }
}
