//! What is wrong with a configuration: key by key, then what must fit together.

use super::ServerConfig;
use super::error::{Report, UNKNOWN_KEY};
use super::keys::{About, Fallback, GROUP, SEAT, SECTIONS, SERVER, all};
use super::kind::{Kind, MOST_PROPERTY_BYTES, is_name};
use super::sections::RegistryKind;
use super::setting::Choice;
use super::suggest::nearest;
use super::tree::{Entry, Node, Place, Table, Value, find, quoted};
use std::collections::BTreeMap;

/// Each key by itself: known, of the right type, in its range; and nothing required is missing.
pub(super) fn check(root: &Table, report: &mut Report) {
    for (name, entry) in root {
        if !SECTIONS.contains(&name.as_str()) {
            unknown(&[name], entry, SECTIONS.into_iter(), "", report);
        }
    }
    for section in SECTIONS {
        let keys = || SERVER.iter().map(|key| &key.about).filter(|about| about.section() == section);
        match root.get(section) {
            Some(Entry { node: Node { value: Value::Table(table), .. }, .. }) if section == "groups" => check_groups(table, report),
            Some(Entry { node: Node { value: Value::Table(table), place }, .. }) => {
                check_table(&[section], keys().collect(), table, place, report);
            }
            Some(Entry { node, .. }) => {
                let header = if section == "groups" { "[groups.NAME]".to_owned() } else { format!("[{section}]") };
                report.add(&node.place, section, node.value.shown_with_type(), format!("a table: {header}"));
            }
            None => check_table(&[section], keys().collect(), &Table::new(), &Place::Nowhere, report),
        }
    }
}

fn check_groups(groups: &Table, report: &mut Report) {
    for (name, entry) in groups {
        if !is_name(name) {
            report.add(&entry.key, &dotted(&["groups", name]), "not a possible name", Kind::Name.expected());
        }
        match &entry.node.value {
            Value::Table(table) => {
                check_table(&["groups", name], GROUP.iter().map(|key| &key.about).collect(), table, &entry.node.place, report);
            }
            value => {
                let key = dotted(&["groups", name]);
                report.add(&entry.node.place, &key, value.shown_with_type(), "a table: [groups.NAME]");
            }
        }
    }
}

fn check_table(path: &[&str], keys: Vec<&'static About>, table: &Table, place: &Place, report: &mut Report) {
    for (name, entry) in table {
        let path: Vec<&str> = path.iter().copied().chain([name.as_str()]).collect();
        let Some(about) = keys.iter().find(|about| about.name() == name) else {
            unknown(&path, entry, keys.iter().map(|about| about.name()), &dotted(&path[..path.len() - 1]), report);
            continue;
        };
        about.kind.check(&dotted(&path), &entry.node, report);
        match (about.kind, &entry.node.value) {
            (Kind::Seats, Value::List(nodes)) => nodes.iter().for_each(|node| check_seat(node, report)),
            (Kind::Properties, Value::Table(properties)) => check_properties(&path, properties, report),
            _ => {}
        }
    }
    for about in keys {
        if about.fallback == Fallback::Required && !table.contains_key(about.name()) {
            let path: Vec<&str> = path.iter().copied().chain([about.name()]).collect();
            report.add(place, &dotted(&path), "missing", about.kind.expected());
        }
    }
}

fn check_seat(node: &Node, report: &mut Report) {
    let path = ["registry", "servers"];
    match &node.value {
        Value::Table(seat) => check_table(&path, SEAT.iter().map(|key| &key.about).collect(), seat, &node.place, report),
        value => {
            report.add(&node.place, &dotted(&path), value.shown_with_type(), Kind::Seats.expected());
        }
    }
}

