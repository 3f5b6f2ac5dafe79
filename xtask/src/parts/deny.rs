//! The dependencies, held to `deny.toml`.
//!
//! cargo-deny takes minutes to install and the network to be of use, so it would be skipped where it matters. What can be decided from
//! this folder (licences, sources, bans) is decided here, on every run; advisories need `cargo xtask deny`.

use super::spdx;
use crate::outcome::Outcome;
use crate::shell::{cargo, output, root, run};
use std::collections::BTreeSet;
use std::fs;

/// Runs the real cargo-deny, advisories included.
pub(crate) fn run_cargo_deny() -> Result<(), String> {
    let installed = output(cargo().arg("--list"))?.lines().any(|line| line.split_whitespace().next() == Some("deny"));
    if !installed {
        println!("not installed: cargo-deny; building it takes some minutes");
        run(cargo().args(["install", "cargo-deny", "--locked"]))?;
    }
    run(cargo().args(["deny", "--workspace", "check"]))
}

pub(super) fn check() -> Outcome {
    let read = |file: &str| fs::read_to_string(root().join(file)).map_err(|error| format!("{file} cannot be read: {error}"));
    let mut outcome = Outcome::default();
    match read("deny.toml").and_then(|text| {
        let rules = Rules::parse(&text)?;
        let packages = packages(&rules.targets)?;
        Ok((rules, packages))
    }) {
        Ok((rules, packages)) => {
            println!("{} packages", packages.len());
            outcome.add(licences(&rules, &packages));
            outcome.add(bans(&rules, &packages));
        }
        Err(sentence) => outcome.add(Err(sentence)),
    }
    outcome.add(read("Cargo.lock").and_then(|lock| sources(&lock)));
    outcome
}

/// What `deny.toml` says, as far as it is checked here.
#[derive(Debug, Default)]
struct Rules {
    /// The platforms that are looked at.
    targets: Vec<String>,
    licences: Vec<String>,
    /// A crate and the licence it alone may have.
    exceptions: Vec<(String, String)>,
    /// A crate and why it is not wanted at all.
    banned: Vec<(String, String)>,
    /// Crates of which there must not be two versions.
    single: Vec<String>,
}

impl Rules {
    fn parse(text: &str) -> Result<Self, String> {
        let mut rules = Rules { targets: list(text, "graph", "targets"), licences: list(text, "licenses", "allow"), ..Rules::default() };
        for entry in entries(text, "licenses", "exceptions") {
            rules.exceptions.extend(field(entry, "crate").zip(field(entry, "allow")));
        }
        for entry in entries(text, "bans", "deny") {
            let Some(name) = field(entry, "crate") else { continue };
            if entry.contains("deny-multiple-versions = true") {
                rules.single.push(name);
            } else {
                rules.banned.push((name, field(entry, "reason").unwrap_or_default()));
            }
        }
        let understood = !rules.targets.is_empty() && !rules.licences.is_empty() && !rules.banned.is_empty() && !rules.single.is_empty();
        if understood {
            Ok(rules)
        } else {
            Err("deny.toml: keep graph.targets, licenses.allow and bans.deny as lists with one entry per line".to_owned())
        }
    }

    fn allows(&self, name: &str, licence: &str) -> bool {
        self.licences.iter().any(|allowed| allowed == licence)
            || self.exceptions.iter().any(|(crate_, allowed)| crate_ == name && allowed == licence)
    }
}

/// The lines of the list `key` in the table `section`.
fn entries<'a>(text: &'a str, section: &str, key: &str) -> Vec<&'a str> {
    let lines = text.lines().skip_while(|line| line.trim() != format!("[{section}]")).skip(1).take_while(|line| !line.starts_with('['));
    let list = lines.skip_while(|line| line.trim() != format!("{key} = [")).skip(1).take_while(|line| line.trim() != "]");
    list.map(str::trim).filter(|line| !line.starts_with('#')).collect()
}

fn list(text: &str, section: &str, key: &str) -> Vec<String> {
    entries(text, section, key).iter().filter_map(|entry| quoted(entry)).collect()
}

fn field(entry: &str, key: &str) -> Option<String> {
    quoted(entry.split_once(&format!("{key} = "))?.1)
}

fn quoted(text: &str) -> Option<String> {
    text.split('"').nth(1).map(str::to_owned)
}

struct Package {
    /// Name and version.
    id: String,
    licence: String,
}

impl Package {
    fn name(&self) -> &str {
        self.id.split_whitespace().next().unwrap_or_default()
    }
}

