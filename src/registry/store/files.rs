//! The files that `[registry]` names.

use super::Failure;
use crate::config::RegistrySection;
use std::path::Path;

/// The first line of a file of secrets.
pub(crate) fn secret(registry: &RegistrySection) -> Result<Option<String>, Failure> {
    let Some(path) = &registry.secret_file else { return Ok(None) };
    let bytes = file("secret_file", path)?;
    let text = String::from_utf8(bytes).map_err(|_| unreadable("secret_file", path, "it is not UTF-8"))?;
    Ok(Some(text.lines().next().unwrap_or_default().trim_end().to_owned()))
}

/// A file that `registry.KEY` names.
pub(crate) fn file(key: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| unreadable(key, path, &error.to_string()))
}

pub(crate) fn unreadable(key: &str, path: &Path, why: &str) -> Failure {
    Failure(format!("registry.{key} = {path:?} cannot be used: {why}"))
}
