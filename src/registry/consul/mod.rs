//! Consul as the registry.
//!
//! The directory is a service of Consul's, so that whatever knows Consul sees the servers. Each server is one instance of it, with its record
//! in the instance's metadata ([`meta`]) and a TTL check that is its lease; everybody follows the service by blocking queries ([`follow`]).
//! Registering a service is not transactional: an agent takes what it is told and passes it on when it can. What has to be unique is
//! therefore claimed beforehand in Consul's key-value store ([`claims`]), which is. Under `<registry.prefix>/<cluster.name>/` stand
//!
//! * `servers/<group>/<name>`: the id that has this name (in the flags; the value says it to people),
//! * `ids/<id>`: the group and name that have this id,
//! * `goodbyes/<id>`: this server has said goodbye. An instance that vanishes without one was forgotten by its agent and may come back.
//!
//! All three are locked by a session of the server that wrote them, which is renewed now and then: they vanish with it, at most
//! [`claims::SESSION_TTL`] twice after their server, and nothing grows for ever.
//!
//! To put an entry: a session, unless there is one; the claim that stands under the name; one transaction that takes the name and the id if
//! that claim is still there and lower; then the registration at the agent. Whatever fails or is dropped on the way is repeated from the
//! start: a claim of the same id is taken again, and a claim without a registration keeps nobody out, since a lower claim is taken over and
//! a server that starts above a higher one draws an id above it. To say goodbye: one transaction that replaces the claims by the goodbye;
//! then the agent removes the instance. If the second step is lost, the lease ends it.
//!
//! A replaced server's instance may stand beside its successor's until its lease ends, at the same agent or another: the higher id wins.

mod api;
mod claims;
mod directory;
mod follow;
mod meta;

use super::http::Http;
use super::store::files::secret;
use super::store::{Changes, Failure, Found, Put, Record, Renewed, Store};
use crate::config::ServerConfig;
use crate::id::ServerId;
use api::{Answer, Api};
use claims::{Claimed, Claims, Session};
use parking_lot::Mutex;
use reqwest::Method;
use serde_json::json;
use std::time::Duration;

/// Attempts to claim a name that others claim at the same time, before the store is given a rest.
const MOST_ATTEMPTS: u32 = 8;
/// Consul removes an instance whose lease ended this long ago. It takes no less.
const REMOVED_AFTER: &str = "1m";

pub(super) struct Consul {
    api: Api,
    claims: Claims,
    service: String,
    lease: Duration,
    kept: Mutex<Kept>,
}

/// What the requests before have left.
#[derive(Default)]
struct Kept {
    session: Option<Session>,
    registered: Option<Registered>,
}

/// An instance can be renewed and removed only at the agent where it was registered.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Registered {
    id: ServerId,
    agent: usize,
}

impl Consul {
    pub(super) fn new(config: &ServerConfig) -> Result<Self, Failure> {
        let (registry, cluster) = (&config.registry, &config.cluster.name);
        let lease = Duration::from_millis(registry.lease_ms);
        let http = Http::new("Consul", registry)?;
        let token = secret(registry)?.filter(|token| !token.is_empty());
        Ok(Self {
            api: Api::new(http, token, registry.datacenter.clone(), lease),
            claims: Claims::new(&registry.prefix, cluster),
            service: meta::service(&registry.prefix, cluster),
            lease,
            kept: Mutex::default(),
        })
    }

    /// The session that locks this server's claims.
    async fn session(&self) -> Result<String, Failure> {
        if let Some(session) = &self.kept.lock().session {
            return Ok(session.id.clone());
        }
        let session = claims::session(&self.api, &self.service).await?;
        let id = session.id.clone();
        self.kept.lock().session = Some(session);
        Ok(id)
    }

    /// Takes the name and the id, so that nobody else has them.
    async fn claim(&self, record: &Record) -> Result<Put, Failure> {
        let own = record.registration.id;
        let mut owns_id = false;
        for _ in 0..MOST_ATTEMPTS {
            let (session, claim) = tokio::try_join!(self.session(), self.claims.of(&self.api, record))?;
            if let Some(id) = claim.and_then(|claim| claim.id).filter(|id| *id > own) {
                return Ok(Put::Newer(id));
            }
            match self.claims.take(&self.api, record, &session, claim, owns_id).await? {
                Claimed::Yes => return Ok(Put::Done),
                Claimed::IdTaken if !owns_id && self.claims.has_id(&self.api, record).await? => owns_id = true,
                Claimed::IdTaken => return Ok(Put::IdTaken),
                Claimed::NameTaken => {}
                Claimed::NoSession => self.kept.lock().session = None,
            }
        }
        let name = self.claims.name(record);
        Err(Failure(format!("{}: {name} is changed by others again and again; which servers have this name?", self.api.label())))
    }

