//! The processes of the demo, and what is heard of them: started, listened to, killed and ended here, and nowhere else.

use super::child::{Child, Heard};
use super::directory::Directory;
use super::engine::Engine;
use super::ledger::Ledger;
use super::report::Report;
use super::screen::{Mood, Screen, ms, thousands};
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// Lines that may wait to be looked at; the processes that say more wait too.
const MOST_HEARD: usize = 4096;
/// A process that has closed its stdout is gone within this.
const END_PATIENCE: Duration = Duration::from_secs(5);
const START_PATIENCE: Duration = Duration::from_secs(20);
/// What the registry is called among the names of the servers.
const REGISTRY: &str = "registry";

/// More servers than this report joins and connections that come together in one line.
const FEW: usize = 8;
/// For so long such lines gather.
const GATHERING: Duration = Duration::from_millis(100);

/// Why the demo does not go on.
#[derive(Debug)]
pub(super) enum End {
    /// The user has pressed Ctrl-C.
    Interrupted,
    /// Something is broken; sentences for people.
    Failed(String),
}

impl From<String> for End {
    fn from(sentence: String) -> Self {
        End::Failed(sentence)
    }
}

/// Everything that runs. When it is dropped the processes go first, then their directory.
pub(super) struct Stage {
    servers: BTreeMap<String, Child>,
    registry: Option<Child>,
    pub(super) directory: Directory,
    pub(super) engine: Engine,
    pub(super) registry_address: Option<SocketAddr>,
    pub(super) screen: Screen,
    pub(super) ledger: Ledger,
    /// State messages per second in each direction of each pair.
    rate: u32,
    /// The server whose process is told to fail, for tests.
    broken: Option<String>,
    heard: Receiver<Heard>,
    to_heard: SyncSender<Heard>,
    /// Under which name each process runs or ran.
    names: HashMap<u64, String>,
    /// Processes that may end: nobody is surprised.
    dismissed: Vec<u64>,
    next_rates: Option<Instant>,
    rates_every: Duration,
    stopping: bool,
    /// Who saw what of whom, where there are many.
    gathered: Vec<(String, &'static str, Vec<String>)>,
    gathered_until: Option<Instant>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.servers.clear();
        self.end_registry();
    }
}

impl Stage {
    pub(super) fn new(ledger: Ledger, rate: u32, broken: Option<String>, engine: Engine) -> Result<Self, String> {
        let (to_heard, heard) = sync_channel(MOST_HEARD);
        let stage = Self {
            servers: BTreeMap::new(),
            registry: None,
            directory: Directory::make()?,
            engine,
            registry_address: None,
            screen: Screen::new(),
            ledger,
            rate,
            broken,
            heard,
            to_heard,
            names: HashMap::new(),
            dismissed: Vec::new(),
            next_rates: None,
            rates_every: Duration::from_secs(1),
            stopping: false,
            gathered: Vec::new(),
            gathered_until: None,
        };
        listen_for_interrupt(stage.to_heard.clone())?;
        Ok(stage)
    }

    /// Starts the registry and waits until it listens.
    pub(super) fn start_registry(&mut self) -> Result<(), End> {
        let number = self.number(REGISTRY);
        let key_file = self.directory.key_file();
        let lease = self.engine.lease().as_millis().to_string();
        let began = Instant::now();
        let fixed = ["--listen", "127.0.0.1:0", "--cluster", "demo", "--lease-ms", &lease, "--key-file"];
        let mut arguments: Vec<&OsStr> = vec![OsStr::new("demo-registry"), OsStr::new("--leash"), self.directory.path().as_os_str()];
        match self.engine {
            Engine::Embedded => {
                arguments.extend(fixed.iter().map(OsStr::new));
                arguments.push(key_file.as_os_str());
            }
            engine => arguments.extend([OsStr::new("--engine"), OsStr::new(engine.word())]),
        }
        let child = Child::start(number, &arguments, &self.to_heard)?;
        let pid = child.pid();
        self.registry = Some(child);
        self.until(began + START_PATIENCE, |stage| stage.registry_address.is_some())?
            .or_fail(|| self.complaint(REGISTRY, "does not listen"))?;
        if let Some(address) = self.registry_address {
            let detail = format!("{address}, after {}, process {pid}", ms(began.elapsed()));
            self.screen.happened(Instant::now(), Mood::Good, REGISTRY, "listens", "", &detail);
        }
        Ok(())
    }

