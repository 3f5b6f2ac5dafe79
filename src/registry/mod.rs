//! The directory of the cluster: who is registered, who joined, who left.
//!
//! A connector talks to one kind of registry. It runs in the server's own runtime, reports what it learns as [`News`] and is told
//! what to do through [`Command`]s; it never decides anything about links and never ends the process. A lost registry is news, not an error.
//!
//! [`fixed`] is a list in the configuration, [`embedded`] our own service, [`external`] what the game itself connects; `store` is what etcd, Redis and
//! Consul have in common, `merged` several registries at once, `cached` keeps the view of any of them on disk. [`contract`] is the suite every connector must pass, a user's
//! own included. May use `config`, `transport` (TLS), `wire` (the codec) and tokio. Must never know links, messages or the event queue.

mod cached;
#[cfg(feature = "consul")]
mod consul;
pub mod contract;
mod departed;
pub mod embedded;
mod entry;
#[cfg(feature = "etcd")]
mod etcd;
pub mod external;
pub mod fixed;
#[cfg(any(feature = "etcd", feature = "consul"))]
mod http;
mod ids;
mod local;
mod merged;
mod pauses;
#[cfg(feature = "redis")]
mod redis;
#[cfg(any(feature = "etcd", feature = "consul", feature = "redis"))]
mod store;

use entry::flaw;
pub use external::local_address;
pub(crate) use ids::drawn_at;
pub use ids::fresh_id;

use crate::config::{ConfigError, RegistryKind, ServerConfig, Visibility};
use crate::id::ServerId;
use crate::transport::identity::Identity;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The connector that `[registry]` asks for.
///
/// `hosted`: where this server's own registry host really listens, when it has one. It stands in for an empty `registry.addresses`, which
/// loading leaves only where the port was not known beforehand.
/// Errors: whatever [`ServerConfig::validate`] finds.
pub fn connector(config: &ServerConfig, identity: &Identity, hosted: Option<SocketAddr>) -> Result<Box<dyn Connector>, ConfigError> {
    config.validate()?;
    let Some(path) = config.registry.cache_file.clone() else { return uncached(config, identity, hosted) };
    let (config, identity, cluster) = (config.clone(), identity.clone(), config.cluster.name.clone());
    let mut first = Some(uncached(&config, &identity, hosted)?);
    let make = move || first.take().map_or_else(|| uncached(&config, &identity, hosted), Ok);
    Ok(Box::new(cached::Cached::new(Box::new(make), path, &cluster)))
}

/// The connector for all of `[registry]`.
fn uncached(config: &ServerConfig, identity: &Identity, hosted: Option<SocketAddr>) -> Result<Box<dyn Connector>, ConfigError> {
    if config.more_registries.is_empty() {
        return one(config, identity, hosted);
    }
    let mut make = Vec::new();
    for (index, config) in config.each_registry().enumerate() {
        let (identity, hosted) = (identity.clone(), hosted.filter(|_| index == 0));
        // Whatever is wrong with one of them is known before any of them runs.
        let mut first = Some(one(&config, &identity, hosted)?);
        make.push(Box::new(move || first.take().map_or_else(|| one(&config, &identity, hosted), Ok)) as merged::Make);
    }
    Ok(Box::new(merged::Merged::new(make)))
}

/// The connector for `config.registry` alone.
fn one(config: &ServerConfig, identity: &Identity, hosted: Option<SocketAddr>) -> Result<Box<dyn Connector>, ConfigError> {
    let registry = &config.registry;
    Ok(match registry.kind {
        RegistryKind::Fixed => Box::new(fixed::Fixed::new(config)?),
        RegistryKind::Embedded => {
            let mut addresses = registry.addresses.clone();
            if addresses.is_empty() {
                addresses.push(dialable(hosted.unwrap_or(registry.listen)).to_string());
            }
            Box::new(embedded::Embedded::new(addresses, identity, &config.cluster.name))
        }
        #[cfg(feature = "etcd")]
        RegistryKind::Etcd => stored(etcd::Etcd::new(config))?,
        #[cfg(feature = "redis")]
        RegistryKind::Redis => stored(redis::Redis::new(config))?,
        #[cfg(feature = "consul")]
        RegistryKind::Consul => stored(consul::Consul::new(config))?,
        kind => return Err(absent(kind)),
    })
}

