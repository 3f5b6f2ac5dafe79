//! The generated C header.

use crate::shell::{cargo, fresh_folder, root, run};
use std::fs;

/// Writes `include/sinew.h`.
pub(crate) fn write() -> Result<(), String> {
    run(cargo().args(["check", "--package", "sinew", "--lib", "--features", "headers"]).env_remove("SINEW_HEADER_OUT"))
}

/// Generates into a folder of its own, the way [`write()`] does, and compares.
pub(super) fn check() -> Result<(), String> {
    let committed = fs::read(root().join("include/sinew.h")).map_err(|_| "include/sinew.h is missing; run cargo xtask headers")?;
    // Another name each time: the build script runs again only for what has changed, and the file of the last time is gone.
    let fresh = fresh_folder("headers")?.join(format!("sinew-{}.h", std::process::id()));
    run(cargo().args(["check", "--package", "sinew", "--lib", "--features", "headers"]).env("SINEW_HEADER_OUT", &fresh))?;
    let generated = fs::read(&fresh).map_err(|error| format!("the build wrote no {fresh:?}: {error}"))?;
    if generated == committed { Ok(()) } else { Err("include/sinew.h is not what src/capi declares; run cargo xtask headers".to_owned()) }
}
