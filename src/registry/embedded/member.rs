//! The `embedded` connector: one connection to every host, and between them the [`Membership`] that decides.

use super::RECONNECT_MAX;
use super::membership::{Action, Membership};
use super::protocol::{ALPN, ToHost, ToMember, frame, read_frame};
use crate::registry::ids::Ids;
use crate::registry::pauses::Pauses;
use crate::registry::{Candidate, Command, Connector, HostStatus, Wires, hand_over};
use crate::transport::identity::Identity;
use crate::transport::tls::{Stream, Tls};
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// First pause before a host is dialled again; doubles up to [`RECONNECT_MAX`].
const RECONNECT_MIN: Duration = Duration::from_millis(100);
/// One address of a host is dialled for this long.
const DIAL_DEADLINE: Duration = Duration::from_secs(3);
/// From the TCP connection to the confirmed registration.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);
/// A host is not taken for dead sooner than this, however short the lease.
const SILENCE_MIN: Duration = Duration::from_secs(1);
/// What waits to be written to one host; more means that it does not read.
const OUTGOING: usize = 64;
/// What the connections have to report and is not yet looked at; the connections wait.
const EVENTS: usize = 256;
/// News the server has not taken yet; then the connections wait, so that memory stays bounded.
const PENDING_NEWS: usize = 1024;

/// The `embedded` registry, as a member sees it.
#[derive(Debug, Clone)]
pub struct Embedded {
    pub(super) addresses: Vec<String>,
    pub(super) dialer: Arc<Dialer>,
    hosts: watch::Sender<Vec<HostStatus>>,
}

impl Embedded {
    /// `addresses`: `host:port` of every host, at least one; names are resolved at each attempt. `cluster`: `cluster.name`.
    pub fn new(addresses: Vec<String>, identity: &Identity, cluster: impl Into<String>) -> Self {
        let dialer = Dialer { tls: Tls::new(identity, ALPN), only_loopback: identity.is_development(), cluster: cluster.into() };
        let unknown = |address: &String| HostStatus { address: address.clone(), registered: false, heard: None, failure: None };
        let hosts = watch::Sender::new(addresses.iter().map(unknown).collect());
        Self { addresses, dialer: Arc::new(dialer), hosts }
    }
}

impl Connector for Embedded {
    fn run(self: Box<Self>, me: Candidate, wires: Wires) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(run(*self, me, wires))
    }

    fn hosts(&self) -> Option<watch::Receiver<Vec<HostStatus>>> {
        Some(self.hosts.subscribe())
    }
}

async fn run(connector: Embedded, me: Candidate, mut wires: Wires) {
    let started = Instant::now();
    let mut membership = Membership::new(me, &connector.addresses, Ids::from_clock());
    let (events, mut arriving) = mpsc::channel(EVENTS);
    // Ends with this future: a connector that is dropped leaves nothing behind.
    let mut connections = JoinSet::new();
    for (host, address) in connector.addresses.into_iter().enumerate() {
        connections.spawn(keep_connected(host, address, connector.dialer.clone(), events.clone()));
    }
    let mut outgoing: Vec<Option<mpsc::Sender<ToHost>>> = vec![None; connections.len()];
    let mut pending = VecDeque::new();
    let mut leaving = false;
    loop {
        for action in membership.actions() {
            match action {
                Action::Send { host, message } => {
                    // A host that does not read is left; the connection is made anew.
                    if outgoing[host].as_ref().is_some_and(|to| to.try_send(message).is_err()) {
                        outgoing[host] = None;
                    }
                }
                Action::Disconnect { host } => outgoing[host] = None,
                Action::GiveUp => connections.abort_all(),
                Action::News(news) => pending.push_back(news),
                Action::Finish => return,
            }
        }
        connector.hosts.send_replace(membership.hosts(started.into()));
        let deadline = membership.deadline().map(|deadline| started + deadline);
        tokio::select! {
            command = wires.commands.recv(), if !leaving => {
                let command = command.unwrap_or(Command::Deregister);
                leaving = command == Command::Deregister;
                membership.command(command, started.elapsed());
            }
            taken = hand_over(&wires.news, &mut pending), if !pending.is_empty() => {
                if !taken {
                    // Nobody listens: the server is gone, so it is no member any more.
                    pending.clear();
                    leaving = true;
                    membership.command(Command::Deregister, started.elapsed());
                }
            }
            Some((host, event)) = arriving.recv(), if pending.len() < PENDING_NEWS => match event {
                Event::Connected { local, to_host } => {
                    outgoing[host] = Some(to_host);
                    membership.connected(host, local, started.elapsed());
                }
                Event::Message(message) => membership.message(host, message, started.elapsed()),
                Event::Disconnected(reason) => {
                    outgoing[host] = None;
                    membership.disconnected(host, reason, started.elapsed());
                }
            },
            () = sleep_until(deadline.unwrap_or(started)), if deadline.is_some() => membership.tick(started.elapsed()),
        }
    }
}

enum Event {
    Connected {
        local: IpAddr,
        to_host: mpsc::Sender<ToHost>,
    },
    Message(ToMember),
    /// Also after an attempt that never got connected. Half a sentence.
    Disconnected(String),
}

