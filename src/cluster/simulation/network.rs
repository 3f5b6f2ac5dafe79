//! Connections between processes: who reaches whom, what gets through and in which order, and who notices when it does not.

use super::node::{Held, Process};
use super::world::{DRAIN, Event, Inform, ProcessId, SECOND, World};
use crate::cluster::membership::{Member, State};
use crate::cluster::{Goal, LinkEnd, LinkEndReason, LinkId};
use crate::registry::Registration;
use crate::wire::control::{Goodbye, Hello, Refusal, Welcome};
use rand::Rng;
use std::collections::BTreeSet;
use std::time::Duration;

const HANDSHAKE: Duration = Duration::from_secs(10);
/// Nobody takes longer than this to notice that a connection is gone.
pub(super) const SILENCE: Duration = Duration::from_secs(15);

pub(super) type ConnectionId = usize;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Dialer = 0,
    Acceptor = 1,
}

#[derive(Debug)]
pub(super) enum Frame {
    Hello(Box<Hello>),
    Welcome(Welcome),
    Refused(Refusal),
    Confirm,
    Confirmed,
    Message,
    Goodbye(Goodbye),
    /// The other side closed its socket.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Connecting,
    /// Dialer: hello sent. Acceptor: connection accepted, no hello yet.
    Open,
    /// Acceptor: the hello waits for the registry.
    Waiting,
    /// Dialer: confirm sent. Acceptor: welcome sent.
    Agreed,
    /// The handshake is over, the machine is told.
    Up,
    Started,
    Gone,
}

pub(super) struct Connection {
    pub(super) goal: Goal,
    pub(super) hello: Option<Hello>,
    /// What the acceptor said to the session that the dialer named.
    pub(super) resumes: bool,
    pub(super) ends: [End; 2],
    /// Nothing gets through any more.
    pub(super) broken: bool,
    /// Frames on their way to this side arrive in order.
    pub(super) arrivals: [Duration; 2],
}

pub(super) struct End {
    pub(super) process: ProcessId,
    pub(super) link: Option<LinkId>,
    pub(super) phase: Phase,
    /// Messages that came before the link was started.
    pub(super) early: u32,
    /// What a link's task tells arrives in order.
    pub(super) informed: Duration,
}

#[derive(Default)]
pub(super) struct Network {
    pub(super) connections: Vec<Connection>,
    /// Pairs of slots, lower first.
    pub(super) partitions: BTreeSet<(usize, usize)>,
    pub(super) cutters: BTreeSet<(usize, usize)>,
    /// The first broken promise.
    pub(super) failure: Option<String>,
}

impl Side {
    fn other(self) -> Self {
        match self {
            Side::Dialer => Side::Acceptor,
            Side::Acceptor => Side::Dialer,
        }
    }
}

impl Process {
    fn started_to(&self, network: &Network, peer: ProcessId) -> Vec<LinkId> {
        let far = |held: &Held| network.connections[held.connection].ends[held.side.other() as usize].process;
        self.held.iter().filter(|(_, held)| held.started && far(held) == peer).map(|(link, _)| *link).collect()
    }
}

impl World {
    pub(super) fn dial(&mut self, process: ProcessId, link: LinkId, to: &Registration) {
        let Some(goal) = self.processes[process].cluster.goal(link, to) else {
            return self.fail(process, "dials before it is registered".into());
        };
        let connection = self.network.connections.len();
        let end = |process, link, phase| End { process, link, phase, early: 0, informed: Duration::ZERO };
        self.network.connections.push(Connection {
            goal,
            hello: None,
            resumes: false,
            ends: [end(process, Some(link), Phase::Connecting), end(usize::MAX, None, Phase::Gone)],
            broken: false,
            arrivals: [self.now; 2],
        });
        self.processes[process].held.insert(link, Held { connection, side: Side::Dialer, started: false });
        let delay = self.latency();
        self.after(delay, Event::Syn(connection));
        self.after(HANDSHAKE, Event::HandshakeDeadline(connection, Side::Dialer));
    }

    pub(super) fn syn(&mut self, connection: ConnectionId) {
        let this = &self.network.connections[connection];
        let dialer = this.ends[0].process;
        if this.ends[0].phase == Phase::Gone {
            return;
        }
        let Some(listener) = self.listener(this.goal.expected.port) else {
            let delay = self.latency();
            return self.after(delay, Event::Notices(connection, Side::Dialer));
        };
        let pair = self.pair(dialer, listener);
        if self.network.partitions.contains(&pair) || (self.now < self.plan.chaos && self.rng.random_ratio(1, 50)) {
            // Nothing comes back: the dialer's deadline ends it.
            return;
        }
        if self.network.cutters.contains(&pair) {
            // Mostly just after the handshake, which takes four delays.
            let delay = self.latency() * 5 + self.draw(SECOND / 50);
            self.after(delay, Event::Cut(connection));
        }
        let this = &mut self.network.connections[connection];
        this.ends[1].process = listener;
        this.ends[1].phase = Phase::Open;
        this.ends[0].phase = Phase::Open;
        let hello = Box::new(this.goal.hello.clone());
        self.after(HANDSHAKE, Event::HandshakeDeadline(connection, Side::Acceptor));
        self.send(connection, Side::Dialer, Frame::Hello(hello));
    }

