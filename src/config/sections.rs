//! The typed sections of a configuration, and their defaults.
//!
//! `keys.rs` says the same of every key in a form that the loader, the printer and the documentation share.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

/// `[server]`: who this server is and where it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ServerSection {
    /// The group this server belongs to; must be one of `[groups]`. Required.
    pub group: String,
    /// Unique in its group; a restart under the same name replaces the ghost. Default: the group and six random letters.
    pub name: String,
    /// Address to bind; port 0 takes any free one. Default `127.0.0.1:0`.
    pub listen: SocketAddr,
    /// `host` or `host:port` that others dial; empty: the bound address. Default empty. Port left out or 0: the bound port.
    pub advertise: String,
    /// The game's own version, compared between servers. Default empty.
    pub app_version: String,
    /// Free key = "value" pairs that peers see. At most 4 KiB in all.
    pub properties: BTreeMap<String, String>,
}

/// `[groups.NAME]`: one group of the topology.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RegistrySection {
    /// `embedded` is the default.
    pub kind: RegistryKind,
    /// `host:port` of every server of the registry. Default: where such a registry listens on this machine, by [`RegistryKind::default_port`];
    /// embedded with `host = true`: `registry.listen`. Stays empty when `host = true` and `registry.listen` has port 0: then only this process knows the port it got.
    pub addresses: Vec<String>,
    /// embedded: host the registry inside this server, on `registry.listen`. Default false.
    pub host: bool,
    /// embedded with `host = true`: the address to bind. Default `127.0.0.1:4100`.
    pub listen: SocketAddr,
    /// How long a registration outlives its server's last word, ms. Default 3000.
    pub lease_ms: u64,
    /// etcd, redis, consul: what the names of all entries begin with. Default `sinew`.
    pub prefix: String,
    /// etcd, redis: who this server is to the registry. Empty, the default: nobody, or whoever has the secret.
    pub user: String,
    /// etcd, redis: the file with the password; consul: with the ACL token. Only its first line counts.
    pub secret_file: Option<PathBuf>,
    /// etcd, redis, consul: speak TLS. Default false.
    pub tls: bool,
    /// With `tls`: the PEM file of the authorities that are believed. Without it: those of the operating system.
    pub ca: Option<PathBuf>,
    /// With `tls`: PEM files of this client's certificate and key, where the registry asks for one. Both or neither.
    pub cert: Option<PathBuf>,
    pub key: Option<PathBuf>,
    /// redis: the name of the master, where `addresses` are those of Sentinels. Empty, the default: they are Redis servers.
    pub sentinel: String,
    /// redis: the number of the database. Default 0.
    pub database: u32,
    /// consul: the datacenter. Empty, the default: the agent's own.
    pub datacenter: String,
    /// fixed: the list of servers agreed beforehand.
    pub servers: Vec<FixedServer>,
    /// Not fixed, external: where this server keeps what it knows of the others, so that it finds them when it starts while no registry is there.
    /// Default: nowhere.
    pub cache_file: Option<PathBuf>,
}

/// Which registry keeps the directory of the cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RegistryKind {
    /// Hosted by one or more of the servers themselves, or by `sinew registry`.
    #[default]
    Embedded,
    /// A list in the configuration, agreed beforehand.
    Fixed,
    /// etcd 3.4 or newer.
    Etcd,
    /// Redis 6 or newer, or what speaks like it.
    Redis,
    /// A Consul agent.
    Consul,
    /// The game's own.
    External,
}

impl RegistryKind {
    /// The port on which such a registry listens when nobody says otherwise; 0 for those that do not.
    pub fn default_port(self) -> u16 {
        match self {
            RegistryKind::Embedded => 4100,
            RegistryKind::Etcd => 2379,
            RegistryKind::Redis => 6379,
            RegistryKind::Consul => 8500,
            RegistryKind::Fixed | RegistryKind::External => 0,
        }
    }
}

/// `[[registry.servers]]`: one seat of a `fixed` neighbourhood.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FixedServer {
    pub group: String,
    pub name: String,
    /// `host:port` that the others dial.
    pub address: String,
}

