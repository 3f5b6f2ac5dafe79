//! Programs that use the library as a C or C++ programmer does: through the installed header and pkg-config.

use crate::outcome::Outcome;
use crate::shell::{build_release, fresh_folder, output, root, run, run_within};
use crate::stage::stage;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// For one program to run.
const LIMIT: Duration = Duration::from_secs(120);

/// Warnings are errors; debug information makes the reports of sanitizers and valgrind name lines.
const FLAGS: &[&str] = &["-pthread", "-O1", "-g", "-Wall", "-Wextra", "-pedantic", "-Werror"];

/// POSIX is there, so that the programs may start threads and processes.
const C99: &[&str] = &["-std=c99", "-D_POSIX_C_SOURCE=200809L"];

/// As engines are built.
const CPP17: &[&str] = &["-std=c++17", "-fno-exceptions", "-fno-rtti"];
const CPP20: &[&str] = &["-std=c++20", "-fno-exceptions", "-fno-rtti"];

const SANITIZERS: &[&str] = &["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"];

/// What runs under valgrind as well: it sees the memory of the library, too. The others would be slow there, and show nothing more.
const UNDER_VALGRIND: &[&str] = &["example", "misuse"];

pub(super) fn check() -> Outcome {
    let mut outcome = Outcome::default();
    match Installed::prepare() {
        Ok((installed, sources)) => sources.iter().for_each(|source| check_source(&installed, source, &mut outcome)),
        Err(sentence) => outcome.add(Err(sentence)),
    }
    outcome
}

fn check_source(installed: &Installed, source: &Path, outcome: &mut Outcome) {
    let name = source.file_stem().unwrap_or_default().to_string_lossy();
    if source.extension().is_some_and(|it| it == "cpp") {
        for (dialect, what) in [(CPP17, "C++17"), (CPP20, "C++20")] {
            let program = Program { compiler: ("CXX", "c++"), dialect, sanitized: false, linking: Linking::Shared, what };
            outcome.add(installed.build(source, &program).and_then(|built| installed.run(Command::new(built))));
        }
        return;
    }
    let variants = [("shared", Linking::Shared, false), ("static", Linking::Static, false), ("sanitized", Linking::Shared, true)];
    for (what, linking, sanitized) in variants {
        let program = Program { compiler: ("CC", "cc"), dialect: C99, sanitized, linking, what };
        let built = installed.build(source, &program);
        if what == "shared" && UNDER_VALGRIND.contains(&&*name) {
            outcome.add(built.clone().and_then(|built| installed.run(under_valgrind(&built))));
        }
        outcome.add(built.and_then(|built| installed.run(Command::new(built))));
    }
}

fn under_valgrind(program: &Path) -> Command {
    println!("-- the same under valgrind");
    let mut command = Command::new("valgrind");
    command.args(["--quiet", "--error-exitcode=9", "--leak-check=full", "--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"]);
    command.arg(program);
    command
}

/// How a source becomes a program.
struct Program {
    /// The variable that may name another compiler, and the usual one.
    compiler: (&'static str, &'static str),
    dialect: &'static [&'static str],
    sanitized: bool,
    linking: Linking,
    /// What tells it from the others built from the same source.
    what: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Linking {
    Shared,
    Static,
}

/// The library, installed into a folder of its own.
struct Installed {
    folder: PathBuf,
    pkg_config: PathBuf,
}

impl Installed {
    /// Also answers the sources of the programs.
    fn prepare() -> Result<(Self, Vec<PathBuf>), String> {
        let sources = root().join("tests/c");
        let entries = fs::read_dir(&sources).map_err(|error| format!("tests/c cannot be read: {error}"))?;
        let is_source = |path: &PathBuf| path.extension().is_some_and(|it| it == "c" || it == "cpp");
        let mut sources: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(is_source).collect();
        sources.sort();
        if sources.is_empty() {
            return Err("tests/c holds no C programs".to_owned());
        }
        build_release()?;
        let folder = fresh_folder("c")?;
        let pkg_config = stage(&folder)?;
        Ok((Self { folder, pkg_config }, sources))
    }

    fn build(&self, source: &Path, program: &Program) -> Result<PathBuf, String> {
        let name = source.file_stem().unwrap_or_default().to_string_lossy();
        println!("-- {name}, {}", program.what);
        let built = self.folder.join(format!("{name}-{}", program.what));
        let libraries = match program.linking {
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

    fn run(&self, mut program: Command) -> Result<(), String> {
        run_within(program.current_dir(&self.folder).env("LD_LIBRARY_PATH", self.folder.join("lib")), LIMIT)
    }

    fn flags(&self, arguments: &[&str]) -> Result<Vec<String>, String> {
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
