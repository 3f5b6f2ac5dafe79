//! The clock, the queue of what happens next, and the processes: each plays the node task around one machine.

use super::directory::Directory;
use super::judge::Judge;
use super::network::{ConnectionId, Frame, Network, Side};
use super::plan::{Fault, Plan, within};
use super::{Coverage, Trace};
use crate::cluster::{Action, Cluster, DisconnectReason, LinkEnd, LinkId, Notice, Settings, StopReason};
use crate::id::ServerId;
use crate::registry::{self, News};
use crate::wire::control::{Goodbye, Refusal};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::Duration;

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const DRAIN: Duration = Duration::from_secs(2);
/// After the last fault: silence is noticed within 15 s, handshakes end within 10 s, back-off is at most 5 s.
const HEALING: Duration = Duration::from_secs(60);

/// Things that must happen in many stories, or the stories are too tame.
pub(super) const MUST_HAPPEN: [&str; 16] = [
    "connected",
    "message",
    "disconnected: Lost",
    "disconnected: PeerStopped",
    "disconnected: PeerLeft",
    "disconnected: Superseded",
    "left: Stopped",
    "left: Replaced",
    "left: Expired",
    "stopped: Requested",
    "stopped: Replaced",
    "stopped: Replaced by a seat's newer process",
    "hello waited",
    "lease of a linked server ran out",
    "id changed",
    "failure reported",
];

pub(super) type ProcessId = usize;

#[derive(Debug)]
pub(super) enum Event {
    Fault(Fault),
    Timer(ProcessId),
    News(ProcessId, News),
    /// The process's connector tries to register, or to come back after an outage.
    Register(ProcessId),
    CutOffEnds(ProcessId),
    OutageEnds,
    LeaseEnds(ServerId),
    FinalSnapshot,
    Syn(ConnectionId),
    Frame(ConnectionId, Side, Frame),
    /// This side notices that the connection is gone.
    Notices(ConnectionId, Side),
    Cut(ConnectionId),
    HandshakeDeadline(ConnectionId, Side),
    /// What a link's task tells the node.
    Inform(ProcessId, LinkId, Inform),
    PartitionEnds(usize, usize),
    CutterEnds(usize, usize),
    /// Two links to one process may not both live on.
    Twins(ProcessId, [LinkId; 2]),
    /// The registry said goodbye for this server a while ago: it must have left.
    MustHaveLeft(ProcessId, ServerId),
}

#[derive(Debug)]
pub(super) enum Inform {
    LinkUp,
    DialFailed(Option<Refusal>),
    LinkDown(LinkEnd),
}

struct Scheduled {
    at: Duration,
    order: u64,
    event: Event,
}

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

#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) connection: ConnectionId,
    pub(super) side: Side,
    pub(super) started: bool,
}

pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) now: Duration,
    queue: BinaryHeap<Reverse<Scheduled>>,
    order: u64,
    pub(super) rng: SmallRng,
    pub(super) processes: Vec<Process>,
    pub(super) network: Network,
    pub(super) directory: Directory,
    pub(super) coverage: Coverage,
    pub(super) trace: Trace,
}

impl World {
    pub(super) fn new(plan: Plan, seed: u64, trace: Trace) -> Self {
        Self {
            directory: Directory::new(&plan),
            plan,
            now: Duration::ZERO,
            queue: BinaryHeap::new(),
            order: 0,
            rng: SmallRng::seed_from_u64(!seed),
            processes: Vec::new(),
            network: Network::default(),
            coverage: Coverage::new(),
            trace,
        }
    }

    /// Plays the whole story: faults, peace, verdict.
    pub(super) fn run(&mut self) -> Result<(), String> {
        for (at, fault) in self.plan.faults.clone() {
            self.after(at, Event::Fault(fault));
        }
        let chaos = self.plan.chaos;
        self.run_until(chaos)?;
        self.make_peace()?;
        self.run_until(chaos + HEALING)?;
        self.verdict()
    }

    fn run_until(&mut self, end: Duration) -> Result<(), String> {
        while self.queue.peek().is_some_and(|next| next.0.at <= end) {
            let Some(Reverse(next)) = self.queue.pop() else { break };
            self.now = next.at;
            self.happen(next.event)?;
        }
        self.now = end;
        Ok(())
    }

    pub(super) fn after(&mut self, delay: Duration, event: Event) {
        self.order += 1;
        self.queue.push(Reverse(Scheduled { at: self.now + delay, order: self.order, event }));
    }

    pub(super) fn draw(&mut self, longest: Duration) -> Duration {
        within(&mut self.rng, longest)
    }

    pub(super) fn latency(&mut self) -> Duration {
        let (least, most) = self.plan.latency;
        least + within(&mut self.rng, most - least)
    }

    pub(super) fn count(&mut self, what: &'static str) {
        *self.coverage.entry(what).or_default() += 1;
    }

