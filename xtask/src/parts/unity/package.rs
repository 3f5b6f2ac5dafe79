//! The package as files: what Unity would complain about, or silently leave out, is found here.

use super::json::Json;
use super::meta::{self, PLUGINS};
use crate::files;
use crate::shell::root;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Assemblies that an `.asmdef` may name although they are not ours: Unity's test runner.
const UNITYS: &[&str] = &["UnityEngine.TestRunner", "UnityEditor.TestRunner"];

/// One assembly, as its `.asmdef` says.
pub(super) struct Assembly {
    pub(super) name: String,
    pub(super) folder: PathBuf,
    pub(super) references: Vec<String>,
    /// Of the editor alone.
    pub(super) editor: bool,
    /// Needs the test runner.
    pub(super) tests: bool,
    /// Knows nothing of Unity.
    pub(super) engineless: bool,
    pub(super) is_unsafe: bool,
}

impl Assembly {
    /// Its sources: those of its folder and of the folders in it that have no `.asmdef` of their own.
    pub(super) fn sources(&self) -> Result<Vec<PathBuf>, String> {
        let mut sources = Vec::new();
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            let entries: Vec<PathBuf> = files::entries(&folder)?;
            if folder != self.folder && entries.iter().any(|it| has_extension(it, "asmdef")) {
                continue;
            }
            folders.extend(entries.iter().filter(|it| it.is_dir()).cloned());
            sources.extend(entries.into_iter().filter(|it| has_extension(it, "cs")));
        }
        sources.sort();
        Ok(sources)
    }
}

/// Every assembly of a package, samples included, in an order in which they can be compiled.
pub(super) fn assemblies(package: &Path) -> Result<Vec<Assembly>, String> {
    let mut unordered = files::below(package, "asmdef")?.iter().map(|path| assembly(path)).collect::<Result<Vec<_>, _>>()?;
    unordered.sort_by(|left, right| left.name.cmp(&right.name));
    let mut ordered: Vec<Assembly> = Vec::new();
    while !unordered.is_empty() {
        let known: BTreeSet<&str> = ordered.iter().map(|it| it.name.as_str()).chain(UNITYS.iter().copied()).collect();
        let ready = unordered.iter().position(|it| it.references.iter().all(|name| known.contains(name.as_str())));
        let Some(ready) = ready else {
            let stuck: Vec<String> = unordered.iter().map(|it| format!("{} ({})", it.name, it.references.join(", "))).collect();
            return Err(format!("assemblies whose references cannot be resolved, or go in a circle: {}", stuck.join("; ")));
        };
        ordered.push(unordered.remove(ready));
    }
    Ok(ordered)
}

fn assembly(path: &Path) -> Result<Assembly, String> {
    let json = json(path)?;
    let name = json.text("name").to_owned();
    let tests = json.texts("defineConstraints") == ["UNITY_INCLUDE_TESTS"];
    let wrong = |what: &str| Err(format!("{path:?}: {what}"));
    if path.file_stem().is_none_or(|stem| stem.to_string_lossy() != name) {
        return wrong("is not named after its assembly");
    }
    if json.texts("references").iter().any(|it| it.starts_with("GUID:")) {
        return wrong("names a reference by its GUID, not by its name");
    }
    if tests != (json.texts("precompiledReferences") == ["nunit.framework.dll"]) || tests != json.is_true("overrideReferences") {
        return wrong("tests, and nothing else, use nunit.framework.dll and are there only with UNITY_INCLUDE_TESTS");
    }
    // Code of a project that names no assemblies sees the package, but neither its tests nor its samples.
    if json.is_true("autoReferenced") != (!tests && !name.contains(".Samples.")) {
        return wrong("autoReferenced is for the package's own assemblies, not for tests and samples");
    }
    Ok(Assembly {
        folder: path.parent().unwrap_or(path).to_owned(),
        references: json.texts("references").iter().map(|&it| it.to_owned()).collect(),
        editor: json.texts("includePlatforms") == ["Editor"],
        engineless: json.is_true("noEngineReferences"),
        is_unsafe: json.is_true("allowUnsafeCode"),
        tests,
        name,
    })
}

/// Looks at a package, and answers with one sentence about all that is wrong.
type Check = fn(&Path) -> Result<(), String>;

/// The checks; each adds one to the outcome.
pub(super) const CHECKS: &[Check] = &[metas, guids, manifest, assemblies_fit, nothing_is_dropped, no_lfs, inside];

/// The `.meta` files are those that `cargo xtask unity` writes, and no others.
pub(super) fn metas(package: &Path) -> Result<(), String> {
    let (wanted, found) = (meta::wanted(package)?, meta::found(package)?);
    let mut wrong = Vec::new();
    for path in wanted.keys().chain(found.keys()).collect::<BTreeSet<_>>() {
        match (wanted.get(path), found.get(path)) {
            (Some(wanted), Some(found)) if wanted == found => {}
            (Some(_), Some(_)) => wrong.push(format!("{path}.meta is not what is generated")),
            (Some(_), None) => wrong.push(format!("{path} has no .meta")),
            (None, _) => wrong.push(format!("{path}.meta belongs to nothing")),
        }
    }
    none(wrong, "; run cargo xtask unity and commit what it writes")
}

/// No two files have one GUID, and each is 32 hexadecimal digits.
fn guids(package: &Path) -> Result<(), String> {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (path, text) in meta::found(package)? {
        let guid = text.lines().find_map(|line| line.strip_prefix("guid: ")).unwrap_or_default().to_owned();
        if guid.len() != 32 || !guid.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f')) {
            wrong.push(format!("{path}.meta has no GUID"));
        }
        if let Some(other) = seen.insert(guid, path.clone()) {
            wrong.push(format!("{path} and {other} have one GUID"));
        }
    }
    none(wrong, "")
}

