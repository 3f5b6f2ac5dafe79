//! Files and folders, with errors that are a sentence.

use std::fs;
use std::path::{Path, PathBuf};

pub(crate) fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{path:?} cannot be read: {error}"))
}

/// Writes a file, and makes its folder if there is none.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), String> {
    create_parent(path)?;
    fs::write(path, text).map_err(|error| format!("{path:?} cannot be written: {error}"))
}

/// Copies a file, and makes the folder it goes to if there is none.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), String> {
    create_parent(to)?;
    fs::copy(from, to).map(drop).map_err(|error| format!("{from:?} cannot be copied to {to:?}: {error}"))
}

/// Makes a folder, with those above it.
pub(crate) fn create(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| format!("{folder:?} cannot be created: {error}"))
}

fn create_parent(path: &Path) -> Result<(), String> {
    path.parent().map_or(Ok(()), create)
}

/// Removes a folder with all that is in it; one that is not there is fine.
pub(crate) fn remove(folder: &Path) -> Result<(), String> {
    if !folder.exists() {
        return Ok(());
    }
    fs::remove_dir_all(folder).map_err(|error| format!("{folder:?} cannot be removed: {error}"))
}

/// What is in a folder, ordered by name.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let found = fs::read_dir(folder).map_err(|error| format!("{folder:?} cannot be read: {error}"))?;
    let mut paths: Vec<PathBuf> = found.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

/// The entries of a folder that end with `.extension`, ordered by name.
pub(crate) fn with_extension(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, String> {
    let mut paths = entries(folder)?;
    paths.retain(|path| path.extension().is_some_and(|it| it == extension));
    Ok(paths)
}

/// What ends with `.extension` in a folder and all that are in it, ordered.
pub(crate) fn below(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, String> {
    let mut found = with_extension(folder, extension)?;
    for inner in entries(folder)?.iter().filter(|path| path.is_dir()) {
        found.extend(below(inner, extension)?);
    }
    found.sort();
    Ok(found)
}

/// Copies a folder, without the entries whose name is left out, wherever they are in it.
pub(crate) fn copy_folder(from: &Path, to: &Path, is_left_out: &dyn Fn(&str) -> bool) -> Result<(), String> {
    create(to)?;
    for path in entries(from)? {
        let name = path.file_name().unwrap_or_default();
        if is_left_out(&name.to_string_lossy()) {
            continue;
        }
        if path.is_dir() {
            copy_folder(&path, &to.join(name), is_left_out)?;
        } else {
            copy(&path, &to.join(name))?;
        }
    }
    Ok(())
}
