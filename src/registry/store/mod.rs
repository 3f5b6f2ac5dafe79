//! A registry in somebody else's store: etcd, Redis, Consul.
//!
//! A [`Store`] says how one product keeps entries with a lease and tells of changes. Everything else is the same for all of them and lives here:
//! [`Stored`] registers, renews the lease, watches, tries again, and knows what an outage means; [`view`] (pure) decides who is there.
//! The ids are made by the members, as in the embedded registry: a number that the store counts would begin anew when the store is restarted
//! empty, while the servers that it once named still live; and with two registries at once a server would have two.

pub(crate) mod files;
mod keeper;
mod record;
mod view;
mod watcher;

pub(crate) use super::entry::{Name, name};
pub(crate) use record::Record;

use super::ids::Ids;
use super::local::address_towards;
use super::{Candidate, Command, Connector, HostStatus, LeaveReason, News, Registration, Wires, hand_over};
use crate::id::ServerId;
#[cfg(any(feature = "consul", feature = "redis"))]
pub(crate) use keeper::patience;
use keeper::{Entry, Keeper, Kept};
use std::collections::VecDeque;
use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use view::{Change, View};
use watcher::Seen;

/// First pause before a failed request is tried again; doubles up to [`RETRY_MAX`].
const RETRY_MIN: Duration = Duration::from_millis(100);
/// Longest pause between two attempts.
const RETRY_MAX: Duration = Duration::from_secs(1);
/// Beyond its lease, a member needs at most this long to come back to a store that has returned: the pause and a request.
const RETURN_SLACK: Duration = Duration::from_secs(3);
/// One request is waited for this long, whatever the lease.
const REQUEST_MAX: Duration = Duration::from_secs(5);
const REQUEST_MIN: Duration = Duration::from_secs(1);
/// A goodbye is waited for this long.
const GOODBYE_WAIT: Duration = Duration::from_secs(1);
/// What the store has said and is not yet looked at; its connection waits.
const EVENTS: usize = 256;
/// News the server has not taken yet; then the store waits, so that memory stays bounded.
const PENDING_NEWS: usize = 1024;

/// Why a request failed: half a sentence that begins with the store's address and ends with the cure, where there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure(pub(crate) String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What became of an attempt to register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// The entry stands, and its lease runs from now on. Whatever stood under the name with a lower id is gone.
    Done,
    /// A server of the same group and name has this id, which is higher. Nothing was written.
    Newer(ServerId),
    /// Another name has the same id. Nothing was written.
    IdTaken,
}

/// What became of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Renewed {
    Yes,
    /// The store has no such entry or lease any more, or under its name stands something else: it must be put again.
    Gone,
}

/// One product that keeps entries with a lease.
///
/// Each call is one attempt: it fails as soon as it is clear that the store cannot be reached or refuses, and is tried again by the caller, who
/// drops it if it takes too long. After that it may still have happened; so every call is one step for the store, never half a step.
pub(crate) trait Store: Send + Sync + 'static {
    /// As sentences name it, such as `etcd at 10.0.0.1:2379`.
    fn label(&self) -> &str;

    /// `host:port` of its servers.
    fn addresses(&self) -> &[String];

    /// How long an entry stays without [`Store::renew`]. Not shorter than what was configured, nor much longer.
    fn lease(&self) -> Duration;

    /// Puts the entry under its group and name, with a lease, in one step: unless a higher id stands there, or the id stands elsewhere.
    /// An entry that was put before under the same id is put again.
    fn put(&self, record: &Record) -> impl Future<Output = Result<Put, Failure>> + Send;

    /// Prolongs the lease of an entry that was put.
    fn renew(&self, record: &Record) -> impl Future<Output = Result<Renewed, Failure>> + Send;

    /// Takes the entry out, so that watchers know a goodbye from a crash. Nothing happens if something else stands under its name.
    fn remove(&self, record: &Record) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Every entry of this cluster.
    fn list(&self) -> impl Future<Output = Result<Vec<Found>, Failure>> + Send;

    /// Shows every entry once ([`Changes::all`]), then every change, until it fails. It notices by itself when the store has fallen silent.
    fn watch(&self, changes: &Changes) -> impl Future<Output = Failure> + Send;
}

