//! The public Rust API: one [`Server`] is one member of the cluster.
//!
//! Calls go down from here (`send` straight into a link's outbox, everything else as a signal to the node task); events come back only
//! through the queue that `poll` empties. Every `Server` has its own threads and shares nothing with other servers of the process.

mod any;
mod diagnose;
mod explain;
mod health;
mod listen;
mod node;
mod properties;
mod rejections;
mod remote;
mod request;
mod roster;
mod setup;
mod shared;
mod stats;
mod tasks;

pub use any::Policy;
pub use diagnose::{Diagnosis, Finding, Verdict, diagnose};
pub use rejections::Rejection;
pub use remote::{RemoteServer, ServerGroup};
pub use request::{Reply, Request, RequestBuilder};
pub use stats::Stats;

use crate::cluster::StopReason;
use crate::config::{RegistryKind, ServerConfig, Visibility, fixed_differences};
use crate::error::Error;
use crate::event::{Event, Events};
use crate::id::{RequestId, ServerId};
use crate::link::{CAPACITY, ConnectionState, LOAD, Readiness, STATE};
use crate::message::Delivery;
use crate::registry::external::ExternalRegistry;
use crate::registry::{Connector, wrong_kind};
use crate::runtime::{self, Log};
use crate::transport::identity::Identity;
use node::Node;
use parking_lot::Mutex;
use shared::Shared;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

/// One member of the cluster, in this process.
///
/// All methods take `&self` and may be called from any thread; events are polled by one thread at a time. Dropping it says goodbye to the
/// others, ends its threads and closes its sockets, within `limits.shutdown_ms`.
pub struct Server {
    shared: Arc<Shared>,
    /// Shared with everything that makes handshakes.
    identity: Identity,
    level: runtime::Level,
    /// The configuration as of the last reload.
    loaded: Mutex<ServerConfig>,
    /// `None` once it is closed.
    running: Mutex<Option<Running>>,
}

struct Running {
    runtime: Runtime,
    node: JoinHandle<()>,
}

/// This server, as the others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerInfo {
    /// `None` until the registry has answered (event `Started`).
    pub id: Option<ServerId>,
    pub group: String,
    pub name: String,
    /// What others dial. Until registered: the bound address.
    pub host: String,
    pub port: u16,
    pub visibility: Visibility,
}

/// What became of a broadcast.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Broadcast {
    /// To how many servers it was sent.
    pub sent: usize,
    /// Connected servers whose outbox was full: to them nothing was sent, and a `Writable` event follows for each.
    pub full: Vec<ServerId>,
    /// Servers of the group in view that are not connected.
    pub unconnected: Vec<ServerId>,
}

impl Broadcast {
    /// To whom nothing was sent.
    pub fn missed(&self) -> impl Iterator<Item = ServerId> {
        self.full.iter().chain(&self.unconnected).copied()
    }
}

impl Server {
    /// Binds the listening socket now, registers and connects in the background.
    ///
    /// Errors: configuration, key files, `AddressInUse`. A registry that cannot be reached is no error: the server runs, retries, and says
    /// so with a `RegistryLost` event.
    pub fn start(config: ServerConfig) -> Result<Self, Error> {
        Self::start_on(config, None)
    }

    /// Starts a server with a registry connector of the program's own; the configuration says `registry.kind = "external"`. The connector runs on
    /// the server's own threads. [`registry::contract`](crate::registry::contract) tells whether it keeps its promises.
    ///
    /// Errors: as for [`Server::start`].
    pub fn start_with_connector(config: ServerConfig, connector: Box<dyn Connector>) -> Result<Self, Error> {
        let kind = config.registry.kind;
        if kind != RegistryKind::External {
            return Err(wrong_kind(kind, "\"external\", because this program brings its own connector".into()).into());
        }
        Self::start_on(config, Some(connector))
    }

    fn start_on(config: ServerConfig, connector: Option<Box<dyn Connector>>) -> Result<Self, Error> {
        config.validate()?;
        let identity = Identity::load(&config.cluster, &config.server)?;
        listen::allowed("server.listen", config.server.listen, &identity)?;
        let loaded = Mutex::new(config.clone());
        let shared = Arc::new(Shared::new(config));
        let Log { to, level } = runtime::log(&shared.config, &shared.queue);
        let runtime = runtime::build(&shared.config.runtime, to)
            .map_err(|source| Error::Io { what: "cannot start the library's threads".into(), source })?;
        let node = {
            let _inside = runtime.enter();
            Node::bind(&shared, &identity, connector)?
        };
        let node = runtime.spawn(supervise(node, shared.clone()));
        Ok(Self { shared, identity, level, loaded, running: Mutex::new(Some(Running { runtime, node })) })
    }

