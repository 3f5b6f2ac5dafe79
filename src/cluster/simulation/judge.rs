//! What one server's game sees, judged after every step.

use crate::cluster::membership::State;
use crate::cluster::{Action, Cluster, LeaveReason, LinkId, Notice};
use crate::id::ServerId;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

/// No pair of servers may be dialled more often than this: (times, within).
const DIAL_LIMITS: [(usize, Duration); 2] = [(15, Duration::from_secs(1)), (45, Duration::from_secs(10))];

#[derive(Debug, Default)]
pub(super) struct Judge {
    pub(super) me: Option<ServerId>,
    pub(super) stopped: bool,
    /// The servers that have joined and not left, and the link of those that are connected.
    pub(super) views: BTreeMap<ServerId, Option<LinkId>>,
    /// Connected for the game, but between two links.
    interrupted: BTreeSet<ServerId>,
    /// Who has left for good, why, and the latest start of it that had shown itself by then.
    gone: BTreeMap<ServerId, (LeaveReason, u64)>,
    /// The latest start that has shown itself.
    starts: BTreeMap<ServerId, u64>,
    /// Whose hello is being answered, and of which start.
    pub(super) hello: Option<(ServerId, u64)>,
    /// Who came back although it had left for good, by a later start.
    pub(super) returned: BTreeSet<ServerId>,
    /// `Connected` or `Resumed` was reported: the next action must be this link's `Start`.
    starting: Option<(LinkId, bool)>,
    dials: BTreeMap<ServerId, VecDeque<Duration>>,
}

impl Judge {
    /// `member`: whose link the action is about.
    pub(super) fn action(&mut self, now: Duration, action: &Action, member: Option<ServerId>, seats: bool) -> Result<(), String> {
        if let Some((link, resumes)) = self.starting.take() {
            return if *action == (Action::Start { link, resumes }) {
                Ok(())
            } else {
                Err(format!("{action:?} between connected and start"))
            };
        }
        match action {
            Action::Notify(notice) => self.notice(notice, seats).map_err(|error| format!("{notice:?}: {error}")),
            // Another link took over before the end of the old one was noticed.
            Action::Start { link, resumes: true } => match member.and_then(|id| self.views.get_mut(&id)) {
                Some(Some(connected)) => {
                    *connected = *link;
                    Ok(())
                }
                _ => Err(format!("{link:?} goes on with the session of {member:?}, which is not connected")),
            },
            Action::Start { link, resumes: false } => Err(format!("{link:?} starts without connected")),
            Action::Dial { to, .. } if self.stopped => Err(format!("dials {} after stopped", to.id)),
            Action::Dial { to, .. } => self.dial(now, to.id),
            Action::ReportFailure(id) if !self.views.contains_key(id) => Err(format!("reports a failure of {id}, which it does not see")),
            Action::Close { .. } | Action::Abandon { .. } | Action::ReportFailure(_) | Action::Deregister => Ok(()),
        }
    }

    fn notice(&mut self, notice: &Notice, seats: bool) -> Result<(), String> {
        if self.stopped {
            return Err("after stopped".into());
        }
        match notice {
            Notice::Started { id } if self.me == Some(*id) => Err("twice".into()),
            Notice::Started { id } => {
                self.me = Some(*id);
                Ok(())
            }
            Notice::Joined { registration, .. } => self.joined(registration.id, seats),
            Notice::Connected { id, link } => match self.views.get_mut(id) {
                Some(None) if self.interrupted.contains(id) => Err("is between two links".into()),
                Some(connected @ None) => {
                    *connected = Some(*link);
                    self.starting = Some((*link, false));
                    Ok(())
                }
                Some(Some(_)) => Err("is connected already".into()),
                None => Err("has not joined".into()),
            },
            Notice::Interrupted { id, .. } => match self.views.get_mut(id) {
                Some(connected @ Some(_)) => {
                    *connected = None;
                    self.interrupted.insert(*id);
                    Ok(())
                }
                _ => Err("is not connected".into()),
            },
            Notice::Resumed { id, link } => match self.views.get_mut(id) {
                Some(connected @ None) if self.interrupted.remove(id) => {
                    *connected = Some(*link);
                    self.starting = Some((*link, true));
                    Ok(())
                }
                _ => Err("was not interrupted".into()),
            },
            Notice::Disconnected { id, .. } if self.interrupted.remove(id) => Ok(()),
            Notice::Disconnected { id, .. } => match self.views.get_mut(id) {
                Some(connected @ Some(_)) => {
                    *connected = None;
                    Ok(())
                }
                _ => Err("is not connected".into()),
            },
            Notice::Left { id, reason } => {
                if !matches!(reason, LeaveReason::Expired | LeaveReason::Unrelated) {
                    self.gone.insert(*id, (*reason, self.starts.get(id).copied().unwrap_or(0)));
                }
                match self.views.remove(id) {
                    Some(None) if self.interrupted.contains(id) => Err("still connected, though interrupted".into()),
                    Some(None) => Ok(()),
                    Some(Some(_)) => Err("still connected".into()),
                    None => Err("has not joined".into()),
                }
            }
            Notice::Stopped { .. } => {
                self.stopped = true;
                if self.views.is_empty() { Ok(()) } else { Err(format!("before these left: {:?}", self.views)) }
            }
            Notice::RegistryLost(_) | Notice::RegistryRestored => Ok(()),
        }
    }