#[cfg(any(feature = "etcd", feature = "redis", feature = "consul"))]
fn stored(store: Result<impl store::Store, store::Failure>) -> Result<Box<dyn Connector>, ConfigError> {
    Ok(Box::new(store::Stored::new(store.map_err(|failure| unusable(&failure.0))?)))
}

/// A kind of registry that this build was made without, or that the game connects.
fn absent(kind: RegistryKind) -> ConfigError {
    let word = format!("{kind:?}").to_lowercase();
    let expected = match kind {
        RegistryKind::External => "a kind that Sinew connects by itself; this one is connected by the game".into(),
        _ => format!("a kind that this build has: it was made without the cargo feature `{word}`"),
    };
    wrong_kind(kind, expected)
}

/// What was called does not fit the kind of registry that is configured.
pub(crate) fn wrong_kind(kind: RegistryKind, expected: String) -> ConfigError {
    let found = format!("\"{}\"", format!("{kind:?}").to_lowercase());
    ConfigError::whole("registry.kind", found, expected)
}

/// A registry that cannot even be tried, because of its configuration.
#[cfg(any(feature = "etcd", feature = "redis", feature = "consul"))]
fn unusable(failure: &str) -> ConfigError {
    ConfigError::whole("registry", failure, "files that can be read")
}

/// `0.0.0.0` and `[::]` can be bound but not dialled everywhere: this machine's own address then.
fn dialable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// One entry of the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    pub id: ServerId,
    pub group: String,
    pub name: String,
    /// What others dial: a host name or an address without brackets, and a port that is never 0.
    pub host: String,
    pub port: u16,
    pub visibility: Visibility,
    pub properties: BTreeMap<String, String>,
}

/// What a server asks to be registered as, before it has an id.
///
/// `host` empty: the connector fills in the address by which this machine reaches the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The id that this server has already: the connector keeps it, and whoever holds a higher one under the same name has replaced this server.
    /// `None`: the connector makes one.
    pub id: Option<ServerId>,
    pub group: String,
    pub name: String,
    pub host: String,
    pub port: u16,
    pub visibility: Visibility,
    pub properties: BTreeMap<String, String>,
}

/// Why a registration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LeaveReason {
    /// It said goodbye: final.
    Deregistered,
    /// A newer server registered under the same group and name: final.
    Replaced,
    /// Its lease ran out: a hint only; a live link outlives it.
    Expired,
}

/// What a connector reports, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// This server is registered under this entry. A [`News::Snapshot`] follows the first one; after an outage it comes again,
    /// with the same id, behind [`News::Restored`]. Behind a [`News::Lost`] it is what an earlier run has left on disk
    /// (`registry.cache_file`); only from there the id may change, when the registry is there and no longer takes that one.
    Registered(Registration),
    /// A newer server took this server's name; the connector has given up its registration, will not take it back and
    /// has nothing more to report.
    Replaced { by: ServerId },
    /// The id that this server was given ([`Candidate::id`]) stands there for another one. Comes in place of the first [`News::Registered`]; the
    /// connector is lost ([`News::Lost`]) and goes on trying, in case that the other leaves.
    IdTaken,
    /// A server that was not in the view. One that has left as [`LeaveReason::Expired`] may join again under the same id.
    Joined(Registration),
    /// A server that was in the view, never this server itself.
    Left { id: ServerId, reason: LeaveReason },
    /// Everything that is registered now, this server included: what is not in it has left (`Expired`).
    Snapshot(Vec<Registration>),
    /// The registry cannot be reached; the text says why, naming the address and the cure. Once per outage; may come before the
    /// first [`News::Registered`].
    Lost(String),
    /// The registry is back; nothing else says so. What has changed meanwhile follows as joins and leaves, or as a [`News::Snapshot`].
    Restored,
}

/// What a connector is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Dialling this server failed again and again: look whether it is really there.
    ReportFailure(ServerId),
    /// Leave the registry and end; the connector's task returns when it is done, or after about a second if the registry does not answer.
    Deregister,
}

/// The two ends a connector's task works with. The task ends after [`Command::Deregister`]; closing `commands` means the same.
pub struct Wires {
    pub news: mpsc::Sender<News>,
    pub commands: mpsc::Receiver<Command>,
}

/// How it stands with one host of a registry, for `explain`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostStatus {
    /// As it stands in the configuration.
    pub address: String,
    /// It has this server's registration and shows it the directory.
    pub registered: bool,
    /// Its last word. While `registered`, that word confirmed the registration.
    pub heard: Option<Instant>,
    /// Half a sentence: why the last attempt to reach it, or to register there, failed.
    pub failure: Option<String>,
}