    /// Where the game reports what its own registry says, with `registry.kind = "external"`.
    ///
    /// Errors: `RegistryError::NotExternal`, also where the program brought its own connector.
    pub fn registry(&self) -> Result<&ExternalRegistry, Error> {
        self.shared.external()
    }

    /// The events that have gathered; waits up to `timeout` for the first when there are none (zero never waits).
    ///
    /// Errors: `Busy` while another thread polls or holds the result of a poll; `Stopped` once the `Stopped` event has been taken.
    pub fn poll(&self, timeout: Duration) -> Result<Events, Error> {
        self.shared.queue.poll(timeout).map_err(|_| Error::Busy)?.ok_or(Error::Stopped)
    }

    /// The next event, for async code on any runtime. `None` once the `Stopped` event has been taken. Errors: `Busy`, as for `poll`.
    pub async fn next_event(&self) -> Result<Option<Event>, Error> {
        self.shared.queue.next().await.map_err(|_| Error::Busy)
    }

    /// Sends a message to a connected server; see [`RemoteServer::send`].
    pub fn send(&self, to: ServerId, tag: u16, payload: &[u8], delivery: impl Into<Delivery>) -> Result<(), Error> {
        self.running()?;
        self.shared.unless_stopping(self.shared.find(to)?.send(tag, delivery.into(), payload))
    }

    /// Sends a message to every connected server of a group, as many as have room; none of them blocks the others.
    ///
    /// Errors: `UnknownGroup`, `MessageTooBig`, `Stopped`.
    pub fn broadcast(&self, group: &str, tag: u16, payload: &[u8], delivery: impl Into<Delivery>) -> Result<Broadcast, Error> {
        self.running()?;
        let delivery = delivery.into();
        let mut outcome = Broadcast::default();
        for peer in self.shared.members(group)? {
            match peer.send(tag, delivery, payload) {
                Ok(()) => outcome.sent += 1,
                Err(Error::QueueFull { to, .. }) => outcome.full.push(to),
                Err(Error::NotConnected(_) | Error::UnknownServer(_)) => outcome.unconnected.push(peer.id),
                Err(error) => return Err(error),
            }
        }
        Ok(outcome)
    }

    /// Asks a connected server for an answer; see [`RemoteServer::request`].
    pub fn request<'a>(&'a self, to: ServerId, tag: u16, payload: &'a [u8]) -> RequestBuilder<'a> {
        RequestBuilder::one(self.running().and_then(|()| self.shared.find(to)), Some(&self.shared), tag, payload)
    }

    /// This server's own properties, as they are now.
    pub fn properties(&self) -> BTreeMap<String, String> {
        self.shared.properties.all()
    }

    /// Sets one of this server's properties, or removes it (`None`). Connected servers are told within 100 ms, and have an event `ServerUpdated`;
    /// a property that changes more often than ten times a second is told as it is then.
    ///
    /// All keys and values together have at most 4 KiB. `load`, `capacity` and `state` mean something to [`Policy`]. A registry keeps the
    /// properties that this server started with.
    ///
    /// Errors: `InvalidArgument` (too many bytes, an empty key, a `load` or `capacity` that is no number, a `state` that is none); nothing has
    /// changed then.
    pub fn set_property(&self, key: &str, value: Option<&str>) -> Result<(), Error> {
        self.shared.properties.change([(key, value)])
    }

