//! `registry.cache_file`: whole servers that are restarted while their registry is away, each in a process of its own that can crash.

use crate::engine::Port;
use crate::outage::Engine;
use crate::support::{Hosts, churn, configured};
use sinew::registry::Connector;
use sinew::registry::contract::{Abilities, Fixture};
use sinew::{Event, SendMode, Server, ServerConfig};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Nothing takes this long; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longer than what is remembered waits for its registration.
const SETTLED: Duration = Duration::from_secs(12);
const CONFIGURATION: &str = "SINEW_TEST_CACHED_CHILD";
/// Begins every line that a child tells.
const MARK: &str = "@ ";

/// In a child: serves until it is told to stop, and does not return.
fn serve_if_child() {
    let Ok(text) = std::env::var(CONFIGURATION) else { return };
    let config = ServerConfig::load(&text, "text", std::iter::empty()).expect("a good configuration");
    let server = Server::start(config).expect("it starts");
    let (order, orders) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            let _ = order.send(line);
        }
        // The parent is gone.
        std::process::exit(0);
    });
    say(&format!("health {}", server.health_address().expect("it is configured")));
    let mut connected: Vec<sinew::RemoteServer> = Vec::new();
    loop {
        for order in orders.try_iter() {
            match order.split_once(' ') {
                None => server.stop(),
                Some(("send", text)) => connected.iter().for_each(|to| _ = to.send(1, text.as_bytes(), SendMode::Reliable)),
                Some((_, name)) => {
                    let about = connected.iter().find(|server| server.name() == name).expect("it is connected");
                    let text = server.explain(about.id()).expect("it is there");
                    say(&format!("explained {}", text.replace('\n', " | ")));
                }
            }
        }
        let events: Vec<Event> = server.poll(Duration::from_millis(10)).expect("nobody else polls").collect();
        for event in events {
            match event {
                Event::Started { id } => say(&format!("started {id}")),
                Event::ServerJoined { server } => say(&format!("joined {}", server.name())),
                Event::ServerConnected { server } => {
                    say(&format!("connected {}", server.name()));
                    connected.push(server);
                }
                Event::ServerDisconnected { server, reason, .. } => {
                    connected.retain(|other| other.id() != server.id());
                    say(&format!("disconnected {} {reason:?}", server.name()));
                }
                Event::ServerLeft { server, reason } => say(&format!("left {} {reason:?}", server.name())),
                Event::Message { server, message } => {
                    say(&format!("message {} {}", server.name(), String::from_utf8_lossy(&message.payload)));
                }
                Event::RegistryLost { text } => say(&format!("lost {text}")),
                Event::RegistryRestored => say("restored"),
                Event::Stopped { .. } => {
                    drop(server);
                    std::process::exit(0);
                }
                _ => {}
            }
        }
    }
}

fn say(words: &str) {
    println!("{MARK}{words}");
}

/// What a server keeps over its restarts: its name, its port, its file.
struct Seat {
    group: &'static str,
    name: &'static str,
    port: Port,
    folder: TempDir,
    /// The registry.
    lines: String,
    /// The full name of the running test.
    test: &'static str,
}

impl Seat {
    fn new(test: &'static str, group: &'static str, name: &'static str, engine: &impl Engine) -> Self {
        Self { group, name, port: Port::reserve(), folder: tempfile::tempdir().expect("a folder"), lines: engine.lines(), test }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("view.json")
    }

    fn text(&self) -> String {
        let (group, name) = (self.group, self.name);
        let cache = format!("registry.cache_file = {:?}", self.file());
        let (keys, tables) = match self.lines.strip_prefix("[[registry]]") {
            Some(rest) => (String::new(), format!("[[registry]]\n{}{rest}", cache.replace("registry.", ""))),
            None => (format!("{}\n{cache}", self.lines), String::new()),
        };
        format!(
            "server = {{ group = \"{group}\", name = \"{name}\", listen = \"{}\" }}\ncluster.name = \"test\"\nlog.to = \"none\"\n\
             health = {{ listen = \"127.0.0.1:0\", registry_lost_ms = 0 }}\nlimits.reconnect_min_ms = 10\nlimits.reconnect_max_ms = 300\n\
             {keys}\n[groups.lobby]\nconnects_to = [\"world\"]\n[groups.world]\nconnects_to = [\"world\"]\n{tables}",
            self.port.address()
        )
    }

