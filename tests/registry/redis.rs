//! Redis as the registry: Debian's own `redis-server`, every case of the contract, and what is peculiar to Redis.

use crate::delayed::Delayed;
use crate::engine::{Engine, Port, listens};
use crate::outage;
use crate::support;
use sinew::registry::Connector;
use sinew::registry::contract::{Abilities, Fixture, Member};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

#[path = "redis_failures.rs"]
mod failures;
#[path = "redis_sentinel.rs"]
mod sentinel;
#[path = "redis_strangers.rs"]
mod strangers;

/// Short, so that what waits for the end of a lease is quick.
const LEASE: Duration = Duration::from_secs(2);
/// Long enough for answers that take half a second each.
const SLOW_LEASE: Duration = Duration::from_secs(6);

contract_cases! {
    contract = Redis::new();
}

/// One server on a free port.
pub(crate) struct Redis {
    port: Port,
    engine: Engine,
    delayed: Option<Delayed>,
    /// What else stands in `[registry]`.
    settings: String,
    lease: Duration,
}

impl Redis {
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// With further arguments.
    fn with(arguments: &[&str]) -> Self {
        let port = Port::reserve();
        let engine = server(port.address(), arguments);
        Self { port, engine, delayed: None, settings: String::new(), lease: LEASE }
    }

    fn address(&self) -> SocketAddr {
        self.delayed.as_ref().map_or(self.port.address(), |delayed| delayed.address)
    }

    /// What it answers to a line of `redis-cli`.
    fn cli(&self, arguments: &[&str]) -> String {
        cli(self.port.address(), arguments)
    }
}

impl Fixture for Redis {
    fn abilities(&self) -> Abilities {
        Abilities { seats: false, lease: Some(LEASE), restarts: true, pauses: true, delays: true, crowd: 200, churn: support::churn(1000) }
    }

    fn connector(&mut self, group: &str, name: &str) -> Box<dyn Connector> {
        connector(group, name, &[self.address()], self.lease, &self.settings)
    }

    async fn stop(&mut self) {
        self.engine.kill();
    }

    async fn start(&mut self) {
        self.engine.start_again();
    }

    fn pause(&mut self) {
        self.engine.pause();
    }

    fn resume(&mut self) {
        self.engine.resume();
    }

    fn delay(&mut self, by: Duration) {
        let delayed = Delayed::to(self.port.address());
        delayed.delay(by);
        self.delayed = Some(delayed);
        self.lease = SLOW_LEASE;
    }
}

/// A connector by the configuration, as a server has it.
fn connector(group: &str, name: &str, addresses: &[SocketAddr], lease: Duration, settings: &str) -> Box<dyn Connector> {
    let addresses = addresses.iter().map(|address| format!("\"{address}\"")).collect::<Vec<_>>().join(", ");
    by_text(group, name, &format!("addresses = [{addresses}]\nlease_ms = {}\n{settings}", lease.as_millis()))
}

fn by_text(group: &str, name: &str, registry: &str) -> Box<dyn Connector> {
    support::configured(group, name, &format!("[registry]\nkind = \"redis\"\n{registry}"))
}

fn server(address: SocketAddr, arguments: &[&str]) -> Engine {
    let arguments: Vec<String> = arguments.iter().map(|argument| argument.to_string()).collect();
    let tls = arguments.iter().any(|argument| argument == "--tls-port");
    let command = move |folder: &Path| {
        let mut command = Command::new("redis-server");
        command.args(["--bind", &address.ip().to_string(), "--port", &address.port().to_string(), "--dir"]).arg(folder);
        command.args(["--save", "", "--appendonly", "no", "--protected-mode", "no"]).args(&arguments);
        command
    };
    Engine::start(command, move || if tls { listens(address) } else { answers(address) })
}

/// Whether Redis answers there; an error is an answer too.
fn answers(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else { return false };
    let (mut answer, second) = ([0; 1], Some(Duration::from_secs(1)));
    stream.set_read_timeout(second).is_ok() && stream.write_all(b"PING\r\n").is_ok() && stream.read_exact(&mut answer).is_ok()
}

