//! Whether the editor has a description of everything that scripts can see.

use super::addon::built_apart;
use super::{Engine, LIMIT};
use crate::files;
use crate::outcome::Outcome;
use crate::shell::{cargo, output, root, run_within};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What a page of a class can list.
const KINDS: &[&str] = &["method", "member", "signal", "constant"];

/// One check per class: each of its members is described.
pub(super) fn check(engine: &Engine, project: &Path) -> Outcome {
    let (listed, described) = match listed(engine, project).and_then(|listed| Ok((listed, described()?))) {
        Ok(both) => both,
        Err(sentence) => return Err(sentence).into(),
    };
    let mut outcome = Outcome::default();
    for (class, members) in listed {
        let missing: Vec<&str> = match described.get(&class) {
            Some(described) => members.iter().filter(|member| !described.contains(*member)).map(String::as_str).collect(),
            None => vec!["everything"],
        };
        outcome.add(if missing.is_empty() { Ok(()) } else { Err(format!("{class} has no documentation of {}", missing.join(", "))) });
    }
    outcome.add(icons());
    outcome
}

/// What the engine says that scripts can see, class by class.
fn listed(engine: &Engine, project: &Path) -> Result<BTreeMap<String, BTreeSet<String>>, String> {
    let folder = engine.folder.join("documentation");
    files::create(&folder)?;
    run_within(engine.headless(project).arg("--doctool").arg(&folder).arg("--gdextension-docs"), LIMIT)?;
    let mut classes = BTreeMap::new();
    for page in files::entries(&folder.join("doc_classes"))? {
        classes.extend(members(&files::read(&page)?, |_| true));
    }
    if classes.is_empty() { Err("the engine lists no class of the extension".to_owned()) } else { Ok(classes) }
}

/// What has a description that is not empty.
fn described() -> Result<BTreeMap<String, BTreeSet<String>>, String> {
    let pages = output(built_apart(cargo().args(["run", "--quiet", "--package", "sinew-godot", "--example", "documentation"]))?)?;
    Ok(members(&pages, |text| !text.trim().is_empty()))
}

/// The members of each class of these pages, as `kind name`, of which `is_listed` holds for the description; and the class itself.
fn members(pages: &str, is_listed: impl Fn(&str) -> bool) -> BTreeMap<String, BTreeSet<String>> {
    let mut classes = BTreeMap::new();
    for page in pages.split("<class name=\"").skip(1) {
        let Some((class, page)) = page.split_once('"') else { continue };
        let mut found = BTreeSet::new();
        let about = page.split_once("<brief_description>").and_then(|(_, rest)| rest.split_once("</brief_description>"));
        if about.is_some_and(|(text, _)| is_listed(text)) {
            found.insert("the class".to_owned());
        }
        for kind in KINDS {
            for element in page.split(&format!("<{kind} name=\"")).skip(1) {
                let Some((name, rest)) = element.split_once('"') else { continue };
                // A default of ours for a property of the engine's is described by the engine.
                let is_ours = !rest.split('>').next().is_some_and(|tag| tag.contains(" overrides="));
                if is_ours && is_listed(&text_of(kind, rest)) {
                    found.insert(format!("{kind} {name}"));
                }
            }
        }
        classes.insert(class.to_owned(), found);
    }
    classes
}

/// The description in an element: methods and signals have it in one of its own, the others contain nothing else.
fn text_of(kind: &str, element: &str) -> String {
    let whole = element.split(&format!("</{kind}>")).next().unwrap_or_default();
    let text = match whole.split_once("<description>") {
        Some((_, rest)) => rest.split("</description>").next().unwrap_or_default(),
        None => whole.split_once('>').map_or("", |(_, text)| text),
    };
    text.to_owned()
}

/// Every class that `sinew.gdextension` gives an icon has one.
fn icons() -> Result<(), String> {
    let addon = root().join("godot/addons/sinew");
    let text = files::read(&addon.join("sinew.gdextension"))?;
    let icons = text.lines().filter_map(|line| line.split('"').nth(1)).filter(|path| path.starts_with("icons/"));
    let missing: Vec<&str> = icons.filter(|icon| !addon.join(icon).exists()).collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("sinew.gdextension names {}, which is not there", missing.join(", "))) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_description_is_found() {
        let page = r#"<class name="A" inherits="B"><brief_description>It is one.</brief_description>
<method name="described"><return type="int" /><description> Yes. </description></method>
<method name="silent"><return type="int" /><description> </description></method>
<member name="size" type="int">How many.</member><constant name="NONE" value="0"></constant>"#;
        let all = members(page, |_| true);
        let described = members(page, |text| !text.trim().is_empty());
        let missing: Vec<&String> = all["A"].difference(&described["A"]).collect();
        assert_eq!(missing, ["constant NONE", "method silent"]);
        assert!(described["A"].contains("the class"));
    }
}
