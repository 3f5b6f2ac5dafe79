//! What a running server can be told anew.

use super::ServerConfig;
use super::keys::{About, SERVER};
use super::load::tree_of;
use super::print::inline;
use super::tree::find;

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
    let is_live = |path: &str| LIVE.iter().any(|live| path == *live || live.ends_with('.') && path.starts_with(live));
    let mut differences = Vec::new();
    let mut compare = |now: &ServerConfig, wished: &ServerConfig| {
        let (now, wished) = (tree_of(now), tree_of(wished));
        let word = |of, about: &About| find(of, &[about.section(), about.name()]).map_or("nothing".into(), |node| inline(&node.value));
        for about in SERVER.iter().map(|key| &key.about).filter(|about| !is_live(about.path)) {
            let (now, wished) = (word(&now, about), word(&wished, about));
            if now != wished {
                differences.push((about.path.to_owned(), now, wished));
            }
        }
    };
    compare(now, wished);
    let (more, wished_more) = (now.more_registries.len(), wished.more_registries.len());
    // Of each further registry its own keys; the rest is the same once more.
    for (now, wished) in now.each_registry().zip(wished.each_registry()).skip(1) {
        compare(&now, &ServerConfig { registry: wished.registry, ..now.clone() });
    }
    if more != wished_more {
        differences.push(("[[registry]]".into(), format!("{} tables", more + 1), format!("{} tables", wished_more + 1)));
    }
    differences.sort();
    differences
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

    #[test]
    fn further_registries_are_compared_key_by_key() {
        let load = |tables: &str| {
            let text = format!("server.group = \"world\"\nserver.name = \"w1\"\n[groups.world]\n{tables}");
            ServerConfig::load(&text, "text", std::iter::empty()).expect("a configuration")
        };
        const FIRST: &str = "[[registry]]\naddresses = [\"10.0.0.1:4100\"]\n";
        const SECOND: &str = "[[registry]]\naddresses = [\"10.0.0.2:4100\"]\n";
        const OTHER: &str = "[[registry]]\naddresses = [\"10.0.0.3:4100\"]\n";
        let named = |now: &[&str], wished: &[&str]| {
            fixed_differences(&load(&now.concat()), &load(&wished.concat())).into_iter().map(|(key, ..)| key).collect::<Vec<_>>()
        };
        assert!(named(&[FIRST, SECOND], &[FIRST, SECOND]).is_empty());
        assert_eq!(named(&[FIRST, SECOND], &[FIRST, OTHER]), ["registry.addresses"]);
        assert_eq!(named(&[FIRST, SECOND], &[FIRST]), ["[[registry]]"]);
    }
}