/// An entry of the store: a record, or what is wrong with it.
pub(crate) type Found = Result<Record, Flawed>;

/// An entry that somebody else has written, and badly.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Flawed {
    /// Where it stands.
    pub(crate) key: String,
    /// Half a sentence.
    pub(crate) flaw: String,
}

impl Record {
    /// What stands under `key`.
    pub(crate) fn found(key: &str, json: &[u8]) -> Found {
        Self::from_json(json).map_err(|flaw| Flawed { key: key.into(), flaw })
    }
}

/// Where a watching store reports to. Whoever is told waits while the server has not taken what came before.
#[derive(Debug)]
pub(crate) struct Changes {
    events: mpsc::Sender<Event>,
    /// The directory has been shown.
    shown: Arc<AtomicBool>,
}

impl Changes {
    /// The whole directory as it is now; changes from then on follow.
    pub(crate) async fn all(&self, found: Vec<Found>) {
        self.shown.store(true, Ordering::Relaxed);
        self.send(Seen::All(found)).await;
    }

    pub(crate) async fn set(&self, found: Found) {
        self.send(Seen::Set(found)).await;
    }

    /// `Expired` where the store cannot tell a goodbye from the end of a lease; goodbyes are then entries that say so ([`Record::goodbye`]).
    pub(crate) async fn unset(&self, name: Name, reason: LeaveReason) {
        self.send(Seen::Unset(name, reason)).await;
    }

    async fn send(&self, seen: Seen) {
        // Nobody listens any more only when this future is about to be dropped.
        let _ = self.events.send(Event::Seen(seen)).await;
    }
}

/// What the two tasks have to report.
#[derive(Debug)]
enum Event {
    Kept(Kept),
    Seen(Seen),
    /// The answer to a suspicion.
    Looked {
        suspect: ServerId,
        listed: Vec<Found>,
    },
}

/// The connector for a [`Store`].
pub(crate) struct Stored<S> {
    store: Arc<S>,
    hosts: watch::Sender<Vec<HostStatus>>,
}

impl<S: Store> Stored<S> {
    pub(crate) fn new(store: S) -> Self {
        let unknown = HostStatus { address: store.label().to_owned(), registered: false, heard: None, failure: None };
        Self { store: Arc::new(store), hosts: watch::Sender::new(vec![unknown]) }
    }
}

impl<S: Store> Connector for Stored<S> {
    fn run(self: Box<Self>, me: Candidate, wires: Wires) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(run(*self, me, wires))
    }

    fn hosts(&self) -> Option<watch::Receiver<Vec<HostStatus>>> {
        Some(self.hosts.subscribe())
    }
}

/// Everybody that a store lists; its goodbyes and what makes no sense are left out.
pub(crate) async fn look<S: Store>(store: S) -> Result<Vec<Registration>, String> {
    let found = store.list().await.map_err(|failure| failure.0)?;
    Ok(found.into_iter().flatten().filter(|record| !record.left).map(|record| record.registration).collect())
}

