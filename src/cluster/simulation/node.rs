//! A process as the stories play it: one machine, and the node task around it that carries out what the machine wants.

use super::judge::Judge;
use super::network::{ConnectionId, Side};
use super::plan::Plan;
use super::world::{DRAIN, Event, Inform, ProcessId, SECOND, World};
use crate::cluster::{Action, Cluster, ClusterPace, DisconnectReason, LeaveReason, LinkId, Notice, Renewal, Settings, StopReason};
use crate::id::ServerId;
use crate::registry::{self, News};
use crate::wire::control::Goodbye;
use rand::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

pub(super) struct Process {
    pub(super) slot: usize,
    pub(super) port: u16,
    pub(super) cluster: Cluster,
    pub(super) judge: Judge,
    pub(super) alive: bool,
    /// `stop` was called or the name was lost: it is on its way out.
    pub(super) stopping: bool,
    /// The registry dropped it for good; it runs on.
    pub(super) evicted: bool,
    /// What the node holds for the machine: every dial, handshake and link that has not ended yet.
    pub(super) held: BTreeMap<LinkId, Held>,
    /// Connections whose hello waits for news.
    pub(super) waiting: BTreeSet<ConnectionId>,
    timer: Option<Duration>,
    /// Whom the registry said goodbye for: only their links may be closed as left.
    farewells: BTreeSet<ServerId>,
    renamed: Option<Duration>,
}

/// Processes are numbered in the order of their starts.
pub(super) fn incarnation(process: ProcessId) -> u64 {
    process as u64 + 1
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) connection: ConnectionId,
    pub(super) side: Side,
    pub(super) started: bool,
}

impl World {
    /// One input of the machine of `process`, then everything it wants done.
    pub(super) fn step<T>(&mut self, process: ProcessId, input: impl FnOnce(&mut Cluster, Duration) -> T) -> T {
        let now = self.now;
        let result = input(&mut self.processes[process].cluster, now);
        self.carry_out(process);
        result
    }

    /// Carries out what the machine of `process` wants, and judges it.
    pub(super) fn carry_out(&mut self, process: ProcessId) {
        let seats = self.plan.registry.seats();
        while let Some(action) = self.processes[process].cluster.next_action() {
            self.trace.add(self.now, || format!("    process {process}: {action:?}"));
            let member = match &action {
                Action::Start { link, .. } => self.processes[process].cluster.member_of(*link),
                _ => None,
            };
            if let Err(error) = self.processes[process].judge.action(self.now, &action, member, seats) {
                return self.fail(process, error);
            }
            self.act(process, action);
        }
        let actor = &self.processes[process];
        if let Err(error) = actor.judge.consistent(&actor.cluster, actor.held.keys()) {
            return self.fail(process, error);
        }
        let wanted = actor.cluster.next_timeout();
        if let Some(at) = wanted
            && actor.timer.is_none_or(|timer| at < timer)
        {
            self.processes[process].timer = Some(at);
            self.after(at.saturating_sub(self.now), Event::Timer(process));
        }
        let actor = &mut self.processes[process];
        if actor.judge.stopped && actor.alive {
            actor.alive = false;
            self.close_all(process);
            self.directory_closed(process);
        }
    }

    fn act(&mut self, process: ProcessId, action: Action) {
        match action {
            Action::Dial { link, to } => self.dial(process, link, &to),
            Action::Start { link, resumes } => self.start(process, link, resumes),
            Action::Abandon { link } => {
                self.count("resumed without a word");
                if !self.may_close(process, link, Goodbye::Superseded) {
                    self.fail(process, format!("abandons the working {link:?} for no reason"));
                }
                self.abandon(process, link);
            }
            Action::Close { link, goodbye } => {
                if !self.may_close(process, link, goodbye) {
                    self.fail(process, format!("closes the working {link:?} ({goodbye:?}) for no reason"));
                }
                self.close(process, link, goodbye);
            }
            Action::ReportFailure(id) => {
                self.count("failure reported");
                self.failure_reported(process, id);
            }
            Action::Deregister => {
                self.processes[process].stopping = true;
                self.deregister(process);
            }
            Action::Notify(notice) => self.note(process, &notice),
        }
    }

