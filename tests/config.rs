//! Configuration as a person meets it: what loads, what is refused and in which words, and that the documentation tells the truth.

#[path = "config/registries.rs"]
mod registries;

use proptest::prelude::*;
use sinew::config::{ConfigError, Effective, LogLevel, RegistryKind, ServerConfig, Visibility, reference};
use std::fmt::Write as _;

const SMALL: &str = "[server]\ngroup = 'world'\nname = 'w1'\n[groups.world]\n";

fn load(text: &str) -> Result<ServerConfig, ConfigError> {
    load_with(text, &[])
}

fn load_with(text: &str, env: &[(&str, &str)]) -> Result<ServerConfig, ConfigError> {
    ServerConfig::load(text, "server.toml", env.iter().map(|(name, value)| (name.to_string(), value.to_string())))
}

fn refused(text: &str, env: &[(&str, &str)]) -> String {
    match load_with(text, env) {
        Ok(config) => panic!("accepted:\n{text}\n{env:?}\nas\n{config}"),
        Err(error) => error.to_string(),
    }
}

/// The small configuration with a section added; the section begins at line 5.
fn with(section: &str) -> String {
    format!("{SMALL}{section}")
}

#[test]
fn a_small_text_gets_every_default() {
    let config = load("[server]\ngroup = 'world'\n[groups.world]").unwrap();
    assert!(config.server.name.starts_with("world-") && config.server.name.len() == "world-".len() + 6, "{}", config.server.name);
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:0");
    assert_eq!(config.groups["world"].visibility, Visibility::Internal);
    assert_eq!(config.registry.addresses, ["127.0.0.1:4100"]);
    assert_eq!(config.limits.outbox_bytes, 8 << 20);
    assert_eq!(config.log.level, LogLevel::Info);
}

#[test]
fn two_servers_without_a_name_draw_different_ones_within_the_limit() {
    let text = format!("[server]\ngroup = '{0}'\n[groups.{0}]", "g".repeat(63));
    let (one, other) = (load(&text).unwrap().server.name, load(&text).unwrap().server.name);
    assert_ne!(one, other);
    assert_eq!(one.len(), 63);
}

#[test]
fn a_host_of_the_registry_finds_its_own() {
    let addresses = |listen: &str| load(&with(&format!("[registry]\nhost = true\nlisten = '{listen}'"))).unwrap().registry.addresses;
    assert_eq!(addresses("10.0.0.5:4200"), ["10.0.0.5:4200"]);
    assert_eq!(addresses("0.0.0.0:4200"), ["127.0.0.1:4200"]);
    assert_eq!(addresses("[::]:4200"), ["[::1]:4200"]);
    assert!(addresses("127.0.0.1:0").is_empty());
}

#[test]
fn a_fixed_neighbourhood_loads() {
    let text = "[server]\ngroup = 'world'\nname = 'w1'\nlisten = '0.0.0.0:4201'\n[groups.world]\n[registry]\nkind = 'fixed'\n\
                [[registry.servers]]\ngroup = 'world'\nname = 'w1'\naddress = '10.0.0.5:4201'\n\
                [[registry.servers]]\ngroup = 'world'\nname = 'w2'\naddress = 'host.example:4201'\n";
    let config = load(text).unwrap();
    assert_eq!(config.registry.kind, RegistryKind::Fixed);
    assert_eq!(config.registry.servers[1].address, "host.example:4201");
    assert!(config.registry.addresses.is_empty());
}

#[test]
fn the_fields_of_a_mistake_are_what_its_sentence_says() {
    let error = load(&with("[limits]\noutbox_byte = 1\n")).unwrap_err();
    assert_eq!(error.to_string(), "server.toml line 6: limits.outbox_byte is not a known key; did you mean limits.outbox_bytes?");
    let [mistake] = error.mistakes() else { panic!("{error}") };
    assert_eq!((mistake.key.as_str(), mistake.line, mistake.origin.as_str()), ("limits.outbox_byte", Some(6), "server.toml"));
    assert_eq!((mistake.found.as_str(), mistake.nearest.as_deref()), ("not a known key", Some("limits.outbox_bytes")));
    assert!(mistake.expected.contains("outbox_bytes"), "{}", mistake.expected);
}

