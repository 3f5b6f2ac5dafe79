//! Redis as the registry.
//!
//! An entry is a key with a time to live; beside it stand the sorted set `leases` (who is registered, and when that ends) and the stream
//! `changes`. One script does everything in single steps and keeps the three together. Nobody asks again and again who is overdue: each renewal
//! tells when the next lease ends, and whoever is first after that takes the dead entry out, which all others read in the stream.
//! `docs/registries.md` describes the keys. May use the store layer and TLS; must never know views or news.

mod changes;
mod guard;
mod link;
mod words;

use super::store::{Changes, Failure, Flawed, Found, Put, Record, Renewed, Store, patience};
use crate::config::{ServerConfig, is_name};
use crate::id::ServerId;
use link::{Dialler, Link, text};
use parking_lot::Mutex;
use redis::{Script, Value, cmd, pipe};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Mutex as Turns, watch};
use words::{refused, unexpected};

const SCRIPT: &str = include_str!("script.lua");
/// Longest value that is fetched: one byte more than a record may have, so that a longer one is seen to be too long.
const MOST_VALUE: usize = 64 * 1024;
/// Values that are asked for at once; together they stay below what the guard lets through.
const AT_ONCE: usize = 512;

pub(super) struct Redis {
    label: String,
    dialler: Dialler,
    lease: Duration,
    patience: Duration,
    /// What all keys begin with. In braces, so that a Redis Cluster keeps them on one node.
    base: String,
    script: Script,
    /// The connection for everything but watching. Whoever needs a new one dials; the others wait for it.
    link: Turns<Option<Arc<Link>>>,
    /// When a request began that was given up before it was answered.
    given_up: Mutex<Option<Instant>>,
    /// When the next lease ends, as far as is known.
    next_end: watch::Sender<Instant>,
    /// Goes up when what is watched must be looked at anew: another connection, or another stream.
    anew: watch::Sender<u64>,
    /// When the stream began that is read.
    began: AtomicU64,
}

/// The answer of the script.
struct Answer {
    word: String,
    more: Vec<Value>,
}

/// Notes a request that is dropped unanswered.
struct Asking<'a> {
    given_up: &'a Mutex<Option<Instant>>,
    began: Option<Instant>,
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if let Some(began) = self.began {
            self.given_up.lock().get_or_insert(began);
        }
    }
}

impl Redis {
    pub(super) fn new(config: &ServerConfig) -> Result<Self, Failure> {
        let registry = &config.registry;
        let lease = Duration::from_millis(registry.lease_ms);
        let patience = patience(lease);
        let addresses = registry.addresses.join(", ");
        let label = if registry.sentinel.is_empty() {
            format!("Redis at {addresses}")
        } else {
            format!("Redis \"{}\" of the Sentinels at {addresses}", registry.sentinel)
        };
        Ok(Self {
            label,
            // With several addresses one that is silent leaves time for the next.
            dialler: Dialler::new(registry, if registry.addresses.len() > 1 { patience / 2 } else { patience.mul_f32(0.9) })?,
            lease,
            patience,
            base: format!("{{{}/{}}}", registry.prefix, config.cluster.name),
            script: Script::new(SCRIPT),
            link: Turns::new(None),
            given_up: Mutex::new(None),
            next_end: watch::Sender::new(Instant::now() + lease),
            anew: watch::Sender::new(0),
            began: AtomicU64::new(0),
        })
    }

    fn leases(&self) -> String {
        format!("{}/leases", self.base)
    }

    fn changes(&self) -> String {
        format!("{}/changes", self.base)
    }

