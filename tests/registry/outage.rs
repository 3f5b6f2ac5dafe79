//! Whole servers under traffic while their registry is gone, and how long it takes until everybody knows of a newcomer.

use sinew::registry::contract::{Fixture, Member};
use sinew::{Event, SendMode, Server, ServerConfig};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::timeout;

/// Nothing takes this long; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// For how long the registry is away, unless `SINEW_OUTAGE_SECONDS` says otherwise.
const OUTAGE: Duration = Duration::from_secs(4);
/// What has changed meanwhile is known this soon after the registry is back, on a machine that has nothing else to do.
const CAUGHT_UP: Duration = Duration::from_secs(2);

/// A registry that whole servers can be led to.
pub(crate) trait Engine: Fixture {
    /// The lines of `[registry]` that lead to it, such as `registry.kind = "etcd"`.
    fn lines(&self) -> String;
}

/// A running server: its thread polls, sends numbered messages to the first server it is connected with, and checks those that come.
struct Running {
    words: UnboundedReceiver<String>,
    heard: Vec<String>,
    done: Arc<AtomicBool>,
    thread: Option<std::thread::JoinHandle<(u64, u64)>>,
}

impl Running {
    fn start(group: &str, name: &str, lines: &str) -> Self {
        let text = format!(
            "server = {{ group = \"{group}\", name = \"{name}\" }}\nlog.to = \"none\"\ncluster.name = \"test\"\n{lines}\n\
             [groups.lobby]\nconnects_to = [\"world\"]\n[groups.world]\n"
        );
        let config = ServerConfig::load(&text, "text", std::iter::empty()).expect("a good configuration");
        let server = Server::start(config).expect("it starts");
        let (tell, words) = unbounded_channel();
        let done = Arc::new(AtomicBool::new(false));
        let ending = done.clone();
        let thread = std::thread::spawn(move || {
            let (mut to, mut sent, mut received, mut next) = (None, 0_u64, 0_u64, HashMap::new());
            while !ending.load(Ordering::Relaxed) {
                let events: Vec<Event> = server.poll(Duration::from_millis(1)).expect("nobody else polls").collect();
                for event in events {
                    let word = match event {
                        Event::Message { server, message } => {
                            let next = next.entry(server.id()).or_insert(0_u64);
                            let number = u64::from_le_bytes(message.payload[..].try_into().expect("eight bytes"));
                            assert_eq!(number, *next, "lost, doubled or out of order");
                            *next += 1;
                            received += 1;
                            continue;
                        }
                        Event::ServerConnected { server } => {
                            let word = format!("connected {}", server.name());
                            to.get_or_insert(server);
                            word
                        }
                        Event::ServerJoined { server } => format!("joined {}", server.name()),
                        Event::ServerDisconnected { server, .. } => format!("disconnected {}", server.name()),
                        Event::ServerLeft { server, .. } => format!("left {}", server.name()),
                        Event::RegistryLost { text } => format!("lost {text}"),
                        Event::RegistryRestored => "restored".into(),
                        _ => continue,
                    };
                    // The test may have ended.
                    let _ = tell.send(word);
                }
                if let Some(to) = &to
                    && to.send(1, &sent.to_le_bytes(), SendMode::Reliable).is_ok()
                {
                    sent += 1;
                }
            }
            (sent, received)
        });
        Self { words, heard: Vec::new(), done, thread: Some(thread) }
    }

    /// Waits until it has said this, from now on.
    async fn says(&mut self, word: &str) {
        let said = async {
            while let Some(heard) = self.words.recv().await {
                self.heard.push(heard);
                if self.heard.last().is_some_and(|heard| heard.starts_with(word)) {
                    return true;
                }
            }
            false
        };
        let said = timeout(PATIENCE, said).await;
        assert_eq!(said, Ok(true), "never `{word}`, but {:?}", self.heard);
    }

