//! `SINEW_*` environment variables: which key each one sets, and how its text is read.
//!
//! `SINEW_` and the key's path in upper case, `__` between the levels. A variable without `__` is somebody else's (a deployment script's
//! `SINEW_HOME`, the `SINEW_REGISTRY_PORT` that Kubernetes makes for a service named sinew-registry) and is left alone, unless it is a
//! table's or nearly a key's name with single underscores: then it is a mistake, and silence would hide it.

use super::error::{ConfigError, Report, UNKNOWN_VARIABLE};
use super::keys::{About, GROUP, SECTIONS, SERVER};
use super::kind::Kind;
use super::suggest::{edits, fold};
use super::tree::{Entry, Node, Place, Table, Value, parse_value, whole};

/// The `SINEW_*` variables of this process.
pub(super) fn of_process() -> Result<Vec<(String, String)>, ConfigError> {
    let ours = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
        let name = name.to_string_lossy().into_owned();
        name.starts_with("SINEW_").then_some((name, value))
    };
    let text = |(name, value): (String, std::ffi::OsString)| match value.into_string() {
        Ok(value) => Ok((name, value)),
        Err(_) => Err(whole(&name, "not UTF-8", "UTF-8 text")),
    };
    std::env::vars_os().filter_map(ours).map(text).collect()
}

/// Writes the variables over the text's tree.
pub(super) fn overlay(root: &mut Table, env: impl Iterator<Item = (String, String)>, report: &mut Report) {
    let mut variables: Vec<_> = env.filter(|(name, _)| name.starts_with("SINEW_")).collect();
    // The order of a process's variables is chance; that of the errors should not be.
    variables.sort();
    for (name, text) in variables {
        match target(&name, root) {
            Target::Key(path, kind) => match read(&name, &text, kind) {
                Some(value) => set(root, &path, Node { place: Place::Variable(name.clone()), value }, &name, report),
                None => unset(root, &path),
            },
            Target::Section(section) => {
                let keys = variables_of(root).into_iter().filter(|known| known.starts_with(&format!("{name}__"))).collect::<Vec<_>>();
                report.add(
                    &Place::Variable(name.clone()),
                    &name,
                    format!("the table [{section}]"),
                    format!("one of its keys: {}", keys.join(", ")),
                );
            }
            Target::Ambiguous(candidates) => {
                let expected = format!("a name that fits one alone; it fits {}, so set it in the text", candidates.join(" and "));
                report.add(&Place::Variable(name.clone()), &name, "ambiguous", expected);
            }
            Target::Unknown => {
                let known = variables_of(root);
                report
                    .add(&Place::Variable(name.clone()), &name, UNKNOWN_VARIABLE, "SINEW_SECTION__KEY, as in docs/configuration.md")
                    .suggest(&name, known.iter().map(String::as_str));
            }
            Target::Foreign => {}
        }
    }
}

const PROPERTIES: &str = "SINEW_SERVER__PROPERTIES__";

enum Target {
    Key(Vec<String>, Kind),
    /// A whole table, which no variable can set.
    Section(String),
    /// It fits several names that differ only in case or punctuation.
    Ambiguous(Vec<String>),
    Unknown,
    Foreign,
}

fn target(variable: &str, root: &Table) -> Target {
    let rest = variable.strip_prefix("SINEW_").unwrap_or_default();
    let Some((section, below)) = rest.split_once("__") else {
        let section = rest.to_ascii_lowercase();
        return match () {
            _ if SECTIONS.contains(&section.as_str()) => Target::Section(section),
            _ if is_misspelled(variable, root) => Target::Unknown,
            _ => Target::Foreign,
        };
    };
    let section = section.to_ascii_lowercase();
    if let Some(property) = variable.strip_prefix(PROPERTIES) {
        return property_target(property, root);
    }
    if section == "groups" {
        return group_target(below, root);
    }
    let name = below.to_ascii_lowercase();
    match SERVER.iter().map(|key| &key.about).find(|about| about.section() == section && about.name() == name) {
        Some(About { kind: Kind::Properties, path, .. }) => Target::Section((*path).to_owned()),
        Some(about) => Target::Key(vec![section, name], about.kind),
        None => Target::Unknown,
    }
}

fn property_target(written: &str, root: &Table) -> Target {
    let path = |name| Target::Key(vec!["server".into(), "properties".into(), name], Kind::Text { most_bytes: usize::MAX });
    match matching(root, &["server", "properties"], written).as_slice() {
        _ if written.is_empty() => Target::Unknown,
        [] => path(written.to_ascii_lowercase()),
        [one] => path(one.clone()),
        several => Target::Ambiguous(several.to_vec()),
    }
}

