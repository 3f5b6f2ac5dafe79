//! A host of the embedded registry: accepts members and lets the directory decide.

use super::directory::{ConnectionId, Directory, Output};
use super::outgoing::Outgoing;
use super::protocol::{ALPN, FrameError, ToHost, ToMember, frame, read_frame};
use super::rejects::Rejects;
use super::{RECONNECT_SLACK, directory};
use crate::error::{Error, KeyError};
use crate::transport::identity::{Identity, PeerIdentity};
use crate::transport::throttle::Throttle;
use crate::transport::tls::{Stream, Tls, TlsFailure};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt, ReadHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, timeout};

/// One write to a member that takes longer than this ends its connection.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);
/// After our last word the member has this long to read it and close.
const LINGER: Duration = Duration::from_millis(500);
/// Inputs that wait for the directory; the connections behind them wait too.
const INPUTS: usize = 1024;
/// After a failed accept (out of file descriptors, most likely) the next one is tried this much later.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What a [`Host`] is told at start.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HostOptions {
    /// Address to bind; port 0 takes any free one.
    pub listen: SocketAddr,
    /// The setting that `listen` comes from, for error sentences. Default `registry.listen`.
    pub listen_key: &'static str,
    /// `cluster.name`: members of other clusters are refused.
    pub cluster: String,
    /// How long a registration outlives its connection or its last sign of life. At least 100 ms.
    pub lease: Duration,
    /// For how long after its start this host does not take anybody's absence for a leave. Default: the lease and 3 s,
    /// in which every member that is alive comes back.
    pub settle: Duration,
    /// From accept to an authenticated first registration. Default 10 s.
    pub handshake: Duration,
    /// Accepted connections that have not come that far, at once; more are closed. Default 256.
    pub pending_handshakes: usize,
    /// Connections taken from one IP address (IPv6: one /64) per second, and twice as many at once; more are closed. Default 128.
    pub connects_per_address: u32,
}

impl HostOptions {
    /// The defaults around an address, a cluster's name and a lease.
    pub fn new(listen: SocketAddr, cluster: impl Into<String>, lease: Duration) -> Self {
        let lease = lease.max(Duration::from_millis(100));
        Self {
            listen,
            listen_key: "registry.listen",
            cluster: cluster.into(),
            lease,
            settle: lease + RECONNECT_SLACK,
            handshake: Duration::from_secs(10),
            pending_handshakes: 256,
            // As `limits.connects_per_address`.
            connects_per_address: 128,
        }
    }
}

/// A bound registry host. It serves while [`Host::run`] is polled.
#[derive(Debug)]
pub struct Host {
    listener: std::net::TcpListener,
    address: SocketAddr,
    tls: Tls,
    options: HostOptions,
}

impl Host {
    /// Binds at once; needs no runtime. Connections are accepted from now on and served from [`Host::run`] on.
    ///
    /// Errors: [`Error::AddressInUse`]; [`KeyError::NoKeyOnPublicAddress`] for a public address without a cluster key; [`Error::Io`].
    pub fn bind(options: HostOptions, identity: &Identity) -> Result<Self, Error> {
        let HostOptions { listen, listen_key, .. } = options;
        if identity.is_development() && !listen.ip().is_loopback() {
            return Err(KeyError::NoKeyOnPublicAddress { key: listen_key, address: listen.to_string() }.into());
        }
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => Error::AddressInUse { address: listen, key: listen_key },
            _ => Error::Io { what: format!("cannot listen on {listen}; correct {listen_key}"), source },
        };
        let listener = std::net::TcpListener::bind(listen).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address, tls: Tls::new(identity, ALPN), options })
    }

    /// Where it listens, with the real port.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves for ever. Dropping the future closes the port and every connection.
    ///
    /// Errors: only when the runtime has no IO.
    pub async fn run(self) -> Result<(), Error> {
        let failed = |source| Error::Io { what: format!("cannot serve the registry on {}", self.address), source };
        let listener = TcpListener::from_std(self.listener).map_err(failed)?;
        let started = Instant::now();
        let (inputs, arriving) = mpsc::channel(INPUTS);
        let options = self.options;
        let directory = Directory::new(options.lease, options.settle, Duration::ZERO);
        let tick = options.lease / 8;
        let shared = Arc::new(Shared { tls: self.tls, options, inputs, started, rejects: Mutex::default(), last_id: AtomicU64::new(0) });
        // Both in this one future, so that the port is free again the moment it is dropped.
        tokio::select! {
            () = accept(listener, shared) => {}
            () = decide(directory, arriving, started, tick) => {}
        }
        Ok(())
    }
}