fn check_properties(path: &[&str], properties: &Table, report: &mut Report) {
    let mut bytes = 0;
    for (name, entry) in properties {
        let key = dotted(&[path, &[name]].concat());
        match &entry.node.value {
            Value::Text(text) => bytes += name.len() + text.len(),
            value => {
                report.add(&entry.node.place, &key, value.shown_with_type(), "text in double quotes");
            }
        }
        if name.is_empty() {
            report.add(&entry.key, &key, "without a name", "a name before the `=`");
        }
    }
    if bytes > MOST_PROPERTY_BYTES {
        let place = properties.values().next().map_or(&Place::Nowhere, |entry| &entry.key);
        let expected = format!("names and values of at most {MOST_PROPERTY_BYTES} bytes in all; send what is larger as a message");
        report.add(place, &dotted(path), format!("{bytes} bytes in all"), expected);
    }
}

/// Reports a key that does not exist; the nearest one is looked for in its own table first, then in every other.
fn unknown(path: &[&str], entry: &Entry, siblings: impl Iterator<Item = &'static str> + Clone, table: &str, report: &mut Report) {
    let Some(name) = path.last() else { return };
    let prefix = if table.is_empty() { String::new() } else { format!("{table}.") };
    let near = nearest(name, siblings.clone()).map(|sibling| format!("{prefix}{sibling}")).or_else(|| {
        let elsewhere = nearest(name, all().map(|about| about.name()))?;
        all().find(|about| about.name() == elsewhere).map(|about| about.path.to_owned())
    });
    let expected = match table {
        "" => format!("one of the tables {}", siblings.collect::<Vec<_>>().join(", ")),
        table => format!("a key of [{table}]: {}", siblings.collect::<Vec<_>>().join(", ")),
    };
    report.add(&entry.key, &dotted(path), UNKNOWN_KEY, expected).nearest = near;
}

/// What must fit together, once every key by itself is right.
pub(super) fn cross_check(config: &ServerConfig, root: &Table, report: &mut Report) {
    check_topology(config, root, report);
    check_registry(config, root, report);
    if config.registry.kind == RegistryKind::Fixed {
        check_fixed(config, root, report);
    }
    check_cluster(config, root, report);
    check_limits(config, root, report);
}

fn check_topology(config: &ServerConfig, root: &Table, report: &mut Report) {
    known_group(config, &config.server.group, "server.group", place(root, &["server", "group"]), report);
    for (name, group) in &config.groups {
        let path = ["groups", name, "connects_to"];
        for (index, other) in group.connects_to.iter().enumerate() {
            let place = item_place(root, &path, index);
            if group.connects_to[..index].contains(other) {
                report.add(place, &dotted(&path), format!("a list with {} twice", quoted(other)), "every group once");
            }
            known_group(config, other, &dotted(&path), place, report);
        }
    }
}

fn known_group(config: &ServerConfig, group: &str, key: &str, place: &Place, report: &mut Report) {
    if config.groups.contains_key(group) {
        return;
    }
    let known: Vec<&str> = config.groups.keys().map(String::as_str).collect();
    let expected = match known.as_slice() {
        [] => format!("a group of the topology, which has none; add a table [{}]", dotted(&["groups", group])),
        known => format!("a group of the topology ({}), or a table [{}] for it", listed(known), dotted(&["groups", group])),
    };
    report.add(place, key, quoted(group), expected).suggest(group, known);
}

/// What holds between several `[[registry]]` tables.
pub(super) fn check_several(config: &ServerConfig, root: &Table, report: &mut Report) {
    if config.more_registries.is_empty() {
        return;
    }
    let kinds = std::iter::once(&config.registry).chain(&config.more_registries).map(|registry| registry.kind);
    if let Some(kind) = kinds.into_iter().find(|kind| matches!(kind, RegistryKind::Fixed | RegistryKind::External)) {
        let expected =
            "alone, or several of \"embedded\", \"etcd\", \"redis\", \"consul\": only those let a server keep one id in all of them";
        report.add(place(root, &["registry", "kind"]), "registry.kind", format!("\"{}\" beside others", kind.word()), expected);
    }
    if config.more_registries.iter().any(|registry| registry.host) {
        let place = place(root, &["registry", "host"]);
        report.add(place, "registry.host", "set in a later [[registry]]", "only in the first one");
    }
    if config.more_registries.iter().any(|registry| registry.cache_file.is_some()) {
        let place = place(root, &["registry", "cache_file"]);
        report.add(
            place,
            "registry.cache_file",
            "set in a later [[registry]]",
            "only in the first one: the file is for all of them together",
        );
    }
}

