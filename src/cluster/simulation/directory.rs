//! The registry as a story plays it: what is true, and what each server hears of it, when.

use super::plan::{Plan, RegistryKind};
use super::world::{Event, ProcessId, SECOND, World};
use crate::config::Visibility;
use crate::id::ServerId;
use crate::registry::{LeaveReason, News, Registration};
use rand::Rng;
use std::collections::BTreeMap;
use std::time::Duration;

const LEASE: Duration = Duration::from_secs(3);
/// News of a union of registry hosts come at most this late.
const UNION_DELAY: Duration = Duration::from_secs(3);

pub(super) struct Directory {
    entries: BTreeMap<ServerId, Entry>,
    sessions: Vec<Session>,
    next_id: u64,
    down: bool,
    seats: Vec<Registration>,
}

struct Entry {
    registration: Registration,
    process: ProcessId,
    /// Nobody renews it any more: it ends then.
    expires: Option<Duration>,
}

/// One process's connector.
struct Session {
    id: Option<ServerId>,
    connected: bool,
    cut_off: bool,
    /// Told `Lost`, not yet `Restored`.
    lost: bool,
    replaced_by: Option<ServerId>,
    /// Replaced, deregistered or dead.
    over: bool,
    arrival: Duration,
    /// What it last knew of the others, as a file would outlive it.
    view: BTreeMap<ServerId, Registration>,
    /// The id that its server has must not be registered again.
    ended: bool,
}

impl Directory {
    pub(super) fn new(plan: &Plan) -> Self {
        let seats = plan.slots.iter().enumerate().map(|(number, slot)| Registration {
            id: id(number as u64 + 1),
            group: slot.group.into(),
            name: slot.name.clone(),
            host: "h".into(),
            port: 1000 + number as u16,
            visibility: Visibility::Internal,
            properties: BTreeMap::new(),
        });
        Self { entries: BTreeMap::new(), sessions: Vec::new(), next_id: 1, down: false, seats: seats.collect() }
    }

    pub(super) fn opened(&mut self, process: ProcessId) {
        debug_assert_eq!(process, self.sessions.len());
        self.sessions.push(Session {
            id: None,
            connected: false,
            cut_off: false,
            lost: false,
            replaced_by: None,
            over: false,
            arrival: Duration::ZERO,
            view: BTreeMap::new(),
            ended: false,
        });
    }

    fn all(&self) -> Vec<Registration> {
        self.entries.values().map(|entry| entry.registration.clone()).collect()
    }
}

fn id(raw: u64) -> ServerId {
    ServerId::new(raw).expect("counts from 1")
}

impl World {
    pub(super) fn register(&mut self, process: ProcessId) {
        if self.plan.registry.seats() {
            return self.take_seat(process);
        }
        let session = &self.directory.sessions[process];
        if session.over || session.connected || !self.processes[process].alive {
            return;
        }
        if self.directory.down || session.cut_off {
            self.begin_from_memory(process);
            return self.after(SECOND, Event::Register(process));
        }
        if let Some(by) = self.replaced_by(process) {
            self.directory.sessions[process].over = true;
            return self.hear(process, News::Replaced { by });
        }
        let earlier = self.directory.sessions[process].id;
        let kept = earlier.filter(|id| self.directory.entries.contains_key(id));
        let id = match (kept, earlier) {
            (Some(id), _) => id,
            (None, Some(id)) if !self.plan.new_ids => id,
            (None, _) => self.fresh_id(),
        };
        if earlier.is_some_and(|earlier| earlier != id) {
            self.count("id changed");
        }
        let slot = &self.plan.slots[self.processes[process].slot];
        let registration = Registration {
            id,
            group: slot.group.into(),
            name: slot.name.clone(),
            host: "h".into(),
            port: self.processes[process].port,
            visibility: Visibility::Internal,
            properties: BTreeMap::new(),
        };
        let session = &mut self.directory.sessions[process];
        session.id = Some(id);
        session.ended = false;
        session.connected = true;
        let restored = std::mem::take(&mut session.lost);
        let fresh = self.directory.entries.insert(id, Entry { registration: registration.clone(), process, expires: None }).is_none();
        if restored {
            self.hear(process, News::Restored);
        }
        if fresh {
            self.replace_namesakes(&registration);
            self.broadcast(process, News::Joined(registration.clone()));
        }
        let mut words = vec![News::Snapshot(self.directory.all())];
        if fresh {
            words.insert(self.rng.random_range(0..=1), News::Registered(registration));
        }
        for word in words {
            self.hear(process, word);
        }
    }

