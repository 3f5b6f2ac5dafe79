//! Two servers with one name: the newer one wins, the older one is told.

use crate::support::{EAGER, free_port, start, start_host};
use sinew::{Error, Event, LeaveReason, SendMode, StopReason};
use std::time::Duration;

#[test]
fn with_a_registry_the_newer_of_two_servers_with_one_name_wins_and_the_older_is_told() {
    let (mut lobby, registry) = start_host("lobby", "l1", "");
    let mut older = start("world", "w1", &registry);
    let to_older = lobby.connected("w1");
    older.connected("l1");

    let mut newer = start("world", "w1", &registry);
    let (reason, text) = older.stopped();
    assert_eq!(reason, StopReason::Replaced);
    assert!(text.contains("same group and name"), "{text}");
    newer.connected("l1");
    // In whichever order: the newer one need not wait until the link to the older one is closed.
    let (mut left, mut connected) = (None, None);
    lobby.wait("left the older, connected the newer", |event| {
        match event {
            Event::ServerLeft { server, reason } => left = Some((server.id(), *reason)),
            Event::ServerConnected { server } => connected = Some(server.id()),
            _ => {}
        }
        (left.is_some() && connected.is_some()).then_some(())
    });
    assert_eq!(left, Some((to_older.id(), LeaveReason::Replaced)));
    assert!(connected > Some(to_older.id()));
    assert!(matches!(to_older.send(1, b"", SendMode::Reliable), Err(Error::UnknownServer(id)) if id == to_older.id()));

    assert!(matches!(older.server.poll(Duration::ZERO), Err(Error::Stopped)));
    assert!(matches!(older.server.broadcast("lobby", 1, b"", SendMode::Reliable), Err(Error::Stopped)));
}

#[test]
fn with_a_fixed_list_the_newer_of_two_servers_with_one_name_wins_and_the_older_is_told() {
    let [world, lobby] = [free_port(), free_port()];
    let list = format!(
        "registry.kind = \"fixed\"\nregistry.servers = [\n\
         {{ group = \"world\", name = \"w1\", address = \"127.0.0.1:{world}\" }},\n\
         {{ group = \"lobby\", name = \"l1\", address = \"127.0.0.1:{lobby}\" }}]\n{EAGER}"
    );
    let mut world = start("world", "w1", &format!("server.listen = \"127.0.0.1:{world}\"\n{list}"));
    let mut older = start("lobby", "l1", &format!("server.listen = \"127.0.0.1:{lobby}\"\n{list}"));
    older.connected("w1");
    world.connected("l1");

    // On another port, which does not matter: nobody dials a lobby.
    let mut newer = start("lobby", "l1", &format!("server.listen = \"127.0.0.1:{}\"\n{list}", free_port()));
    newer.connected("w1");
    world.connected("l1");
    let (reason, text) = older.stopped();
    assert_eq!(reason, StopReason::Replaced);
    assert!(text.contains("newer server"), "{text}");

    let to_newer = newer.server.group("world").expect("related").members()[0].clone();
    to_newer.send(1, b"", SendMode::Reliable).expect("the newer one keeps its link");
    world.marker(1);
    assert_eq!(world.count("disconnected l1"), 1, "{:#?}", world.history);
}

#[test]
fn a_ghost_whose_lease_still_runs_is_replaced_by_its_successor_at_once() {
    crate::child::serve_if_child();
    // A lease that outlives the test: only the new registration can end the old one.
    let port = free_port();
    let mut lobby = start("lobby", "l1", &crate::support::hosting(port, 60_000, EAGER));
    let registry = crate::support::registry_at(port);
    let text = crate::support::text(crate::support::TOPOLOGY, "world", "w1", &registry);
    let mut ghost = crate::child::Child::start("names::a_ghost_whose_lease_still_runs_is_replaced_by_its_successor_at_once", &text);
    let to_ghost = lobby.connected("w1");
    ghost.kill();
    lobby.interrupted("w1");

    let mut successor = start("world", "w1", &registry);
    let (left, reason) = lobby.left("w1");
    assert_eq!((left.id(), reason), (to_ghost.id(), LeaveReason::Replaced));
    let to_successor = lobby.connected("w1");
    successor.connected("l1");
    assert_ne!(to_successor.id(), to_ghost.id());
    let expected = ["joined w1", "connected w1", "interrupted w1", "disconnected w1 Lost", "left w1 Replaced", "joined w1", "connected w1"];
    assert_eq!(lobby.history_of("w1"), expected);
}
