//! Why a link is not up: what the two servers tell about it, and what `diagnose` finds from outside.

use crate::support::{EAGER, Seen, TOPOLOGY, free_port, hosting, registry_at, start, start_host, text, until};
use sinew::config::ServerConfig;
use sinew::transport::keys::ClusterKey;
use sinew::{Diagnosis, Event, RemoteServer, ServerId, Verdict, diagnose};
use std::time::{Duration, Instant};

/// What `sinew explain` would find for the server of this configuration.
fn found(text: &str) -> Diagnosis {
    let config = ServerConfig::load(text, "text", std::iter::empty()).expect("a good configuration");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(diagnose(config, crate::support::PATIENCE)).expect("good keys")
}

fn found_for(group: &str, name: &str, more: &str) -> Diagnosis {
    found(&text(TOPOLOGY, group, name, more))
}

fn joined(seen: &mut Seen) -> RemoteServer {
    seen.wait("joined", |event| match event {
        Event::ServerJoined { server } => Some(server.clone()),
        _ => None,
    })
}

fn until_explained(seen: &Seen, id: ServerId, words: &[&str]) {
    let mut why = String::new();
    let deadline = Instant::now() + crate::support::PATIENCE;
    while !words.iter().all(|word| why.contains(word)) {
        assert!(Instant::now() < deadline, "{words:?} is not told in:\n{why}");
        // bounded wait: for the explanation, until the deadline
        std::thread::sleep(Duration::from_millis(5));
        why = seen.server.explain(id).expect("in view");
    }
}

/// Two key files, and the lines that name them.
fn two_keys() -> (tempfile::TempDir, [String; 2]) {
    let directory = tempfile::tempdir().expect("a directory");
    let line = |name: &str| {
        let path = directory.path().join(name);
        ClusterKey::generate().and_then(|key| key.write(&path, false)).expect("written");
        format!("cluster.key_file = '{}'\n", path.display())
    };
    let lines = [line("a.key"), line("b.key")];
    (directory, lines)
}

/// The lines of one lobby and one world on a list.
fn fixed() -> [String; 2] {
    let ports = [free_port(), free_port()];
    let list = format!(
        "registry.kind = \"fixed\"\nregistry.servers = [\n\
         {{ group = \"lobby\", name = \"l1\", address = \"127.0.0.1:{}\" }},\n\
         {{ group = \"world\", name = \"w1\", address = \"127.0.0.1:{}\" }}]\n{EAGER}",
        ports[0], ports[1]
    );
    ports.map(|port| format!("server.listen = \"127.0.0.1:{port}\"\n{list}"))
}

#[test]
fn a_link_that_stands_is_told_with_what_waits_on_it_and_who_confirms_the_registration() {
    let (mut world, registry) = start_host("world", "w1", "");
    let mut lobby = start("lobby", "l1", &registry);
    let remote = lobby.connected("w1");
    world.connected("l1");
    until_explained(
        &lobby,
        remote.id(),
        &["state: connected for", "(this server dials it)", "link: 0 bytes queued", "0 bytes sent or queued"],
    );
    until_explained(&lobby, remote.id(), &["registry: reachable, last news", "answers, confirmed this server"]);
}

#[test]
fn another_app_version_is_told_on_both_sides_and_from_outside() {
    let (world, registry) = start_host("world", "w1", "server.app_version = \"2\"\n");
    let mut world = world.registered();
    let lines = format!("server.app_version = \"1\"\n{EAGER}{registry}");
    let outside = found_for("lobby", "l1", &lines);
    assert!(!outside.is_well() && outside.to_string().contains("app version `1`, the accepting one `2`"), "{outside}");

    let mut lobby = start("lobby", "l1", &lines);
    let (to_world, to_lobby) = (joined(&mut lobby).id(), joined(&mut world).id());
    until_explained(&lobby, to_world, &["refused by the other side (app version)", "app version `1`, the accepting one `2`"]);
    until_explained(&world, to_lobby, &["it dialled this server", "in vain: refused here (app version)"]);
}

#[test]
fn another_key_is_told_on_both_sides_and_from_outside() {
    let (_directory, [a, b]) = two_keys();
    let [lobby, world] = fixed();
    let mut world = start("world", "w1", &format!("{a}{world}")).registered();
    let outside = found_for("lobby", "l1", &format!("{b}{lobby}"));
    assert!(!outside.is_well() && outside.to_string().contains("signed by another cluster's key"), "{outside}");

    let mut lobby = start("lobby", "l1", &format!("{b}{lobby}"));
    let (to_world, to_lobby) = (joined(&mut lobby).id(), joined(&mut world).id());
    until_explained(&lobby, to_world, &["signed by another cluster's key", "cluster.key_file", "registry: the list in the configuration"]);
    until_explained(&world, to_lobby, &["somebody at 127.0.0.1, perhaps it, was turned away", "different cluster keys"]);
}