    pub(super) fn pair(&self, a: ProcessId, b: ProcessId) -> (usize, usize) {
        let (a, b) = (self.processes[a].slot, self.processes[b].slot);
        (a.min(b), a.max(b))
    }

    pub(super) fn send(&mut self, connection: ConnectionId, from: Side, frame: Frame) {
        let to = from.other();
        let delay = self.latency();
        let this = &mut self.network.connections[connection];
        if this.broken {
            return;
        }
        let arrival = &mut this.arrivals[to as usize];
        *arrival = (*arrival).max(self.now + delay);
        let delay = *arrival - self.now;
        self.after(delay, Event::Frame(connection, to, frame));
    }

    pub(super) fn tell(&mut self, connection: ConnectionId, side: Side, longest: Duration, inform: Inform) {
        let delay = self.draw(longest);
        let end = &mut self.network.connections[connection].ends[side as usize];
        let Some(link) = end.link else { return };
        end.informed = end.informed.max(self.now + delay);
        let (process, delay) = (end.process, end.informed - self.now);
        self.after(delay, Event::Inform(process, link, inform));
    }

    pub(super) fn phase(&self, connection: ConnectionId, side: Side) -> Phase {
        self.network.connections[connection].ends[side as usize].phase
    }

    pub(super) fn set_phase(&mut self, connection: ConnectionId, side: Side, phase: Phase) {
        self.network.connections[connection].ends[side as usize].phase = phase;
    }

    pub(super) fn message(&mut self, connection: ConnectionId, side: Side) {
        let end = &self.network.connections[connection].ends[side as usize];
        let (process, link) = (end.process, end.link);
        self.count("message");
        if let Some(link) = link
            && let Err(error) = self.processes[process].judge.message(link)
        {
            self.fail(process, error);
        }
    }

    /// One side's connection is over; the machine is told if it knows of it.
    pub(super) fn end(&mut self, connection: ConnectionId, side: Side, reason: LinkEndReason) {
        let phase = self.phase(connection, side);
        if phase == Phase::Gone {
            return;
        }
        self.set_phase(connection, side, Phase::Gone);
        let process = self.network.connections[connection].ends[side as usize].process;
        self.processes[process].waiting.remove(&connection);
        let inform = match (side, phase) {
            (Side::Dialer, Phase::Connecting | Phase::Open | Phase::Agreed) => Inform::DialFailed(None),
            _ => Inform::LinkDown(ended(reason)),
        };
        self.tell(connection, side, SECOND / 500, inform);
    }

    pub(super) fn notices(&mut self, connection: ConnectionId, side: Side) {
        self.end(connection, side, LinkEndReason::Lost);
    }

    pub(super) fn start(&mut self, process: ProcessId, link: LinkId, resumes: bool) {
        let Some(held) = self.processes[process].held.get_mut(&link) else {
            return self.fail(process, format!("starts {link:?}, which the node does not hold"));
        };
        held.started = true;
        let Held { connection, side, .. } = *held;
        if resumes != self.network.connections[connection].resumes {
            return self.fail(process, format!("starts {link:?} with resumes: {resumes}, which is not what was agreed"));
        }
        let peer = self.network.connections[connection].ends[side.other() as usize].process;
        if let [.., earlier, later] = self.processes[process].started_to(&self.network, peer)[..] {
            self.after(SILENCE + SECOND * 5, Event::Twins(process, [earlier, later]));
        }
        let end = &mut self.network.connections[connection].ends[side as usize];
        for _ in 0..std::mem::take(&mut end.early) {
            self.message(connection, side);
        }
        if self.phase(connection, side) == Phase::Up {
            self.set_phase(connection, side, Phase::Started);
            self.send(connection, side, Frame::Message);
        }
        let sessions = [Side::Dialer, Side::Acceptor].map(|side| self.session_on(connection, side));
        if let [Some(dialer), Some(acceptor)] = sessions
            && dialer != acceptor
        {
            self.fail(process, format!("connection {connection} is of session {dialer} to one side and of {acceptor} to the other"));
        }
    }

    /// The session that a started link is of, as its side sees it.
    fn session_on(&self, connection: ConnectionId, side: Side) -> Option<u64> {
        let end = &self.network.connections[connection].ends[side as usize];
        let cluster = &self.processes.get(end.process)?.cluster;
        let is_up = |member: &&Member| matches!(member.state, State::Up { link, .. } if Some(link) == end.link);
        cluster.members.values().find(is_up).and_then(|member| member.session)
    }

