//! The faults themselves, the peace after them, and what must be true in the end.

use super::plan::Fault;
use super::world::{Event, ProcessId, SECOND, World};
use crate::cluster::Direction;
use crate::cluster::StopReason;

impl World {
    pub(super) fn fault(&mut self, fault: Fault) {
        match fault {
            Fault::Start { slot } => self.start_process(slot),
            Fault::Crash { slot, silent } => {
                if let Some(process) = self.newest(slot) {
                    self.crash(process, silent);
                }
            }
            Fault::Stop { slot } => {
                if let Some(process) = self.newest(slot) {
                    self.processes[process].stopping = true;
                    self.step(process, |cluster, _| cluster.stop(StopReason::Requested, "stop was called".into()));
                    self.ask_waiting(process);
                }
            }
            Fault::Break { pick, learn } => {
                let live = self.live_connections();
                if !live.is_empty() {
                    self.break_connection(live[pick as usize % live.len()], learn);
                }
            }
            Fault::Partition { a, b, lasts } => {
                let pair = (a.min(b), a.max(b));
                self.network.partitions.insert(pair);
                for connection in self.live_connections() {
                    if self.slots_of(connection) == Some(pair) {
                        let learn = [SECOND * 5 + self.draw(SECOND * 10), SECOND * 5 + self.draw(SECOND * 10)];
                        self.break_connection(connection, learn);
                    }
                }
                self.after(lasts, Event::PartitionEnds(pair.0, pair.1));
            }
            Fault::Cutter { a, b, lasts } => {
                let pair = (a.min(b), a.max(b));
                self.network.cutters.insert(pair);
                for connection in self.live_connections() {
                    if self.slots_of(connection) == Some(pair) {
                        self.cut(connection);
                    }
                }
                self.after(lasts, Event::CutterEnds(pair.0, pair.1));
            }
            Fault::CutOff { slot, lasts } => {
                if let Some(process) = self.newest(slot) {
                    self.cut_off(process, lasts);
                }
            }
            Fault::Outage { lasts, forget } => self.outage(lasts, forget),
            Fault::Hiccup { slot, lasts } => {
                if let Some(process) = self.newest(slot) {
                    self.hiccup(process, lasts);
                }
            }
            Fault::Evict { slot } => {
                if let Some(process) = self.newest(slot) {
                    self.evict(process);
                }
            }
            Fault::Rumour { pick } => self.rumour(pick),
            Fault::Reload { slot } => self.reload(slot),
        }
    }

    /// No more faults, and those that last end.
    pub(super) fn make_peace(&mut self) -> Result<(), String> {
        self.trace.add(self.now, || "peace".into());
        self.network.partitions.clear();
        self.network.cutters.clear();
        self.calm_directory();
        for process in 0..self.processes.len() {
            if self.processes[process].alive && self.processes[process].evicted {
                self.crash(process, false);
            }
        }
        if self.plan.registry.seats() {
            // Without a registry to arbitrate, a ghost learns of its successor only from a server that both of them dial.
            for process in 0..self.processes.len() {
                if self.is_ghost(process) && !self.meets_its_successor(process) {
                    self.crash(process, false);
                }
            }
        }
        self.network.failure.take().map_or(Ok(()), Err)
    }

    fn is_ghost(&self, process: ProcessId) -> bool {
        self.processes[process].alive && self.newest(self.processes[process].slot) != Some(process)
    }

    fn meets_its_successor(&self, ghost: ProcessId) -> bool {
        let meeting = |other: ProcessId| {
            let other_is_there = self.processes[other].alive && !self.processes[other].stopping && !self.is_ghost(other);
            other_is_there
                && self.processes[other].slot != self.processes[ghost].slot
                && self.dials(ghost, other)
                && self.agree(ghost, other)
                // Ghosts that hold links to each other in a ring have no reason to dial anybody.
                && self.linked_to(ghost, other).is_none_or(|peer| peer == other)
        };
        (0..self.processes.len()).any(meeting)
    }

    /// The process that `a` takes for `b`.
    fn linked_to(&self, a: ProcessId, b: ProcessId) -> Option<ProcessId> {
        let link = self.processes[a].judge.views.get(&self.id_of(b)?).copied().flatten()?;
        self.peer_of(a, link)
    }

    fn dials(&self, a: ProcessId, b: ProcessId) -> bool {
        let (a, b) = (&self.processes[a], &self.processes[b]);
        let (group_a, group_b) = (self.plan.slots[a.slot].group, self.plan.slots[b.slot].group);
        let (Some(id_a), Some(id_b)) = (a.judge.me, b.judge.me) else { return false };
        self.plan.slots[a.slot].topology.direction((group_a, id_a), (group_b, id_b)) == Some(Direction::Outgoing)
    }

    fn related(&self, a: ProcessId, b: ProcessId) -> bool {
        let (a, b) = (&self.plan.slots[self.processes[a].slot], &self.plan.slots[self.processes[b].slot]);
        a.topology.related(a.group, b.group)
    }

    /// Whether both have the same configuration, as far as the link between them is concerned.
    fn agree(&self, a: ProcessId, b: ProcessId) -> bool {
        let (a, b) = (&self.plan.slots[self.processes[a].slot], &self.plan.slots[self.processes[b].slot]);
        a.topology.of_link(a.group, b.group) == b.topology.of_link(a.group, b.group)
    }

    /// Faults are long over: who should be connected is, on both sides by the same connection, and who is gone has left.
    pub(super) fn verdict(&self) -> Result<(), String> {
        let living: Vec<ProcessId> = (0..self.processes.len()).filter(|process| self.processes[*process].alive).collect();
        for &a in &living {
            if self.is_ghost(a) {
                return Err(format!("process {a} still runs, but a newer one has its name"));
            }
            if self.processes[a].stopping {
                return Err(format!("process {a} is told to stop, but has not stopped"));
            }
            if self.id_of(a).is_none() || self.processes[a].judge.me != self.id_of(a) {
                return Err(format!("process {a} does not know its own id"));
            }
            for &b in &living {
                if a != b {
                    self.judge_pair(a, b)?;
                }
            }
            self.judge_members(a, &living)?;
        }
        Ok(())
    }

    fn judge_pair(&self, a: ProcessId, b: ProcessId) -> Result<(), String> {
        let connection = |from: ProcessId, to: ProcessId| {
            let link = self.processes[from].judge.views.get(&self.id_of(to)?).copied().flatten()?;
            (self.peer_of(from, link) == Some(to)).then(|| self.connection_of(from, link)).flatten()
        };
        let sides = (connection(a, b), connection(b, a));
        let wanted = self.related(a, b) && self.agree(a, b);
        match sides {
            (Some(ours), Some(theirs)) if wanted && ours == theirs => Ok(()),
            // Told different topologies, but none by which they do not see each other: a link from before goes on, a new one is not made.
            (Some(ours), Some(theirs)) if self.related(a, b) && self.related(b, a) && ours == theirs => Ok(()),
            (None, None) if !wanted => Ok(()),
            _ => Err(format!("processes {a} and {b} should {}be connected, but are by {sides:?}", if wanted { "" } else { "not " })),
        }
    }

    fn judge_members(&self, a: ProcessId, living: &[ProcessId]) -> Result<(), String> {
        for (id, connected) in &self.processes[a].judge.views {
            let process = living.iter().find(|process| self.id_of(**process) == Some(*id));
            match (process, connected) {
                (Some(_), _) => {}
                (None, None) if self.plan.registry.seats() => {}
                _ => return Err(format!("process {a} still sees {id}, which is gone (connected: {connected:?})")),
            }
        }
        Ok(())
    }
}