    /// Starts, or starts again, one server; on the port it had before, if it had one.
    pub(super) fn start_server(&mut self, name: &str) -> Result<(), End> {
        let Some(registry) = self.registry_address else { return Err(End::Failed("there is no registry".into())) };
        let group = if self.ledger.lobbies.iter().any(|lobby| lobby == name) { "lobby" } else { "world" };
        let before = self.ledger.seats.get(name).map(|seat| seat.port);
        self.directory.write_configuration(group, name, before.unwrap_or(0), self.engine, registry)?;
        let number = self.number(name);
        let file = self.directory.configuration_file(name);
        let rate = self.rate.to_string();
        let mut arguments: Vec<&OsStr> = vec![OsStr::new("demo-server"), file.as_os_str(), OsStr::new("--rate"), rate.as_ref()];
        arguments.extend([OsStr::new("--leash"), self.directory.path().as_os_str()]);
        if self.broken.as_deref() == Some(name) {
            arguments.push(OsStr::new("--break"));
        }
        let at = Instant::now();
        let child = Child::start(number, &arguments, &self.to_heard)?;
        let detail = match before {
            Some(port) => format!("the same name, the same port {port}, process {}", child.pid()),
            None => format!("process {}", child.pid()),
        };
        self.ledger.seated(name, number, at);
        // The process before, if any, is gone: it was killed and waited for.
        self.servers.insert(name.into(), child);
        self.screen.happened(at, Mood::Plain, name, if before.is_some() { "restarted" } else { "started" }, "", &detail);
        Ok(())
    }

    /// SIGKILL; the others find out by themselves.
    pub(super) fn kill_server(&mut self, name: &str) -> Result<(), End> {
        let Some(child) = self.servers.get_mut(name) else { return Ok(()) };
        self.dismissed.push(child.number);
        let at = Instant::now();
        self.ledger.killed(name, at);
        child.kill().map_err(|error| format!("cannot kill process {} ({name}): {error}", child.pid()))?;
        self.screen.happened(at, Mood::Bad, name, "killed", "", &format!("SIGKILL to process {}", child.pid()));
        child.wait(END_PATIENCE).map(drop).ok_or_else(|| End::Failed(format!("{name} was killed and is still there")))
    }

    /// Says one line to every server.
    pub(super) fn tell_all(&mut self, command: &str) {
        self.servers.values_mut().for_each(|child| child.say(command));
    }

    /// Ends everything in order: the servers say goodbye, then the registry goes. `Err` names who had to be killed, or failed.
    pub(super) fn stop(&mut self) -> Result<(), End> {
        self.next_rates = None;
        self.stopping = true;
        self.dismissed.extend(self.servers.values().map(|child| child.number));
        self.tell_all("stop");
        let give_up = Instant::now() + END_PATIENCE + END_PATIENCE;
        let stopped = self.until(give_up, |stage| stage.ledger.seats.values().all(|seat| seat.stopped))?;
        let mut failed = None;
        for (name, child) in &mut self.servers {
            let status = child.wait(END_PATIENCE);
            if !status.is_some_and(|status| status.success()) {
                let how = status.map_or("had to be killed".into(), |status| format!("ended with {status}"));
                failed.get_or_insert((name.clone(), how));
            }
        }
        let outcome = match (stopped, failed) {
            (_, Some((name, how))) => Err(End::Failed(self.complaint(&name, &format!("was told to stop and {how}")))),
            (Met::No, None) => Err(End::Failed("not every server has said that it stopped".into())),
            (Met::Yes, None) => Ok(()),
        };
        self.servers.clear();
        self.end_registry();
        outcome
    }

    /// An engine is a process below the registry's, which ends it at the end of its input.
    fn end_registry(&mut self) {
        if let Some(mut registry) = self.registry.take() {
            self.dismissed.push(registry.number);
            registry.hang_up(END_PATIENCE);
        }
    }

    /// Listens, and shows what is heard, until `done` or `deadline`.
    pub(super) fn until(&mut self, deadline: Instant, done: impl Fn(&Self) -> bool) -> Result<Met, End> {
        loop {
            let now = Instant::now();
            let is_done = done(self);
            if is_done || self.gathered_until.is_some_and(|at| at <= now) {
                self.show_gathered(now);
            }
            if is_done {
                return Ok(Met::Yes);
            }
            if self.screen.is_gone() {
                return Err(End::Failed("nobody reads what the demo shows".into()));
            }
            if self.next_rates.is_some_and(|at| at <= now) {
                self.show_rates(now);
            }
            if now >= deadline {
                return Ok(Met::No);
            }
            let wake_at = [self.next_rates, self.gathered_until].into_iter().flatten().fold(deadline, Instant::min);
            match self.heard.recv_timeout(wake_at.saturating_duration_since(now)) {
                Ok(heard) => self.hear(heard)?,
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
            }
        }
    }

