//! The six processes, what they have said so far, and waiting until they say what must be.

use crate::child::{Child, lines};
use crate::judge::Witness;
use crate::network::{Network, SERVERS, address_of, side_of};
use sinew::transport::keys::ClusterKey;
use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longer than anything takes that a scenario waits for without measuring it.
const PATIENCE: Duration = Duration::from_secs(30);
/// So many lines of each process are shown when something is wrong.
const SHOWN: usize = 40;

struct Process {
    child: Child,
    /// Counts the starts of this server, so that the last lines of one that was killed are not taken for those of the next.
    start: u32,
    running: bool,
    id: Option<u64>,
    witnesses: BTreeMap<u64, Witness>,
    /// How many messages were numbered for whom; told when it was asked to be quiet.
    sent: Option<BTreeMap<u64, u64>>,
    recent: VecDeque<(Instant, String)>,
}

struct Line {
    server: usize,
    start: u32,
    at: Instant,
    text: String,
}

pub(crate) struct Fleet {
    test: &'static str,
    /// The servers that host the registry.
    pub(crate) hosts: &'static [usize],
    // The processes end before their namespaces.
    processes: Vec<Process>,
    pub(crate) network: Network,
    keys: TempDir,
    said: mpsc::Receiver<Line>,
    saying: mpsc::Sender<Line>,
    began: Instant,
}

impl Fleet {
    /// `test`: the full name of the test this is called from.
    pub(crate) fn start(test: &'static str, hosts: &'static [usize]) -> Self {
        let network = Network::make(&format!("{}hosts", hosts.len()));
        let keys = TempDir::new().expect("a temporary directory");
        ClusterKey::generate().and_then(|key| key.write(&keys.path().join("sinew.key"), false)).expect("a cluster key");
        let (saying, said) = mpsc::channel();
        let mut fleet = Self { test, hosts, processes: Vec::new(), network, keys, said, saying, began: Instant::now() };
        for server in 0..SERVERS {
            let process = fleet.process(server, 0);
            fleet.processes.push(process);
        }
        fleet
    }

    /// Servers get their ids in this order, and the lower id dials.
    pub(crate) fn restart_one_by_one(&mut self, order: [usize; SERVERS]) {
        (0..SERVERS).for_each(|server| self.kill(server));
        for server in order {
            self.restart(server);
            self.wait("a server starts", Instant::now(), |fleet| fleet.processes[server].id.is_some());
        }
    }

    fn process(&self, server: usize, start: u32) -> Process {
        let (child, from) = Child::start(&self.network, self.test, server, &self.configuration(server));
        let saying = self.saying.clone();
        std::thread::spawn(move || {
            for text in lines(from) {
                if saying.send(Line { server, start, at: Instant::now(), text }).is_err() {
                    return;
                }
            }
        });
        Process { child, start, running: true, id: None, witnesses: BTreeMap::new(), sent: None, recent: VecDeque::new() }
    }

    /// Everything that is not said here has its default.
    fn configuration(&self, server: usize) -> String {
        let key: PathBuf = self.keys.path().join("sinew.key");
        let hosts: Vec<String> = self.hosts.iter().map(|host| format!("\"{}:4100\"", address_of(*host))).collect();
        let mut text = format!(
            "server.group = \"mesh\"\nserver.name = \"{}\"\nserver.listen = \"{}:4000\"\ncluster.key_file = {key:?}\nlog.to = \"events\"\n\
             registry.addresses = [{}]\n",
            name(server),
            address_of(server),
            hosts.join(", ")
        );
        if self.hosts.contains(&server) {
            text += &format!("registry.host = true\nregistry.listen = \"{}:4100\"\n", address_of(server));
        }
        text + "groups.mesh.connects_to = [\"mesh\"]\n"
    }

    /// Ends this server's process without a goodbye.
    pub(crate) fn kill(&mut self, server: usize) {
        self.processes[server].child.kill();
        self.processes[server].running = false;
    }

    /// Starts a server that was killed, under its old name and address.
    pub(crate) fn restart(&mut self, server: usize) {
        self.processes[server] = self.process(server, self.processes[server].start + 1);
    }

    /// Nobody sends anything new; everybody tells how much was sent.
    pub(crate) fn quiet(&mut self) {
        self.processes.iter_mut().for_each(|process| process.child.quiet());
    }

    /// Listens for so long.
    pub(crate) fn run_for(&mut self, time: Duration) {
        let until = Instant::now() + time;
        while self.listen(until) {}
    }

    /// Listens until `is`, and says how long after `since` it was; panics when that takes too long.
    pub(crate) fn wait(&mut self, what: &str, since: Instant, is: impl Fn(&Self) -> bool) -> Duration {
        let deadline = Instant::now() + PATIENCE;
        while !is(self) {
            if !self.listen(deadline) {
                self.fail(&format!("{what}: not within {} s", PATIENCE.as_secs()));
            }
        }
        since.elapsed()
    }

