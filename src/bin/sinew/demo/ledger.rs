//! Everything the servers of the demo have reported, put together. No processes here, no clock: reports come in with their time.

use super::report::{Remote, Report};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

/// A lobby and a world, by name.
pub(super) type Pair = (String, String);

/// What has become of the demo so far.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) lobbies: Vec<String>,
    pub(super) worlds: Vec<String>,
    /// The process that now runs under each name.
    pub(super) seats: BTreeMap<String, Seat>,
    /// Which links are up, as their ends (own id, other id) see it.
    up: HashSet<(u64, u64)>,
    /// Names of all ids ever heard of.
    names: HashMap<u64, String>,
    flows: HashMap<(u64, u64), Flow>,
    pub(super) trips: BTreeMap<Pair, Vec<u32>>,
    pub(super) kills: Vec<Kill>,
    pub(super) violations: Vec<String>,
    checked: HashMap<u64, (u64, u64)>,
    /// By process: requests made, and those that have ended.
    requests: HashMap<u64, (u64, u64)>,
}

/// One process.
#[derive(Debug)]
pub(super) struct Seat {
    /// Of its process: [`super::child::Child::number`].
    pub(super) child: u64,
    pub(super) started: Instant,
    /// Once registered.
    pub(super) id: Option<u64>,
    pub(super) port: u16,
    pub(super) registered_after: Option<Duration>,
    pub(super) connected_after: Option<Duration>,
    pub(super) quiet: bool,
    pub(super) stopped: bool,
    /// Messages received per second, over its last second.
    pub(super) rate: Option<f64>,
}

/// Messages in one direction between two registrations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Flow {
    pub(super) sent: u64,
    pub(super) received: u64,
    /// Not known to have arrived when the connection broke.
    pub(super) unacknowledged: u64,
}

/// One server that was killed, and what the others saw of it.
#[derive(Debug)]
pub(super) struct Kill {
    pub(super) victim: String,
    /// The id it had.
    pub(super) id: u64,
    pub(super) at: Instant,
    /// Who was connected with it.
    pub(super) observers: BTreeSet<String>,
    /// After the kill.
    pub(super) interrupted: BTreeMap<String, Duration>,
    pub(super) disconnected: BTreeMap<String, Duration>,
    /// After the kill, and why.
    pub(super) left: BTreeMap<String, (Duration, String)>,
    pub(super) restarted: Option<Instant>,
    /// After the restart: the new registration was seen, the new link was up on both sides.
    pub(super) joined: BTreeMap<String, Duration>,
    pub(super) connected: BTreeMap<String, Duration>,
}

impl Kill {
    pub(super) fn all_saw<T>(&self, seen: &BTreeMap<String, T>) -> bool {
        self.observers.iter().all(|observer| seen.contains_key(observer))
    }
}

impl Ledger {
    pub(super) fn new(lobbies: Vec<String>, worlds: Vec<String>) -> Self {
        Self { lobbies, worlds, ..Self::default() }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        self.worlds.iter().chain(&self.lobbies)
    }

    pub(super) fn pairs(&self) -> impl Iterator<Item = Pair> {
        self.lobbies.iter().flat_map(|lobby| self.worlds.iter().map(|world| (lobby.clone(), world.clone())))
    }

    /// A process has been started under this name.
    pub(super) fn seated(&mut self, name: &str, child: u64, at: Instant) {
        let port = self.seats.get(name).map_or(0, |seat| seat.port);
        let seat = Seat {
            child,
            started: at,
            id: None,
            port,
            registered_after: None,
            connected_after: None,
            quiet: false,
            stopped: false,
            rate: None,
        };
        self.seats.insert(name.into(), seat);
        if let Some(kill) = self.kills.last_mut().filter(|kill| kill.victim == name && kill.restarted.is_none()) {
            kill.restarted = Some(at);
        }
    }

