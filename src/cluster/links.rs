//! What dials, handshakes and links say about the members.

use super::actions::{Goal, LinkEnd, LinkEndReason};
use super::admission::{self, Admission, Passport, refuse};
use super::membership::{Cluster, Held, Member, State, Suspended};
use super::{Action, Direction, LeaveReason, LinkId, Notice, StopReason};
use crate::id::ServerId;
use crate::registry::Registration;
use crate::wire::control::{Claim, Goodbye, Hello, Refusal, RefusalCode, Terms, Welcome};
use std::time::Duration;

impl Cluster {
    /// A dialer's hello has arrived, and its certificate proves `proven`.
    pub(crate) fn admit(&mut self, hello: &Hello, proven: Passport<'_>) -> Admission {
        let protocol = match admission::check_hello(hello, &self.settings.cluster, proven) {
            Ok(protocol) => protocol,
            Err(refusal) => return Admission::Refuse(refusal),
        };
        if let Some((reason, _)) = &self.stopping {
            let text = match reason {
                StopReason::Requested | StopReason::Failed => "this server is stopping",
                StopReason::Replaced => "this server has been replaced by a newer one of the same name",
            };
            return Admission::Refuse(refuse(RefusalCode::Unavailable, text.into()));
        }
        let Some(me) = self.me else { return Admission::Wait };
        let claim = &hello.from;
        if claim.id == me {
            let text = match claim.incarnation == self.settings.incarnation {
                true => "this server dialled itself; correct server.advertise".into(),
                false => format!("two servers are running as {}/{}; stop one of them", claim.group, claim.name),
            };
            return Admission::Refuse(refuse(RefusalCode::WrongServer, text));
        }
        if hello.to != me {
            let text = format!("this is server {me} ({}/{}), not server {}", self.settings.group, self.settings.name, hello.to);
            return Admission::Refuse(refuse(RefusalCode::WrongServer, text));
        }
        let ours = self.terms(&claim.group, &self.settings.group);
        if let Err(refusal) = admission::check_terms((&claim.group, &hello.terms), (&self.settings.group, &ours)) {
            return Admission::Refuse(refusal);
        }
        if !self.settings.topology.related(&self.settings.group, &claim.group) {
            let text = format!(
                "groups `{}` and `{}` are not connected; name one in connects_to of the other, in the configuration of both servers",
                claim.group, self.settings.group
            );
            return Admission::Refuse(refuse(RefusalCode::Topology, text));
        }
        self.admit_member(hello, protocol)
    }

    fn admit_member(&mut self, hello: &Hello, protocol: u16) -> Admission {
        let claim = &hello.from;
        if self.dead.contains_key(&claim.id) && !self.revive(claim) {
            return Admission::Refuse(refuse(RefusalCode::Unlisted, format!("server {} has left the registry", claim.id)));
        }
        let Some(member) = self.members.get_mut(&claim.id) else { return Admission::Wait };
        if let Err(refusal) = admission::check_entry(claim, &member.registration) {
            return Admission::Refuse(refusal);
        }
        if let Some(reason) = member.doomed {
            let code = if reason == LeaveReason::Replaced { RefusalCode::Replaced } else { RefusalCode::Unlisted };
            return Admission::Refuse(refuse(code, format!("server {} has left the registry", claim.id)));
        }
        if member.direction == Direction::Outgoing {
            let text = format!("by the topology this server dials server {}, not the other way round", claim.id);
            return Admission::Refuse(refuse(RefusalCode::Reversed, text));
        }
        if claim.incarnation < member.incarnation {
            let text = format!("a newer server runs as {}/{}", claim.group, claim.name);
            return Admission::Refuse(refuse(RefusalCode::Replaced, text));
        }
        member.incarnation = claim.incarnation;
        // A link that is saying goodbye is the last of its session.
        let goes_on = member.session.is_some() && !matches!(member.state, State::Closing { .. });
        let resume = member.session.filter(|session| goes_on && hello.resume == Some(*session));
        self.next_link += 1;
        let link = LinkId(self.next_link);
        let earlier = member.accepting.replace(link);
        self.links.insert(link, Held { member: claim.id, session: hello.session, resume });
        if let Some(earlier) = earlier {
            self.forget(earlier, Goodbye::Superseded);
        }
        Admission::Accept { link, protocol }
    }

    /// The server that this link was dialled to has shown which start of it answers; to be told before [`Cluster::link_up`].
    pub(crate) fn welcomed(&mut self, link: LinkId, incarnation: u64) {
        let member = self.member_of(link).and_then(|id| self.members.get_mut(&id));
        if let Some(member) = member {
            member.incarnation = member.incarnation.max(incarnation);
        }
    }

    /// Who dials between this server and one in view.
    pub(crate) fn direction_of(&self, id: ServerId) -> Option<Direction> {
        self.members.get(&id).map(|member| member.direction)
    }

    /// Whose link this is.
    pub(crate) fn member_of(&self, link: LinkId) -> Option<ServerId> {
        self.links.get(&link).map(|held| held.member)
    }

