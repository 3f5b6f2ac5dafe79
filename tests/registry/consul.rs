//! Consul: the contract against a real agent, and what is Consul's own.

use crate::delayed::Delayed;
use crate::engine::{Engine, Port};
use crate::outage;
use crate::support::{PATIENCE, churn, configured, next, run};
use sinew::registry::contract::{Abilities, Fixture, Member};
use sinew::registry::{Connector, LeaveReason, News};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const LEASE: Duration = Duration::from_secs(3);

contract_cases! {
    contract = Consul::new();
}

/// An agent that is its own server and keeps everything in memory.
struct Consul {
    agent: Engine,
    http: SocketAddr,
    /// In between, once it has to be slow.
    slow: Option<Delayed>,
    /// More of `[registry]`.
    settings: String,
    _ports: Vec<Port>,
}

impl Consul {
    fn new() -> Self {
        // As docs/registries.md says: an agent takes 200 connections from one machine, two or three for each server.
        Self::with(r#"{"limits": {"http_max_conns_per_client": 2000}}"#)
    }

    /// `settings` is JSON as an agent reads it.
    fn with(settings: &str) -> Self {
        let ports: Vec<Port> = (0..3).map(|_| Port::reserve()).collect();
        let [http, server, serf] = [0, 1, 2].map(|index: usize| ports[index].address());
        let settings = settings.to_owned();
        let command = move |folder: &Path| {
            std::fs::write(folder.join("more.json"), &settings).expect("a file in its folder");
            let mut command = Command::new(std::env::var_os("SINEW_CONSUL").unwrap_or_else(|| "consul".into()));
            command.args(["agent", "-dev", "-node", "n1", "-bind", "127.0.0.1", "-client", "127.0.0.1", "-config-file", "more.json"]);
            for (option, port) in [("-http-port", http.port()), ("-server-port", server.port()), ("-serf-lan-port", serf.port())] {
                command.args([option, &port.to_string()]);
            }
            command.args(["-serf-wan-port", "-1", "-dns-port", "-1", "-grpc-port", "-1", "-log-level", "warn"]);
            command
        };
        // The node is listed by the leader when the agent has reached it.
        let ready = move || get(http, "/v1/catalog/nodes?token=master").contains("\"n1\"");
        Self { agent: Engine::start(command, ready), http, slow: None, settings: String::new(), _ports: ports }
    }

    fn set(mut self, settings: &str) -> Self {
        self.settings.push_str(settings);
        self
    }

    fn put(&self, path: &str, body: &str) -> String {
        let said = put(self.http, path, body);
        assert!(said.starts_with("HTTP/1.1 200"), "{path}: {said}");
        said
    }
}

impl Fixture for Consul {
    fn abilities(&self) -> Abilities {
        // Each of the crowd gets the whole crowd again and again, in the wordy JSON of `-dev`: the cost grows with the square.
        Abilities { seats: false, lease: Some(LEASE), restarts: true, pauses: true, delays: true, crowd: 100, churn: churn(200) }
    }

    fn connector(&mut self, group: &str, name: &str) -> Box<dyn Connector> {
        connector(group, name, &[self.slow.as_ref().map_or(self.http, |slow| slow.address)], &self.settings)
    }

    async fn stop(&mut self) {
        self.agent.kill();
    }

    async fn start(&mut self) {
        self.agent.start_again();
    }

    fn pause(&mut self) {
        self.agent.pause();
    }

    fn resume(&mut self) {
        self.agent.resume();
    }