    /// A server that starts without the registry: under the id of the last one of its slot, with the others that that one knew.
    fn begin_from_memory(&mut self, process: ProcessId) {
        let slot = self.processes[process].slot;
        let mut earlier = (0..process).rev().filter(|earlier| self.processes[*earlier].slot == slot);
        // Two processes that live at the same time do not share a file.
        let later = (process + 1..self.processes.len()).any(|later| self.processes[later].slot == slot);
        let one_lives = later || earlier.clone().any(|earlier| self.processes[earlier].alive);
        let Some(last) = earlier.find(|earlier| self.processes[*earlier].judge.me.is_some()) else { return };
        let began = self.processes[process].judge.me.is_some() || self.directory.sessions[process].lost;
        let Some(id) = self.processes[last].judge.me.filter(|_| !began && !one_lives) else { return };
        if self.plan.registry != RegistryKind::Remembered {
            return;
        }
        self.count("began from memory");
        let (port, view) = (self.processes[process].port, self.directory.sessions[last].view.clone());
        // It, or one that came between, may have ended before it knew that it had another.
        let other_id = |between: ProcessId| {
            self.processes[between].slot == slot && self.directory.sessions[between].id.is_some_and(|other| other != id)
        };
        // An id stands for one address for ever.
        let moved = self.processes[last].port != port;
        let ended = self.directory.sessions[last].ended || moved || (last..process).any(other_id);
        let session = &mut self.directory.sessions[process];
        (session.lost, session.ended, session.view) = (true, ended, view.clone());
        session.id = (!ended).then_some(id);
        let slot = &self.plan.slots[slot];
        let own = Registration {
            id,
            group: slot.group.into(),
            name: slot.name.clone(),
            host: "h".into(),
            port,
            visibility: Visibility::Internal,
            properties: BTreeMap::new(),
        };
        self.hear(process, News::Lost("the registry cannot be reached".into()));
        self.hear(process, News::Registered(own.clone()));
        self.hear(process, News::Snapshot(std::iter::once(own).chain(view.into_values()).collect()));
    }

    /// What the connector of `process` has told is what it knows from now on.
    pub(super) fn remember(&mut self, process: ProcessId, news: &News) {
        let me = self.processes[process].judge.me;
        let view = &mut self.directory.sessions[process].view;
        match news {
            News::Joined(entry) => _ = view.insert(entry.id, entry.clone()),
            News::Left { id, .. } => _ = view.remove(id),
            News::Snapshot(entries) => *view = entries.iter().map(|entry| (entry.id, entry.clone())).collect(),
            News::Registered(_) | News::Replaced { .. } | News::IdTaken | News::Lost(_) | News::Restored => {}
        }
        view.retain(|id, _| Some(*id) != me);
    }

    fn fresh_id(&mut self) -> ServerId {
        self.directory.next_id += 1;
        id(self.directory.next_id)
    }

    /// A newer process that has registered under the same name.
    fn replaced_by(&self, process: ProcessId) -> Option<ServerId> {
        let slot = self.processes[process].slot;
        let newer = |entry: &&Entry| entry.process > process && self.processes[entry.process].slot == slot;
        let told = self.directory.sessions[process].replaced_by;
        told.or_else(|| self.directory.entries.values().find(newer).map(|entry| entry.registration.id))
    }

    fn replace_namesakes(&mut self, by: &Registration) {
        let namesake = |entry: &Registration| entry.id != by.id && (&entry.group, &entry.name) == (&by.group, &by.name);
        let old: Vec<ServerId> = self.directory.all().into_iter().filter(namesake).map(|entry| entry.id).collect();
        for id in old {
            let Some(entry) = self.directory.entries.remove(&id) else { continue };
            let session = &mut self.directory.sessions[entry.process];
            let told = session.connected && self.directory.sessions[entry.process].id == Some(id);
            let session = &mut self.directory.sessions[entry.process];
            if session.id == Some(id) {
                session.replaced_by = Some(by.id);
            }
            if told {
                session.connected = false;
                session.over = true;
                self.hear(entry.process, News::Replaced { by: by.id });
            }
            self.broadcast(entry.process, News::Left { id, reason: LeaveReason::Replaced });
        }
    }

