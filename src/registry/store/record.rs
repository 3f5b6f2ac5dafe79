//! How one registration is written down in somebody else's store. Pure.
//!
//! A JSON object, so that people can read and tools can write it: `docs/registries.md` describes its fields.

use crate::config::Visibility;
use crate::id::ServerId;
use crate::registry::{Registration, flaw};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Longest text that is looked at. A registration with the most properties, each byte of them escaped, has half of it.
const MOST_BYTES: usize = 64 * 1024;

/// One entry of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) registration: Registration,
    /// It has said goodbye; the entry stays until its lease ends, so that nobody takes that for a crash.
    pub(crate) left: bool,
}

#[derive(Serialize, Deserialize)]
struct Written {
    id: ServerId,
    group: String,
    name: String,
    host: String,
    port: u16,
    #[serde(default)]
    visibility: Visibility,
    #[serde(default)]
    properties: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    left: bool,
}

impl Record {
    pub(crate) fn new(registration: Registration) -> Self {
        Self { registration, left: false }
    }

    /// The same entry, saying goodbye.
    #[cfg(any(feature = "etcd", feature = "redis", test))]
    pub(crate) fn goodbye(&self) -> Self {
        Self { left: true, ..self.clone() }
    }

    pub(crate) fn to_json(&self) -> String {
        let Registration { id, group, name, host, port, visibility, properties } = self.registration.clone();
        let written = Written { id, group, name, host, port, visibility, properties, left: self.left };
        // cannot fail: text and numbers under text keys
        serde_json::to_string(&written).expect("JSON")
    }

    /// Errors: half a sentence on what is wrong with it. It may have been written by anybody.
    pub(crate) fn from_json(text: &[u8]) -> Result<Self, String> {
        if text.len() > MOST_BYTES {
            return Err(format!("it has {} bytes, more than {MOST_BYTES}", text.len()));
        }
        let written: Written = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let Written { id, group, name, host, port, visibility, properties, left } = written;
        let registration = Registration { id, group, name, host, port, visibility, properties };
        match flaw(&registration) {
            Some(flaw) => Err(flaw),
            None => Ok(Self { registration, left }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        Record::new(Registration {
            id: ServerId::new(7).expect("an id"),
            group: "world".into(),
            name: "w1".into(),
            host: "fd00::2".into(),
            port: 4000,
            visibility: Visibility::External,
            properties: [("map".to_string(), "\"d\u{0}st\" 世界".to_string())].into(),
        })
    }

    #[test]
    fn what_was_written_is_read() {
        for record in [record(), record().goodbye()] {
            assert_eq!(Record::from_json(record.to_json().as_bytes()), Ok(record));
        }
    }

    #[test]
    fn an_entry_written_by_hand_needs_only_what_cannot_be_guessed() {
        let text = br#"{"id": 7, "group": "world", "name": "w1", "host": "10.0.0.1", "port": 4000, "note": "ours"}"#;
        let read = Record::from_json(text).expect("enough");
        assert_eq!((read.registration.visibility, read.left), (Visibility::Internal, false));
    }

    #[test]
    fn what_is_wrong_with_an_entry_is_said() {
        let good = record().to_json();
        for (from, to, says) in [
            ("\"id\":7", "\"id\":0", "2^53"),
            ("\"port\":4000", "\"port\":0", "port 0"),
            ("\"port\":4000", "\"port\":70000", "70000"),
            ("\"w1\"", "\"\"", "server.name"),
            ("\"host\":\"fd00::2\",", "", "host"),
            ("\"external\"", "\"secret\"", "secret"),
        ] {
            let bad = good.replace(from, to);
            assert_ne!(bad, good);
            let error = Record::from_json(bad.as_bytes()).expect_err("refused");
            assert!(error.contains(says), "{error}");
        }
        assert!(Record::from_json(b"{").is_err());
        assert!(Record::from_json(&vec![b' '; MOST_BYTES + 1]).expect_err("refused").contains("65537"));
        let many = good.replace("\"map\":\"", &format!("\"map\":\"{}", "x".repeat(5000)));
        assert!(Record::from_json(many.as_bytes()).expect_err("refused").contains("4096"));
    }
}
