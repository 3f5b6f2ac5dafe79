//! The package as it is shipped: `com.sinew.cluster-VERSION.tgz`, with the native library, the program for the editor's window, and the notices
//! of everybody whose code is in them.

use super::json::Json;
use super::meta::PLUGINS;
use crate::files;
use crate::files::{copy, copy_folder, write};
use crate::shell::{cargo, output, run};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program `sinew`, in a folder that Unity does not look into.
const TOOL: &str = "Tools~/Linux/x86_64/sinew";
const NOTICES: &str = "Third Party Notices.md";
/// The system that the binaries of the package are for.
const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Puts what `cargo build --release` made into a package.
pub(super) fn put_binaries(release: &Path, package: &Path) -> Result<(), String> {
    let binaries = PLUGINS.iter().map(|plugin| (plugin.built, plugin.path)).chain([("sinew", TOOL)]);
    for (built, path) in binaries {
        let to = package.join(path);
        copy(&release.join(built), &to)?;
        // Four fifths of them are for debuggers.
        run(Command::new("strip").arg("--strip-debug").arg(&to))?;
    }
    Ok(())
}

/// Makes the archive in `folder` and returns its path. The same files give the same bytes.
pub(super) fn make(package: &Path, release: &Path, folder: &Path) -> Result<PathBuf, String> {
    // npm's own layout, which Unity expects: everything is in a folder `package`.
    let staged = folder.join("package");
    // All but what begins with a dot, which is for git.
    copy_folder(package, &staged, &|name| name.starts_with('.'))?;
    put_binaries(release, &staged)?;
    write(&staged.join(NOTICES), &notices()?)?;
    let archive = folder.join(format!("com.sinew.cluster-{}.tgz", env!("CARGO_PKG_VERSION")));
    run(Command::new("tar")
        .args(["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--use-compress-program=gzip -n", "-cf"])
        .arg(&archive)
        .arg("-C")
        .arg(folder)
        .arg("package"))?;
    Ok(archive)
}

/// Everybody whose code is in the binaries, each with the files of the licence that their crate brings.
fn notices() -> Result<String, String> {
    let tree = ["tree", "--locked", "--package", "sinew", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--target", TARGET];
    let listing = output(cargo().args(tree))?;
    let words = |line: &str| Some((line.split(' ').next()?.to_owned(), line.split(' ').nth(1)?.strip_prefix('v')?.to_owned()));
    let linked: BTreeSet<(String, String)> = listing.lines().filter_map(words).filter(|(name, _)| name != "sinew").collect();
    let metadata = Json::parse(&output(cargo().args(["metadata", "--locked", "--format-version", "1"]))?)?;

    let mut text = "# Third party notices\n\nThe C# code of this package is Sinew's own. The native library, and the program in `Tools~`, hold these libraries.\n"
        .to_owned();
    let (mut found, mut seen) = (0, BTreeMap::new());
    for package in metadata.list("packages") {
        let (name, version) = (package.text("name"), package.text("version"));
        if !linked.contains(&(name.to_owned(), version.to_owned())) {
            continue;
        }
        found += 1;
        write!(text, "\n## {name} {version}\n\n{}\n", package.text("license")).map_err(|error| error.to_string())?;
        for (file, licence) in licences(Path::new(package.text("manifest_path")).parent().unwrap_or(Path::new("")))? {
            let title = format!("{name} {version}: {file}");
            // Many bring the same text, word for word.
            let written = match seen.get(&licence) {
                Some(first) => write!(text, "\n### {title}\n\nThe same as {first}.\n"),
                None => write!(text, "\n### {title}\n\n```text\n{}\n```\n", licence.trim_end()),
            };
            written.map_err(|error| error.to_string())?;
            seen.entry(licence).or_insert(title);
        }
    }
    if found == linked.len() && found > 10 {
        Ok(text)
    } else {
        Err(format!("{} crates are linked, and of {found} the notices were found", linked.len()))
    }
}

/// The files of a crate that are licences or notices, each with its name.
fn licences(folder: &Path) -> Result<Vec<(String, String)>, String> {
    let mut found = Vec::new();
    for path in files::entries(folder)?.into_iter().filter(|path| path.is_file()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let kinds = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE"];
        if kinds.iter().any(|kind| name.to_uppercase().starts_with(kind)) {
            let bytes = fs::read(&path).map_err(|error| format!("{path:?} cannot be read: {error}"))?;
            found.push((name, String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    found.sort();
    Ok(found)
}
