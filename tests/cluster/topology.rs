//! Topologies that differ: both servers say which group differs, whoever of them thinks that it should dial.

use crate::support::{EAGER, TOPOLOGY, start_host, start_in, until};

/// A world with [`TOPOLOGY`] and a lobby with `theirs` both log a line with all of `words`, and are not connected.
fn both_say(theirs: &str, words: &[&str]) {
    let (world, registry) = start_host("world", "w1", EAGER);
    // The world has the lower id: where both groups name each other, it dials.
    let mut world = world.registered();
    let mut lobby = start_in(theirs, "lobby", "l1", &format!("{EAGER}{registry}"));
    world.log(words);
    lobby.log(words);
    assert_eq!(world.count("connected") + lobby.count("connected"), 0);
}

fn with(lobby: &str, world: &str) -> String {
    format!("[groups.lobby]\nvisibility = \"external\"\nconnects_to = {lobby}\n[groups.world]\nconnects_to = {world}\n")
}

const LOBBY: [&str; 3] = ["different topologies", "group `lobby`", "[groups.lobby]"];
const WORLD: [&str; 3] = ["different topologies", "group `world`", "[groups.world]"];

#[test]
fn a_visibility_that_differs_is_named_by_both() {
    both_say(&TOPOLOGY.replace("external", "internal"), &[&LOBBY[..], &["internal", "external"]].concat());
}

#[test]
fn a_connection_back_that_only_the_dialer_knows_is_named_by_both() {
    // By the lobby's topology the world dials, by the world's the lobby: nobody would.
    both_say(&with("[\"world\"]", "[\"lobby\"]"), &WORLD);
}

#[test]
fn a_connection_that_only_the_acceptor_knows_is_named_by_both() {
    // The lobby does not even see the world.
    both_say(&with("[]", "[]"), &LOBBY);
}

#[test]
fn a_connection_the_other_way_round_is_named_by_both() {
    // Both dial.
    both_say(&with("[]", "[\"lobby\"]"), &["different topologies", "[groups."]);
}

#[test]
fn a_server_that_waits_to_be_dialled_disturbs_nobody() {
    let nobody = crate::support::free_port();
    // The lobby dials where nobody is, so the world knocks again and again, and is told each time that the lobby dials.
    let (world, registry) = start_host("world", "w1", &format!("server.advertise = \"127.0.0.1:{nobody}\"\n{EAGER}"));
    let mut world = world.registered();
    let lobby = start_in(TOPOLOGY, "lobby", "l1", &format!("{EAGER}{registry}"));
    let id = world.wait("joined", |event| match event {
        sinew::Event::ServerJoined { server } => Some(server.id()),
        _ => None,
    });
    until("three knocks", || {
        let why = world.server.explain(id).expect("in view");
        why.contains("(3 in a row)") || why.contains("(4 in a row)")
    });
    let why = world.server.explain(id).expect("in view");
    assert!(why.contains("this server dials server") && why.contains("it dials this server"), "{why}");
    let nothing = world.wait_for(std::time::Duration::ZERO, |event| match event {
        sinew::Event::Log { text, .. } if text.contains("cannot connect") => Some(text.clone()),
        _ => None,
    });
    assert!(nothing.is_err(), "{nothing:?}");
    assert_eq!(lobby.server.stats().rejected, [0; 8]);
}
