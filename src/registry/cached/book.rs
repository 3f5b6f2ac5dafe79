//! What the server is told, and what is remembered of it. Pure: the registry's news and `now` go in.

use crate::id::ServerId;
use crate::registry::entry::{Name, name};
use crate::registry::{Candidate, LeaveReason, News, Registration};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// A registry that has just come back may list hardly anybody yet. Who is remembered stays for this long, unless it says otherwise: every
/// connector is back within seconds, whatever the lease.
pub(super) const GRACE: Duration = Duration::from_secs(10);

/// What outlives the process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Memory {
    pub(super) own: Registration,
    /// The id must not be registered again: a registry has heard its goodbye, or may know another id or address of this server.
    pub(super) id_ended: bool,
    pub(super) others: BTreeMap<Name, Registration>,
}

/// What is to be done besides.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    GoOn,
    /// The connector inside must be left without a goodbye and begin anew as this.
    Again(Box<Candidate>),
}

#[derive(Debug)]
pub(super) struct Book {
    me: Candidate,
    /// From an earlier run, and not used yet.
    memory: Option<Memory>,
    own: Option<Registration>,
    id_ended: bool,
    /// Began with a remembered id that no registry has confirmed since: an id drawn then.
    unconfirmed: Option<ServerId>,
    began_from_memory: bool,
    /// By the registry, without this server.
    listed: BTreeMap<ServerId, Registration>,
    /// The registry has shown everything at least once.
    has_view: bool,
    /// From memory, and no server of that name is listed by the registry (yet).
    remembered: BTreeMap<Name, Registration>,
    /// Until when the remembered are waited for; `None` while the registry is lost.
    waits_until: Option<Duration>,
    lost: bool,
    /// Replaced: nothing follows, and the file is the other one's.
    pub(super) over: bool,
    /// What would be written has changed since it was last asked for.
    pub(super) changed: bool,
    pub(super) pending: VecDeque<News>,
}

impl Book {
    pub(super) fn new(me: Candidate, memory: Option<Memory>) -> Self {
        Self {
            // A server that is given its id by somebody else has no use for another.
            memory: memory.filter(|_| me.id.is_none()),
            me,
            own: None,
            id_ended: false,
            unconfirmed: None,
            began_from_memory: false,
            listed: BTreeMap::new(),
            has_view: false,
            remembered: BTreeMap::new(),
            waits_until: None,
            lost: false,
            over: false,
            changed: false,
            pending: VecDeque::new(),
        }
    }

    /// What must stand on the disk before anything is registered: from then on the remembered id may be replaced by a new one, and who ends
    /// before that one is written down must not register the old one again.
    pub(super) fn fence(&self) -> Option<Memory> {
        self.memory.as_ref().filter(|memory| !memory.id_ended).map(|memory| Memory { id_ended: true, ..memory.clone() })
    }

    /// As whom the connector inside is to register.
    pub(super) fn candidate(&self) -> &Candidate {
        &self.me
    }

    pub(super) fn began_from_memory(&self) -> bool {
        self.began_from_memory
    }

    /// `draw`: an id above all that this machine has drawn before.
    pub(super) fn news(&mut self, news: News, now: Duration, draw: impl FnOnce() -> ServerId) -> Next {
        match news {
            News::Lost(why) => return self.registry_lost(why, draw),
            News::Restored => self.registry_is_there(now),
            News::Registered(own) => self.registered(own, now),
            News::Snapshot(entries) => self.snapshot(entries, now),
            News::Joined(entry) => self.joined(entry),
            News::Left { id, reason } => {
                self.listed.remove(&id);
                self.changed = true;
                self.pending.push_back(News::Left { id, reason });
            }
            News::Replaced { by } => return self.replaced(by),
            // The remembered one, which nobody has confirmed: another must do.
            News::IdTaken if self.unconfirmed.take().is_some() => return self.begin_under_a_new_id(),
            News::IdTaken => {}
        }
        Next::GoOn
    }

    fn registry_lost(&mut self, why: String, draw: impl FnOnce() -> ServerId) -> Next {
        // While nobody answers, nobody can come back.
        self.waits_until = None;
        if !std::mem::replace(&mut self.lost, true) {
            self.pending.push_back(News::Lost(why));
        }
        let Some(memory) = self.memory.take().filter(|_| self.own.is_none()) else { return Next::GoOn };
        let Candidate { group, name, host, port, visibility, properties, .. } = self.me.clone();
        // Otherwise the connector fills it in, by the way to the registry.
        let host = if host.is_empty() { memory.own.host.clone() } else { host };
        let own = Registration { id: memory.own.id, group, name, host, port, visibility, properties };
        // An id stands for one thing for ever: where something else is known under it, the registry gets a new one.
        self.id_ended = memory.id_ended || own != memory.own;
        if !self.id_ended {
            (self.me.id, self.me.host) = (Some(own.id), own.host.clone());
            self.unconfirmed = Some(draw());
        }
        // Otherwise it stands there already.
        self.changed = !self.id_ended;
        self.began_from_memory = true;
        self.own = Some(own.clone());
        self.remembered = memory.others;
        self.pending.push_back(News::Registered(own));
        self.tell_all();
        Next::Again(Box::new(self.me.clone()))
    }

