//! A TOML text as a tree that remembers where everything was written.

use super::error::{ConfigError, Mistake};
use std::collections::BTreeMap;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A configuration is a page or two; whatever is larger was given by mistake.
pub(super) const MOST_TEXT_BYTES: usize = 1 << 20;

pub(super) type Table = BTreeMap<String, Entry>;

/// A key of a table, and what it is set to.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: Place,
    pub(super) node: Node,
}

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) value: Value,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    Integer(i128),
    Boolean(bool),
    List(Vec<Node>),
    Table(Table),
    /// A float, a date or an absurdly long integer: no key takes one, so the words are all that is needed.
    Other(String),
}

/// Where a key or a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Line(usize),
    /// An environment variable, by name.
    Variable(String),
    /// Nowhere: a default, or something missing.
    Nowhere,
}

/// Reads a TOML text; `origin` names it in errors.
pub(super) fn parse(text: &str, origin: &str) -> Result<Table, ConfigError> {
    if text.len() > MOST_TEXT_BYTES {
        return Err(too_long(origin));
    }
    let lines = Lines::of(text);
    let root = DeTable::parse(text).map_err(|error| lines.mistake(&error, origin))?;
    Ok(table(root.get_ref(), &|span| Place::Line(lines.line(span))))
}

/// Reads one TOML value out of an environment variable.
pub(super) fn parse_value(text: &str, variable: &str) -> Option<Node> {
    let value = DeValue::parse(text).ok()?;
    Some(node(&value, &|_| Place::Variable(variable.to_owned())))
}

/// What is said of a text over [`MOST_TEXT_BYTES`].
pub(super) fn too_long(origin: &str) -> ConfigError {
    let found = format!("longer than {MOST_TEXT_BYTES} bytes");
    whole(origin, &found, "a configuration in TOML; give the right file")
}

/// A mistake about the text as a whole.
pub(super) fn whole(origin: &str, found: &str, expected: &str) -> ConfigError {
    let mistake = Mistake {
        key: String::new(),
        origin: origin.to_owned(),
        line: None,
        column: None,
        found: found.to_owned(),
        expected: expected.to_owned(),
        nearest: None,
    };
    mistake.into()
}

/// The node at a path, if it was written.
pub(super) fn find<'t>(table: &'t Table, path: &[&str]) -> Option<&'t Node> {
    let (first, rest) = path.split_first()?;
    let node = &table.get(*first)?.node;
    match (rest, &node.value) {
        ([], _) => Some(node),
        (_, Value::Table(inner)) => find(inner, rest),
        _ => None,
    }
}

impl Value {
    pub(super) fn as_table(&self) -> Option<&Table> {
        if let Value::Table(table) = self { Some(table) } else { None }
    }

    /// The value as an error shows it: cut when long, and never key material.
    pub(super) fn shown(&self) -> String {
        match self {
            Value::Text(text) => quoted(text),
            Value::Integer(integer) => integer.to_string(),
            Value::Boolean(boolean) => boolean.to_string(),
            Value::List(_) => "a list".into(),
            Value::Table(_) => "a table".into(),
            Value::Other(words) => words.clone(),
        }
    }

    /// The same with its type in front, for when the type is the mistake.
    pub(super) fn shown_with_type(&self) -> String {
        match self {
            Value::Text(_) => format!("the text {}", self.shown()),
            Value::Integer(_) => format!("the integer {}", self.shown()),
            _ => self.shown(),
        }
    }
}

/// A text in quotes, on one line, cut when long.
pub(super) fn quoted(text: &str) -> String {
    if text.contains("-----BEGIN") {
        return "a key or certificate in PEM form".into();
    }
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

fn table(table: &DeTable<'_>, place: &dyn Fn(usize) -> Place) -> Table {
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| Entry { key: place(key.span().start), node: node(value, place) };
    table.iter().map(|pair| (pair.0.get_ref().to_string(), entry(pair))).collect()
}

fn node(value: &Spanned<DeValue<'_>>, place: &dyn Fn(usize) -> Place) -> Node {
    let read = match value.get_ref() {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(integer) => match i128::from_str_radix(integer.as_str(), integer.radix()) {
            Ok(number) => Value::Integer(number),
            Err(_) => Value::Other("an integer of far too many digits".into()),
        },
        DeValue::Float(float) => Value::Other(format!("the fraction {float}")),
        DeValue::Boolean(boolean) => Value::Boolean(*boolean),
        DeValue::Datetime(moment) => Value::Other(format!("the date or time {moment}")),
        DeValue::Array(items) => Value::List(items.iter().map(|item| node(item, place)).collect()),
        DeValue::Table(inner) => Value::Table(table(inner, place)),
    };
    Node { place: place(value.span().start), value: read }
}

/// Where the lines of a text begin.
struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(offset, _)| offset + 1)).collect();
        Self { text, starts }
    }

    /// The line, from 1, of a byte offset.
    fn line(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset)
    }

    /// What the parser complains of, with the line, the column and what to write instead.
    fn mistake(&self, error: &toml::de::Error, origin: &str) -> Mistake {
        let offset = error.span().map_or(0, |span| span.start).min(self.text.len());
        let line = self.line(offset);
        let start = self.starts[line - 1];
        let column = self.text.get(start..offset).map_or(0, |before| before.chars().count()) + 1;
        let written = self.text[start..].lines().next().unwrap_or_default();
        let (complaint, expected) = explain(written, error.message());
        Mistake {
            key: String::new(),
            origin: origin.to_owned(),
            line: Some(line),
            column: Some(column),
            found: format!("not valid TOML ({complaint})"),
            expected,
            nearest: None,
        }
    }
}

/// What is wrong with the line and what to write instead, in words that help more than the parser's where the mistake is a common one.
/// Never repeats the line: it may hold a secret in the wrong place.
fn explain<'m>(line: &str, message: &'m str) -> (&'m str, String) {
    let (complaint, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let value = line.split_once('=').map(|(_, value)| value.trim());
    match value {
        _ if complaint == "duplicate key" => (complaint, "every key and every table once; remove one of the two".into()),
        Some(value) if value.starts_with('"') && value.contains('\\') => {
            (complaint, r#"a backslash in "…" to be doubled (\\), or the text in single quotes: 'C:\keys\cluster.key'"#.into())
        }
        Some("") => (complaint, "a value after the `=`".into()),
        Some(value) if value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false") => {
            (complaint, "true or false in lower case".into())
        }
        Some(value) if value.starts_with(char::is_alphanumeric) && !value.bytes().all(|b| b.is_ascii_digit() || b == b'_') => {
            ("text without quotes", r#"text in double quotes (key = "text"), or a plain number without a unit"#.into())
        }
        None if !line.trim_start().starts_with('[') => (complaint, "`key = value` or a `[section]` on this line".into()),
        _ if expected.is_empty() || expected == "nothing" => (complaint, "TOML as in docs/configuration.md".into()),
        _ => (complaint, expected.to_owned()),
    }
}
