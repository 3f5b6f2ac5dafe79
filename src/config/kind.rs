//! What kind of value a key takes: how it is checked, and how it is described.

use super::address::{HostPort, is_unspecified, parse_listen};
use super::error::Report;
use super::tree::{Node, Value, quoted};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Longest list that makes sense anywhere; keeps a generated configuration from growing without bound.
const MOST_ITEMS: usize = 4096;

/// `server.properties` in all, names and values; they travel in every registration.
pub(super) const MOST_PROPERTY_BYTES: usize = 4096;

/// Whether properties, wherever they come from, are few enough. Errors: a sentence.
pub(crate) fn check_properties(properties: &BTreeMap<String, String>) -> Result<(), String> {
    let bytes = properties.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
    if bytes > MOST_PROPERTY_BYTES {
        return Err(format!(
            "server.properties hold {bytes} bytes, more than {MOST_PROPERTY_BYTES}; send large data in messages, or keep it elsewhere"
        ));
    }
    Ok(())
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// Of a server, group or cluster: part of certificates and URIs, hence short and plain.
    Name,
    /// Any text of at most so many bytes.
    Text {
        most_bytes: usize,
    },
    /// One of a few words.
    Choice(&'static [&'static str]),
    Boolean,
    Integer {
        least: i128,
        most: i128,
        unit: &'static str,
    },
    /// An address of this machine and a port.
    Listen,
    /// What others dial: `host` or `host:port`; empty if allowed.
    Advertise,
    /// What is dialled: `host:port`.
    Dial,
    /// Of a file.
    Path,
    List(&'static Kind),
    /// Free key = "text" pairs.
    Properties,
    /// `[[registry.servers]]`.
    Seats,
}

impl Kind {
    pub(super) const fn bytes(least: i128, most: i128) -> Self {
        Kind::Integer { least, most, unit: "bytes" }
    }

    pub(super) const fn milliseconds(least: i128, most: i128) -> Self {
        Kind::Integer { least, most, unit: "milliseconds" }
    }

    pub(super) const fn count(least: i128, most: i128) -> Self {
        Kind::Integer { least, most, unit: "" }
    }

