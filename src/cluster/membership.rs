//! The members this server can see, and the one link it has, wants or waits for with each.

use super::backoff::Backoff;
use super::topology::Direction;
use super::{Action, LeaveReason, LinkEnd, LinkId, Notice, Renewal, Settings, StopReason};
use crate::id::ServerId;
use crate::registry::Registration;
use crate::wire::control::{Claim, Goodbye};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// Ids that have left for good are remembered, so that late or reordered news cannot bring them back. Far more than can be in flight.
/// Only a later start under the same id can ([`Cluster::revive`]).
const REMEMBERED_DEAD: usize = 4096;

/// A session that waits is dialled at least this often: seldom enough for a server that is gone, and often enough within the default window
/// of 10 s that one that could go on does.
const RESUME_DELAY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Member {
    pub(super) registration: Registration,
    pub(super) direction: Direction,
    /// The registry lists it now.
    pub(super) listed: bool,
    /// The greatest incarnation that has shown itself.
    pub(super) incarnation: u64,
    pub(super) state: State,
    /// An admitted dialer whose handshake is not finished.
    pub(super) accepting: Option<LinkId>,
    /// The session that is reported as connected, by the number that its first dialer gave it.
    pub(super) session: Option<u64>,
    /// Its link broke, and no other goes on with it yet.
    pub(super) suspended: Option<Suspended>,
    /// Dials that failed since a link last held.
    pub(super) failures: u32,
    /// It has left for good; only its link keeps it here.
    pub(super) doomed: Option<LeaveReason>,
    /// It deregistered: the link is closed at this time if it has not ended by itself.
    pub(super) close_at: Option<Duration>,
    /// It had left for good when this was its greatest incarnation, and a later start brought its id back.
    pub(super) revived: Option<u64>,
}

/// What is remembered of an id that has left for good.
#[derive(Debug)]
pub(super) struct Buried {
    /// `None`: it never shook hands with this server, so no start of it can be told from a later one.
    pub(super) last: Option<Last>,
    /// The registry lists it now: late news, or a later start that has registered already.
    pub(super) listed: bool,
}

/// The last that was known of it.
#[derive(Debug)]
pub(super) struct Last {
    pub(super) registration: Registration,
    /// The greatest that had shown itself.
    pub(super) incarnation: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing to do.
    Idle,
    /// Dial then; where the other side dials it usually comes first.
    Backoff {
        until: Duration,
    },
    Dialing {
        link: LinkId,
    },
    Up {
        link: LinkId,
        since: Duration,
    },
    /// Told to close; `next` starts when it is down.
    Closing {
        link: LinkId,
        next: Option<LinkId>,
    },
    /// Ends because `next` goes on with its session.
    Abandoned {
        link: LinkId,
        next: Option<LinkId>,
    },
}

/// A session between two links.
#[derive(Debug)]
pub(super) struct Suspended {
    /// How the last link ended.
    pub(super) end: LinkEnd,
    /// When the game is told so.
    pub(super) until: Duration,
}

/// What is known of a dial, handshake or link.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) member: ServerId,
    /// The session that it begins.
    pub(super) session: u64,
    /// The one that it goes on with instead: as the dialer wishes while it dials, as was agreed when it is up.
    pub(super) resume: Option<u64>,
}

/// The state machine. One per server.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(super) settings: Settings,
    pub(super) me: Option<ServerId>,
    pub(super) members: BTreeMap<ServerId, Member>,
    /// Joined before our own id was known: who dials depends on it.
    pub(super) early: BTreeMap<ServerId, Registration>,
    /// In the registry, and by the topology none of this server's business, unless that changes.
    pub(super) unrelated: BTreeMap<ServerId, Registration>,
    pub(super) links: BTreeMap<LinkId, Held>,
    pub(super) next_link: u64,
    pub(super) dead: BTreeMap<ServerId, Buried>,
    pub(super) dead_order: VecDeque<ServerId>,
    pub(super) backoff: Backoff,
    pub(super) stopping: Option<(StopReason, String)>,
    pub(super) stopped: bool,
    pub(super) actions: VecDeque<Action>,
}

