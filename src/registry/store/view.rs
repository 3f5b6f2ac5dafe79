//! What one member believes, out of what a store shows it. Pure: what the store says and `now` go in, [`Change`]s come out.
//!
//! Under one group and name the higher id wins, and an id that said goodbye or was replaced never comes back. An entry that is gone counts at
//! once while the store is sure of what it says. After an outage it is not: it may have forgotten everybody, and everybody is given the time to
//! come back.

use super::record::Record;
use crate::id::ServerId;
use crate::registry::departed::Departed;
use crate::registry::entry::{Name, name};
use crate::registry::{LeaveReason, Registration};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

/// One step from the last view to the present one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    Joined(Registration),
    Left {
        id: ServerId,
        reason: LeaveReason,
    },
    /// This server's name belongs to a newer one; nothing follows.
    Replaced {
        by: ServerId,
    },
}

/// Most servers that are believed in; what a store lists beyond them is left out.
const MOST_SERVERS: usize = 65_536;

#[derive(Debug)]
pub(crate) struct View {
    own: Registration,
    own_name: Name,
    /// How long an absence must last while the store is not sure.
    grace: Duration,
    /// Until then it is not.
    settles_at: Duration,
    /// Everybody else.
    shown: BTreeMap<ServerId, Registration>,
    names: HashMap<Name, ServerId>,
    /// Shown, but not listed any more: until when they are waited for.
    missing: BTreeMap<ServerId, Duration>,
    departed: Departed<()>,
    over: bool,
    changes: Vec<Change>,
}

impl View {
    pub(crate) fn new(own: Registration, grace: Duration) -> Self {
        Self {
            own_name: name(&own),
            own,
            grace,
            settles_at: Duration::ZERO,
            shown: BTreeMap::new(),
            names: HashMap::new(),
            missing: BTreeMap::new(),
            departed: Departed::new(),
            over: false,
            changes: Vec::new(),
        }
    }

    /// The store was out of reach, or has forgotten this server: for a while its silence means nothing.
    pub(crate) fn doubt(&mut self, now: Duration) {
        self.settles_at = now + self.grace;
    }

    /// The whole directory.
    pub(crate) fn all(&mut self, records: Vec<Record>, now: Duration) {
        let listed: BTreeSet<ServerId> = records.iter().map(|record| record.registration.id).collect();
        for record in records {
            self.set(record);
        }
        let gone: Vec<ServerId> = self.shown.keys().copied().filter(|id| !listed.contains(id)).collect();
        for id in gone {
            self.vanished(id, now);
        }
    }

    /// One entry as it is now.
    pub(crate) fn set(&mut self, record: Record) {
        let Record { registration, left } = record;
        let (id, name) = (registration.id, name(&registration));
        if self.over || id == self.own.id {
            return;
        }
        if name == self.own_name {
            if id > self.own.id {
                self.over = true;
                self.changes.push(Change::Replaced { by: id });
            }
            return;
        }
        if left {
            self.departed.insert(id, ());
            self.hide(id, LeaveReason::Deregistered);
            return;
        }
        // A second name for the same id is a mistake in the store, and changes nothing.
        if self.departed.contains(id) || self.shown.get(&id).is_some_and(|shown| *shown != registration) {
            return;
        }
        self.missing.remove(&id);
        match self.names.get(&name) {
            Some(shown) if *shown >= id => return,
            Some(older) => {
                let older = *older;
                self.departed.insert(older, ());
                self.hide(older, LeaveReason::Replaced);
            }
            None if self.shown.len() >= MOST_SERVERS => return,
            None => {}
        }
        self.names.insert(name, id);
        self.shown.insert(id, registration.clone());
        self.changes.push(Change::Joined(registration));
    }

    /// The entry under this name is gone: taken out, or its lease has ended.
    pub(crate) fn unset(&mut self, name: &Name, reason: LeaveReason, now: Duration) {
        let Some(id) = self.names.get(name).copied() else { return };
        match reason {
            LeaveReason::Expired => self.vanished(id, now),
            LeaveReason::Deregistered | LeaveReason::Replaced => {
                self.departed.insert(id, ());
                self.hide(id, reason);
            }
        }
    }

    /// The store does not know this server.
    pub(crate) fn vanished(&mut self, id: ServerId, now: Duration) {
        if now >= self.settles_at {
            self.hide(id, LeaveReason::Expired);
        } else if self.shown.contains_key(&id) {
            self.missing.entry(id).or_insert(self.settles_at);
        }
    }

    /// To be called at [`View::deadline`].
    pub(crate) fn tick(&mut self, now: Duration) {
        let due: Vec<ServerId> = self.missing.iter().filter(|(_, until)| **until <= now).map(|(id, _)| *id).collect();
        for id in due {
            self.hide(id, LeaveReason::Expired);
        }
    }

    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.missing.values().min().copied()
    }

    fn hide(&mut self, id: ServerId, reason: LeaveReason) {
        self.missing.remove(&id);
        let Some(registration) = self.shown.remove(&id) else { return };
        self.names.remove(&name(&registration));
        if !self.over {
            self.changes.push(Change::Left { id, reason });
        }
    }

    /// Everybody, this server included.
    pub(crate) fn snapshot(&self) -> Vec<Registration> {
        std::iter::once(&self.own).chain(self.shown.values()).cloned().collect()
    }

    /// What has changed since the last call, in order.
    pub(crate) fn changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }
}

#[cfg(test)]
mod tests;