    /// Tells the agent.
    async fn register(&self, record: &Record) -> Result<(), Failure> {
        let entry = &record.registration;
        let meta = meta::written(record).ok_or_else(|| {
            let most = meta::MOST_BYTES;
            Failure(format!(
                "{}: server.properties take more than the {most} bytes that Consul has room for; shorten them",
                self.api.label()
            ))
        })?;
        let id = meta::instance(&self.service, entry);
        let check = json!({
            "CheckID": meta::check(&id),
            "Name": "Lease of a game server",
            "TTL": format!("{}ms", self.lease.as_millis()),
            "Status": "passing",
            "DeregisterCriticalServiceAfter": REMOVED_AFTER,
        });
        let (address, tags) = (&entry.host, [&entry.group]);
        let instance =
            json!({ "ID": id, "Name": self.service, "Tags": tags, "Address": address, "Port": entry.port, "Meta": meta, "Check": check });
        let query = [("replace-existing-checks", "true".to_owned())];
        let answer = self.api.ask(Method::PUT, "agent/service/register", &query, Some(instance)).await?;
        self.kept.lock().registered = Some(Registered { id: entry.id, agent: answer.agent });
        if answer.status == 200 { Ok(()) } else { Err(self.api.refusal(&answer)) }
    }

    /// Prolongs the lease at the agent.
    async fn pass(&self, record: &Record) -> Result<Renewed, Failure> {
        let check = meta::check(&meta::instance(&self.service, &record.registration));
        let answer = self.api.ask(Method::PUT, &format!("agent/check/pass/{check}"), &[], None).await?;
        match answer.status {
            200 => Ok(Renewed::Yes),
            404 => Ok(Renewed::Gone),
            // Consul before 1.11 has no status of its own for it.
            500 if answer.says("does not have associated TTL") || answer.says("Unknown check") => Ok(Renewed::Gone),
            _ => Err(self.api.refusal(&answer)),
        }
    }

    /// Prolongs the session, when it is time.
    async fn prolong(&self) -> Result<Renewed, Failure> {
        let Some(due) = self.kept.lock().session.as_ref().map(Session::is_due) else { return Ok(Renewed::Gone) };
        if !due {
            return Ok(Renewed::Yes);
        }
        let id = self.session().await?;
        let renewed = claims::prolong(&self.api, &id).await?;
        self.kept.lock().session = renewed;
        Ok(if self.kept.lock().session.is_some() { Renewed::Yes } else { Renewed::Gone })
    }
}

impl Store for Consul {
    fn label(&self) -> &str {
        self.api.label()
    }

    fn addresses(&self) -> &[String] {
        self.api.addresses()
    }

    fn lease(&self) -> Duration {
        self.lease
    }

    async fn put(&self, record: &Record) -> Result<Put, Failure> {
        let put = self.claim(record).await?;
        if put == Put::Done {
            self.register(record).await?;
        }
        Ok(put)
    }

    async fn renew(&self, record: &Record) -> Result<Renewed, Failure> {
        let here = Registered { id: record.registration.id, agent: self.api.agent() };
        if self.kept.lock().registered != Some(here) {
            // The agent where it was registered is gone; this one does not know it.
            return Ok(Renewed::Gone);
        }
        Ok(match tokio::try_join!(self.pass(record), self.prolong())? {
            (Renewed::Yes, Renewed::Yes) => Renewed::Yes,
            _ => Renewed::Gone,
        })
    }

    async fn remove(&self, record: &Record) -> Result<(), Failure> {
        let session = self.kept.lock().session.as_ref().map(|session| session.id.clone());
        let said = match session {
            Some(session) => self.claims.say_goodbye(&self.api, record, &session).await,
            None => Ok(()),
        };
        let instance = meta::instance(&self.service, &record.registration);
        let answer: Answer = self.api.ask(Method::PUT, &format!("agent/service/deregister/{instance}"), &[], None).await?;
        match answer.status {
            200 | 404 => said,
            _ => Err(self.api.refusal(&answer)),
        }
    }

    async fn list(&self) -> Result<Vec<Found>, Failure> {
        Ok(self.shown().await?.into_found())
    }

    async fn watch(&self, changes: &Changes) -> Failure {
        self.follow(changes).await
    }
}