    /// From now on the rates are shown this often.
    pub(super) fn show_rates_every(&mut self, interval: Duration) {
        self.rates_every = interval;
        self.next_rates = Some(Instant::now() + interval);
    }

    fn hear(&mut self, heard: Heard) -> Result<(), End> {
        match heard {
            Heard::Interrupt => return Err(End::Interrupted),
            Heard::Line { child, line, at } => {
                let Some(name) = self.names.get(&child).cloned() else { return Ok(()) };
                if name == REGISTRY {
                    self.registry_address = line.strip_prefix("registry listening on ").and_then(|address| address.parse().ok());
                } else if let Some(report) = Report::parse(&line) {
                    self.ledger.take(&name, child, &report, at);
                    self.show(&name, &report, at);
                } else {
                    self.remember(child, line);
                }
            }
            Heard::Log { child, line } => self.remember(child, line),
            Heard::Ended { child } if self.dismissed.contains(&child) => {}
            Heard::Ended { child } => {
                let Some(name) = self.names.get(&child).cloned() else { return Ok(()) };
                let status = self.process(&name).and_then(|process| process.wait(END_PATIENCE));
                let how = status.map_or("closed its output".into(), |status| format!("ended by itself ({status})"));
                self.hear_the_rest();
                return Err(End::Failed(self.complaint(&name, &format!("{how}, which nobody had asked for"))));
            }
        }
        Ok(())
    }

    /// Last words may come a moment after the end.
    fn hear_the_rest(&mut self) {
        while let Ok(heard) = self.heard.recv_timeout(Duration::from_millis(100)) {
            if let Heard::Log { child, line } = heard {
                self.remember(child, line);
            }
        }
    }

    /// A sentence about one process, and the last lines of its log.
    pub(super) fn complaint(&self, name: &str, sentence: &str) -> String {
        let child = if name == REGISTRY { self.registry.as_ref() } else { self.servers.get(name) };
        let words: Vec<String> = child.into_iter().flat_map(Child::last_words).map(|line| format!("    {line}")).collect();
        match words.is_empty() {
            true => format!("{name} {sentence}; its log is empty."),
            false => format!("{name} {sentence}; the last lines of its log:\n{}", words.join("\n")),
        }
    }

    fn process(&mut self, name: &str) -> Option<&mut Child> {
        if name == REGISTRY { self.registry.as_mut() } else { self.servers.get_mut(name) }
    }

    fn remember(&mut self, child: u64, line: String) {
        let all = self.servers.values_mut().chain(&mut self.registry);
        if let Some(child) = all.into_iter().find(|running| running.number == child) {
            child.remember(line);
        }
    }

    fn number(&mut self, name: &str) -> u64 {
        let number = self.names.len() as u64;
        self.names.insert(number, name.into());
        number
    }

    fn gather(&mut self, who: &str, what: &'static str, whom: &str, at: Instant) {
        self.gathered_until.get_or_insert(at + GATHERING);
        match self.gathered.iter_mut().find(|(known, known_what, _)| known == who && *known_what == what) {
            Some((.., all)) => all.push(whom.into()),
            None => self.gathered.push((who.into(), what, vec![whom.into()])),
        }
    }

    fn show_gathered(&mut self, now: Instant) {
        self.gathered_until = None;
        for (who, what, mut whom) in std::mem::take(&mut self.gathered) {
            // As numbers, not as text: world-2 before world-10.
            whom.sort_by_key(|name| (name.len(), name.clone()));
            let number = |name: &String| name.rsplit('-').next().map(str::to_string);
            let more: Vec<String> = whom.iter().skip(1).filter_map(number).collect();
            let mood = if what == "connected" { Mood::Good } else { Mood::Plain };
            self.screen.happened(now, mood, &who, what, &format!("{} {}", whom[0], more.join(" ")), "");
        }
    }

