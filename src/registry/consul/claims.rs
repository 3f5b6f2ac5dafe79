//! Who has which name and which id: keys in Consul's key-value store, changed by transactions.

use super::api::{Answer, Api};
use crate::id::ServerId;
use crate::registry::Registration;
use crate::registry::store::{Failure, Record};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// Consul ends a session that was not renewed for this long, after twice as long at the latest.
pub(super) const SESSION_TTL: Duration = Duration::from_secs(60);

/// What locks keys, and takes them along when it ends.
pub(super) struct Session {
    pub(super) id: String,
    renewed: Instant,
}

impl Session {
    fn new(id: String) -> Self {
        Self { id, renewed: Instant::now() }
    }

    pub(super) fn is_due(&self) -> bool {
        self.renewed.elapsed() >= SESSION_TTL / 3
    }
}

#[derive(Deserialize)]
struct Created {
    #[serde(rename = "ID")]
    id: String,
}

pub(super) async fn session(api: &Api, service: &str) -> Result<Session, Failure> {
    // Without the check of the agent's node: another agent may take over. And a server that comes back does not wait for its own ghost.
    let wanted = json!({
        "Name": service, "TTL": format!("{}s", SESSION_TTL.as_secs()), "Behavior": "delete", "LockDelay": "0s", "NodeChecks": []
    });
    let answer = api.ask(Method::PUT, "session/create", &[], Some(wanted)).await?;
    Ok(Session::new(api.json::<Created>(&answer)?.id))
}

/// `None`: the session has ended.
pub(super) async fn prolong(api: &Api, id: &str) -> Result<Option<Session>, Failure> {
    let answer = api.ask(Method::PUT, &format!("session/renew/{id}"), &[], None).await?;
    match answer.status {
        200 => Ok(Some(Session::new(id.to_owned()))),
        404 => Ok(None),
        _ => Err(api.refusal(&answer)),
    }
}

/// What stands under a name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Claim {
    /// `None`: somebody else's scribbling, which nobody is bound by.
    pub(super) id: Option<ServerId>,
    index: u64,
}

/// What became of a transaction that takes a name and an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claimed {
    Yes,
    /// Something else stands under the name than before.
    NameTaken,
    IdTaken,
    NoSession,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Transaction {
    results: Option<Vec<Outcome>>,
    errors: Option<Vec<Mistake>>,
}