/// Dials a host again and again, and reports everything that happens.
async fn keep_connected(host: usize, address: String, dialer: Arc<Dialer>, events: mpsc::Sender<(usize, Event)>) {
    let mut pauses = Pauses::new(RECONNECT_MIN, RECONNECT_MAX);
    loop {
        let reason = match dialer.dial(&address).await {
            Ok((stream, local)) => {
                let (to_host, from_server) = mpsc::channel(OUTGOING);
                if events.send((host, Event::Connected { local, to_host })).await.is_err() {
                    return;
                }
                let hello = ToHost::Hello { cluster: dialer.cluster.clone() };
                let (reason, registered) = talk(stream, hello, from_server, host, &events).await;
                if registered {
                    pauses.reset();
                }
                reason
            }
            Err(reason) => reason,
        };
        if events.send((host, Event::Disconnected(reason))).await.is_err() {
            return;
        }
        sleep(pauses.next()).await;
    }
}

/// How hosts are reached.
#[derive(Debug)]
pub(super) struct Dialer {
    tls: Tls,
    only_loopback: bool,
    pub(super) cluster: String,
}

impl Dialer {
    /// Tries every address the name stands for; the last failure is the one that is told.
    pub(super) async fn dial(&self, address: &str) -> Result<(Stream, IpAddr), String> {
        let resolved = timeout(DIAL_DEADLINE, lookup_host(address)).await.map_err(|_| "the name cannot be resolved in time".to_string())?;
        let resolved = resolved.map_err(|error| format!("the name cannot be resolved: {error}"))?;
        let mut failure = "the name has no address".to_string();
        for target in resolved {
            match self.dial_one(target).await {
                Ok(connected) => return Ok(connected),
                Err(reason) => failure = reason,
            }
        }
        Err(failure)
    }

    async fn dial_one(&self, target: SocketAddr) -> Result<(Stream, IpAddr), String> {
        if self.only_loopback && !target.ip().is_loopback() {
            let ip = target.ip();
            return Err(format!(
                "{ip} is not a loopback address and no cluster key is configured; make one with `sinew keygen` and set cluster.key_file"
            ));
        }
        let tcp = match timeout(DIAL_DEADLINE, TcpStream::connect(target)).await {
            Ok(connected) => connected.map_err(|error| error.to_string())?,
            Err(_) => return Err(format!("no answer within {} s", DIAL_DEADLINE.as_secs())),
        };
        let local = tcp.local_addr().map_err(|error| error.to_string())?.ip();
        // Without it a small message may wait for the acknowledgement of the last one; nothing else depends on it.
        let _ = tcp.set_nodelay(true);
        match timeout(HANDSHAKE_DEADLINE, self.tls.connect(tcp)).await {
            Ok(connected) => connected.map(|(stream, _)| (stream, local)).map_err(|error| error.text),
            Err(_) => Err(format!("no TLS handshake within {} s", HANDSHAKE_DEADLINE.as_secs())),
        }
    }
}

/// Speaks with a host until the connection ends; why it ended, and whether the host had registered this server.
async fn talk(
    stream: Stream,
    hello: ToHost,
    from_server: mpsc::Receiver<ToHost>,
    host: usize,
    events: &mpsc::Sender<(usize, Event)>,
) -> (String, bool) {
    let (reader, writer) = tokio::io::split(stream);
    let (lease, leased) = watch::channel(None);
    let reason = {
        let mut reading = pin!(read(reader, host, events, &lease));
        tokio::select! {
            reason = &mut reading => reason,
            reason = write(writer, hello, from_server, leased) => match reason {
                // What the host said before it closed the connection tells more than that it is closed.
                Some(broken) => timeout(SILENCE_MIN, reading).await.unwrap_or(broken),
                None => "left by this server".into(),
            },
        }
    };
    let registered = lease.borrow().is_some();
    (reason, registered)
}

async fn read(
    mut from: ReadHalf<Stream>,
    host: usize,
    events: &mpsc::Sender<(usize, Event)>,
    lease: &watch::Sender<Option<Duration>>,
) -> String {
    let mut buffer = Vec::new();
    let mut silence = HANDSHAKE_DEADLINE;
    loop {
        let message = match timeout(silence, read_frame(&mut from, &mut buffer)).await {
            Ok(Ok(message)) => message,
            Ok(Err(error)) => return error.sentence(),
            Err(_) => return format!("it was silent for {} ms", silence.as_millis()),
        };
        if let ToMember::Registered { lease_ms, .. } = message {
            let told = Duration::from_millis(lease_ms);
            silence = told.max(SILENCE_MIN);
            lease.send_replace(Some(told));
        }
        if events.send((host, Event::Message(message))).await.is_err() {
            return "left by this server".into();
        }
    }
}

/// Writes what the server has to say, and a keep-alive three times per lease. `None`: the server has left; else why writing failed.
async fn write(
    mut to: WriteHalf<Stream>,
    hello: ToHost,
    mut from_server: mpsc::Receiver<ToHost>,
    mut leased: watch::Receiver<Option<Duration>>,
) -> Option<String> {
    let mut message = hello;
    loop {
        let bytes = frame(&message);
        let written = async {
            to.write_all(&bytes).await?;
            to.flush().await
        };
        match timeout(HANDSHAKE_DEADLINE, written).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Some(format!("the connection broke: {error}")),
            Err(_) => return Some("it does not read".into()),
        }
        message = loop {
            let lease = *leased.borrow_and_update();
            tokio::select! {
                next = from_server.recv() => break next?,
                // Never fails: the reader beside us holds the other end.
                _ = leased.changed() => {}
                () = sleep(lease.unwrap_or(HANDSHAKE_DEADLINE) / 3) => break ToHost::KeepAlive,
            }
        };
    }
}