    fn show(&mut self, name: &str, report: &Report, at: Instant) {
        if self.ledger.seats.len() > FEW {
            match report {
                Report::Joined(remote) => return self.gather(name, "joined", &remote.name, at),
                Report::Connected(remote) => return self.gather(name, "connected", &remote.name, at),
                _ => {}
            }
        }
        let happened = |mood, what: &str, whom: &str, detail: &str| self.screen.happened(at, mood, name, what, whom, detail);
        let after = |time: Option<Duration>, what: &str| time.map(|time| format!("{} after {what}", ms(time))).unwrap_or_default();
        let of_kill = |id: u64| self.ledger.kills.iter().rev().find(|kill| kill.id == id);
        let last_kill = |whom: &str| self.ledger.kills.last().filter(|kill| kill.victim == whom && kill.restarted.is_some());
        match report {
            Report::Started { .. } => {
                let seat = self.ledger.seats.get(name);
                let detail = after(seat.and_then(|seat| seat.registered_after), "its start");
                happened(Mood::Plain, "registered", "", &detail);
            }
            Report::Joined(remote) => {
                let detail = last_kill(&remote.name).map(|kill| after(kill.joined.get(name).copied(), "its restart"));
                happened(Mood::Plain, "joined", &remote.name, &detail.unwrap_or_default());
            }
            Report::Connected(remote) => {
                let back = last_kill(&remote.name).and_then(|kill| kill.restarted);
                let own = self.ledger.seats.get(name);
                let first = own.filter(|seat| seat.connected_after == Some(at.saturating_duration_since(seat.started)));
                let detail = match (back, first) {
                    (Some(restarted), _) => after(Some(at.saturating_duration_since(restarted)), "its restart"),
                    (None, Some(seat)) => format!("{}, the first", after(seat.connected_after, "the start")),
                    (None, None) => String::new(),
                };
                happened(Mood::Good, "connected", &remote.name, &detail);
            }
            Report::Interrupted(remote) => {
                let kill = of_kill(remote.id).map(|kill| after(kill.interrupted.get(name).copied(), "the kill"));
                happened(Mood::Warning, "interrupted", &remote.name, &kill.unwrap_or_default());
            }
            Report::Resumed(remote) => happened(Mood::Good, "resumed", &remote.name, ""),
            // Everybody is leaving everybody: one line for each server says enough.
            Report::Disconnected { .. } | Report::Left { .. } if self.stopping => {}
            Report::Disconnected { remote, unacknowledged, why } => {
                let detail = match of_kill(remote.id) {
                    Some(kill) => {
                        format!("{}, {unacknowledged} unconfirmed", after(kill.disconnected.get(name).copied(), "the kill"))
                    }
                    None => shortened(why),
                };
                happened(Mood::Bad, "disconnected", &remote.name, &detail);
            }
            Report::Left { remote, why } => {
                let detail = match of_kill(remote.id) {
                    Some(kill) => format!("{}, {}", after(kill.left.get(name).map(|(time, _)| *time), "the kill"), why.to_lowercase()),
                    None => why.to_lowercase(),
                };
                happened(Mood::Warning, "left", &remote.name, &detail);
            }
            Report::Violation(text) => happened(Mood::Bad, "VIOLATION", "", text),
            Report::Stopped { why } => happened(Mood::Plain, "stopped", "", if self.stopping { "" } else { why }),
            Report::Traffic { .. }
            | Report::Rates { .. }
            | Report::Trips { .. }
            | Report::Checked { .. }
            | Report::Requests { .. }
            | Report::Quiet => {}
        }
    }

    fn show_rates(&mut self, now: Instant) {
        self.next_rates = Some(now + self.rates_every);
        let rates: Vec<(&String, f64)> = self.ledger.seats.iter().filter_map(|(name, seat)| Some((name, seat.rate?))).collect();
        if rates.is_empty() {
            return;
        }
        let total = rates.iter().map(|(_, rate)| rate).sum::<f64>();
        let each: Vec<String> = rates.iter().map(|(name, rate)| format!("{name} {}", thousands(rate.round() as u64))).collect();
        let by = match each.len() {
            ..=4 => each.join("  "),
            many => format!("arrive at {many} servers"),
        };
        self.screen.happened(now, Mood::Heading, "messages", &format!("{}/s", thousands(total.round() as u64)), &by, "");
    }
}

/// Did what was waited for come in time?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(super) enum Met {
    Yes,
    No,
}

impl Met {
    pub(super) fn or_fail(self, sentence: impl FnOnce() -> String) -> Result<(), End> {
        match self {
            Met::Yes => Ok(()),
            Met::No => Err(End::Failed(sentence())),
        }
    }
}

/// The columns leave so much for the details.
fn shortened(text: &str) -> String {
    const MOST: usize = 52;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_string(),
    }
}

/// The first Ctrl-C ends the demo in order, the second at once.
fn listen_for_interrupt(to: SyncSender<Heard>) -> Result<(), String> {
    let mut interrupted = false;
    let on_interrupt = move || {
        if interrupted || to.send(Heard::Interrupt).is_err() {
            std::process::exit(130);
        }
        interrupted = true;
    };
    ctrlc::set_handler(on_interrupt).map_err(|error| format!("cannot listen for Ctrl-C: {error}"))
}