    /// Sets and removes several at once: the others never see some of them without the rest. Errors: as [`Server::set_property`].
    pub fn set_properties<'a>(&self, changes: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> Result<(), Error> {
        self.shared.properties.change(changes)
    }

    /// Tells how much work this server has, in pieces of it (players, matches, jobs): see [`Policy::LeastLoaded`]. Errors: as
    /// [`Server::set_property`].
    pub fn set_load(&self, load: f64) -> Result<(), Error> {
        self.set_property(LOAD, Some(&load.to_string()))
    }

    /// Tells how much work this server can take. Errors: as [`Server::set_property`].
    pub fn set_capacity(&self, capacity: f64) -> Result<(), Error> {
        self.set_property(CAPACITY, Some(&capacity.to_string()))
    }

    /// Tells whether this server takes new work. From [`Server::stop`] on it is `Draining`, whatever was told. Errors: as [`Server::set_property`].
    pub fn set_readiness(&self, readiness: Readiness) -> Result<(), Error> {
        self.set_property(STATE, Some(readiness.word()))
    }

    /// Gives up a request of this server: the event `RequestFailed` with `Cancelled` follows, and an answer that still comes is dropped.
    ///
    /// Errors: `UnknownRequest` (as a code; it has ended, or was never made).
    pub fn cancel(&self, request: RequestId) -> Result<(), Error> {
        let ended = self.shared.commons.requests.cancel(request).ok_or(Error::NotWaiting(request))?;
        any::conclude(&self.shared, ended);
        Ok(())
    }

    /// Sends a message to one server of a group, and says to which: copied before this returns, never blocks. A server whose outbox is full is
    /// passed over, except by key.
    ///
    /// Errors: `UnknownGroup`, `NoCandidate`, `QueueFull` (of the last one tried), `MessageTooBig`, `Stopped`.
    pub fn send_any(
        &self,
        group: &str,
        policy: Policy<'_>,
        tag: u16,
        payload: &[u8],
        delivery: impl Into<Delivery>,
    ) -> Result<RemoteServer, Error> {
        self.running()?;
        self.shared.unless_stopping(any::send(&self.shared, group, policy, tag, payload, delivery.into())).map(RemoteServer::new)
    }

    /// Asks one server of a group for an answer: `start()` it, or `await` it.
    pub fn request_any<'a>(&self, group: &'a str, policy: Policy<'a>, tag: u16, payload: &'a [u8]) -> RequestBuilder<'a> {
        RequestBuilder::any(self.shared.clone(), group, policy, tag, payload)
    }

    pub fn info(&self) -> ServerInfo {
        self.shared.info()
    }

    /// Every group that this server's group is connected with, ordered by name.
    pub fn groups(&self) -> Vec<ServerGroup> {
        self.shared.groups()
    }

    /// One of [`Server::groups`]; `None` when there is no such group or ours is not connected with it.
    pub fn group(&self, name: &str) -> Option<ServerGroup> {
        self.groups().into_iter().find(|group| group.name() == name)
    }

    /// A server in this one's view. `None`: it has left, or never was visible from this group.
    pub fn find(&self, id: ServerId) -> Option<RemoteServer> {
        self.shared.peer(id).ok().map(RemoteServer::new)
    }

    /// Why the link to a server is, or is not, up: its state and since when, what waits on it, every address tried with its error, refusals of
    /// either side, the registry's view and its age, and a clock that is wrong. For people: the words may change. A server that sees
    /// nobody at all is asked for with [`diagnose()`].
    pub fn explain(&self, id: ServerId) -> Result<String, Error> {
        Ok(explain::explain(&self.shared, &*self.shared.peer(id)?))
    }

    /// Applies a new configuration to the running server: `[groups]`, `[limits]`, key and certificate files, `cluster.trust`, `log.level` and some
    /// more (`docs/configuration.md` lists them). All of it or nothing.
    ///
    /// Links that stand go on. New handshakes show and trust what the new files say, so certificates are renewed and authorities exchanged without a
    /// disconnect; a server that may not be trusted any more is refused when it connects next. Limits of a link hold for servers that come into view
    /// from now on, the others at once. A server that the new `[groups]` show joins, one that they hide is disconnected and leaves (`Unrelated`).
    /// `server.properties` that are others than in the last configuration are set.
    ///
    /// Errors: `NeedsRestart`, which names every key that cannot change (`server.name` too, which is drawn anew where the text gives none); what
    /// [`Server::start`] says of the configuration and of files; `Stopped`. Nothing has changed then.
    pub fn reload(&self, config: ServerConfig) -> Result<(), Error> {
        self.running()?;
        config.validate()?;
        let mut loaded = self.loaded.lock();
        let fixed = fixed_differences(&loaded, &config);
        if !fixed.is_empty() {
            return Err(Error::NeedsRestart(fixed));
        }
        let renewed = Identity::load(&config.cluster, &config.server)?;
        let (before, after) = (&loaded.server.properties, &config.server.properties);
        let gone = before.keys().filter(|key| !after.contains_key(*key)).map(|key| (key.as_str(), None));
        let set =
            after.iter().filter(|(key, value)| before.get(*key) != Some(*value)).map(|(key, value)| (key.as_str(), Some(value.as_str())));
        self.identity.check_renewal(&renewed)?;
        self.shared.properties.change(gone.chain(set))?;
        // From here on nothing can fail.
        self.identity.renew(&renewed)?;
        self.level.set(config.log.level);
        self.shared.renew(&config);
        *loaded = config;
        Ok(())
    }

    /// Where `GET /health` is answered: `health.listen`, with the real port. `None` without it.
    pub fn health_address(&self) -> Option<std::net::SocketAddr> {
        self.shared.health_address.get().copied()
    }

    pub fn stats(&self) -> Stats {
        stats::collect(&self.shared)
    }

    /// Begins a graceful end and returns at once: leaves the registry, sends what is queued (for at most `limits.drain_ms`), says goodbye.
    /// The event `Stopped` is the last one. Calling it again does nothing.
    pub fn stop(&self) {
        self.shared.stop();
    }

    /// Ends it as dropping does, while others may still use it: what they ask for is answered with `Stopped` from now on, and a poll that waits is
    /// over. Once it is closed, or while another thread closes it, this does nothing.
    pub fn close(&self) {
        let Some(Running { runtime, node }) = self.running.lock().take() else { return };
        self.shared.stop();
        // Nobody polls any more, so nothing may wait for that.
        self.shared.queue.abandon();
        let limits = self.shared.limits();
        let limit = Duration::from_millis(limits.shutdown_ms);
        let grace = limit.min(Duration::from_millis(limits.drain_ms)) * 3 / 4;
        let finish = async move {
            // A node that panicked is as finished as one that returned.
            let _ = node.await;
        };
        runtime::shut_down(runtime, finish, grace, limit);
        for peer in std::mem::take(&mut *self.shared.peers.write()).into_values() {
            // Handles that outlive the server refuse what they are asked to send.
            peer.set_state(ConnectionState::Left);
            peer.datagrams.close();
            peer.outbox.detach();
            peer.end_session();
        }
        // After that, nobody can ask any more.
        any::conclude_all(&self.shared);
        self.shared.commons.pool.close();
    }

    fn running(&self) -> Result<(), Error> {
        if self.shared.is_stopping() { Err(Error::Stopped) } else { Ok(()) }
    }

    /// The queue, for the C ABI, which lends out what lies in it instead of taking it.
    #[cfg(feature = "capi")]
    pub(crate) fn queue(&self) -> &crate::event::EventQueue {
        &self.shared.queue
    }

    /// Answers a request by its number. Errors: as [`Request::reply_with`], and `UnknownServer`, `Stopped`.
    #[cfg(feature = "capi")]
    pub(crate) fn answer(&self, from: ServerId, request: u64, role: crate::message::Role, code: u32, payload: &[u8]) -> Result<(), Error> {
        self.running()?;
        self.shared.unless_stopping(self.shared.find(from)?.answer(request, role, code, payload))
    }

    /// The ids of a group's servers in view, ordered. Errors: `UnknownGroup`.
    #[cfg(feature = "capi")]
    pub(crate) fn members(&self, group: &str) -> Result<Vec<ServerId>, Error> {
        Ok(self.shared.members(group)?.iter().map(|peer| peer.id).collect())
    }

    /// Makes the node task panic.
    #[cfg(all(test, feature = "capi"))]
    pub(crate) fn break_node(&self) {
        self.shared.bug.store(true, std::sync::atomic::Ordering::Release);
        self.shared.stop_requested.notify_one();
    }

    #[cfg(feature = "capi")]
    pub(crate) fn limits(&self) -> crate::config::LimitsSection {
        self.shared.limits()
    }
}

/// Runs the node; should it panic, the game is told and nobody else is touched.
async fn supervise(node: Node, shared: Arc<Shared>) {
    if let Err(failure) = tokio::spawn(node.run()).await
        && failure.is_panic()
    {
        let text = "a bug in Sinew ended this server; please report it, with the log".to_string();
        shared.stop();
        any::conclude_all(&shared);
        shared.queue.push(Event::Stopped { reason: StopReason::Failed, text });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.close();
    }
}