/// What is written (from line 5 on), and how its refusal begins and ends.
#[test]
fn every_mistake_is_named_with_its_line_and_its_cure() {
    for (section, sentence) in [
        // Keys and types.
        ("[limit]\n", "server.toml line 5: limit is not a known key; did you mean limits?"),
        ("[zzz]\n", "server.toml line 5: zzz is not a known key, expected one of the tables server, groups,"),
        ("[log]\nlisten = 1", "line 6: log.listen is not a known key; did you mean server.listen?"),
        ("[log]\nxyzzy = 1", "line 6: log.xyzzy is not a known key, expected a key of [log]: level, to"),
        ("[log]\nlevel = 'inof'", r#"log.level is "inof", expected one of "error", "warn", "info", "debug", "trace"; did you mean info?"#),
        ("[log]\nlevel = 3", r#"log.level is the integer 3, expected one of "error""#),
        (
            "[limits]\noutbox_bytes = '8MB'",
            r#"limits.outbox_bytes is the text "8MB", expected an integer from 4096 to 1073741824, in bytes"#,
        ),
        ("[limits]\noutbox_bytes = 1.5", "limits.outbox_bytes is the fraction 1.5, expected an integer"),
        ("[limits]\noutbox_bytes = 2020-01-01", "limits.outbox_bytes is the date or time 2020-01-01, expected an integer"),
        ("[limits]\noutbox_bytes = [1]", "limits.outbox_bytes is a list, expected an integer"),
        ("[cluster]\nmixed_app_versions = 'yes'", r#"mixed_app_versions is the text "yes", expected true or false, without quotes"#),
        ("[[runtime]]\n", "line 5: runtime is a list, expected a table: [runtime]"),
        // Ranges.
        ("[limits]\noutbox_bytes = 4095", "limits.outbox_bytes is 4095, expected an integer from 4096"),
        ("[limits]\ninbox_bytes = 1073741825", "limits.inbox_bytes is 1073741825, expected"),
        ("[limits]\nevent_queue_bytes = 65535", "limits.event_queue_bytes is 65535, expected"),
        ("[limits]\nmax_message_bytes = 0", "limits.max_message_bytes is 0, expected an integer from 1 to 268435456"),
        ("[limits]\nhandshake_ms = 99", "limits.handshake_ms is 99, expected an integer from 100 to 60000, in milliseconds"),
        ("[limits]\nkeep_alive_ms = -1", "limits.keep_alive_ms is -1, expected an integer from 10 to 60000"),
        ("[limits]\nreconnect_min_ms = 0", "limits.reconnect_min_ms is 0, expected an integer from 1"),
        ("[limits]\ndrain_ms = 9223372036854775807", "limits.drain_ms is 9223372036854775807, expected"),
        (
            "[limits]\ndrain_ms = 18446744073709551616000000000000000000000",
            "limits.drain_ms is an integer of far too many digits, expected",
        ),
        ("[registry]\nlease_ms = 600001", "registry.lease_ms is 600001, expected an integer from 200 to 600000"),
        ("[runtime]\nworker_threads = 65", "runtime.worker_threads is 65, expected an integer from 1 to 64"),
        // What must fit together.
        (
            "[limits]\ninterrupted_after_ms = 1000",
            "line 6: limits.interrupted_after_ms is 1000, expected more than limits.keep_alive_ms, which is 1000",
        ),
        (
            "[limits]\nkeep_alive_ms = 5000",
            "line 6: limits.keep_alive_ms is 5000, expected less than limits.interrupted_after_ms, which is 5000",
        ),
        (
            "[limits]\nreconnect_min_ms = 5001",
            "line 6: limits.reconnect_min_ms is 5001, expected at most limits.reconnect_max_ms, which is 5000",
        ),
        ("[cluster]\nkey_file = 'a'\nca = 'b'", "line 6: cluster.key_file is set, and so is cluster.ca, expected key_file alone"),
        ("[cluster]\nca = 'a'\ncert = 'b'", "line 6: cluster.key is missing, expected all of ca, cert and key, as cluster.ca is set"),
        // Names and groups.
        ("connects_to = ['wolrd']", r#"line 5: groups.world.connects_to is "wolrd", expected a group of the topology (world)"#),
        ("connects_to = ['world', 'world']", r#"line 5: groups.world.connects_to is a list with "world" twice"#),
        ("connects_to = 'world'", r#"groups.world.connects_to is the text "world", expected a list: [ ] around a name"#),
        ("[groups.'a b']", r#"line 5: groups."a b" is not a possible name, expected a name of 1 to 63"#),
        ("[groups.'..']", r#"groups.".." is not a possible name"#),
        ("[groups]\nchat = 1", "line 6: groups.chat is the integer 1, expected a table: [groups.NAME]"),
        ("[groups.chat]\nvisibility = 'public'", r#"line 6: groups.chat.visibility is "public", expected one of "internal", "external""#),
        ("[cluster]\nname = ''", r#"cluster.name is "", expected a name of 1 to 63 characters"#),
        // Addresses.
        ("[registry]\nlisten = 4100", "registry.listen is the integer 4100, expected an address and a port in double quotes"),
        ("[registry]\nlisten = '4100'", r#"registry.listen is "4100", expected an address before the port"#),
        ("[registry]\nlisten = 'localhost:4100'", "expected an address of this machine, not a host name"),
        ("[registry]\naddresses = ['a:1',\n'b:0']", r#"line 7: registry.addresses is "b:0", expected a port from 1 to 65535"#),
        ("[registry]\naddresses = ['a']", r#"registry.addresses is "a", expected a port from 1 to 65535 after the host"#),
        ("[registry]\naddresses = ['0.0.0.0:4100']", "expected an address others can reach"),
        // Paths; what is no path may be the key itself.
        ("[cluster]\nkey_file = ''", r#"cluster.key_file is "", expected the path of a file, or no such key at all"#),
        (
            "[cluster]\nkey_file = \"C:\\new\"",
            "cluster.key_file is a text with control characters, expected the path of a file; write a backslash as",
        ),
        // Registries.
        ("[[registry.servers]]\ngroup='world'\nname='a'\naddress='a:1'", "registry.servers is set, but registry.kind is \"embedded\""),
        ("[registry]\nservers = [1]", "registry.servers is the integer 1, expected [[registry.servers]] tables"),
        ("[[registry.servers]]\ngroup='world'\naddress='a:1'", "line 5: registry.servers.name is missing, expected a name"),
        (
            "[registry]\nkind = 'fixed'",
            "line 6: registry.servers is empty, expected with registry.kind = \"fixed\" a table [[registry.servers]]",
        ),
        ("[registry]\nkind = 'fixed'\nhost = true", "line 7: registry.host is set, but registry.kind is \"fixed\""),
        ("[registry]\nkind = 'fixed'\naddresses = ['a:1']", "line 7: registry.addresses is set, but registry.kind is \"fixed\""),
        // Not TOML.
        ("[log]\nlevel = info", "server.toml line 6, column 9: not valid TOML (text without quotes), expected text in double quotes"),
        ("[log\nlevel = 1", "server.toml line 5, column 5: not valid TOML (unclosed table), expected `]`"),
        ("[cluster]\nkey = \"C:\\Users\\me\"", "the text in single quotes"),
        ("[cluster]\nmixed_app_versions = True", "expected true or false in lower case"),
        ("[log]\n[log]", "server.toml line 6, column 2: not valid TOML (duplicate key), expected every key and every table once"),
        ("level: info", "expected `key = value` or a `[section]` on this line"),
    ] {
        let error = refused(&with(section), &[]);
        assert!(error.contains(sentence), "{section}\nis refused with\n{error}\nand not\n{sentence}");
    }
}

#[test]
fn what_is_wrong_with_the_server_itself_is_named() {
    for (server, sentence) in [
        ("", "server.toml: server.group is missing, expected a name"),
        ("[server]\nname = 'a'\n", "server.toml line 1: server.group is missing"),
        (
            "[server]\ngroup = 'chta'\n[groups.chat]",
            "expected a group of the topology (chat), or a table [groups.chta] for it; did you mean chat?",
        ),
        ("[server]\ngroup = 'chat'\n", "expected a group of the topology, which has none; add a table [groups.chat]"),
        (
            "[server]\ngroup = 'a'\nlisten = 'world.example.net:1'",
            "line 3: server.listen is \"world.example.net:1\", expected an address of this machine",
        ),
        ("[server]\ngroup = 'a'\nadvertise = 'a:b'", "line 3: server.advertise is \"a:b\", expected a port from 0 to 65535"),
        ("[server]\ngroup = 'a'\nname = ''", "line 3: server.name is \"\", expected a name of 1 to 63"),
        (
            "[server]\ngroup = 'a'\n[server.properties]\nmap = 3",
            "line 4: server.properties.map is the integer 3, expected text in double quotes",
        ),
        ("[server]\ngroup = 'a'\n[server.properties]\n'' = 'x'", "line 4: server.properties.\"\" is without a name"),
    ] {
        let error = refused(server, &[]);
        assert!(error.contains(sentence), "{server}\nis refused with\n{error}\nand not\n{sentence}");
    }
    let long = format!("[server]\ngroup = 'a'\n[server.properties]\nmap = '{}'", "x".repeat(4094));
    assert!(refused(&long, &[]).contains("line 4: server.properties is 4097 bytes in all, expected names and values of at most 4096"));
}

#[test]
fn a_fixed_list_without_this_server_or_with_one_twice_is_refused() {
    let text = |server: &str, seats: &[(&str, &str)]| {
        let mut text = format!("[server]\ngroup = 'world'\n{server}\n[groups.world]\n[registry]\nkind = 'fixed'\n");
        for (name, address) in seats {
            write!(text, "[[registry.servers]]\ngroup = 'world'\nname = '{name}'\naddress = '{address}'\n").unwrap();
        }
        text
    };
    let pair = [("w1", "a:1"), ("w2", "a:2")];
    for (server, seats, sentence) in [
        (
            "",
            &pair[..],
            "server.name is missing, expected with registry.kind = \"fixed\" a name in [[registry.servers]] for group \"world\" (w1, w2)",
        ),
        ("name = 'w3'", &pair[..], "line 3: server.name is \"w3\""),
        ("name = 'w1'", &pair[..], "server.listen is \"127.0.0.1:0\", any free port, expected a fixed port: the others dial \"a:1\""),
        ("name = 'w1'", &[("w1", "a:1"), ("w1", "a:2")], "line 11: registry.servers.name is \"w1\" a second time in group \"world\""),
        ("name = 'w1'", &[("w1", "a:1"), ("w2", "A:1")], "line 11: registry.servers.address is \"A:1\" a second time"),
    ] {
        let error = refused(&text(server, seats), &[]);
        assert!(error.contains(sentence), "{error}\nand not\n{sentence}");
    }
}

#[test]
fn several_mistakes_are_told_at_once_in_the_order_of_the_text() {
    let error = load_with(&with("[limits]\noutbox_byte = 1\ninbox_bytes = 1\n[log]\nlevel = 3"), &[("SINEW_LOG__TO", "file")]).unwrap_err();
    let places: Vec<_> = error.mistakes().iter().map(|mistake| (mistake.line, mistake.origin.as_str())).collect();
    assert_eq!(places, [(Some(6), "server.toml"), (Some(7), "server.toml"), (Some(9), "server.toml"), (None, "SINEW_LOG__TO")]);
    assert_eq!(error.to_string().lines().count(), 4);

    let many: String = (0..50).map(|n| format!("unknown_{n} = 1\n")).collect();
    let error = refused(&many, &[]);
    assert_eq!(error.lines().count(), 21);
    assert!(error.ends_with("… and 31 more"), "{error}");
}

#[test]
fn a_key_pasted_where_its_path_belongs_is_not_repeated() {
    for section in [
        "[cluster]\nkey_file = '''-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHNlY3JldA==\n'''",
        "[cluster]\nkey_file = \"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHNlY3JldA==\n\"",
        "[log]\nlevel = '''-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIHNlY3JldA=='''",
    ] {
        let error = refused(&with(section), &[]);
        assert!(!error.contains("MC4C"), "{error}");
    }
}

#[test]
fn variables_lie_over_the_text() {
    let text = "[server]\ngroup = 'world'\nname = 'w1'\nproperties = { Map = 'old' }\n[groups.World-EU]\n[groups.world]\nconnects_to = ['world']\n\
                [cluster]\nkey_file = 'a'";
    let config = load_with(
        text,
        &[
            ("SINEW_SERVER__LISTEN", " 0.0.0.0:4201 "),
            ("SINEW_SERVER__APP_VERSION", "1.2"),
            ("SINEW_SERVER__PROPERTIES__MAP", "de_dust"),
            ("SINEW_SERVER__PROPERTIES__GAME__MODE", " ctf"),
            ("SINEW_GROUPS__WORLD__CONNECTS_TO", "world-new, World-EU"),
            ("SINEW_GROUPS__WORLD_EU__VISIBILITY", "external"),
            ("SINEW_GROUPS__WORLD-NEW__CONNECTS_TO", ""),
            ("SINEW_REGISTRY__ADDRESSES", "['a:1', '[::1]:2']"),
            ("SINEW_REGISTRY__HOST", "true"),
            ("SINEW_LIMITS__OUTBOX_BYTES", "1_048_576"),
            ("SINEW_CLUSTER__KEY_FILE", ""),
            ("SINEW_CLUSTER__TRUST", "old.key,older.key"),
        ],
    )
    .unwrap();
    assert_eq!(config.server.listen.to_string(), "0.0.0.0:4201");
    assert_eq!(config.server.app_version, "1.2");
    assert_eq!(config.server.properties["Map"], "de_dust");
    assert_eq!(config.server.properties["game__mode"], " ctf");
    assert_eq!(config.groups["world"].connects_to, ["world-new", "World-EU"]);
    assert_eq!(config.groups["World-EU"].visibility, Visibility::External);
    assert!(config.groups["world-new"].connects_to.is_empty());
    assert_eq!(config.registry.addresses, ["a:1", "[::1]:2"]);
    assert!(config.registry.host);
    assert_eq!(config.limits.outbox_bytes, 1 << 20);
    assert_eq!(config.cluster.key_file, None);
    assert_eq!(config.cluster.trust.len(), 2);
}

#[test]
fn variables_alone_are_a_configuration() {
    let config = load_with(
        "",
        &[
            ("SINEW_SERVER__GROUP", "world"),
            ("SINEW_SERVER__NAME", "w1"),
            ("SINEW_SERVER__LISTEN", "127.0.0.1:4201"),
            ("SINEW_GROUPS__WORLD__CONNECTS_TO", "world"),
            ("SINEW_REGISTRY__KIND", "fixed"),
            ("SINEW_REGISTRY__SERVERS", "[{ group = 'world', name = 'w1', address = 'localhost:4201' }]"),
        ],
    )
    .unwrap();
    assert_eq!(config.registry.servers[0].address, "localhost:4201");
}

#[test]
fn a_variable_that_says_nothing_sensible_is_refused_by_its_name() {
    for (name, value, sentence) in [
        ("SINEW_SERVER__LISTN", "x", "SINEW_SERVER__LISTN is not a known variable; did you mean SINEW_SERVER__LISTEN?"),
        ("SINEW_SERVER_LISTEN", "x", "SINEW_SERVER_LISTEN is not a known variable; did you mean SINEW_SERVER__LISTEN?"),
        ("SINEW_LOG_LEVLE", "x", "SINEW_LOG_LEVLE is not a known variable; did you mean SINEW_LOG__LEVEL?"),
        ("SINEW_GROUPS_WORLD_CONNECTS_TO", "x", "did you mean SINEW_GROUPS__WORLD__CONNECTS_TO?"),
        ("SINEW_GROUPS__WORLD__CONECTS_TO", "x", "did you mean SINEW_GROUPS__WORLD__CONNECTS_TO?"),
        ("SINEW_SERVER_PROPERTIES_MAP", "x", "SINEW_SERVER_PROPERTIES_MAP is not a known variable"),
        ("SINEW__LOG__LEVEL", "x", "did you mean SINEW_LOG__LEVEL?"),
        ("SINEW_HOME__DIR", "x", "SINEW_HOME__DIR is not a known variable, expected SINEW_SECTION__KEY"),
        ("SINEW_LOG", "debug", "SINEW_LOG is the table [log], expected one of its keys: SINEW_LOG__LEVEL, SINEW_LOG__TO"),
        ("SINEW_SERVER__PROPERTIES", "x", "the table [server.properties], expected one of its keys: SINEW_SERVER__PROPERTIES__NAME"),
        ("SINEW_LOG__LEVEL", "loud", "SINEW_LOG__LEVEL: log.level is \"loud\", expected one of"),
        (
            "SINEW_LIMITS__DRAIN_MS",
            "4s",
            "SINEW_LIMITS__DRAIN_MS: limits.drain_ms is the text \"4s\", expected an integer from 0 to 600000",
        ),
        ("SINEW_REGISTRY__HOST", "yes", "SINEW_REGISTRY__HOST: registry.host is the text \"yes\", expected true or false"),
        ("SINEW_REGISTRY__ADDRESSES", "a:1,b", "SINEW_REGISTRY__ADDRESSES: registry.addresses is \"b\", expected a port"),
        ("SINEW_REGISTRY__ADDRESSES", "['a:1'", "SINEW_REGISTRY__ADDRESSES: registry.addresses is the text \"['a:1'\", expected a list"),
        (
            "SINEW_GROUPS__WORLD__CONNECTS_TO",
            "chat",
            "SINEW_GROUPS__WORLD__CONNECTS_TO: groups.world.connects_to is \"chat\", expected a group",
        ),
        ("SINEW_SERVER__GROUP", "wrold", "SINEW_SERVER__GROUP: server.group is \"wrold\""),
    ] {
        let error = refused(SMALL, &[(name, value)]);
        assert!(error.contains(sentence), "{name}={value} is refused with\n{error}\nand not\n{sentence}");
    }
    let error = refused(&with("[groups.a-b]\n[groups.'a.b']"), &[("SINEW_GROUPS__A_B__VISIBILITY", "external")]);
    assert!(error.contains("ambiguous, expected a name that fits one alone; it fits a-b and a.b"), "{error}");
    let error = refused(SMALL, &[("SINEW_LOG__LEVEL", "info"), ("SINEW_log__level", "warn")]);
    assert!(error.contains("SINEW_log__level is a second variable for the same key as SINEW_LOG__LEVEL"), "{error}");
}

/// A deployment script's, and those that Kubernetes makes for services named sinew, sinew-server and sinew-registry.
#[test]
fn variables_of_others_are_left_alone() {
    let others = [
        ("SINEW_", "x"),
        ("SINEW_HOME", "/opt/sinew"),
        ("SINEW_VERSION", "0.1.0"),
        ("SINEW_PORT", "tcp://10.0.0.1:4100"),
        ("SINEW_SERVICE_HOST", "10.0.0.1"),
        ("SINEW_SERVER_PORT", "tcp://10.0.0.1:4100"),
        ("SINEW_SERVER_SERVICE_HOST", "10.0.0.1"),
        ("SINEW_REGISTRY_PORT", "tcp://10.0.0.1:4100"),
        ("SINEW_REGISTRY_PORT_4100_TCP_ADDR", "10.0.0.1"),
        ("SINEW_REGISTRY_SERVICE_PORT", "4100"),
        ("SINEWY__THING", "x"),
        ("PATH", "/bin"),
    ];
    assert_eq!(load_with(SMALL, &others), load(SMALL));
}

#[test]
fn a_file_is_named_in_its_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.toml");
    let error = |path: &std::path::Path| ServerConfig::from_file(path).unwrap_err().to_string();

    assert!(error(&path).starts_with(&format!("{}: cannot be read: ", path.display())), "{}", error(&path));
    std::fs::write(&path, with("[limits]\noutbox_byte = 1")).unwrap();
    assert!(error(&path).starts_with(&format!("{} line 6: limits.outbox_byte is not", path.display())), "{}", error(&path));
    std::fs::write(&path, b"[server]\ngroup = '\xff'\n").unwrap();
    assert!(error(&path).contains("not UTF-8 text (line 2), expected a file saved as UTF-8"), "{}", error(&path));
    std::fs::write(&path, vec![b'#'; (1 << 20) + 1]).unwrap();
    assert!(error(&path).contains("longer than 1048576 bytes"), "{}", error(&path));

    // The mark that some editors put in front of UTF-8, and their line ends.
    std::fs::write(&path, format!("\u{feff}{}", SMALL.replace('\n', "\r\n"))).unwrap();
    assert_eq!(ServerConfig::from_file(&path), load(SMALL));
}

#[test]
fn the_effective_configuration_says_where_each_value_came_from() {
    let env = [("SINEW_LOG__LEVEL".to_owned(), "debug".to_owned())];
    let text = with("[server.properties]\nmap = 'a'\n[limits]\ndrain_ms = 1");
    let effective = Effective::load(&text, "server.toml", env.into_iter()).unwrap();
    let printed = effective.to_string();
    for line in [
        "group = \"world\"  # line 2",
        "map = \"a\"  # line 6",
        "drain_ms = 1  # line 8",
        "level = \"debug\"  # SINEW_LOG__LEVEL",
        "lease_ms = 3000  # default",
    ] {
        assert!(printed.lines().any(|printed| printed == line), "{line} is not in\n{printed}");
    }
    assert_eq!(load(&printed), Ok(effective.config));
}

#[test]
fn a_configuration_changed_by_hand_can_be_checked_again() {
    let mut config = load(SMALL).unwrap();
    assert_eq!(config.validate(), Ok(()));
    config.limits.drain_ms = u64::MAX;
    let error = config.validate().unwrap_err().to_string();
    assert_eq!(error, "configuration: limits.drain_ms is 18446744073709551615, expected an integer from 0 to 600000, in milliseconds");
    config.limits.drain_ms = 0;
    config.server.group = "chat".into();
    assert!(config.validate().unwrap_err().to_string().contains("server.group is \"chat\", expected a group of the topology (world)"));
}

/// `UPDATE_DOCS=1 cargo test --test config` rewrites the table.
#[test]
fn the_documentation_lists_every_key_as_the_code_has_it() {
    const BEGIN: &str = "<!-- keys: written by tests/config.rs -->\n\n";
    const END: &str = "<!-- end of keys -->";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
    let page = std::fs::read_to_string(path).unwrap().replace("\r\n", "\n");
    let (before, rest) = page.split_once(BEGIN).expect("docs/configuration.md has lost the line that begins the table");
    let (table, after) = rest.split_once(END).expect("docs/configuration.md has lost the line that ends the table");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, format!("{before}{BEGIN}{}{END}{after}", reference())).unwrap();
        return;
    }
    assert!(table == reference(), "docs/configuration.md differs from the code; UPDATE_DOCS=1 cargo test --test config writes it again");
}

/// The examples in the documentation are complete configurations and fragments of one; all must load.
#[test]
fn the_examples_of_the_documentation_load() {
    let page = include_str!("../docs/configuration.md").replace("\r\n", "\n");
    let examples: Vec<&str> =
        page.split("```toml\n").skip(1).filter_map(|rest| rest.split_once("```")).map(|(example, _)| example).collect();
    assert!(!examples.is_empty());
    for example in examples {
        assert!(load(example).is_ok(), "{example}\n{:?}", load(example));
    }
}

/// Sections and keys as they are and nearly are, values of every type.
fn any_text() -> impl Strategy<Value = String> {
    let section = prop_oneof![
        Just("server"),
        Just("server.properties"),
        Just("groups"),
        Just("groups.world"),
        Just("groups.'a b'"),
        Just("registry"),
        Just("[registry.servers]"),
        Just("cluster"),
        Just("limits"),
        Just("runtime"),
        Just("log"),
        Just("lgo"),
        Just("'é\\'")
    ];
    let key = prop_oneof![
        Just("group"),
        Just("name"),
        Just("listen"),
        Just("advertise"),
        Just("properties"),
        Just("connects_to"),
        Just("visibility"),
        Just("kind"),
        Just("addresses"),
        Just("servers"),
        Just("host"),
        Just("key_file"),
        Just("trust"),
        Just("outbox_bytes"),
        Just("level"),
        Just("'🦀'"),
        Just("a.b")
    ];
    let value = prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| format!("{n:?}")),
        any::<bool>().prop_map(|b| b.to_string()),
        "[ -~]{0,80}".prop_map(|s| format!("'{s}'")),
        "\\PC{0,20}".prop_map(|s| format!("\"{s}\"")),
        "[a-z0-9.:\\[\\]]{0,12}".prop_map(|s| format!("['{s}', 1, {{ group = 'a' }}]")),
        Just("'world'".to_owned()),
        Just("{ a = 'b', c = 1 }".to_owned()),
        Just("1979-05-27T07:32:00Z".to_owned()),
        Just("\"\"\"-----BEGIN\n\"\"\"".to_owned()),
    ];
    let table = (section, prop::collection::vec((key, value), 0..4)).prop_map(|(section, pairs)| {
        let lines: String = pairs.into_iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
        format!("[{section}]\n{lines}")
    });
    prop::collection::vec(table, 0..6).prop_map(|tables| tables.concat())
}

/// Configurations that are possible, from their corners.
fn possible() -> impl Strategy<Value = String> {
    let name = "[a-zA-Z0-9_-][a-zA-Z0-9_.-]{0,62}";
    let property = ("\\PC{1,10}", any::<String>().prop_map(|s| s.chars().take(20).collect::<String>()));
    let toml = |text: &str| toml::Value::String(text.to_owned()).to_string();
    (
        (name, name, prop::collection::btree_map(property.0, property.1, 0..5), any::<std::net::SocketAddr>(), "[a-z]{1,10}(:[0-9]{1,4})?"),
        (any::<bool>(), 4096..=1u64 << 30, 10..=4999u64, 1..=100u64, "[a-zA-Z0-9 /\\\\.é]{1,30}"),
    )
        .prop_map(move |((group, other, properties, listen, advertise), (flag, bytes, keep_alive, first, path))| {
            let mut table = toml::Table::new();
            table.extend(properties.into_iter().map(|(name, text)| (name, toml::Value::String(text))));
            let others = if group == other { String::new() } else { format!("[groups.{}]\nvisibility = 'external'\n", toml(&other)) };
            format!(
                "[server]\ngroup = {group}\nlisten = '{listen}'\nadvertise = '{advertise}'\nproperties = {properties}\n\
                 [groups.{group}]\nconnects_to = [{group}]\n{others}\
                 [registry]\nhost = {flag}\n[cluster]\nkey_file = {path}\ntrust = [{path}]\nmixed_app_versions = {flag}\n\
                 [limits]\noutbox_bytes = {bytes}\nkeep_alive_ms = {keep_alive}\nreconnect_min_ms = {first}\n",
                group = toml(&group),
                path = toml(&path),
                properties = toml::Value::Table(table),
            )
        })
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in prop_oneof![any::<String>(), any_text(), any_text().prop_map(|text| format!("{SMALL}{text}"))]) {
        match load(&text) {
            Ok(config) => prop_assert_eq!(load(&config.to_toml()), Ok(config)),
            Err(error) => {
                prop_assert!(!error.mistakes().is_empty());
                for mistake in error.mistakes() {
                    prop_assert!(mistake.to_string().lines().count() == 1, "{}", mistake);
                    prop_assert!(!mistake.expected.is_empty(), "{}", mistake);
                    prop_assert!(mistake.line.is_none_or(|line| (1..=text.split('\n').count()).contains(&line)), "{}", mistake);
                }
            }
        }
    }

    #[test]
    fn no_variable_makes_it_panic(
        name in prop_oneof!["SINEW_[A-Z_]{0,30}", "SINEW_(SERVER|GROUPS|LIMITS|REGISTRY)__[A-Z_]{0,12}(__[A-Z_]{0,8})?", "SINEW_\\PC{0,20}"],
        value in any::<String>(),
    ) {
        if let Err(error) = load_with(SMALL, &[(&name, &value)]) {
            prop_assert!(error.mistakes().iter().all(|mistake| mistake.origin == name), "{}", error);
        }
    }

    #[test]
    fn the_effective_configuration_loads_to_itself(text in possible()) {
        let config = load(&text);
        prop_assert!(config.is_ok(), "{:?}\n{}", config, text);
        let config = config.unwrap();
        prop_assert_eq!(config.validate(), Ok(()));
        prop_assert_eq!(load(&config.to_toml()), Ok(config));
    }
}
