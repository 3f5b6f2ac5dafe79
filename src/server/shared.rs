//! What the game's threads and the node task both look at.

use super::any::Turns;
use super::properties::Properties;
use super::rejections::Rejections;
use super::roster::Roster;
use super::{RemoteServer, ServerGroup, ServerInfo};
use crate::cluster::Topology;
use crate::config::{LimitsSection, ServerConfig};
use crate::error::{Error, RegistryError};
use crate::event::EventQueue;
use crate::id::ServerId;
use crate::link::{Commons, ConnectionState, Peer};
use crate::registry::external::ExternalRegistry;
use crate::registry::{HostStatus, Registration};
use crate::transport::identity::PeerIdentity;
use once_cell::sync::OnceCell;
use parking_lot::{Mutex, RwLock};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};

pub(crate) struct Shared {
    /// As it was at the start: of what a reload can change, [`Shared::limits`] and [`Shared::live`] know better.
    pub(crate) config: ServerConfig,
    live: RwLock<Live>,
    /// The node has to look at them.
    pub(super) reloaded: Notify,
    pub(crate) queue: Arc<EventQueue>,
    /// Everybody in view, ordered by id. Written by the node alone.
    pub(crate) peers: RwLock<BTreeMap<ServerId, Arc<Peer>>>,
    pub(super) roster: Roster,
    /// What the links share.
    pub(crate) commons: Arc<Commons>,
    pub(crate) rejections: Rejections,
    pub(super) properties: Properties,
    pub(super) turns: Mutex<Turns>,
    /// Held while it is told who asked that requests have failed.
    pub(super) concluding: Mutex<()>,
    /// `now` of the pure parts is the time since this.
    pub(crate) epoch: Instant,
    pub(super) bound: OnceCell<SocketAddr>,
    /// As it is registered; a server that began without a registry may get another id when one is there.
    pub(super) own: RwLock<Option<Registration>>,
    pub(super) registry: Mutex<RegistryView>,
    /// What the game reports to, where it connects the registry itself.
    pub(super) external: OnceCell<ExternalRegistry>,
    stopping: AtomicBool,
    stopping_since: OnceCell<Instant>,
    pub(super) ready_since: OnceCell<Instant>,
    pub(super) health_address: OnceCell<SocketAddr>,
    pub(super) stop_requested: Notify,
    /// The node panics when it sees it.
    #[cfg(test)]
    pub(super) bug: AtomicBool,
}

/// What is known of the registry, for `explain`.
#[derive(Debug, Default)]
pub(super) struct RegistryView {
    /// Why it cannot be reached, and since when.
    pub(super) lost: Option<(String, Instant)>,
    /// When it came back from that.
    pub(super) restored: Option<Instant>,
    /// When the last news came.
    pub(super) heard: Option<Instant>,
    /// How it stands with every host; `None` for a registry without hosts.
    pub(super) hosts: Option<watch::Receiver<Vec<HostStatus>>>,
}

impl RegistryView {
    /// It has something to say, so it is there.
    pub(super) fn heard_again(&mut self, now: Instant) {
        if self.lost.take().is_some() {
            self.restored = Some(now);
        }
        self.heard = Some(now);
    }
}

/// What a reload can change.
#[derive(Clone)]
pub(super) struct Live {
    pub(super) topology: Topology,
    pub(super) limits: LimitsSection,
    pub(super) registry_lost: Duration,
    pub(super) mixed_app_versions: bool,
}

impl Live {
    pub(super) fn new(config: &ServerConfig) -> Self {
        Self {
            topology: Topology::new(config.groups.clone()),
            limits: config.limits.clone(),
            registry_lost: Duration::from_millis(config.health.registry_lost_ms),
            mixed_app_versions: config.cluster.mixed_app_versions,
        }
    }
}

impl Shared {
    pub(crate) fn limits(&self) -> LimitsSection {
        self.live.read().limits.clone()
    }

    pub(super) fn live(&self) -> Live {
        self.live.read().clone()
    }

    /// The links and the node find out at their next step.
    pub(super) fn renew(&self, config: &ServerConfig) {
        *self.live.write() = Live::new(config);
        self.queue.set_limit(config.limits.event_queue_bytes);
        self.commons.renew(&config.limits, &self.config.runtime);
        self.reloaded.notify_one();
    }

    pub(super) fn new(config: ServerConfig) -> Self {
        Self {
            live: RwLock::new(Live::new(&config)),
            reloaded: Notify::new(),
            queue: Arc::new(EventQueue::new(config.limits.event_queue_bytes, Duration::from_micros(config.runtime.busy_poll_us))),
            peers: RwLock::default(),
            roster: Roster::default(),
            commons: Commons::new(&config.limits, &config.runtime),
            rejections: Rejections::default(),
            properties: Properties::new(config.server.properties.clone()),
            turns: Mutex::default(),
            concluding: Mutex::default(),
            epoch: Instant::now(),
            bound: OnceCell::new(),
            own: RwLock::default(),
            registry: Mutex::default(),
            external: OnceCell::new(),
            stopping: AtomicBool::new(false),
            stopping_since: OnceCell::new(),
            ready_since: OnceCell::new(),
            health_address: OnceCell::new(),
            stop_requested: Notify::new(),
            #[cfg(test)]
            bug: AtomicBool::new(false),
            config,
        }
    }

