//! Third-party notices: whose work is in a library that a package ships, and under which terms.
//!
//! Nearly all of those terms ask that their text goes along with the library. So a package's notices are made from what cargo links and from the texts that lie in the sources
//! of these crates: a dependency that comes, goes or changes cannot be forgotten.

use super::spdx;
use crate::files::entries;
use crate::shell::{cargo, output, root};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The platforms whose libraries are shipped.
const TARGETS: &[&str] = &["x86_64-unknown-linux-gnu"];

const CHOICE: &str = "\
Where a crate offers a choice of terms that MIT is one of, MIT is chosen. The library contains parts of Rust's standard library, too, which is under MIT or
Apache-2.0, at your choice, and belongs to The Rust Project Developers (https://www.rust-lang.org/policies/licenses).
";

const TABLE: &str = "
| crate | version | terms | source |
|---|---|---|---|
";

/// The notices for what `package`, a crate of this workspace, links. `opening` says what they are for.
pub(super) fn of(package: &str, opening: &str) -> Result<String, String> {
    let folders = folders()?;
    let mut text = format!("# Third-party notices\n\n{opening}\n{CHOICE}{TABLE}");
    let mut terms: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for linked in linked(package)? {
        let folder = folders.get(&linked.id()).ok_or_else(|| format!("`cargo metadata` does not say where {} is", linked.id()))?;
        text.push_str(&format!("| {} | {} | {} | {} |\n", linked.name, linked.version, linked.licence, linked.source));
        for notice in linked.notices(folder)? {
            terms.entry(notice).or_default().push(linked.name.clone());
        }
    }
    let mut terms: Vec<(String, String)> = terms.into_iter().map(|(notice, of)| (of.join(", "), notice)).collect();
    terms.sort();
    for (of, notice) in terms {
        text.push_str(&format!("\n## {of}\n\n```text\n{notice}\n```\n"));
    }
    Ok(text)
}

/// A crate whose code is in the library.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Linked {
    name: String,
    version: String,
    licence: String,
    source: String,
}

impl Linked {
    /// A line of `cargo tree`: `name v1.0.0|MIT|https://…`. `None` for crates of this workspace, whose folder is behind the version.
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.trim_end_matches(" (*)").split('|');
        let (name, version) = fields.next()?.split_once(" v")?;
        let (licence, source) = (fields.next()?, fields.next()?);
        let is_ours = version.contains(' ');
        (!is_ours).then(|| Self { name: name.into(), version: version.into(), licence: licence.into(), source: source.into() })
    }

    fn id(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    /// The texts that its terms want to be shown.
    fn notices(&self, folder: &Path) -> Result<Vec<String>, String> {
        let is_mit = spdx::is_satisfied(&self.licence, &|licence| licence == "MIT");
        let mut files = licence_files(folder)?;
        if is_mit && files.iter().any(|file| file.to_uppercase().contains("MIT")) {
            files.retain(|file| file.to_uppercase().contains("MIT"));
        }
        if files.is_empty() {
            return self.without_file(folder, is_mit).map(|notice| vec![notice]);
        }
        files.iter().map(|file| read(&folder.join(file)).map(|text| tidy(&text))).collect()
    }

    /// Some crates name their terms and forget the text.
    fn without_file(&self, folder: &Path, is_mit: bool) -> Result<String, String> {
        match (is_mit, self.licence.as_str()) {
            (true, _) => {
                let manifest = read(&folder.join("Cargo.toml"))?;
                Ok(format!("Copyright (c) {}\n\n{}", authors(&manifest).unwrap_or_else(|| format!("the authors of {}", self.name)), mit()?))
            }
            (false, "MPL-2.0") => Ok("Mozilla Public License 2.0: https://www.mozilla.org/MPL/2.0/".to_owned()),
            _ => Err(format!("{} is under {} and has no text of it; say in {} what to show", self.id(), self.licence, file!())),
        }
    }
}

/// What cargo links: no build scripts, no procedural macros, nothing for tests.
fn linked(package: &str) -> Result<BTreeSet<Linked>, String> {
    let mut command = cargo();
    command.args(["tree", "--locked", "--package", package, "--edges", "normal,no-proc-macro", "--prefix", "none"]);
    command.args(["--format", "{p}|{l}|{r}"]).args(TARGETS.iter().map(|target| format!("--target={target}")));
    let linked: BTreeSet<Linked> = output(&mut command)?.lines().filter_map(Linked::parse).collect();
    if linked.len() > 1 { Ok(linked) } else { Err(format!("`cargo tree` lists no dependencies of {package}")) }
}

/// Where the sources are, by `name-version`.
fn folders() -> Result<BTreeMap<String, PathBuf>, String> {
    let metadata = output(cargo().args(["metadata", "--locked", "--format-version", "1"]))?;
    let paths = metadata.split("\"manifest_path\":\"").skip(1).filter_map(|rest| rest.split('"').next());
    let folders = paths.filter_map(|path| PathBuf::from(path.replace("\\\\", "\\")).parent().map(Path::to_owned));
    Ok(folders.filter_map(|folder| Some((folder.file_name()?.to_str()?.to_owned(), folder))).collect())
}

fn licence_files(folder: &Path) -> Result<Vec<String>, String> {
    let files = entries(folder)?.into_iter().filter(|path| path.is_file());
    let names = files.filter_map(|path| path.file_name()?.to_str().map(str::to_owned));
    Ok(names.filter(|name| ["LICEN", "COPYING", "NOTICE"].iter().any(|begin| name.to_uppercase().starts_with(begin))).collect())
}

/// The names behind `authors = [` of a manifest, without their addresses.
fn authors(manifest: &str) -> Option<String> {
    let (_, rest) = manifest.split_once("\nauthors = [")?;
    let (list, _) = rest.split_once(']')?;
    let names: Vec<&str> = list.split('"').skip(1).step_by(2).filter_map(|author| author.split('<').next()).map(str::trim).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// The terms of MIT, without whose they are.
fn mit() -> Result<String, String> {
    let ours = read(&root().join("LICENSE-MIT"))?;
    let terms = ours.find("Permission is hereby granted").ok_or("LICENSE-MIT does not grant permission")?;
    Ok(tidy(&ours[terms..]))
}

fn read(path: &Path) -> Result<String, String> {
    fs::read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).map_err(|error| format!("{path:?} cannot be read: {error}"))
}

/// So that texts which differ in nothing one can see are one.
fn tidy(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n").trim_matches(['\n', '\u{feff}']).replace("```", "'''")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_cargo_tree_are_read() {
        let linked = Linked::parse("mio v1.2.4|MIT|https://example.org/mio (*)").unwrap();
        assert_eq!((linked.id(), linked.licence.as_str()), ("mio-1.2.4".to_owned(), "MIT"));
        assert_eq!(Linked::parse("sinew v0.1.0 (/home/me/sinew)|MIT OR Apache-2.0|"), None);
        assert_eq!(Linked::parse(""), None);
    }

    #[test]
    fn authors_are_found_without_their_addresses() {
        let manifest = "[package]\nname = \"a\"\nauthors = [\n    \"Ann <ann@example.org>\",\n    \"Bob\",\n]\n";
        assert_eq!(authors(manifest), Some("Ann, Bob".to_owned()));
        assert_eq!(authors("[package]\nname = \"a\"\n"), None);
        assert_eq!(authors("[package]\nauthors = []\n"), None);
    }

    #[test]
    fn the_terms_of_mit_are_whole() {
        let terms = mit().unwrap();
        assert!(terms.starts_with("Permission") && terms.ends_with("SOFTWARE."), "{terms}");
    }
}
