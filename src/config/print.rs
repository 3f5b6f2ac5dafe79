//! The effective configuration as TOML that loads to the same value.

use super::ServerConfig;
use super::keys::{GROUP, SEAT, SECTIONS, SERVER};
use super::load::tree_of;
use super::tree::{Place, Table, Value, find};
use std::fmt::Write;

/// Prints every key; with `written`, each one followed by where its value came from.
pub(super) fn print(config: &ServerConfig, written: Option<&Table>) -> String {
    let root = tree_of(config);
    let mut page = Page { text: String::new(), written };
    for section in SECTIONS {
        if section == "groups" {
            for name in config.groups.keys() {
                page.section(&root, &["groups", name], GROUP.iter().map(|key| key.about.name()));
            }
            continue;
        }
        let names = || SERVER.iter().filter(|key| key.about.section() == section).map(|key| key.about.name());
        if section == "registry" && !config.more_registries.is_empty() {
            for (index, one) in config.each_registry().enumerate() {
                // Where the later ones were written is not known any more.
                let written = page.written.take_if(|_| index > 0);
                page.table("[[", &tree_of(&one), &[section], names(), "]]");
                page.written = page.written.or(written);
            }
            continue;
        }
        page.section(&root, &[section], names());
    }
    page.text
}

struct Page<'t> {
    text: String,
    written: Option<&'t Table>,
}

impl Page<'_> {
    /// One table and the tables inside it, keys in the order of the documentation.
    fn section(&mut self, root: &Table, path: &[&str], names: impl Iterator<Item = &'static str>) {
        self.table("[", root, path, names, "]");
    }

    fn table(&mut self, open: &str, root: &Table, path: &[&str], names: impl Iterator<Item = &'static str>, close: &str) {
        let mut inner = Vec::new();
        self.header(open, path, close);
        for name in names {
            let path = [path, &[name]].concat();
            match find(root, &path).map(|node| &node.value) {
                Some(Value::Table(properties)) => inner.push((path, properties)),
                Some(Value::List(items)) if name == "servers" => {
                    inner.extend(items.iter().filter_map(|seat| Some((path.clone(), seat.value.as_table()?))));
                }
                Some(value) => self.assignment(&path, value),
                None => {}
            }
        }
        for (path, table) in inner.into_iter().filter(|(_, table)| !table.is_empty()) {
            if path == ["registry", "servers"] {
                self.header("[[", &path, "]]");
                SEAT.iter().filter_map(|key| table.get_key_value(key.about.name())).for_each(|(name, entry)| {
                    let _ = writeln!(self.text, "{} = {}", key(name), inline(&entry.node.value));
                });
            } else {
                self.header("[", &path, "]");
                table.iter().for_each(|(name, entry)| self.assignment(&[&path[..], &[name]].concat(), &entry.node.value));
            }
        }
    }

    // Writing into a String cannot fail.
    fn header(&mut self, open: &str, path: &[&str], close: &str) {
        let blank = if self.text.is_empty() { "" } else { "\n" };
        let path: Vec<String> = path.iter().map(|name| key(name)).collect();
        let _ = writeln!(self.text, "{blank}{open}{}{close}", path.join("."));
    }

    fn assignment(&mut self, path: &[&str], value: &Value) {
        let Some(name) = path.last() else { return };
        let _ = write!(self.text, "{} = {}", key(name), inline(value));
        if let Some(written) = self.written {
            let _ = match find(written, path).map(|node| &node.place) {
                Some(Place::Line(line)) => write!(self.text, "  # line {line}"),
                Some(Place::Variable(name)) => write!(self.text, "  # {name}"),
                Some(Place::Nowhere) | None => write!(self.text, "  # default"),
            };
        }
        self.text.push('\n');
    }
}

/// A value on one line.
pub(super) fn inline(value: &Value) -> String {
    match value {
        Value::Text(text) => quoted(text),
        Value::Integer(integer) => integer.to_string(),
        Value::Boolean(boolean) => boolean.to_string(),
        Value::List(items) => format!("[{}]", items.iter().map(|item| inline(&item.value)).collect::<Vec<_>>().join(", ")),
        Value::Table(table) if table.is_empty() => "{}".into(),
        Value::Table(table) => {
            let pairs = table.iter().map(|(name, entry)| format!("{} = {}", key(name), inline(&entry.node.value)));
            format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
        }
        Value::Other(words) => words.clone(),
    }
}

/// A key, in quotes if it needs them.
fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if bare { name.to_owned() } else { quoted(name) }
}

/// A TOML basic string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
