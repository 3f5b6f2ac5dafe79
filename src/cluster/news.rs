//! What the registry says about the members.

use super::membership::{Buried, Cluster, Member, State};
use super::{Action, Direction, LeaveReason, Notice, StopReason};
use crate::id::ServerId;
use crate::registry::{self, News, Registration};
use crate::wire::control::Goodbye;
use std::collections::BTreeSet;
use std::time::Duration;

impl Cluster {
    pub(crate) fn news(&mut self, now: Duration, news: News) {
        if self.stopping.is_some() {
            return;
        }
        match news {
            News::Registered(entry) => self.registered(now, entry.id),
            News::Replaced { by } => self.stop(StopReason::Replaced, format!("server {by} registered under the same group and name")),
            // For the connectors around the one that says it.
            News::IdTaken => {}
            News::Joined(entry) => self.joined(now, entry),
            News::Left { id, reason } => self.left(now, id, reason),
            News::Snapshot(entries) => self.snapshot(now, entries),
            News::Lost(text) => self.notify(Notice::RegistryLost(text)),
            News::Restored => {
                self.notify(Notice::RegistryRestored);
                self.hope(now);
            }
        }
    }

    fn registered(&mut self, now: Duration, id: ServerId) {
        let before = self.me.replace(id);
        if before == Some(id) {
            return;
        }
        self.notify(Notice::Started { id });
        if before.is_some() {
            self.start_over(now);
        }
        for entry in std::mem::take(&mut self.early).into_values() {
            self.joined(now, entry);
        }
    }

    /// The registry gave this server a new id. Links made under the old one belong to a server that has left; who dials may have changed.
    fn start_over(&mut self, now: Duration) {
        let ids: Vec<ServerId> = self.members.keys().copied().collect();
        for id in ids {
            let (Some(me), Some(member)) = (self.me, self.members.get_mut(&id)) else { continue };
            let direction = self.settings.topology.direction((&self.settings.group, me), (&member.registration.group, id));
            member.direction = direction.unwrap_or(member.direction);
            let accepting = member.accepting.take();
            let dialled = match member.state {
                State::Dialing { link } => Some(link),
                _ => None,
            };
            for link in [accepting, dialled].into_iter().flatten() {
                self.forget(link, Goodbye::Superseded);
            }
            self.end_session(id);
            match self.members.get(&id).map(Member::linked) {
                Some(true) => self.close_up(id, Goodbye::Superseded),
                _ => self.dial_or_wait(now, id),
            }
        }
    }

    /// What kept this server from the registry may have kept it from the members, too, and is over: they are dialled soon.
    pub(super) fn hope(&mut self, now: Duration) {
        for member in self.members.values_mut().filter(|member| member.direction == Direction::Outgoing) {
            member.failures = 0;
            if let State::Backoff { until } = &mut member.state {
                *until = (*until).min(now + self.backoff.delay(0));
            }
        }
    }

    pub(super) fn joined(&mut self, now: Duration, entry: Registration) {
        let id = entry.id;
        let ours = (self.settings.group.as_str(), self.settings.name.as_str());
        let Some(me) = self.me else {
            self.early.insert(id, entry);
            return;
        };
        if let Some(buried) = self.dead.get_mut(&id) {
            // Late, or of a later start: only the hello of that tells.
            buried.listed = true;
            if let Some(last) = &mut buried.last
                && (&last.registration.group, &last.registration.name) == (&entry.group, &entry.name)
            {
                last.registration = entry;
            }
            return;
        }
        // An entry under our own group and name is our ghost.
        if me == id || (entry.group.as_str(), entry.name.as_str()) == ours {
            return;
        }
        let Some(direction) = self.settings.topology.direction((ours.0, me), (&entry.group, id)) else {
            self.unrelated.insert(id, entry);
            return;
        };

        let member = self.members.entry(id).or_insert_with(|| {
            self.actions.push_back(Action::Notify(Notice::Joined { registration: entry.clone(), direction }));
            Member::new(entry.clone(), direction)
        });
        if member.doomed.is_some() && !self.settings.ids_are_seats {
            return;
        }
        let moved = (&member.registration.host, member.registration.port) != (&entry.host, entry.port);
        member.registration = entry;
        member.direction = direction;
        member.listed = true;
        member.doomed = None;
        member.close_at = None;
        if moved {
            member.failures = 0;
        }
        let wants_dial = match member.state {
            State::Idle => true,
            State::Backoff { .. } => moved,
            State::Dialing { .. } | State::Up { .. } | State::Closing { .. } | State::Abandoned { .. } => false,
        };
        if wants_dial {
            self.dial_or_wait(now, id);
        }
    }

    fn left(&mut self, now: Duration, id: ServerId, reason: registry::LeaveReason) {
        self.early.remove(&id);
        self.unrelated.remove(&id);
        let drain_until = now + self.settings.pace.drain;
        let Some(member) = self.members.get_mut(&id) else {
            match (self.dead.get_mut(&id), reason) {
                (Some(buried), _) => buried.listed = false,
                (None, registry::LeaveReason::Expired) => {}
                (None, _) => self.bury(id, Buried { last: None, listed: false }),
            }
            return;
        };
        member.listed = false;
        let linked = member.linked();
        match reason {
            // A live link is the truth, a lease that ran out a hint; and what cut the link may have cut the lease.
            registry::LeaveReason::Expired if member.in_session() => {}
            registry::LeaveReason::Expired => self.remove(id, LeaveReason::Expired),
            registry::LeaveReason::Deregistered => {
                member.doomed = Some(LeaveReason::Stopped);
                if linked {
                    // It is flushing its last messages and will say goodbye by itself.
                    member.close_at.get_or_insert(drain_until);
                } else {
                    self.remove(id, LeaveReason::Stopped);
                }
            }
            registry::LeaveReason::Replaced => {
                member.doomed = Some(LeaveReason::Replaced);
                if linked {
                    self.close_up(id, Goodbye::YouLeft);
                } else {
                    self.remove(id, LeaveReason::Replaced);
                }
            }
        }
    }

    fn snapshot(&mut self, now: Duration, entries: Vec<Registration>) {
        let listed: BTreeSet<ServerId> = entries.iter().map(|entry| entry.id).collect();
        self.early.clear();
        self.unrelated.clear();
        self.dead.iter_mut().for_each(|(id, buried)| buried.listed = listed.contains(id));
        let gone: Vec<ServerId> = self.members.keys().filter(|id| !listed.contains(id)).copied().collect();
        for id in gone {
            self.left(now, id, registry::LeaveReason::Expired);
        }
        for entry in entries {
            self.joined(now, entry);
        }
    }
}