    /// What it has said until now.
    fn everything(&mut self) -> &[String] {
        while let Ok(word) = self.words.try_recv() {
            self.heard.push(word);
        }
        &self.heard
    }

    /// Ends it: how many messages it has sent, how many have come.
    fn end(mut self) -> (u64, u64) {
        self.done.store(true, Ordering::Relaxed);
        self.thread.take().expect("once").join().expect("its checks hold")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
    }
}

/// The registry is away under traffic: no link drops, no message is lost; when it is back, who started meanwhile is found.
pub(crate) async fn costs_no_link_and_no_message(engine: &mut impl Engine) {
    let asked = std::env::var("SINEW_OUTAGE_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    let lines = engine.lines();
    let mut lobby = Running::start("lobby", "l1", &lines);
    let mut world = Running::start("world", "w1", &lines);
    lobby.says("connected w1").await;
    world.says("connected l1").await;
    engine.stop().await;
    lobby.says("lost").await;
    world.says("lost").await;
    let late = Running::start("world", "w2", &lines);
    // bounded wait: the outage is to last this long
    tokio::time::sleep(asked.unwrap_or(OUTAGE)).await;
    engine.start().await;
    let back = Instant::now();
    lobby.says("joined w2").await;
    let caught_up = back.elapsed();
    println!("{}: known {} ms after it was back", lines.lines().next().unwrap_or_default(), caught_up.as_millis());
    assert!(asked.is_none() || caught_up < CAUGHT_UP, "{caught_up:?} after the registry was back");
    for running in [&mut lobby, &mut world] {
        if !running.heard.iter().any(|word| word == "restored") {
            running.says("restored").await;
        }
    }
    // bounded wait: two seconds more, in which a wrong eviction would show
    tokio::time::sleep(Duration::from_secs(2)).await;
    for (name, running) in [("l1", &mut lobby), ("w1", &mut world)] {
        let heard = running.everything();
        assert!(!heard.iter().any(|word| word.starts_with("disconnected")), "{name}: {heard:?}");
        assert_eq!(heard.iter().filter(|word| word.starts_with("lost")).count(), 1, "{name}: {heard:?}");
    }
    drop(late);
    for (name, running) in [("l1", lobby), ("w1", world)] {
        let (sent, received) = running.end();
        assert!(sent > 100 && received > 100, "{name} sent {sent} and received {received} messages");
    }
}

/// How long it takes from a registration to the news of it at everybody, with so many servers: printed, for docs/registries.md.
///
/// `SINEW_JOIN_TIMES=64` says with how many; otherwise it is only seen to work.
pub(crate) async fn time_of_a_join(fixture: &mut impl Fixture, label: &str) {
    let asked: Option<usize> = std::env::var("SINEW_JOIN_TIMES").ok().and_then(|members| members.parse().ok());
    let (members, rounds) = asked.map_or((2, 3), |members| (members, 40));
    let mut watchers = Vec::new();
    for n in 0..members - 1 {
        watchers.push(Member::registered(fixture, "chat", &format!("c{n}")).await);
    }
    let mut times = Vec::new();
    for round in 0..rounds {
        let began = Instant::now();
        let newcomer = Member::registered(fixture, "world", &format!("w{round}")).await;
        let id = newcomer.id();
        for watcher in &mut watchers {
            watcher.until("sees the newcomer", |watcher| watcher.view().contains_key(&id)).await;
        }
        times.push(began.elapsed());
        newcomer.leave().await;
        for watcher in &mut watchers {
            watcher.until("sees it leave", |watcher| !watcher.view().contains_key(&id)).await;
        }
    }
    times.sort();
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    println!(
        "{label}: {members} servers: from start to joined everywhere, ms: p50 {:.1}, p99 {:.1}",
        ms(times[rounds / 2]),
        ms(times[rounds - 1])
    );
    for watcher in watchers {
        watcher.crash().await;
    }
}
