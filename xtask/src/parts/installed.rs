//! The library as it is installed, and C programs built against it.

use crate::shell::{build_release, fresh_folder, output, run, run_within};
use crate::stage::stage;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Warnings are errors; debug information makes the reports of sanitizers and valgrind name lines.
const FLAGS: &[&str] = &["-pthread", "-O1", "-g", "-Wall", "-Wextra", "-pedantic", "-Werror"];

/// POSIX is there, so that the programs may start threads and processes.
pub(super) const C99: &[&str] = &["-std=c99", "-D_POSIX_C_SOURCE=200809L"];

const SANITIZERS: &[&str] = &["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"];

/// How a source becomes a program.
pub(super) struct Program {
    /// The variable that may name another compiler, and the usual one.
    pub(super) compiler: (&'static str, &'static str),
    pub(super) dialect: &'static [&'static str],
    pub(super) sanitized: bool,
    pub(super) linking: Linking,
    /// What tells it from the others built from the same source.
    pub(super) what: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Linking {
    Shared,
    Static,
    /// Not at all: the program loads the library when it runs.
    Loaded,
}

/// The library, installed into a folder of its own.
pub(super) struct Installed {
    folder: PathBuf,
    pkg_config: PathBuf,
}

impl Installed {
    /// Builds it; `name` is of the folder.
    pub(super) fn prepare(name: &str) -> Result<Self, String> {
        build_release()?;
        let folder = fresh_folder(name)?;
        let pkg_config = stage(&folder)?;
        Ok(Self { folder, pkg_config })
    }

    pub(super) fn build(&self, source: &Path, program: &Program) -> Result<PathBuf, String> {
        let name = source.file_stem().unwrap_or_default().to_string_lossy();
        println!("-- {name}, {}", program.what);
        let built = self.folder.join(format!("{name}-{}", program.what));
        let libraries = match program.linking {
            Linking::Loaded => vec!["-ldl".to_owned()],
            Linking::Shared => self.flags(&["--libs"])?,
            Linking::Static => {
                let libraries = self.flags(&["--static", "--libs"])?;
                libraries.into_iter().map(|it| if it == "-lsinew" { "-l:libsinew.a".to_owned() } else { it }).collect()
            }
        };
        let (variable, usual) = program.compiler;
        let compiler = std::env::var_os(variable).unwrap_or_else(|| usual.into());
        let sanitizers = if program.sanitized { SANITIZERS } else { &[] };
        run(Command::new(compiler)
            .args(program.dialect)
            .args(FLAGS)
            .args(sanitizers)
            .args(self.flags(&["--cflags"])?)
            .arg(source)
            .arg("-o")
            .arg(&built)
            .args(libraries))?;
        Ok(built)
    }

    pub(super) fn run(&self, mut program: Command, limit: Duration) -> Result<(), String> {
        run_within(program.current_dir(&self.folder).env("LD_LIBRARY_PATH", self.libraries()), limit)
    }

    /// Where the shared library lies.
    pub(super) fn libraries(&self) -> PathBuf {
        self.folder.join("lib")
    }

    /// Where it is installed, and where programs are built.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What pkg-config says of it.
    pub(super) fn flags(&self, arguments: &[&str]) -> Result<Vec<String>, String> {
        // Only our own file may be found: an installed libsinew must not answer.
        let found = output(
            Command::new("pkg-config")
                .args(arguments)
                .arg("sinew")
                .env("PKG_CONFIG_LIBDIR", &self.pkg_config)
                .env_remove("PKG_CONFIG_PATH"),
        )?;
        Ok(found.split_whitespace().map(str::to_owned).collect())
    }
}
