//! `godot/addons/sinew/THIRDPARTY.md`, for the library that the addon ships. It is committed, because the addon is; and compared.

use crate::files;
use crate::parts::notices;
use crate::shell::root;

const FILE: &str = "godot/addons/sinew/THIRDPARTY.md";

const OPENING: &str = "\
What is linked into Sinew's library for Godot besides Sinew itself: the crates in the first list, under the terms that follow it.

The crates whose names begin with `godot` are under the Mozilla Public License 2.0, and are used unchanged. Their source, also in exactly the
version that is named here, is at https://github.com/godot-rust/gdext.

<!-- Written by `cargo xtask godot-notices`. -->
";

/// Writes the file.
pub(crate) fn write() -> Result<(), String> {
    files::write(&root().join(FILE), &notices()?)
}

/// The file says what is linked now.
pub(crate) fn check() -> Result<(), String> {
    if notices()? == files::read(&root().join(FILE))? {
        Ok(())
    } else {
        Err(format!("{FILE} is not about what is linked now; run cargo xtask godot-notices"))
    }
}

fn notices() -> Result<String, String> {
    notices::of("sinew-godot", OPENING)
}