    /// A link in use is not cut because a lease ran out or the registry is lost.
    fn may_close(&self, process: ProcessId, link: LinkId, goodbye: Goodbye) -> bool {
        let actor = &self.processes[process];
        if !actor.held.get(&link).is_some_and(|held| held.started) {
            return true;
        }
        let Some(id) = actor.cluster.member_of(link) else { return false };
        match goodbye {
            Goodbye::Stopped | Goodbye::Replaced => actor.stopping,
            Goodbye::YouLeft => actor.farewells.contains(&id),
            Goodbye::Unrelated => {
                let other = &actor.cluster.members[&id].registration.group;
                let slot = &self.plan.slots[actor.slot];
                !slot.topology.related(slot.group, other)
            }
            Goodbye::Superseded => {
                actor.renamed == Some(self.now) || actor.cluster.links.values().filter(|other| other.member == id).count() > 1
            }
        }
    }

    fn note(&mut self, process: ProcessId, notice: &Notice) {
        let what = match notice {
            Notice::Connected { .. } => "connected",
            Notice::Interrupted { .. } => "interrupted",
            Notice::Resumed { .. } => "resumed",
            Notice::Disconnected { end, .. } => match end.disconnect_reason() {
                DisconnectReason::Lost => "disconnected: Lost",
                DisconnectReason::PeerStopped => "disconnected: PeerStopped",
                DisconnectReason::PeerLeft => "disconnected: PeerLeft",
                DisconnectReason::Superseded => "disconnected: Superseded",
                DisconnectReason::Unrelated => "disconnected: Unrelated",
                DisconnectReason::Silent | DisconnectReason::Protocol | DisconnectReason::Stopping => return,
            },
            Notice::Left { reason: LeaveReason::Stopped, .. } => "left: Stopped",
            Notice::Left { reason: LeaveReason::Replaced, .. } => "left: Replaced",
            Notice::Left { reason: LeaveReason::Expired, .. } => "left: Expired",
            Notice::Left { reason: LeaveReason::Unrelated, .. } => "left: Unrelated",
            Notice::Stopped { reason: StopReason::Requested, .. } => "stopped: Requested",
            Notice::Stopped { reason: StopReason::Replaced, .. } if self.plan.registry.seats() => {
                "stopped: Replaced by a seat's newer process"
            }
            Notice::Stopped { reason: StopReason::Replaced, .. } => "stopped: Replaced",
            Notice::Joined { registration, .. } if registration.name == self.plan.slots[self.processes[process].slot].name => {
                return self.fail(process, format!("sees its own namesake {} as another server", registration.id));
            }
            Notice::Stopped { reason: StopReason::Failed, .. } => return self.fail(process, "the machine never fails by itself".into()),
            Notice::Started { .. } | Notice::Joined { .. } | Notice::Left { .. } => return,
            Notice::RegistryLost(_) | Notice::RegistryRestored => return,
        };
        self.count(what);
        self.processes[process].stopping |= matches!(notice, Notice::Stopped { .. });
    }

    pub(super) fn timer(&mut self, process: ProcessId) {
        if !self.processes[process].alive || self.processes[process].timer != Some(self.now) {
            return;
        }
        self.processes[process].timer = None;
        let now = self.now;
        self.step(process, |cluster, now| cluster.timeout(now));
        if self.processes[process].cluster.next_timeout().is_some_and(|at| at <= now) {
            self.fail(process, "wants to be woken at once, for ever".into());
        }
    }

    pub(super) fn news(&mut self, process: ProcessId, news: News) {
        if !self.processes[process].alive {
            return;
        }
        let farewell = match &news {
            News::Left { id, reason: registry::LeaveReason::Deregistered | registry::LeaveReason::Replaced } => Some(*id),
            _ => None,
        };
        if let Some(id) = farewell
            && self.processes[process].farewells.insert(id)
            && !self.plan.registry.seats()
        {
            // It may flush for DRAIN, and so may this side when it closes the link.
            self.after(DRAIN * 2 + SECOND, Event::MustHaveLeft(process, id));
        }
        let actor = &mut self.processes[process];
        if matches!(&news, News::Registered(entry) if actor.judge.me.is_some_and(|me| me != entry.id)) {
            actor.renamed = Some(self.now);
        }
        self.remember(process, &news);
        self.step(process, |cluster, now| cluster.news(now, news));
        self.ask_waiting(process);
    }

