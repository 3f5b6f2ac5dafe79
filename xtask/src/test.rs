//! `cargo xtask test` and `cargo xtask soak`: run every part whatever the others say, and tells everything that failed at the end.

use crate::parts::{self, Part};
use crate::tools;
use std::process::ExitCode;
use std::time::Instant;

/// A command and the parts it runs.
pub(crate) struct Suite {
    pub(crate) command: &'static str,
    pub(crate) parts: &'static [Part],
}

pub(crate) const TEST: Suite = Suite { command: "test", parts: parts::TEST };
pub(crate) const SOAK: Suite = Suite { command: "soak", parts: parts::SOAK };

/// `names` are the parts to run; none means all.
pub(crate) fn run(suite: &Suite, names: &[&str]) -> ExitCode {
    let all = suite.parts;
    if let Some(unknown) = names.iter().find(|name| all.iter().all(|part| part.name != **name)) {
        let known = all.iter().map(|part| part.name).collect::<Vec<_>>().join(", ");
        eprintln!("`{unknown}` is not a part; the parts are: {known}");
        return ExitCode::FAILURE;
    }
    let chosen: Vec<&Part> = all.iter().filter(|part| names.is_empty() || names.contains(&part.name)).collect();

    let needed: Vec<tools::Tool> = chosen.iter().flat_map(|part| part.tools.iter().copied()).collect();
    if let Err(sentence) = tools::ensure_components().and_then(|()| tools::ensure(&needed)) {
        eprintln!("{sentence}");
        return ExitCode::FAILURE;
    }

    let began = Instant::now();
    let (mut passed, mut failures) = (0, Vec::new());
    for part in &chosen {
        let outcome = run_part(part);
        passed += outcome.passed;
        failures.extend(outcome.failures.into_iter().map(|sentence| format!("{}: {sentence}", part.name)));
    }

    println!("\n== all parts took {:.0} s", began.elapsed().as_secs_f64());
    for sentence in &failures {
        println!("{sentence}");
    }
    println!("{}", summary(suite, passed, failures.len(), &chosen));
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_part(part: &Part) -> crate::outcome::Outcome {
    println!("\n== {}: {}", part.name, part.what);
    let began = Instant::now();
    let mut outcome = (part.run)();
    if outcome.passed == 0 && outcome.failures.is_empty() {
        outcome.failures.push("nothing was checked".to_owned());
    }
    println!("== {}: {} passed, {} failed in {:.1} s", part.name, outcome.passed, outcome.failures.len(), began.elapsed().as_secs_f64());
    outcome
}

/// The last line. Only a run of every part may say it in the bare form.
fn summary(suite: &Suite, passed: usize, failed: usize, parts: &[&Part]) -> String {
    let counts = format!("{passed} passed, {failed} failed");
    if parts.len() == suite.parts.len() {
        return counts;
    }
    let names = parts.iter().map(|part| part.name).collect::<Vec<_>>().join(", ");
    format!("only {names}: {counts}; `cargo xtask {}` runs all {} parts", suite.command, suite.parts.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_full_run_says_so() {
        let all: Vec<&Part> = TEST.parts.iter().collect();
        assert_eq!(summary(&TEST, 7, 0, &all), "7 passed, 0 failed");
        assert!(summary(&TEST, 7, 0, &all[..1]).starts_with("only fmt: 7 passed, 0 failed; "));
    }
}
