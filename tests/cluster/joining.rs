//! Finding each other, connecting, talking.

use crate::support::{EAGER, Seen, free_port, start, start_host, start_in, until};
use sinew::{Event, SendMode};
use std::time::{Duration, Instant};

#[test]
fn two_servers_find_each_other_and_talk_both_ways() {
    let (mut world, registry) = start_host("world", "w1", "");
    let mut lobby = start("lobby", "l1", &registry);
    let to_world = lobby.connected("w1");
    let to_lobby = world.connected("l1");
    to_world.send(7, b"hello world", SendMode::Reliable).expect("connected");
    to_lobby.send(8, b"hello lobby", SendMode::Unreliable).expect("connected");
    assert_eq!(world.message(), ("l1".into(), 7, b"hello world".to_vec(), SendMode::Reliable));
    assert_eq!(lobby.message(), ("w1".into(), 8, b"hello lobby".to_vec(), SendMode::Unreliable));
}

/// The moment a registration appears, its port must answer: no dial of twenty may fail.
#[test]
fn a_second_server_is_connected_on_both_sides_within_300_ms_and_its_first_dial_succeeds() {
    let (mut world, registry) = start_host("world", "w1", "");
    world = world.registered();
    let mut times: Vec<Duration> = (0..20)
        .map(|n| {
            let name = format!("l{n}");
            let began = Instant::now();
            let mut lobby = start("lobby", &name, &registry);
            lobby.connected("w1");
            world.connected(&name);
            let took = began.elapsed();
            assert_eq!(failed_dials(&lobby), 0, "{:#?}", lobby.history);
            took
        })
        .collect();
    times.sort_unstable();
    let median = times[times.len() / 2];
    println!("start to connected on both sides: median {median:?}, slowest {:?}", times[times.len() - 1]);
    assert!(median < Duration::from_millis(300), "{times:?}");
}

#[test]
fn a_server_is_registered_only_when_its_port_answers() {
    let (mut first, registry) = start_host("mesh", "m0", "");
    first = first.registered();
    let mut others: Vec<Seen> = Vec::new();
    for n in 1..8 {
        others.push(start("mesh", &format!("m{n}"), &registry));
        first.connected(&format!("m{n}"));
    }
    // `first` has the lowest id, so it dialled everybody the moment it heard of them.
    assert_eq!(failed_dials(&first), 0, "{:#?}", first.history);
}

fn failed_dials(seen: &Seen) -> usize {
    seen.history.iter().filter(|line| line.contains("cannot connect")).count()
}

#[test]
fn port_0_registers_the_real_port() {
    let (mut world, registry) = start_host("world", "w1", "server.listen = \"127.0.0.1:0\"\n");
    let mut lobby = start("lobby", "l1", &registry);
    let remote = lobby.connected("w1");
    world.connected("l1");
    assert_ne!(remote.port(), 0);
    assert_eq!((remote.host(), remote.port()), (world.server.info().host, world.server.info().port));
}

#[test]
fn ipv6_only_works() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        println!("this machine has no IPv6");
        return;
    }
    let (mut world, registry) = start_host("world", "w1", "server.listen = \"[::1]:0\"\n");
    let mut lobby = start("lobby", "l1", &format!("server.listen = \"[::1]:0\"\n{registry}"));
    let remote = lobby.connected("w1");
    world.connected("l1");
    assert_eq!(remote.host(), "::1");
}

/// Where `localhost` is `::1` too, that address is tried, refused and passed over.
#[test]
fn an_advertised_name_of_which_only_one_address_answers_is_reached() {
    let (mut world, registry) = start_host("world", "w1", "server.listen = \"127.0.0.1:0\"\nserver.advertise = \"localhost\"\n");
    let mut lobby = start("lobby", "l1", &registry);
    assert_eq!(lobby.connected("w1").host(), "localhost");
    world.connected("l1");
}