    pub(super) fn inform(&mut self, process: ProcessId, link: LinkId, inform: Inform) {
        if !self.processes[process].alive {
            return;
        }
        if !matches!(inform, Inform::LinkUp { .. }) {
            self.processes[process].held.remove(&link);
        }
        let dialled = self.processes[process].held.get(&link).filter(|held| held.side == Side::Dialer).map(|held| held.connection);
        let answered = dialled.map(|connection| self.network.connections[connection].ends[Side::Acceptor as usize].process);
        let member = self.processes[process].cluster.member_of(link);
        if let (Some(id), Some(peer), Inform::LinkUp { .. }) = (member, answered, &inform) {
            self.processes[process].judge.shown(id, incarnation(peer));
        }
        self.step(process, |cluster, now| match inform {
            Inform::LinkUp { resumes } => {
                if let Some(peer) = answered {
                    cluster.welcomed(link, incarnation(peer));
                }
                cluster.link_up(now, link, resumes);
            }
            Inform::DialFailed(refusal) => cluster.dial_failed(now, link, refusal.as_ref()),
            Inform::LinkDown(end) => cluster.link_down(now, link, end),
        });
    }

    pub(super) fn reload(&mut self, slot: usize) {
        let plan = &mut self.plan;
        std::mem::swap(&mut plan.slots[slot].topology, plan.others.entry(slot).or_insert_with(|| plan.other_topology.clone()));
        let topology = plan.slots[slot].topology.clone();
        self.count("reload");
        for process in 0..self.processes.len() {
            if self.processes[process].alive && self.processes[process].slot == slot {
                let pace = self.processes[process].cluster.settings.pace.clone();
                let renewal = Renewal { topology: topology.clone(), mixed_app_versions: false, pace };
                self.step(process, |cluster, now| cluster.renew(now, renewal));
                self.ask_waiting(process);
            }
        }
    }

    /// A process begins; its connector starts to register.
    pub(super) fn start_process(&mut self, slot: usize) {
        let process = self.processes.len();
        let port = self.draw_port(slot);
        let Plan { slots, registry, .. } = &self.plan;
        let settings = Settings {
            cluster: "sim".into(),
            group: slots[slot].group.into(),
            name: slots[slot].name.clone(),
            app_version: String::new(),
            mixed_app_versions: false,
            topology: slots[slot].topology.clone(),
            incarnation: incarnation(process),
            pace: ClusterPace {
                reconnect_min: SECOND / 10,
                reconnect_max: SECOND * 5,
                reconnect_attempts: 6,
                resume_window: self.plan.resume_window,
                drain: DRAIN,
            },
            ids_are_seats: registry.seats(),
            seed: self.rng.random(),
        };
        self.processes.push(Process {
            slot,
            port,
            cluster: Cluster::new(settings),
            judge: Judge::default(),
            alive: true,
            stopping: false,
            evicted: false,
            held: BTreeMap::new(),
            waiting: BTreeSet::new(),
            timer: None,
            farewells: BTreeSet::new(),
            renamed: None,
        });
        self.directory.opened(process);
        let delay = self.latency() * 3;
        self.after(delay, Event::Register(process));
    }

    /// A new port, the slot's last one, or one that a dead server of another slot had.
    fn draw_port(&mut self, slot: usize) -> u16 {
        let own = 1000 + slot as u16;
        if self.plan.registry.seats() {
            return own;
        }
        let fresh = 2000 + self.processes.len() as u16;
        let last = self.processes.iter().rev().find(|process| process.slot == slot).map(|process| process.port);
        match self.rng.random_range(0..4) {
            0 => fresh,
            1 => self.processes.iter().map(|process| process.port).find(|port| self.listener(*port).is_none()).unwrap_or(fresh),
            _ => last.filter(|port| self.listener(*port).is_none_or(|taker| self.processes[taker].slot == slot)).unwrap_or(fresh),
        }
    }
}
