//! What a story consists of: who may run, who connects to whom, how the registry behaves and which faults come when.

use super::world::SECOND;
use crate::cluster::Topology;
use crate::config::{GroupSection, Visibility};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

const GROUPS: [&str; 4] = ["chat", "lobby", "store", "world"];

#[derive(Debug)]
pub(super) struct Plan {
    /// One per name that servers run under; processes come and go in it.
    pub(super) slots: Vec<Slot>,
    pub(super) registry: RegistryKind,
    /// A registration that ran out comes back under a new id.
    pub(super) new_ids: bool,
    /// How long sessions outlive their links.
    pub(super) resume_window: Duration,
    /// Bounds of one network delay.
    pub(super) latency: (Duration, Duration),
    pub(super) faults: Vec<(Duration, Fault)>,
    /// What servers may be told in place of the topology that they started with.
    pub(super) other_topology: Topology,
    /// What each slot goes back to by its next reload.
    pub(super) others: BTreeMap<usize, Topology>,
    /// When faults end.
    pub(super) chaos: Duration,
}

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) group: &'static str,
    pub(super) name: String,
    pub(super) topology: Topology,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RegistryKind {
    /// One host: everyone learns everything in order, sooner or later.
    Ordered,
    /// One host, and every server keeps what it last knew: one that starts without the registry begins with what its slot's last one knew.
    Remembered,
    /// Several hosts: news overtake each other and come twice, snapshots are old when they arrive.
    Union,
    /// A fixed list of seats, never another word.
    Seats,
    /// Seats of which the registry says now and then that they left and came back.
    RestlessSeats,
}