    /// The process under this name is about to be killed.
    pub(super) fn killed(&mut self, name: &str, at: Instant) {
        let Some(id) = self.seats.get_mut(name).and_then(|seat| {
            seat.rate = None;
            seat.id.take()
        }) else {
            return;
        };
        self.up.retain(|(own, _)| *own != id);
        let others = if self.lobbies.iter().any(|lobby| lobby == name) { &self.worlds } else { &self.lobbies };
        let observers = others.iter().cloned().collect();
        let (interrupted, disconnected, left, joined, connected) = Default::default();
        let victim = name.to_string();
        self.kills.push(Kill { victim, id, at, observers, interrupted, disconnected, left, restarted: None, joined, connected });
    }

    /// Process `child`, whose name is `name`, has said something.
    pub(super) fn take(&mut self, name: &str, child: u64, report: &Report, at: Instant) {
        if let Report::Checked { messages, events } = report {
            self.checked.insert(child, (*messages, *events));
        }
        if let Report::Requests { asked, answered, failed } = report {
            self.requests.insert(child, (*asked, answered + failed));
        }
        if let Report::Violation(text) = report {
            self.violations.push(format!("{name}: {text}"));
        }
        // What a killed process said with its last breath is not about the one that runs now.
        let Some(seat) = self.seats.get_mut(name).filter(|seat| seat.child == child) else { return };
        match report {
            Report::Started { id, port } => {
                seat.id = Some(*id);
                seat.port = *port;
                seat.registered_after = Some(at.saturating_duration_since(seat.started));
                self.names.insert(*id, name.into());
            }
            Report::Rates { received, micros } => seat.rate = Some(*received as f64 * 1e6 / (*micros).max(1) as f64),
            Report::Quiet => seat.quiet = true,
            Report::Stopped { .. } => seat.stopped = true,
            _ => {}
        }
        let Some(own) = seat.id else { return };
        let connected_after = at.saturating_duration_since(seat.started);
        match report {
            Report::Joined(remote) => {
                self.names.insert(remote.id, remote.name.clone());
                self.returned(name, remote, at, |kill| &mut kill.joined);
            }
            Report::Connected(remote) => {
                seat.connected_after.get_or_insert(connected_after);
                self.up.insert((own, remote.id));
                self.connected(name, own, remote, at);
            }
            Report::Interrupted(remote) => {
                if let Some(kill) = self.kill_of(remote.id) {
                    kill.interrupted.entry(name.into()).or_insert(at.saturating_duration_since(kill.at));
                }
            }
            Report::Disconnected { remote, unacknowledged, .. } => {
                self.up.remove(&(own, remote.id));
                self.flows.entry((own, remote.id)).or_default().unacknowledged += unacknowledged;
                if let Some(kill) = self.kill_of(remote.id) {
                    kill.disconnected.entry(name.into()).or_insert(at.saturating_duration_since(kill.at));
                }
            }
            Report::Left { remote, why } => {
                if let Some(kill) = self.kill_of(remote.id) {
                    kill.left.entry(name.into()).or_insert((at.saturating_duration_since(kill.at), why.clone()));
                }
            }
            Report::Traffic { remote, sent, received } => {
                self.flows.entry((own, remote.id)).or_default().sent = *sent;
                self.flows.entry((remote.id, own)).or_default().received = *received;
            }
            Report::Trips { remote, micros } => {
                let pair = self.pair(name, &remote.name);
                self.trips.entry(pair).or_default().extend(micros);
            }
            _ => {}
        }
    }

    /// A link counts as up when both ends have said so.
    fn connected(&mut self, name: &str, own: u64, remote: &Remote, at: Instant) {
        if !self.up.contains(&(remote.id, own)) {
            return;
        }
        self.returned(name, remote, at, |kill| &mut kill.connected);
        let me = Remote { id: own, name: name.into() };
        self.returned(&remote.name, &me, at, |kill| &mut kill.connected);
    }

