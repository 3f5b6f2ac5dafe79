//! Sentinel: a master, a replica, three Sentinels, and a real failover.

use super::{Redis, answers, by_text, cli, server};
use crate::engine::{Engine, Port};
use crate::support;
use sinew::registry::contract::{Abilities, Fixture, Member};
use sinew::registry::{Connector, News};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const LEASE: Duration = Duration::from_millis(1500);

struct Watched {
    master: Redis,
    _replica: Engine,
    replica: Port,
    sentinels: Vec<(Port, Engine)>,
}

impl Watched {
    fn new() -> Self {
        let master = Redis::new();
        let to = master.port.address();
        let replica = Port::reserve();
        let engine = server(replica.address(), &["--replicaof", &to.ip().to_string(), &to.port().to_string()]);
        let sentinels =
            (0..3).map(|_| Port::reserve()).map(|port| (sentinel(port.address(), to), port)).map(|(engine, port)| (port, engine));
        let sentinels = sentinels.collect();
        Self { master, _replica: engine, replica, sentinels }
    }

    /// Until everybody knows everybody: before that there is no failover.
    async fn settled(&self) {
        let settled = || {
            self.sentinels.iter().all(|(port, _)| {
                let told = cli(port.address(), &["SENTINEL", "MASTER", "game"]);
                let field = |name: &str| told.lines().skip_while(|line| *line != name).nth(1).unwrap_or_default().to_owned();
                (field("num-slaves"), field("num-other-sentinels"), field("flags")) == ("1".into(), "2".into(), "master".into())
            }) && cli(self.replica.address(), &["INFO", "replication"]).contains("master_link_status:up")
        };
        // bounded wait: until the Sentinels have found each other, 30 s
        let waited = async {
            while !settled() {
                tokio::time::sleep(Duration::from_millis(100)).await; // bounded wait: until they know each other, 30 s
            }
        };
        tokio::time::timeout(Duration::from_secs(30), waited).await.expect("the Sentinels find each other");
    }
}

fn sentinel(address: SocketAddr, master: SocketAddr) -> Engine {
    let command = move |folder: &Path| {
        let file = folder.join("sentinel.conf");
        let (ip, port) = (master.ip(), master.port());
        let text = format!(
            "bind {}\nport {}\ndir {folder:?}\nprotected-mode no\nsentinel monitor game {ip} {port} 2\n\
             sentinel down-after-milliseconds game 1000\nsentinel failover-timeout game 5000\n",
            address.ip(),
            address.port()
        );
        std::fs::write(&file, text).expect("a file in its folder");
        let mut command = Command::new("redis-sentinel");
        command.arg(file);
        command
    };
    Engine::start(command, move || answers(address))
}

impl Fixture for Watched {
    fn abilities(&self) -> Abilities {
        Abilities { lease: Some(LEASE), ..Abilities::default() }
    }

    fn connector(&mut self, group: &str, name: &str) -> Box<dyn Connector> {
        let addresses = self.sentinels.iter().map(|(port, _)| format!("\"{}\"", port.address())).collect::<Vec<_>>().join(", ");
        by_text(group, name, &format!("addresses = [{addresses}]\nsentinel = \"game\"\nlease_ms = {}", LEASE.as_millis()))
    }

    async fn stop(&mut self) {}
    async fn start(&mut self) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_failover_everybody_is_back_and_nobody_has_left() {
    let mut watched = Watched::new();
    watched.settled().await;
    let mut members = Vec::new();
    for name in ["w1", "w2", "w3"] {
        members.push(Member::registered(&mut watched, "world", name).await);
    }
    for member in &mut members {
        member.until("sees all three", |member| member.view().len() == 3).await;
    }
    watched.master.engine.kill();
    // A Sentinel that is gone, too: the others are asked.
    watched.sentinels[0].1.kill();
    for member in &mut members {
        member.until("is told of the loss", Member::is_lost).await;
        member.until("is registered again", |member| !member.is_lost()).await;
    }
    let newcomer = Member::registered(&mut watched, "chat", "c1").await;
    for member in &mut members {
        member.until("sees the newcomer", |member| member.view().contains_key(&newcomer.id())).await;
        // Longer than anybody is waited for.
        member.for_a_while(LEASE + Duration::from_secs(4)).await;
        let left = member.history().iter().filter(|news| matches!(news, News::Left { .. })).count();
        assert_eq!((left, member.view().len(), member.outages()), (0, 4, 1), "somebody was seen to leave: {:?}", member.history());
    }
    assert_eq!(cli(watched.replica.address(), &["ZCARD", "{sinew/test}/leases"]), "4");
    for member in members.into_iter().chain([newcomer]) {
        member.leave().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_nobody_knows_and_a_sentinel_that_is_none() {
    let redis = Redis::new();
    let port = Port::reserve();
    let _sentinel = sentinel(port.address(), redis.port.address());
    for (address, name, says) in [
        (port.address(), "other", &["knows no master \"other\"", "registry.sentinel"][..]),
        (redis.port.address(), "game", &["unknown command 'SENTINEL'"]),
        (port.address(), "", &["is a Sentinel", "registry.sentinel"]),
    ] {
        let connector = by_text("world", "w1", &format!("addresses = [\"{address}\"]\nsentinel = \"{name}\"\nlease_ms = 1000"));
        let (mut news, _commands, task) = support::run(connector, "world", "w1");
        let News::Lost(why) = support::next(&mut news).await else { panic!("it should fail") };
        assert!(says.iter().all(|part| why.contains(part)), "{why}");
        task.abort();
    }
}