impl RegistryKind {
    pub(super) fn seats(self) -> bool {
        matches!(self, RegistryKind::Seats | RegistryKind::RestlessSeats)
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    /// Starts a server in the slot; the one that may still run there becomes a ghost.
    Start {
        slot: usize,
    },
    /// Ends the slot's newest process; `silent`: nobody is told by the network.
    Crash {
        slot: usize,
        silent: bool,
    },
    Stop {
        slot: usize,
    },
    /// Breaks one connection; each side learns of it after its own time.
    Break {
        pick: u32,
        learn: [Duration; 2],
    },
    /// Nothing gets through between two slots.
    Partition {
        a: usize,
        b: usize,
        lasts: Duration,
    },
    /// Every connection between two slots is cut soon after it was made.
    Cutter {
        a: usize,
        b: usize,
        lasts: Duration,
    },
    /// One server cannot reach the registry.
    CutOff {
        slot: usize,
        lasts: Duration,
    },
    /// Nobody can; `forget`: the registry comes back empty.
    Outage {
        lasts: Duration,
        forget: bool,
    },
    /// The lease of a healthy server runs out; it registers again.
    Hiccup {
        slot: usize,
        lasts: Duration,
    },
    /// The registry takes a running server out for good (an operator removed its entry).
    Evict {
        slot: usize,
    },
    /// Every server of the slot is told the other topology; the next time, the one of the beginning again.
    Reload {
        slot: usize,
    },
    /// A false word of the registry (restless seats).
    Rumour {
        pick: u32,
    },
}

impl Plan {
    pub(super) fn draw(seed: u64) -> Self {
        let rng = &mut SmallRng::seed_from_u64(seed);
        let groups = draw_groups(rng);
        let names: Vec<&'static str> = GROUPS.into_iter().filter(|name| groups.contains_key(*name)).collect();
        let count = rng.random_range(2..=5) + if rng.random_bool(0.2) { 3 } else { 0 };
        let mut slots: Vec<Slot> = (0..count)
            .map(|number| Slot {
                group: names[rng.random_range(0..names.len())],
                name: format!("s{number}"),
                topology: Topology::new(groups.clone()),
            })
            .collect();
        if rng.random_bool(0.1) {
            let odd = rng.random_range(0..count);
            slots[odd].topology = Topology::new(other_groups(rng, groups, names[0]));
        }
        let registry = match rng.random_range(0..20) {
            0..5 => RegistryKind::Ordered,
            5..9 => RegistryKind::Remembered,
            9..16 => RegistryKind::Union,
            16..18 => RegistryKind::Seats,
            _ => RegistryKind::RestlessSeats,
        };
        let chaos = SECOND * rng.random_range(5..=40);
        let mut faults = draw_faults(rng, count, registry, chaos);
        if rng.random_bool(0.2) {
            faults.extend(draw_reloads(rng, count, chaos));
            faults.sort_by_key(|(at, _)| *at);
        }
        Self {
            other_topology: Topology::new(draw_groups(rng)),
            others: BTreeMap::new(),
            registry,
            new_ids: rng.random_bool(0.15),
            latency: match rng.random_range(0..3) {
                0 => (Duration::from_micros(50), Duration::from_millis(2)),
                1 => (Duration::from_millis(1), Duration::from_millis(50)),
                _ => (Duration::from_millis(5), Duration::from_millis(700)),
            },
            faults,
            resume_window: [Duration::ZERO, SECOND / 2, SECOND * 3, SECOND * 10][rng.random_range(0..4)],
            chaos,
            slots,
        }
    }
}

fn draw_groups(rng: &mut SmallRng) -> BTreeMap<String, GroupSection> {
    let count = rng.random_range(1..=GROUPS.len());
    let density = if count == 1 { 0.9 } else { 0.45 };
    let names = &GROUPS[..count];
    names
        .iter()
        .map(|name| {
            let connects_to = names.iter().filter(|_| rng.random_bool(density)).map(|name| name.to_string()).collect();
            (name.to_string(), GroupSection { connects_to, ..GroupSection::default() })
        })
        .collect()
}

/// One server's configuration differs from everybody else's.
fn other_groups(rng: &mut SmallRng, mut groups: BTreeMap<String, GroupSection>, name: &str) -> BTreeMap<String, GroupSection> {
    let group = groups.get_mut(name).expect("drawn from them");
    if rng.random_bool(0.3) {
        group.visibility = Visibility::External;
    } else if group.connects_to.iter().any(|to| to == name) {
        group.connects_to.retain(|to| to != name);
    } else {
        group.connects_to.push(name.into());
    }
    groups
}

fn draw_faults(rng: &mut SmallRng, slots: usize, registry: RegistryKind, chaos: Duration) -> Vec<(Duration, Fault)> {
    let mut faults = Vec::new();
    // Some start together, some later, some never unless a fault starts them.
    for slot in 0..slots {
        let at = if rng.random_bool(0.6) { Duration::ZERO } else { within(rng, chaos) };
        if rng.random_bool(0.95) {
            faults.push((at, Fault::Start { slot }));
        }
    }
    // Faults meet more often when they come in bursts.
    let bursts: Vec<Duration> = (0..rng.random_range(0..=3)).map(|_| within(rng, chaos)).collect();
    for _ in 0..rng.random_range(0..=12) {
        let at = match rng.random_range(0..=bursts.len() * 2) {
            0 => within(rng, chaos),
            burst => bursts[(burst - 1) / 2] + within(rng, SECOND),
        };
        let lasts = within(rng, SECOND * 10);
        let (a, b) = (rng.random_range(0..slots), rng.random_range(0..slots));
        let fault = match rng.random_range(0..100) {
            0..10 => Fault::Start { slot: a },
            10..25 => {
                let soon = rng.random_range(0..3);
                faults.push((at + within(rng, SECOND / 4) * soon * soon * soon, Fault::Start { slot: a }));
                Fault::Crash { slot: a, silent: rng.random_bool(0.3) }
            }
            25..30 => Fault::Crash { slot: a, silent: rng.random_bool(0.3) },
            30..38 => Fault::Stop { slot: a },
            38..60 => Fault::Break { pick: rng.random(), learn: [learn(rng), learn(rng)] },
            60..67 => Fault::Partition { a, b, lasts },
            67..72 => Fault::Cutter { a, b, lasts },
            72..80 => Fault::CutOff { slot: a, lasts },
            80..86 => Fault::Outage { lasts, forget: rng.random() },
            86..94 if registry.seats() => Fault::Rumour { pick: rng.random() },
            86..88 => Fault::Evict { slot: a },
            _ => Fault::Hiccup { slot: a, lasts: within(rng, SECOND) },
        };
        faults.push((at, fault));
    }
    if registry == RegistryKind::Remembered {
        let at = within(rng, chaos);
        faults.extend(restarts_in_an_outage(rng, slots, at));
    }
    faults.retain(|(at, _)| *at <= chaos);
    faults.sort_by_key(|(at, _)| *at);
    faults
}

/// The registry is away, and servers end, well or badly, and start again meanwhile: one by one, or all at once.
fn restarts_in_an_outage(rng: &mut SmallRng, slots: usize, at: Duration) -> Vec<(Duration, Fault)> {
    let mut faults = vec![(at, Fault::Outage { lasts: SECOND * 2 + within(rng, SECOND * 15), forget: rng.random() })];
    let apart = if rng.random_bool(0.3) { SECOND / 10 } else { SECOND * 4 };
    for slot in 0..slots {
        let mut ends = at + within(rng, apart);
        for _ in 0..rng.random_range(0..=2) {
            let end = match rng.random_range(0..5) {
                0..3 => Fault::Stop { slot },
                way => Fault::Crash { slot, silent: way == 3 },
            };
            let starts = ends + within(rng, SECOND * 3);
            faults.extend([(ends, end), (starts, Fault::Start { slot })]);
            ends = starts + within(rng, apart);
        }
    }
    faults
}

/// One server after the other is told the other topology, now and then back again; perhaps not all of them.
fn draw_reloads(rng: &mut SmallRng, slots: usize, chaos: Duration) -> Vec<(Duration, Fault)> {
    let mut faults = Vec::new();
    for _ in 0..rng.random_range(1..=3) {
        let at = within(rng, chaos);
        let apart = if rng.random_bool(0.5) { SECOND / 10 } else { SECOND * 5 };
        let all = rng.random_bool(0.8);
        for slot in 0..slots {
            if all || rng.random_bool(0.7) {
                faults.push((at + within(rng, apart), Fault::Reload { slot }));
            }
        }
    }
    faults.retain(|(at, _)| *at <= chaos);
    faults
}

pub(super) fn within(rng: &mut SmallRng, longest: Duration) -> Duration {
    Duration::from_micros(rng.random_range(0..=longest.as_micros() as u64))
}

/// How long one side of a broken connection takes to notice: at once, or not before keep-alives stay away.
fn learn(rng: &mut SmallRng) -> Duration {
    let longest = if rng.random_bool(0.6) { SECOND / 10 } else { SECOND * 15 };
    within(rng, longest)
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids = if self.new_ids { " with new ids" } else { "" };
        writeln!(f, "{:?} registry{ids}, latency {:?}, resume window {:?}", self.registry, self.latency, self.resume_window)?;
        for (number, slot) in self.slots.iter().enumerate() {
            let groups: Vec<String> =
                slot.topology.groups().iter().map(|(name, group)| format!("{name}{:?}", group.connects_to).replace('"', "")).collect();
            writeln!(f, "slot {number}: {}/{} with {}", slot.group, slot.name, groups.join(" "))?;
        }
        for (at, fault) in &self.faults {
            writeln!(f, "{:>10.3} ms  {fault:?}", at.as_secs_f64() * 1000.0)?;
        }
        Ok(())
    }
}
