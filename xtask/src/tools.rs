//! Programs that are not Rust's own: installed where we may, asked for in one line where we may not.

use crate::shell::{cargo, output, run};
use std::env;
use std::path::Path;
use std::process::{Command, Stdio};

/// A program and the Debian package it comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tool {
    program: &'static str,
    package: &'static str,
}

pub(crate) const CC: Tool = Tool { program: "cc", package: "gcc" };
pub(crate) const CLANG: Tool = Tool { program: "clang++", package: "clang" };
pub(crate) const CLANG_16: Tool = Tool { program: "clang++-16", package: "clang-16" };
pub(crate) const CMAKE: Tool = Tool { program: "cmake", package: "cmake" };
pub(crate) const CXX: Tool = Tool { program: "c++", package: "g++" };
pub(crate) const ETCD: Tool = Tool { program: "etcd", package: "etcd-server" };
pub(crate) const GXX: Tool = Tool { program: "g++", package: "g++" };
pub(crate) const IP: Tool = Tool { program: "ip", package: "iproute2" };
pub(crate) const MCS: Tool = Tool { program: "mcs", package: "mono-mcs" };
pub(crate) const MONO: Tool = Tool { program: "mono", package: "mono-runtime" };
pub(crate) const NATS_SERVER: Tool = Tool { program: "nats-server", package: "nats-server" };
pub(crate) const NM: Tool = Tool { program: "nm", package: "binutils" };
pub(crate) const READELF: Tool = Tool { program: "readelf", package: "binutils" };
pub(crate) const PKG_CONFIG: Tool = Tool { program: "pkg-config", package: "pkg-config" };
pub(crate) const PYTHON3: Tool = Tool { program: "python3", package: "python3" };
pub(crate) const REDIS_SENTINEL: Tool = Tool { program: "redis-sentinel", package: "redis-sentinel" };
pub(crate) const REDIS_SERVER: Tool = Tool { program: "redis-server", package: "redis-server" };
pub(crate) const STRIP: Tool = Tool { program: "strip", package: "binutils" };
pub(crate) const UNZIP: Tool = Tool { program: "unzip", package: "unzip" };
pub(crate) const VALGRIND: Tool = Tool { program: "valgrind", package: "valgrind" };
pub(crate) const ZIP: Tool = Tool { program: "zip", package: "zip" };

/// Makes sure that `tools` can be run.
pub(crate) fn ensure(tools: &[Tool]) -> Result<(), String> {
    let missing: Vec<&Tool> = tools.iter().filter(|tool| !is_installed(tool.program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let programs = missing.iter().map(|tool| tool.program).collect::<Vec<_>>().join(", ");
    install(&programs, missing.iter().map(|tool| tool.package).collect())
}

/// Makes sure that files of Debian packages are there: each a path and the package it comes in.
pub(crate) fn ensure_files(files: &[(&str, &str)]) -> Result<(), String> {
    let missing: Vec<&(&str, &str)> = files.iter().filter(|(path, _)| !Path::new(path).exists()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let paths = missing.iter().map(|(path, _)| *path).collect::<Vec<_>>().join(", ");
    install(&paths, missing.iter().map(|(_, package)| *package).collect())
}

fn install(missing: &str, mut packages: Vec<&str>) -> Result<(), String> {
    packages.sort_unstable();
    packages.dedup();
    if !is_installed("apt-get") {
        return Err(format!("not installed: {missing} (Debian has them in {})", packages.join(", ")));
    }
    if output(Command::new("id").arg("-u"))?.trim() != "0" {
        return Err(format!("not installed: {missing}; run\n\n    sudo apt-get install {}\n", packages.join(" ")));
    }
    println!("not installed: {missing}; installing the Debian packages {}", packages.join(", "));
    run(Command::new("apt-get").arg("update"))?;
    run(Command::new("apt-get")
        .args(["install", "--yes", "--no-install-recommends"])
        .args(&packages)
        .env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Makes sure that the toolchain has rustfmt and clippy: rustup's minimal profile leaves them out.
pub(crate) fn ensure_components() -> Result<(), String> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        let answers = cargo().args([subcommand, "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !answers.is_ok_and(|status| status.success()) {
            println!("not installed: {component}; adding it to the toolchain");
            run(Command::new("rustup").args(["component", "add", component]))?;
        }
    }
    Ok(())
}

pub(crate) fn is_installed(program: &str) -> bool {
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders).any(|folder| folder.join(program).with_extension(env::consts::EXE_EXTENSION).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_in_the_path() {
        assert!(is_installed("cargo"));
        assert!(!is_installed("no-such-program"));
    }
}