    /// The type, as the documentation names it.
    pub(super) fn name(self) -> Cow<'static, str> {
        match self {
            Kind::Name => "name".into(),
            Kind::Text { .. } | Kind::Choice(_) => "text".into(),
            Kind::Boolean => "boolean".into(),
            Kind::Integer { .. } => "integer".into(),
            Kind::Listen => "address:port".into(),
            Kind::Advertise => "host or host:port".into(),
            Kind::Dial => "host:port".into(),
            Kind::Path => "path".into(),
            Kind::List(Kind::Name) => "list of names".into(),
            Kind::List(Kind::Path) => "list of paths".into(),
            Kind::List(item) => format!("list of {}", item.name()).into(),
            Kind::Properties => "table of text".into(),
            Kind::Seats => "list of tables".into(),
        }
    }

    /// The unit a number is in; empty if it is a plain count or no number.
    pub(super) fn unit(self) -> &'static str {
        if let Kind::Integer { unit, .. } = self { unit } else { "" }
    }

    /// The values that are possible, as the documentation gives them.
    pub(super) fn range(self) -> Cow<'static, str> {
        match self {
            Kind::Name => "1 to 63 characters of `a-z A-Z 0-9 _ . -`".into(),
            Kind::Text { most_bytes } => format!("up to {most_bytes} bytes").into(),
            Kind::Choice(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ").into(),
            Kind::Boolean => "`true`, `false`".into(),
            Kind::Integer { least, most, .. } => format!("{least} to {most}").into(),
            Kind::Listen => "an IPv4 or IPv6 address, port 0 to 65535".into(),
            Kind::Advertise => "empty, or a port from 0 to 65535".into(),
            Kind::Dial => "port 1 to 65535".into(),
            Kind::Path => "not empty".into(),
            Kind::List(Kind::Dial) => "each with a port from 1 to 65535".into(),
            Kind::List(_) | Kind::Seats => format!("up to {MOST_ITEMS} entries").into(),
            Kind::Properties => format!("names and values up to {MOST_PROPERTY_BYTES} bytes in all").into(),
        }
    }

    /// The same as an error says it, after "expected".
    pub(super) fn expected(self) -> Cow<'static, str> {
        match self {
            Kind::Name => "a name of 1 to 63 characters from a-z A-Z 0-9 _ . -".into(),
            Kind::Text { most_bytes } => format!("text in double quotes, at most {most_bytes} bytes").into(),
            Kind::Choice(words) => format!("one of {}", words.iter().map(|word| format!("{word:?}")).collect::<Vec<_>>().join(", ")).into(),
            Kind::Boolean => "true or false, without quotes".into(),
            Kind::Integer { least, most, unit: "" } => format!("an integer from {least} to {most}").into(),
            Kind::Integer { least, most, unit } => format!("an integer from {least} to {most}, in {unit}").into(),
            Kind::Listen => "an address and a port in double quotes, such as \"127.0.0.1:4100\"".into(),
            Kind::Advertise => "a host or host:port in double quotes, such as \"world.example.net\" or \"10.0.0.5:4100\"".into(),
            Kind::Dial => "a host and a port in double quotes, such as \"10.0.0.5:4100\"".into(),
            Kind::Path => "the path of a file in double quotes, relative to the working directory".into(),
            Kind::List(item) => format!("a list: [ ] around {}", item.expected()).into(),
            Kind::Properties => "a table of key = \"text\" pairs".into(),
            Kind::Seats => "[[registry.servers]] tables with group, name and address".into(),
        }
    }

    /// Reports `node` if `key` cannot take it. Tables inside are the caller's.
    pub(super) fn check(self, key: &str, node: &Node, report: &mut Report) {
        let problem = match (self, &node.value) {
            (Kind::List(item), Value::List(nodes)) => {
                nodes.iter().for_each(|node| item.check(key, node, report));
                too_many(nodes.len())
            }
            (Kind::Seats, Value::List(nodes)) => too_many(nodes.len()),
            (Kind::Properties, Value::Table(_)) | (Kind::Boolean, Value::Boolean(_)) => None,
            (Kind::Integer { least, most, .. }, Value::Integer(integer)) => {
                (!(least..=most).contains(integer)).then(|| (integer.to_string(), self.expected().into_owned()))
            }
            (_, Value::Text(text)) => match self.problem_with(text) {
                Ok(problem) => problem.map(|cure| (self.shown(text), cure)),
                Err(WrongType) => Some((node.value.shown_with_type(), self.expected().into_owned())),
            },
            _ => Some((node.value.shown_with_type(), self.expected().into_owned())),
        };
        if let Some((found, expected)) = problem {
            let mistake = report.add(&node.place, key, found, expected);
            if let (Kind::Choice(words), Value::Text(text)) = (self, &node.value) {
                mistake.suggest(text, words.iter().copied());
            }
        }
    }

    /// What is wrong with a text, as the cure; `Err` if this kind is no text at all.
    fn problem_with(self, text: &str) -> Result<Option<String>, WrongType> {
        let expected = || self.expected().into_owned();
        Ok(match self {
            Kind::Name => (!is_name(text)).then(expected),
            Kind::Text { most_bytes } => (text.len() > most_bytes).then(expected),
            Kind::Choice(words) => (!words.contains(&text)).then(expected),
            Kind::Listen => parse_listen(text).err().map(|error| error.to_string()),
            Kind::Advertise if text.is_empty() => None,
            Kind::Advertise | Kind::Dial => match text.parse::<HostPort>() {
                Err(error) => Some(error.to_string()),
                Ok(dialled) if is_unspecified(&dialled.host) => {
                    Some("an address others can reach: this one can be listened on, but not dialled".into())
                }
                Ok(HostPort { port: None | Some(0), .. }) if matches!(self, Kind::Dial) => {
                    Some("a port from 1 to 65535 after the host".into())
                }
                Ok(_) => None,
            },
            Kind::Path if text.is_empty() => Some("the path of a file, or no such key at all".into()),
            Kind::Path if text.contains(char::is_control) => {
                Some("the path of a file; write a backslash as \\\\, or the path in single quotes".into())
            }
            Kind::Path => None,
            Kind::Boolean | Kind::Integer { .. } | Kind::List(_) | Kind::Properties | Kind::Seats => return Err(WrongType),
        })
    }

    /// A refused text. One that is no path may be the key itself, pasted where its path belongs.
    fn shown(self, text: &str) -> String {
        match self {
            Kind::Path if !text.is_empty() => "a text with control characters".into(),
            _ => quoted(text),
        }
    }
}

struct WrongType;

fn too_many(items: usize) -> Option<(String, String)> {
    (items > MOST_ITEMS).then(|| (format!("a list of {items}"), format!("at most {MOST_ITEMS}")))
}

/// Whether this can name a server, a group or a cluster. `.` and `..` are steps in a URI, not names.
pub(crate) fn is_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-');
    (1..=63).contains(&text.len()) && text.bytes().all(plain) && text != "." && text != ".."
}
