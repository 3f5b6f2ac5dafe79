//! The scene of every attack: a registry, the server under attack, an honest server connected to it, and the eyes on all of them.

use crate::client::Target;
use parking_lot::{Mutex, MutexGuard};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use sinew::config::LogLevel;
use sinew::registry::embedded::{Embedded, Host, HostOptions};
use sinew::registry::{Candidate, Command, Connector, News, Registration, Wires};
use sinew::transport::identity::{Identity, PeerIdentity};
use sinew::transport::keys::ClusterKey;
use sinew::transport::tls::Tls;
use sinew::{Event, Rejection, RemoteServer, SendMode, Server, ServerConfig, ServerId};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};

pub(crate) const ALPN: &[u8] = b"sinew/1";

/// Nothing takes this long; a test that waits so long has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Attackers at work at the same moment.
pub(crate) const AT_ONCE: usize = 32;

/// Repetitions that fill the allocator's and the system's pools before memory is looked at.
const WARM_UP: usize = 32;

/// A leak of a few hundred bytes a connection would not show; a buffer kept for each would.
pub(crate) const FLAT: usize = 4 << 20;

const TOPOLOGY: &str = "[groups.lobby]\nvisibility = \"external\"\nconnects_to = [\"world\"]\n[groups.world]\n[groups.vault]\n";

/// Memory is the process's, so only one attack runs at a time.
pub(crate) static ALONE: Mutex<()> = Mutex::new(());

/// A cluster key in a directory of its own.
pub(crate) struct Keys {
    pub(crate) key: ClusterKey,
    pub(crate) path: PathBuf,
    pub(crate) directory: TempDir,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let directory = TempDir::new().expect("a temporary directory");
        let path = directory.path().join("sinew.key");
        let key = ClusterKey::generate().expect("a key");
        key.write(&path, false).expect("written");
        Self { key, path, directory }
    }

    pub(crate) fn identity(&self, group: &str, name: &str, more: &str) -> Identity {
        let mut config = config("lobby", name, &self.path, more);
        // A certificate may be for any group, also for one of no topology: the registry's.
        config.server.group = group.into();
        Identity::load(&config.cluster, &config.server).expect("the identity loads")
    }

    /// A certificate of this cluster and its key, for those who use them in their own way.
    pub(crate) fn shown(&self, group: &str, name: &str) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let to = PeerIdentity::new(group, name).expect("a valid name");
        let issued = self.key.issue(&to, 1).expect("issued").write(self.directory.path(), name, true).expect("written");
        let chain = CertificateDer::pem_file_iter(&issued[0]).expect("readable").map(|certificate| certificate.expect("a certificate"));
        (chain.collect(), PrivateKeyDer::from_pem_file(&issued[1]).expect("a key"))
    }

    /// What lobby/`name` dials with.
    pub(crate) fn tls(&self, name: &str) -> Tls {
        Tls::new(&self.identity("lobby", name, ""), ALPN)
    }
}

/// Environment variables do not reach it.
pub(crate) fn config(group: &str, name: &str, key_file: &Path, more: &str) -> ServerConfig {
    let text = format!(
        "server.group = '{group}'\nserver.name = '{name}'\nlog.to = 'events'\ncluster.key_file = '{}'\n{more}\n{TOPOLOGY}",
        key_file.display()
    );
    ServerConfig::load(&text, "a test", std::iter::empty()).expect("a configuration")
}

pub(crate) struct Field {
    pub(crate) runtime: Runtime,
    pub(crate) keys: Keys,
    pub(crate) registry: SocketAddr,
    pub(crate) target: Server,
    pub(crate) honest: Server,
    to_target: RemoteServer,
    said: u64,
    heard: u64,
    /// What the target's game was told, beside log lines and the honest server's messages.
    pub(crate) events: VecDeque<Event>,
    /// Warnings and errors of the target.
    pub(crate) warnings: Vec<String>,
    deadline: Duration,
    _alone: MutexGuard<'static, ()>,
}

