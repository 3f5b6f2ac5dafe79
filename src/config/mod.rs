//! What a server is told at start: one TOML text, then `SINEW_*` environment variables on top.
//!
//! Pure: reads text, a file and a map of variables; opens no socket, starts nothing. Every mistake becomes a [`ConfigError`]
//! that names the key, the line, what was found and what is expected.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The effective configuration of one server. `docs/configuration.md` lists every key with its unit, range and default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ServerConfig {
    pub server: ServerSection,
    #[serde(default)]
    pub groups: BTreeMap<String, GroupSection>,
    #[serde(default)]
    pub registry: RegistrySection,
    #[serde(default)]
    pub cluster: ClusterSection,
    #[serde(default)]
    pub limits: LimitsSection,
    #[serde(default)]
    pub runtime: RuntimeSection,
    #[serde(default)]
    pub log: LogSection,
}

/// `[server]`: who this server is and where it is reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ServerSection {
    /// The group this server belongs to; must be one of `[groups]`. Required.
    pub group: String,
    /// Unique in its group; a restart under the same name replaces the ghost. Default: the group and six random letters.
    #[serde(default)]
    pub name: String,
    /// Address to bind; port 0 takes any free one. Default `127.0.0.1:0`.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// `host` or `host:port` that others dial; empty: the bound address. Default empty. Port left out or 0: the bound port.
    #[serde(default)]
    pub advertise: String,
    /// The game's own version, compared between servers. Default empty.
    #[serde(default)]
    pub app_version: String,
    /// Free key = "value" pairs that peers see. At most 4 KiB in all.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
}

/// `[groups.NAME]`: one group of the topology.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct GroupSection {
    /// `internal` (the default) or `external` (may accept game clients).
    pub visibility: Visibility,
    /// Groups whose servers every server of this group dials. A group may name itself: a full mesh.
    pub connects_to: Vec<String>,
}

/// Who may find a group: game clients too, or only servers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    #[default]
    Internal,
    External,
}

/// `[registry]`: how the servers find each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct RegistrySection {
    /// `embedded` (the default) or `fixed`.
    pub kind: RegistryKind,
    /// embedded: `host:port` of every registry host. Default: `registry.listen` when `host = true`, else `127.0.0.1:4100`.
    pub addresses: Vec<String>,
    /// embedded: host the registry inside this server, on `registry.listen`. Default false.
    pub host: bool,
    /// embedded with `host = true`: the address to bind. Default `127.0.0.1:4100`.
    pub listen: SocketAddr,
    /// embedded: how long a registration outlives its connection, ms. Default 3000.
    pub lease_ms: u64,
    /// fixed: the list of servers agreed beforehand.
    pub servers: Vec<FixedServer>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RegistryKind {
    #[default]
    Embedded,
    Fixed,
}

/// `[[registry.servers]]`: one seat of a `fixed` neighbourhood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FixedServer {
    pub group: String,
    pub name: String,
    /// `host:port` that the others dial.
    pub address: String,
}

/// `[cluster]`: which cluster, and the keys that prove membership.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ClusterSection {
    /// Servers of different cluster names refuse each other. Default `default`.
    pub name: String,
    /// The cluster key file made by `sinew keygen`. Either this, or `ca` + `cert` + `key`, or nothing (loopback only).
    pub key_file: Option<PathBuf>,
    /// PEM certificates of the cluster authority, beside `cert` and `key`.
    pub ca: Option<PathBuf>,
    /// This server's own PEM certificate, made by `sinew keygen issue`.
    pub cert: Option<PathBuf>,
    /// The private key of `cert`.
    pub key: Option<PathBuf>,
    /// Further PEM authorities (or key files) whose servers are trusted too, so that keys rotate without downtime.
    pub trust: Vec<PathBuf>,
    /// Accept peers with a different `server.app_version`. Default false: they are refused with a sentence.
    pub mixed_app_versions: bool,
}