    fn registry_is_there(&mut self, now: Duration) {
        if std::mem::take(&mut self.lost) {
            self.pending.push_back(News::Restored);
            self.wait_for_the_remembered(now);
        }
    }

    fn registered(&mut self, own: Registration, now: Duration) {
        // One that began anew does not know that the server takes it for lost.
        self.registry_is_there(now);
        self.unconfirmed = None;
        // From now on nothing that an earlier run has left is needed.
        self.memory = None;
        if self.own.as_ref().is_none_or(|before| before.id != own.id) {
            self.id_ended = false;
        }
        self.changed = true;
        self.own = Some(own.clone());
        self.pending.push_back(News::Registered(own));
    }

    fn snapshot(&mut self, entries: Vec<Registration>, now: Duration) {
        let own = self.own.as_ref().map(|own| own.id);
        self.listed = entries.into_iter().filter(|entry| Some(entry.id) != own).map(|entry| (entry.id, entry)).collect();
        for entry in self.listed.values() {
            self.remembered.remove(&name(entry));
        }
        let listed = &self.listed;
        self.remembered.retain(|_, entry| !listed.contains_key(&entry.id));
        self.has_view = true;
        self.changed = true;
        self.wait_for_the_remembered(now);
        self.tell_all();
    }

    fn wait_for_the_remembered(&mut self, now: Duration) {
        if self.has_view && !self.lost && !self.remembered.is_empty() {
            self.waits_until.get_or_insert(now + GRACE);
        }
    }

    /// Everybody, this server first.
    fn tell_all(&mut self) {
        let own = self.own.iter();
        let all = own.chain(self.listed.values()).chain(self.remembered.values()).cloned().collect();
        self.pending.push_back(News::Snapshot(all));
    }

    fn joined(&mut self, entry: Registration) {
        self.changed = true;
        self.listed.insert(entry.id, entry.clone());
        if let Some(remembered) = self.remembered.remove(&name(&entry)) {
            if remembered == entry {
                // To the server it has been there all the time.
                return;
            }
            let reason = if remembered.id < entry.id { LeaveReason::Replaced } else { LeaveReason::Expired };
            self.pending.push_back(News::Left { id: remembered.id, reason });
        }
        self.pending.push_back(News::Joined(entry));
    }

    fn replaced(&mut self, by: ServerId) -> Next {
        // Registered before this server began, or by its own connector before that was left: whoever starts later has the name.
        if self.unconfirmed.take().is_some_and(|drawn| by < drawn) {
            return self.begin_under_a_new_id();
        }
        self.over = true;
        self.pending.push_back(News::Replaced { by });
        Next::GoOn
    }

    fn begin_under_a_new_id(&mut self) -> Next {
        self.me.id = None;
        (self.id_ended, self.changed) = (true, true);
        Next::Again(Box::new(self.me.clone()))
    }

    /// To be called at [`Book::deadline`].
    pub(super) fn tick(&mut self, now: Duration) {
        if self.waits_until.is_none_or(|until| now < until) {
            return;
        }
        self.waits_until = None;
        self.changed = true;
        let gone = std::mem::take(&mut self.remembered).into_values().filter(|entry| !self.listed.contains_key(&entry.id));
        self.pending.extend(gone.map(|entry| News::Left { id: entry.id, reason: LeaveReason::Expired }));
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.waits_until
    }

    /// The server leaves. Whether the registry is to be told goodbye: not one that is lost, so that the id stays usable.
    pub(super) fn leave(&mut self) -> bool {
        let goodbye = self.own.is_none() || !self.lost;
        if self.own.is_some() && goodbye && !self.id_ended {
            (self.id_ended, self.changed) = (true, true);
        }
        goodbye
    }

    /// What is to be written now; `None` while nothing is known that is worth it.
    pub(super) fn written(&mut self) -> Option<Memory> {
        self.changed = false;
        let own = self.own.clone().filter(|_| !self.over && (self.has_view || self.began_from_memory))?;
        let others = self.remembered.values().chain(self.listed.values()).map(|entry| (name(entry), entry.clone())).collect();
        Some(Memory { own, id_ended: self.id_ended, others })
    }
}

#[cfg(test)]
pub(super) mod tests;