    /// What this server answers to a hello that was admitted with this link and version.
    pub(crate) fn welcome(&self, hello: &Hello, link: LinkId, protocol: u16) -> Option<Welcome> {
        let terms = self.terms(&hello.from.group, &self.settings.group);
        Some(Welcome { protocol, from: self.claim()?, terms, resumed: self.resumes(link) })
    }

    /// What this dial to `to` begins with; `None` before this server is registered.
    pub(crate) fn goal(&self, link: LinkId, to: &Registration) -> Option<Goal> {
        let hello = Hello {
            protocol_min: *crate::wire::PROTOCOL.start(),
            protocol_max: *crate::wire::PROTOCOL.end(),
            cluster: self.settings.cluster.clone(),
            from: self.claim()?,
            to: to.id,
            terms: self.terms(&self.settings.group, &to.group),
            session: link.0,
            resume: self.links.get(&link).and_then(|held| held.resume),
        };
        Some(Goal { hello, expected: to.clone() })
    }

    /// Both sides have acknowledged each other on this link; `resumes`: and that it goes on with the session that the dialer named.
    pub(crate) fn link_up(&mut self, now: Duration, link: LinkId, resumes: bool) {
        let held = self.links.get_mut(&link);
        let found = held.and_then(|held| self.members.get_mut(&held.member).map(|member| (held, member)));
        let Some((held, member)) = found else {
            // Its end was asked for while this news was on its way.
            let goodbye = if self.stopping.is_some() { Goodbye::Stopped } else { Goodbye::Superseded };
            return self.actions.push_back(Action::Close { link, goodbye });
        };
        let id = held.member;
        if !resumes {
            held.resume = None;
        }
        if member.accepting == Some(link) {
            member.accepting = None;
        }
        // This side has given the session up while the other agreed to go on with it: both must begin anew.
        let stale = resumes && (held.resume.is_none() || held.resume != member.session || matches!(member.state, State::Closing { .. }));
        if stale {
            if member.state == (State::Dialing { link }) {
                self.back_off(now, id);
            }
            return self.forget(link, Goodbye::Superseded);
        }
        match &mut member.state {
            State::Idle | State::Backoff { .. } => self.connected(now, id, link),
            State::Dialing { link: dialled } => {
                let dialled = *dialled;
                if dialled != link {
                    self.forget(dialled, Goodbye::Superseded);
                }
                self.connected(now, id, link);
            }
            State::Up { link: old, .. } => {
                let (old, next) = (*old, Some(link));
                let (state, action) = match resumes {
                    true => (State::Abandoned { link: old, next }, Action::Abandon { link: old }),
                    false => (State::Closing { link: old, next }, Action::Close { link: old, goodbye: Goodbye::Superseded }),
                };
                member.state = state;
                self.actions.push_back(action);
            }
            State::Closing { next, .. } | State::Abandoned { next, .. } => {
                if let Some(earlier) = next.replace(link) {
                    self.forget(earlier, Goodbye::Superseded);
                }
            }
        }
    }

    /// A dial ended without a link.
    pub(crate) fn dial_failed(&mut self, now: Duration, link: LinkId, refusal: Option<&Refusal>) {
        let Some(Held { member: id, .. }) = self.links.remove(&link) else { return };
        let Some(member) = self.members.get_mut(&id) else { return };
        if member.state != (State::Dialing { link }) {
            return;
        }
        // Without a registry that arbitrates names, the peers do: the newer start wins.
        if self.settings.ids_are_seats && refusal.is_some_and(|refusal| refusal.code == RefusalCode::Replaced) {
            return self.stop(StopReason::Replaced, refusal.map(|refusal| refusal.text.clone()).unwrap_or_default());
        }
        self.failed(id);
        self.back_off(now, id);
        self.leave_if_forgotten(id);
    }

    /// A started link has ended, or an accepted handshake has come to nothing.
    pub(crate) fn link_down(&mut self, now: Duration, link: LinkId, end: LinkEnd) {
        let Some(Held { member: id, .. }) = self.links.remove(&link) else { return };
        let Some(member) = self.members.get_mut(&id) else { return };
        let (abandoned, closing) = (matches!(member.state, State::Abandoned { .. }), matches!(member.state, State::Closing { .. }));
        let next = match &mut member.state {
            _ if member.accepting == Some(link) => {
                member.accepting = None;
                return self.leave_if_forgotten(id);
            }
            State::Up { link: up, since } if *up == link => {
                if now.saturating_sub(*since) >= self.settings.pace.reconnect_max {
                    member.failures = 0;
                } else {
                    // A link that does not hold is as good as none: else a peer that hangs up at once is dialled without pause.
                    self.failed(id);
                }
                None
            }
            State::Closing { link: old, next } | State::Abandoned { link: old, next } if *old == link => *next,
            State::Closing { next, .. } | State::Abandoned { next, .. } if *next == Some(link) => {
                *next = None;
                return;
            }
            _ => return,
        };
        let doomed = match end.reason {
            LinkEndReason::Goodbye(Goodbye::Stopped) => Some(LeaveReason::Stopped),
            LinkEndReason::Goodbye(Goodbye::Replaced) => Some(LeaveReason::Replaced),
            _ => None,
        };
        if !self.settings.ids_are_seats
            && let Some(member) = self.members.get_mut(&id)
        {
            member.doomed = member.doomed.or(doomed);
        }
        // One that was told to say goodbye is the last of its session, however it ends.
        let goes_on = end.is_broken() && !closing || abandoned && end.reason == LinkEndReason::Closed(Goodbye::Superseded);
        if goes_on && self.may_go_on(id) {
            return self.suspend(now, id, next, end);
        }
        if let Some(member) = self.members.get_mut(&id) {
            member.session = None;
        }
        self.notify(Notice::Disconnected { id, end });
        // What was to go on with it cannot any more.
        let (stale, next) = if next.is_some_and(|next| self.resumes(next)) { (next, None) } else { (None, next) };
        if let Some(stale) = stale {
            self.forget(stale, Goodbye::Superseded);
        }
        self.after_link(now, id, next);
    }