/// `[limits]`: every queue and every wait has one. Sizes in bytes, times in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct LimitsSection {
    /// Bytes waiting to be sent per link, headers included. Full: `QUEUE_FULL`. Default 8 MiB.
    pub outbox_bytes: usize,
    /// Bytes received per link and not yet polled. Full: that link stops reading. Default 8 MiB.
    pub inbox_bytes: usize,
    /// Bytes of control events and log events not yet polled. Full: no new links until polled, logs dropped. Default 4 MiB.
    pub event_queue_bytes: usize,
    /// Largest message payload. Default 16 MiB.
    pub max_message_bytes: usize,
    /// From TCP accept or dial to an authenticated link. Default 10000.
    pub handshake_ms: u64,
    /// A link sends a keep-alive this often. Default 1000.
    pub keep_alive_ms: u64,
    /// A link without a byte for this long is interrupted. Default 5000.
    pub interrupted_after_ms: u64,
    /// An interrupted link that stays silent for this long more is given up. Default 10000.
    pub resume_window_ms: u64,
    /// First and largest reconnect delay; each is drawn between 0 and the doubled bound. Defaults 100 and 5000.
    pub reconnect_min_ms: u64,
    pub reconnect_max_ms: u64,
    /// Failed dials until the registry is told. Default 10.
    pub reconnect_attempts: u32,
    /// Accepted connections that have not finished their handshake, at once. Default 256.
    pub pending_handshakes: usize,
    /// `stop` flushes outboxes for at most this long. Default 2000.
    pub drain_ms: u64,
    /// `free` returns within this. Default 3000.
    pub shutdown_ms: u64,
}

/// `[runtime]`: the library's own threads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct RuntimeSection {
    /// IO threads, 1 to 64. Default: 2, or 1 on a single-core machine.
    pub worker_threads: usize,
}

/// `[log]`: where the library's own words go.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct LogSection {
    /// Least severe level that is written. Default `info`.
    pub level: LogLevel,
    /// `stderr` (default), `events` (LOG events), `tracing` (the process's own subscriber, Rust only) or `none`.
    pub to: LogTarget,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogTarget {
    #[default]
    Stderr,
    Events,
    Tracing,
    None,
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

impl Default for RegistrySection {
    fn default() -> Self {
        Self {
            kind: RegistryKind::Embedded,
            addresses: Vec::new(),
            host: false,
            listen: SocketAddr::from(([127, 0, 0, 1], 4100)),
            lease_ms: 3000,
            servers: Vec::new(),
        }
    }
}

impl Default for ClusterSection {
    fn default() -> Self {
        Self { name: "default".into(), key_file: None, ca: None, cert: None, key: None, trust: Vec::new(), mixed_app_versions: false }
    }
}

impl Default for LimitsSection {
    fn default() -> Self {
        Self {
            outbox_bytes: 8 << 20,
            inbox_bytes: 8 << 20,
            event_queue_bytes: 4 << 20,
            max_message_bytes: 16 << 20,
            handshake_ms: 10_000,
            keep_alive_ms: 1000,
            interrupted_after_ms: 5000,
            resume_window_ms: 10_000,
            reconnect_min_ms: 100,
            reconnect_max_ms: 5000,
            reconnect_attempts: 10,
            pending_handshakes: 256,
            drain_ms: 2000,
            shutdown_ms: 3000,
        }
    }
}

impl Default for RuntimeSection {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
        Self { worker_threads: cores.min(2) }
    }
}

impl Default for LogSection {
    fn default() -> Self {
        Self { level: LogLevel::Info, to: LogTarget::Stderr }
    }
}

/// One mistake in the configuration, in one sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: {reason}")]
pub struct ConfigError {
    /// Dotted path of the key, e.g. `limits.outbox_bytes`.
    pub key: String,
    pub reason: String,
}

impl ServerConfig {
    /// From a TOML text, then the process's `SINEW_*` environment variables on top.
    pub fn from_toml(_text: &str) -> Result<Self, ConfigError> {
        unimplemented!("helper")
    }

    /// From a TOML file, then the environment. The file's path is named in every error.
    pub fn from_file(_path: &std::path::Path) -> Result<Self, ConfigError> {
        unimplemented!("helper")
    }
}
