//! What one member believes, out of what all hosts say.
//!
//! Pure. A server is here as long as any host lists it; a goodbye or a replacement that one host has seen is final whatever the
//! others still say; a mere absence counts only when every connected host is sure of it.

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
    Left { id: ServerId, reason: LeaveReason },
}

/// The union of the views of all hosts.
#[derive(Debug)]
pub(crate) struct Union {
    /// For how long a host that is out of reach keeps its say.
    grace: Duration,
    hosts: Vec<HostView>,
    names: HashMap<Name, Slot>,
    /// Which name each shown id stands for.
    shown: BTreeMap<ServerId, Name>,
    departed: Departed<()>,
    own: Option<ServerId>,
    changes: Vec<Change>,
}

#[derive(Debug)]
struct HostView {
    phase: Phase,
    entries: BTreeMap<ServerId, Registration>,
    /// While the host is not settled: whom it has seen expire with its own eyes.
    denied: BTreeSet<ServerId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Never reached, or away for longer than the grace.
    Away,
    Connected {
        settled: bool,
    },
    Gone {
        since: Duration,
    },
}

/// Who stands under one group and name.
#[derive(Debug, Default)]
struct Slot {
    shown: Option<Registration>,
    /// Ids some host has listed under this name; pruned when reviewed.
    listed: BTreeSet<ServerId>,
}

impl Union {
    /// With nothing known of any host.
    pub(crate) fn new(hosts: usize) -> Self {
        let host = || HostView { phase: Phase::Away, entries: BTreeMap::new(), denied: BTreeSet::new() };
        Self {
            grace: super::RECONNECT_SLACK,
            hosts: std::iter::repeat_with(host).take(hosts).collect(),
            names: HashMap::new(),
            shown: BTreeMap::new(),
            departed: Departed::new(),
            own: None,
            changes: Vec::new(),
        }
    }

    /// For how long the word of a host that is out of reach stands from now on.
    pub(crate) fn set_grace(&mut self, grace: Duration) {
        self.grace = grace;
    }

    /// This server itself: always in the view, unless a newer one takes its name.
    pub(crate) fn pin(&mut self, own: Registration) {
        let slot = self.names.entry(name(&own)).or_default();
        if let Some(ghost) = slot.shown.take() {
            self.shown.remove(&ghost.id);
        }
        self.own = Some(own.id);
        self.shown.insert(own.id, name(&own));
        slot.shown = Some(own);
    }

    /// A host showed its whole directory.
    pub(crate) fn snapshot(&mut self, host: usize, entries: Vec<Registration>, settled: bool) {
        for entry in &entries {
            self.names.entry(name(entry)).or_default().listed.insert(entry.id);
        }
        let view = &mut self.hosts[host];
        view.phase = Phase::Connected { settled };
        view.denied.clear();
        view.entries = entries.into_iter().map(|entry| (entry.id, entry)).collect();
        self.review_all();
    }

    /// How many servers the host lists.
    pub(crate) fn listed_by(&self, host: usize) -> usize {
        self.hosts[host].entries.len()
    }

    /// Whether the host lists this id under another name.
    pub(crate) fn lists_otherwise(&self, host: usize, entry: &Registration) -> bool {
        self.hosts[host].entries.get(&entry.id).is_some_and(|listed| name(listed) != name(entry))
    }

    pub(crate) fn joined(&mut self, host: usize, entry: Registration) {
        let name = name(&entry);
        self.names.entry(name.clone()).or_default().listed.insert(entry.id);
        let view = &mut self.hosts[host];
        view.denied.remove(&entry.id);
        view.entries.insert(entry.id, entry);
        self.review(&name);
    }

    pub(crate) fn left(&mut self, host: usize, id: ServerId, reason: LeaveReason) {
        let known = self.hosts.iter().find_map(|view| view.entries.get(&id)).map(name).or_else(|| self.shown.get(&id).cloned());
        if reason == LeaveReason::Expired {
            let view = &mut self.hosts[host];
            view.entries.remove(&id);
            if view.phase == (Phase::Connected { settled: false }) && view.denied.len() < super::membership::MAX_SNAPSHOT {
                view.denied.insert(id);
            }
        } else {
            self.departed.insert(id, ());
            self.hosts.iter_mut().for_each(|view| drop(view.entries.remove(&id)));
            if self.own != Some(id) {
                self.hide(id, reason);
            }
        }
        if let Some(name) = known {
            self.review(&name);
        }
    }