#[test]
fn a_registry_that_is_lost_is_told_with_the_age_of_its_last_word() {
    let port = free_port();
    let host = start("mesh", "host", &hosting(port, 500, ""));
    let mut lobby = start("lobby", "l1", &registry_at(port));
    let mut world = start("world", "w1", &registry_at(port));
    let to_world = lobby.connected("w1");
    world.connected("l1");
    drop(host);
    until_explained(&lobby, to_world.id(), &["registry: lost for", "its last view is kept", "last word", "state: connected"]);
    let outside = found_for("lobby", "l2", &registry_at(port));
    assert!(!outside.is_well() && outside.to_string().contains("sinew registry --listen"), "{outside}");
}

#[test]
fn asking_for_a_running_server_finds_it_well_and_disturbs_neither_side() {
    let (mut world, registry) = start_host("world", "w1", "");
    let mut lobby = start("lobby", "l1", &registry);
    let to_world = lobby.connected("w1");
    world.connected("l1");
    for (group, name) in [("lobby", "l1"), ("world", "w1")] {
        let outside = found_for(group, name, &registry);
        assert!(outside.is_well() && outside.to_string().contains("is registered as"), "{outside}");
        assert_eq!(outside.findings.last().map(|finding| finding.verdict), Some(Verdict::Well), "{outside}");
    }
    to_world.send(1, b"", sinew::SendMode::Reliable).expect("the link stands");
    world.marker(1);
    assert_eq!((lobby.history_of("w1"), world.history_of("l1")), (vec!["joined w1", "connected w1"], vec!["joined l1", "connected l1"]));
}

#[test]
fn asking_for_a_server_that_does_not_run_takes_no_name_and_is_no_news_to_anybody() {
    let (world, registry) = start_host("world", "w1", "");
    let mut world = world.registered();
    for _ in 0..2 {
        let outside = found_for("lobby", "l1", &registry);
        assert!(outside.is_well() && outside.to_string().contains("(world/w1)"), "{outside}");
        assert!(outside.to_string().contains("agrees; this server dials it"), "{outside}");
    }
    world.log(&["rejected a connection", "`sinew explain` asked", "nothing is in its way"]);
    let mut lobby = start("lobby", "l1", &registry);
    lobby.connected("w1");
    world.connected("l1");
    assert_eq!(world.history_of("l1"), ["joined l1", "connected l1"]);
}

#[test]
fn with_a_fixed_list_a_question_replaces_neither_a_server_that_runs_nor_one_that_comes() {
    let [lines, world] = fixed();
    let mut world = start("world", "w1", &world).registered();
    let before = found_for("lobby", "l1", &lines);
    assert!(before.is_well(), "{before}");
    world.log(&["`sinew explain` asked", "it would"]);
    let mut lobby = start("lobby", "l1", &lines);
    let to_world = lobby.connected("w1");
    world.connected("l1");
    let meanwhile = found_for("lobby", "l1", &lines);
    assert!(meanwhile.is_well(), "{meanwhile}");
    to_world.send(1, b"", sinew::SendMode::Reliable).expect("the link stands");
    world.marker(1);
    assert_eq!(world.history_of("l1"), ["joined l1", "connected l1"]);
}

#[test]
fn a_group_that_is_connected_on_the_other_side_alone_is_told() {
    let (world, registry) = start_host("world", "w1", "");
    let _world = world.registered();
    let outside = found(&text("[groups.lobby]\nvisibility = \"external\"\n[groups.world]\n", "lobby", "l1", &registry));
    assert!(!outside.is_well() && outside.to_string().contains("connects_to names `world`"), "{outside}");
    // That neither side connects them is as it should be.
    let (mesh, registry) = start_host("mesh", "m1", "");
    let _mesh = mesh.registered();
    let outside = found_for("lobby", "l1", &registry);
    assert!(outside.is_well() && outside.to_string().contains("nobody is there"), "{outside}");
}

#[test]
fn an_address_that_swallows_everything_is_named_when_the_time_is_over() {
    // Bound, listening, never accepting: the connection stands, and nobody says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = silent.local_addr().expect("its address");
    let (world, registry) = start_host("world", "w1", &format!("server.advertise = \"{address}\"\n"));
    let world = world.registered();
    let mut lobby = start("lobby", "l1", &format!("limits.handshake_ms = 300\n{EAGER}{registry}"));
    let id = joined(&mut lobby).id();
    until_explained(&lobby, id, &[&format!("tried {address}: connected, but the handshake was not completed")]);
    until("a second failure", || lobby.server.explain(id).expect("in view").contains("(2 in a row)"));
    drop(world);
}
