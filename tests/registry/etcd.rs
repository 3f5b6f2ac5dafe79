//! etcd, a real one: Debian's, or that of `SINEW_ETCD`.

#[path = "etcd/fixture.rs"]
mod fixture;
#[path = "etcd/secured.rs"]
mod secured;

use super::delayed::Delayed;
use super::engine::Port;
use crate::outage;
use fixture::{Etcd, LEASE, connector, loss};
use serde_json::json;
use sinew::registry::contract::Member;
use sinew::registry::{LeaveReason, News};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

contract_cases! {
    contract = Etcd::start();
}

// In a debug build a crowd keeps this machine busy for longer than the shortest lease.
contract_cases! {
    crowd = Etcd::start().patient();
    a_crowd_registers_at_once,
    thousands_come_and_go,
}

/// A member whose watch has just been broken, and how often the directory was looked at before; nothing gets through until the way is free again.
async fn cut_off(etcd: &mut Etcd) -> (Member, f64) {
    let mut watcher = Member::registered(etcd, "chat", "c1").await;
    watcher.for_a_while(Duration::from_millis(1500)).await;
    let looked = etcd.answered("Range");
    etcd.way.hold(true);
    etcd.way.cut();
    (watcher, looked)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watch_that_breaks_is_resumed_where_it_was() {
    let mut etcd = Etcd::start();
    let (mut watcher, looked) = cut_off(&mut etcd).await;
    let member = connector(&[etcd.client.to_string()], "", "world", "w1");
    let (mut news, commands, task) = super::support::run(member, "world", "w1");
    let News::Registered(own) = super::support::next(&mut news).await else { panic!("not registered") };
    assert!(!watcher.view().contains_key(&own.id));
    etcd.way.hold(false);
    watcher.until("sees what it has missed", |watcher| watcher.view().contains_key(&own.id)).await;
    // The newcomer has looked at everything, and the watcher has not.
    assert_eq!(etcd.answered("Range") - looked, 1.0);
    drop(commands);
    task.await.expect("it leaves");
    watcher.until("sees it leave", |watcher| !watcher.view().contains_key(&own.id)).await;
    watcher.assert_left(own.id, LeaveReason::Deregistered);
    assert_eq!(watcher.outages(), 0);
    watcher.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_compacted_meanwhile_is_looked_at_anew() {
    let mut etcd = Etcd::start();
    let (mut watcher, looked) = cut_off(&mut etcd).await;
    etcd.put("sinew/test/servers/world/w1", br#"{"id": 70, "group": "world", "name": "w1", "host": "10.0.0.1", "port": 4000}"#);
    let revision = etcd.put("elsewhere", b"x")["header"]["revision"].clone();
    assert!(etcd.call("kv/compaction", &json!({ "revision": revision, "physical": true }))["header"].is_object());
    etcd.way.hold(false);
    watcher.until("sees what it has missed", |watcher| watcher.view().values().any(|entry| entry.name == "w1")).await;
    assert_eq!(etcd.answered("Range") - looked, 1.0);
    // And goes on watching.
    let other = Member::registered(&mut etcd, "world", "w2").await;
    watcher.until("sees the next", |watcher| watcher.view().contains_key(&other.id())).await;
    assert_eq!(watcher.outages(), 0);
    other.leave().await;
    watcher.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_that_make_no_sense_harm_nobody() {
    let mut etcd = Etcd::start();
    let good = r#"{"id": 70, "group": "world", "name": "w7", "host": "10.0.0.1", "port": 4000}"#;
    let bad: [(&str, Vec<u8>); 8] = [
        ("sinew/test/servers/world/empty", Vec::new()),
        ("sinew/test/servers/world/nojson", b"\xff\xfe{".to_vec()),
        ("sinew/test/servers/world/noport", good.replace(", \"port\": 4000", "").into_bytes()),
        ("sinew/test/servers/world/text", good.replace("4000", "\"4000\"").into_bytes()),
        ("sinew/test/servers/world/other", good.into()),
        ("sinew/test/servers/w8", good.into()),
        ("sinew/test/servers/world/a/b", good.into()),
        ("sinew/test/servers/world/huge", vec![b' '; 1 << 20]),
    ];
    for (key, value) in &bad[..4] {
        etcd.put(key, value);
    }
    let mut member = Member::registered(&mut etcd, "world", "w1").await;
    for (key, value) in &bad[4..] {
        assert!(etcd.put(key, value)["header"].is_object(), "{key}");
    }
    etcd.put("sinew/test/servers/world/w7", good.as_bytes());
    member.until("sees the good one", |member| member.view().values().any(|entry| entry.name == "w7")).await;
    assert_eq!((member.view().len(), member.outages()), (2, 0), "{:?}", member.view());
    // Nonsense in place of this server's own entry: it puts that right.
    etcd.put("sinew/test/servers/world/w1", b"nonsense");
    let other = Member::registered(&mut etcd, "chat", "c1").await;
    let id = member.id();
    let mut other = other;
    other.until("sees the entry again", |other| other.view().contains_key(&id)).await;
    // A name held by nonsense is taken.
    let empty = Member::registered(&mut etcd, "world", "empty").await;
    for member in [member, other, empty] {
        member.leave().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_keys_go_with_the_lease() {
    let mut etcd = Etcd::start();
    let member = Member::registered(&mut etcd, "world", "w1").await;
    assert_eq!(etcd.values("sinew/test/ids/"), ["world/w1"]);
    assert!(etcd.values("sinew/test/servers/")[0].contains("\"name\":\"w1\""));
    member.leave().await;
    assert!(etcd.values("sinew/test/servers/")[0].contains("\"left\":true"));
    let mut watcher = Member::registered(&mut etcd, "chat", "c1").await;
    watcher.for_a_while(2 * LEASE).await;
    assert_eq!((etcd.values("sinew/test/servers/").len(), etcd.values("sinew/test/ids/").len()), (1, 1));
    watcher.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_that_stands_elsewhere_is_not_used() {
    let mut etcd = Etcd::start();
    let mut member = Member::registered(&mut etcd, "world", "w1").await;
    // Somebody gives this server's id to another name; its entry is lost, and cannot come back under that id.
    etcd.put(&format!("sinew/test/ids/{}", member.id()), b"world/w2");
    etcd.put("sinew/test/servers/world/w1", b"gone");
    member.until("is told", Member::is_lost).await;
    let said = member.history().iter().find_map(|news| if let News::Lost(text) = news { Some(text.clone()) } else { None });
    assert!(said.expect("lost").contains("lists the id of this server under another name"));
    etcd.put(&format!("sinew/test/ids/{}", member.id()), b"world/w1");
    member.until("is there again", |member| !member.is_lost()).await;
    member.leave().await;
}

/// Whoever asks there gets the same.
async fn parrot(says: &'static str) -> (SocketAddr, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("any free port");
    let address = listener.local_addr().expect("bound");
    let server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // How it ends does not matter.
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(says.as_bytes()).await;
        }
    });
    (address, server)
}

/// As etcd answers when it has lost the others.
const NO_LEADER: &str = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 46\r\nConnection: close\r\n\r\n\
                         {\"code\":14, \"message\":\"etcdserver: no leader\"}";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_etcd_is_named() {
    // Another product's web page, and a program that speaks no HTTP at all.
    for (says, expected) in [
        ("HTTP/1.1 404 Not Found\r\nContent-Length: 22\r\n\r\n<html>not here</html>\n", "404: \"<html>not here</html>\"; is it etcd"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n<html>welcome!</html>\n", "is it really that product?"),
        ("\u{0}\u{1}SSH-2.0-garbage\r\n", "is it that product"),
    ] {
        let (address, server) = parrot(says).await;
        let text = loss(connector(&[address.to_string()], "", "world", "w1")).await;
        assert!(text.contains(&address.to_string()) && text.contains(expected), "{text}");
        server.abort();
    }
    let nobody = Port::reserve();
    let text = loss(connector(&[nobody.address().to_string()], "", "world", "w1")).await;
    assert!(text.contains("cannot be reached") && text.contains("registry.addresses"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_several_servers_is_enough() {
    let (etcd, waiting, dead) = (Etcd::start(), Etcd::alone(), Port::reserve());
    let (leaderless, server) = parrot(NO_LEADER).await;
    // Takes connections and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("any free port");
    for first in [dead.address(), leaderless, silent.local_addr().expect("bound"), waiting.client] {
        let addresses = [first.to_string(), etcd.client.to_string()];
        let (mut news, commands, task) = super::support::run(connector(&addresses, "", "world", "w1"), "world", "w1");
        // One that is silent takes the first attempt with it.
        let mut told = super::support::next(&mut news).await;
        if ![dead.address(), leaderless].contains(&first) && matches!(told, News::Lost(_)) {
            told = super::support::next(&mut news).await;
            assert_eq!(told, News::Restored);
            told = super::support::next(&mut news).await;
        }
        assert!(matches!(told, News::Registered(_)), "{addresses:?}: {told:?}");
        drop(commands);
        task.await.expect("it leaves");
    }
    let text = loss(connector(&[leaderless.to_string()], "", "world", "w1")).await;
    assert!(text.contains("no leader") && text.contains("reach each other"), "{text}");
    server.abort();
    // A server that falls silent while it is watched is left for another one.
    let other_way = Delayed::to(etcd.client);
    let addresses = [etcd.way.address.to_string(), other_way.address.to_string()];
    let (mut news, commands, task) = super::support::run(connector(&addresses, "", "world", "w1"), "world", "w1");
    assert!(matches!(super::support::next(&mut news).await, News::Registered(_)));
    assert!(matches!(super::support::next(&mut news).await, News::Snapshot(_)));
    etcd.way.delay(Duration::from_secs(3600));
    let newcomer = connector(&[etcd.client.to_string()], "", "chat", "c1");
    let (mut its_news, its_commands, its_task) = super::support::run(newcomer, "chat", "c1");
    assert!(matches!(super::support::next(&mut its_news).await, News::Registered(_)));
    // On a busy machine the other one may be late, too, which is told as an outage.
    while !matches!(super::support::next(&mut news).await, News::Joined(entry) if entry.name == "c1") {}
    for (commands, task) in [(commands, task), (its_commands, its_task)] {
        drop(commands);
        task.await.expect("it leaves");
    }
}

/// The figure in docs/registries.md.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_member_asks_for_its_lease_alone() {
    let mut etcd = Etcd::start();
    let mut member = Member::registered(&mut etcd, "world", "w1").await;
    member.for_a_while(Duration::from_millis(300)).await;
    let figures = |etcd: &Etcd| {
        let started = |method: &str| {
            ["bidi_stream", "unary"].map(|kind| {
                let services = ["etcdserverpb.KV", "etcdserverpb.Lease", "etcdserverpb.Watch", "etcdserverpb.Auth"];
                let figure = |service: &str| {
                    etcd.figure(&format!(
                        "grpc_server_started_total{{grpc_method=\"{method}\",grpc_service=\"{service}\",grpc_type=\"{kind}\"}}"
                    ))
                };
                services.map(figure).iter().sum::<f64>()
            })
        };
        ["LeaseKeepAlive", "Watch", "Range", "Txn", "LeaseGrant", "Put"].map(|method| started(method).iter().sum::<f64>())
    };
    let before = figures(&etcd);
    member.for_a_while(3 * LEASE).await;
    let after = figures(&etcd);
    let asked: Vec<f64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
    println!("in {} s with a lease of {} s: renewals {}, others {:?}", (3 * LEASE).as_secs(), LEASE.as_secs(), asked[0], &asked[1..]);
    assert!((7.0..=10.0).contains(&asked[0]) && asked[1..].iter().all(|asked| *asked == 0.0), "{asked:?}");
    member.leave().await;
}

impl outage::Engine for Etcd {
    fn lines(&self) -> String {
        format!("registry = {{ kind = \"etcd\", lease_ms = 2000, addresses = [\"{}\"] }}", self.client)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_costs_no_link_and_no_message() {
    outage::costs_no_link_and_no_message(&mut Etcd::start()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_is_known_everywhere() {
    outage::time_of_a_join(&mut Etcd::start(), "etcd").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_id_of_another_server_is_told_as_taken() {
    crate::taken::is_told(Etcd::start()).await;
}