    fn delay(&mut self, by: Duration) {
        self.slow.get_or_insert_with(|| Delayed::to(self.http)).delay(by);
    }
}

fn connector(group: &str, name: &str, agents: &[SocketAddr], settings: &str) -> Box<dyn Connector> {
    let agents: Vec<String> = agents.iter().map(|agent| format!("\"{agent}\"")).collect();
    let (agents, lease) = (agents.join(", "), LEASE.as_millis());
    configured(group, name, &format!("[registry]\nkind = \"consul\"\naddresses = [{agents}]\nlease_ms = {lease}\n{settings}"))
}

fn get(to: SocketAddr, path: &str) -> String {
    request(to, &format!("GET {path} HTTP/1.0\r\n\r\n"))
}

fn put(to: SocketAddr, path: &str, body: &str) -> String {
    request(to, &format!("PUT {path} HTTP/1.1\r\nHost: consul\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

/// The answer, or nothing.
fn request(to: SocketAddr, text: &str) -> String {
    let mut said = Vec::new();
    if let Ok(mut stream) = TcpStream::connect_timeout(&to, Duration::from_secs(1)) {
        let _ = stream.set_read_timeout(Some(Duration::from_secs(10)));
        let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.read_to_end(&mut said).map(drop));
    }
    String::from_utf8_lossy(&said).into_owned()
}

/// What a member is told first by something that is of no use.
async fn complaint(connector: Box<dyn Connector>) -> String {
    let (mut news, _commands, _task) = run(connector, "world", "w1");
    match next(&mut news).await {
        News::Lost(why) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_see_the_servers_and_nothing_is_left_behind() {
    let mut consul = Consul::new();
    let mut watcher = Member::registered(&mut consul, "chat", "c1").await;
    let member = Member::registered(&mut consul, "world", "w1").await;
    let id = member.id();
    let listed = get(consul.http, "/v1/health/service/sinew-test?tag=world&passing");
    for part in [&format!("\"sinew-test:world:w1:{id}\""), "\"Port\": 4000", "\"visibility\": \"internal\"", "\"ttl\""] {
        assert!(listed.contains(part), "{part} is not in {listed}");
    }
    let keys = |prefix: &str| get(consul.http, &format!("/v1/kv/sinew/test/{prefix}?keys"));
    assert!(keys("servers").contains("sinew/test/servers/world/w1") && keys("ids").contains(&format!("ids/{id}")));
    member.leave().await;
    watcher.until("sees it leave", |watcher| watcher.view().len() == 1).await;
    assert!(!keys("servers").contains("w1") && !keys("ids").contains(&format!("ids/{id}")));
    assert!(keys("goodbyes").contains(&format!("goodbyes/{id}")));
    watcher.leave().await;
    assert!(!get(consul.http, "/v1/agent/services").contains("sinew-test"));
    // What remains is locked by sessions, and ends with them.
    let sessions = get(consul.http, "/v1/session/list");
    assert_eq!(sessions.matches("\"Behavior\": \"delete\"").count(), 2, "{sessions}");
    assert_eq!(sessions.matches("\"TTL\": \"60s\"").count(), 2, "{sessions}");
    assert_eq!(get(consul.http, "/v1/kv/sinew?recurse").matches("\"Session\"").count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_a_lease_is_seen_at_once() {
    let mut consul = Consul::new();
    let mut watcher = Member::registered(&mut consul, "chat", "c1").await;
    for round in 0..3 {
        let member = Member::registered(&mut consul, "world", &format!("w{round}")).await;
        watcher.until("sees it", |watcher| watcher.view().len() == 2).await;
        let began = Instant::now();
        member.crash().await;
        watcher.within(LEASE + Duration::from_secs(1)).until("sees it leave", |watcher| watcher.view().len() == 1).await;
        println!("the end of a lease of {LEASE:?}, just registered, was seen after {:?}", began.elapsed());
    }
    watcher.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_an_agent_forgets_is_no_goodbye() {
    let mut consul = Consul::new();
    let mut watcher = Member::registered(&mut consul, "chat", "c1").await;
    let mut member = Member::registered(&mut consul, "world", "w1").await;
    let id = member.id();
    watcher.until("sees it", |watcher| watcher.view().contains_key(&id)).await;
    consul.put(&format!("/v1/agent/service/deregister/sinew-test:world:w1:{id}"), "");
    // By its watch it learns that it is gone, and registers again; who rests at that moment does not even see it.
    let began = Instant::now();
    while !get(consul.http, "/v1/agent/services").contains(&format!("sinew-test:world:w1:{id}")) {
        assert!(began.elapsed() < PATIENCE, "it does not come back");
        // bounded wait: until the agent has the service again, 20 s
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    watcher.for_a_while(LEASE).await;
    watcher.until("sees it again", |watcher| watcher.view().contains_key(&id)).await;
    let goodbye = News::Left { id, reason: LeaveReason::Deregistered };
    assert!(!watcher.history().contains(&goodbye), "{:?}", watcher.history());
    member.until("is registered again", |member| !member.is_lost()).await;
    assert_eq!(member.id(), id);
    member.leave().await;
    watcher.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_that_vanish_are_claimed_again() {
    let mut consul = Consul::new();
    let mut watcher = Member::registered(&mut consul, "chat", "c1").await;
    let mut member = Member::registered(&mut consul, "world", "w1").await;
    let id = member.id();
    watcher.until("sees it", |watcher| watcher.view().contains_key(&id)).await;
    assert!(put(consul.http, "/v1/kv/sinew/test/servers/world/w1", "somebody's scribbling").contains("true"));
    let sessions = get(consul.http, "/v1/session/list");
    for session in sessions.split("\"ID\": \"").skip(1).filter_map(|rest| rest.get(..36)) {
        consul.put(&format!("/v1/session/destroy/{session}"), "");
    }
    let newer = Member::registered(&mut consul, "world", "w1").await;
    assert!(newer.id() > id);
    member.until("is replaced", |member| member.replaced_by() == Some(newer.id())).await;
    newer.leave().await;
    watcher.leave().await;
    member.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_others_write_under_our_service_harms_nobody() {
    let mut consul = Consul::new();
    let mut member = Member::registered(&mut consul, "chat", "c1").await;
    let own = format!("{:?}", member.own());
    let junk = "x".repeat(500);
    let many: Vec<String> = (0..60).map(|n| format!("\"k{n}\": \"{junk}\"")).collect();
    let services = [
        r#"{"ID": "bare", "Name": "sinew-test"}"#.to_owned(),
        r#"{"ID": "words", "Name": "sinew-test", "Meta": {"record-0": "hello"}}"#.to_owned(),
        r#"{"ID": "null", "Name": "sinew-test", "Meta": {"record-0": "{\"id\":null}"}}"#.to_owned(),
        r#"{"ID": "elsewhere", "Name": "sinew-test",
            "Meta": {"record-0": "{\"id\":7,\"group\":\"world\",\"name\":\"w9\",\"host\":\"h\",\"port\":1}"}}"#
            .to_owned(),
        format!("{{\"ID\": \"much\", \"Name\": \"sinew-test\", \"Meta\": {{{}}}}}", many.join(", ")),
    ];
    for service in &services {
        consul.put("/v1/agent/service/register", service);
    }
    // A service that is as it should be, whoever wrote it, counts.
    let good = r#"{"ID": "sinew-test:world:w9:9", "Name": "sinew-test",
        "Meta": {"record-0": "{\"id\":9,\"group\":\"world\",\"name\":\"w9\",\"host\":\"h\",\"port\":1}"}}"#;
    consul.put("/v1/agent/service/register", good);
    member.until("sees the good one", |member| member.view().values().any(|entry| entry.name == "w9")).await;
    // 1 MiB of services without sense.
    for n in 0..32 {
        consul.put("/v1/agent/service/register", &services[4].replace("\"much\"", &format!("\"much{n}\"")));
    }
    let other = Member::registered(&mut consul, "world", "w1").await;
    member.until("sees the other", |member| member.view().contains_key(&other.id())).await;
    assert_eq!((member.view().len(), format!("{:?}", member.own())), (3, own));
    assert_eq!(member.outages(), 0);
    other.leave().await;
    member.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_may_and_one_that_may_not() {
    let acl = r#"{"acl": {"enabled": true, "default_policy": "deny", "tokens": {"master": "master", "agent": "master"}}, "primary_datacenter": "dc1"}"#;
    let consul = Consul::with(acl);
    // As docs/registries.md shows it.
    let rules = r#"service \"sinew-test\" { policy = \"write\" } key_prefix \"sinew/test/\" { policy = \"write\" } session_prefix \"\" { policy = \"write\" } node_prefix \"\" { policy = \"read\" }"#;
    let made = |name: &str, rules: &str| {
        let token = format!("{name}0000000-0000-4000-8000-000000000000");
        consul.put("/v1/acl/policy?token=master", &format!("{{\"Name\": \"p{name}\", \"Rules\": \"{rules}\"}}"));
        consul.put("/v1/acl/token?token=master", &format!("{{\"SecretID\": \"{token}\", \"Policies\": [{{\"Name\": \"p{name}\"}}]}}"));
        token
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("token");
    let with = |token: &str| {
        std::fs::write(&file, format!("{token}\nnot this\n")).expect("a file");
        connector("world", "w1", &[consul.http], &format!("secret_file = \"{}\"", file.display()))
    };
    let why = complaint(connector("world", "w1", &[consul.http], "")).await;
    assert!(why.contains("Permission denied") && why.contains("secret_file"), "{why}");
    let why = complaint(with("11110000-0000-4000-8000-000000000000")).await;
    assert!(why.contains("ACL not found") && why.contains("secret_file"), "{why}");
    let less = [("key_prefix", "query_prefix"), ("session_prefix", "event_prefix"), ("sinew-test", "other")];
    for (name, (right, wrong)) in ["a", "b", "c"].into_iter().zip(less) {
        let why = complaint(with(&made(name, &rules.replace(right, wrong)))).await;
        assert!(why.contains("Permission denied") && why.contains("secret_file"), "without {right}: {why}");
    }
    let why = complaint(with(&made("d", &rules.replace("node_prefix \\\"\\\"", "node_prefix \\\"other\\\"")))).await;
    assert!(why.contains("does not show it") && why.contains("secret_file"), "{why}");
    let (mut news, _commands, _task) = run(with(&made("e", rules)), "world", "w1");
    let first = next(&mut news).await;
    assert!(matches!(first, News::Registered(_)), "{first:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_speaks_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let mut params = rcgen::CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_key = rcgen::KeyPair::generate().expect("a key");
    let ca = params.self_signed(&ca_key).expect("a certificate");
    let issuer = rcgen::Issuer::from_params(&params, &ca_key);
    let signed = |name: &str| {
        let key = rcgen::KeyPair::generate().expect("a key");
        let params = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let cert = params.signed_by(&key, &issuer).expect("a certificate");
        (file(&format!("{name}.pem"), cert.pem()), file(&format!("{name}.key"), key.serialize_pem()))
    };
    let ca = file("ca.pem", ca.pem());
    let (server, client) = (signed("127.0.0.1"), signed("client"));
    let https = Port::reserve();
    let consul = Consul::with(&format!(
        "{{\"ports\": {{\"https\": {}}}, \"ca_file\": \"{ca}\", \"cert_file\": \"{}\", \"key_file\": \"{}\", \"verify_incoming_https\": true}}",
        https.address().port(),
        server.0,
        server.1
    ));
    let tls = format!("tls = true\nca = \"{ca}\"\ncert = \"{}\"\nkey = \"{}\"\n", client.0, client.1);
    let (mut news, _commands, _task) = run(connector("world", "w1", &[https.address()], &tls), "world", "w1");
    let first = next(&mut news).await;
    assert!(matches!(first, News::Registered(_)), "{first:?}");
    // Without a certificate, with another authority, and without TLS.
    let why = complaint(connector("world", "w2", &[https.address()], &format!("tls = true\nca = \"{ca}\""))).await;
    assert!(why.contains(&https.address().to_string()), "{why}");
    let why = complaint(connector("world", "w2", &[https.address()], &format!("tls = true\nca = \"{}\"", client.0))).await;
    assert!(why.contains("registry.ca"), "{why}");
    let why = complaint(connector("world", "w2", &[https.address()], "")).await;
    assert!(why.contains("Consul"), "{why}");
    let why = complaint(connector("world", "w2", &[consul.http], &tls)).await;
    assert!(why.contains("cannot be reached") || why.contains("registry.tls"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn something_else_at_the_port_is_named() {
    let page = "<html><body>It works!</body></html>";
    for answer in [
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{page}", page.len()),
        format!("HTTP/1.1 404 Not Found\r\nContent-Length: {}\r\n\r\n{page}", page.len()),
        "\u{0}\u{1}garbage\r\n\r\n".repeat(10_000),
        String::new(),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("any free port");
        let address = listener.local_addr().expect("it is bound");
        // Ends with the test program.
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                let _ = stream.read(&mut [0; 4096]).and_then(|_| stream.write_all(answer.as_bytes()));
            }
        });
        let why = complaint(connector("world", "w1", &[address], "")).await;
        assert!(why.contains(&format!("Consul at {address}")) && why.contains('?'), "{why}");
    }
    let nobody = Port::reserve().address();
    let why = complaint(connector("world", "w1", &[nobody], "")).await;
    assert!(why.contains("cannot be reached") && why.contains("registry.addresses"), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_datacenter_that_is_not_the_agents_is_named() {
    let consul = Consul::new();
    let why = complaint(connector("world", "w1", &[consul.http], "datacenter = \"moon\"")).await;
    assert!(why.contains("No path to datacenter") && why.contains("registry.datacenter"), "{why}");
    let mut consul = consul.set("datacenter = \"dc1\"");
    let member = Member::registered(&mut consul, "world", "w1").await;
    member.leave().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_is_gone_or_silent_is_left_for_the_next() {
    let consul = Consul::new();
    let nobody = Port::reserve();
    let silent = TcpListener::bind("127.0.0.1:0").expect("any free port");
    let silent_address = silent.local_addr().expect("it is bound");
    for first in [nobody.address(), silent_address] {
        let (mut news, _commands, _task) = run(connector("world", "w1", &[first, consul.http], ""), "world", "w1");
        let told = [next(&mut news).await, next(&mut news).await, next(&mut news).await];
        assert!(told.iter().any(|news| matches!(news, News::Registered(_))), "{told:?}");
    }
}

impl outage::Engine for Consul {
    fn lines(&self) -> String {
        format!("registry = {{ kind = \"consul\", lease_ms = {}, addresses = [\"{}\"] }}", LEASE.as_millis(), self.http)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_costs_no_link_and_no_message() {
    outage::costs_no_link_and_no_message(&mut Consul::new()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_is_known_everywhere() {
    outage::time_of_a_join(&mut Consul::new(), "consul").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_id_of_another_server_is_told_as_taken() {
    crate::taken::is_told(Consul::new()).await;
}