/// Runs one command of Redis by its own client.
fn cli(address: SocketAddr, arguments: &[&str]) -> String {
    let (host, port) = (address.ip().to_string(), address.port().to_string());
    let output = Command::new("redis-cli").args(["-h", &host, "-p", &port]).args(arguments).output().expect("redis-cli runs");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Beyond what the contract asks: an idle member is cheap, and nobody asks the server again and again who is overdue.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_member_costs_its_renewals_and_one_watch() {
    let mut redis = Redis::new();
    redis.lease = Duration::from_secs(1);
    let mut members = Vec::new();
    for name in 0..5 {
        members.push(Member::registered(&mut redis, "world", &format!("w{name}")).await);
    }
    for member in &mut members {
        member.until("sees all", |member| member.view().len() == 5).await;
    }
    redis.cli(&["CONFIG", "RESETSTAT"]);
    let seconds = 6;
    members[0].for_a_while(Duration::from_secs(seconds)).await;
    let stats = redis.cli(&["INFO", "commandstats"]);
    let calls = |command: &str| {
        let line = stats.lines().find(|line| line.starts_with(&format!("cmdstat_{command}:calls="))).unwrap_or("=0,");
        line.split(['=', ',']).nth(1).and_then(|calls| calls.parse::<u64>().ok()).expect("a number")
    };
    // Three renewals in each lease; an empty answer of the watch every five seconds.
    assert!(calls("evalsha") <= 5 * 3 * (seconds + 1), "{stats}");
    assert!(calls("xread") <= 5 * 2, "{stats}");
    let scripted = ["zrange", "zrangebyscore", "xrevrange", "pexpire", "zadd", "get", "set", "type", "strlen", "time"];
    let known: u64 = scripted.iter().chain(&["evalsha", "xread"]).map(|command| calls(command)).sum();
    let all: u64 = stats.lines().filter_map(|line| line.split_once("calls=")?.1.split(',').next()?.parse::<u64>().ok()).sum();
    assert!(all <= known + 2, "something else is asked: {stats}");
    for member in members {
        member.leave().await;
    }
}

/// Of many that see a lease end, few ask; all of them hear of it in time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_lease_costs_no_request_of_everybody() {
    let mut redis = Redis::new();
    redis.lease = Duration::from_secs(3);
    let mut members = Vec::new();
    for name in 0..40 {
        members.push(Member::registered(&mut redis, "world", &format!("w{name}")).await);
    }
    let dead = members.remove(0);
    let id = dead.id();
    for member in &mut members {
        member.until("sees all", |member| member.view().len() == 40).await;
    }
    redis.cli(&["CONFIG", "RESETSTAT"]);
    dead.crash().await;
    let crashed = std::time::Instant::now();
    for member in &mut members {
        member.within(redis.lease + Duration::from_secs(1)).until("sees it leave", |member| !member.view().contains_key(&id)).await;
    }
    let took = crashed.elapsed().as_secs() + 1;
    let stats = redis.cli(&["INFO", "commandstats"]);
    let line = stats.lines().find(|line| line.starts_with("cmdstat_evalsha:calls=")).unwrap_or_default();
    let calls = line.split(['=', ',']).nth(1).and_then(|calls| calls.parse::<u64>().ok()).expect("a number");
    assert!(calls <= 40 * (took + 1) + 10, "{calls} requests in {took} s: {stats}");
    for member in members {
        member.crash().await;
    }
}

/// `FLUSHALL` breaks no connection, and takes the scripts' data, the stream and every entry with it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flushed_server_is_filled_again() {
    let mut redis = Redis::new();
    let mut members = [Member::registered(&mut redis, "world", "w1").await, Member::registered(&mut redis, "world", "w2").await];
    let dead = Member::registered(&mut redis, "world", "w3").await;
    let dead_id = dead.id();
    for member in &mut members {
        member.until("sees all three", |member| member.view().len() == 3).await;
    }
    dead.crash().await;
    assert_eq!(redis.cli(&["FLUSHALL"]), "OK");
    assert_eq!(redis.cli(&["SCRIPT", "FLUSH"]), "OK");
    for member in &mut members {
        member.until("sees the dead one leave", |member| !member.view().contains_key(&dead_id)).await;
        assert_eq!((member.view().len(), member.outages()), (2, 0), "{:?}", member.history());
    }
    let newcomer = Member::registered(&mut redis, "chat", "c1").await;
    for member in &mut members {
        member.until("sees the newcomer", |member| member.view().contains_key(&newcomer.id())).await;
    }
    for member in members.into_iter().chain([newcomer]) {
        member.leave().await;
    }
}

/// A watcher that has fallen behind further than the stream reaches looks at everything anew.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_changes_are_made_up_for() {
    let mut redis = Redis::new();
    let mut watcher = Member::registered(&mut redis, "chat", "c1").await;
    let other = Member::registered(&mut redis, "world", "w1").await;
    watcher.until("sees the other", |watcher| watcher.view().len() == 2).await;
    // As if hundreds of changes had been trimmed away: the next one has a number far ahead.
    let last = redis.cli(&["--raw", "XREVRANGE", "{sinew/test}/changes", "+", "-", "COUNT", "1"]);
    let (began, count) = last.lines().next().and_then(|id| id.split_once('-')).expect("an id");
    let ahead = format!("{began}-{}", count.parse::<u64>().expect("a number") + 500);
    redis.cli(&["XADD", "{sinew/test}/changes", &ahead, "name", "world/w1", "entry", ""]);
    let newcomer = Member::registered(&mut redis, "world", "w2").await;
    watcher.until("sees the newcomer", |watcher| watcher.view().contains_key(&newcomer.id())).await;
    assert!(watcher.view().contains_key(&other.id()) && watcher.outages() == 0, "{:?}", watcher.history());
    for member in [watcher, other, newcomer] {
        member.leave().await;
    }
}

impl outage::Engine for Redis {
    fn lines(&self) -> String {
        format!("registry.kind = \"redis\"\nregistry.lease_ms = {}\nregistry.addresses = [\"{}\"]", LEASE.as_millis(), self.address())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_costs_no_link_and_no_message() {
    outage::costs_no_link_and_no_message(&mut Redis::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_is_known_everywhere() {
    outage::time_of_a_join(&mut Redis::new(), "redis").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_id_of_another_server_is_told_as_taken() {
    crate::taken::is_told(Redis::new()).await;
}
