//! The same people at the port of the registry that a server hosts: they are closed in time and named in that server's log, and honest servers
//! find each other all the while.

use crate::client::{Target, gullible};
use crate::client_hello::{ClientHello, HANDSHAKE, PROTOCOLS, record};
use crate::field::{ALONE, ALPN, Keys, PATIENCE, config, wait};
use crate::wire::{Control, Goodbye, header, message};
use parking_lot::MutexGuard;
use sinew::config::LogLevel;
use sinew::transport::tls::Tls;
use sinew::{Event, Server};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const REGISTRY: &[u8] = b"sinew-registry/1";

/// The registry's own; it has no setting.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);

struct Scene {
    runtime: tokio::runtime::Runtime,
    keys: Keys,
    host: Server,
    address: SocketAddr,
    _alone: MutexGuard<'static, ()>,
}

impl Scene {
    fn new(more: &str) -> Self {
        let alone = ALONE.lock();
        let keys = Keys::new();
        // The host cannot say which port it took; this one was free a moment ago.
        let address = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
        let hosting = format!("registry.host = true\nregistry.listen = '{address}'\n{more}");
        let host = Server::start(config("world", "host", &keys.path, &hosting)).expect("starts");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let scene = Self { runtime, keys, host, address, _alone: alone };
        wait(&scene.host, "registered", |event| matches!(event, Event::Started { .. }).then_some(()));
        scene
    }

    fn from(&self, place: u8) -> Target {
        let id = self.host.info().id.expect("registered");
        Target { address: self.address, id, deadline: HANDSHAKE_DEADLINE, source: [127, 3, 0, place].into() }
    }

    /// An honest server gets its link through this registry. Answers what the host warned of until then.
    fn still_serves(&self) -> Vec<String> {
        let found = format!("registry.addresses = ['{}']", self.address);
        let late = Server::start(config("lobby", "late", &self.keys.path, &found)).expect("starts");
        let mut warnings = Vec::new();
        wait(&self.host, "connected", |event| match event {
            Event::ServerConnected { server } => (server.name() == "late").then_some(()),
            Event::Log { level: LogLevel::Warn, text, .. } => {
                warnings.push(text);
                None
            }
            _ => None,
        });
        drop(late);
        warnings
    }
}

#[test]
fn the_registrys_port_is_no_softer() {
    let scene = Scene::new("");
    let other = Keys::new();
    let raw: [(&str, Vec<u8>); 12] = [
        ("not TLS", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("not TLS", vec![0xff; 65536]),
        ("not TLS", header(u32::MAX, 0, 0, 0).into()),
        ("not TLS", message(7, b"early")),
        ("not TLS", Control::Goodbye(Goodbye::Stopped).frame()),
        ("not TLS", b"\x16\x03\x01\xff\xff\x01\x00\xff\xff".to_vec()),
        ("not TLS", record(HANDSHAKE, b"sixteen bytes!!!")),
        ("not TLS", record(HANDSHAKE, b"\x01\xff\xff\xff\x03\x03")),
        ("not TLS", ClientHello::genuine().record()),
        ("not TLS", ClientHello::genuine().without(PROTOCOLS).record().repeat(2)),
        ("silent", vec![]),
        ("silent", vec![HANDSHAKE, 3, 3]),
    ];
    // With a certificate, what they say is what is wrong: 4 GiB, a word that is none, a link's hello.
    let spoken: [(&str, Vec<u8>); 4] = [
        ("too long", vec![0xff; 16]),
        ("malformed", vec![1, 0, 0, 0, 0x77]),
        ("malformed", vec![0, 0, 0, 0]),
        ("silent", vec![2, 0, 0, 0]),
    ];
    let member = Tls::new(&scene.keys.identity("vault", "mallory", ""), REGISTRY);
    let trusting = format!("cluster.trust = ['{}']", scene.keys.path.display());
    let foreign = Tls::new(&other.identity("lobby", "late", &trusting), REGISTRY);
    let mut under_way = JoinSet::new();
    let mut reasons = Vec::new();
    let mut place = 0;
    let mut attack = |reason: &'static str| {
        place += 1;
        reasons.push((reason, format!("127.3.0.{place}")));
        scene.from(place)
    };
    for (reason, bytes) in raw {
        let target = attack(reason);
        under_way.spawn_on(
            async move {
                let mut line = target.tcp().await;
                line.write(&bytes).await;
                line.ended().await;
            },
            scene.runtime.handle(),
        );
    }
    for (reason, bytes) in spoken {
        let (target, member) = (attack(reason), member.clone());
        under_way.spawn_on(
            async move {
                let mut line = target.tls(&member).await;
                line.write(&bytes).await;
                line.ended().await;
            },
            scene.runtime.handle(),
        );
    }
    let target = attack("untrusted");
    under_way.spawn_on(async move { target.tls(&foreign).await.ended().await }, scene.runtime.handle());
    let target = attack("untrusted");
    let nobody = gullible(None, &[REGISTRY]);
    under_way.spawn_on(async move { target.bare(nobody).await.expect("this side asks for nothing").ended().await }, scene.runtime.handle());
    let target = attack("not TLS");
    let links = gullible(Some(scene.keys.shown("vault", "mallory")), &[ALPN]);
    under_way.spawn_on(async move { assert!(target.bare(links).await.is_err()) }, scene.runtime.handle());

    let mut warnings = scene.still_serves();
    let deadline = Instant::now() + PATIENCE;
    let missing = |warnings: &[String]| {
        let told = |(reason, from): &&(&str, String)| {
            let (from, reason) = (format!("from={from}"), format!("reason={reason} silent"));
            !warnings.iter().any(|line| line.split(' ').any(|word| word == from) && line.contains(&reason))
        };
        reasons.iter().filter(told).cloned().collect::<Vec<_>>()
    };
    while !missing(&warnings).is_empty() {
        for event in scene.host.poll(Duration::from_millis(20)).expect("it runs") {
            if let Event::Log { level: LogLevel::Warn, text, .. } = event {
                warnings.push(text);
            }
        }
        assert!(Instant::now() < deadline, "not told of: {:#?}; but: {warnings:#?}", missing(&warnings));
    }
    scene.runtime.block_on(under_way.join_all());
    assert_eq!(warnings.iter().filter(|line| line.contains("turned away")).count(), reasons.len(), "{warnings:#?}");
}

#[test]
fn an_address_that_floods_the_registry_is_throttled_and_others_are_not() {
    let scene = Scene::new("limits.connects_per_address = 8");
    let target = scene.from(1);
    let flood = scene.runtime.spawn(async move {
        let mut lines = JoinSet::new();
        for _ in 0..400 {
            let mut line = target.tcp().await;
            lines.spawn(async move {
                line.write(b"flood").await;
                line.ended().await;
            });
        }
        lines.join_all().await;
    });
    scene.runtime.block_on(flood).expect("all of them closed in time");
    let warnings = scene.still_serves();
    let says = |what: &str| warnings.iter().filter(|line| line.contains("127.3.0.1") && line.contains(what)).count();
    assert_eq!(says("more connections per second"), 1, "{warnings:#?}");
    assert!(says("turned away") <= 2, "{warnings:#?}");
}
