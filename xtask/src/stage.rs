//! The library as it is installed: a folder with `include`, `lib` and a pkg-config file.

use crate::shell::{root, target};
use std::fs;
use std::path::{Path, PathBuf};

/// Lays the release build out under `prefix` and returns the folder of the pkg-config file. Linux only.
pub(crate) fn stage(prefix: &Path) -> Result<PathBuf, String> {
    let (root, release) = (root(), target()?.join("release"));
    let (include, lib) = (prefix.join("include"), prefix.join("lib"));
    let pkg_config = lib.join("pkgconfig");
    for folder in [&include, &pkg_config] {
        fs::create_dir_all(folder).map_err(|error| format!("{folder:?} cannot be created: {error}"))?;
    }
    if !root.join("include/sinew.h").exists() {
        return Err("include/sinew.h is missing; run cargo xtask headers".to_owned());
    }
    copy(&root.join("include/sinew.h"), &include.join("sinew.h"))?;
    copy(&release.join("libsinew.a"), &lib.join("libsinew.a"))?;
    // The loader looks for the SONAME, the linker for the bare name.
    copy(&release.join("libsinew.so"), &lib.join("libsinew.so.0"))?;
    link("libsinew.so.0", &lib.join("libsinew.so"))?;

    let template = root.join("bindings/c/sinew.pc.in");
    let text = fs::read_to_string(&template).map_err(|error| format!("{template:?} cannot be read: {error}"))?;
    let text = text.replace("@PREFIX@", &prefix.to_string_lossy()).replace("@VERSION@", env!("CARGO_PKG_VERSION"));
    let file = pkg_config.join("sinew.pc");
    fs::write(&file, text).map_err(|error| format!("{file:?} cannot be written: {error}"))?;
    Ok(pkg_config)
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    fs::copy(from, to).map(|_| ()).map_err(|error| format!("{from:?} cannot be copied to {to:?}: {error}"))
}

#[cfg(unix)]
fn link(name: &str, at: &Path) -> Result<(), String> {
    std::os::unix::fs::symlink(name, at).map_err(|error| format!("{at:?} cannot be linked to {name}: {error}"))
}

#[cfg(not(unix))]
fn link(_name: &str, at: &Path) -> Result<(), String> {
    Err(format!("{at:?}: this layout is for Unix"))
}
