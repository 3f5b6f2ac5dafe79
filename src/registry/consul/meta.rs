//! How a record is written into the metadata of a Consul service. Pure.
//!
//! Consul takes 64 pairs; keys of at most 128 characters `a-z A-Z 0-9 _ -` and values of at most 512 bytes. The record is therefore cut into
//! pieces, `record-0`, `record-1`, … What fits stands there once more for people and other tools, and is not read.

use crate::config::Visibility;
use crate::registry::Registration;
use crate::registry::store::{Flawed, Found, Record};
use aws_lc_rs::digest::{SHA256, digest};
use std::collections::BTreeMap;

const MOST_PAIRS: usize = 64;
const MOST_KEY: usize = 128;
const MOST_VALUE: usize = 512;
/// The pairs that are not the record: `group`, `name`, `id`, `visibility`.
const PLAIN: usize = 4;
/// What a record may have at the least; a character that is cut off goes into the next piece.
pub(super) const MOST_BYTES: usize = (MOST_PAIRS - PLAIN) * (MOST_VALUE - 3);

/// The name of the service, one that is good in DNS, too.
pub(super) fn service(prefix: &str, cluster: &str) -> String {
    let plain = format!("{prefix}-{cluster}");
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if prefix.chars().all(good) && cluster.chars().all(|c| good(c) || c == '-') && !cluster.ends_with('-') && plain.len() <= 63 {
        return plain;
    }
    // What had to be changed could be the same for two clusters; Consul does not tell upper case from lower.
    let hash = digest(&SHA256, format!("{prefix}/{cluster}").as_bytes());
    let hash: String = hash.as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let mended: String = plain.to_ascii_lowercase().chars().map(|c| if good(c) { c } else { '-' }).take(50).collect();
    // Nothing may be left of it, and no name begins with a hyphen.
    format!("{mended}-{hash}").trim_start_matches('-').to_owned()
}

/// The id of the service's instance: whoever comes after it under its name has another.
pub(super) fn instance(service: &str, entry: &Registration) -> String {
    format!("{service}:{}:{}:{}", entry.group, entry.name, entry.id)
}

/// The id of the instance's check.
pub(super) fn check(instance: &str) -> String {
    format!("service:{instance}")
}

/// `None`: there is no room for it.
pub(super) fn written(record: &Record) -> Option<BTreeMap<String, String>> {
    let entry = &record.registration;
    let visibility = if entry.visibility == Visibility::External { "external" } else { "internal" };
    let plain =
        [("group", entry.group.clone()), ("name", entry.name.clone()), ("id", entry.id.to_string()), ("visibility", visibility.into())];
    let mut meta: BTreeMap<String, String> = plain.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let json = record.to_json();
    let mut rest = json.as_str();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(MOST_VALUE));
        meta.insert(format!("record-{}", meta.len() - PLAIN), piece.to_owned());
        rest = after;
    }
    if meta.len() > MOST_PAIRS {
        return None;
    }
    for (key, value) in &entry.properties {
        let key = format!("property-{key}");
        let legal = key.len() <= MOST_KEY && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
        if legal && value.len() <= MOST_VALUE && meta.len() < MOST_PAIRS {
            meta.insert(key, value.clone());
        }
    }
    Some(meta)
}

/// What stands in the metadata of an instance, which may be anybody's.
pub(super) fn read(service: &str, instance_id: &str, node: &str, meta: &BTreeMap<String, String>) -> Found {
    let key = format!("{instance_id} at {node}");
    let pieces: String = (0..MOST_PAIRS).map_while(|index| meta.get(&format!("record-{index}"))).map(String::as_str).collect();
    if pieces.is_empty() {
        return Err(Flawed { key, flaw: "its metadata has no record-0".into() });
    }
    let record = Record::found(&key, pieces.as_bytes())?;
    let expected = instance(service, &record.registration);
    if expected == instance_id { Ok(record) } else { Err(Flawed { key, flaw: format!("by its record it should be {expected}") }) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ServerId;

    fn record(properties: BTreeMap<String, String>) -> Record {
        let (group, name, host) = ("world".into(), "w1".into(), "::1".into());
        let id = ServerId::new(7).expect("an id");
        Record::new(Registration { id, group, name, host, port: 4000, visibility: Visibility::External, properties })
    }

    #[test]
    fn every_cluster_has_a_service_of_its_own_with_a_legal_name() {
        assert_eq!(service("sinew", "main"), "sinew-main");
        assert_eq!(service("sinew", "my-game"), "sinew-my-game");
        let long = "x".repeat(63);
        let pairs = [("a-b", "c"), ("a", "b-c"), ("a", "b.c"), ("a", "b_c"), ("a", "B-c"), ("sinew", &long), (&long, "sinew"), ("_", "_")];
        let names: Vec<String> = pairs.iter().map(|(prefix, cluster)| service(prefix, cluster)).collect();
        for (index, name) in names.iter().enumerate() {
            assert!(name.len() <= 63 && !name.starts_with('-') && !name.ends_with('-'), "{name}");
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'), "{name}");
            assert!(!names[..index].contains(name), "{name} twice");
        }
    }

    #[test]
    fn what_was_written_is_read_and_keeps_to_the_limits() {
        let many = (0..300).map(|n| (format!("k{n}"), "\u{1}".repeat(8))).collect();
        let odd =
            [("é世".to_owned(), "世".repeat(1000)), ("short".to_owned(), "yes".to_owned()), (String::new(), "\0\"".to_owned())].into();
        for properties in [BTreeMap::new(), many, odd] {
            let record = record(properties);
            let meta = written(&record).expect("room");
            assert!(meta.len() <= MOST_PAIRS);
            for (key, value) in &meta {
                assert!(key.len() <= MOST_KEY && key.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c)), "{key}");
                assert!(value.len() <= MOST_VALUE);
            }
            assert_eq!(read("s", &instance("s", &record.registration), "n1", &meta), Ok(record));
        }
        let short = record([("short".to_owned(), "yes".to_owned())].into());
        assert_eq!(written(&short).expect("room").get("property-short").map(String::as_str), Some("yes"));
    }

    #[test]
    fn what_has_no_room_is_not_cut_off() {
        let longest =
            (0..2000_u32).map(|n| (char::from_u32(n % 31 + 1).into_iter().chain(format!("{n}").chars()).collect(), "\u{1}".repeat(3)));
        assert_eq!(written(&record(longest.collect())), None);
    }

    #[test]
    fn what_is_wrong_with_an_instance_is_said() {
        let good = record(BTreeMap::new());
        let meta = written(&good).expect("room");
        let flaw = |id: &str, meta: &BTreeMap<String, String>| read("s", id, "n1", meta).expect_err("flawed");
        assert!(flaw("s:world:w2:7", &meta).flaw.contains("s:world:w1:7"));
        assert!(flaw("by-hand", &BTreeMap::new()).flaw.contains("record-0"));
        assert_eq!(flaw("by-hand", &[("record-0".into(), "{".into())].into()).key, "by-hand at n1");
    }
}
