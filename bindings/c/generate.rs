//! Writes the C header out of `src/capi`. Both `build.rs` (cargo feature `headers`) and `tests/generated.rs` are built with this
//! file, so that what is compared is what is generated.

use std::path::Path;

/// Writes to `out` the header of the package in `package`; an error is one sentence saying what is wrong.
///
/// Only `src/capi` is read: a constant or a struct elsewhere in the crate can never slip into the C ABI.
pub(crate) fn generate(package: &Path, out: &Path) -> Result<(), String> {
    let conventions = package.join("bindings/c/conventions.h");
    let conventions = std::fs::read_to_string(&conventions).map_err(|error| format!("{conventions:?} cannot be read: {error}"))?;
    let mut config = cbindgen::Config::from_file(package.join("cbindgen.toml"))?;
    config.header = Some(conventions.trim_end().to_owned());

    let mut text = Vec::new();
    cbindgen::Builder::new()
        .with_config(config)
        .with_src(package.join("src/capi/mod.rs"))
        .generate()
        .map_err(|error| format!("src/capi cannot be turned into a C header: {error}"))?
        .write(&mut text);
    if let Some(folder) = out.parent() {
        std::fs::create_dir_all(folder).map_err(|error| format!("{folder:?} cannot be created: {error}"))?;
    }
    std::fs::write(out, text).map_err(|error| format!("{out:?} cannot be written: {error}"))
}
