//! What one member does: registers at every host, keeps its id, reports the news.
//!
//! Pure: what the connections report and `now` go in, [`Action`]s come out.

use super::RECONNECT_SLACK;
use super::protocol::{ToHost, ToMember};
use super::union::{Change, Union};
use crate::id::ServerId;
use crate::registry::ids::Ids;
use crate::registry::{Candidate, Command, HostStatus, News, Registration, flaw};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// Once one host has accepted, the others are waited for this long before the id is announced: until then it can still change.
const ANNOUNCE_WAIT: Duration = Duration::from_secs(1);
/// A goodbye is waited for this long.
const GOODBYE_WAIT: Duration = Duration::from_secs(1);
/// Draws in a row before the member gives a host a rest.
const MAX_DRAWS: u32 = 32;
/// Most entries one host's snapshot may have.
pub(super) const MAX_SNAPSHOT: usize = super::directory::MAX_REGISTRATIONS;

/// What the member's IO has to do, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    Send {
        host: usize,
        message: ToHost,
    },
    /// Close this connection; connecting goes on, not at once.
    Disconnect {
        host: usize,
    },
    /// Close every connection and connect no more.
    GiveUp,
    News(News),
    /// Nothing is left to do: the connector ends.
    Finish,
}

/// One server's membership in the registry.
#[derive(Debug)]
pub(crate) struct Membership {
    me: Candidate,
    ids: Ids,
    id: Option<ServerId>,
    draws: u32,
    hosts: Vec<Host>,
    union: Union,
    /// The id is known to the server: from now on it never changes.
    announced: bool,
    first_listed: Option<Duration>,
    lost: bool,
    gave_up: bool,
    /// Deregistering; ends then at the latest.
    ends_at: Option<Duration>,
    actions: Vec<Action>,
}

#[derive(Debug)]
struct Host {
    address: String,
    stage: Stage,
    /// Why the last attempt failed; `None` once it has worked, and until the first attempt is over.
    failure: Option<String>,
    /// Its last word.
    heard: Option<Duration>,
    /// The pieces of a snapshot that is still coming.
    pieces: Vec<Registration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Away,
    /// Connected, our registration is on its way.
    Registering,
    /// It accepted us; the snapshot is on its way.
    Accepted,
    /// It has accepted us and shown everything.
    Listed,
}

impl Membership {
    pub(crate) fn new(me: Candidate, addresses: &[String], ids: Ids) -> Self {
        let host = |address: &String| Host { address: address.clone(), stage: Stage::Away, failure: None, heard: None, pieces: Vec::new() };
        Self {
            me,
            ids,
            id: None,
            draws: 0,
            hosts: addresses.iter().map(host).collect(),
            union: Union::new(addresses.len()),
            announced: false,
            first_listed: None,
            lost: false,
            gave_up: false,
            ends_at: None,
            actions: Vec::new(),
        }
    }

    /// An authenticated connection to a host stands; `local` is this machine's address on it.
    pub(crate) fn connected(&mut self, host: usize, local: IpAddr, now: Duration) {
        if self.gave_up || self.ends_at.is_some() {
            return self.actions.push(Action::Disconnect { host });
        }
        if self.me.host.is_empty() {
            self.me.host = local.to_string();
        }
        if self.id.is_none() {
            self.id = Some(self.me.id.unwrap_or_else(|| self.ids.draw(now, None)));
        }
        self.register(host);
    }

    pub(crate) fn message(&mut self, host: usize, message: ToMember, now: Duration) {
        let stage = self.hosts[host].stage;
        if stage == Stage::Away || self.gave_up {
            return;
        }
        self.hosts[host].heard = Some(now);
        match message {
            ToMember::Registered { id, lease_ms } if Some(id) == self.id && stage == Stage::Registering => {
                self.hosts[host].stage = Stage::Accepted;
                self.union.set_grace(Duration::from_millis(lease_ms) + RECONNECT_SLACK);
            }
            // The answer to an id that has been given up since.
            ToMember::Registered { .. } => {}
            ToMember::Draw { above } => self.draw(host, above, now),
            ToMember::Refused { reason } => self.fail(host, format!("refused: {reason}"), now),
            // By our own next draw: a host that we reach by two addresses.
            ToMember::Replaced { by } if Some(by) == self.id => {}
            ToMember::Replaced { by } => self.replaced(by),
            ToMember::Snapshot { entries, last, settled } => self.snapshot(host, entries, last, settled, now),
            ToMember::Joined(entry) => self.joined(host, entry, now),
            ToMember::Left { id, reason } => self.union.left(host, id, reason),
            ToMember::Settled => self.union.settled(host),
            ToMember::KeepAlive => {}
            ToMember::Goodbye => self.away(host, now),
        }
        self.report_changes();
    }

