//! The first thing a newcomer runs.

use crate::shell::{build_release, run_within, target};
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(120);

pub(super) fn check() -> Result<(), String> {
    build_release()?;
    run_within(Command::new(target()?.join("release/sinew")).args(["demo", "--seconds", "8"]), LIMIT)
}