/// `package.json` says what it must, the version of Cargo.toml, and samples that are there.
fn manifest(package: &Path) -> Result<(), String> {
    let json = json(&package.join("package.json"))?;
    let mut wrong = Vec::new();
    for (key, wanted) in [
        ("name", "com.sinew.cluster"),
        ("version", env!("CARGO_PKG_VERSION")),
        ("unity", "2021.3"),
        ("license", "MIT OR Apache-2.0"),
        ("displayName", "Sinew"),
    ] {
        if json.text(key) != wanted {
            wrong.push(format!("package.json: {key} is \"{}\", not \"{wanted}\"", json.text(key)));
        }
    }
    if json.text("description").is_empty() || json.get("author").is_none_or(|author| author.text("name").is_empty()) {
        wrong.push("package.json says neither what it is nor whose".to_owned());
    }
    if json.get("dependencies") != Some(&Json::Table(Vec::new())) {
        wrong.push("package.json: the package depends on nothing".to_owned());
    }
    let listed: BTreeSet<String> = json.list("samples").iter().map(|sample| sample.text("path").to_owned()).collect();
    let there: BTreeSet<String> =
        files::entries(&package.join("Samples~"))?.iter().map(|it| format!("Samples~/{}", file_name(it))).collect();
    if listed != there {
        wrong.push(format!("package.json lists the samples {listed:?}, there are {there:?}"));
    }
    if json.list("samples").iter().any(|sample| sample.text("displayName").is_empty() || sample.text("description").is_empty()) {
        wrong.push("package.json: a sample without a name or a description".to_owned());
    }
    none(wrong, "")
}

/// Every script belongs to an assembly, the core knows nothing of Unity, and the editor's code is in the editor's assembly.
fn assemblies_fit(package: &Path) -> Result<(), String> {
    let assemblies = assemblies(package)?;
    let mut wrong = Vec::new();
    let mut owned = BTreeSet::new();
    for assembly in &assemblies {
        owned.extend(assembly.sources()?);
        let core = assembly.name == "Sinew.Core";
        if assembly.engineless != core || (core && !assembly.references.is_empty()) {
            wrong.push(format!("{}: the core alone, and only it, does without Unity", assembly.name));
        }
        if assembly.editor != assembly.folder.ends_with("Editor") {
            wrong.push(format!("{}: what is for the editor alone lies in a folder Editor", assembly.name));
        }
    }
    let scripts: BTreeSet<PathBuf> = files::below(package, "cs")?.into_iter().collect();
    wrong.extend(scripts.difference(&owned).map(|it| format!("{it:?} belongs to no assembly")));
    if scripts.len() < 40 {
        wrong.push(format!("only {} scripts were found", scripts.len()));
    }
    none(wrong, "")
}

/// git leaves out what we build, and nothing else: a `.meta` that is not committed is a file that is not there.
fn nothing_is_dropped(package: &Path) -> Result<(), String> {
    let patterns = |file: &Path| -> Result<BTreeSet<String>, String> {
        Ok(files::read(file)?.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect())
    };
    let wanted: BTreeSet<String> = PLUGINS.iter().map(|it| format!("/{}", it.path)).chain(["/Tools~/".to_owned()]).collect();
    let found = patterns(&package.join(".gitignore"))?;
    if found != wanted {
        return Err(format!("unity/.gitignore leaves out {found:?}, not {wanted:?}"));
    }
    // Anchored, or about files that no package has: nothing of the package can be meant.
    let loose: Vec<String> = patterns(&root().join(".gitignore"))?.into_iter().filter(|it| !it.starts_with('/') && it != "*.swp").collect();
    none(loose, " in .gitignore may mean files of the Unity package; begin it with a slash")
}

/// Who installs from git has no LFS: a file that is kept there would be a few lines of text.
fn no_lfs(package: &Path) -> Result<(), String> {
    let mut wrong = Vec::new();
    for attributes in [root().join(".gitattributes"), package.join(".gitattributes")] {
        if fs::read_to_string(&attributes).is_ok_and(|text| text.contains("filter=lfs")) {
            wrong.push(format!("{attributes:?} puts files into LFS"));
        }
    }
    for path in meta::paths(package)? {
        if fs::read(package.join(&path)).is_ok_and(|bytes| bytes.starts_with(b"version https://git-lfs")) {
            wrong.push(format!("{path} is a pointer of LFS"));
        }
    }
    none(wrong, "")
}

/// The package is all that is installed: nothing in it leads out of it.
fn inside(package: &Path) -> Result<(), String> {
    let mut wrong = Vec::new();
    for path in meta::paths(package)?.into_iter().chain(["Documentation~/index.md".to_owned()]) {
        let file = package.join(&path);
        if has_extension(&file, "so") || file.is_dir() {
            continue;
        }
        match fs::read_to_string(&file) {
            Ok(text) if text.contains("](../") || text.contains("\"../") => wrong.push(format!("{path} leads out of the package")),
            Ok(_) => {}
            Err(error) => wrong.push(format!("{path} cannot be read as text: {error}")),
        }
    }
    none(wrong, "")
}

pub(super) fn json(path: &Path) -> Result<Json, String> {
    Json::parse(&files::read(path)?).map_err(|sentence| format!("{path:?}: {sentence}"))
}

fn has_extension(path: &Path, wanted: &str) -> bool {
    path.extension().is_some_and(|it| it == wanted)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn none(wrong: Vec<String>, cure: &str) -> Result<(), String> {
    if wrong.is_empty() { Ok(()) } else { Err(format!("{}{cure}", wrong.join("; "))) }
}

#[cfg(test)]
mod tests;