/// What is built on these platforms, with tests and build scripts. (Cargo.lock names more: optional dependencies nobody turns on.)
fn packages(targets: &[String]) -> Result<Vec<Package>, String> {
    let tree = ["tree", "--locked", "--workspace", "--all-features", "--prefix", "none", "--format", "{p}|{l}"];
    let listing = output(cargo().args(tree).args(targets.iter().map(|target| format!("--target={target}"))))?;
    let lines: BTreeSet<&str> = listing.lines().map(|line| line.trim_end_matches(" (*)")).filter(|line| !line.is_empty()).collect();
    let packages = lines.into_iter().filter_map(|line| line.split_once('|'));
    let packages: Vec<Package> = packages.map(|(id, licence)| Package { id: id.to_owned(), licence: licence.to_owned() }).collect();
    if packages.len() > 1 { Ok(packages) } else { Err("`cargo tree` lists no dependencies".to_owned()) }
}

fn licences(rules: &Rules, packages: &[Package]) -> Result<(), String> {
    let unlicensed = |package: &&Package| !spdx::is_satisfied(&package.licence, &|licence| rules.allows(package.name(), licence));
    let refused: Vec<String> = packages.iter().filter(unlicensed).map(|it| format!("{} is under \"{}\"", it.id, it.licence)).collect();
    if refused.is_empty() { Ok(()) } else { Err(format!("licenses.allow of deny.toml does not allow: {}", refused.join("; "))) }
}

fn bans(rules: &Rules, packages: &[Package]) -> Result<(), String> {
    let count = |name: &str| packages.iter().filter(|package| package.name() == name).count();
    let mut refused: Vec<String> = Vec::new();
    for (name, reason) in rules.banned.iter().filter(|(name, _)| count(name) > 0) {
        refused.push(format!(
            "{name} is banned by deny.toml ({reason}); `cargo tree --workspace --target all --invert {name}` shows who brings it"
        ));
    }
    for name in rules.single.iter().filter(|name| count(name) > 1) {
        refused.push(format!("{name} is there in two versions; `cargo tree --workspace --target all --duplicates` shows who brings them"));
    }
    if refused.is_empty() { Ok(()) } else { Err(refused.join("; ")) }
}

/// Everything comes from one registry: no git repositories, no second registry that could answer for a name.
fn sources(lock: &str) -> Result<(), String> {
    let sources: BTreeSet<&str> = lock.lines().filter_map(|line| line.strip_prefix("source = ")).collect();
    match sources.iter().find(|source| !source.starts_with("\"registry+")) {
        Some(other) => Err(format!("a dependency comes from {other}; take it from the registry")),
        None if sources.len() > 1 => Err(format!("the dependencies come from more than one registry: {sources:?}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: &str = "[graph]\ntargets = [\n  \"here\",\n]\n[licenses]\nallow = [\n  # ours\n  \"MIT\",\n]\nexceptions = [\n  { crate = \"c\", allow = [\"MPL-2.0\"] },\n]\n[bans]\ndeny = [\n  { crate = \"bad\", reason = \"worse\" },\n  { crate = \"one\", deny-multiple-versions = true },\n]\n";

    #[test]
    fn the_rules_are_read() {
        let rules = Rules::parse(RULES).unwrap();
        assert!(rules.allows("a", "MIT") && rules.allows("c", "MPL-2.0"));
        assert!(!rules.allows("a", "MPL-2.0") && !rules.allows("a", "ours"));
        assert_eq!(rules.targets, ["here"]);
        assert_eq!((rules.banned, rules.single), (vec![("bad".to_owned(), "worse".to_owned())], vec!["one".to_owned()]));
        assert!(Rules::parse("[licenses]\nallow = [\"MIT\"]\n").is_err());
    }

    #[test]
    fn licences_and_bans_are_held() {
        let rules = Rules::parse(RULES).unwrap();
        let package = |id: &str, licence: &str| Package { id: id.to_owned(), licence: licence.to_owned() };
        let good = [package("a v1.0.0", "MIT"), package("c v1.0.0", "MPL-2.0"), package("one v1.0.0", "MIT")];
        assert_eq!((licences(&rules, &good), bans(&rules, &good)), (Ok(()), Ok(())));
        assert!(licences(&rules, &[package("a v1.0.0", "MPL-2.0")]).unwrap_err().ends_with("a v1.0.0 is under \"MPL-2.0\""));
        assert!(bans(&rules, &[package("bad v1.0.0", "MIT")]).unwrap_err().contains("(worse)"));
        assert!(bans(&rules, &[package("one v1.0.0", "MIT"), package("one v2.0.0", "MIT")]).unwrap_err().contains("two versions"));
    }

    #[test]
    fn everything_comes_from_one_registry() {
        let lock = |sources: &[&str]| sources.iter().map(|it| format!("[[package]]\nsource = \"{it}\"\n")).collect::<String>();
        assert_eq!(sources(&lock(&["registry+x", "registry+x"])), Ok(()));
        assert!(sources(&lock(&["registry+x", "git+y"])).unwrap_err().contains("git+y"));
        assert!(sources(&lock(&["registry+x", "registry+y"])).unwrap_err().contains("more than one registry"));
    }
}