/// `[cluster]`: which cluster, and the keys that prove membership.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    /// Requests per link and direction that wait for an answer, at once. Default 16384.
    pub requests_per_link: usize,
    /// From TCP accept or dial to an authenticated link. Default 10000.
    pub handshake_ms: u64,
    /// A link sends a keep-alive this often. Default 1000.
    pub keep_alive_ms: u64,
    /// A link without a byte for this long counts as broken. Default 5000.
    pub interrupted_after_ms: u64,
    /// So long after its link broke a session may go on over another one, without losing a message; then it is disconnected. 0: never. Default 10000.
    pub resume_window_ms: u64,
    /// First reconnect delay; each one is drawn between 0 and a bound that starts here and doubles. Default 100.
    pub reconnect_min_ms: u64,
    /// Where that bound stops doubling. Default 5000.
    pub reconnect_max_ms: u64,
    /// Failed dials until the registry is told. Default 10.
    pub reconnect_attempts: u32,
    /// Accepted connections that have not finished their handshake, at once. Default 256.
    pub pending_handshakes: usize,
    /// Connections taken from one address (IPv6: one /64) per second, and twice as many at once. Default 128.
    pub connects_per_address: u32,
    /// `stop` flushes outboxes for at most this long. Default 2000.
    pub drain_ms: u64,
    /// `free` returns within this. Default 3000.
    pub shutdown_ms: u64,
}

/// `[runtime]`: the library's own threads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RuntimeSection {
    /// IO threads, 1 to 64. Default: 2, or 1 with fewer than 4 cores.
    pub worker_threads: usize,
    /// A poll that may wait looks for so many microseconds again and again before it sleeps. Default 0.
    pub busy_poll_us: u64,
    /// A send that finds its link idle may write to the socket itself. Default true.
    pub send_writes: bool,
    /// Unreliable messages go by datagram (UDP, on the number of the TCP port) where that works. Default true.
    pub datagrams: bool,
}

/// `[log]`: where the library's own words go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LogSection {
    /// Least severe level that is written. Default `info`.
    pub level: LogLevel,
    /// `stderr` (default), `events` (LOG events), `tracing` (the process's own subscriber, Rust only) or `none`.
    pub to: LogTarget,
}

/// `[health]`: `GET /health` for registries, orchestrators and people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HealthSection {
    /// The address to answer on, over plain HTTP. Default: none.
    pub listen: Option<SocketAddr>,
    /// Without a registry for longer than this, the server is not well, ms. Default 30000.
    pub registry_lost_ms: u64,
}

/// How severe a log line is; the least severe level is the largest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

/// Where log lines go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogTarget {
    #[default]
    Stderr,
    /// `LOG` events, so that they reach the engine's console.
    Events,
    /// The subscriber that the process itself has installed.
    Tracing,
    None,
}

impl ServerSection {
    /// Every default, and no group yet: the loader's starting point, never a result.
    pub(super) fn blank() -> Self {
        Self {
            group: String::new(),
            name: String::new(),
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            advertise: String::new(),
            app_version: String::new(),
            properties: BTreeMap::new(),
        }
    }
}

impl Default for RegistrySection {
    fn default() -> Self {
        Self {
            kind: RegistryKind::Embedded,
            addresses: Vec::new(),
            host: false,
            listen: SocketAddr::from(([127, 0, 0, 1], 4100)),
            lease_ms: 3000,
            prefix: "sinew".into(),
            user: String::new(),
            secret_file: None,
            tls: false,
            ca: None,
            cert: None,
            key: None,
            sentinel: String::new(),
            database: 0,
            datacenter: String::new(),
            servers: Vec::new(),
            cache_file: None,
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
            requests_per_link: 16_384,
            handshake_ms: 10_000,
            keep_alive_ms: 1000,
            interrupted_after_ms: 5000,
            resume_window_ms: 10_000,
            reconnect_min_ms: 100,
            reconnect_max_ms: 5000,
            reconnect_attempts: 10,
            pending_handshakes: 256,
            // 64 servers behind one address that come back at once dial once each, and those that fail again within 100 and 300 ms: 192 connections,
            // under the 256 that a quiet address has. As many handshakes as that may be under way anyhow.
            connects_per_address: 128,
            drain_ms: 2000,
            shutdown_ms: 3000,
        }
    }
}

impl Default for RuntimeSection {
    fn default() -> Self {
        // On two cores a second thread takes time from the game, and each wake-up of one wakes the other (docs/performance.md).
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
        Self { worker_threads: if cores < 4 { 1 } else { 2 }, busy_poll_us: 0, send_writes: true, datagrams: true }
    }
}

impl Default for HealthSection {
    fn default() -> Self {
        Self { listen: None, registry_lost_ms: 30_000 }
    }
}

impl Default for LogSection {
    fn default() -> Self {
        Self { level: LogLevel::Info, to: LogTarget::Stderr }
    }
}
