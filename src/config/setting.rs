//! How a typed field is filled from a value and turned back into one.

use super::address::parse_listen;
use super::keys::SEAT;
use super::sections::{FixedServer, LogLevel, LogTarget, RegistryKind, Visibility};
use super::tree::{Entry, Node, Place, Value};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A field that a key can set.
pub(super) trait Setting {
    /// The field as a value; `None` if it is not set.
    fn give(&self) -> Option<Value>;

    /// Fills the field. Answers false, and changes nothing, if the value does not fit.
    fn take(&mut self, value: &Value) -> bool;
}

/// A field that takes one of a few words.
pub(super) trait Choice: Copy + PartialEq + 'static {
    const WORDS: &'static [&'static str];
    /// The value of each word, in the same order.
    const VALUES: &'static [Self];

    /// The word for this value.
    fn word(self) -> &'static str {
        Self::VALUES.iter().zip(Self::WORDS).find(|(value, _)| **value == self).map_or("", |(_, word)| word)
    }
}

impl Choice for Visibility {
    const WORDS: &'static [&'static str] = &["internal", "external"];
    const VALUES: &'static [Self] = &[Visibility::Internal, Visibility::External];
}

impl Choice for RegistryKind {
    const WORDS: &'static [&'static str] = &["embedded", "fixed", "etcd", "redis", "consul", "external"];
    const VALUES: &'static [Self] = &[
        RegistryKind::Embedded,
        RegistryKind::Fixed,
        RegistryKind::Etcd,
        RegistryKind::Redis,
        RegistryKind::Consul,
        RegistryKind::External,
    ];
}

impl Choice for LogLevel {
    const WORDS: &'static [&'static str] = &["error", "warn", "info", "debug", "trace"];
    const VALUES: &'static [Self] = &[LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace];
}

impl Choice for LogTarget {
    const WORDS: &'static [&'static str] = &["stderr", "events", "tracing", "none"];
    const VALUES: &'static [Self] = &[LogTarget::Stderr, LogTarget::Events, LogTarget::Tracing, LogTarget::None];
}

impl<C: Choice> Setting for C {
    fn give(&self) -> Option<Value> {
        Some(Value::Text(self.word().to_owned()))
    }

    fn take(&mut self, value: &Value) -> bool {
        let Value::Text(text) = value else { return false };
        let chosen = C::WORDS.iter().zip(C::VALUES).find(|(word, _)| *word == text).map(|(_, value)| *value);
        store(self, chosen)
    }
}

impl Setting for String {
    fn give(&self) -> Option<Value> {
        Some(Value::Text(self.clone()))
    }

    fn take(&mut self, value: &Value) -> bool {
        let Value::Text(text) = value else { return false };
        store(self, Some(text.clone()))
    }
}

impl Setting for bool {
    fn give(&self) -> Option<Value> {
        Some(Value::Boolean(*self))
    }

    fn take(&mut self, value: &Value) -> bool {
        let Value::Boolean(boolean) = value else { return false };
        store(self, Some(*boolean))
    }
}

impl Setting for SocketAddr {
    fn give(&self) -> Option<Value> {
        Some(Value::Text(self.to_string()))
    }

    fn take(&mut self, value: &Value) -> bool {
        let Value::Text(text) = value else { return false };
        store(self, parse_listen(text).ok())
    }
}

impl Setting for Option<SocketAddr> {
    fn give(&self) -> Option<Value> {
        self.as_ref().and_then(SocketAddr::give)
    }

    fn take(&mut self, value: &Value) -> bool {
        let Value::Text(text) = value else { return false };
        store(self, parse_listen(text).ok().map(Some))
    }
}

impl Setting for u64 {
    fn give(&self) -> Option<Value> {
        Some(Value::Integer(i128::from(*self)))
    }

    fn take(&mut self, value: &Value) -> bool {
        take_integer(self, value)
    }
}

impl Setting for u32 {
    fn give(&self) -> Option<Value> {
        Some(Value::Integer(i128::from(*self)))
    }

    fn take(&mut self, value: &Value) -> bool {
        take_integer(self, value)
    }
}

impl Setting for usize {
    fn give(&self) -> Option<Value> {
        i128::try_from(*self).ok().map(Value::Integer)
    }

    fn take(&mut self, value: &Value) -> bool {
        take_integer(self, value)
    }
}

impl Setting for Option<PathBuf> {
    fn give(&self) -> Option<Value> {
        self.as_ref().map(|path| Value::Text(path.to_string_lossy().into_owned()))
    }

    fn take(&mut self, value: &Value) -> bool {
        let Value::Text(text) = value else { return false };
        store(self, Some(Some(PathBuf::from(text))))
    }
}

impl Setting for Vec<PathBuf> {
    fn give(&self) -> Option<Value> {
        Some(Value::List(self.iter().map(|path| unplaced(Value::Text(path.to_string_lossy().into_owned()))).collect()))
    }

    fn take(&mut self, value: &Value) -> bool {
        store(self, texts(value).map(|texts| texts.into_iter().map(PathBuf::from).collect()))
    }
}

impl Setting for Vec<String> {
    fn give(&self) -> Option<Value> {
        Some(Value::List(self.iter().map(|text| unplaced(Value::Text(text.clone()))).collect()))
    }

    fn take(&mut self, value: &Value) -> bool {
        store(self, texts(value))
    }
}

impl Setting for BTreeMap<String, String> {
    fn give(&self) -> Option<Value> {
        Some(Value::Table(self.iter().map(|(name, text)| (name.clone(), unplaced_entry(Value::Text(text.clone())))).collect()))
    }

    fn take(&mut self, value: &Value) -> bool {
        let Value::Table(table) = value else { return false };
        let pair = |(name, entry): (&String, &Entry)| match &entry.node.value {
            Value::Text(text) => Some((name.clone(), text.clone())),
            _ => None,
        };
        store(self, table.iter().map(pair).collect())
    }
}

impl Setting for Vec<FixedServer> {
    fn give(&self) -> Option<Value> {
        let seat = |server: &FixedServer| unplaced(Value::Table(super::load::table_of(SEAT, &mut server.clone())));
        Some(Value::List(self.iter().map(seat).collect()))
    }

    fn take(&mut self, value: &Value) -> bool {
        let Value::List(nodes) = value else { return false };
        let seat = |node: &Node| {
            let Value::Table(table) = &node.value else { return None };
            let mut server = FixedServer::default();
            super::load::fill(SEAT, table, &mut server).then_some(server)
        };
        store(self, nodes.iter().map(seat).collect())
    }
}

pub(super) fn unplaced_entry(value: Value) -> Entry {
    Entry { key: Place::Nowhere, node: unplaced(value) }
}

fn unplaced(value: Value) -> Node {
    Node { place: Place::Nowhere, value }
}

fn store<T>(field: &mut T, value: Option<T>) -> bool {
    let fits = value.is_some();
    if let Some(value) = value {
        *field = value;
    }
    fits
}

fn take_integer<T: TryFrom<i128>>(field: &mut T, value: &Value) -> bool {
    let Value::Integer(integer) = value else { return false };
    store(field, T::try_from(*integer).ok())
}

fn texts(value: &Value) -> Option<Vec<String>> {
    let Value::List(nodes) = value else { return None };
    let text = |node: &Node| if let Value::Text(text) = &node.value { Some(text.clone()) } else { None };
    nodes.iter().map(text).collect()
}
