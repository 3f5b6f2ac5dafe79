//! The first thing a newcomer runs.

use crate::shell::{build_release, run_within, target};
use std::process::Command;
use std::time::{Duration, Instant};

const SECONDS: u64 = 8;
const LIMIT: Duration = Duration::from_secs(120);

pub(super) fn check() -> Result<(), String> {
    build_release()?;
    let began = Instant::now();
    run_within(Command::new(target()?.join("release/sinew")).args(["demo", "--seconds", &SECONDS.to_string()]), LIMIT)?;
    let took = began.elapsed().as_secs();
    if took >= SECONDS { Ok(()) } else { Err(format!("the demo was to run for {SECONDS} s and ended after {took} s")) }
}