    /// The connection, or a new one.
    async fn link(&self) -> Result<Arc<Link>, Failure> {
        let mut place = self.link.lock().await;
        if let Some(link) = &*place {
            let mut given_up = self.given_up.lock();
            let silent = given_up.is_some_and(|began| began.elapsed() >= self.patience.mul_f32(0.9) && !link.heard_since(began));
            if !link.is_closed() && !silent {
                // What was given up was slow, or is not over yet.
                given_up.take_if(|began| link.heard_since(*began));
                return Ok(link.clone());
            }
        }
        *place = None;
        let link = Arc::new(self.dialler.dial().await?);
        *self.given_up.lock() = None;
        *place = Some(link.clone());
        self.anew.send_modify(|anew| *anew += 1);
        Ok(link)
    }

    /// A request begins.
    fn asking(&self) -> Asking<'_> {
        Asking { given_up: &self.given_up, began: Some(Instant::now()) }
    }

    /// It was answered, well or not: then the connection is given up, for another node may do better than one that has become a replica.
    async fn answered<T>(&self, mut asking: Asking<'_>, link: &Arc<Link>, outcome: Result<T, Failure>) -> Result<T, Failure> {
        asking.began = None;
        if outcome.is_err() {
            let given_up = self.link.lock().await.take_if(|current| Arc::ptr_eq(current, link));
            if given_up.is_some() {
                self.dialler.skip();
            }
        }
        outcome
    }

    /// Runs the script.
    async fn run(&self, what: &str, record: Option<&Record>) -> Result<Answer, Failure> {
        let link = self.link().await?;
        let asking = self.asking();
        let outcome = self.run_over(&link, what, record).await;
        self.answered(asking, &link, outcome).await
    }

    async fn run_over(&self, link: &Link, what: &str, record: Option<&Record>) -> Result<Answer, Failure> {
        let command = |name: &str, script: &str| {
            let mut command = cmd(name);
            command.arg(script).arg(if record.is_some() { 4 } else { 2 }).arg(self.leases()).arg(self.changes());
            if let Some(record) = record {
                let own = &record.registration;
                let name = format!("{}/{}", own.group, own.name);
                command.arg(format!("{}/servers/{name}", self.base)).arg(format!("{}/ids/{}", self.base, own.id.get()));
                command.arg(what).arg(self.lease_ms()).arg(name).arg(own.id.get()).arg(record.to_json());
            } else {
                command.arg(what).arg(self.lease_ms());
            }
            command
        };
        let asked = Instant::now();
        let answer = match link.answer(&command("EVALSHA", self.script.get_hash())).await? {
            // Redis has been restarted, or has never seen it.
            Value::ServerError(error) if error.code() == "NOSCRIPT" => link.ask(&command("EVAL", SCRIPT)).await?,
            Value::ServerError(error) => return Err(refused(&link.whom, &error)),
            answer => answer,
        };
        let unexpected = || unexpected(&link.whom, what);
        let Value::Array(mut more) = answer else { return Err(unexpected()) };
        if more.len() < 2 {
            return Err(unexpected());
        }
        let head: Vec<Value> = more.drain(..2).collect();
        let (Some(word), Some(wait)) = (text(&head[0]), text(&head[1]).and_then(|wait| wait.parse::<u32>().ok())) else {
            return Err(unexpected());
        };
        self.next_end.send_replace(asked + Duration::from_millis(wait.into()));
        Ok(Answer { word: word.to_owned(), more })
    }

    fn lease_ms(&self) -> u64 {
        u64::try_from(self.lease.as_millis()).unwrap_or(u64::MAX)
    }

    /// The last change, and everybody who stands in `leases` with an entry. What changes meanwhile comes after that change.
    async fn snapshot(&self, link: &Link) -> Result<(String, Vec<Found>), Failure> {
        let answer = self.run_over(link, "list", None).await?;
        let mut listed = answer.more.iter().map(|value| if let Value::BulkString(text) = value { &text[..] } else { &[] });
        let last = listed.next().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
        let (mut names, mut found) = (Vec::new(), Vec::new());
        for name in listed {
            match possible(name) {
                Some(name) => names.push(name),
                None => found.push(Err(self.impossible("leases", name))),
            }
        }
        for names in names.chunks(AT_ONCE) {
            let mut commands = pipe();
            for (group, name) in names {
                commands.cmd("GETRANGE").arg(format!("{}/servers/{group}/{name}", self.base)).arg(0).arg(MOST_VALUE);
            }
            for ((group, name), value) in names.iter().zip(link.answers(&commands, names.len()).await?) {
                match value {
                    // Its lease has ended since.
                    Value::BulkString(json) if json.is_empty() => {}
                    Value::BulkString(json) => found.push(self.found(group, name, &json)),
                    Value::ServerError(error) if error.code() == "WRONGTYPE" => {
                        let key = format!("{}/servers/{group}/{name}", self.base);
                        found.push(Err(Flawed { key, flaw: "it is no string".into() }));
                    }
                    Value::ServerError(error) => return Err(refused(&link.whom, &error)),
                    _ => return Err(unexpected(&link.whom, "GETRANGE")),
                }
            }
        }
        Ok((last, found))
    }

    /// What stands under this name.
    fn found(&self, group: &str, name: &str, json: &[u8]) -> Found {
        let key = format!("{}/servers/{group}/{name}", self.base);
        let record = Record::found(&key, json)?;
        let own = &record.registration;
        if (own.group.as_str(), own.name.as_str()) == (group, name) {
            Ok(record)
        } else {
            Err(Flawed { key, flaw: format!("it says that it is {}/{}", own.group, own.name) })
        }
    }

    fn impossible(&self, key: &str, name: &[u8]) -> Flawed {
        let name = words::quoted(&String::from_utf8_lossy(name));
        Flawed { key: format!("{}/{key}", self.base), flaw: format!("\"{name}\" is no group/name") }
    }
}

