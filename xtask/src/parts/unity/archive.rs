//! The package as it is shipped: `com.sinew.cluster-VERSION.tgz`, with the native library, the program for the editor's window, and the notices
//! of everybody whose code is in them.

use super::meta::PLUGINS;
use crate::files::{copy, copy_folder, write};
use crate::parts::notices;
use crate::shell::run;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The program `sinew`, in a folder that Unity does not look into.
const TOOL: &str = "Tools~/Linux/x86_64/sinew";
const NOTICES: &str = "Third Party Notices.md";
const OPENING: &str = "\
The C# code of this package is Sinew's own. The native library, and the program in `Tools~`, hold the crates in the first list, under the terms that
follow it.
";

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
    write(&staged.join(NOTICES), &notices::of("sinew", OPENING)?)?;
    let archive = folder.join(format!("com.sinew.cluster-{}.tgz", env!("CARGO_PKG_VERSION")));
    run(Command::new("tar")
        .args(["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner", "--use-compress-program=gzip -n", "-cf"])
        .arg(&archive)
        .arg("-C")
        .arg(folder)
        .arg("package"))?;
    Ok(archive)
}