    /// An attempt to connect failed, or a connection broke; `reason` is half a sentence.
    pub(crate) fn disconnected(&mut self, host: usize, reason: String, now: Duration) {
        if self.gave_up {
            return;
        }
        let stage = self.hosts[host].stage;
        self.away(host, now);
        // A connection that worked is dialled again at once; only if that fails too, the host counts as lost.
        if stage != Stage::Listed {
            // What the host itself said about it is better than how the socket ended.
            self.hosts[host].failure.get_or_insert(reason);
            self.check_lost();
        }
        self.announce(now);
    }

    pub(crate) fn command(&mut self, command: Command, now: Duration) {
        match command {
            Command::ReportFailure(id) => self.tell_listed(&ToHost::Suspect(id)),
            Command::Deregister => {
                self.ends_at.get_or_insert(now + GOODBYE_WAIT);
                for host in 0..self.hosts.len() {
                    if self.hosts[host].stage != Stage::Away {
                        self.actions.push(Action::Send { host, message: ToHost::Deregister });
                    }
                }
                self.check_finished();
            }
        }
    }

    /// To be called at [`Membership::deadline`].
    pub(crate) fn tick(&mut self, now: Duration) {
        self.union.tick(now);
        self.report_changes();
        self.announce(now);
        if self.ends_at.is_some_and(|ends_at| now >= ends_at) {
            self.actions.push(Action::Finish);
        }
    }

    pub(crate) fn deadline(&self) -> Option<Duration> {
        // While no host lists this server there is nothing to announce, however long ago one did.
        let announces = !self.announced && self.ends_at.is_none() && self.hosts.iter().any(|host| host.stage == Stage::Listed);
        let announce = self.first_listed.filter(|_| announces).map(|first| first + ANNOUNCE_WAIT);
        [announce, self.ends_at, self.union.deadline()].into_iter().flatten().min()
    }

    /// What is to be done because of the calls since the last one, in order.
    pub(crate) fn actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// How it stands with every host; `started` is when `now` was zero.
    pub(crate) fn hosts(&self, started: Instant) -> Vec<HostStatus> {
        let status = |host: &Host| HostStatus {
            address: host.address.clone(),
            registered: host.stage == Stage::Listed,
            heard: host.heard.map(|heard| started + heard),
            failure: host.failure.clone(),
        };
        self.hosts.iter().map(status).collect()
    }

    fn own(&self) -> Option<Registration> {
        let Candidate { group, name, host, port, visibility, properties, .. } = self.me.clone();
        Some(Registration { id: self.id?, group, name, host, port, visibility, properties })
    }

    fn register(&mut self, host: usize) {
        let Some(registration) = self.own() else { return };
        self.hosts[host].stage = Stage::Registering;
        self.hosts[host].pieces.clear();
        // An id that somebody else has given is kept, whoever has the name meanwhile.
        let fresh = !self.announced && self.me.id.is_none();
        self.actions.push(Action::Send { host, message: ToHost::Register { registration, fresh } });
    }

    fn draw(&mut self, host: usize, above: ServerId, now: Duration) {
        match self.id {
            // Another host has asked before: the answer to the id drawn since is on its way.
            Some(id) if above < id => return,
            Some(id) if self.announced || self.me.id.is_some() => {
                if !self.announced {
                    self.news(News::IdTaken);
                }
                return self.fail(host, format!("id {id} is held there by another server; restart this server to get a new one"), now);
            }
            _ => {}
        }
        self.draws += 1;
        if self.draws > MAX_DRAWS {
            self.draws = 0;
            return self.fail(host, format!("{MAX_DRAWS} ids in a row were refused; check the clocks of the servers of this cluster"), now);
        }
        self.id = Some(self.ids.draw(now, Some(above)));
        for host in 0..self.hosts.len() {
            if self.hosts[host].stage != Stage::Away {
                self.register(host);
            }
        }
    }

    /// A host keeps its word within what it may list, or is left: it holds a key of the cluster, but not the memory of its members.
    fn joined(&mut self, host: usize, entry: Registration, now: Duration) {
        if let Some(flaw) = flaw(&entry) {
            self.fail(host, format!("it lists what nobody can register: {flaw}"), now);
        } else if self.union.listed_by(host) >= MAX_SNAPSHOT {
            self.fail(host, format!("it lists more than {MAX_SNAPSHOT} servers"), now);
        } else if self.union.lists_otherwise(host, &entry) {
            self.fail(host, format!("it lists server {} under two names", entry.id), now);
        } else {
            self.union.joined(host, entry);
        }
    }