/// The group and the name of `group/name`, if it may be one.
fn possible(text: &[u8]) -> Option<(String, String)> {
    let (group, name) = std::str::from_utf8(text).ok()?.split_once('/')?;
    (is_name(group) && is_name(name)).then(|| (group.to_owned(), name.to_owned()))
}

impl Store for Redis {
    fn label(&self) -> &str {
        &self.label
    }

    fn addresses(&self) -> &[String] {
        self.dialler.addresses()
    }

    fn lease(&self) -> Duration {
        self.lease
    }

    async fn put(&self, record: &Record) -> Result<Put, Failure> {
        let answer = self.run("put", Some(record)).await?;
        match (answer.word.as_str(), answer.more.first()) {
            ("done", Some(began)) => {
                let began = text(began).and_then(|began| began.parse::<u64>().ok()).unwrap_or_default();
                if self.began.load(Ordering::Relaxed) != began {
                    // The stream that is read has been forgotten, and so may be everything else, without a word in it.
                    self.anew.send_modify(|anew| *anew += 1);
                }
                Ok(Put::Done)
            }
            ("taken", _) => Ok(Put::IdTaken),
            ("newer", Some(id)) => {
                let id = text(id).and_then(|id| id.parse().ok()).and_then(ServerId::new);
                id.map(Put::Newer).ok_or_else(|| unexpected(&self.label, "put"))
            }
            _ => Err(unexpected(&self.label, "put")),
        }
    }

    async fn renew(&self, record: &Record) -> Result<Renewed, Failure> {
        match self.run("renew", Some(record)).await?.word.as_str() {
            "done" => Ok(Renewed::Yes),
            "gone" => Ok(Renewed::Gone),
            _ => Err(unexpected(&self.label, "renew")),
        }
    }

    async fn remove(&self, record: &Record) -> Result<(), Failure> {
        self.run("remove", Some(&record.goodbye())).await.map(|_| ())
    }

    async fn list(&self) -> Result<Vec<Found>, Failure> {
        let link = self.link().await?;
        let asking = self.asking();
        let outcome = self.snapshot(&link).await;
        self.answered(asking, &link, outcome).await.map(|(_, found)| found)
    }

    async fn watch(&self, changes: &Changes) -> Failure {
        changes::watch(self, changes).await
    }
}
