//! The keys of the kinds of registry, and several registries at once.

use super::{load, load_with, refused, with};

#[test]
fn a_key_of_another_registry_is_refused_with_the_kinds_that_have_it() {
    for (section, sentence) in [
        (
            "kind = 'etcd'\nhost = true",
            "line 7: registry.host is set, but registry.kind is \"etcd\", expected registry.kind = \"embedded\" with it",
        ),
        ("kind = 'etcd'\nsentinel = 'm'", "registry.kind = \"redis\" with it"),
        ("kind = 'redis'\ndatacenter = 'dc1'", "registry.kind = \"consul\" with it"),
        ("kind = 'external'\naddresses = ['a:1']", "registry.kind = \"embedded\" or \"etcd\" or \"redis\" or \"consul\" with it"),
        ("kind = 'consul'\nca = 'x'", "registry.ca is set, but registry.tls is false"),
        ("kind = 'etcd'\ntls = true\ncert = 'x'", "registry.cert is set alone, expected registry.key with it"),
        ("kind = 'etc'", "did you mean"),
    ] {
        let error = refused(&with(&format!("[registry]\n{section}")), &[]);
        assert!(error.contains(sentence), "{error}\nand not\n{sentence}");
    }
    let ports = [("etcd", 2379), ("redis", 6379), ("consul", 8500)];
    for (kind, port) in ports {
        let config = load(&with(&format!("[registry]\nkind = '{kind}'"))).expect("enough");
        assert_eq!(config.registry.addresses, [format!("127.0.0.1:{port}")]);
        assert!(!config.server.name.is_empty(), "drawn");
    }
}

#[test]
fn registry_tables_may_be_several_and_print_as_they_load() {
    let text = with("[[registry]]\nkind = 'redis'\naddresses = ['a:1']\n[[registry]]\nkind = 'etcd'\nlease_ms = 5000");
    let config = load_with(&text, &[("SINEW_REGISTRY__LEASE_MS", "4000")]).expect("two good ones");
    assert_eq!((config.registry.addresses.len(), config.registry.lease_ms), (1, 4000));
    assert_eq!(config.more_registries.len(), 1);
    assert_eq!((config.more_registries[0].addresses[0].as_str(), config.more_registries[0].lease_ms), ("127.0.0.1:2379", 5000));
    assert_eq!(load(&config.to_string()), Ok(config.clone()), "{config}");
    assert_eq!(config.validate(), Ok(()));

    for (tables, sentence) in [
        ("[[registry]]\nkind = 'redis'\n[[registry]]\nkind = 'external'", "registry.kind is \"external\" beside others"),
        ("[[registry]]\n[[registry]]\nhost = true", "registry.host is set in a later [[registry]]"),
        ("[[registry]]\n[[registry]]\nkind = 'etcd'\nhots = true", "line 8: registry.hots is not a known key"),
        ("registry = []", "registry"),
    ] {
        let error = refused(&if tables.starts_with('[') { with(tables) } else { format!("{tables}\n{}", with("")) }, &[]);
        assert!(error.contains(sentence), "{error}\nand not\n{sentence}");
    }
}

#[test]
fn a_cache_file_needs_a_registry_that_can_be_lost_and_a_name_that_stays() {
    let named = |registry: &str| format!("{registry}\n{}", with(""));
    for kind in ["embedded", "etcd", "redis", "consul"] {
        let text = named(&format!("registry.kind = '{kind}'\nregistry.cache_file = 'view.json'"));
        let config = load(&text).expect("a good one");
        assert_eq!(config.registry.cache_file.as_deref(), Some(std::path::Path::new("view.json")));
        assert_eq!(load(&config.to_string()), Ok(config.clone()), "{config}");
        assert_eq!(config.validate(), Ok(()));
    }
    for (text, sentence) in [
        (
            named("registry.kind = 'external'\nregistry.cache_file = 'view.json'"),
            "registry.cache_file is set, but registry.kind is \"external\", expected registry.kind = \"embedded\" or \"etcd\" or \"redis\"",
        ),
        (
            format!("registry.cache_file = 'view.json'\n{}", with("")).replace("name = 'w1'\n", ""),
            "line 1: registry.cache_file is set without server.name, expected server.name with it",
        ),
        (
            format!("{}\n[[registry]]\n[[registry]]\nkind = 'etcd'\ncache_file = 'view.json'", named("")),
            "registry.cache_file is set in a later [[registry]], expected only in the first one",
        ),
        (named("registry.cache_file = ''"), "registry.cache_file"),
    ] {
        let error = refused(&text, &[]);
        assert!(error.contains(sentence), "{error}\nand not\n{sentence}");
    }
}
