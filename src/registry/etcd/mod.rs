//! Etcd as the registry, through its JSON gateway.
//!
//! ```text
//! PREFIX/CLUSTER/servers/GROUP/NAME   the entry
//! PREFIX/CLUSTER/ids/ID               GROUP/NAME: so that nobody else takes the id
//! ```
//!
//! Both are put in one transaction and under one lease, which the server renews; etcd removes both when it ends. A goodbye stands in place of the
//! entry until then. The gateway and not gRPC: `docs/dependencies.md` has the figures. May use the store layer and `http`.

mod gateway;
mod places;
mod watching;
mod wire;

use super::store::{Changes, Failure, Flawed, Found, Name, Put, Record, Renewed, Store};
use crate::config::ServerConfig;
use crate::id::ServerId;
use gateway::{Gateway, Refused};
use parking_lot::Mutex;
use rand::Rng;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use wire::{Int, Lease, Range, Txn};

/// Shorter leases end early when etcd elects a new leader; it would lengthen them by itself.
const LEASE_MIN_SECONDS: u64 = 2;
/// Attempts to register while others write the same keys, each of which has won against us.
const MOST_CONFLICTS: u32 = 16;

pub(super) struct Etcd {
    gateway: Gateway,
    /// What the keys of the entries begin with; likewise those of the ids.
    servers: String,
    ids: String,
    /// Asked for, until etcd has said what it grants.
    lease_seconds: AtomicU64,
    lease: Mutex<Option<Int>>,
    /// Name and id that were put last.
    own: Mutex<Option<(Name, ServerId)>>,
    /// The lease was gone: this may be another store than the one that is watched.
    strange: AtomicBool,
    /// Counts how often this server had to register with a store that had forgotten it: then what is watched begins anew, too.
    anew: watch::Sender<u64>,
}

impl Etcd {
    pub(super) fn new(config: &ServerConfig) -> Result<Self, Failure> {
        let registry = &config.registry;
        let base = format!("{}/{}/", registry.prefix, config.cluster.name);
        let (servers, ids) = (format!("{base}servers/"), format!("{base}ids/"));
        Ok(Self {
            gateway: Gateway::new(registry, base)?,
            servers,
            ids,
            lease_seconds: AtomicU64::new(registry.lease_ms.div_ceil(1000).max(LEASE_MIN_SECONDS)),
            lease: Mutex::new(None),
            own: Mutex::new(None),
            strange: AtomicBool::new(false),
            anew: watch::Sender::new(0),
        })
    }

    fn key(&self, group: &str, name: &str) -> String {
        format!("{}{group}/{name}", self.servers)
    }

    /// Group and name out of a key.
    fn name_of(&self, key: &str) -> Option<Name> {
        let (group, name) = key.strip_prefix(&self.servers)?.split_once('/')?;
        Some((group.to_owned(), name.to_owned()))
    }

    /// What stands there. Anybody may have written it.
    fn found(&self, key: &str, value: &[u8]) -> Found {
        let record = Record::found(key, value)?;
        let (group, name) = (&record.registration.group, &record.registration.name);
        if self.key(group, name) == key {
            return Ok(record);
        }
        Err(Flawed {
            key: key.to_owned(),
            flaw: format!("it says that it is {group}/{name}, which belongs under {}", self.key(group, name)),
        })
    }

    /// The lease, with all its time ahead.
    ///
    /// Its id is ours to choose: when the answer to its grant is lost, the next attempt finds that lease and does not make another.
    async fn fresh_lease(&self) -> Result<Int, Refused> {
        let known = *self.lease.lock();
        if let Some(lease) = known {
            if self.prolonged(lease).await? {
                return Ok(lease);
            }
            self.forget_lease();
        }
        let id = Int(rand::rng().random_range(1..=i64::MAX));
        *self.lease.lock() = Some(id);
        let wanted = self.lease_seconds.load(Ordering::Relaxed).to_string();
        let granted: Lease = self.gateway.call("lease/grant", &json!({ "ID": id, "TTL": wanted })).await?;
        match u64::try_from(granted.ttl.0) {
            Ok(seconds @ 1..) if granted.id == id => self.lease_seconds.store(seconds, Ordering::Relaxed),
            _ => return Err(Failure(format!("{} grants no lease; is it etcd 3.4 or newer?", self.gateway.http().label())).into()),
        }
        Ok(id)
    }