/// Feeds the directory; for ever.
async fn decide(mut directory: Directory, mut arriving: mpsc::Receiver<Input>, started: Instant, tick: Duration) {
    let mut members = HashMap::new();
    let mut tick = tokio::time::interval(tick);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            Some(input) = arriving.recv() => match input {
                Input::Connected { id, identity, outgoing } => {
                    members.insert(id, outgoing);
                    directory.connected(id, identity, started.elapsed());
                }
                Input::Message { from, message } => directory.message(from, message, started.elapsed()),
                Input::Closed(id) => {
                    members.remove(&id);
                    directory.closed(id, started.elapsed());
                }
            },
            _ = tick.tick() => directory.tick(started.elapsed()),
        }
        deliver(directory.outputs(), &members);
    }
}

/// What every connection of a host works with.
struct Shared {
    tls: Tls,
    options: HostOptions,
    inputs: mpsc::Sender<Input>,
    started: Instant,
    rejects: Mutex<Rejects>,
    last_id: AtomicU64,
}

enum Input {
    Connected { id: ConnectionId, identity: PeerIdentity, outgoing: Arc<Outgoing> },
    Message { from: ConnectionId, message: ToHost },
    Closed(ConnectionId),
}

/// Hands the directory's words to the connections' queues; one message for many is encoded once.
fn deliver(outputs: Vec<Output>, members: &HashMap<ConnectionId, Arc<Outgoing>>) {
    for output in outputs {
        match output {
            Output::Send { to, message } => {
                let frame = frame(&message);
                for outgoing in to.iter().filter_map(|id| members.get(id)) {
                    if !outgoing.push(frame.clone()) {
                        outgoing.abandon();
                    }
                }
            }
            Output::Close(id) => {
                if let Some(outgoing) = members.get(&id) {
                    outgoing.close();
                }
            }
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let handshakes = Arc::new(Semaphore::new(shared.options.pending_handshakes));
    let mut throttle = Throttle::new(shared.options.connects_per_address);
    // A connection lives no longer than this future.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                // First, so that who comes too often takes no place from others.
                Ok((_, from)) if !throttle.admit(from.ip(), shared.started.elapsed()) => {
                    shared.reject(from.ip(), "too often", "this address opens more connections per second than are taken from one");
                }
                Ok((tcp, from)) => match handshakes.clone().try_acquire_owned() {
                    Ok(permit) if connections.len() < MAX_CONNECTIONS => {
                        connections.spawn(serve(tcp, from.ip(), permit, shared.clone()));
                    }
                    _ => shared.reject(from.ip(), "too many connections", "too many connections are open or in their handshake"),
                },
                Err(error) => {
                    shared.reject(listener_ip(&listener), "accept", &format!("a connection cannot be accepted: {error}"));
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Room for every registration, and for those that come back before their old connection is noticed to be dead.
const MAX_CONNECTIONS: usize = 2 * directory::MAX_REGISTRATIONS;

fn listener_ip(listener: &TcpListener) -> IpAddr {
    listener.local_addr().map_or(IpAddr::from([0, 0, 0, 0]), |address| address.ip())
}

/// One connection from accept to its end.
async fn serve(tcp: TcpStream, from: IpAddr, permit: OwnedSemaphorePermit, shared: Arc<Shared>) {
    let (mut stream, identity, first) = match timeout(shared.options.handshake, shared.handshake(tcp)).await {
        Ok(Ok(member)) => member,
        Ok(Err((word, text))) => return shared.reject(from, word, &text),
        Err(_) => return shared.reject(from, "silent", "no complete hello before the handshake's deadline"),
    };
    drop(permit);
    let first = match first {
        First::Wish(message) => message,
        First::Refused(reason) => {
            shared.reject(from, "refused", &format!("server {identity}: {reason}"));
            let farewell = async {
                stream.write_all(&frame(&ToMember::Refused { reason })).await?;
                stream.shutdown().await
            };
            // The reason is in our log whether or not it arrives.
            let _ = timeout(WRITE_DEADLINE, farewell).await;
            return;
        }
    };
    let id = ConnectionId(shared.last_id.fetch_add(1, Ordering::Relaxed) + 1);
    let outgoing = Arc::new(Outgoing::default());
    for input in
        [Input::Connected { id, identity: identity.clone(), outgoing: outgoing.clone() }, Input::Message { from: id, message: first }]
    {
        if shared.inputs.send(input).await.is_err() {
            return;
        }
    }
    let (reader, writer) = tokio::io::split(stream);
    let mut reading = pin!(read(reader, id, &shared));
    tokio::select! {
        error = &mut reading => {
            if !matches!(error, FrameError::Closed | FrameError::Io(_)) {
                shared.reject(from, error.word(), &format!("server {identity}: {error}"));
            }
        }
        () = write(writer, &outgoing) => {
            // A socket closed with unread data resets the connection, and our last word could be lost.
            let _ = timeout(LINGER, reading).await;
        }
        () = outgoing.abandoned() => shared.reject(from, "too slow", &format!("server {identity} does not read; it gets a snapshot when it comes back")),
    }
    // Fails only when the whole host ends.
    let _ = shared.inputs.send(Input::Closed(id)).await;
}

/// The second word of an authenticated member.
enum First {
    /// A registration, or a look at the directory.
    Wish(ToHost),
    Refused(String),
}

impl Shared {
    /// TLS, hello and what the member wants. Errors: a stable word and a sentence.
    async fn handshake(&self, tcp: TcpStream) -> Result<(Stream, PeerIdentity, First), (&'static str, String)> {
        // Without it a small message may wait for the acknowledgement of the last one; nothing else depends on it.
        let _ = tcp.set_nodelay(true);
        let (mut stream, identity) = self.tls.accept(tcp).await.map_err(|error| (tls_word(error.reason), error.text))?;
        let mut buffer = Vec::new();
        let failed = |error: FrameError| (error.word(), error.sentence());
        let hello = read_frame(&mut stream, &mut buffer).await.map_err(failed)?;
        let register = read_frame(&mut stream, &mut buffer).await.map_err(failed)?;
        let ours = &self.options.cluster;
        let first = match (hello, register) {
            (ToHost::Hello { cluster }, wish @ (ToHost::Register { .. } | ToHost::Look)) if cluster == *ours => First::Wish(wish),
            (ToHost::Hello { cluster }, _) if cluster != *ours => First::Refused(format!(
                "this registry serves cluster `{ours}` and this server belongs to cluster `{cluster}`; \
                 set cluster.name alike, or name that cluster's registry in registry.addresses"
            )),
            _ => First::Refused("the first two messages are not a hello and a registration or a look".into()),
        };
        Ok((stream, identity, first))
    }

    /// Logs a connection that was turned away, once per address and reason.
    fn reject(&self, from: IpAddr, word: &'static str, text: &str) {
        if let Some(silent) = self.rejects.lock().note(from, word, self.started.elapsed()) {
            tracing::warn!(%from, reason = word, silent_before = silent, "registry connection turned away: {text}");
        }
    }
}

fn tls_word(failure: TlsFailure) -> &'static str {
    match failure {
        TlsFailure::NotTls => "not TLS",
        TlsFailure::Untrusted => "untrusted",
        TlsFailure::Io => "io",
    }
}

async fn read(mut from: ReadHalf<Stream>, id: ConnectionId, shared: &Shared) -> FrameError {
    let mut buffer = Vec::new();
    loop {
        match read_frame(&mut from, &mut buffer).await {
            Ok(message) => {
                if shared.inputs.send(Input::Message { from: id, message }).await.is_err() {
                    return FrameError::Closed;
                }
            }
            Err(error) => return error,
        }
    }
}

/// Returns when the queue is closed and written, or the member does not take it.
async fn write(mut to: impl AsyncWrite + Unpin, outgoing: &Outgoing) {
    let mut batch = Vec::new();
    while outgoing.next(&mut batch).await {
        let written = timeout(WRITE_DEADLINE, async {
            to.write_all(&batch).await?;
            to.flush().await
        });
        if !matches!(written.await, Ok(Ok(()))) {
            return;
        }
    }
    // Closed in order: the member reads everything before the end.
    let _ = timeout(WRITE_DEADLINE, to.shutdown()).await;
}
