//! What a running server can be told anew.

use super::ServerConfig;
use serde_json::Value;
use std::collections::BTreeMap;

/// Keys, and (with a dot behind) whole sections, that take effect without a restart. `docs/configuration.md` lists them.
pub(super) const LIVE: &[&str] = &[
    "groups.",
    "server.properties",
    "cluster.key_file",
    "cluster.ca",
    "cluster.cert",
    "cluster.key",
    "cluster.trust",
    "cluster.mixed_app_versions",
    "limits.",
    "health.registry_lost_ms",
    "log.level",
];

/// The keys that differ and need a restart, each with its value now and the one that is wished for.
pub(crate) fn fixed_differences(now: &ServerConfig, wished: &ServerConfig) -> Vec<(String, String, String)> {
    let (before, after) = (keys(now), keys(wished));
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    let is_live = |name: &str| LIVE.iter().any(|live| name == *live || live.ends_with('.') && name.starts_with(live));
    let word = |keys: &BTreeMap<String, Value>, name: &str| keys.get(name).map_or("nothing".into(), Value::to_string);
    names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name) && !is_live(name))
        .map(|name| (name.clone(), word(&before, name), word(&after, name)))
        .collect()
}

fn keys(config: &ServerConfig) -> BTreeMap<String, Value> {
    let mut keys = BTreeMap::new();
    // cannot fail: text, numbers and lists under text keys
    let whole = serde_json::to_value(config).expect("JSON");
    for (section, table) in whole.as_object().into_iter().flatten() {
        for (name, value) in table.as_object().into_iter().flatten() {
            keys.insert(format!("{section}.{name}"), value.clone());
        }
    }
    if !config.more_registries.is_empty() {
        // cannot fail: as above
        keys.insert("[[registry]]".into(), serde_json::to_value(&config.more_registries).expect("JSON"));
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys::all;

    #[test]
    fn every_live_key_is_one() {
        for live in LIVE.iter().filter(|live| !live.ends_with('.')) {
            assert!(all().any(|about| about.path == *live), "{live}");
        }
    }

    #[test]
    fn what_needs_a_restart_is_named_and_the_rest_is_not() {
        let load = |more: &str| {
            let text = format!("server.group = \"world\"\nserver.name = \"w1\"\n{more}\n[groups.world]\n");
            ServerConfig::load(&text, "text", std::iter::empty()).expect("a configuration")
        };
        let now = load("");
        assert_eq!(fixed_differences(&now, &load("limits.outbox_bytes = 100000\nlog.level = \"debug\"\nserver.properties.a = \"b\"")), []);
        let differences = fixed_differences(&now, &load("registry.lease_ms = 700\ncluster.name = \"other\"\nlog.to = \"none\""));
        let named: Vec<&str> = differences.iter().map(|(key, ..)| key.as_str()).collect();
        assert_eq!(named, ["cluster.name", "log.to", "registry.lease_ms"]);
        assert_eq!(differences[0], ("cluster.name".into(), "\"default\"".into(), "\"other\"".into()));
    }
}