    /// Whether there still is such a lease; if so, it runs from now on.
    async fn prolonged(&self, lease: Int) -> Result<bool, Refused> {
        match self.gateway.call_streamed::<Lease>("lease/keepalive", &json!({ "ID": lease })).await {
            Ok(renewed) => Ok(renewed.ttl.0 > 0),
            Err(Refused::LeaseGone) => Ok(false),
            Err(failed) => Err(failed),
        }
    }

    fn forget_lease(&self) {
        *self.lease.lock() = None;
        self.strange.store(true, Ordering::Relaxed);
    }

    /// One attempt, and another each time that somebody was quicker.
    async fn put_once(&self, record: &Record) -> Result<Put, Refused> {
        let (group, name, id) = (&record.registration.group, &record.registration.name, record.registration.id);
        let (entry, taken) = (self.key(group, name), format!("{}{id}", self.ids));
        let (json, whose) = (record.to_json(), format!("{group}/{name}"));
        let mut lease = self.fresh_lease().await?;
        let (mut entry_is_of, mut id_is_of) = (Int(0), Int(0));
        for _ in 0..MOST_CONFLICTS {
            let transaction = json!({
                "compare": [wire::unchanged(&entry, entry_is_of), wire::unchanged(&taken, id_is_of)],
                "success": [wire::put(&entry, &json, lease), wire::put(&taken, &whose, lease)],
                "failure": [wire::get(&entry), wire::get(&taken)],
            });
            let done: Txn = match self.gateway.call("kv/txn", &transaction).await {
                Err(Refused::LeaseGone) => {
                    self.forget_lease();
                    lease = self.fresh_lease().await?;
                    continue;
                }
                done => done?,
            };
            if done.succeeded {
                return Ok(Put::Done);
            }
            let [stands, has_id] = done.found();
            // What makes no sense gives way.
            if let Some(Ok(stands)) = stands.as_ref().map(|stands| self.found(&entry, &stands.value.0))
                && stands.registration.id > id
            {
                return Ok(Put::Newer(stands.registration.id));
            }
            if has_id.as_ref().is_some_and(|has_id| has_id.value.0 != whose.as_bytes()) {
                return Ok(Put::IdTaken);
            }
            let revision = |found: Option<wire::KeyValue>| found.map_or(Int(0), |found| found.mod_revision);
            (entry_is_of, id_is_of) = (revision(stands), revision(has_id));
        }
        let label = self.gateway.http().label();
        Err(Failure(format!("{label}: {entry} changes faster than this server can register; do two programs fight for that name?")).into())
    }

    /// The directory, and the revision it is of.
    async fn range(&self) -> Result<(Vec<Found>, Int), Failure> {
        // Not serializable: a server that has lost the others would show what was.
        let range: Range = self.gateway.call::<Range>("kv/range", &wire::below(&self.servers)).await?;
        let found = range.kvs.iter().map(|kv| self.found(&String::from_utf8_lossy(&kv.key.0), &kv.value.0)).collect();
        Ok((found, range.header.revision))
    }
}

impl Store for Etcd {
    fn label(&self) -> &str {
        self.gateway.http().label()
    }

    fn addresses(&self) -> &[String] {
        self.gateway.http().addresses()
    }

    fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_seconds.load(Ordering::Relaxed))
    }

    async fn put(&self, record: &Record) -> Result<Put, Failure> {
        let put = self.put_once(record).await?;
        if put == Put::Done {
            let own = &record.registration;
            *self.own.lock() = Some(((own.group.clone(), own.name.clone()), own.id));
            if self.strange.swap(false, Ordering::Relaxed) {
                self.anew.send_modify(|anew| *anew += 1);
            }
        }
        Ok(put)
    }

    async fn renew(&self, _record: &Record) -> Result<Renewed, Failure> {
        let lease = *self.lease.lock();
        if let Some(lease) = lease
            && self.prolonged(lease).await?
        {
            return Ok(Renewed::Yes);
        }
        self.forget_lease();
        Ok(Renewed::Gone)
    }

    async fn remove(&self, record: &Record) -> Result<(), Failure> {
        let (group, name) = (&record.registration.group, &record.registration.name);
        let entry = self.key(group, name);
        let transaction = json!({
            "compare": [wire::stands(&entry, &record.to_json())],
            "success": [wire::change(&entry, &record.goodbye().to_json())],
        });
        self.gateway.call::<Value>("kv/txn", &transaction).await?;
        Ok(())
    }

    async fn list(&self) -> Result<Vec<Found>, Failure> {
        Ok(self.range().await?.0)
    }

    async fn watch(&self, changes: &Changes) -> Failure {
        watching::run(self, changes).await
    }
}
