//! A real etcd in a folder and on ports of its own, and connectors to it.

use super::super::delayed::Delayed;
use super::super::engine::{Engine, Port, listens};
use super::super::support::{churn, configured, next, run};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sinew::registry::contract::{Abilities, Fixture};
use sinew::registry::{Connector, News};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Duration;

/// The shortest.
pub(super) const LEASE: Duration = Duration::from_secs(2);
const PATIENT_LEASE: Duration = Duration::from_secs(10);

/// Who is asked, and how: what stands in `[registry]`.
pub(super) fn connector(addresses: &[String], more: &str, group: &str, name: &str) -> Box<dyn Connector> {
    let lease = if more.contains("lease_ms") { String::new() } else { format!("lease_ms = {}\n", LEASE.as_millis()) };
    configured(group, name, &format!("[registry]\nkind = \"etcd\"\naddresses = {addresses:?}\n{lease}{more}"))
}

/// What a member is told that cannot register.
pub(super) async fn loss(connector: Box<dyn Connector>) -> String {
    let (mut news, _commands, task) = run(connector, "world", "w1");
    let first = next(&mut news).await;
    task.abort();
    match first {
        News::Lost(text) => text,
        other => panic!("it was let in: {other:?}"),
    }
}

pub(super) struct Etcd {
    pub(super) engine: Engine,
    /// Where clients are served, and where anybody may look at its health and figures.
    pub(super) client: SocketAddr,
    metrics: SocketAddr,
    _ports: [Port; 3],
    pub(super) way: Delayed,
    /// More lines of `[registry]`.
    pub(super) more: String,
    /// Many members with a long lease, where it is a few with a short one.
    patient: bool,
}

impl Etcd {
    pub(super) fn start() -> Self {
        Self::with(&[], "http", |metrics, _| get(metrics, "/health").contains("true"))
    }

    /// With other options of etcd's, and another way to see that it is ready.
    pub(super) fn with(options: &[String], scheme: &str, ready: fn(SocketAddr, SocketAddr) -> bool) -> Self {
        let ports = [Port::reserve(), Port::reserve(), Port::reserve()];
        let [client, peer, metrics] = [0, 1, 2].map(|port: usize| ports[port].address());
        let program = std::env::var("SINEW_ETCD").unwrap_or_else(|_| "etcd".into());
        let (client_url, peer_url) = (format!("{scheme}://{client}"), format!("http://{peer}"));
        let options = options.to_vec();
        let engine = Engine::start(
            move |folder| {
                let mut command = Command::new(&program);
                command.arg("--data-dir").arg(folder.join("data"));
                command.args(["--listen-client-urls", &client_url, "--advertise-client-urls", &client_url]);
                command.args(["--listen-peer-urls", &peer_url, "--initial-advertise-peer-urls", &peer_url]);
                command.args(["--listen-metrics-urls", &format!("http://{metrics}"), "--logger", "zap", "--log-level", "error"]);
                // Short leases are for quick elections.
                command.args(["--heartbeat-interval", "50", "--election-timeout", "500"]);
                command.args(["--initial-cluster", &format!("default={peer_url}{}", if options.is_empty() { "" } else { &options[0] })]);
                command.args(options.iter().skip(1));
                command
            },
            move || ready(metrics, client),
        );
        Self { engine, client, metrics, _ports: ports, way: Delayed::to(client), more: String::new(), patient: false }
    }

    pub(super) fn patient(self) -> Self {
        Self { patient: true, more: format!("lease_ms = {}", PATIENT_LEASE.as_millis()), ..self }
    }

    /// One that waits for two others, which never come: it takes connections and has no leader.
    pub(super) fn alone() -> Self {
        let others = [Port::reserve(), Port::reserve()];
        let more = format!(",b=http://{},c=http://{}", others[0].address(), others[1].address());
        Self::with(&[more], "http", |_, client| listens(client))
    }

    /// A call that is none of the connector's.
    pub(super) fn call(&self, path: &str, body: &Value) -> Value {
        self.call_as("", path, body)
    }

    /// The same by somebody who has this token.
    pub(super) fn call_as(&self, token: &str, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let who = if token.is_empty() { String::new() } else { format!("Authorization: {token}\r\n") };
        let request = format!("POST /v3/{path} HTTP/1.0\r\n{who}Content-Length: {}\r\n\r\n{body}", body.len());
        serde_json::from_str(&ask(self.client, &request)).expect("etcd answers JSON")
    }

    pub(super) fn put(&self, key: &str, value: &[u8]) -> Value {
        self.call("kv/put", &json!({ "key": STANDARD.encode(key), "value": STANDARD.encode(value) }))
    }

    /// Values below this prefix.
    pub(super) fn values(&self, prefix: &str) -> Vec<String> {
        let (key, end) = (STANDARD.encode(prefix), STANDARD.encode(format!("{}0", prefix.trim_end_matches('/'))));
        let range = self.call("kv/range", &json!({ "key": key, "range_end": end }));
        let values = range["kvs"].as_array().into_iter().flatten().filter_map(|kv| STANDARD.decode(kv["value"].as_str()?).ok());
        values.map(|value| String::from_utf8(value).expect("UTF-8")).collect()
    }

    /// How often a call has been answered well, this connector's and everybody else's.
    pub(super) fn answered(&self, method: &str) -> f64 {
        self.figure(&format!("grpc_server_handled_total{{grpc_code=\"OK\",grpc_method=\"{method}\""))
    }

    /// A figure of etcd's own.
    pub(super) fn figure(&self, name: &str) -> f64 {
        let metrics = get(self.metrics, "/metrics");
        let lines = metrics.lines().filter_map(|line| line.strip_prefix(name)?.rsplit(' ').next()?.parse::<f64>().ok());
        lines.sum()
    }
}

/// The body of an answer; empty when there is none.
fn ask(address: SocketAddr, request: &str) -> String {
    let mut answer = String::new();
    let asked = TcpStream::connect_timeout(&address, Duration::from_secs(1)).and_then(|mut stream| {
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(request.as_bytes())?;
        stream.read_to_string(&mut answer)
    });
    match asked {
        Ok(_) => answer.split_once("\r\n\r\n").map_or(String::new(), |(_, body)| body.to_owned()),
        Err(_) => String::new(),
    }
}

fn get(address: SocketAddr, path: &str) -> String {
    ask(address, &format!("GET {path} HTTP/1.0\r\n\r\n"))
}

impl Fixture for Etcd {
    fn abilities(&self) -> Abilities {
        let (lease, crowd, come_and_go) = if self.patient { (PATIENT_LEASE, 200, churn(500)) } else { (LEASE, 20, 50) };
        Abilities { seats: false, lease: Some(lease), restarts: true, pauses: true, delays: true, crowd, churn: come_and_go }
    }

    fn connector(&mut self, group: &str, name: &str) -> Box<dyn Connector> {
        connector(&[self.way.address.to_string()], &self.more, group, name)
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
        self.way.delay(by);
    }
}
