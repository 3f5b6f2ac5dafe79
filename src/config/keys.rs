//! Every key there is: one table that the loader, the environment, the printer and the documentation read.

use super::ServerConfig;
use super::kind::Kind;
use super::sections::{FixedServer, GroupSection, LogLevel, LogTarget, RegistryKind, Visibility};
use super::setting::{Choice, Setting};

/// A key, and the field of `S` that it sets.
pub(super) struct Key<S> {
    pub(super) about: About,
    pub(super) field: fn(&mut S) -> &mut dyn Setting,
}

/// What is known of a key without its field.
pub(super) struct About {
    /// Dotted, as the documentation writes it.
    pub(super) path: &'static str,
    pub(super) kind: Kind,
    pub(super) fallback: Fallback,
    /// One or two sentences for the person who sets it.
    pub(super) meaning: &'static str,
}

/// What holds when a key is not set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fallback {
    /// Nothing: it must be set.
    Required,
    /// The value that the field has at first.
    Field,
    /// It depends; in these words.
    Words(&'static str),
}

impl About {
    /// The key inside its table.
    pub(super) fn name(&self) -> &'static str {
        self.path.rsplit_once('.').map_or(self.path, |(_, name)| name)
    }

    /// The table it is in.
    pub(super) fn section(&self) -> &'static str {
        self.path.rsplit_once('.').map_or("", |(section, _)| section)
    }
}

/// The tables at the top, in the order they are printed.
pub(super) const SECTIONS: [&str; 8] = ["server", "groups", "registry", "cluster", "limits", "runtime", "health", "log"];

/// Every key, in the order of the documentation.
pub(super) fn all() -> impl Iterator<Item = &'static About> {
    let fixed = |section: &'static str| SERVER.iter().map(|key| &key.about).filter(move |about| about.section() == section);
    SECTIONS.into_iter().flat_map(move |section| {
        let group = GROUP.iter().map(|key| &key.about).filter(move |_| section == "groups");
        let seat = SEAT.iter().map(|key| &key.about).filter(move |_| section == "registry");
        fixed(section).chain(group).chain(seat)
    })
}

use Fallback::{Field, Required, Words};

const KIB: i128 = 1 << 10;
const MIB: i128 = 1 << 20;
const GIB: i128 = 1 << 30;
const MINUTE: i128 = 60_000;

/// The keys of `[[registry.servers]]`.
pub(super) static SEAT: &[Key<FixedServer>] = &[
    key("registry.servers.group", Kind::Name, Required, |s| &mut s.group, "fixed: the group of this seat; one of `[groups]`."),
    key("registry.servers.name", Kind::Name, Required, |s| &mut s.name, "fixed: its server's `server.name`, unique in the group."),
    key("registry.servers.address", Kind::Dial, Required, |s| &mut s.address, "fixed: what the others dial."),
];

/// The keys of `[groups.NAME]`.
pub(super) static GROUP: &[Key<GroupSection>] = &[
    key(
        "groups.NAME.visibility",
        Kind::Choice(Visibility::WORDS),
        Field,
        |g| &mut g.visibility,
        "`external`: the group's servers may accept game clients; `internal`: they may not.",
    ),
    key(
        "groups.NAME.connects_to",
        Kind::List(&Kind::Name),
        Field,
        |g| &mut g.connects_to,
        "Groups whose servers every server of this group dials. A group that names itself is a full mesh.",
    ),
];