    fn happen(&mut self, event: Event) -> Result<(), String> {
        self.trace.add(self.now, || format!("{event:?}"));
        match event {
            Event::Fault(fault) => self.fault(fault),
            Event::Timer(process) => self.timer(process),
            Event::News(process, news) => self.news(process, news),
            Event::Register(process) => self.register(process),
            Event::CutOffEnds(process) => self.cut_off_ends(process),
            Event::OutageEnds => self.outage_ends(),
            Event::LeaseEnds(id) => self.lease_ends(id),
            Event::FinalSnapshot => self.final_snapshot(),
            Event::Syn(connection) => self.syn(connection),
            Event::Frame(connection, side, frame) => self.frame(connection, side, frame),
            Event::Notices(connection, side) => self.notices(connection, side),
            Event::Cut(connection) => self.cut(connection),
            Event::HandshakeDeadline(connection, side) => self.handshake_deadline(connection, side),
            Event::Inform(process, link, inform) => self.inform(process, link, inform),
            Event::PartitionEnds(a, b) => _ = self.network.partitions.remove(&(a, b)),
            Event::CutterEnds(a, b) => _ = self.network.cutters.remove(&(a, b)),
            Event::Twins(process, links) => return self.twins(process, links),
            Event::MustHaveLeft(process, id) => {
                let actor = &self.processes[process];
                if actor.alive && actor.judge.views.contains_key(&id) {
                    self.fail(process, format!("still sees {id}, long after its goodbye"));
                }
            }
        }
        self.network.failure.take().map_or(Ok(()), Err)
    }

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
            if let Err(error) = self.processes[process].judge.action(self.now, &action, seats) {
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

    pub(super) fn fail(&mut self, process: ProcessId, error: String) {
        self.network.failure.get_or_insert(format!("process {process}: {error}"));
    }

    fn act(&mut self, process: ProcessId, action: Action) {
        match action {
            Action::Dial { link, to } => self.dial(process, link, &to),
            Action::Start { link } => self.start(process, link),
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
        let Some(id) = actor.cluster.links.get(&link) else { return false };
        match goodbye {
            Goodbye::Stopped | Goodbye::Replaced => actor.stopping,
            Goodbye::YouLeft => actor.farewells.contains(id),
            Goodbye::Superseded => actor.renamed == Some(self.now) || actor.cluster.links.values().filter(|other| *other == id).count() > 1,
        }
    }

    fn note(&mut self, process: ProcessId, notice: &Notice) {
        use crate::cluster::LeaveReason;
        let what = match notice {
            Notice::Connected { .. } => "connected",
            Notice::Disconnected { end, .. } => match end.disconnect_reason() {
                DisconnectReason::Lost => "disconnected: Lost",
                DisconnectReason::PeerStopped => "disconnected: PeerStopped",
                DisconnectReason::PeerLeft => "disconnected: PeerLeft",
                DisconnectReason::Superseded => "disconnected: Superseded",
                DisconnectReason::Silent | DisconnectReason::Protocol | DisconnectReason::Stopping => return,
            },
            Notice::Left { reason: LeaveReason::Stopped, .. } => "left: Stopped",
            Notice::Left { reason: LeaveReason::Replaced, .. } => "left: Replaced",
            Notice::Left { reason: LeaveReason::Expired, .. } => "left: Expired",
            Notice::Stopped { reason: StopReason::Requested, .. } => "stopped: Requested",
            Notice::Stopped { reason: StopReason::Replaced, .. } if self.plan.registry.seats() => {
                "stopped: Replaced by a seat's newer process"
            }
            Notice::Stopped { reason: StopReason::Replaced, .. } => "stopped: Replaced",
            Notice::Stopped { reason: StopReason::Failed, .. } => return self.fail(process, "says that it failed".into()),
            Notice::Joined { registration, .. } if registration.name == self.plan.slots[self.processes[process].slot].name => {
                return self.fail(process, format!("sees its own namesake {} as another server", registration.id));
            }
            Notice::Started { .. } | Notice::Joined { .. } | Notice::Left { .. } => return,
            Notice::RegistryLost(_) | Notice::RegistryRestored => return,
        };
        self.count(what);
        self.processes[process].stopping |= matches!(notice, Notice::Stopped { .. });
    }

    fn timer(&mut self, process: ProcessId) {
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

    fn news(&mut self, process: ProcessId, news: News) {
        if !self.processes[process].alive {
            return;
        }
        let seats = self.plan.registry.seats();
        let actor = &mut self.processes[process];
        match &news {
            News::Left { id, reason: registry::LeaveReason::Deregistered | registry::LeaveReason::Replaced } => {
                if actor.farewells.insert(*id) && !seats {
                    // It may flush for DRAIN, and so may this side when it closes the link.
                    self.after(DRAIN * 2 + SECOND, Event::MustHaveLeft(process, *id));
                }
            }
            News::Registered(entry) if actor.judge.me.is_some_and(|me| me != entry.id) => actor.renamed = Some(self.now),
            _ => {}
        }
        self.step(process, |cluster, now| cluster.news(now, news));
        self.ask_waiting(process);
    }

    fn inform(&mut self, process: ProcessId, link: LinkId, inform: Inform) {
        if !self.processes[process].alive {
            return;
        }
        if !matches!(inform, Inform::LinkUp) {
            self.processes[process].held.remove(&link);
        }
        self.step(process, |cluster, now| match inform {
            Inform::LinkUp => cluster.link_up(now, link),
            Inform::DialFailed(refusal) => cluster.dial_failed(now, link, refusal.as_ref()),
            Inform::LinkDown(end) => cluster.link_down(now, link, end),
        });
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
            incarnation: process as u64 + 1,
            reconnect_min: SECOND / 10,
            reconnect_max: SECOND * 5,
            reconnect_attempts: 6,
            drain: DRAIN,
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

    /// Who answers at a port: a ghost does not, once its successor has its address.
    pub(super) fn listener(&self, port: u16) -> Option<ProcessId> {
        self.processes.iter().rposition(|process| process.port == port && process.alive)
    }

    /// The newest living process of a slot.
    pub(super) fn newest(&self, slot: usize) -> Option<ProcessId> {
        self.processes.iter().rposition(|process| process.slot == slot && process.alive)
    }
}

impl PartialEq for Scheduled {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.order) == (other.at, other.order)
    }
}

impl Eq for Scheduled {}

impl PartialOrd for Scheduled {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scheduled {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}
