//! A configuration that changes while the server runs.

use crate::support::{EAGER, Seen, TOPOLOGY, free_port, hosting, registry_at, start, start_in, text, until};
use sinew::transport::keys::ClusterKey;
use sinew::{DisconnectReason, Error, ErrorCode, Event, LeaveReason, Rejection, SendMode, ServerConfig};
use std::path::PathBuf;
use std::time::Duration;

fn reload(seen: &Seen, text: &str) -> Result<(), Error> {
    seen.server.reload(ServerConfig::load(text, "text", std::iter::empty()).expect("a configuration"))
}

/// Two key files of two clusters.
fn keys() -> (tempfile::TempDir, [PathBuf; 2]) {
    let directory = tempfile::TempDir::new().expect("a temporary directory");
    let paths = ["old.key", "new.key"].map(|name| directory.path().join(name));
    paths.iter().for_each(|path| ClusterKey::generate().expect("a key").write(path, false).expect("written"));
    (directory, paths)
}

/// Whatever is said both ways arrives.
fn talk(one: &mut Seen, other: &mut Seen, tag: u16) {
    for (from, to) in [(&*one, &*other), (&*other, &*one)] {
        from.server.send(to.server.info().id.expect("registered"), tag, b"still here", SendMode::Reliable).expect("connected");
    }
    one.marker(tag);
    other.marker(tag);
}

#[test]
fn authorities_are_exchanged_without_a_disconnect_and_the_old_one_is_refused_then() {
    let (_directory, [old, new]) = keys();
    let port = free_port();
    let (old, new) = (old.display(), new.display());
    let (only_old, both, only_new) = (
        format!("cluster.key_file = \"{old}\"\n"),
        [
            format!("cluster.key_file = \"{old}\"\ncluster.trust = [\"{new}\"]\n"),
            format!("cluster.key_file = \"{new}\"\ncluster.trust = [\"{old}\"]\n"),
        ],
        format!("cluster.key_file = \"{new}\"\n"),
    );
    let world_text = |keys: &str| text(TOPOLOGY, "world", "w1", &format!("{}{EAGER}{keys}", hosting(port, 500, "")));
    let lobby_text = |keys: &str| text(TOPOLOGY, "lobby", "l1", &format!("{}{EAGER}{keys}", registry_at(port)));
    let mut world = crate::support::start_text(&world_text(&only_old)).expect("it starts");
    let mut lobby = crate::support::start_text(&lobby_text(&only_old)).expect("it starts");
    lobby.connected("w1");
    world.connected("l1");
    let mut tag = 1;
    // First everybody trusts both, then everybody shows the new one, then nobody trusts the old one.
    for keys in [&both[0], &both[1], &only_new] {
        reload(&world, &world_text(keys)).expect("it can be reloaded");
        talk(&mut lobby, &mut world, tag);
        reload(&lobby, &lobby_text(keys)).expect("it can be reloaded");
        talk(&mut lobby, &mut world, tag + 1);
        tag += 2;
    }
    // Who has the new key comes in; who has the old one does not, neither at the registry nor at a server.
    let mut newcomer = start("lobby", "l2", &format!("{}{only_new}", registry_at(port)));
    newcomer.connected("w1");
    world.connected("l2");
    let mut outdated = start("lobby", "l3", &format!("{}{only_old}", registry_at(port)));
    let why = outdated.wait("registry lost", |event| match event {
        Event::RegistryLost { text } => Some(text.clone()),
        _ => None,
    });
    assert!(why.contains("certificate") || why.contains("trust") || why.contains("key"), "{why}");
    for seen in [&lobby, &world, &newcomer] {
        assert_eq!((seen.count("disconnected"), seen.count("interrupted")), (0, 0), "{:#?}", seen.history);
    }
}

