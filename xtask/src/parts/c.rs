//! Programs that use the library as a C programmer does: through the installed header and pkg-config.

use crate::outcome::Outcome;
use crate::shell::{build_release, fresh_folder, output, root, run, run_within};
use crate::stage::stage;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// For one program to run.
const LIMIT: Duration = Duration::from_secs(120);

/// Warnings are errors; POSIX is there, so that the programs may start threads and read clocks.
const FLAGS: &[&str] = &["-std=c99", "-D_POSIX_C_SOURCE=200809L", "-pthread", "-O1", "-g", "-Wall", "-Wextra", "-pedantic", "-Werror"];

pub(super) fn check() -> Outcome {
    let mut outcome = Outcome::default();
    match prepare() {
        Ok((folder, pkg_config, programs)) => {
            for source in &programs {
                for linking in [Linking::Shared, Linking::Static] {
                    outcome.add(build_and_run(source, linking, &folder, &pkg_config));
                }
            }
        }
        Err(sentence) => outcome.add(Err(sentence)),
    }
    outcome
}

/// Installs the library into a folder of its own; returns that folder, the one of the pkg-config file, and the programs.
fn prepare() -> Result<(PathBuf, PathBuf, Vec<PathBuf>), String> {
    let sources = root().join("tests/c");
    let entries = fs::read_dir(&sources).map_err(|error| format!("tests/c cannot be read: {error}"))?;
    let mut programs: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|it| it == "c")).collect();
    programs.sort();
    if programs.is_empty() {
        return Err("tests/c holds no C programs".to_owned());
    }
    build_release()?;
    let folder = fresh_folder("c")?;
    let pkg_config = stage(&folder)?;
    Ok((folder, pkg_config, programs))
}

#[derive(Clone, Copy)]
enum Linking {
    Shared,
    Static,
}

fn build_and_run(source: &Path, linking: Linking, folder: &Path, pkg_config: &Path) -> Result<(), String> {
    let name = source.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let flags = |arguments: &[&str]| {
        // Only our own file may be found: an installed libsinew must not answer.
        let found = output(
            Command::new("pkg-config").args(arguments).arg("sinew").env("PKG_CONFIG_LIBDIR", pkg_config).env_remove("PKG_CONFIG_PATH"),
        )?;
        Ok::<_, String>(found.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    };
    let (program, libraries, what) = match linking {
        Linking::Shared => (folder.join(&name), flags(&["--libs"])?, "shared"),
        Linking::Static => {
            let libraries = flags(&["--static", "--libs"])?;
            let libraries = libraries.into_iter().map(|it| if it == "-lsinew" { "-l:libsinew.a".to_owned() } else { it }).collect();
            (folder.join(format!("{name}-static")), libraries, "static")
        }
    };
    println!("-- {name}, linked to the {what} library");
    let compiler = std::env::var_os("CC").unwrap_or_else(|| "cc".into());
    run(Command::new(compiler).args(FLAGS).args(flags(&["--cflags"])?).arg(source).arg("-o").arg(&program).args(libraries))?;
    run_within(Command::new(&program).current_dir(folder).env("LD_LIBRARY_PATH", folder.join("lib")), LIMIT)
}