    pub(super) fn stop(&self) {
        let _ = self.stopping_since.set(Instant::now());
        self.stopping.store(true, Ordering::Release);
        self.stop_requested.notify_one();
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// What a call came to that may have been under way when the server was stopped: then that is why it failed.
    #[inline]
    pub(super) fn unless_stopping<T>(&self, outcome: Result<T, Error>) -> Result<T, Error> {
        outcome.map_err(|error| if self.is_stopping() { Error::Stopped } else { error })
    }

    /// When `stop` was called.
    pub(super) fn stopping_since(&self) -> Option<Instant> {
        self.stopping_since.get().copied()
    }

    /// When it registered, or the registry came back.
    pub(super) fn ready_since(&self) -> Option<Instant> {
        self.registry.lock().restored.or(self.ready_since.get().copied())
    }

    pub(super) fn note_health(&self, listener: Option<&TcpListener>) {
        if let Some(Ok(address)) = listener.map(TcpListener::local_addr) {
            let _ = self.health_address.set(address);
        }
    }

    pub(super) fn connected_servers(&self) -> usize {
        self.peers.read().values().filter(|peer| peer.state() == ConnectionState::Connected).count()
    }

    /// Errors: `NotExternal`.
    pub(super) fn external(&self) -> Result<&ExternalRegistry, Error> {
        Ok(self.external.get().ok_or(RegistryError::NotExternal)?)
    }

    /// Like [`Shared::peer`], and without a lock where it can be: what every call that sends begins with.
    #[inline]
    pub(super) fn find(&self, id: ServerId) -> Result<Cow<'_, Arc<Peer>>, Error> {
        match self.roster.find(id) {
            Some(peer) => Ok(Cow::Borrowed(peer)),
            None => self.peer(id).map(Cow::Owned),
        }
    }

    pub(super) fn peer(&self, id: ServerId) -> Result<Arc<Peer>, Error> {
        self.peers.read().get(&id).cloned().ok_or(Error::UnknownServer(id))
    }

    /// A server that is in view, and has proven that it is that one, dialled in vain.
    pub(super) fn note_knock(&self, id: ServerId, proven: &PeerIdentity, text: String) {
        let Ok(peer) = self.peer(id) else { return };
        if (&*peer.group, &*peer.name) == (proven.group.as_str(), proven.name.as_str()) {
            peer.trace.lock().knocked = Some((Instant::now(), text));
        }
    }

    pub(super) fn members(&self, group: &str) -> Result<Vec<Arc<Peer>>, Error> {
        self.check_group(group)?;
        Ok(self.peers.read().values().filter(|peer| &*peer.group == group).cloned().collect())
    }

    /// Errors: `UnknownGroup`.
    pub(super) fn check_group(&self, group: &str) -> Result<(), Error> {
        let ours = &self.config.server.group;
        let topology = &self.live.read().topology;
        if !topology.related(ours, group) {
            let known = topology.groups().keys().filter(|name| topology.related(ours, name));
            let known = known.map(String::as_str).collect::<Vec<_>>().join(", ");
            return Err(Error::UnknownGroup { group: group.into(), known: if known.is_empty() { "none".into() } else { known } });
        }
        Ok(())
    }

    pub(super) fn groups(&self) -> Vec<ServerGroup> {
        let ours = &self.config.server.group;
        let topology = &self.live.read().topology;
        let peers = self.peers.read();
        topology
            .groups()
            .iter()
            .filter(|(name, _)| topology.related(ours, name))
            .map(|(name, section)| ServerGroup {
                name: name.clone(),
                visibility: section.visibility,
                outgoing: topology.connects(ours, name),
                incoming: topology.connects(name, ours),
                members: peers.values().filter(|peer| *peer.group == **name).cloned().map(RemoteServer::new).collect(),
            })
            .collect()
    }

    pub(super) fn info(&self) -> ServerInfo {
        let server = &self.config.server;
        let own = self.own.read();
        let own = own.as_ref();
        let bound = self.bound.get().copied().unwrap_or(server.listen);
        ServerInfo {
            id: own.map(|own| own.id),
            group: server.group.clone(),
            name: server.name.clone(),
            host: own.map_or_else(|| bound.ip().to_string(), |own| own.host.clone()),
            port: own.map_or(bound.port(), |own| own.port),
            visibility: self.live.read().topology.groups().get(&server.group).map(|group| group.visibility).unwrap_or_default(),
        }
    }
}