impl Field {
    /// Everybody is connected when this returns. `limits` are the target's.
    /// All of it happens on one address, so unless `limits` say otherwise there is no limit of connections per address.
    pub(crate) fn new(deadline: Duration, limits: &str) -> Self {
        let alone = ALONE.lock();
        let keys = Keys::new();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
        let registry = host(&runtime, &keys.identity("registry", "r", ""));
        let found = format!("registry.addresses = ['{registry}']");
        let often = if limits.contains("limits.connects_per_address") { "" } else { "limits.connects_per_address = 1000000\n" };
        let limits = format!("{found}\nlimits.handshake_ms = {}\n{often}{limits}", deadline.as_millis());
        let target = Server::start(config("world", "target", &keys.path, &limits)).expect("the target starts");
        let honest = Server::start(config("lobby", "honest", &keys.path, &found)).expect("the honest server starts");
        let to_target = wait(&honest, "connected to the target", |event| match event {
            Event::ServerConnected { server } => Some(server),
            _ => None,
        });
        wait(&target, "connected to the honest server", |event| matches!(event, Event::ServerConnected { .. }).then_some(()));
        Self {
            runtime,
            keys,
            registry,
            target,
            honest,
            to_target,
            said: 0,
            heard: 0,
            events: VecDeque::new(),
            warnings: Vec::new(),
            deadline,
            _alone: alone,
        }
    }

    pub(crate) fn target(&self) -> Target {
        let info = self.target.info();
        let address = SocketAddr::new(info.host.parse().expect("an address"), info.port);
        Target { address, id: info.id.expect("registered"), deadline: self.deadline, source: [127, 0, 0, 1].into() }
    }

    /// The honest server's id.
    pub(crate) fn honest(&self) -> ServerId {
        self.honest.info().id.expect("registered")
    }

    /// Registers lobby/`name` properly; the target has seen it when this returns.
    pub(crate) fn enrol(&mut self, name: &str) -> Enrolled {
        let enrolled = self.register("lobby", name);
        self.event("joined", |event| matches!(event, Event::ServerJoined { server } if server.name() == name).then_some(()));
        enrolled
    }

    /// Registers `group`/`name` properly.
    pub(crate) fn register(&self, group: &str, name: &str) -> Enrolled {
        let identity = self.keys.identity(group, name, "");
        let connector = Embedded::new(vec![self.registry.to_string()], &identity, "default");
        let me = Candidate {
            id: None,
            group: group.into(),
            name: name.into(),
            host: "127.0.0.1".into(),
            port: 9,
            visibility: sinew::config::Visibility::External,
            properties: Default::default(),
        };
        let (news, mut told) = mpsc::channel(64);
        let (commands, orders) = mpsc::channel(1);
        self.runtime.spawn(Box::new(connector).run(me, Wires { news, commands: orders }));
        let registered = self.runtime.block_on(async {
            let registered = async {
                loop {
                    if let News::Registered(entry) = told.recv().await.expect("the connector runs") {
                        return entry;
                    }
                }
            };
            tokio::time::timeout(PATIENCE, registered).await.expect("registered in time")
        });
        self.runtime.spawn(async move { while told.recv().await.is_some() {} });
        Enrolled { entry: registered, tls: Tls::new(&identity, ALPN), _commands: commands }
    }

    /// Attacks again and again, and checks everything that must hold: closed in time (by the attack itself), counted exactly, logged once with
    /// the address, no event, flat memory, an honest link that does not notice.
    pub(crate) fn repel<F>(&mut self, reason: Rejection, times: usize, attack: impl Fn(Target) -> F + Clone + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.besiege(WARM_UP, attack.clone());
        self.counted(reason, WARM_UP);
        let before = resident();
        self.besiege(times, attack);
        self.counted(reason, WARM_UP + times);
        let grown = resident().saturating_sub(before);
        assert!(grown < FLAT, "{grown} bytes more after {times} repetitions");
        assert!(self.events.is_empty(), "the game was told {:?}", self.events);
        assert!(matches!(&self.warnings[..], [line] if line.contains("rejected a connection from 127.0.0.1:")), "{:#?}", self.warnings);
    }

    fn besiege<F>(&mut self, times: usize, attack: impl Fn(Target) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let target = self.target();
        let task = self.runtime.spawn(async move {
            let mut attackers = JoinSet::new();
            for _ in 0..times {
                if attackers.len() == AT_ONCE {
                    attackers.join_next().await.expect("some")?;
                }
                attackers.spawn(attack(target.clone()));
            }
            while let Some(done) = attackers.join_next().await {
                done?;
            }
            Ok::<(), tokio::task::JoinError>(())
        });
        self.meanwhile(task).expect("every attack went as it should");
    }