    fn start(&self) -> Child {
        let mut command = Command::new(std::env::current_exe().expect("the running executable has a path"));
        command.args(["--exact", self.test, "--nocapture"]).env(CONFIGURATION, self.text());
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the executable runs");
        let (tell, told) = channel();
        let output = process.stdout.take().expect("a pipe");
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Some((_, words)) = line.split_once(MARK) {
                    let _ = tell.send(words.to_owned());
                }
            }
        });
        let mut child = Child { name: self.name, process, told, heard: Vec::new(), looked: 0, health: String::new() };
        child.health = child.says("health ");
        child
    }
}

/// A running server; killed when it is dropped.
struct Child {
    name: &'static str,
    process: std::process::Child,
    told: Receiver<String>,
    heard: Vec<String>,
    /// Up to here `says` has looked.
    looked: usize,
    health: String,
}

impl Child {
    /// Waits until it has said this, after what was waited for before; answers the rest of the line.
    fn says(&mut self, words: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            while let Some(heard) = self.heard.get(self.looked) {
                self.looked += 1;
                if let Some(rest) = heard.strip_prefix(words) {
                    return rest.to_owned();
                }
            }
            match self.told.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(heard) => self.heard.push(heard),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("{}: never `{words}`, but {:#?}", self.name, self.heard)
                }
            }
        }
    }

    /// Waits until all of these have been said since what was waited for before, in any order.
    fn says_all(&mut self, all: &[String]) {
        let from = self.looked;
        let mut last = from;
        for words in all {
            self.looked = from;
            self.says(words);
            last = last.max(self.looked);
        }
        self.looked = last;
    }

    /// What it has said after what was waited for.
    fn said_since(&mut self) -> Vec<String> {
        self.heard.extend(self.told.try_iter());
        self.heard[self.looked..].to_vec()
    }

    fn order(&mut self, order: &str) {
        writeln!(self.process.stdin.as_mut().expect("a pipe"), "{order}").expect("it reads");
    }

    fn crash(mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ends");
    }

    fn stop(mut self) {
        self.order("stop");
        // Waiting would close it, which means that the parent is gone.
        let _orders = self.process.stdin.take();
        let ended = self.process.wait().expect("it ends");
        assert!(ended.success(), "{}: {ended}", self.name);
    }

    fn health(&self) -> serde_json::Value {
        let mut stream = TcpStream::connect(&self.health).expect("it listens");
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers and closes");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
        serde_json::from_str(body).expect("JSON")
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Waits until the file of this server lists so many others.
fn until_written(seat: &Seat, others: usize) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let text = std::fs::read_to_string(seat.file()).unwrap_or_default();
        let written: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        if written["others"].as_array().is_some_and(|list| list.len() == others) && written["id_ended"] == false {
            return;
        }
        assert!(Instant::now() < deadline, "{}: not {others} others in {text}", seat.name);
        // bounded wait: until the file is written, PATIENCE
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Two worlds and a lobby, connected with each other, and their view on disk; the ids.
fn cluster(test: &'static str, engine: &impl Engine) -> ([Seat; 3], [Child; 3], [String; 3]) {
    let seats = [("world", "w1"), ("world", "w2"), ("lobby", "l1")].map(|(group, name)| Seat::new(test, group, name, engine));
    let mut running = [seats[0].start(), seats[1].start(), seats[2].start()];
    let ids = running.each_mut().map(|child| child.says("started "));
    running.iter_mut().for_each(|child| sees_the_others(child, "connected"));
    seats.iter().for_each(|seat| until_written(seat, 2));
    (seats, running, ids)
}

fn sees_the_others(child: &mut Child, how: &str) {
    let others = ["w1", "w2", "l1"].into_iter().filter(|name| *name != child.name);
    child.says_all(&others.map(|name| format!("{how} {name}")).collect::<Vec<_>>());
}

fn messages_flow(running: &mut [Child; 3]) {
    running.iter_mut().for_each(|child| child.order(&format!("send from {}", child.name)));
    for child in running {
        let others = ["w1", "w2", "l1"].into_iter().filter(|name| *name != child.name);
        child.says_all(&others.map(|name| format!("message {name} from {name}")).collect::<Vec<_>>());
    }
}

/// The registry comes back with nothing in it: nobody notices but by `restored`, and a newcomer finds everybody.
async fn comes_back_unnoticed(test: &'static str, engine: &mut impl Engine, mut running: [Child; 3]) {
    engine.start().await;
    running.iter_mut().for_each(|child| _ = child.says("restored"));
    let newcomer = Seat::new(test, "world", "w3", engine);
    let mut newcomer = newcomer.start();
    newcomer.says_all(&["connected w1".into(), "connected w2".into(), "connected l1".into()]);
    running.iter_mut().for_each(|child| _ = child.says("connected w3"));
    // bounded wait: as long as a wrong leave may take
    tokio::time::sleep(SETTLED).await;
    for child in &mut running {
        let said = child.said_since();
        assert!(!said.iter().any(|words| words.starts_with("left") || words.starts_with("disconnected")), "{}: {said:?}", child.name);
        let lost = child.heard.iter().filter(|words| words.starts_with("lost")).count();
        assert_eq!(lost, 1, "once per outage: {:?}", child.heard);
        assert_eq!((&child.health()["registry_lost"], &child.health()["connected_servers"]), (&serde_json::Value::Null, &3.into()));
    }
}

async fn a_whole_cluster_crashes(test: &'static str, engine: &mut impl Engine) {
    let (seats, mut running, ids) = cluster(test, engine);
    engine.stop().await;
    running.iter_mut().for_each(|child| _ = child.says("lost"));
    running.into_iter().for_each(Child::crash);
    let mut running = seats.each_ref().map(Seat::start);
    for (child, id) in running.iter_mut().zip(&ids) {
        child.says("lost");
        assert_eq!(child.says("started "), *id, "the others know it by that");
        sees_the_others(child, "connected");
    }
    messages_flow(&mut running);
    for child in &mut running {
        let health = child.health();
        assert_eq!((&health["state"], &health["connected_servers"]), (&"registry_lost".into(), &2.into()), "{health}");
        assert!(!health["registry_lost"].is_null(), "{health}");
        child.order(if child.name == "w1" { "explain w2" } else { "explain w1" });
        let explained = child.says("explained ");
        assert!(explained.contains("registry: lost for") && explained.contains("state: connected"), "{explained}");
    }
    comes_back_unnoticed(test, engine, running).await;
}

async fn a_cluster_is_restarted_one_by_one(test: &'static str, engine: &mut impl Engine) {
    let (seats, mut running, ids) = cluster(test, engine);
    engine.stop().await;
    running.iter_mut().for_each(|child| _ = child.says("lost"));
    for index in 0..3 {
        let name = running[index].name;
        let old = std::mem::replace(&mut running[index], seats[(index + 1) % 3].idle());
        old.stop();
        for (_, other) in running.iter_mut().enumerate().filter(|(other, _)| *other != index) {
            other.says(&format!("left {name} Stopped"));
        }
        running[index] = seats[index].start();
        let child = &mut running[index];
        child.says("lost");
        assert_eq!(child.says("started "), ids[index]);
        sees_the_others(child, "connected");
        for (_, other) in running.iter_mut().enumerate().filter(|(other, _)| *other != index) {
            other.says_all(&[format!("joined {name}"), format!("connected {name}")]);
        }
    }
    messages_flow(&mut running);
    comes_back_unnoticed(test, engine, running).await;
}

impl Seat {
    /// A process that does nothing, in the place of one that is being restarted.
    fn idle(&self) -> Child {
        let process = Command::new("sleep").arg("60").stdin(Stdio::piped()).spawn().expect("`sleep` is there");
        Child { name: "nobody", process, told: channel().1, heard: Vec::new(), looked: 0, health: String::new() }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_crashes_without_its_registry_comes_back_as_it_was() {
    serve_if_child();
    let test = "cached::a_cluster_that_crashes_without_its_registry_comes_back_as_it_was";
    a_whole_cluster_crashes(test, &mut Hosts::new(1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_restarted_one_by_one_without_its_registry() {
    serve_if_child();
    a_cluster_is_restarted_one_by_one("cached::a_cluster_is_restarted_one_by_one_without_its_registry", &mut Hosts::new(1)).await;
}

#[cfg(feature = "redis")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_crashes_without_redis_comes_back_as_it_was() {
    serve_if_child();
    let mut redis = crate::redis::Redis::new();
    a_whole_cluster_crashes("cached::a_cluster_that_crashes_without_redis_comes_back_as_it_was", &mut redis).await;
}

#[cfg(feature = "redis")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_is_restarted_one_by_one_without_redis() {
    serve_if_child();
    let mut redis = crate::redis::Redis::new();
    a_cluster_is_restarted_one_by_one("cached::a_cluster_is_restarted_one_by_one_without_redis", &mut redis).await;
}

/// Two registries of one host each.
struct Two([Hosts; 2]);

impl Fixture for Two {
    fn abilities(&self) -> Abilities {
        self.0[0].abilities()
    }

    fn connector(&mut self, group: &str, name: &str) -> Box<dyn Connector> {
        configured(group, name, &self.lines())
    }

    async fn stop(&mut self) {
        for hosts in &mut self.0 {
            hosts.stop().await;
        }
    }

    async fn start(&mut self) {
        for hosts in &mut self.0 {
            hosts.start().await;
        }
    }
}

impl Engine for Two {
    fn lines(&self) -> String {
        self.0.iter().map(|hosts| format!("[[registry]]\naddresses = [\"{}\"]\n", hosts.address(0))).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_crashes_without_its_two_registries_comes_back_as_it_was() {
    serve_if_child();
    let test = "cached::a_cluster_that_crashes_without_its_two_registries_comes_back_as_it_was";
    a_whole_cluster_crashes(test, &mut Two([Hosts::new(1), Hosts::new(1)])).await;
}

/// Its goodbye has been heard, so the id is over; without a registry to give another, the others take the server by it all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_goodbye_was_heard_gets_a_new_id_as_soon_as_there_is_a_registry() {
    serve_if_child();
    let test = "cached::a_server_whose_goodbye_was_heard_gets_a_new_id_as_soon_as_there_is_a_registry";
    let mut hosts = Hosts::new(1);
    let (seats, [w1, mut w2, mut l1], ids) = cluster(test, &hosts);
    w1.stop();
    for other in [&mut w2, &mut l1] {
        other.says("left w1 Stopped");
    }
    hosts.stop().await;
    for other in [&mut w2, &mut l1] {
        other.says("lost");
    }
    let mut w1 = seats[0].start();
    w1.says("lost");
    assert_eq!(w1.says("started "), ids[0]);
    sees_the_others(&mut w1, "connected");
    for other in [&mut w2, &mut l1] {
        other.says_all(&["joined w1".into(), "connected w1".into()]);
    }
    hosts.start().await;
    w1.says("restored");
    assert_ne!(w1.says("started "), ids[0]);
    sees_the_others(&mut w1, "connected");
    for other in [&mut w2, &mut l1] {
        other.says_all(&["left w1".into(), "joined w1".into(), "connected w1".into()]);
    }
    assert_ne!(w1.health()["id"].to_string(), ids[0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_registry_there_a_restart_gets_a_new_id_as_ever() {
    let mut hosts = Hosts::new(1);
    let seat = Seat::new("", "world", "w1", &hosts);
    let mut last = 0;
    for _ in 0..3 {
        let (server, log) = started(&seat.text());
        let id = server.info().id.expect("it is registered").get();
        assert!(id > last && !log.iter().any(|line| line.contains("cache_file")), "{id} after {last}: {log:?}");
        last = id;
    }
    let written = std::fs::read_to_string(seat.file()).expect("it is written");
    assert!(written.contains(&last.to_string()) && written.contains("\"id_ended\": true"), "{written}");
    hosts.stop().await;
}

/// A server in this process, as soon as it is registered, and what it has logged until then.
fn started(text: &str) -> (Server, Vec<String>) {
    let text = text.replace("log.to = \"none\"", "log.to = \"events\"");
    let server = Server::start(ServerConfig::load(&text, "text", std::iter::empty()).expect("a good one")).expect("it starts");
    let (mut log, deadline) = (Vec::new(), Instant::now() + PATIENCE);
    while Instant::now() < deadline {
        for event in server.poll(Duration::from_millis(10)).expect("nobody else polls") {
            match event {
                Event::Log { text, .. } => log.push(text),
                Event::Started { .. } => return (server, log),
                _ => {}
            }
        }
    }
    panic!("it never registers: {log:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_used_is_named_and_the_server_starts_as_ever() {
    let hosts = Hosts::new(1);
    let seat = Seat::new("", "world", "w1", &hosts);
    let stranger = Seat { folder: tempfile::tempdir().expect("a folder"), ..Seat::new("", "world", "w2", &hosts) };
    drop(started(&stranger.text()));
    let foreign = std::fs::read(stranger.file()).expect("it is written");
    for (bad, says) in [(b"[{".to_vec(), "damaged"), (foreign, "written by world/w2"), (vec![b' '; 17 << 20], "more than 16777216")] {
        std::fs::write(seat.file(), &bad).expect("it can be written");
        let (server, log) = started(&seat.text());
        let told: Vec<_> = log.iter().filter(|line| line.contains("view.json") && line.contains(says)).collect();
        assert!(told.len() == 1 && told[0].contains("give every server a file of its own"), "{says}: {log:?}");
        until_written(&seat, 0);
        assert_eq!(std::fs::read(seat.folder.path().join("view.json.unusable")).expect("it is kept").len(), bad.len());
        drop(server);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_cannot_be_written_is_named_once_and_the_server_runs_as_ever() {
    let hosts = Hosts::new(1);
    let seat = Seat::new("", "world", "w1", &hosts);
    let text = seat.text().replace("view.json", "missing/view.json");
    let (server, mut log) = started(&text);
    let mut others = Vec::new();
    for name in ["w2", "w3"] {
        // What changes twice would be written twice.
        let other = Seat::new("", "world", name, &hosts);
        others.push((started(&other.text()), other));
        let (mut connected, deadline) = (false, Instant::now() + PATIENCE);
        let quiet = Instant::now() + Duration::from_millis(1500);
        while !connected || Instant::now() < quiet {
            assert!(Instant::now() < deadline, "never connected: {log:?}");
            for event in server.poll(Duration::from_millis(10)).expect("nobody else polls") {
                match event {
                    Event::Log { text, .. } => log.push(text),
                    Event::ServerConnected { .. } => connected = true,
                    _ => {}
                }
            }
            others.iter().for_each(|((other, _), _)| other.poll(Duration::ZERO).expect("nobody else polls").for_each(drop));
        }
    }
    let told: Vec<_> = log.iter().filter(|line| line.contains("missing/view.json")).collect();
    assert!(told.len() == 1 && told[0].contains("cannot be written") && told[0].contains("make its folder writable"), "{log:?}");
}

/// The contract, with a file around the connector.
struct Kept {
    hosts: Hosts,
    folder: TempDir,
}

impl Kept {
    fn new() -> Self {
        Self { hosts: Hosts::new(1), folder: tempfile::tempdir().expect("a folder") }
    }
}

impl Fixture for Kept {
    fn abilities(&self) -> Abilities {
        Abilities { crowd: 50, churn: churn(100), ..self.hosts.abilities() }
    }

    fn connector(&mut self, group: &str, name: &str) -> Box<dyn Connector> {
        let path: &Path = self.folder.path();
        let file = path.join(format!("{group}-{name}"));
        configured(group, name, &format!("[registry]\naddresses = [\"{}\"]\ncache_file = {file:?}\n", self.hosts.address(0)))
    }

    async fn stop(&mut self) {
        self.hosts.stop().await;
    }

    async fn start(&mut self) {
        self.hosts.start().await;
    }
}

contract_cases! {
    contract = Kept::new();
}