    /// The machine goes on with the session of a link on another one.
    pub(super) fn abandon(&mut self, process: ProcessId, link: LinkId) {
        let Some(Held { connection, side, .. }) = self.processes[process].held.get(&link).copied() else { return };
        if self.phase(connection, side) == Phase::Gone {
            return;
        }
        self.set_phase(connection, side, Phase::Gone);
        self.send(connection, side, Frame::End);
        self.tell(connection, side, SECOND / 500, Inform::LinkDown(ended(LinkEndReason::Closed(Goodbye::Superseded))));
    }

    pub(super) fn twins(&mut self, process: ProcessId, links: [LinkId; 2]) -> Result<(), String> {
        let held = &self.processes[process].held;
        match self.processes[process].alive && links.iter().all(|link| held.contains_key(link)) {
            true => Err(format!("process {process}: {links:?} both live on, to the same process")),
            false => Ok(()),
        }
    }

    /// The machine wants a dial, handshake or link to end.
    pub(super) fn close(&mut self, process: ProcessId, link: LinkId, goodbye: Goodbye) {
        let Some(Held { connection, side, started }) = self.processes[process].held.get(&link).copied() else { return };
        let phase = self.phase(connection, side);
        if !started {
            self.processes[process].held.remove(&link);
        }
        if phase == Phase::Gone {
            return;
        }
        self.set_phase(connection, side, Phase::Gone);
        match phase {
            Phase::Up | Phase::Started => self.send(connection, side, Frame::Goodbye(goodbye)),
            _ => self.send(connection, side, Frame::End),
        }
        if started {
            let flush = if self.network.connections[connection].broken { DRAIN } else { SECOND / 20 };
            self.tell(connection, side, flush, Inform::LinkDown(ended(LinkEndReason::Closed(goodbye))));
        }
    }

    /// Breaks a connection; each side notices after its own time.
    pub(super) fn break_connection(&mut self, connection: ConnectionId, learn: [Duration; 2]) {
        self.network.connections[connection].broken = true;
        self.after(learn[0], Event::Notices(connection, Side::Dialer));
        self.after(learn[1], Event::Notices(connection, Side::Acceptor));
    }

    pub(super) fn cut(&mut self, connection: ConnectionId) {
        let learn = [self.draw(SECOND / 100), self.draw(SECOND / 100)];
        self.break_connection(connection, learn);
    }

    /// Connections that at least one side believes in.
    pub(super) fn live_connections(&self) -> Vec<ConnectionId> {
        let live = |connection: &Connection| !connection.broken && connection.ends.iter().any(|end| end.phase != Phase::Gone);
        (0..self.network.connections.len()).filter(|number| live(&self.network.connections[*number])).collect()
    }

    pub(super) fn slots_of(&self, connection: ConnectionId) -> Option<(usize, usize)> {
        let [dialer, acceptor] = &self.network.connections[connection].ends;
        (acceptor.process != usize::MAX).then(|| self.pair(dialer.process, acceptor.process))
    }

    /// The process has ended in good order: its sockets are closed.
    pub(super) fn close_all(&mut self, process: ProcessId) {
        for (connection, side) in self.ends_of(process) {
            self.set_phase(connection, side, Phase::Gone);
            self.send(connection, side, Frame::End);
        }
    }

    /// The process is gone without a word.
    pub(super) fn crash(&mut self, process: ProcessId, silent: bool) {
        self.trace.add(self.now, || format!("    process {process} crashes"));
        self.processes[process].alive = false;
        for (connection, side) in self.ends_of(process) {
            self.set_phase(connection, side, Phase::Gone);
            self.network.connections[connection].broken = true;
            let delay = self.draw(if silent { SILENCE } else { SECOND / 10 });
            self.after(delay, Event::Notices(connection, side.other()));
        }
        self.directory_closed(process);
    }

    fn ends_of(&self, process: ProcessId) -> Vec<(ConnectionId, Side)> {
        let sides = |number: ConnectionId| [(number, Side::Dialer), (number, Side::Acceptor)];
        let ours = |(connection, side): &(ConnectionId, Side)| {
            let end = &self.network.connections[*connection].ends[*side as usize];
            end.process == process && end.phase != Phase::Gone
        };
        (0..self.network.connections.len()).flat_map(sides).filter(ours).collect()
    }

    /// The connection under a link, for comparing both sides' views.
    pub(super) fn connection_of(&self, process: ProcessId, link: LinkId) -> Option<ConnectionId> {
        self.processes[process].held.get(&link).map(|held| held.connection)
    }

    /// Who is at the other end of a link.
    pub(super) fn peer_of(&self, process: ProcessId, link: LinkId) -> Option<ProcessId> {
        let held = self.processes[process].held.get(&link)?;
        Some(self.network.connections[held.connection].ends[held.side.other() as usize].process)
    }
}

fn ended(reason: LinkEndReason) -> LinkEnd {
    LinkEnd { reason, text: String::new() }
}
