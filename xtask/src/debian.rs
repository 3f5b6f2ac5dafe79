//! Packages of another Debian suite than this machine's, unpacked into a folder and never installed: other versions of what the tests talk to.

use crate::files;
use crate::shell::{not_started, output, run};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

/// What Debian itself puts there, with the keys of its next suite.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The package's files as they would lie under `/`; kept in `into`, so that the next call needs no network.
///
/// Its dependencies are not looked at: this is for programs that bring what they need. Errors: half a sentence; not a Debian machine is one.
pub(crate) fn unpacked(suite: &str, package: &str, into: &Path) -> Result<PathBuf, String> {
    kept(suite, package, into, |apt, folder| run(apt_get(apt).args(["--quiet", "download", package]).current_dir(folder)))
}

/// Packages with everything they depend on, down to the C library, in one tree; kept in `into` under `name`.
///
/// Programs of it run beside this machine's own by the tree's loader: see [`write_starter`]. Errors: as [`unpacked`].
pub(crate) fn unpacked_with_dependencies(suite: &str, name: &str, packages: &[&str], into: &Path) -> Result<PathBuf, String> {
    kept(suite, name, into, |apt, folder| {
        // As if nothing were installed, so that everything is fetched.
        let status = folder.join("status");
        files::write(&status, "")?;
        files::create(&folder.join("partial"))?;
        let own = [format!("Dir::State::status={}", status.display()), format!("Dir::Cache::archives={}", folder.display())];
        let mut install = apt_get(apt);
        for option in &own {
            install.args(["-o", option]);
        }
        install.args(["-o", "APT::Install-Recommends=false", "-o", "Debug::NoLocking=1", "--quiet", "--yes", "--download-only", "install"]);
        run(install.args(packages))
    })
}

/// A script at `path` that runs `program` of a tree of [`unpacked_with_dependencies`] with the tree's own loader and libraries, and does not tell its children of them.
pub(crate) fn write_starter(path: &Path, tree: &Path, program: &str) -> Result<(), String> {
    let libraries = tree.join(format!("usr/lib/{}-linux-gnu", env::consts::ARCH));
    let names = ["ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"];
    let loader = names.iter().map(|name| libraries.join(name)).find(|loader| loader.exists());
    let loader = loader.ok_or_else(|| format!("{libraries:?} has no loader that is known here"))?;
    // Pulse's common library lies in a folder of its own.
    let search = format!("{}:{}", libraries.display(), libraries.join("pulseaudio").display());
    let script = format!(
        "#!/bin/sh\nexec '{}' --inhibit-cache --library-path '{search}' '{}' \"$@\"\n",
        loader.display(),
        tree.join(program).display()
    );
    files::write(path, &script)?;
    run(Command::new("chmod").arg("+x").arg(path))
}

/// What `fetch` downloads into a folder, unpacked; at once whole or not there, so that a run that was interrupted begins anew.
fn kept(suite: &str, name: &str, into: &Path, fetch: impl FnOnce(&Path, &Path) -> Result<(), String>) -> Result<PathBuf, String> {
    let tree = into.join(suite).join(name);
    if tree.exists() {
        return Ok(tree);
    }
    let folder = into.join(suite).join(format!("{name}.unfinished"));
    files::remove(&folder)?;
    // One list of packages serves every package of the suite.
    let apt = into.join(suite).join("apt");
    for folder in [&folder.join("files"), &apt.join("lists/partial"), &apt.join("archives/partial")] {
        files::create(folder)?;
    }
    let sources = apt.join("sources.list");
    // A frozen copy of a suite says that it has expired; it is signed all the same.
    let source = format!("deb [signed-by={KEYRING} check-valid-until=no] {} {suite} main\n", mirror()?);
    files::write(&sources, &source)?;

    println!("{name} of Debian {suite} is fetched into {tree:?}");
    run(apt_get(&apt).args(["--quiet", "update"]))?;
    fetch(&apt, &folder)?;
    for archive in downloaded(&folder)? {
        unpack(&archive, &folder.join("files"))?;
    }
    fs::rename(folder.join("files"), &tree).map_err(|error| format!("{tree:?} cannot be put in place: {error}"))?;
    files::remove(&folder)?;
    Ok(tree)
}

/// Without what nobody reads here. A package may bring `lib` as a folder where another has it as a link: the link stays.
fn unpack(archive: &Path, into: &Path) -> Result<(), String> {
    let mut dpkg = Command::new("dpkg-deb");
    let mut archived =
        dpkg.arg("--fsys-tarfile").arg(archive).stdout(Stdio::piped()).spawn().map_err(|error| not_started(&dpkg, &error))?;
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--no-same-owner", "--keep-directory-symlink", "--exclude=./usr/share/doc", "--exclude=./usr/share/man"]);
    tar.args(["--exclude=./usr/share/locale", "--directory"]).arg(into);
    if let Some(output) = archived.stdout.take() {
        tar.stdin(output);
    }
    let unpacked = run(&mut tar);
    let read = archived.wait().map_err(|error| format!("{archive:?} cannot be read: {error}"))?;
    unpacked.and_then(|()| if read.success() { Ok(()) } else { Err(format!("{archive:?} cannot be read: {read}")) })
}

/// apt-get with a state of its own; the machine's stays as it is, and nobody needs to be root.
fn apt_get(apt: &Path) -> Command {
    let mut command = Command::new("apt-get");
    let option = |name: &str, path: PathBuf| format!("{name}={}", path.display());
    let own = [
        option("Dir::Etc::sourcelist", apt.join("sources.list")),
        option("Dir::State::lists", apt.join("lists")),
        option("Dir::Cache", apt.to_owned()),
    ];
    // The user `_apt` may not look into a build folder; descriptions and translations are not needed.
    let plain = [
        "Dir::Etc::sourceparts=-",
        "APT::Sandbox::User=root",
        "Acquire::Languages=none",
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false",
        "Acquire::Retries=3",
        "Acquire::Check-Valid-Until=false",
    ];
    for option in own.iter().map(String::as_str).chain(plain) {
        command.args(["-o", option]);
    }
    command
}

/// Where this machine gets Debian from.
fn mirror() -> Result<String, String> {
    let format = "$(ORIGIN)|$(LABEL)|$(COMPONENT)|$(REPO_URI)";
    let targets = output(Command::new("apt-get").args(["indextargets", "--format", format, "Created-By: Packages"]))?;
    let found = targets.lines().find_map(|line| line.strip_prefix("Debian|Debian|main|"));
    found.map(str::to_owned).ok_or_else(|| "apt knows no mirror of Debian; run apt-get update first".to_owned())
}

fn downloaded(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let archives = files::with_extension(folder, "deb")?;
    if archives.is_empty() { Err(format!("apt-get has left no package in {folder:?}")) } else { Ok(archives) }
}
