//! From a text and variables to a checked configuration.

use super::check::{check, check_several, cross_check};
use super::error::{ConfigError, Report};
use super::keys::{GROUP, Key, SERVER};
use super::sections::{GroupSection, RegistryKind, RegistrySection, ServerSection};
use super::setting::unplaced_entry;
use super::tree::{self, Entry, Table, Value};
use super::{ServerConfig, environment};
use rand::Rng;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// Reads, overlays, checks and completes. The tree comes along: it knows what was written, and where.
pub(super) fn load(text: &str, origin: &str, env: impl Iterator<Item = (String, String)>) -> Result<(ServerConfig, Table), ConfigError> {
    let mut root = tree::parse(text, origin)?;
    let more = more_registries(&mut root);
    let mut report = Report::new(origin);
    environment::overlay(&mut root, env, &mut report);
    let mut config = take(&root, origin, report)?;
    for registry in more {
        let mut other = root.clone();
        other.insert("registry".into(), registry);
        let other = take(&other, origin, Report::new(origin))?;
        config.more_registries.push(other.registry);
    }
    let mut report = Report::new(origin);
    check_several(&config, &root, &mut report);
    report.finish()?;
    Ok((config, root))
}

/// `[[registry]]` is `[registry]` several times: the first stays in the tree, which is as if the others were not there.
fn more_registries(root: &mut Table) -> Vec<Entry> {
    let Some(entry) = root.get_mut("registry") else { return Vec::new() };
    let Value::List(tables) = &mut entry.node.value else { return Vec::new() };
    if tables.is_empty() || tables.iter().any(|table| !matches!(table.value, Value::Table(_))) {
        return Vec::new();
    }
    let key = entry.key.clone();
    let mut tables = std::mem::take(tables).into_iter();
    if let Some(first) = tables.next() {
        entry.node = first;
    }
    tables.map(|node| Entry { key: key.clone(), node }).collect()
}

/// A tree as a checked configuration with one registry.
fn take(root: &Table, origin: &str, mut report: Report) -> Result<ServerConfig, ConfigError> {
    check(root, &mut report);
    report.finish()?;
    let mut config = blank();
    if !fill_all(root, &mut config) {
        // Only if a kind in keys.rs accepts what its field cannot hold; a wrong table must not become a panic in someone's game.
        return Err(tree::whole(origin, "a configuration that passed its checks and yet does not fit", "a bug report with this text"));
    }
    complete(&mut config);
    let mut report = Report::new(origin);
    cross_check(&config, root, &mut report);
    report.finish()?;
    Ok(config)
}

/// Checks a configuration that may have been changed by hand.
pub(super) fn validate(config: &ServerConfig) -> Result<(), ConfigError> {
    let root = tree_of(config);
    let mut report = Report::new("configuration");
    check(&root, &mut report);
    report.finish()?;
    let mut report = Report::new("configuration");
    cross_check(config, &root, &mut report);
    check_several(config, &root, &mut report);
    report.finish()?;
    config.each_registry().skip(1).try_for_each(|config| validate(&config))
}

/// Every default, and nothing that is required.
pub(super) fn blank() -> ServerConfig {
    ServerConfig {
        server: ServerSection::blank(),
        groups: BTreeMap::new(),
        registry: Default::default(),
        more_registries: Vec::new(),
        cluster: Default::default(),
        limits: Default::default(),
        runtime: Default::default(),
        health: Default::default(),
        log: Default::default(),
    }
}

/// Sets every field whose key is in `table`. Answers false if one did not fit.
pub(super) fn fill<S>(keys: &[Key<S>], table: &Table, target: &mut S) -> bool {
    keys.iter().all(|key| match table.get(key.about.name()) {
        Some(entry) => (key.field)(target).take(&entry.node.value),
        None => true,
    })
}

/// The other way round: every field that is set.
pub(super) fn table_of<S>(keys: &[Key<S>], source: &mut S) -> Table {
    keys.iter().filter_map(|key| Some((key.about.name().to_owned(), unplaced_entry((key.field)(source).give()?)))).collect()
}

/// A whole configuration as a tree that was written nowhere.
pub(super) fn tree_of(config: &ServerConfig) -> Table {
    let mut config = config.clone();
    let mut root = Table::new();
    for key in SERVER {
        let section = root.entry(key.about.section().to_owned()).or_insert_with(|| unplaced_entry(Value::Table(Table::new())));
        if let (Some(value), Value::Table(table)) = ((key.field)(&mut config).give(), &mut section.node.value) {
            table.insert(key.about.name().to_owned(), unplaced_entry(value));
        }
    }
    let group = |(name, group): (&String, &mut GroupSection)| (name.clone(), unplaced_entry(Value::Table(table_of(GROUP, group))));
    let groups = config.groups.iter_mut().map(group).collect();
    root.insert("groups".into(), unplaced_entry(Value::Table(groups)));
    root
}

fn fill_all(root: &Table, config: &mut ServerConfig) -> bool {
    let section = |name: &str| match root.get(name).map(|entry| &entry.node.value) {
        Some(Value::Table(table)) => Some(table),
        _ => None,
    };
    let fixed = SERVER.iter().all(|key| match section(key.about.section()).and_then(|table| table.get(key.about.name())) {
        Some(entry) => (key.field)(config).take(&entry.node.value),
        None => true,
    });
    let groups = section("groups").into_iter().flatten().all(|(name, entry)| {
        let Value::Table(table) = &entry.node.value else { return false };
        let mut group = GroupSection::default();
        let fits = fill(GROUP, table, &mut group);
        config.groups.insert(name.clone(), group);
        fits
    });
    fixed && groups
}

/// Fills in the defaults that depend on something.
fn complete(config: &mut ServerConfig) {
    if config.server.name.is_empty() && config.registry.kind != RegistryKind::Fixed {
        config.server.name = drawn_name(&config.server.group);
    }
    let registry = &mut config.registry;
    if registry.kind.default_port() != 0 && registry.addresses.is_empty() {
        registry.addresses = default_addresses(registry);
    }
}

/// The group, a hyphen and six random letters; the group is cut so that the name stays within its 63 bytes.
fn drawn_name(group: &str) -> String {
    let mut random = rand::rng();
    let letters: String = (0..6).map(|_| char::from(random.random_range(b'a'..=b'z'))).collect();
    let group: String = group.chars().take(56).collect();
    format!("{group}-{letters}")
}

fn default_addresses(registry: &RegistrySection) -> Vec<String> {
    let mut address = SocketAddr::from((Ipv4Addr::LOCALHOST, registry.kind.default_port()));
    if registry.kind == RegistryKind::Embedded && registry.host {
        address = registry.listen;
        // Nobody can know this port beforehand; the server itself asks the listener.
        if address.port() == 0 {
            return Vec::new();
        }
        if address.ip().is_unspecified() {
            address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
        }
    }
    vec![address.to_string()]
}
