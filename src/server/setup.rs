//! What the parts of a node are told once, from the configuration.

use super::shared::{Live, Shared};
use super::tasks::QUESTION;
use crate::cluster::{ClusterPace, Renewal, Settings};
use crate::config::{HostPort, LimitsSection, RegistryKind, ServerConfig};
use crate::error::Error;
use crate::link::Pace;
use crate::registry::embedded::{Host, HostOptions};
use crate::registry::external::{self, Request};
use crate::registry::{self, Candidate, Connector};
use crate::transport::identity::Identity;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::mpsc;

/// The registry host that `registry.host = true` asks for, bound.
pub(super) fn host(config: &ServerConfig, identity: &Identity) -> Result<Option<Host>, Error> {
    if config.registry.kind != RegistryKind::Embedded || !config.registry.host {
        return Ok(None);
    }
    let lease = millis(config.registry.lease_ms);
    let mut options = HostOptions::new(config.registry.listen, &config.cluster.name, lease);
    options.connects_per_address = config.limits.connects_per_address;
    Host::bind(options, identity).map(Some)
}

/// What keeps this server in the registry, and for a registry that the game connects: what the game is asked.
pub(super) struct Connection {
    pub(super) connector: Box<dyn Connector>,
    pub(super) requests: Option<mpsc::Receiver<Request>>,
}

/// The program's own connector, or the one that the configuration asks for.
pub(super) fn connection(
    shared: &Shared,
    identity: &Identity,
    own: Option<Box<dyn Connector>>,
    hosted: Option<SocketAddr>,
) -> Result<Connection, Error> {
    if let Some(connector) = own {
        return Ok(Connection { connector, requests: None });
    }
    if shared.config.registry.kind != RegistryKind::External {
        return Ok(Connection { connector: registry::connector(&shared.config, identity, hosted)?, requests: None });
    }
    let (connector, game, requests) = external::open(&shared.config.groups);
    let _ = shared.external.set(game);
    Ok(Connection { connector: Box::new(connector), requests: Some(requests) })
}

pub(super) fn settings(shared: &Shared, connector: &dyn Connector) -> Settings {
    let config = &shared.config;
    let Renewal { topology, mixed_app_versions, pace } = renewal(shared);
    Settings {
        cluster: config.cluster.name.clone(),
        group: config.server.group.clone(),
        name: config.server.name.clone(),
        app_version: config.server.app_version.clone(),
        mixed_app_versions,
        topology,
        incarnation: incarnation(),
        pace,
        ids_are_seats: connector.ids_are_seats(),
        seed: rand::random(),
    }
}

/// What a reload can change of them, as it is now.
pub(super) fn renewal(shared: &Shared) -> Renewal {
    let Live { topology, limits, mixed_app_versions, .. } = shared.live();
    let pace = ClusterPace {
        reconnect_min: millis(limits.reconnect_min_ms),
        reconnect_max: millis(limits.reconnect_max_ms),
        reconnect_attempts: limits.reconnect_attempts,
        resume_window: millis(limits.resume_window_ms),
        drain: millis(limits.drain_ms),
    };
    Renewal { topology, mixed_app_versions, pace }
}

/// Microseconds since 1970 at the start: a later start of the same server has a greater one. Never [`QUESTION`], whatever the clock says.
fn incarnation() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX).max(QUESTION + 1)
}

/// What this server registers as. The real port is known by now.
pub(super) fn candidate(shared: &Shared, bound: SocketAddr) -> Candidate {
    let server = &shared.config.server;
    // Checked by the configuration; empty means nothing was said.
    let advertised = server.advertise.parse::<HostPort>().ok();
    let port = advertised.as_ref().and_then(|host| host.port).filter(|port| *port != 0).unwrap_or(bound.port());
    let host = match advertised {
        Some(advertised) => advertised.host,
        // The connector fills in the address by which this machine reaches the registry.
        None if bound.ip().is_unspecified() => String::new(),
        None => bound.ip().to_string(),
    };
    let visibility = shared.config.groups.get(&server.group).map(|group| group.visibility).unwrap_or_default();
    Candidate {
        id: None,
        group: server.group.clone(),
        name: server.name.clone(),
        host,
        port,
        visibility,
        properties: server.properties.clone(),
    }
}

pub(super) fn pace(limits: &LimitsSection) -> Pace {
    Pace { keep_alive: millis(limits.keep_alive_ms), interrupted_after: millis(limits.interrupted_after_ms) }
}

pub(super) fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