#[test]
fn a_server_of_the_old_authority_is_refused_by_its_peers_too() {
    let (_directory, [old, new]) = keys();
    let port = free_port();
    let keys = |key: &PathBuf, trust: &str| format!("cluster.key_file = \"{}\"\n{trust}", key.display());
    // The registry stays with both, so that only the link is in question.
    let trusting = keys(&old, &format!("cluster.trust = [\"{}\"]\n", new.display()));
    let _host = start("mesh", "host", &hosting(port, 500, &trusting));
    let world_text = |keys: &str| text(TOPOLOGY, "world", "w1", &format!("{}{EAGER}{keys}", registry_at(port)));
    let mut world = crate::support::start_text(&world_text(&trusting)).expect("it starts");
    let mut lobby = start("lobby", "l1", &format!("{}{EAGER}{trusting}limits.resume_window_ms = 100\n", registry_at(port)));
    lobby.connected("w1");
    world.connected("l1");
    reload(&world, &world_text(&keys(&new, ""))).expect("it can be reloaded");
    talk(&mut lobby, &mut world, 1);
    drop(lobby);
    world.left("l1");
    let mut lobby = start("lobby", "l2", &format!("{}{EAGER}{trusting}", registry_at(port)));
    lobby.log(&["cannot connect", "w1"]);
    until("it is counted", || world.server.stats().rejected(Rejection::Untrusted) > 0);
    assert_eq!(lobby.count("connected w1"), 0);
}

const APART: &str = "[groups.lobby]\nvisibility = \"external\"\nconnects_to = [\"world\"]\n[groups.world]\n[groups.chat]\n";
const TOGETHER: &str = "[groups.lobby]\nvisibility = \"external\"\nconnects_to = [\"world\", \"chat\"]\n[groups.world]\n[groups.chat]\n";
const TURNED: &str =
    "[groups.lobby]\nvisibility = \"external\"\nconnects_to = [\"world\"]\n[groups.world]\n[groups.chat]\nconnects_to = [\"lobby\"]\n";

#[test]
fn groups_that_come_into_view_join_and_those_that_go_leave_while_the_other_links_stand() {
    let port = free_port();
    let host = |topology: &str| text(topology, "lobby", "l1", &format!("{}{EAGER}", hosting(port, 500, "")));
    let other = |topology: &str, group: &str, name: &str| text(topology, group, name, &format!("{}{EAGER}", registry_at(port)));
    let mut lobby = start_in(APART, "lobby", "l1", &format!("{}{EAGER}", hosting(port, 500, "")));
    let mut world = start_in(APART, "world", "w1", &format!("{}{EAGER}", registry_at(port)));
    let mut chat = start_in(APART, "chat", "c1", &format!("{}{EAGER}", registry_at(port))).registered();
    let to_world = lobby.connected("w1");
    world.connected("l1");
    assert!(matches!(lobby.server.broadcast("chat", 1, b"", SendMode::Reliable), Err(Error::UnknownGroup { .. })));

    // One after the other, as operators do; until both know, the link is refused and named.
    reload(&lobby, &host(TOGETHER)).expect("it can be reloaded");
    reload(&chat, &other(TOGETHER, "chat", "c1")).expect("it can be reloaded");
    reload(&world, &other(TOGETHER, "world", "w1")).expect("it can be reloaded");
    let to_chat = lobby.connected("c1");
    chat.connected("l1");
    talk(&mut lobby, &mut chat, 3);
    assert_eq!(lobby.server.broadcast("chat", 1, b"", SendMode::Reliable).expect("a group").sent, 1);
    assert!(lobby.server.group("chat").expect("a group").is_outgoing());

    // Who dials changes; the link stands.
    reload(&lobby, &host(TURNED)).expect("it can be reloaded");
    reload(&chat, &other(TURNED, "chat", "c1")).expect("it can be reloaded");
    talk(&mut lobby, &mut chat, 4);
    until("the direction is the new one", || to_chat.direction() == sinew::Direction::Incoming);

    reload(&lobby, &host(APART)).expect("it can be reloaded");
    let (_, reason, unacknowledged) = lobby.disconnected("c1");
    assert_eq!((reason, unacknowledged), (DisconnectReason::Unrelated, 0));
    assert_eq!(lobby.left("c1").1, LeaveReason::Unrelated);
    assert_eq!(chat.disconnected("l1").1, DisconnectReason::Unrelated);
    reload(&chat, &other(APART, "chat", "c1")).expect("it can be reloaded");
    assert_eq!(chat.left("l1").1, LeaveReason::Unrelated);
    assert!(matches!(to_chat.send(1, b"", SendMode::Reliable), Err(Error::UnknownServer(_))));
    to_world.send(9, b"", SendMode::Reliable).expect("connected");
    world.marker(9);
    assert_eq!((lobby.count("disconnected w1"), lobby.count("interrupted w1")), (0, 0));

    // And back again, under the same ids.
    reload(&lobby, &host(TOGETHER)).expect("it can be reloaded");
    reload(&chat, &other(TOGETHER, "chat", "c1")).expect("it can be reloaded");
    lobby.connected("c1");
    chat.connected("l1");
}

