//! The library of the addon: built, looked at, and put where the engine finds it.

use crate::files;
use crate::outcome::Outcome;
use crate::shell::{cargo, output, root, run, target};
use std::path::{Path, PathBuf};
use std::process::Command;

/// As in `sinew.gdextension`.
const IN_THE_ADDON: &str = "addons/sinew/bin/linux.x86_64/libsinew_godot.so";

/// What every Linux has. The library brings all the rest.
const SYSTEM: &[&str] = &["libc.so.6", "libm.so.6", "libgcc_s.so.1", "libdl.so.2", "libpthread.so.0", "ld-linux-x86-64.so.2"];

/// `cargo xtask godot`: into the project in `godot/`, for those who work on it.
pub(crate) fn build_into_the_project() -> Result<(), String> {
    let project = root().join("godot");
    put(&build()?, &project)?;
    register(&project)?;
    println!("{IN_THE_ADDON} is built; open {} with Godot 4.4 or newer (restart an editor that has it open)", project.display());
    Ok(())
}

/// Builds it as it is shipped.
pub(super) fn build() -> Result<PathBuf, String> {
    run(built_apart(cargo().args(["build", "--package", "sinew-godot"]))?)?;
    Ok(target_of_its_own()?.join("release/libsinew_godot.so"))
}

/// In a target folder of its own: the core has other features here than in `libsinew.so`, and the two would be built anew in turn under one name.
pub(super) fn built_apart(cargo: &mut Command) -> Result<&mut Command, String> {
    Ok(cargo.arg("--release").arg("--target-dir").arg(target_of_its_own()?))
}

fn target_of_its_own() -> Result<PathBuf, String> {
    Ok(target()?.join("godot"))
}

/// Without what only debuggers read: a twentieth of the size.
pub(super) fn put(library: &Path, project: &Path) -> Result<(), String> {
    let to = project.join(IN_THE_ADDON);
    files::create(to.parent().unwrap_or(project))?;
    run(Command::new("strip").args(["--strip-unneeded", "-o"]).arg(&to).arg(library))
}

/// The engine loads only the extensions of this list; its editor writes the same.
pub(super) fn register(project: &Path) -> Result<(), String> {
    files::write(&project.join(".godot/extension_list.cfg"), "res://addons/sinew/sinew.gdextension\n")
}

/// One library that stands alone: nothing beside it, and nothing but the entry point that others could meet.
pub(super) fn check(library: &Path) -> Outcome {
    let mut outcome = Outcome::default();
    outcome.add(output(Command::new("readelf").arg("--dynamic").arg(library)).and_then(|dynamic| {
        let needed = dynamic.lines().filter(|line| line.contains("(NEEDED)")).filter_map(|line| line.split(['[', ']']).nth(1));
        let foreign: Vec<&str> = needed.filter(|name| !SYSTEM.contains(name)).collect();
        if foreign.is_empty() { Ok(()) } else { Err(format!("the library needs {}, which players may not have", foreign.join(", "))) }
    }));
    outcome.add(output(Command::new("nm").args(["--dynamic", "--defined-only"]).arg(library)).and_then(|symbols| {
        let names = symbols.lines().filter_map(|line| line.split_whitespace().nth(2));
        // The crate `godot` brings the second one, for hot reload.
        let others: Vec<&str> = names.filter(|name| !["gdext_rust_init", "__cxa_thread_atexit_impl"].contains(name)).collect();
        if others.is_empty() { Ok(()) } else { Err(format!("the library exports more than its entry: {}", others.join(", "))) }
    }));
    outcome
}
