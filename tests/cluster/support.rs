//! Servers for tests: a configuration in one line, and waiting for what must happen with a bound.

pub(crate) use crate::ports::free_port;
use sinew::{DisconnectReason, Event, LeaveReason, RemoteServer, SendMode, Server, ServerConfig, StopReason};
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

/// Reconnects at once, for tests in which somebody comes back.
pub(crate) const EAGER: &str = "limits.reconnect_min_ms = 10\nlimits.reconnect_max_ms = 50\n";

/// A server and what it has seen.
pub(crate) struct Seen {
    pub(crate) server: Server,
    pub(crate) unread: VecDeque<Event>,
    /// Every event that was taken, messages excepted, in a few words: `connected w1`.
    pub(crate) history: Vec<String>,
}

/// The configuration of a server of `group`, named `name`, with `more` TOML behind.
pub(crate) fn text(topology: &str, group: &str, name: &str, more: &str) -> String {
    format!("server.group = \"{group}\"\nserver.name = \"{name}\"\nlog.to = \"events\"\n{more}\n{topology}")
}

/// Starts a server. Environment variables do not reach it.
pub(crate) fn start(group: &str, name: &str, more: &str) -> Seen {
    start_in(TOPOLOGY, group, name, more)
}

/// As [`start`], in groups of the test's own.
pub(crate) fn start_in(topology: &str, group: &str, name: &str, more: &str) -> Seen {
    let text = text(topology, group, name, more);
    let deadline = Instant::now() + PATIENCE;
    loop {
        match start_text(&text) {
            Ok(seen) => return seen,
            // A port of a server that was just dropped is free at once (tests/resources.rs), but not while another test is
            // starting a child process: until that runs its own program it has a copy of every descriptor of this one.
            Err(sinew::Error::AddressInUse { .. }) if Instant::now() < deadline => {
                // bounded wait: for the child's own program, until the deadline
                std::thread::sleep(Duration::from_millis(1));
            }
            Err(error) => panic!("{group}/{name} does not start: {error}"),
        }
    }
}

pub(crate) fn start_text(text: &str) -> Result<Seen, sinew::Error> {
    let server = Server::start(ServerConfig::load(text, "text", std::iter::empty())?)?;
    Ok(Seen { server, unread: VecDeque::new(), history: Vec::new() })
}

/// A server that also hosts the registry, and the line that leads others to it.
pub(crate) fn start_host(group: &str, name: &str, more: &str) -> (Seen, String) {
    start_host_in(TOPOLOGY, group, name, more)
}

/// As [`start_host`], in groups of the test's own.
pub(crate) fn start_host_in(topology: &str, group: &str, name: &str, more: &str) -> (Seen, String) {
    let port = free_port();
    (start_in(topology, group, name, &hosting(port, 500, more)), registry_at(port))
}

/// The lines of a server that hosts the registry on `port`.
pub(crate) fn hosting(port: u16, lease_ms: u64, more: &str) -> String {
    format!("registry.host = true\nregistry.listen = \"127.0.0.1:{port}\"\nregistry.lease_ms = {lease_ms}\n{more}")
}

/// The line that leads to the registry on `port`.
pub(crate) fn registry_at(port: u16) -> String {
    format!("registry.addresses = [\"127.0.0.1:{port}\"]\n")
}