    /// `observer` sees `remote`: if that is the server killed last, it is back.
    fn returned(&mut self, observer: &str, remote: &Remote, at: Instant, seen: fn(&mut Kill) -> &mut BTreeMap<String, Duration>) {
        let back = |kill: &&mut Kill| kill.victim == remote.name && kill.id != remote.id;
        let Some(kill) = self.kills.last_mut().filter(back) else { return };
        if let Some(restarted) = kill.restarted {
            seen(kill).entry(observer.into()).or_insert(at.saturating_duration_since(restarted));
        }
    }

    fn kill_of(&mut self, id: u64) -> Option<&mut Kill> {
        self.kills.iter_mut().rev().find(|kill| kill.id == id)
    }

    fn pair(&self, one: &str, other: &str) -> Pair {
        if self.lobbies.iter().any(|lobby| lobby == one) { (one.into(), other.into()) } else { (other.into(), one.into()) }
    }

    /// Is the link between these two up, as both of them say?
    pub(super) fn is_up(&self, (lobby, world): &Pair) -> bool {
        self.ids(lobby, world).is_some_and(|(lobby, world)| self.up.contains(&(lobby, world)) && self.up.contains(&(world, lobby)))
    }

    pub(super) fn all_up(&self) -> bool {
        self.pairs().all(|pair| self.is_up(&pair))
    }

    fn ids(&self, one: &str, other: &str) -> Option<(u64, u64)> {
        let id = |name| self.seats.get(name).and_then(|seat| seat.id);
        Some((id(one)?, id(other)?))
    }

    /// Of the two processes that now run under these names, in this direction.
    pub(super) fn flow_now(&self, from: &str, to: &str) -> Flow {
        self.ids(from, to).and_then(|ids| self.flows.get(&ids)).copied().unwrap_or_default()
    }

    /// Of all processes that ever ran under these names, in this direction.
    ///
    /// What a killed server had not reported yet is made up for by what the other end knows: it has sent at least what arrived,
    /// and has received at least what it acknowledged.
    pub(super) fn flow(&self, from: &str, to: &str) -> Flow {
        let is = |id: &u64, name: &str| self.names.get(id).is_some_and(|known| known == name);
        let mut sum = Flow::default();
        for ((sender, receiver), flow) in &self.flows {
            if !is(sender, from) || !is(receiver, to) {
                continue;
            }
            let sent = flow.sent.max(flow.received);
            let dead = self.seats.get(to).is_none_or(|seat| seat.id != Some(*receiver));
            let received = if dead { flow.received.max(flow.sent.saturating_sub(flow.unacknowledged)) } else { flow.received };
            sum.sent += sent;
            sum.received += received;
            sum.unacknowledged += flow.unacknowledged;
        }
        sum
    }

    /// Has everything arrived that the servers that now run have sent each other?
    pub(super) fn all_arrived(&self) -> bool {
        let arrived = |from: &str, to: &str| {
            let flow = self.flow_now(from, to);
            flow.sent == flow.received
        };
        self.pairs().all(|(lobby, world)| arrived(&lobby, &world) && arrived(&world, &lobby))
    }

    /// Has every request of the servers that now run ended?
    pub(super) fn all_answered(&self) -> bool {
        self.seats.values().filter_map(|seat| self.requests.get(&seat.child)).all(|(asked, ended)| asked == ended)
    }

    /// Requests of all servers that ever ran.
    pub(super) fn asked(&self) -> u64 {
        self.requests.values().map(|(asked, _)| asked).sum()
    }