/// The keys of the tables that there is one of.
pub(super) static SERVER: &[Key<ServerConfig>] = &[
    key("server.group", Kind::Name, Required, |c| &mut c.server.group, "The group this server belongs to; one of `[groups]`."),
    key(
        "server.name",
        Kind::Name,
        Words("the group, `-` and six random letters"),
        |c| &mut c.server.name,
        "Unique in its group; a restart under the same name replaces the ghost at once. Required by the `fixed` registry.",
    ),
    key(
        "server.listen",
        Kind::Listen,
        Field,
        |c| &mut c.server.listen,
        "The address to bind. Port 0 takes any free one, and the real one is registered.",
    ),
    key(
        "server.advertise",
        Kind::Advertise,
        Field,
        |c| &mut c.server.advertise,
        "What others dial, where that is not the bound address (containers, NAT). Port left out or 0: the bound port.",
    ),
    key(
        "server.app_version",
        Kind::Text { most_bytes: 255 },
        Field,
        |c| &mut c.server.app_version,
        "The game's own version. Servers of different versions refuse each other, see `cluster.mixed_app_versions`.",
    ),
    key(
        "server.properties",
        Kind::Properties,
        Field,
        |c| &mut c.server.properties,
        "Free `key = \"text\"` pairs that the other servers see, such as the map that is played.",
    ),
    key(
        "registry.kind",
        Kind::Choice(RegistryKind::WORDS),
        Field,
        |c| &mut c.registry.kind,
        "`embedded`: one or more servers (or `sinew registry`) keep the directory; `fixed`: it is `[[registry.servers]]`; `etcd`, `redis`, `consul`: that \
         product keeps it; `external`: the game does.",
    ),
    key(
        "registry.addresses",
        Kind::List(&Kind::Dial),
        Words(
            "`registry.listen` with `registry.host = true`, else 127.0.0.1 and the port of the kind: 4100, etcd 2379, redis 6379, consul 8500",
        ),
        |c| &mut c.registry.addresses,
        "embedded, etcd, redis, consul: where the registry is; every address of every server of it.",
    ),
    key("registry.host", Kind::Boolean, Field, |c| &mut c.registry.host, "embedded: this server keeps the directory, too."),
    key(
        "registry.listen",
        Kind::Listen,
        Field,
        |c| &mut c.registry.listen,
        "embedded with `registry.host = true`: the address to bind. With port 0 nobody but this process can find it.",
    ),
    key(
        "registry.lease_ms",
        Kind::milliseconds(200, 10 * MINUTE),
        Field,
        |c| &mut c.registry.lease_ms,
        "How long a registration outlives its server's last word (not fixed, external). etcd counts whole seconds, 2 at least.",
    ),
    key("registry.prefix", Kind::Name, Field, |c| &mut c.registry.prefix, "etcd, redis, consul: what the names of all entries begin with."),
    key(
        "registry.user",
        Kind::Text { most_bytes: 255 },
        Field,
        |c| &mut c.registry.user,
        "etcd, redis: who this server is to the registry. Empty: nobody, or (redis) the default user.",
    ),
    key(
        "registry.secret_file",
        Kind::Path,
        Words("none"),
        |c| &mut c.registry.secret_file,
        "etcd, redis: the file with the password; consul: with the ACL token. Its first line counts.",
    ),
    key("registry.tls", Kind::Boolean, Field, |c| &mut c.registry.tls, "etcd, redis, consul: speak TLS with the registry."),
    key(
        "registry.ca",
        Kind::Path,
        Words("the authorities of the operating system"),
        |c| &mut c.registry.ca,
        "With `registry.tls`: the PEM file of the authorities that are believed.",
    ),
    key(
        "registry.cert",
        Kind::Path,
        Words("none"),
        |c| &mut c.registry.cert,
        "With `registry.tls`: the PEM file of this client's certificate, where the registry asks for one. Together with `registry.key`.",
    ),
    key("registry.key", Kind::Path, Words("none"), |c| &mut c.registry.key, "With `registry.cert`: the PEM file of its key."),
    key(
        "registry.sentinel",
        Kind::Text { most_bytes: 255 },
        Field,
        |c| &mut c.registry.sentinel,
        "redis: the name of the master, where `registry.addresses` are those of Sentinels. Empty: they are Redis servers.",
    ),
    key("registry.database", Kind::count(0, 65_535), Field, |c| &mut c.registry.database, "redis: the number of the database."),
    key(
        "registry.datacenter",
        Kind::Text { most_bytes: 255 },
        Field,
        |c| &mut c.registry.datacenter,
        "consul: the datacenter. Empty: the agent's own.",
    ),
    key(
        "registry.servers",
        Kind::Seats,
        Field,
        |c| &mut c.registry.servers,
        "fixed: every server of the cluster, this one included; the same list everywhere.",
    ),
    key(
        "registry.cache_file",
        Kind::Path,
        Words("none"),
        |c| &mut c.registry.cache_file,
        "embedded, etcd, redis, consul: a file in which this server keeps the last known view, so that it finds the others when it starts while no \
         registry is there. One for each server; needs `server.name`.",
    ),
    key("cluster.name", Kind::Name, Field, |c| &mut c.cluster.name, "Servers of different cluster names refuse each other."),
    key(
        "cluster.key_file",
        Kind::Path,
        Words("none: loopback addresses only"),
        |c| &mut c.cluster.key_file,
        "The cluster key file made by `sinew keygen`. Not together with `ca`, `cert` and `key`.",
    ),
    key(
        "cluster.ca",
        Kind::Path,
        Words("none"),
        |c| &mut c.cluster.ca,
        "PEM certificates of the cluster's authority; needs `cert` and `key` beside it.",
    ),
    key(
        "cluster.cert",
        Kind::Path,
        Words("none"),
        |c| &mut c.cluster.cert,
        "This server's own PEM certificate, made by `sinew keygen issue`.",
    ),
    key("cluster.key", Kind::Path, Words("none"), |c| &mut c.cluster.key, "The private key of `cluster.cert`, PEM."),
    key(
        "cluster.trust",
        Kind::List(&Kind::Path),
        Field,
        |c| &mut c.cluster.trust,
        "Further PEM authorities or key files whose servers are trusted too, so that keys rotate without downtime.",
    ),
    key(
        "cluster.mixed_app_versions",
        Kind::Boolean,
        Field,
        |c| &mut c.cluster.mixed_app_versions,
        "Accept servers with another `server.app_version`.",
    ),
    key(
        "limits.outbox_bytes",
        Kind::bytes(4 * KIB, GIB),
        Field,
        |c| &mut c.limits.outbox_bytes,
        "Waiting to be sent or acknowledged, per link. Full: `send` answers `QUEUE_FULL`.",
    ),
    key(
        "limits.inbox_bytes",
        Kind::bytes(4 * KIB, GIB),
        Field,
        |c| &mut c.limits.inbox_bytes,
        "Received and not yet polled, per link. Full: that link stops reading, and its sender feels it.",
    ),
    key(
        "limits.event_queue_bytes",
        Kind::bytes(64 * KIB, GIB),
        Field,
        |c| &mut c.limits.event_queue_bytes,
        "Control and log events not yet polled. Full: no new links until polled, and log lines are dropped.",
    ),
    key(
        "limits.max_message_bytes",
        Kind::bytes(1, 256 * MIB),
        Field,
        |c| &mut c.limits.max_message_bytes,
        "The largest message. Larger: `send` answers `MESSAGE_TOO_BIG`; one that arrives ends the link.",
    ),
    key(
        "limits.requests_per_link",
        Kind::count(1, 1_048_576),
        Field,
        |c| &mut c.limits.requests_per_link,
        "Requests that wait for an answer at once, to one server and from it. More are refused with `TOO_MANY_REQUESTS` here, and as overloaded there.",
    ),
    key(
        "limits.handshake_ms",
        Kind::milliseconds(100, MINUTE),
        Field,
        |c| &mut c.limits.handshake_ms,
        "From dialling or accepting to an authenticated link; later the connection is closed.",
    ),
    key(
        "limits.keep_alive_ms",
        Kind::milliseconds(10, MINUTE),
        Field,
        |c| &mut c.limits.keep_alive_ms,
        "A silent link sends a sign of life this often.",
    ),
    key(
        "limits.interrupted_after_ms",
        Kind::milliseconds(11, 10 * MINUTE),
        Field,
        |c| &mut c.limits.interrupted_after_ms,
        "A link without a byte for this long counts as broken. More than `limits.keep_alive_ms`.",
    ),
    key(
        "limits.resume_window_ms",
        Kind::milliseconds(0, 60 * MINUTE),
        Field,
        |c| &mut c.limits.resume_window_ms,
        "So long after its link broke a server may come back without losing a message; then it is disconnected. 0: never.",
    ),
    key(
        "limits.reconnect_min_ms",
        Kind::milliseconds(1, 10 * MINUTE),
        Field,
        |c| &mut c.limits.reconnect_min_ms,
        "The first reconnect delay is drawn from 0 to this, and the bound doubles each time.",
    ),
    key(
        "limits.reconnect_max_ms",
        Kind::milliseconds(1, 10 * MINUTE),
        Field,
        |c| &mut c.limits.reconnect_max_ms,
        "Where the bound stops doubling. At least `limits.reconnect_min_ms`.",
    ),
    key(
        "limits.reconnect_attempts",
        Kind::count(1, 1_000_000),
        Field,
        |c| &mut c.limits.reconnect_attempts,
        "Failed dials in a row until the registry is told; attempts go on, slowly.",
    ),
    key(
        "limits.pending_handshakes",
        Kind::count(1, 65_536),
        Field,
        |c| &mut c.limits.pending_handshakes,
        "Accepted connections that have not finished their handshake, at once.",
    ),
    key(
        "limits.connects_per_address",
        Kind::count(1, 1_000_000),
        Field,
        |c| &mut c.limits.connects_per_address,
        "Connections taken from one IP address (IPv6: one /64) per second, and twice as many at once after quiet; more are closed. Holds for the registry that this server hosts, too.",
    ),
    key(
        "limits.drain_ms",
        Kind::milliseconds(0, 10 * MINUTE),
        Field,
        |c| &mut c.limits.drain_ms,
        "`stop` sends what is queued for at most this long.",
    ),
    key("limits.shutdown_ms", Kind::milliseconds(100, 10 * MINUTE), Field, |c| &mut c.limits.shutdown_ms, "`free` returns within this."),
    key(
        "runtime.worker_threads",
        Kind::count(1, 64),
        Words("2, or 1 on a machine with fewer than 4 cores"),
        |c| &mut c.runtime.worker_threads,
        "The library's own threads for input and output.",
    ),
    key(
        "runtime.busy_poll_us",
        Kind::Integer { least: 0, most: 1_000_000, unit: "microseconds" },
        Field,
        |c| &mut c.runtime.busy_poll_us,
        "A poll that may wait looks for this long again and again before it sleeps: less delay for a core that is kept busy.",
    ),
    key(
        "runtime.send_writes",
        Kind::Boolean,
        Field,
        |c| &mut c.runtime.send_writes,
        "A send that finds its link idle may write to the socket itself, at most once in 20 µs per server. `false`: no system call in `send`.",
    ),
    key(
        "runtime.datagrams",
        Kind::Boolean,
        Field,
        |c| &mut c.runtime.datagrams,
        "Unreliable messages go by datagram (UDP, same port number as `server.listen`) where that works. `false`: by the stream.",
    ),
    key(
        "health.listen",
        Kind::Listen,
        Words("none"),
        |c| &mut c.health.listen,
        "Answer `GET /health` here, over plain HTTP: 200 when ready, else 503, and JSON. For Consul, Kubernetes, a load balancer, you.",
    ),
    key(
        "health.registry_lost_ms",
        Kind::milliseconds(0, 24 * 60 * MINUTE),
        Field,
        |c| &mut c.health.registry_lost_ms,
        "Without a registry for longer than this, `/health` answers 503. The links live on.",
    ),
    key("log.level", Kind::Choice(LogLevel::WORDS), Field, |c| &mut c.log.level, "The least severe level that is written."),
    key(
        "log.to",
        Kind::Choice(LogTarget::WORDS),
        Field,
        |c| &mut c.log.to,
        "`events`: `LOG` events, for the engine's console; `tracing`: the process's own subscriber (Rust only).",
    ),
];