/// Gives the server one piece of news; `false` when it does not listen any more. Cancel-safe.
async fn hand_over(to: &mpsc::Sender<News>, pending: &mut VecDeque<News>) -> bool {
    match to.reserve().await {
        Ok(permit) => {
            if let Some(news) = pending.pop_front() {
                permit.send(news);
            }
            true
        }
        Err(_) => false,
    }
}

/// What one host of the registry shows to somebody who does not register.
pub(crate) struct View {
    /// `host:port`; empty for a list that is no host.
    pub(crate) host: String,
    /// Who is registered, or half a sentence.
    pub(crate) listed: Result<Vec<Registration>, String>,
}

/// A look at the registry that `[registry]` names, without a registration: nobody is replaced, nobody hears of it. Ends within `patience`.
///
/// Errors: whatever [`ServerConfig::validate`] finds.
pub(crate) async fn look(config: &ServerConfig, identity: &Identity, patience: Duration) -> Result<Vec<View>, ConfigError> {
    let mut views = Vec::new();
    for config in config.each_registry() {
        views.extend(look_at_one(&config, identity, patience).await?);
    }
    Ok(views)
}

async fn look_at_one(config: &ServerConfig, identity: &Identity, patience: Duration) -> Result<Vec<View>, ConfigError> {
    match config.registry.kind {
        RegistryKind::Embedded => {}
        RegistryKind::Fixed => return Ok(vec![View { host: String::new(), listed: Ok(fixed::Fixed::new(config)?.into_seats()) }]),
        #[cfg(feature = "etcd")]
        RegistryKind::Etcd => return look_into(etcd::Etcd::new(config), patience).await,
        #[cfg(feature = "redis")]
        RegistryKind::Redis => return look_into(redis::Redis::new(config), patience).await,
        #[cfg(feature = "consul")]
        RegistryKind::Consul => return look_into(consul::Consul::new(config), patience).await,
        RegistryKind::External => {
            let why = "the game connects this registry itself (registry.kind = \"external\"), so only the game can look into it";
            return Ok(vec![View { host: String::new(), listed: Err(why.into()) }]);
        }
        #[cfg(not(all(feature = "etcd", feature = "redis", feature = "consul")))]
        kind => return Err(absent(kind)),
    }
    let connector = Arc::new(embedded::Embedded::new(config.registry.addresses.clone(), identity, &config.cluster.name));
    let mut looks = JoinSet::new();
    for host in config.registry.addresses.clone() {
        let connector = connector.clone();
        looks.spawn(async move {
            let listed = timeout(patience, connector.look(&host)).await;
            View { listed: listed.unwrap_or_else(|_| Err(format!("no answer within {} s", patience.as_secs_f32()))), host }
        });
    }
    let mut views = looks.join_all().await;
    // In the order in which they are configured.
    views.sort_by_key(|view| config.registry.addresses.iter().position(|address| *address == view.host));
    Ok(views)
}

/// The same for one that is kept in a store.
#[cfg(any(feature = "etcd", feature = "redis", feature = "consul"))]
async fn look_into(store: Result<impl store::Store, store::Failure>, patience: Duration) -> Result<Vec<View>, ConfigError> {
    let store = store.map_err(|failure| unusable(&failure.0))?;
    let host = store::Store::label(&store).to_owned();
    let listed = timeout(patience, store::look(store)).await;
    Ok(vec![View { host, listed: listed.unwrap_or_else(|_| Err(format!("no answer within {} s", patience.as_secs_f32()))) }])
}

/// A kind of registry.
pub trait Connector: Send + 'static {
    /// Registers `me` and watches the directory until told to deregister. Retries for ever by itself.
    ///
    /// Dropping the future leaves without a goodbye and leaves no task or socket behind.
    fn run(self: Box<Self>, me: Candidate, wires: Wires) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

    /// Whether ids name seats of a list agreed beforehand (`fixed`) rather than registrations: then an id comes back after a goodbye.
    fn ids_are_seats(&self) -> bool {
        false
    }

    /// How it stands with every host, kept up to date while the connector runs; `None` for a registry without hosts.
    fn hosts(&self) -> Option<watch::Receiver<Vec<HostStatus>>> {
        None
    }
}