    /// Messages and other events that the servers have checked.
    pub(super) fn checked(&self) -> (u64, u64) {
        self.checked.values().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: u64 = 10;
    const SECOND: u64 = 11;
    const LOBBY: u64 = 20;

    fn remote(id: u64) -> Remote {
        Remote { id, name: if id == LOBBY { "lobby-1" } else { "world-1" }.into() }
    }

    struct Story {
        ledger: Ledger,
        began: Instant,
    }

    impl Story {
        /// A lobby (process 0) and a world (process 1), connected.
        fn begin() -> Self {
            let mut story = Self { ledger: Ledger::new(vec!["lobby-1".into()], vec!["world-1".into()]), began: Instant::now() };
            story.ledger.seated("lobby-1", 0, story.at(0));
            story.ledger.seated("world-1", 1, story.at(0));
            story.lobby(10, Report::Started { id: LOBBY, port: 1 });
            story.world(1, 10, Report::Started { id: FIRST, port: 2 });
            story.meet(1, FIRST, 20);
            story
        }

        fn at(&self, ms: u64) -> Instant {
            self.began + Duration::from_millis(ms)
        }

        fn lobby(&mut self, ms: u64, report: Report) {
            self.ledger.take("lobby-1", 0, &report, self.at(ms));
        }

        fn world(&mut self, child: u64, ms: u64, report: Report) {
            self.ledger.take("world-1", child, &report, self.at(ms));
        }

        fn meet(&mut self, child: u64, id: u64, ms: u64) {
            self.lobby(ms, Report::Joined(remote(id)));
            self.lobby(ms, Report::Connected(remote(id)));
            self.world(child, ms + 5, Report::Connected(remote(LOBBY)));
        }
    }

    #[test]
    fn a_link_is_up_when_both_ends_say_so() {
        let mut story = Story::begin();
        assert!(story.ledger.all_up());
        story.lobby(30, Report::Disconnected { remote: remote(FIRST), unacknowledged: 0, why: String::new() });
        assert!(!story.ledger.all_up());
    }

    #[test]
    fn a_kill_is_timed_from_the_kill_and_the_return_from_the_restart() {
        let mut story = Story::begin();
        story.ledger.killed("world-1", story.at(1000));
        story.lobby(1002, Report::Disconnected { remote: remote(FIRST), unacknowledged: 3, why: String::new() });
        story.lobby(2050, Report::Left { remote: remote(FIRST), why: "Expired".into() });
        story.ledger.seated("world-1", 2, story.at(2100));
        // The last breath of the killed process is not about the new one.
        story.world(1, 2101, Report::Connected(remote(LOBBY)));
        story.world(2, 2140, Report::Started { id: SECOND, port: 2 });
        story.meet(2, SECOND, 2150);
        let kill = &story.ledger.kills[0];
        let ms = Duration::from_millis;
        assert_eq!(kill.disconnected["lobby-1"], ms(2));
        assert_eq!(kill.left["lobby-1"], (ms(1050), "Expired".into()));
        assert_eq!((kill.joined["lobby-1"], kill.connected["lobby-1"]), (ms(50), ms(55)), "connected when both ends have said so");
        assert!(story.ledger.all_up());
    }

    #[test]
    fn messages_of_a_killed_server_count_as_far_as_the_other_end_knows() {
        let mut story = Story::begin();
        story.world(1, 500, Report::Traffic { remote: remote(LOBBY), sent: 80, received: 90 });
        story.ledger.killed("world-1", story.at(1000));
        story.lobby(1001, Report::Traffic { remote: remote(FIRST), sent: 100, received: 95 });
        story.lobby(1002, Report::Disconnected { remote: remote(FIRST), unacknowledged: 3, why: String::new() });
        assert_eq!(story.ledger.flow("lobby-1", "world-1"), Flow { sent: 100, received: 97, unacknowledged: 3 });
        assert_eq!(story.ledger.flow("world-1", "lobby-1"), Flow { sent: 95, received: 95, unacknowledged: 0 });
    }

    #[test]
    fn what_is_missing_between_living_servers_is_noticed() {
        let mut story = Story::begin();
        story.lobby(500, Report::Traffic { remote: remote(FIRST), sent: 100, received: 0 });
        story.world(1, 500, Report::Traffic { remote: remote(LOBBY), sent: 0, received: 99 });
        assert!(!story.ledger.all_arrived());
        story.world(1, 510, Report::Traffic { remote: remote(LOBBY), sent: 0, received: 100 });
        assert!(story.ledger.all_arrived());
    }
}
