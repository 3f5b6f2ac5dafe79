//! The library as it is installed: a folder with `include`, `lib`, a pkg-config file and a CMake package.

use crate::files::{copy, copy_folder, read, write};
use crate::shell::{root, target};
use std::path::{Path, PathBuf};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where the headers for C++ lie in the sources; they are installed beside `sinew.h` as they stand there.
const CPP: &str = "bindings/cpp";

/// Lays the release build out under `prefix` and returns the folder of the pkg-config file. Linux only.
pub(crate) fn stage(prefix: &Path) -> Result<PathBuf, String> {
    let (root, release) = (root(), target()?.join("release"));
    let (include, lib) = (prefix.join("include"), prefix.join("lib"));
    let (pkg_config, cmake) = (lib.join("pkgconfig"), lib.join("cmake/Sinew"));
    if !root.join("include/sinew.h").exists() {
        return Err("include/sinew.h is missing; run cargo xtask headers".to_owned());
    }
    copy(&root.join("include/sinew.h"), &include.join("sinew.h"))?;
    copy(&root.join(CPP).join("sinew.hpp"), &include.join("sinew.hpp"))?;
    copy_folder(&root.join(CPP).join("sinew"), &include.join("sinew"), &|_| false)?;
    copy(&release.join("libsinew.a"), &lib.join("libsinew.a"))?;
    // The loader looks for the SONAME, the linker for the bare name.
    copy(&release.join("libsinew.so"), &lib.join("libsinew.so.0"))?;
    link("libsinew.so.0", &lib.join("libsinew.so"))?;

    let pc = read(&root.join("bindings/c/sinew.pc.in"))?;
    write(&pkg_config.join("sinew.pc"), &pc.replace("@PREFIX@", &prefix.to_string_lossy()).replace("@VERSION@", VERSION))?;
    // What the static library needs is said once: where pkg-config reads it.
    let private = pc.lines().find_map(|line| line.strip_prefix("Libs.private:")).ok_or("bindings/c/sinew.pc.in has no Libs.private")?;
    let private = private.split_whitespace().map(|flag| flag.trim_start_matches("-l")).collect::<Vec<_>>().join(";");
    for name in ["SinewConfig.cmake", "SinewConfigVersion.cmake"] {
        let text = read(&root.join(CPP).join("cmake").join(format!("{name}.in")))?;
        write(&cmake.join(name), &text.replace("@PRIVATE_LIBRARIES@", &private).replace("@VERSION@", VERSION))?;
    }
    Ok(pkg_config)
}

#[cfg(unix)]
fn link(name: &str, at: &Path) -> Result<(), String> {
    std::os::unix::fs::symlink(name, at).map_err(|error| format!("{at:?} cannot be linked to {name}: {error}"))
}

#[cfg(not(unix))]
fn link(_name: &str, at: &Path) -> Result<(), String> {
    Err(format!("{at:?}: this layout is for Unix"))
}