    fn snapshot(&mut self, host: usize, entries: Vec<Registration>, last: bool, settled: bool, now: Duration) {
        if let Some(flaw) = entries.iter().find_map(flaw) {
            return self.fail(host, format!("it lists what nobody can register: {flaw}"), now);
        }
        let state = &mut self.hosts[host];
        state.pieces.extend(entries);
        if state.pieces.len() > MAX_SNAPSHOT {
            return self.fail(host, format!("it lists more than {MAX_SNAPSHOT} servers"), now);
        }
        if !last {
            return;
        }
        let entries = std::mem::take(&mut state.pieces);
        self.union.snapshot(host, entries, settled);
        // A snapshot may still belong to an id that was given up: its successor's follows.
        if state.stage != Stage::Accepted {
            return;
        }
        state.stage = Stage::Listed;
        state.failure = None;
        self.first_listed.get_or_insert(now);
        if self.announced && self.lost {
            self.restored();
        }
        self.announce(now);
    }

    /// Tells the server its id and the first view, once no reachable host can object to the id any more.
    fn announce(&mut self, now: Duration) {
        let Some(first) = self.first_listed.filter(|_| !self.announced && self.ends_at.is_none()) else { return };
        let answered = |host: &Host| host.stage == Stage::Listed || (host.stage == Stage::Away && host.failure.is_some());
        let waited = now >= first + ANNOUNCE_WAIT;
        let listed = self.hosts.iter().any(|host| host.stage == Stage::Listed);
        let Some(own) = self.own().filter(|_| listed && (waited || self.hosts.iter().all(answered))) else { return };
        self.announced = true;
        self.union.pin(own.clone());
        // What has changed so far is in the first view.
        self.union.changes();
        if self.lost {
            self.restored();
        } else {
            self.news(News::Registered(own));
        }
        let view = self.union.view();
        self.news(News::Snapshot(view));
    }

    fn restored(&mut self) {
        self.lost = false;
        self.news(News::Restored);
        if let Some(own) = self.own() {
            self.news(News::Registered(own));
        }
    }

    fn report_changes(&mut self) {
        if !self.announced || self.gave_up {
            return;
        }
        for change in self.union.changes() {
            match change {
                // A host has a newer server under our name and has not met us yet. It makes room in the view; we are told in the next line.
                Change::Left { id, .. } if Some(id) == self.id => continue,
                Change::Joined(entry) if self.is_my_name(&entry) => return self.replaced(entry.id),
                Change::Joined(entry) => self.news(News::Joined(entry)),
                Change::Left { id, reason } => self.news(News::Left { id, reason }),
            }
        }
    }

    fn is_my_name(&self, entry: &Registration) -> bool {
        entry.group == self.me.group && entry.name == self.me.name
    }

    fn replaced(&mut self, by: ServerId) {
        if !self.gave_up {
            self.gave_up = true;
            self.hosts.iter_mut().for_each(|host| host.stage = Stage::Away);
            self.actions.push(Action::GiveUp);
            self.news(News::Replaced { by });
            self.check_finished();
        }
    }

    /// Closes the connection to a host for a reason that outlives it.
    fn fail(&mut self, host: usize, reason: String, now: Duration) {
        tracing::warn!(address = %self.hosts[host].address, %reason, "the registry host does not have this server");
        self.hosts[host].failure = Some(reason);
        self.away(host, now);
        self.actions.push(Action::Disconnect { host });
        self.check_lost();
        self.announce(now);
    }

    fn away(&mut self, host: usize, now: Duration) {
        self.hosts[host].stage = Stage::Away;
        self.hosts[host].pieces.clear();
        self.union.gone(host, now);
        self.check_finished();
    }

    fn check_finished(&mut self) {
        if self.ends_at.is_some() && self.hosts.iter().all(|host| host.stage == Stage::Away) {
            self.actions.push(Action::Finish);
        }
    }

    fn check_lost(&mut self) {
        let lost = self.hosts.iter().all(|host| host.stage == Stage::Away && host.failure.is_some());
        if self.lost || !lost || self.ends_at.is_some() {
            return;
        }
        self.lost = true;
        let failures = self.hosts.iter().map(|host| format!("{} ({})", host.address, host.failure.as_deref().unwrap_or_default()));
        let failures = failures.collect::<Vec<_>>().join(", ");
        self.news(News::Lost(format!(
            "no registry can be reached: {failures}; links and the last view are kept and connecting goes on: \
             start one with `sinew registry --listen ADDRESS`, or correct registry.addresses"
        )));
    }

    fn tell_listed(&mut self, message: &ToHost) {
        for host in 0..self.hosts.len() {
            if self.hosts[host].stage == Stage::Listed {
                self.actions.push(Action::Send { host, message: message.clone() });
            }
        }
    }

    fn news(&mut self, news: News) {
        self.actions.push(Action::News(news));
    }
}

#[cfg(test)]
mod tests;