    fn joined(&mut self, id: ServerId, seats: bool) -> Result<(), String> {
        if self.me.is_none() || self.me == Some(id) {
            return Err("is this server, or comes before started".into());
        }
        if self.views.insert(id, None).is_some() {
            return Err("has joined already".into());
        }
        match self.gone.get(&id) {
            None => Ok(()),
            Some(_) if seats => Ok(()),
            // A later start of the same server, in its own words; and an earlier one is known, or nobody could tell that it is later.
            Some((_, last)) if *last > 0 && self.hello.is_some_and(|(from, start)| from == id && start > *last) => {
                self.returned.insert(id);
                Ok(())
            }
            Some(gone) => Err(format!("had left for good ({gone:?}; now answers {:?})", self.hello)),
        }
    }

    /// This start of a server has proven itself in a handshake.
    pub(super) fn shown(&mut self, id: ServerId, start: u64) {
        let latest = self.starts.entry(id).or_default();
        *latest = start.max(*latest);
    }

    fn dial(&mut self, now: Duration, id: ServerId) -> Result<(), String> {
        match self.views.get(&id) {
            Some(None) => {}
            Some(Some(_)) => return Err(format!("dials {id}, which is connected")),
            None => return Err(format!("dials {id}, which it does not see")),
        }
        let dials = self.dials.entry(id).or_default();
        dials.push_back(now);
        dials.retain(|at| now - *at < DIAL_LIMITS[1].1);
        for (times, within) in DIAL_LIMITS {
            let count = dials.iter().filter(|at| now - **at < within).count();
            if count > times {
                return Err(format!("dials {id} for the {count}th time within {within:?}"));
            }
        }
        Ok(())
    }

    /// What a message that arrives on `link` now means to the game.
    pub(super) fn message(&self, link: LinkId) -> Result<(), String> {
        match self.views.values().any(|connected| *connected == Some(link)) {
            true => Ok(()),
            false => Err(format!("a message on {link:?}, whose server is not connected by it")),
        }
    }

    /// What the machine holds must be what the game was told and what the node holds: no member unseen, no link forgotten.
    pub(super) fn consistent<'a>(&self, cluster: &Cluster, held: impl Iterator<Item = &'a LinkId>) -> Result<(), String> {
        if self.starting.is_some() {
            return Err("connected, but no start".into());
        }
        if !cluster.members.keys().eq(self.views.keys()) {
            return Err(format!("its members are {:?}, its game sees {:?}", cluster.members.keys(), self.views));
        }
        let mut references = 0;
        for (id, member) in &cluster.members {
            let (up, others) = match member.state {
                State::Up { link, .. } => (Some(link), None),
                State::Closing { link, next } | State::Abandoned { link, next } => (Some(link), next),
                State::Dialing { link } => (None, Some(link)),
                State::Idle | State::Backoff { .. } => (None, None),
            };
            if self.views.get(id) != Some(&up) {
                return Err(format!("{id} is {:?} but its game sees {:?}", member.state, self.views.get(id)));
            }
            references += [up, others, member.accepting].iter().flatten().count();
            if member.suspended.is_some() != self.interrupted.contains(id) || member.session.is_some() != member.in_session() {
                return Err(format!("{id} is {member:?}, interrupted for its game: {}", self.interrupted.contains(id)));
            }
            let known = |link: &LinkId| cluster.member_of(*link) == Some(*id);
            if ![up, others, member.accepting].iter().flatten().all(known) {
                return Err(format!("{id} has a link that is in no table: {member:?}"));
            }
        }
        if references != cluster.links.len() {
            return Err(format!("it keeps links that no member has: {:?} of {:?}", cluster.links, cluster.members));
        }
        let held: Vec<&LinkId> = held.collect();
        if !cluster.links.keys().eq(held.iter().copied()) {
            return Err(format!("its links are {:?}, the node holds {held:?}", cluster.links));
        }
        Ok(())
    }
}
