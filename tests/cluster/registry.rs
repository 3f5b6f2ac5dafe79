//! A registry that is not there yet, goes away, and comes back.

use crate::support::{EAGER, Seen, free_port, hosting, registry_at, start};
use sinew::{Event, SendMode};

fn lost(seen: &mut Seen) -> String {
    seen.wait("registry lost", |event| match event {
        Event::RegistryLost { text } => Some(text.clone()),
        _ => None,
    })
}

fn restored(seen: &mut Seen) {
    seen.wait("registry restored", |event| matches!(event, Event::RegistryRestored).then_some(()));
}

#[test]
fn without_a_registry_a_server_runs_says_so_once_and_connects_when_it_comes() {
    let port = free_port();
    let mut lobby = start("lobby", "l1", &registry_at(port));
    let text = lost(&mut lobby);
    assert!(text.contains(&format!("127.0.0.1:{port}")), "{text}");
    // Several more attempts fail in this time (100 ms, 200 ms, 400 ms).
    let more = lobby.wait_for(std::time::Duration::from_secs(1), |event| matches!(event, Event::RegistryLost { .. }).then_some(()));
    assert!(more.is_err(), "said twice");
    assert_eq!(lobby.server.info().id, None);

    let mut world = start("world", "w1", &hosting(port, 500, ""));
    lobby.connected("w1");
    world.connected("l1");
    assert_eq!((lobby.count("registry lost"), lobby.count("registry restored")), (1, 1), "{:#?}", lobby.history);
}

#[test]
fn a_registry_host_that_restarts_costs_no_link_and_no_id_and_lets_new_servers_in_afterwards() {
    let port = free_port();
    // In a group that the others are not connected with: only the registry is lost with it.
    let host = start("mesh", "host", &hosting(port, 500, ""));
    let registry = format!("{EAGER}{}", registry_at(port));
    let mut lobby = start("lobby", "l1", &registry);
    let mut world = start("world", "w1", &registry);
    let (to_world, to_lobby) = (lobby.connected("w1"), world.connected("l1"));
    let ids = (lobby.server.info().id, world.server.info().id);

    drop(host);
    lost(&mut lobby);
    lost(&mut world);
    to_world.send(1, b"", SendMode::Reliable).expect("the link lives on without a registry");
    world.marker(1);

    let _host = start("mesh", "host", &hosting(port, 500, ""));
    restored(&mut lobby);
    restored(&mut world);
    let mut new = start("world", "w2", &registry);
    lobby.connected("w2");
    new.connected("l1");

    to_lobby.send(2, b"", SendMode::Reliable).expect("the link has lived all the time");
    lobby.marker(2);
    assert_eq!((lobby.server.info().id, world.server.info().id), ids);
    for seen in [&lobby, &world] {
        assert_eq!((seen.count("registry lost"), seen.count("registry restored")), (1, 1), "{:#?}", seen.history);
        assert_eq!((seen.count("disconnected"), seen.count("left"), seen.count("started")), (0, 0, 1), "{:#?}", seen.history);
    }
}

#[test]
fn servers_that_stop_while_the_registry_is_lost_are_still_seen_to_stop() {
    let port = free_port();
    let host = start("mesh", "host", &hosting(port, 500, ""));
    let mut lobby = start("lobby", "l1", &registry_at(port));
    let mut world = start("world", "w1", &registry_at(port));
    lobby.connected("w1");
    world.connected("l1");
    drop(host);
    lost(&mut lobby);
    drop(world);
    assert_eq!(lobby.left("w1").1, sinew::LeaveReason::Stopped);
}