    /// Takes one line; false when none has come until then.
    fn listen(&mut self, until: Instant) -> bool {
        let left = until.saturating_duration_since(Instant::now());
        // This side holds a sender, too: it never ends but by the time.
        let Ok(line) = self.said.recv_timeout(left) else { return false };
        let process = &mut self.processes[line.server];
        if process.start == line.start {
            let outcome = process.take(&line);
            if let Err(wrong) = outcome {
                self.fail(&format!("{}: {wrong}, in `{}`", name(line.server), line.text));
            }
        }
        true
    }

    /// Panics with everything that was said of late.
    pub(crate) fn fail(&self, sentence: &str) -> ! {
        for (server, process) in self.processes.iter().enumerate() {
            eprintln!("--- {} is {:?}; its last lines:", name(server), process.id);
            for (at, text) in &process.recent {
                eprintln!("{:8.3} {text}", (*at - self.began).as_secs_f64());
            }
        }
        panic!("{:.3} s: {sentence}", self.began.elapsed().as_secs_f64());
    }

    pub(crate) fn check(&self, holds: bool, sentence: impl FnOnce() -> String) {
        if !holds {
            self.fail(&sentence());
        }
    }

    /// Every server that runs and every other one that runs, as far as the first has heard of the second.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (usize, usize, Option<&Witness>)> {
        let running = || (0..SERVERS).filter(|server| self.processes[*server].running);
        let of = |at: usize, about: usize| self.processes[about].id.and_then(|id| self.processes[at].witnesses.get(&id));
        running().flat_map(move |at| running().filter(move |about| *about != at).map(move |about| (at, about, of(at, about))))
    }

    /// Every link between servers that run is up, by both sides.
    pub(crate) fn all_up(&self) -> bool {
        self.pairs().all(|(_, _, witness)| witness.is_some_and(Witness::is_up))
    }

    /// Every server that runs has got a message from every other since then.
    pub(crate) fn all_heard(&self, since: Instant) -> bool {
        self.pairs().all(|(_, _, witness)| witness.is_some_and(|witness| witness.is_up() && witness.heard_since(since)))
    }

    /// Pauses are measured from now on.
    pub(crate) fn restart_pauses(&mut self) {
        self.processes.iter_mut().flat_map(|process| process.witnesses.values_mut()).for_each(Witness::restart_pause);
    }

    /// Events of this kind since then, of servers that run about each other; `across`: only of pairs with the cable between them, or
    /// (false) without.
    pub(crate) fn events_since(&self, since: Instant, word: &str, across: Option<bool>) -> usize {
        let counted = |at, about| across.is_none_or(|across| across == (side_of(at) != side_of(about)));
        let pairs = self.pairs().filter(|(at, about, _)| counted(*at, *about));
        pairs.filter_map(|(_, _, witness)| witness).map(|witness| witness.events_since(since, word)).sum()
    }

    /// What was sent by each to each has arrived; `None` while somebody has not told how much that was.
    pub(crate) fn all_arrived(&self) -> Option<bool> {
        let sent = self.processes.iter().map(|process| process.sent.as_ref()).collect::<Option<Vec<_>>>()?;
        Some(self.pairs().all(|(at, from, witness)| {
            let me = self.processes[at].id.unwrap_or_default();
            // Everybody tells all counts at once, so who tells some has told all.
            sent[from].get(&me).is_some_and(|count| witness.is_some_and(|witness| witness.has_all(*count)))
        }))
    }

    /// For each pair: numbers that the one never got, and how many the other was told may be lost.
    pub(crate) fn losses(&self) -> Vec<(String, u64, u64)> {
        let of = |at: usize, about: usize| self.processes[about].id.and_then(|id| self.processes[at].witnesses.get(&id));
        let pairs = self.pairs().filter_map(|(at, from, witness)| {
            Some((format!("{} to {}", name(from), name(at)), witness?.missing, of(from, at)?.unacknowledged))
        });
        pairs.collect()
    }
}

impl Process {
    fn take(&mut self, line: &Line) -> Result<(), String> {
        let words: Vec<&str> = line.text.split(' ').collect();
        if words[0] != "got" {
            self.recent.push_back((line.at, line.text.clone()));
            if self.recent.len() > SHOWN {
                self.recent.pop_front();
            }
        }
        let number = |index: usize| words.get(index).and_then(|word| word.parse::<u64>().ok()).ok_or("a number is missing");
        match words[0] {
            "log" => {}
            "started" => self.id = Some(number(1)?),
            "sent" => drop(self.sent.get_or_insert_default().insert(number(1)?, number(3)?)),
            "got" => {
                let (first, last) = (number(3)?, number(4)?);
                self.witnesses.get_mut(&number(1)?).ok_or("nobody has joined under this id")?.got(line.at, first, last)?;
            }
            word => match self.witnesses.get_mut(&number(1)?) {
                Some(witness) => witness.event(line.at, word, &words[3..])?,
                None if word == "joined" => drop(self.witnesses.insert(number(1)?, Witness::joined(line.at))),
                None => return Err("nobody has joined under this id".into()),
            },
        }
        Ok(())
    }
}

/// `a1` to `a3` live in one half, `b1` to `b3` in the other.
pub(crate) fn name(server: usize) -> String {
    let side = side_of(server);
    format!("{}{}", ["a", "b"][side], server - side * SERVERS / 2 + 1)
}