    /// Whether this link goes on with a session, or is meant to.
    fn resumes(&self, link: LinkId) -> bool {
        self.links.get(&link).is_some_and(|held| held.resume.is_some())
    }

    /// Whether a session of this member may outlive its link.
    fn may_go_on(&self, id: ServerId) -> bool {
        let stays = |member: &Member| member.doomed.is_none() && member.session.is_some();
        self.stopping.is_none() && !self.settings.pace.resume_window.is_zero() && self.members.get(&id).is_some_and(stays)
    }

    /// The link of a session is down, and `next` goes on with it; or nobody does yet.
    fn suspend(&mut self, now: Duration, id: ServerId, next: Option<LinkId>, end: LinkEnd) {
        let resumes = next.is_some_and(|next| self.resumes(next));
        let Some(member) = self.members.get_mut(&id) else { return };
        member.state = State::Idle;
        if let Some(next) = next {
            if !resumes {
                member.session = None;
                self.notify(Notice::Disconnected { id, end });
            }
            return self.connected(now, id, next);
        }
        let text = end.text.clone();
        member.suspended = Some(Suspended { end, until: now + self.settings.pace.resume_window });
        self.notify(Notice::Interrupted { id, text });
        self.back_off(now, id);
    }

    /// One more dial without a lasting link.
    fn failed(&mut self, id: ServerId) {
        let Some(member) = self.members.get_mut(&id).filter(|member| member.direction == Direction::Outgoing) else { return };
        member.failures = member.failures.saturating_add(1);
        if member.failures == self.settings.pace.reconnect_attempts {
            self.actions.push_back(Action::ReportFailure(id));
        }
    }

    /// A member that the registry no longer lists stays only for the sake of a link.
    pub(super) fn leave_if_forgotten(&mut self, id: ServerId) {
        let idle = |member: &Member| matches!(member.state, State::Idle | State::Backoff { .. });
        let forgotten = |member: &Member| !member.listed && member.accepting.is_none() && member.suspended.is_none() && idle(member);
        if self.members.get(&id).is_some_and(forgotten) {
            self.remove(id, LeaveReason::Expired);
        }
    }

    /// A link begins its session, or goes on with the one there is.
    fn connected(&mut self, now: Duration, id: ServerId, link: LinkId) {
        let Some(held) = self.links.get(&link).copied() else { return };
        let resumes = held.resume.is_some();
        if !resumes {
            self.end_session(id);
        }
        let Some(member) = self.members.get_mut(&id) else { return };
        member.state = State::Up { link, since: now };
        member.close_at = None;
        member.session = Some(held.resume.unwrap_or(held.session));
        let interrupted = member.suspended.take().is_some();
        match resumes {
            false => self.notify(Notice::Connected { id, link }),
            true if interrupted => self.notify(Notice::Resumed { id, link }),
            // Another link took over before the end of the old one was noticed: to the game nothing has happened.
            true => {}
        }
        self.actions.push_back(Action::Start { link, resumes });
    }

    /// The link to `id` is down and reported: what now?
    fn after_link(&mut self, now: Duration, id: ServerId, next: Option<LinkId>) {
        let Some(member) = self.members.get_mut(&id) else { return };
        member.state = State::Idle;
        let leave = match member.doomed {
            Some(reason) => Some(reason),
            None if self.stopping.is_some() => Some(LeaveReason::Stopping),
            None => None,
        };
        match (leave, next) {
            (Some(reason), next) => {
                if let Some(next) = next {
                    self.forget(next, Goodbye::YouLeft);
                }
                self.remove(id, reason);
                self.finish_stop();
            }
            (None, Some(next)) => self.connected(now, id, next),
            (None, None) => {
                self.back_off(now, id);
                self.leave_if_forgotten(id);
            }
        }
    }

    fn claim(&self) -> Option<Claim> {
        Some(Claim {
            id: self.me?,
            group: self.settings.group.clone(),
            name: self.settings.name.clone(),
            incarnation: self.settings.incarnation,
        })
    }

    fn terms(&self, dialer: &str, acceptor: &str) -> Terms {
        Terms {
            app_version: self.settings.app_version.clone(),
            mixed_app_versions: self.settings.mixed_app_versions,
            topology: self.settings.topology.of_link(dialer, acceptor),
        }
    }
}
