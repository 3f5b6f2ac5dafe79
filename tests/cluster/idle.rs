//! What a server costs that has nothing to do, and one whose game does not poll.

use crate::child::{Child, serve_if_child};
use crate::support::{EVENT_QUEUE, SMALL_EVENT_QUEUE, TOPOLOGY, start, start_host, text};
use sinew::{Event, SendMode};

#[test]
fn an_idle_server_with_one_link_takes_less_than_4_mib_of_its_own() {
    serve_if_child();
    let (mut world, registry) = start_host("world", "w1", "");
    let child =
        Child::start("idle::an_idle_server_with_one_link_takes_less_than_4_mib_of_its_own", &text(TOPOLOGY, "lobby", "l1", &registry));
    let to_child = world.connected("l1");
    to_child.send(1, b"", SendMode::Reliable).expect("connected");
    world.marker(1);
    // The rest are pages of the program's file, which all servers of a machine share (and of which a debug build has many).
    let (own, resident) = (child.status("RssAnon"), child.status("VmRSS"));
    println!("idle server with one link: {own} KiB of its own, {resident} KiB resident");
    assert!(own < 4 * 1024, "{own} KiB");
}

/// Peers come and go while the game does not poll: the control plane pauses, memory does not grow, and nothing is out of order afterwards.
#[test]
fn a_game_that_never_polls_pauses_the_control_plane_and_finds_everything_in_order_later() {
    let (host, registry) = start_host("mesh", "host", "");
    let mut sleeper = start("world", "sleeper", &format!("{SMALL_EVENT_QUEUE}{registry}"));
    let mut first = start("lobby", "first", &registry);
    first.connected("sleeper");
    sleeper.fill_event_queue(&first);
    for n in 0..10 {
        drop(start("lobby", &format!("visitor{n}"), &registry));
    }
    let mut last = start("lobby", "last", &registry);
    last.wait("joined", |event| matches!(event, Event::ServerJoined { .. }).then_some(()));
    let most = sleeper.server.stats().event_bytes;
    assert!(most < 2 * EVENT_QUEUE, "{most}");

    let to_last = sleeper.connected("last");
    last.connected("sleeper");
    to_last.send(2, b"", SendMode::Reliable).expect("connected");
    last.marker(2);
    assert_eq!(sleeper.history_of("last"), ["joined last", "connected last"]);
    for n in 0..10 {
        let name = format!("visitor{n}");
        let history = sleeper.history_of(&name).join(", ");
        assert!(history.is_empty() || history.starts_with("joined") && history.contains("left"), "{history}");
    }
    drop(first);
    drop(host);
}