/// What is set for another kind of registry would do nothing; whoever set it expects something.
fn check_registry(config: &ServerConfig, root: &Table, report: &mut Report) {
    use RegistryKind::{Consul, Embedded, Etcd, Fixed, Redis};
    let registry = &config.registry;
    let stores = &[Etcd, Redis, Consul][..];
    let keys = [
        ("host", registry.host, &[Embedded][..]),
        ("addresses", !registry.addresses.is_empty(), &[Embedded, Etcd, Redis, Consul]),
        ("servers", !registry.servers.is_empty(), &[Fixed]),
        ("user", !registry.user.is_empty(), &[Etcd, Redis]),
        ("secret_file", registry.secret_file.is_some(), stores),
        ("tls", registry.tls, stores),
        ("ca", registry.ca.is_some(), stores),
        ("cert", registry.cert.is_some(), stores),
        ("key", registry.key.is_some(), stores),
        ("sentinel", !registry.sentinel.is_empty(), &[Redis]),
        ("database", registry.database != 0, &[Redis]),
        ("datacenter", !registry.datacenter.is_empty(), &[Consul]),
        ("cache_file", registry.cache_file.is_some(), &[Embedded, Etcd, Redis, Consul]),
    ];
    for (name, is_set, kinds) in keys {
        if is_set && !kinds.contains(&registry.kind) {
            let kinds: Vec<String> = kinds.iter().map(|kind| format!("\"{}\"", kind.word())).collect();
            let (key, found) = (dotted(&["registry", name]), format!("set, but registry.kind is \"{}\"", registry.kind.word()));
            report.add(place(root, &["registry", name]), &key, found, format!("registry.kind = {} with it", kinds.join(" or ")));
        }
    }
    for (name, is_set) in [("ca", registry.ca.is_some()), ("cert", registry.cert.is_some())] {
        if is_set && !registry.tls && stores.contains(&registry.kind) {
            let expected = "registry.tls = true with it";
            report.add(place(root, &["registry", name]), &dotted(&["registry", name]), "set, but registry.tls is false", expected);
        }
    }
    if registry.cache_file.is_some() && find(root, &["server", "name"]).is_none() {
        let expected = "server.name with it: a name that is made up at every start finds nothing again";
        report.add(place(root, &["registry", "cache_file"]), "registry.cache_file", "set without server.name", expected);
    }
    for (name, other, is_alone) in [
        ("cert", "key", registry.cert.is_some() && registry.key.is_none()),
        ("key", "cert", registry.key.is_some() && registry.cert.is_none()),
    ] {
        if is_alone {
            let expected = format!("registry.{other} with it");
            report.add(place(root, &["registry", name]), &dotted(&["registry", name]), "set alone", expected);
        }
    }
}

fn check_fixed(config: &ServerConfig, root: &Table, report: &mut Report) {
    let registry = &config.registry;
    if registry.servers.is_empty() {
        let place = place(root, &["registry", "kind"]);
        report.add(place, "registry.servers", "empty", "with registry.kind = \"fixed\" a table [[registry.servers]] for every server");
        return;
    }
    let mut names = BTreeMap::new();
    let mut addresses = BTreeMap::new();
    for (index, seat) in registry.servers.iter().enumerate() {
        let place = item_place(root, &["registry", "servers"], index);
        known_group(config, &seat.group, "registry.servers.group", place, report);
        if names.insert((&seat.group, &seat.name), index).is_some() {
            let found = format!("{} a second time in group {}", quoted(&seat.name), quoted(&seat.group));
            report.add(place, "registry.servers.name", found, "a name once per group; remove or rename one");
        }
        if addresses.insert(seat.address.to_ascii_lowercase(), index).is_some() {
            let found = format!("{} a second time", quoted(&seat.address));
            report.add(place, "registry.servers.address", found, "an address once; two servers cannot share one");
        }
    }
    let ServerConfig { server, .. } = config;
    let Some(own) = names.get(&(&server.group, &server.name)).and_then(|index| registry.servers.get(*index)) else {
        let seats: Vec<&str> = registry.servers.iter().filter(|seat| seat.group == server.group).map(|seat| seat.name.as_str()).collect();
        let known = if seats.is_empty() { "none".into() } else { listed(&seats) };
        let expected =
            format!("with registry.kind = \"fixed\" a name in [[registry.servers]] for group {} ({known})", quoted(&server.group));
        let found = if server.name.is_empty() { "missing".into() } else { quoted(&server.name) };
        report.add(place(root, &["server", "name"]), "server.name", found, expected).suggest(&server.name, seats);
        return;
    };
    if server.listen.port() == 0 {
        let found = format!("\"{}\", any free port", server.listen);
        let expected = format!("a fixed port: the others dial {} and know no other", quoted(&own.address));
        report.add(place(root, &["server", "listen"]), "server.listen", found, expected);
    }
}