    /// The host is sure from now on: whom it does not list is not there.
    pub(crate) fn settled(&mut self, host: usize) {
        let view = &mut self.hosts[host];
        if let Phase::Connected { settled } = &mut view.phase {
            *settled = true;
            view.denied.clear();
            self.review_all();
        }
    }

    /// The connection to a host is gone. Its word stands for the grace.
    pub(crate) fn gone(&mut self, host: usize, now: Duration) {
        let view = &mut self.hosts[host];
        if let Phase::Connected { .. } = view.phase {
            view.phase = Phase::Gone { since: now };
        }
    }

    /// Ends graces that have run out.
    pub(crate) fn tick(&mut self, now: Duration) {
        let mut ended = false;
        for view in &mut self.hosts {
            if matches!(view.phase, Phase::Gone { since } if now >= since + self.grace) {
                view.phase = Phase::Away;
                view.entries.clear();
                view.denied.clear();
                ended = true;
            }
        }
        if ended {
            self.review_all();
        }
    }

    /// When `tick` has something to do next.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        let ends = |view: &HostView| if let Phase::Gone { since } = view.phase { Some(since + self.grace) } else { None };
        self.hosts.iter().filter_map(ends).min()
    }

    /// Everybody who is here, by id.
    pub(crate) fn view(&self) -> Vec<Registration> {
        self.shown.values().filter_map(|name| self.names.get(name)?.shown.clone()).collect()
    }

    /// The steps since the last call, in order.
    pub(crate) fn changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    fn review_all(&mut self) {
        let mut names = self.names.keys().cloned().collect::<Vec<_>>();
        // In a fixed order, so that the same input always gives the same steps.
        names.sort_unstable();
        names.iter().for_each(|name| self.review(name));
    }

    /// Brings what is shown under one name into line with what the hosts say.
    fn review(&mut self, key: &Name) {
        let Some(slot) = self.names.get_mut(key) else { return };
        let lists = |id: &ServerId| self.hosts.iter().find_map(|view| view.entries.get(id).filter(|entry| is_named(entry, key)));
        slot.listed.retain(|id| !self.departed.contains(*id) && lists(id).is_some());
        let winner = slot.listed.last().and_then(lists).cloned();
        let shown = slot.shown.as_ref().map(|shown| (shown.id, slot.listed.contains(&shown.id)));
        match (shown, winner) {
            (None, Some(winner)) => self.show(winner),
            // One host has the newer server, another still has the older: which of them lives shows when they meet.
            (Some((id, true)), Some(winner)) if winner.id > id => {
                self.hide(id, LeaveReason::Expired);
                self.show(winner);
            }
            (Some((id, false)), Some(winner)) if winner.id > id => {
                self.departed.insert(id, ());
                self.hide(id, LeaveReason::Replaced);
                self.show(winner);
            }
            // Only the highest id of a name is ever shown, so one that is still listed is the winner itself.
            (Some((id, listed)), _) if listed || self.own == Some(id) || !self.everybody_denies(id) => {}
            (Some((id, _)), winner) => {
                self.hide(id, LeaveReason::Expired);
                winner.into_iter().for_each(|winner| self.show(winner));
            }
            (None, None) => {}
        }
        if self.names.get(key).is_some_and(|slot| slot.shown.is_none() && slot.listed.is_empty()) {
            self.names.remove(key);
        }
    }

    /// No host lists it; but are those we are connected to sure?
    fn everybody_denies(&self, id: ServerId) -> bool {
        let mut connected = self.hosts.iter().filter_map(|view| match view.phase {
            Phase::Connected { settled } => Some(settled || view.denied.contains(&id)),
            _ => None,
        });
        connected.next().is_some_and(|first| first && connected.all(|denies| denies))
    }

    fn show(&mut self, entry: Registration) {
        // Two servers under one id: hosts that never met have let both in. The first one stays.
        if self.shown.contains_key(&entry.id) {
            return;
        }
        let name = name(&entry);
        self.shown.insert(entry.id, name.clone());
        self.names.entry(name).or_default().shown = Some(entry.clone());
        self.changes.push(Change::Joined(entry));
    }

    fn hide(&mut self, id: ServerId, reason: LeaveReason) {
        let Some(name) = self.shown.remove(&id) else { return };
        if let Some(slot) = self.names.get_mut(&name) {
            slot.shown = None;
        }
        self.changes.push(Change::Left { id, reason });
    }
}

fn is_named(entry: &Registration, (group, name): &Name) -> bool {
    entry.group == *group && entry.name == *name
}

#[cfg(test)]
mod tests;