async fn run<S: Store>(connector: Stored<S>, me: Candidate, mut wires: Wires) {
    let Stored { store, hosts } = connector;
    let (events, mut arriving) = mpsc::channel(EVENTS);
    // Ends with this future: a connector that is dropped leaves nothing behind.
    let mut tasks = JoinSet::new();
    let again = Arc::new(tokio::sync::Notify::new());
    let (entry, registered) = watch::channel(Entry::default());
    let keeper = Keeper { store: store.clone(), me, ids: Ids::from_clock(), again: again.clone(), entry };
    tasks.spawn(keeper.run(events.clone()));
    tasks.spawn(watcher::run(store.clone(), registered.clone(), events.clone()));
    let mut member = Membership::new(store.lease());
    let started = Instant::now();
    loop {
        hosts.send_replace(vec![member.status(store.label(), started)]);
        let deadline = member.view.as_ref().and_then(View::deadline).map(|deadline| started + deadline);
        tokio::select! {
            command = wires.commands.recv() => match command {
                Some(Command::ReportFailure(suspect)) => {
                    let (store, events) = (store.clone(), events.clone());
                    tasks.spawn(async move {
                        if let Ok(Ok(listed)) = timeout(REQUEST_MAX, store.list()).await {
                            let _ = events.send(Event::Looked { suspect, listed }).await;
                        }
                    });
                }
                Some(Command::Deregister) | None => break,
            },
            taken = hand_over(&wires.news, &mut member.pending), if !member.pending.is_empty() => {
                if !taken {
                    // Nobody listens: the server is gone, so it is no member any more.
                    break;
                }
            }
            Some(event) = arriving.recv(), if member.pending.len() < PENDING_NEWS && !member.over => {
                if member.event(event, started.elapsed()) {
                    again.notify_one();
                }
                if member.over {
                    // Nothing is kept or watched any more, and what may still stand of this server is taken out.
                    tasks.abort_all();
                    if let Some(record) = registered.borrow().record.clone() {
                        let store = store.clone();
                        tasks.spawn(async move { drop(timeout(GOODBYE_WAIT, store.remove(&record)).await) });
                    }
                }
            }
            () = sleep_until(deadline.unwrap_or(started)), if deadline.is_some() => member.tick(started.elapsed()),
        }
    }
    tasks.abort_all();
    let record = registered.borrow().record.clone();
    if let Some(record) = record
        && !member.over
    {
        // If the store does not hear it, the lease ends it.
        let _ = timeout(GOODBYE_WAIT, store.remove(&record)).await;
    }
}

/// What the server is told of the two tasks, and when.
struct Membership {
    lease: Duration,
    /// `None` until this server is registered.
    view: Option<View>,
    /// The server has been told its registration and its first view.
    announced: bool,
    own: Option<Registration>,
    /// Why registering or renewing fails at the moment; likewise watching.
    unkept: Option<String>,
    unseen: Option<String>,
    /// The directory has been seen.
    watched: bool,
    /// The last word of the store about this server's own lease, and the last at all.
    kept: Option<Duration>,
    heard: Option<Duration>,
    lost: bool,
    /// Replaced: nothing follows.
    over: bool,
    pending: VecDeque<News>,
    /// What has been logged as wrong with the store's entries.
    complaints: watcher::Complaints,
}

impl Membership {
    fn new(lease: Duration) -> Self {
        Self {
            lease,
            view: None,
            announced: false,
            own: None,
            unkept: None,
            unseen: None,
            watched: false,
            kept: None,
            heard: None,
            lost: false,
            over: false,
            pending: VecDeque::new(),
            complaints: watcher::Complaints::default(),
        }
    }

    /// True: this server's own entry is missing and must be put again.
    fn event(&mut self, event: Event, now: Duration) -> bool {
        let mut missing = false;
        match event {
            Event::Kept(Kept::Put(own)) => {
                self.heard_of_lease(now);
                match &mut self.view {
                    None => self.view = Some(View::new(own.clone(), self.lease + RETURN_SLACK)),
                    // It was gone, so the others' entries may be, too.
                    Some(view) => view.doubt(now),
                }
                self.own = Some(own);
            }
            Event::Kept(Kept::Renewed) => {
                // The end of an outage may be heard here first, before the others' leases that have run out meanwhile are seen to end.
                self.doubt_if_due(now);
                self.heard_of_lease(now);
            }
            Event::Kept(Kept::Failed(failure)) => self.unkept = Some(failure),
            Event::Kept(Kept::IdTaken(failure)) => {
                self.unkept = Some(failure);
                self.pending.push_back(News::IdTaken);
            }
            Event::Kept(Kept::Replaced { by }) => self.replaced(by),
            Event::Seen(Seen::Failed(failure)) => self.unseen = Some(failure),
            Event::Seen(seen) => {
                self.heard = Some(now);
                self.unseen = None;
                missing = self.seen(seen, now);
            }
            Event::Looked { suspect, listed } => {
                let listed = listed.into_iter().flatten().any(|record| record.registration.id == suspect && !record.left);
                self.doubt_if_due(now);
                if let Some(view) = self.view.as_mut().filter(|_| !listed) {
                    view.vanished(suspect, now);
                }
            }
        }
        self.tell();
        missing
    }