/// Waits until `true`, for what can only be asked for and is no event.
pub(crate) fn until(what: &str, mut is: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        // bounded wait: for `is`, until the deadline
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The smallest `limits.event_queue_bytes`, with an outbox that is full after a few messages and yet large enough for the peer to acknowledge
/// its half at once, so that [`Seen::fill_event_queue`] is quick.
pub(crate) const EVENT_QUEUE: usize = 64 * 1024;
pub(crate) const SMALL_EVENT_QUEUE: &str = "limits.event_queue_bytes = 65536\nlimits.outbox_bytes = 131072\n";

impl Seen {
    /// Makes events (`Writable`, of this server with [`SMALL_EVENT_QUEUE`]) that nobody polls, until the control plane pauses.
    /// `receiver` is connected and reads, so that refusals end.
    pub(crate) fn fill_event_queue(&self, receiver: &Seen) {
        let receiver = &receiver.server;
        let to = receiver.info().id.and_then(|id| self.server.find(id)).expect("in view");
        let deadline = Instant::now() + PATIENCE;
        // A thousand events, one for each refusal. The receiver wakes by what comes: a loop that never sleeps would take the time from the
        // threads that carry it, and a sleep is a long one on a busy machine.
        while self.server.stats().event_bytes < EVENT_QUEUE {
            assert!(Instant::now() < deadline, "the event queue does not fill: {:?}", self.server.stats());
            while to.send(1, &[0; 30_000], SendMode::Reliable).is_ok() {}
            receiver.poll(Duration::from_millis(1)).expect("nobody else polls").for_each(drop);
        }
    }

    /// Takes events until `wanted` answers something; panics with everything seen when that takes too long.
    pub(crate) fn wait<T>(&mut self, what: &str, wanted: impl FnMut(&Event) -> Option<T>) -> T {
        self.wait_for(PATIENCE, wanted).unwrap_or_else(|why| {
            let name = self.server.info().name;
            panic!("{name}: {what} did not happen ({why}); what did: {:#?}", self.history)
        })
    }

    /// As [`Seen::wait`], within `patience`.
    pub(crate) fn wait_for<T>(&mut self, patience: Duration, mut wanted: impl FnMut(&Event) -> Option<T>) -> Result<T, String> {
        let deadline = Instant::now() + patience;
        loop {
            while let Some(event) = self.unread.pop_front() {
                self.history.extend(in_words(&event));
                if let Some(found) = wanted(&event) {
                    return Ok(found);
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err("it took too long".into());
            }
            match self.server.poll(left) {
                Ok(events) => self.unread.extend(events),
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    pub(crate) fn connected(&mut self, name: &str) -> RemoteServer {
        self.wait(&format!("connected {name}"), |event| match event {
            Event::ServerConnected { server } if server.name() == name => Some(server.clone()),
            _ => None,
        })
    }

    pub(crate) fn interrupted(&mut self, name: &str) {
        self.wait(&format!("interrupted {name}"), |event| match event {
            Event::ServerInterrupted { server } if server.name() == name => Some(()),
            _ => None,
        });
    }

    pub(crate) fn disconnected(&mut self, name: &str) -> (RemoteServer, DisconnectReason, u64) {
        self.wait(&format!("disconnected {name}"), |event| match event {
            Event::ServerDisconnected { server, reason, unacknowledged, .. } if server.name() == name => {
                Some((server.clone(), *reason, *unacknowledged))
            }
            _ => None,
        })
    }

    pub(crate) fn left(&mut self, name: &str) -> (RemoteServer, LeaveReason) {
        self.wait(&format!("left {name}"), |event| match event {
            Event::ServerLeft { server, reason } if server.name() == name => Some((server.clone(), *reason)),
            _ => None,
        })
    }

    pub(crate) fn stopped(&mut self) -> (StopReason, String) {
        self.wait("stopped", |event| match event {
            Event::Stopped { reason, text } => Some((*reason, text.clone())),
            _ => None,
        })
    }

    /// Waits for a log line with these words in it.
    pub(crate) fn log(&mut self, words: &[&str]) -> String {
        self.wait(&format!("a log line with {words:?}"), |event| match event {
            Event::Log { text, .. } if words.iter().all(|word| text.contains(word)) => Some(text.clone()),
            _ => None,
        })
    }

    pub(crate) fn message(&mut self) -> (String, u16, Vec<u8>, SendMode) {
        self.wait("a message", |event| match event {
            Event::Message { server, message } => Some((server.name().to_string(), message.tag, message.payload.to_vec(), message.mode)),
            _ => None,
        })
    }

    /// Waits for a message of this tag and answers who sent it.
    pub(crate) fn marker(&mut self, tag: u16) -> RemoteServer {
        self.wait(&format!("a message with tag {tag}"), |event| match event {
            Event::Message { server, message } if message.tag == tag => Some(server.clone()),
            _ => None,
        })
    }

    /// Waits until this server is asked something.
    pub(crate) fn request(&mut self) -> sinew::Request {
        self.wait("a request", |event| match event {
            Event::Request { request } => Some(request.clone()),
            _ => None,
        })
    }

    /// Waits until this request has ended.
    pub(crate) fn outcome(&mut self, of: sinew::RequestId) -> Result<sinew::Reply, sinew::RequestFailure> {
        self.wait(&format!("the end of request {of}"), |event| match event {
            Event::Reply { request, reply } if *request == of => Some(Ok(reply.clone())),
            Event::RequestFailed { request, failure, .. } if *request == of => Some(Err(*failure)),
            _ => None,
        })
    }

    /// How often this has been seen.
    pub(crate) fn count(&self, words: &str) -> usize {
        self.history.iter().filter(|line| line.starts_with(words)).count()
    }

    /// What concerns one server, log lines excepted, in order.
    pub(crate) fn history_of(&self, name: &str) -> Vec<&str> {
        let ours = |line: &&str| !line.starts_with("log") && line.split(' ').any(|word| word == name);
        self.history.iter().map(String::as_str).filter(ours).collect()
    }

    /// Waits for its own registration, so that whoever starts next has the higher id.
    pub(crate) fn registered(mut self) -> Self {
        self.wait("started", |event| matches!(event, Event::Started { .. }).then_some(()));
        self
    }
}

fn in_words(event: &Event) -> Option<String> {
    Some(match event {
        Event::Message { .. } => return None,
        Event::Started { .. } => "started".into(),
        Event::ServerJoined { server } => format!("joined {}", server.name()),
        Event::ServerConnected { server } => format!("connected {}", server.name()),
        Event::ServerInterrupted { server } => format!("interrupted {}", server.name()),
        Event::ServerResumed { server } => format!("resumed {}", server.name()),
        Event::ServerDisconnected { server, reason, .. } => format!("disconnected {} {reason:?}", server.name()),
        Event::ServerLeft { server, reason } => format!("left {} {reason:?}", server.name()),
        Event::Writable { server } => format!("writable {}", server.name()),
        Event::ServerUpdated { server } => format!("updated {}", server.name()),
        Event::Request { .. } | Event::Reply { .. } => return None,
        Event::RequestFailed { server, failure, .. } => format!("failed {} {failure:?}", server.name()),
        Event::RegistryLost { .. } => "registry lost".into(),
        Event::RegistryRestored => "registry restored".into(),
        Event::Log { level, text, .. } => format!("log {level:?} {text}"),
        Event::Stopped { reason, .. } => format!("stopped {reason:?}"),
        other => format!("{other:?}"),
    })
}