impl Cluster {
    pub(crate) fn new(settings: Settings) -> Self {
        Self {
            backoff: Backoff::new(
                settings.pace.reconnect_min,
                settings.pace.reconnect_max,
                settings.pace.reconnect_attempts,
                settings.seed,
            ),
            settings,
            me: None,
            members: BTreeMap::new(),
            early: BTreeMap::new(),
            unrelated: BTreeMap::new(),
            links: BTreeMap::new(),
            next_link: 0,
            dead: BTreeMap::new(),
            dead_order: VecDeque::new(),
            stopping: None,
            stopped: false,
            actions: VecDeque::new(),
        }
    }

    pub(crate) fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// When [`Cluster::timeout`] wants to be called next.
    pub(crate) fn next_timeout(&self) -> Option<Duration> {
        self.members.values().flat_map(|member| [member.close_at, member.dial_at(), member.expires_at()]).flatten().min()
    }

    pub(crate) fn timeout(&mut self, now: Duration) {
        let due = |at: Option<Duration>| at.is_some_and(|at| at <= now);
        let dial: Vec<ServerId> = self.members.iter().filter(|(_, member)| due(member.dial_at())).map(|(id, _)| *id).collect();
        let close: Vec<ServerId> = self.members.iter().filter(|(_, member)| due(member.close_at)).map(|(id, _)| *id).collect();
        let expired: Vec<ServerId> = self.members.iter().filter(|(_, member)| due(member.expires_at())).map(|(id, _)| *id).collect();
        for id in expired {
            self.end_session(id);
            self.leave_if_forgotten(id);
        }
        for id in dial {
            self.dial(id);
        }
        for id in close {
            if let Some(member) = self.members.get_mut(&id) {
                member.close_at = None;
            }
            self.close_up(id, Goodbye::YouLeft);
        }
    }

    /// Leaves the registry, lets every link flush and close, then reports `Stopped`.
    pub(crate) fn stop(&mut self, reason: StopReason, text: String) {
        if self.stopping.is_some() {
            return;
        }
        self.stopping = Some((reason, text));
        let goodbye = if reason == StopReason::Replaced { Goodbye::Replaced } else { Goodbye::Stopped };
        self.actions.push_back(Action::Deregister);
        let ids: Vec<ServerId> = self.members.keys().copied().collect();
        for id in ids {
            if let Some(accepting) = self.members.get_mut(&id).and_then(|member| member.accepting.take()) {
                self.forget(accepting, goodbye);
            }
            match self.members.get(&id).map(|member| member.state) {
                Some(State::Up { .. } | State::Closing { .. } | State::Abandoned { .. }) => self.close_up(id, goodbye),
                _ => self.remove(id, LeaveReason::Stopping),
            }
        }
        self.finish_stop();
    }

    /// The configuration has changed. Who comes into view joins, who goes out of view leaves, everybody else keeps the link there is.
    pub(crate) fn renew(&mut self, now: Duration, by: Renewal) {
        let Renewal { topology, mixed_app_versions, pace } = by;
        self.settings.topology = topology;
        self.settings.mixed_app_versions = mixed_app_versions;
        self.backoff.renew(pace.reconnect_min, pace.reconnect_max, pace.reconnect_attempts);
        self.settings.pace = pace;
        let (Some(me), None) = (self.me, &self.stopping) else { return };
        let ids: Vec<ServerId> = self.members.keys().copied().collect();
        for id in ids {
            let Some(member) = self.members.get_mut(&id) else { continue };
            let (ours, theirs) = ((self.settings.group.as_str(), me), (member.registration.group.as_str(), id));
            match self.settings.topology.direction(ours, theirs) {
                Some(direction) => {
                    let other = std::mem::replace(&mut member.direction, direction) != direction;
                    // It was on its way out for that reason alone.
                    member.doomed.take_if(|reason| *reason == LeaveReason::Unrelated);
                    if other && matches!(member.state, State::Idle | State::Backoff { .. }) {
                        self.dial_or_wait(now, id);
                    }
                }
                None => self.part_from(id),
            }
        }
        for (_, entry) in std::mem::take(&mut self.unrelated) {
            self.joined(now, entry);
        }
        // Whom the old topology kept from a link is tried soon.
        self.hope(now);
    }