fn check_cluster(config: &ServerConfig, root: &Table, report: &mut Report) {
    let cluster = &config.cluster;
    let three = [("ca", &cluster.ca), ("cert", &cluster.cert), ("key", &cluster.key)];
    let Some((set, _)) = three.iter().find(|(_, path)| path.is_some()) else { return };
    if cluster.key_file.is_some() {
        let found = format!("set, and so is cluster.{set}");
        report.add(place(root, &["cluster", "key_file"]), "cluster.key_file", found, "key_file alone, or ca, cert and key without it");
        return;
    }
    for (name, path) in three {
        if path.is_none() {
            let key = dotted(&["cluster", name]);
            let expected = format!("all of ca, cert and key, as cluster.{set} is set");
            report.add(place(root, &["cluster", set]), &key, "missing", expected);
        }
    }
}

fn check_limits(config: &ServerConfig, root: &Table, report: &mut Report) {
    let limits = &config.limits;
    let mut in_order = |less: (&str, u64), more: (&str, u64), at_least: &str, at_most: &str| {
        let written = |key: &str| place(root, &["limits", key]);
        // Blames the one that was written; the other is a default that nobody saw.
        let ((key, value), relation, other) = match written(more.0) {
            Place::Nowhere if *written(less.0) != Place::Nowhere => (less, at_most, more),
            _ => (more, at_least, less),
        };
        let expected = format!("{relation} limits.{}, which is {}", other.0, other.1);
        report.add(written(key), &dotted(&["limits", key]), value.to_string(), expected);
    };
    let keep_alive = ("keep_alive_ms", limits.keep_alive_ms);
    let interrupted_after = ("interrupted_after_ms", limits.interrupted_after_ms);
    if interrupted_after.1 <= keep_alive.1 {
        in_order(keep_alive, interrupted_after, "more than", "less than");
    }
    let (first, last) = (("reconnect_min_ms", limits.reconnect_min_ms), ("reconnect_max_ms", limits.reconnect_max_ms));
    if first.1 > last.1 {
        in_order(first, last, "at least", "at most");
    }
}

/// Where the value at a path was written.
fn place<'t>(root: &'t Table, path: &[&str]) -> &'t Place {
    find(root, path).map_or(&Place::Nowhere, |node| &node.place)
}

fn item_place<'t>(root: &'t Table, path: &[&str], index: usize) -> &'t Place {
    match find(root, path).map(|node| &node.value) {
        Some(Value::List(items)) => items.get(index).map_or(&Place::Nowhere, |node| &node.place),
        _ => &Place::Nowhere,
    }
}

/// Names in a row; a cluster may have more than anybody reads.
fn listed(names: &[&str]) -> String {
    match names.get(20..) {
        Some(rest) if !rest.is_empty() => format!("{} and {} more", names[..20].join(", "), rest.len()),
        _ => names.join(", "),
    }
}

/// A path as TOML writes it: names in quotes where they need them.
pub(super) fn dotted(path: &[&str]) -> String {
    let bare = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    path.iter().map(|name| if bare(name) && name.len() <= 63 { (*name).to_owned() } else { quoted(name) }).collect::<Vec<_>>().join(".")
}