    fn take_seat(&mut self, process: ProcessId) {
        let mut seats = self.directory.seats.clone();
        let own = seats[self.processes[process].slot].clone();
        self.directory.sessions[process].id = Some(own.id);
        self.directory.sessions[process].connected = true;
        // An entry's place in the list says nothing.
        let turn = self.rng.random_range(0..seats.len());
        seats.rotate_left(turn);
        self.hear(process, News::Registered(own));
        self.hear(process, News::Snapshot(seats));
    }

    /// Everybody who is connected to the registry, but `except`.
    fn broadcast(&mut self, except: ProcessId, news: News) {
        for process in 0..self.directory.sessions.len() {
            if process != except && self.directory.sessions[process].connected {
                self.hear(process, news.clone());
                if self.plan.registry == RegistryKind::Union && self.now < self.plan.chaos && self.rng.random_ratio(1, 4) {
                    self.hear(process, news.clone());
                }
            }
        }
    }

    fn hear(&mut self, process: ProcessId, news: News) {
        let about_others = matches!(news, News::Joined(_) | News::Left { .. } | News::Snapshot(_));
        let delay = if self.plan.registry == RegistryKind::Union && about_others && self.now < self.plan.chaos {
            let longest = if self.rng.random() { UNION_DELAY } else { SECOND / 10 };
            self.draw(longest)
        } else {
            // Now and then a server hears nothing for a while.
            let stall = if self.now < self.plan.chaos && self.rng.random_ratio(1, 20) { self.draw(SECOND * 2) } else { Duration::ZERO };
            let due = self.now + self.latency() + stall;
            let arrival = &mut self.directory.sessions[process].arrival;
            *arrival = due.max(*arrival);
            *arrival - self.now
        };
        self.after(delay, Event::News(process, news));
    }

    pub(super) fn deregister(&mut self, process: ProcessId) {
        let session = &mut self.directory.sessions[process];
        session.over = true;
        if !std::mem::take(&mut session.connected) || self.plan.registry.seats() {
            return;
        }
        if let Some(id) = session.id
            && self.directory.entries.get(&id).is_some_and(|entry| entry.process == process)
        {
            self.directory.entries.remove(&id);
            self.directory.sessions[process].ended = true;
            self.broadcast(process, News::Left { id, reason: LeaveReason::Deregistered });
        }
    }

    /// The entry of a running server is removed, without a word to it.
    pub(super) fn evict(&mut self, process: ProcessId) {
        if self.directory.sessions[process].connected && !self.plan.registry.seats() {
            self.processes[process].evicted = true;
            self.deregister(process);
        }
    }

    /// The process is gone; its lease is not renewed any more.
    pub(super) fn directory_closed(&mut self, process: ProcessId) {
        let session = &mut self.directory.sessions[process];
        session.connected = false;
        session.over = true;
        self.stop_renewing(process);
    }

    fn stop_renewing(&mut self, process: ProcessId) {
        let expires = self.now + LEASE;
        let Some(id) = self.directory.sessions[process].id else { return };
        if let Some(entry) = self.directory.entries.get_mut(&id).filter(|entry| entry.process == process && entry.expires.is_none()) {
            entry.expires = Some(expires);
            self.after(LEASE, Event::LeaseEnds(id));
        }
    }

    pub(super) fn lease_ends(&mut self, id: ServerId) {
        let due = self.directory.entries.get(&id).is_some_and(|entry| entry.expires.is_some_and(|at| at <= self.now));
        if due && !self.directory.down {
            self.expire(id);
        }
    }

    fn expire(&mut self, id: ServerId) {
        let Some(entry) = self.directory.entries.remove(&id) else { return };
        let linked = |process: &super::node::Process| process.alive && process.judge.views.get(&id).is_some_and(Option::is_some);
        if self.processes[entry.process].alive && self.processes.iter().any(linked) {
            self.count("lease of a linked server ran out");
        }
        self.broadcast(entry.process, News::Left { id, reason: LeaveReason::Expired });
    }