    /// By the topology the two do not see each other any more.
    fn part_from(&mut self, id: ServerId) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let linked = member.linked();
        member.doomed.get_or_insert(LeaveReason::Unrelated);
        // One that has come back from a goodbye does so only by itself.
        if member.listed && member.revived.is_none() {
            self.unrelated.insert(id, member.registration.clone());
        }
        if linked {
            self.close_up(id, Goodbye::Unrelated);
        } else {
            self.remove(id, LeaveReason::Unrelated);
        }
    }

    /// For a member whose link is down: waits before the next dial.
    pub(super) fn back_off(&mut self, now: Duration, id: ServerId) {
        let Some(member) = self.members.get_mut(&id) else { return };
        let delay = match member.direction {
            Direction::Outgoing if member.suspended.is_some() => self.backoff.delay(member.failures).min(RESUME_DELAY),
            Direction::Outgoing => self.backoff.delay(member.failures),
            // Now and then this side knocks too: by the other's topology nobody may dial, and only a handshake shows them what differs.
            Direction::Incoming => self.backoff.delay(u32::MAX),
        };
        member.state = State::Backoff { until: now + delay };
    }

    /// For a member without a link or dial: dials at once if dialling is ours.
    pub(super) fn dial_or_wait(&mut self, now: Duration, id: ServerId) {
        match self.members.get(&id).map(|member| member.direction) {
            Some(Direction::Outgoing) => self.dial(id),
            Some(Direction::Incoming) => self.back_off(now, id),
            None => {}
        }
    }

    fn dial(&mut self, id: ServerId) {
        let Some(member) = self.members.get_mut(&id) else { return };
        member.state = State::Idle;
        if self.me.is_none() || self.stopping.is_some() {
            return;
        }
        self.next_link += 1;
        let link = LinkId(self.next_link);
        member.state = State::Dialing { link };
        let resume = member.suspended.as_ref().and(member.session);
        self.links.insert(link, Held { member: id, session: link.0, resume });
        self.actions.push_back(Action::Dial { link, to: member.registration.clone() });
    }

    /// Closes the link that has been reported as connected; a newer one waiting behind it is given up.
    pub(super) fn close_up(&mut self, id: ServerId, goodbye: Goodbye) {
        let Some(member) = self.members.get_mut(&id) else { return };
        match member.state {
            State::Up { link, .. } => {
                member.state = State::Closing { link, next: None };
                self.actions.push_back(Action::Close { link, goodbye });
            }
            State::Closing { link, next } | State::Abandoned { link, next } => {
                member.state = State::Closing { link, next: None };
                if let Some(next) = next {
                    self.forget(next, goodbye);
                }
            }
            _ => {}
        }
    }

    /// A session that has no link is over, and the game is told so.
    pub(super) fn end_session(&mut self, id: ServerId) {
        let Some(member) = self.members.get_mut(&id) else { return };
        if let Some(Suspended { end, .. }) = member.suspended.take() {
            member.session = None;
            self.notify(Notice::Disconnected { id, end });
        }
    }

    /// Takes a member out whose link (if any) is down and reported.
    pub(super) fn remove(&mut self, id: ServerId, reason: LeaveReason) {
        self.end_session(id);
        let Some(member) = self.members.remove(&id) else { return };
        let goodbye = if reason == LeaveReason::Stopping { Goodbye::Stopped } else { Goodbye::YouLeft };
        if let State::Dialing { link } = member.state {
            self.forget(link, goodbye);
        }
        if let Some(link) = member.accepting {
            self.forget(link, goodbye);
        }
        self.notify(Notice::Left { id, reason });
        let Member { registration, incarnation, listed, revived, .. } = member;
        match (reason, revived) {
            (LeaveReason::Stopped | LeaveReason::Replaced, _) => {
                let last = (incarnation > 0).then_some(Last { registration, incarnation });
                self.bury(id, Buried { last, listed });
            }
            // What news of its earlier life are still on their way must not bring it back now either; it can come back by itself, as before.
            (LeaveReason::Expired | LeaveReason::Unrelated, Some(incarnation)) => {
                self.bury(id, Buried { last: Some(Last { registration, incarnation }), listed });
            }
            (LeaveReason::Expired | LeaveReason::Stopping | LeaveReason::Unrelated, _) => {}
        }
    }

    /// Ends a dial or handshake of which nothing has been reported.
    pub(super) fn forget(&mut self, link: LinkId, goodbye: Goodbye) {
        self.links.remove(&link);
        self.actions.push_back(Action::Close { link, goodbye });
    }

    /// Remembers an id that has left for good.
    pub(super) fn bury(&mut self, id: ServerId, buried: Buried) {
        if self.settings.ids_are_seats || self.dead.insert(id, buried).is_some() {
            return;
        }
        self.dead_order.push_back(id);
        if self.dead_order.len() > REMEMBERED_DEAD
            && let Some(oldest) = self.dead_order.pop_front()
        {
            self.dead.remove(&oldest);
        }
    }

    /// A server that has left for good was started again under its id, which it kept on disk because no registry was there to give it another.
    /// Its own hello is the proof: nobody said it before that start. Answers whether it is a member again.
    pub(super) fn revive(&mut self, claim: &Claim) -> bool {
        let Some(Buried { last: Some(last), .. }) = self.dead.get(&claim.id) else { return false };
        let name = (&claim.group, &claim.name);
        let namesake = |member: &Member| (&member.registration.group, &member.registration.name) == name;
        let is_same = (&last.registration.group, &last.registration.name) == name;
        if !is_same || claim.incarnation <= last.incarnation || self.members.values().any(namesake) {
            return false;
        }
        let Some(me) = self.me else { return false };
        let Some(direction) = self.settings.topology.direction((&self.settings.group, me), (&claim.group, claim.id)) else { return false };
        let Some(Buried { last: Some(Last { registration, incarnation }), listed }) = self.dead.remove(&claim.id) else { return false };
        self.dead_order.retain(|id| *id != claim.id);
        let mut member = Member::new(registration.clone(), direction);
        (member.listed, member.revived) = (listed, Some(incarnation));
        // What is older than this start is out of date from now on.
        member.incarnation = claim.incarnation;
        self.members.insert(claim.id, member);
        self.notify(Notice::Joined { registration, direction });
        if direction == Direction::Outgoing {
            self.dial(claim.id);
        }
        true
    }

    pub(super) fn finish_stop(&mut self) {
        if self.members.is_empty()
            && !self.stopped
            && let Some((reason, text)) = self.stopping.clone()
        {
            self.stopped = true;
            self.notify(Notice::Stopped { reason, text });
        }
    }

    pub(super) fn notify(&mut self, notice: Notice) {
        self.actions.push_back(Action::Notify(notice));
    }
}

impl Member {
    /// Listed, without a link or a dial.
    pub(super) fn new(registration: Registration, direction: Direction) -> Self {
        Self {
            registration,
            direction,
            listed: true,
            incarnation: 0,
            state: State::Idle,
            accepting: None,
            session: None,
            suspended: None,
            failures: 0,
            doomed: None,
            close_at: None,
            revived: None,
        }
    }

    pub(super) fn dial_at(&self) -> Option<Duration> {
        match self.state {
            State::Backoff { until } => Some(until),
            _ => None,
        }
    }

    /// When the session is given up unless a link goes on with it.
    fn expires_at(&self) -> Option<Duration> {
        self.suspended.as_ref().map(|suspended| suspended.until)
    }

    /// There is a link, or there may be one again that nobody will have missed.
    pub(super) fn in_session(&self) -> bool {
        self.suspended.is_some() || self.linked()
    }

    pub(super) fn linked(&self) -> bool {
        matches!(self.state, State::Up { .. } | State::Closing { .. } | State::Abandoned { .. })
    }
}
