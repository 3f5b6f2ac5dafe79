//! Servers for tests: a configuration in one line, and waiting for what must happen with a bound.

use sinew::{Event, RemoteServer, SendMode, Server, ServerConfig};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Nothing on loopback takes this long; a test that waits so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// lobby connects to world; mesh connects to itself.
pub(crate) const TOPOLOGY: &str = r#"
[groups.lobby]
visibility = "external"
connects_to = ["world"]
[groups.world]
[groups.mesh]
connects_to = ["mesh"]
"#;

/// A server and what it has seen.
pub(crate) struct Seen {
    pub(crate) server: Server,
    pub(crate) unread: VecDeque<Event>,
}

/// Starts a server of `group`, named `name`, with `more` TOML behind. Environment variables do not reach it.
pub(crate) fn start(group: &str, name: &str, more: &str) -> Seen {
    try_start(group, name, more).unwrap_or_else(|error| panic!("{group}/{name} does not start: {error}"))
}

pub(crate) fn try_start(group: &str, name: &str, more: &str) -> Result<Seen, sinew::Error> {
    let text = format!("server.group = \"{group}\"\nserver.name = \"{name}\"\nlog.to = \"events\"\n{more}\n{TOPOLOGY}");
    let server = Server::start(ServerConfig::load(&text, "text", std::iter::empty())?)?;
    Ok(Seen { server, unread: VecDeque::new() })
}

/// A server that also hosts the registry, and the line that leads others to it.
pub(crate) fn start_host(group: &str, name: &str, more: &str) -> (Seen, String) {
    let port = free_port();
    let host =
        start(group, name, &format!("registry.host = true\nregistry.listen = \"127.0.0.1:{port}\"\nregistry.lease_ms = 500\n{more}"));
    (host, format!("registry.addresses = [\"127.0.0.1:{port}\"]"))
}

/// A port that was free a moment ago, for what must be known before it is bound.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

impl Seen {
    /// Takes events until `wanted` answers something; panics with everything seen when that takes too long. What was passed over is gone.
    pub(crate) fn wait<T>(&mut self, what: &str, mut wanted: impl FnMut(&Event) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut passed = Vec::new();
        loop {
            while let Some(event) = self.unread.pop_front() {
                if let Some(found) = wanted(&event) {
                    return found;
                }
                passed.push(event);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{what} did not happen; instead: {passed:#?}");
            match self.server.poll(left) {
                Ok(events) => self.unread.extend(events),
                Err(error) => panic!("{what} did not happen: {error}; before: {passed:#?}"),
            }
        }
    }

    pub(crate) fn connected(&mut self, name: &str) -> RemoteServer {
        self.wait(&format!("connected {name}"), |event| match event {
            Event::ServerConnected { server } if server.name() == name => Some(server.clone()),
            _ => None,
        })
    }

    pub(crate) fn message(&mut self) -> (String, u16, Vec<u8>, SendMode) {
        self.wait("a message", |event| match event {
            Event::Message { server, message } => Some((server.name().to_string(), message.tag, message.payload.to_vec(), message.mode)),
            _ => None,
        })
    }
}
