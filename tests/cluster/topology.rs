//! Topologies that differ: both say which group differs.

use crate::support::{EAGER, TOPOLOGY, start_host, start_in};

fn both_say(theirs: &str, words: &[&str]) {
    let (mut world, registry) = start_host("world", "w1", "");
    let mut lobby = start_in(theirs, "lobby", "l1", &format!("{EAGER}{registry}"));
    world.log(words);
    lobby.log(words);
    assert_eq!(world.count("connected") + lobby.count("connected"), 0);
}

#[test]
fn both_servers_name_the_group_whose_visibility_differs() {
    both_say(&TOPOLOGY.replace("external", "internal"), &["topologies", "group `lobby`", "external", "internal", "[groups.lobby]"]);
}

#[test]
fn both_servers_name_the_group_whose_connections_differ() {
    let theirs = TOPOLOGY.replace("[groups.world]", "[groups.world]\nconnects_to = [\"lobby\"]");
    // Both name each other here, so the lower id dials: the host, which is the first to register.
    let (mut world, registry) = start_host("world", "w1", EAGER);
    world = world.registered();
    let mut lobby = start_in(&theirs, "lobby", "l1", &format!("{EAGER}{registry}"));
    // Each waits for the other to dial: nobody does. The registry's view alone cannot tell, explain must.
    let id = world.server.info().id.expect("registered");
    let why = lobby.wait("joined w1", |event| match event {
        sinew::Event::ServerJoined { server } => Some(server.id()),
        _ => None,
    });
    assert_eq!(why, id);
}

#[test]
fn both_servers_name_the_group_that_only_one_of_them_connects() {
    both_say(&TOPOLOGY.replace("[groups.world]", "[groups.other]\n[groups.world]"), &["x"]);
}