    fn seen(&mut self, seen: Seen, now: Duration) -> bool {
        self.doubt_if_due(now);
        let (Some(view), Some(own)) = (&mut self.view, &self.own) else { return false };
        self.watched = true;
        match seen {
            Seen::All(found) => {
                let records: Vec<Record> = found.into_iter().filter_map(|found| self.complaints.good(found)).collect();
                let missing = !records.iter().any(|record| record.registration.id == own.id);
                if missing || self.announced {
                    // Not the first look: what it is after, an outage or a short break, nobody knows.
                    view.doubt(now);
                }
                view.all(records, now);
                missing
            }
            Seen::Set(found) => {
                self.complaints.good(found).into_iter().for_each(|record| view.set(record));
                false
            }
            Seen::Unset(gone, _) if gone == name(own) => {
                // The same may have happened to everybody.
                view.doubt(now);
                true
            }
            Seen::Unset(gone, reason) => {
                view.unset(&gone, reason, now);
                false
            }
            Seen::Failed(_) => false,
        }
    }

    /// A store that has not confirmed this server's own lease for most of it may have stood still, with everybody's lease running out.
    fn doubt_if_due(&mut self, now: Duration) {
        let fresh = self.kept.is_some_and(|kept| now < kept + self.lease * 2 / 3);
        if let Some(view) = self.view.as_mut().filter(|_| !fresh || self.unkept.is_some()) {
            view.doubt(now);
        }
    }

    fn heard_of_lease(&mut self, now: Duration) {
        (self.kept, self.heard, self.unkept) = (Some(now), Some(now), None);
    }

    fn tick(&mut self, now: Duration) {
        if let Some(view) = &mut self.view {
            view.tick(now);
        }
        self.tell();
    }

    fn replaced(&mut self, by: ServerId) {
        if !self.over {
            self.over = true;
            self.pending.push_back(News::Replaced { by });
        }
    }

    /// Puts what the server must hear into `pending`.
    fn tell(&mut self) {
        if self.over {
            return;
        }
        if let Some(failure) = self.unkept.as_ref().or(self.unseen.as_ref()) {
            if !std::mem::replace(&mut self.lost, true) {
                self.pending.push_back(News::Lost(failure.clone()));
            }
        } else if let (Some(view), Some(own), true) = (&self.view, &self.own, self.watched) {
            let restored = std::mem::take(&mut self.lost);
            let first = !std::mem::replace(&mut self.announced, true);
            self.pending.extend(restored.then_some(News::Restored));
            self.pending.extend((restored || first).then(|| News::Registered(own.clone())));
            self.pending.extend(first.then(|| News::Snapshot(view.snapshot())));
            if first {
                self.changed(|change| matches!(change, Change::Replaced { .. }));
            }
        }
        if self.announced {
            self.changed(|_| true);
        }
    }

    /// Tells what has changed in the view, as far as it is `news`.
    fn changed(&mut self, news: impl Fn(&Change) -> bool) {
        let changes = self.view.as_mut().map(View::changes).unwrap_or_default();
        for change in changes.into_iter().filter(news) {
            match change {
                Change::Joined(entry) => self.pending.push_back(News::Joined(entry)),
                Change::Left { id, reason } => self.pending.push_back(News::Left { id, reason }),
                Change::Replaced { by } => self.replaced(by),
            }
        }
    }

    fn status(&self, label: &str, started: Instant) -> HostStatus {
        HostStatus {
            address: label.to_owned(),
            registered: self.announced && !self.lost,
            heard: self.heard.map(|heard| (started + heard).into()),
            failure: self.unkept.clone().or_else(|| self.unseen.clone()),
        }
    }
}

/// The address of this machine by which it reaches one of these; nothing is sent.
async fn local_address(addresses: &[String]) -> Result<IpAddr, String> {
    let mut failure = "no address is configured".to_string();
    for address in addresses {
        let resolved = match tokio::net::lookup_host(address).await {
            Ok(resolved) => resolved,
            Err(error) => {
                failure = format!("{address} cannot be resolved: {error}; correct registry.addresses");
                continue;
            }
        };
        for target in resolved {
            match address_towards(target) {
                Ok(local) => return Ok(local),
                Err(error) => failure = format!("there is no way to {address}: {error}"),
            }
        }
    }
    Err(failure)
}
