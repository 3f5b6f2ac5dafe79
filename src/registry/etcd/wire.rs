//! The JSON of etcd's gateway: base64 for keys and values, whole numbers as text, and what is 0, false or empty left out. Pure.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Value, json};

/// Bytes as base64.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Octets(pub(super) Vec<u8>);

impl From<&str> for Octets {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl Serialize for Octets {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(from)?;
        STANDARD.decode(text.as_bytes()).map(Octets).map_err(D::Error::custom)
    }
}

/// etcd writes 64 bits as text, so that JavaScript keeps them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Int(pub(super) i64);

impl Serialize for Int {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Int {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Written;

        impl Visitor<'_> for Written {
            type Value = Int;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a whole number, as text or not")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Int, E> {
                text.parse().map(Int).map_err(E::custom)
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<Int, E> {
                Ok(Int(number))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<Int, E> {
                number.try_into().map(Int).map_err(E::custom)
            }
        }

        from.deserialize_any(Written)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Header {
    pub(super) revision: Int,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct KeyValue {
    pub(super) key: Octets,
    pub(super) value: Octets,
    pub(super) mod_revision: Int,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Range {
    pub(super) header: Header,
    pub(super) kvs: Vec<KeyValue>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Txn {
    pub(super) succeeded: bool,
    responses: Vec<Response>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Response {
    response_range: Range,
}

impl Txn {
    /// What the ranges have found that it made, in order: each of one key, which may be missing.
    pub(super) fn found<const N: usize>(self) -> [Option<KeyValue>; N] {
        let mut found = self.responses.into_iter().map(|response| response.response_range.kvs.into_iter().next());
        std::array::from_fn(|_| found.next().flatten())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Lease {
    #[serde(rename = "ID")]
    pub(super) id: Int,
    /// Seconds; of a lease that is gone, 0.
    #[serde(rename = "TTL")]
    pub(super) ttl: Int,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Authenticated {
    pub(super) token: String,
}

/// One answer of a call that could give many.
#[derive(Debug, Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
pub(super) struct Streamed<T> {
    pub(super) result: Option<T>,
    pub(super) error: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Watched {
    pub(super) header: Header,
    pub(super) created: bool,
    pub(super) canceled: bool,
    pub(super) cancel_reason: String,
    pub(super) compact_revision: Int,
    /// More events of the same revision follow.
    pub(super) fragment: bool,
    pub(super) events: Vec<Event>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Event {
    /// `PUT`, which is left out, or `DELETE`.
    #[serde(rename = "type")]
    kind: String,
    pub(super) kv: KeyValue,
}

impl Event {
    pub(super) fn is_delete(&self) -> bool {
        self.kind == "DELETE"
    }
}

/// What etcd says went wrong, out of the answer to a call or of a line of a stream; `None` where that is not etcd speaking.
pub(super) fn problem(body: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    // {"error": "…", "message": "…", "code": 5}, {"code": 5, "message": "…"} or {"error": {"message": "…"}}, by version and call.
    let message = [&value["message"], &value["error"]["message"], &value["error"]].into_iter().find_map(Value::as_str)?;
    Some(message.to_owned())
}

/// Everything whose key begins with `prefix`, which ends with `/`.
pub(super) fn below(prefix: &str) -> Value {
    let end = format!("{}0", prefix.trim_end_matches('/'));
    json!({ "key": Octets::from(prefix), "range_end": Octets::from(end.as_str()) })
}

/// Only as long as the key has not changed since that revision; 0: as long as it is not there.
pub(super) fn unchanged(key: &str, revision: Int) -> Value {
    json!({ "target": "MOD", "result": "EQUAL", "key": Octets::from(key), "mod_revision": revision })
}

/// Only as long as this stands there.
pub(super) fn stands(key: &str, value: &str) -> Value {
    json!({ "target": "VALUE", "result": "EQUAL", "key": Octets::from(key), "value": Octets::from(value) })
}

pub(super) fn put(key: &str, value: &str, lease: Int) -> Value {
    json!({ "request_put": { "key": Octets::from(key), "value": Octets::from(value), "lease": lease } })
}

/// Puts another value under the lease that the key has.
pub(super) fn change(key: &str, value: &str) -> Value {
    json!({ "request_put": { "key": Octets::from(key), "value": Octets::from(value), "ignore_lease": true } })
}

pub(super) fn get(key: &str) -> Value {
    json!({ "request_range": { "key": Octets::from(key) } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_both_versions_are_read() {
        let range: Range =
            serde_json::from_str(r#"{"header":{"revision":"7","x":1},"kvs":[{"key":"Zm9v","mod_revision":"3"}]}"#).expect("JSON");
        assert_eq!((range.header.revision, range.kvs[0].key.0.as_slice(), range.kvs[0].value.0.len()), (Int(7), &b"foo"[..], 0));
        let lease: Lease = serde_json::from_str(r#"{"ID":"-5","TTL":2}"#).expect("JSON");
        assert_eq!((lease.id, lease.ttl), (Int(-5), Int(2)));
        let [first, second] = serde_json::from_str::<Txn>(r#"{"responses":[{"response_range":{}}]}"#).expect("JSON").found();
        assert!(first.is_none() && second.is_none());
        for (bad, says) in [(r#"{"ID":"x"}"#, "invalid digit"), (r#"{"TTL":"9223372036854775808"}"#, "too large")] {
            assert!(serde_json::from_str::<Lease>(bad).expect_err("refused").to_string().contains(says));
        }
        assert!(serde_json::from_str::<KeyValue>(r#"{"key":"@"}"#).is_err());
    }

    #[test]
    fn what_etcd_says_is_found_in_every_shape() {
        for text in [r#"{"error":"a b","message":"a b","code":5}"#, r#"{"code":5,"message":"a b"}"#, r#"{"error":{"message":"a b"}}"#] {
            assert_eq!(problem(text.as_bytes()).as_deref(), Some("a b"));
        }
        assert_eq!(problem(b"<html>404</html>"), None);
        assert_eq!(problem(b"[1]"), None);
    }

    #[test]
    fn a_range_ends_behind_its_slash() {
        assert_eq!(below("a/"), json!({ "key": "YS8=", "range_end": "YTA=" }));
    }
}