    /// `times` connections were rejected for this reason and none for another.
    fn counted(&mut self, reason: Rejection, times: usize) {
        self.until("counted", |field| field.target.stats().rejected.iter().sum::<u64>() >= times as u64);
        let counts = Rejection::ALL.map(|other| (other, if other == reason { times as u64 } else { 0 }));
        assert_eq!(Rejection::ALL.map(|other| (other, self.target.stats().rejected(other))), counts);
    }

    /// Lets the honest server talk until the task is done; answers what it answered.
    pub(crate) fn meanwhile<T>(&mut self, task: JoinHandle<T>) -> T {
        self.until("the attack's end", |_| task.is_finished());
        self.runtime.block_on(task).unwrap_or_else(|failure| std::panic::resume_unwind(failure.into_panic()))
    }

    /// Lets the honest server talk until `done`, and until everything it said has arrived.
    pub(crate) fn until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !done(self) {
            self.said += 1;
            self.to_target.send(1, &self.said.to_le_bytes(), SendMode::Reliable).expect("the honest link is up");
            self.look(Duration::from_millis(10));
            assert!(Instant::now() < deadline, "{what} did not come; warnings: {:#?}, events: {:#?}", self.warnings, self.events);
        }
        while self.heard < self.said {
            self.look(Duration::from_millis(10));
            assert!(Instant::now() < deadline, "of {} honest messages {} arrived", self.said, self.heard);
        }
    }

    /// Waits for an event of the target's game, in order; what was passed over is gone.
    pub(crate) fn event<T>(&mut self, what: &str, mut wanted: impl FnMut(&Event) -> Option<T>) -> T {
        let mut found = None;
        self.until(what, |field| {
            while let Some(event) = field.events.pop_front() {
                found = wanted(&event);
                if found.is_some() {
                    return true;
                }
            }
            false
        });
        found.expect("until has returned")
    }

    fn look(&mut self, patience: Duration) {
        for event in self.target.poll(patience).expect("the target runs") {
            match event {
                Event::Log { level: LogLevel::Error | LogLevel::Warn, text, .. } => self.warnings.push(text),
                Event::Log { .. } => {}
                Event::Message { server, message } if server.name() == "honest" => {
                    self.heard += 1;
                    assert_eq!(*message.payload, self.heard.to_le_bytes(), "in order, none missing");
                }
                other => self.events.push_back(other),
            }
        }
        for event in self.honest.poll(Duration::ZERO).expect("the honest server runs") {
            assert!(matches!(event, Event::Log { .. }), "the honest server noticed: {event:?}");
        }
    }
}

/// A server that exists only in the registry, and what to dial with in its name.
pub(crate) struct Enrolled {
    pub(crate) entry: Registration,
    pub(crate) tls: Tls,
    /// Dropped, it leaves the registry.
    _commands: mpsc::Sender<Command>,
}

impl Enrolled {
    pub(crate) fn id(&self) -> u64 {
        self.entry.id.get()
    }
}

/// A registry on a free port, for as long as the runtime lives.
pub(crate) fn host(runtime: &Runtime, identity: &Identity) -> SocketAddr {
    let mut options = HostOptions::new(SocketAddr::from(([127, 0, 0, 1], 0)), "default", Duration::from_secs(3));
    options.settle = Duration::from_millis(100);
    let host = Host::bind(options, identity).expect("a free port");
    let address = host.local_addr();
    runtime.spawn(host.run());
    address
}

pub(crate) fn wait<T>(server: &Server, what: &str, mut wanted: impl FnMut(Event) -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    let mut passed = Vec::new();
    loop {
        for event in server.poll(Duration::from_millis(50)).expect("it runs") {
            passed.push(format!("{event:?}"));
            if let Some(found) = wanted(event) {
                return found;
            }
        }
        assert!(Instant::now() < deadline, "{what} did not happen; instead: {passed:#?}");
    }
}

/// Bytes of memory that this process really has, or 0 where the system does not say.
pub(crate) fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).unwrap_or(0) * 4096
}