#[test]
fn groups_that_name_each_other_end_in_exactly_one_link() {
    let both = "[groups.a]\nconnects_to = [\"b\"]\n[groups.b]\nconnects_to = [\"a\"]\n[groups.registry]\n";
    let port = free_port();
    let _registry = start_in(both, "registry", "r", &crate::support::hosting(port, 500, ""));
    let line = crate::support::registry_at(port);
    // Started at the same time, so that either may have the lower id.
    let (mut a, mut b) = (start_in(both, "a", "a1", &line), start_in(both, "b", "b1", &line));
    let (to_b, to_a) = (a.connected("b1"), b.connected("a1"));
    assert_ne!(to_b.direction(), to_a.direction());
    to_b.send(1, b"", SendMode::Reliable).expect("connected");
    to_a.send(1, b"", SendMode::Reliable).expect("connected");
    a.marker(1);
    b.marker(1);
    assert_eq!(a.history_of("b1"), ["joined b1", "connected b1"]);
    assert_eq!(b.history_of("a1"), ["joined a1", "connected a1"]);
}

#[test]
fn a_mesh_of_eight_servers_connects_everybody_with_everybody_exactly_once() {
    let (host, registry) = start_host("mesh", "m0", "");
    let mut mesh = vec![host];
    mesh.extend((1..8).map(|n| start("mesh", &format!("m{n}"), &registry)));
    for seen in &mut mesh {
        let mut missing: std::collections::BTreeSet<String> = (0..8).map(|n| format!("m{n}")).collect();
        missing.remove(&seen.server.info().name);
        seen.wait("connected with all", |event| {
            if let Event::ServerConnected { server } = event {
                assert!(missing.remove(server.name()), "{} twice", server.name());
            }
            missing.is_empty().then_some(())
        });
    }
    for seen in &mesh {
        let outcome = seen.server.broadcast("mesh", 1, b"", SendMode::Reliable).expect("the group exists");
        assert_eq!((outcome.sent, outcome.full), (7, vec![]));
    }
    for seen in &mut mesh {
        (0..7).for_each(|_| drop(seen.marker(1)));
        assert_eq!(seen.count("connected"), 7);
        assert_eq!(seen.count("disconnected"), 0);
        assert_eq!(seen.server.stats().connected, 7);
    }
}

#[test]
fn a_server_whose_advertised_address_is_the_dialers_own_is_refused_and_harms_nobody() {
    let port = free_port();
    let (mut world, registry) = start_host("world", "w1", &format!("server.advertise = \"127.0.0.1:{port}\"\n"));
    world = world.registered();
    let mut lobby = start("lobby", "l1", &format!("server.listen = \"127.0.0.1:{port}\"\n{EAGER}{registry}"));
    lobby.log(&["cannot connect", "dialled itself", "server.advertise"]);
    let id = world.server.info().id.expect("registered");
    let why = lobby.server.explain(id).expect("in view");
    assert!(why.contains("dialled itself") && why.contains(&format!("tried 127.0.0.1:{port}")), "{why}");

    // It goes on: a sound server is connected.
    let mut sound = start("world", "w2", &registry);
    lobby.connected("w2");
    sound.connected("l1");
    assert_eq!(lobby.count("connected w1"), 0);
}

#[test]
fn a_fixed_list_with_ones_own_address_on_another_seat_is_refused_and_harms_nobody() {
    let [lobby, world] = [free_port(), free_port()];
    let list = format!(
        "registry.kind = \"fixed\"\nregistry.servers = [\n\
         {{ group = \"lobby\", name = \"l1\", address = \"127.0.0.1:{lobby}\" }},\n\
         {{ group = \"world\", name = \"wrong\", address = \"localhost:{lobby}\" }},\n\
         {{ group = \"world\", name = \"w1\", address = \"127.0.0.1:{world}\" }}]\n"
    );
    let mut lobby = start("lobby", "l1", &format!("server.listen = \"127.0.0.1:{lobby}\"\n{EAGER}{list}"));
    let mut world = start("world", "w1", &format!("server.listen = \"127.0.0.1:{world}\"\n{EAGER}{list}"));
    lobby.connected("w1");
    world.connected("l1");
    let why = |lobby: &Seen| {
        let wrong = lobby.server.group("world").and_then(|group| group.members().iter().find(|server| server.name() == "wrong").cloned());
        lobby.server.explain(wrong.expect("on the list").id()).expect("in view")
    };
    until("the reason told", || why(&lobby).contains("dialled itself"));
}