fn group_target(written: &str, root: &Table) -> Target {
    // From the right: a group's name may hold `__` itself.
    let Some((group, key)) = written.rsplit_once("__").filter(|(group, _)| !group.is_empty()) else { return Target::Unknown };
    let key = key.to_ascii_lowercase();
    let Some(about) = GROUP.iter().map(|known| &known.about).find(|about| about.name() == key) else { return Target::Unknown };
    let path = |group| Target::Key(vec!["groups".into(), group, key], about.kind);
    match matching(root, &["groups"], group).as_slice() {
        [] => path(group.to_ascii_lowercase()),
        [one] => path(one.clone()),
        several => Target::Ambiguous(several.to_vec()),
    }
}

/// The names in the table at `path` that `written` may mean: variables have no lower case, and shells allow neither `-` nor `.`.
fn matching(root: &Table, path: &[&str], written: &str) -> Vec<String> {
    let Some(Node { value: Value::Table(table), .. }) = super::tree::find(root, path) else { return Vec::new() };
    let plain = |name: &str| name.to_ascii_lowercase().replace(['-', '.'], "_");
    let fits = |fit: &dyn Fn(&str) -> bool| table.keys().filter(|name| fit(name)).cloned().collect::<Vec<String>>();
    let ways: [&dyn Fn(&str) -> bool; 3] =
        [&|name| name == written, &|name| name.eq_ignore_ascii_case(written), &|name| plain(name) == plain(written)];
    ways.into_iter().map(fits).find(|fitting| !fitting.is_empty()).unwrap_or_default()
}

/// Whether a variable without `__` is a known one but for its underscores and at most one letter.
fn is_misspelled(variable: &str, root: &Table) -> bool {
    let written = fold(variable);
    written.starts_with(&fold(PROPERTIES))
        || variables_of(root).iter().any(|known| {
            let known = fold(known);
            known.len().abs_diff(written.len()) <= 1 && edits(&written, &known) <= 1
        })
}

/// Every variable that sets something, with the groups that there are.
fn variables_of(root: &Table) -> Vec<String> {
    let fixed = SERVER.iter().map(|key| {
        let below = if matches!(key.about.kind, Kind::Properties) { "__NAME" } else { "" };
        format!("{}__{}{below}", key.about.section(), key.about.name())
    });
    let mut groups = vec!["NAME".to_owned()];
    if let Some(Node { value: Value::Table(table), .. }) = super::tree::find(root, &["groups"]) {
        groups.extend(table.keys().map(|name| name.replace(['-', '.'], "_")));
    }
    let of_group = |group: String| GROUP.iter().map(move |key| format!("groups__{group}__{}", key.about.name()));
    fixed.chain(groups.into_iter().flat_map(of_group)).map(|path| format!("SINEW_{}", path.to_ascii_uppercase())).collect()
}

/// The variable's text as a value of this kind; what cannot be read stays text, for the check to refuse. `None`: the key is unset.
fn read(variable: &str, text: &str, kind: Kind) -> Option<Value> {
    let toml = |text: &str| parse_value(text, variable).map(|node| node.value);
    let as_text = || Value::Text(text.to_owned());
    Some(match kind {
        Kind::Boolean | Kind::Integer { .. } | Kind::Seats => match toml(text.trim()) {
            Some(value @ (Value::Boolean(_) | Value::Integer(_) | Value::List(_))) => value,
            _ => as_text(),
        },
        Kind::List(_) if text.trim_start().starts_with('[') => toml(text.trim()).unwrap_or_else(as_text),
        Kind::List(_) if text.trim().is_empty() => Value::List(Vec::new()),
        Kind::List(_) => Value::List(
            text.split(',')
                .map(|item| Node { place: Place::Variable(variable.to_owned()), value: Value::Text(item.trim().to_owned()) })
                .collect(),
        ),
        Kind::Path if text.is_empty() => return None,
        Kind::Name | Kind::Choice(_) | Kind::Listen | Kind::Advertise | Kind::Dial => Value::Text(text.trim().to_owned()),
        Kind::Path | Kind::Text { .. } | Kind::Properties => as_text(),
    })
}

/// Sets the value at `path`, making the tables on the way. Where a table is something else, the check complains of that.
fn set(table: &mut Table, path: &[String], node: Node, variable: &str, report: &mut Report) {
    let Some((first, rest)) = path.split_first() else { return };
    let place = Place::Variable(variable.to_owned());
    if rest.is_empty() {
        if let Some(Entry { node: Node { place: Place::Variable(other), .. }, .. }) = table.get(first) {
            report.add(&place, variable, format!("a second variable for the same key as {other}"), "one of the two; unset the other");
        }
        table.insert(first.clone(), Entry { key: place, node });
        return;
    }
    let inner =
        table.entry(first.clone()).or_insert_with(|| Entry { key: place.clone(), node: Node { place, value: Value::Table(Table::new()) } });
    if let Value::Table(inner) = &mut inner.node.value {
        set(inner, rest, node, variable, report);
    }
}

/// Takes the value at `path` away.
fn unset(table: &mut Table, path: &[String]) {
    let Some((first, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        table.remove(first);
    } else if let Some(Entry { node: Node { value: Value::Table(inner), .. }, .. }) = table.get_mut(first) {
        unset(inner, rest);
    }
}
