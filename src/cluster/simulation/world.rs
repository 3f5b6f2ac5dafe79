//! The clock, and the queue of what happens next.

use super::directory::Directory;
use super::network::{ConnectionId, Frame, Network, Side};
use super::node::Process;
use super::plan::{Fault, Plan, within};
use super::{Coverage, Trace};
use crate::cluster::{LinkEnd, LinkId};
use crate::id::ServerId;
use crate::registry::News;
use crate::wire::control::Refusal;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const DRAIN: Duration = Duration::from_secs(2);
/// After the last fault: silence is noticed within 15 s, handshakes end within 10 s, back-off is at most 5 s.
const HEALING: Duration = Duration::from_secs(60);

/// Things that must happen in many stories, or the stories are too tame.
pub(super) const MUST_HAPPEN: [&str; 25] = [
    "connected",
    "interrupted",
    "resumed",
    "resumed without a word",
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
    "began from memory",
    "came back after a goodbye",
    "came back under an ended id",
    "reload",
    "disconnected: Unrelated",
    "left: Unrelated",
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
    LinkUp { resumes: bool },
    DialFailed(Option<Refusal>),
    LinkDown(LinkEnd),
}

struct Scheduled {
    at: Duration,
    order: u64,
    event: Event,
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
                if actor.alive && actor.judge.views.contains_key(&id) && !actor.judge.returned.contains(&id) {
                    self.fail(process, format!("still sees {id}, long after its goodbye"));
                }
            }
        }
        self.network.failure.take().map_or(Ok(()), Err)
    }

    pub(super) fn fail(&mut self, process: ProcessId, error: String) {
        self.network.failure.get_or_insert(format!("process {process}: {error}"));
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