#[derive(Deserialize)]
struct Outcome {
    #[serde(rename = "KV")]
    pair: Option<Pair>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Pair {
    key: String,
    value: Option<String>,
    #[serde(default)]
    flags: u64,
    #[serde(default)]
    modify_index: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Mistake {
    op_index: usize,
    what: String,
}

/// The keys of one cluster.
pub(super) struct Claims {
    root: String,
}

impl Claims {
    pub(super) fn new(prefix: &str, cluster: &str) -> Self {
        Self { root: format!("{prefix}/{cluster}") }
    }

    pub(super) fn name(&self, record: &Record) -> String {
        let Registration { group, name, .. } = &record.registration;
        format!("{}/servers/{group}/{name}", self.root)
    }

    fn id(&self, id: ServerId) -> String {
        format!("{}/ids/{id}", self.root)
    }

    fn goodbyes(&self) -> String {
        format!("{}/goodbyes/", self.root)
    }

    /// What stands under the record's name.
    pub(super) async fn of(&self, api: &Api, record: &Record) -> Result<Option<Claim>, Failure> {
        let pair = get(api, self.name(record)).await?;
        Ok(pair.map(|pair| Claim { id: ServerId::new(pair.flags), index: pair.modify_index }))
    }

    /// Whether the record's id is claimed for its name, and not for another.
    pub(super) async fn has_id(&self, api: &Api, record: &Record) -> Result<bool, Failure> {
        let pair = get(api, self.id(record.registration.id)).await?;
        Ok(pair.is_some_and(|pair| pair.value == Some(STANDARD.encode(owner(record)))))
    }

    /// Takes the record's name and id in one step, if what stands under the name is still `claim`, which is not newer.
    /// `owns_id`: the id is this name's, from an earlier session.
    pub(super) async fn take(
        &self,
        api: &Api,
        record: &Record,
        session: &str,
        claim: Option<Claim>,
        owns_id: bool,
    ) -> Result<Claimed, Failure> {
        let own = record.registration.id;
        let (name, id) = (self.name(record), self.id(own));
        let mut steps = Vec::new();
        if let Some(claim) = claim {
            steps.push(json!({ "KV": { "Verb": "delete-cas", "Key": name, "Index": claim.index } }));
            // An id that is claimed under this name belongs to it.
            steps.extend(claim.id.map(|older| json!({ "KV": { "Verb": "delete", "Key": self.id(older) } })));
        }
        if owns_id {
            steps.push(json!({ "KV": { "Verb": "delete", "Key": id } }));
        }
        steps.extend(new_key(&name, &own.to_string(), own.get(), session));
        let before_id = steps.len();
        steps.extend(new_key(&id, &owner(record), 0, session));
        let answer = api.ask(Method::PUT, "txn", &[], Some(Value::Array(steps))).await?;
        if answer.status == 200 {
            api.json::<Transaction>(&answer)?;
            return Ok(Claimed::Yes);
        }
        let mistakes = mistakes(api, &answer)?;
        Ok(if mistakes.iter().any(|mistake| mistake.what.contains("invalid session")) {
            Claimed::NoSession
        } else if mistakes.iter().any(|mistake| mistake.op_index < before_id) {
            Claimed::NameTaken
        } else {
            Claimed::IdTaken
        })
    }

    /// Gives up the record's name and id, and says that this was a goodbye. Nothing happens if they are not this session's any more.
    pub(super) async fn say_goodbye(&self, api: &Api, record: &Record, session: &str) -> Result<(), Failure> {
        let (name, own) = (self.name(record), record.registration.id);
        let steps = json!([
            { "KV": { "Verb": "check-session", "Key": name, "Session": session } },
            { "KV": { "Verb": "delete", "Key": name } },
            { "KV": { "Verb": "delete", "Key": self.id(own) } },
            { "KV": { "Verb": "lock", "Key": format!("{}{own}", self.goodbyes()), "Value": STANDARD.encode(owner(record)), "Session": session } },
        ]);
        let answer = api.ask(Method::PUT, "txn", &[], Some(steps)).await?;
        match answer.status {
            200 | 409 => Ok(()),
            _ => Err(api.refusal(&answer)),
        }
    }

    /// Who has said goodbye lately.
    pub(super) async fn departed(&self, api: &Api) -> Result<HashSet<ServerId>, Failure> {
        let root = self.goodbyes();
        let steps = json!([{ "KV": { "Verb": "get-tree", "Key": root } }]);
        let answer = api.ask(Method::PUT, "txn", &[], Some(steps)).await?;
        let pairs = api.json::<Transaction>(&answer)?.results.unwrap_or_default();
        let id = |pair: Pair| pair.key.strip_prefix(&root)?.parse().ok().and_then(ServerId::new);
        Ok(pairs.into_iter().filter_map(|outcome| id(outcome.pair?)).collect())
    }
}

/// The group and name, as other keys mention them.
fn owner(record: &Record) -> String {
    format!("{}/{}", record.registration.group, record.registration.name)
}

/// Steps that write a key that must not be there, and lock it.
fn new_key(key: &str, value: &str, flags: u64, session: &str) -> [Value; 2] {
    let value = STANDARD.encode(value);
    [
        json!({ "KV": { "Verb": "cas", "Key": key, "Value": value, "Flags": flags, "Index": 0 } }),
        json!({ "KV": { "Verb": "lock", "Key": key, "Value": value, "Flags": flags, "Session": session } }),
    ]
}

async fn get(api: &Api, key: String) -> Result<Option<Pair>, Failure> {
    let answer = api.ask(Method::PUT, "txn", &[], Some(json!([{ "KV": { "Verb": "get", "Key": key } }]))).await?;
    if answer.status != 200 {
        return mistakes(api, &answer).map(|_| None);
    }
    let pairs = api.json::<Transaction>(&answer)?.results.unwrap_or_default();
    Ok(pairs.into_iter().find_map(|outcome| outcome.pair))
}

/// Why a transaction was rolled back because of what stands there; anything else is a failure.
fn mistakes(api: &Api, answer: &Answer) -> Result<Vec<Mistake>, Failure> {
    let denied = answer.says("Permission denied");
    let rolled_back = (answer.status == 409 && !denied).then(|| serde_json::from_slice::<Transaction>(&answer.body).ok()).flatten();
    rolled_back.and_then(|transaction| transaction.errors).filter(|mistakes| !mistakes.is_empty()).ok_or_else(|| api.refusal(answer))
}
