//! Packages of another Debian suite than this machine's, unpacked into a folder and never installed: other versions of what the tests talk to.

use crate::shell::{output, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What Debian itself puts there, with the keys of its next suite.
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The package's files as they would lie under `/`; kept in `into`, so that the next call needs no network.
///
/// Its dependencies are not looked at: this is for programs that bring what they need. Errors: half a sentence; not a Debian machine is one.
pub(crate) fn unpacked(suite: &str, package: &str, into: &Path) -> Result<PathBuf, String> {
    let files = into.join(suite).join(package);
    if files.exists() {
        return Ok(files);
    }
    let folder = into.join(suite).join(format!("{package}.unfinished"));
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| format!("{folder:?} cannot be removed: {error}"))?;
    }
    // One list of packages serves every package of the suite.
    let apt = into.join(suite).join("apt");
    for folder in [&folder, &apt.join("lists/partial"), &apt.join("archives/partial")] {
        fs::create_dir_all(folder).map_err(|error| format!("{folder:?} cannot be created: {error}"))?;
    }
    let sources = apt.join("sources.list");
    let source = format!("deb [signed-by={KEYRING}] {} {suite} main\n", mirror()?);
    fs::write(&sources, source).map_err(|error| format!("{sources:?} cannot be written: {error}"))?;

    println!("{package} of Debian {suite} is fetched into {files:?}");
    run(apt_get(&apt).args(["--quiet", "update"]))?;
    run(apt_get(&apt).args(["--quiet", "download", package]).current_dir(&folder))?;
    let archive = downloaded(&folder)?;
    run(Command::new("dpkg").arg("-x").arg(&archive).arg(folder.join("files")))?;
    // At once whole or not there: a run that was interrupted begins anew.
    fs::rename(folder.join("files"), &files).map_err(|error| format!("{files:?} cannot be put in place: {error}"))?;
    fs::remove_dir_all(&folder).map_err(|error| format!("{folder:?} cannot be removed: {error}"))?;
    Ok(files)
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

fn downloaded(folder: &Path) -> Result<PathBuf, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{folder:?} cannot be read: {error}"))?;
    let mut archives = entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|it| it == "deb"));
    archives.next().ok_or_else(|| format!("apt-get has left no package in {folder:?}"))
}
