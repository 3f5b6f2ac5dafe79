//! What can be asked: groups, handles, explanations, numbers.

use crate::support::{EAGER, free_port, start, start_host, until};
use sinew::{ConnectionState, Direction, Error, Event, SendMode, ServerId};
use std::time::Duration;

#[test]
fn the_round_trip_is_measured_and_plausible() {
    let (mut world, registry) = start_host("world", "w1", "");
    let mut lobby = start("lobby", "l1", &registry);
    for remote in [lobby.connected("w1"), world.connected("l1")] {
        until("a round trip", || remote.round_trip_time().is_some());
        let time = remote.round_trip_time().expect("measured");
        assert!(time > Duration::ZERO && time < Duration::from_secs(2), "{time:?}");
    }
}

#[test]
fn groups_members_and_handles_tell_the_same() {
    let (mut world, registry) = start_host("world", "w1", "server.properties = { map = \"desert\" }\n");
    let mut lobby = start("lobby", "l1", &registry);
    let remote = lobby.connected("w1");
    world.connected("l1");

    let names = |groups: Vec<sinew::ServerGroup>| groups.iter().map(|group| group.name().to_string()).collect::<Vec<_>>();
    assert_eq!(names(lobby.server.groups()), ["world"], "mesh is not connected with lobby, lobby not with itself");
    let group = lobby.server.group("world").expect("connected");
    assert_eq!((group.is_outgoing(), group.is_incoming(), group.members()), (true, false, &[remote.clone()][..]));
    assert!(world.server.group("lobby").is_some_and(|group| group.is_incoming() && !group.is_outgoing()));
    assert!(lobby.server.group("mesh").is_none() && lobby.server.group("nowhere").is_none());

    let found = lobby.server.find(remote.id()).expect("in view");
    assert_eq!(found, remote);
    assert_eq!((found.group(), found.name(), found.direction()), ("world", "w1", Direction::Outgoing));
    assert_eq!(found.properties().get("map").map(String::as_str), Some("desert"));
    assert_eq!(found.state(), ConnectionState::Connected);
    assert_eq!(Some(found.id()), world.server.info().id);
}

#[test]
fn a_handle_to_a_server_that_left_answers_unknown_server_for_ever() {
    let (mut world, registry) = start_host("world", "w1", "");
    let mut lobby = start("lobby", "l1", &registry);
    let stale = world.connected("l1");
    lobby.connected("w1");
    drop(lobby);
    world.left("l1");
    assert_eq!(stale.state(), ConnectionState::Left);
    assert!(matches!(stale.send(1, b"", SendMode::Reliable), Err(Error::UnknownServer(id)) if id == stale.id()));
    assert!(matches!(world.server.send(stale.id(), 1, b"", SendMode::Reliable), Err(Error::UnknownServer(_))));
    assert!(matches!(world.server.explain(stale.id()), Err(Error::UnknownServer(_))));
    assert!(world.server.find(stale.id()).is_none());
    let never = ServerId::new(1).expect("not zero");
    assert!(matches!(world.server.send(never, 1, b"", SendMode::Reliable), Err(Error::UnknownServer(_))));
}

#[test]
fn a_server_that_is_not_connected_yet_refuses_messages_and_says_why() {
    let nobody = free_port();
    let (mut world, registry) = start_host("world", "w1", &format!("server.advertise = \"127.0.0.1:{nobody}\"\n"));
    let mut lobby = start("lobby", "l1", &format!("{EAGER}{registry}"));
    let remote = lobby.wait("joined", |event| match event {
        Event::ServerJoined { server } => Some(server.clone()),
        _ => None,
    });
    assert!(matches!(remote.send(1, b"", SendMode::Reliable), Err(Error::NotConnected(_))));
    let tried = format!("tried 127.0.0.1:{nobody}");
    until("an explanation", || {
        let why = lobby.server.explain(remote.id()).expect("in view");
        why.contains(&tried) && why.contains("refused") && why.contains("this server dials it") && why.contains("registry: reachable")
    });
    let waiting = world.wait("joined", |event| match event {
        Event::ServerJoined { server } => Some(server.id()),
        _ => None,
    });
    let why = world.server.explain(waiting).expect("in view");
    assert!(why.contains("waiting for it to dial") && why.contains(&nobody.to_string()), "{why}");
}

#[test]
fn broadcast_counts_whom_it_reached_and_lists_who_is_full() {
    let small = "limits.outbox_bytes = 4096\nlimits.inbox_bytes = 4096\n";
    let (mut lobby, registry) = start_host("lobby", "l1", small);
    let mut worlds: Vec<_> = (1..4).map(|n| start("world", &format!("w{n}"), &format!("{small}{registry}"))).collect();
    let first = lobby.connected("w1");
    for name in ["w2", "w3"] {
        let server = lobby.server.group("world").expect("related");
        if !server.members().iter().any(|server| server.name() == name && server.state() == ConnectionState::Connected) {
            lobby.wait(name, |event| matches!(event, Event::ServerConnected { server } if server.name() == name).then_some(()));
        }
    }
    // w1 does not poll. The system's buffers may still take something after the first refusal; sooner or later it stays full.
    until("a full outbox", || {
        while first.send(1, &[0; 1024], SendMode::Reliable).is_ok() {}
        let outcome = lobby.server.broadcast("world", 2, &[0; 1024], SendMode::Reliable).expect("the group exists");
        worlds[1].marker(2);
        worlds[2].marker(2);
        assert_eq!(outcome.sent + outcome.full.len(), 3);
        assert!(outcome.full.iter().all(|full| *full == first.id()), "{outcome:?}");
        !outcome.full.is_empty()
    });
    assert!(matches!(lobby.server.broadcast("nowhere", 1, b"", SendMode::Reliable), Err(Error::UnknownGroup { .. })));
    assert!(matches!(lobby.server.broadcast("world", 1, &[0; 17 << 20], SendMode::Reliable), Err(Error::MessageTooBig { .. })));
}

#[test]
fn statistics_add_up() {
    let (mut world, registry) = start_host("world", "w1", "");
    let mut lobby = start("lobby", "l1", &registry);
    let to_world = lobby.connected("w1");
    world.connected("l1");
    for _ in 0..100 {
        to_world.send(1, &[0; 100], SendMode::Reliable).expect("there is room");
    }
    until("arrival", || world.server.stats().messages_received == 100);
    let stats = world.server.stats();
    assert_eq!((stats.servers, stats.connected, stats.messages_sent), (1, 1, 0));
    assert!(stats.inbox_bytes >= 100 * 108, "{stats:?}");
    until("a wait", || world.server.stats().oldest_event_wait > Duration::ZERO);
    for _ in 0..100 {
        world.message();
    }
    world.unread.clear();
    assert_eq!(world.server.stats().inbox_bytes, 0);
    let stats = lobby.server.stats();
    assert_eq!((stats.messages_sent, stats.messages_received, stats.messages_dropped, stats.sends_refused), (100, 0, 0, 0));
    until("an empty outbox", || lobby.server.stats().outbox_bytes == 0);
}