#[test]
fn what_cannot_change_is_named_and_nothing_is_half_done() {
    let port = free_port();
    let lobby = start_in(APART, "lobby", "l1", &hosting(port, 500, "server.properties.map = \"dust\"\n"));
    let before = lobby.server.properties();
    let wrong = text(TOGETHER, "lobby", "l2", &hosting(port, 900, "server.properties.map = \"aztec\"\n"));
    let error = reload(&lobby, &wrong).expect_err("refused");
    assert_eq!(error.code(), ErrorCode::InvalidConfig);
    let sentence = error.to_string();
    for words in ["server.name from \"l1\" to \"l2\"", "registry.lease_ms from 500 to 900", "nothing has changed"] {
        assert!(sentence.contains(words), "{sentence}");
    }
    assert!(!sentence.contains("groups"), "{sentence}");
    assert!(lobby.server.group("chat").is_none());

    let missing = text(TOGETHER, "lobby", "l1", &hosting(port, 500, "cluster.key_file = \"/nowhere/sinew.key\"\n"));
    assert_eq!(reload(&lobby, &missing).expect_err("refused").code(), ErrorCode::Key);
    let (_directory, [key, _]) = keys();
    let keyed = text(TOGETHER, "lobby", "l1", &hosting(port, 500, &format!("cluster.key_file = \"{}\"\n", key.display())));
    let error = reload(&lobby, &keyed).expect_err("from no key to a key");
    assert!(matches!(&error, Error::Key(_)) && error.to_string().contains("restart"), "{error}");
    let huge = text(TOGETHER, "lobby", "l1", &hosting(port, 500, "server.properties.load = \"much\"\n"));
    assert_eq!(reload(&lobby, &huge).expect_err("no load").code(), ErrorCode::InvalidArgument);
    assert!(lobby.server.group("chat").is_none() && lobby.server.properties() == before);
    lobby.server.stop();
    assert!(matches!(reload(&lobby, &wrong), Err(Error::Stopped)));
}

#[test]
fn limits_properties_and_the_level_of_the_log_change_at_once() {
    let port = free_port();
    let health = "health.listen = \"127.0.0.1:0\"\n";
    let lines = |more: &str| hosting(port, 500, &format!("{health}{more}"));
    let mut world =
        start("world", "w1", &lines("log.level = \"error\"\nserver.properties.map = \"dust\"\nserver.properties.mode = \"ctf\"\n"));
    let mut lobby = start("lobby", "l1", &registry_at(port));
    let to_world = lobby.connected("w1");
    world.connected("l1");
    assert_eq!(world.count("log Info"), 0);
    let again =
        lines("log.level = \"info\"\nserver.properties.map = \"aztec\"\nlimits.requests_per_link = 1\nlimits.max_message_bytes = 1000\n");
    reload(&world, &text(TOPOLOGY, "world", "w1", &again)).expect("it can be reloaded");
    until("the properties are told", || to_world.properties() == [("map".to_string(), "aztec".to_string())].into());
    let mut second = start("lobby", "l2", &registry_at(port));
    second.connected("w1");
    let to_second = world.connected("l2");
    assert!(world.count("log Info") > 0, "{:#?}", world.history);
    assert!(matches!(to_second.send(1, &[0; 1001], SendMode::Reliable), Err(Error::MessageTooBig { limit: 1000, .. })));
    let to_first = world.server.find(lobby.server.info().id.expect("registered")).expect("in view");
    to_first.send(1, &[0; 1001], SendMode::Reliable).expect("its limits are those of before");
    to_second.request(1, b"").timeout(Duration::from_secs(20)).start().expect("one");
    assert!(matches!(to_second.request(1, b"").start(), Err(Error::TooManyRequests { limit: 1, .. })));
}
