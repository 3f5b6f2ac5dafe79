//! The library as it is installed: a folder with `include`, `lib`, a pkg-config file and a CMake package.

use crate::shell::{root, target};
use std::fs;
use std::path::{Path, PathBuf};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Where the headers for C++ lie in the sources; they are installed beside `sinew.h` as they stand there.
const CPP: &str = "bindings/cpp";

/// Lays the release build out under `prefix` and returns the folder of the pkg-config file. Linux only.
pub(crate) fn stage(prefix: &Path) -> Result<PathBuf, String> {
    let (root, release) = (root(), target()?.join("release"));
    let (include, lib) = (prefix.join("include"), prefix.join("lib"));
    let (pkg_config, cmake) = (lib.join("pkgconfig"), lib.join("cmake/Sinew"));
    for folder in [&include.join("sinew"), &pkg_config, &cmake] {
        fs::create_dir_all(folder).map_err(|error| format!("{folder:?} cannot be created: {error}"))?;
    }
    if !root.join("include/sinew.h").exists() {
        return Err("include/sinew.h is missing; run cargo xtask headers".to_owned());
    }
    copy(&root.join("include/sinew.h"), &include.join("sinew.h"))?;
    copy(&root.join(CPP).join("sinew.hpp"), &include.join("sinew.hpp"))?;
    let headers = root.join(CPP).join("sinew");
    for header in fs::read_dir(&headers).map_err(|error| format!("{headers:?} cannot be read: {error}"))?.flatten() {
        copy(&header.path(), &include.join("sinew").join(header.file_name()))?;
    }
    copy(&release.join("libsinew.a"), &lib.join("libsinew.a"))?;
    // The loader looks for the SONAME, the linker for the bare name.
    copy(&release.join("libsinew.so"), &lib.join("libsinew.so.0"))?;
    link("libsinew.so.0", &lib.join("libsinew.so"))?;

    let pc = read(&root.join("bindings/c/sinew.pc.in"))?;
    write(&pkg_config.join("sinew.pc"), pc.replace("@PREFIX@", &prefix.to_string_lossy()).replace("@VERSION@", VERSION))?;
    // What the static library needs is said once: where pkg-config reads it.
    let private = pc.lines().find_map(|line| line.strip_prefix("Libs.private:")).ok_or("bindings/c/sinew.pc.in has no Libs.private")?;
    let private = private.split_whitespace().map(|flag| flag.trim_start_matches("-l")).collect::<Vec<_>>().join(";");
    for name in ["SinewConfig.cmake", "SinewConfigVersion.cmake"] {
        let text = read(&root.join(CPP).join("cmake").join(format!("{name}.in")))?;
        write(&cmake.join(name), text.replace("@PRIVATE_LIBRARIES@", &private).replace("@VERSION@", VERSION))?;
    }
    Ok(pkg_config)
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{path:?} cannot be read: {error}"))
}

fn write(path: &Path, text: String) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{path:?} cannot be written: {error}"))
}

pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), String> {
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