const fn key<S>(
    path: &'static str,
    kind: Kind,
    fallback: Fallback,
    field: fn(&mut S) -> &mut dyn Setting,
    meaning: &'static str,
) -> Key<S> {
    Key { about: About { path, kind, fallback, meaning }, field }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load::blank;
    use std::collections::BTreeSet;
    use std::path::PathBuf;

    /// The fields as serde sees them: nobody can add one and forget the key.
    #[test]
    fn every_field_has_a_key_and_every_key_a_field() {
        let mut config = blank();
        config.groups.insert("NAME".into(), GroupSection::default());
        config.registry.servers.push(FixedServer::default());
        config.server.properties.insert("map".into(), "de_dust".into());
        config.health.listen = Some(([127, 0, 0, 1], 1).into());
        let (cluster, registry) = (&mut config.cluster, &mut config.registry);
        let registry = [&mut registry.secret_file, &mut registry.ca, &mut registry.cert, &mut registry.key, &mut registry.cache_file];
        for path in [&mut cluster.key_file, &mut cluster.ca, &mut cluster.cert, &mut cluster.key].into_iter().chain(registry) {
            *path = Some(PathBuf::from("x"));
        }
        let mut fields = BTreeSet::new();
        leaves("", &toml::Value::try_from(&config).expect("plain data"), &mut fields);

        let keys: Vec<String> = all().map(|about| about.path.to_owned()).collect();
        assert_eq!(keys.len(), keys.iter().collect::<BTreeSet<_>>().len(), "a key twice");
        assert_eq!(keys.into_iter().collect::<BTreeSet<_>>(), fields);
    }

    fn leaves(path: &str, value: &toml::Value, into: &mut BTreeSet<String>) {
        let seats = value.as_array().filter(|items| items.iter().any(toml::Value::is_table));
        if let Some(seats) = seats {
            into.insert(path.to_owned());
            seats.iter().for_each(|seat| leaves(path, seat, into));
        } else if let Some(table) = value.as_table().filter(|_| path != "server.properties") {
            for (name, value) in table {
                leaves(format!("{path}.{name}").trim_start_matches('.'), value, into);
            }
        } else {
            into.insert(path.to_owned());
        }
    }

    #[test]
    fn every_default_is_a_possible_value() {
        let root = crate::config::load::tree_of(&blank());
        for about in all().filter(|about| about.fallback == Fallback::Field) {
            let Some(node) = crate::config::tree::find(&root, &about.path.split('.').collect::<Vec<_>>()) else { continue };
            let mut report = crate::config::error::Report::new("defaults");
            about.kind.check(about.path, node, &mut report);
            assert_eq!(report.finish(), Ok(()));
        }
    }

    /// A field cannot overflow on a value in the range of its key, and a word of a choice is the one that serde writes.
    #[test]
    fn every_possible_value_fits_its_field() {
        use crate::config::tree::Value;
        let mut config = blank();
        for key in SERVER {
            let values = match key.about.kind {
                Kind::Integer { least, most, .. } => vec![Value::Integer(least), Value::Integer(most)],
                Kind::Choice(words) => words.iter().map(|word| Value::Text((*word).to_owned())).collect(),
                _ => continue,
            };
            for value in values {
                assert!((key.field)(&mut config).take(&value), "{} = {value:?}", key.about.path);
                let given = (key.field)(&mut config).give().map(|given| given.shown());
                assert_eq!(given, Some(value.shown()), "{}", key.about.path);
                let mut written = toml::Value::try_from(&config).expect("plain data");
                for name in key.about.path.split('.') {
                    written = written[name].clone();
                }
                assert_eq!(written.to_string(), value.shown(), "{}", key.about.path);
            }
        }
    }
}