    pub(super) fn failure_reported(&mut self, process: ProcessId, id: ServerId) {
        let dead = self.directory.entries.get(&id).is_some_and(|entry| !self.processes[entry.process].alive);
        if dead && self.directory.sessions[process].connected {
            self.expire(id);
        }
    }

    fn lose(&mut self, process: ProcessId) {
        let session = &mut self.directory.sessions[process];
        if std::mem::take(&mut session.connected) {
            session.lost = true;
            self.hear(process, News::Lost("the registry cannot be reached".into()));
        }
    }

    pub(super) fn cut_off(&mut self, process: ProcessId, lasts: Duration) {
        self.directory.sessions[process].cut_off = true;
        self.lose(process);
        self.stop_renewing(process);
        self.after(lasts, Event::CutOffEnds(process));
    }

    pub(super) fn cut_off_ends(&mut self, process: ProcessId) {
        self.directory.sessions[process].cut_off = false;
        self.register(process);
    }

    pub(super) fn outage(&mut self, lasts: Duration, forget: bool) {
        if self.directory.down {
            return;
        }
        self.directory.down = true;
        if forget {
            self.directory.entries.clear();
        }
        for process in 0..self.directory.sessions.len() {
            self.lose(process);
        }
        self.after(lasts, Event::OutageEnds);
    }

    pub(super) fn outage_ends(&mut self) {
        if !std::mem::take(&mut self.directory.down) {
            return;
        }
        for process in 0..self.directory.sessions.len() {
            self.stop_renewing(process);
            if let Some(id) = self.directory.sessions[process].id {
                self.after(LEASE, Event::LeaseEnds(id));
            }
            if !self.directory.sessions[process].over {
                let delay = self.draw(SECOND);
                self.after(delay, Event::Register(process));
            }
        }
    }

    /// A lease runs out although the server is well; its connector registers it again.
    pub(super) fn hiccup(&mut self, process: ProcessId, lasts: Duration) {
        if !self.directory.sessions[process].connected {
            return;
        }
        let Some(id) = self.directory.sessions[process].id else { return };
        self.lose(process);
        self.expire(id);
        self.after(lasts, Event::Register(process));
    }

    /// A seat's list never changes; should a connector say otherwise, the machine must bear it.
    pub(super) fn rumour(&mut self, pick: u32) {
        if self.plan.registry != RegistryKind::RestlessSeats || self.processes.is_empty() {
            return;
        }
        let process = pick as usize % self.processes.len();
        let seat = self.directory.seats[(pick >> 8) as usize % self.directory.seats.len()].clone();
        let reasons = [LeaveReason::Expired, LeaveReason::Deregistered, LeaveReason::Replaced];
        let left = News::Left { id: seat.id, reason: reasons[(pick >> 16) as usize % 3] };
        match (pick >> 24) % 4 {
            0 => self.hear(process, left),
            1 => self.hear(process, News::Snapshot(vec![seat])),
            2 => self.hear(process, News::Joined(seat)),
            _ => {
                self.hear(process, left);
                self.hear(process, News::Joined(seat));
            }
        }
    }

    /// Faults are over: the registry is there for everyone, and what was said out of order is set right.
    pub(super) fn calm_directory(&mut self) {
        for process in 0..self.directory.sessions.len() {
            if std::mem::take(&mut self.directory.sessions[process].cut_off) {
                self.register(process);
            }
        }
        self.outage_ends();
        self.after(UNION_DELAY + LEASE + SECOND * 2, Event::FinalSnapshot);
    }

    pub(super) fn final_snapshot(&mut self) {
        let all = match self.plan.registry {
            RegistryKind::Ordered | RegistryKind::Remembered | RegistryKind::Seats => return,
            RegistryKind::Union => self.directory.all(),
            RegistryKind::RestlessSeats => self.directory.seats.clone(),
        };
        for process in 0..self.directory.sessions.len() {
            if self.directory.sessions[process].connected {
                self.hear(process, News::Snapshot(all.clone()));
            }
        }
    }

    pub(super) fn has_ended_id(&self, process: ProcessId) -> bool {
        self.directory.sessions[process].ended
    }

    pub(super) fn id_of(&self, process: ProcessId) -> Option<ServerId> {
        self.directory.sessions[process].id
    }
}
