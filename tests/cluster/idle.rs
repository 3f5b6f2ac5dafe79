//! What a server costs that has nothing to do, and one whose game does not poll.

use crate::child::{Child, serve_if_child};
use crate::support::{TOPOLOGY, start, start_host, text};
use sinew::SendMode;

#[test]
fn an_idle_server_with_one_link_takes_less_than_20_mib() {
    serve_if_child();
    let (mut world, registry) = start_host("world", "w1", "");
    let child = Child::start("idle::an_idle_server_with_one_link_takes_less_than_20_mib", &text(TOPOLOGY, "lobby", "l1", &registry));
    let to_child = world.connected("l1");
    to_child.send(1, b"", SendMode::Reliable).expect("connected");
    world.marker(1);
    let resident = child.status("VmRSS");
    println!("idle server with one link: {resident} KiB resident");
    assert!(resident < 20 * 1024, "{resident} KiB");
}

/// Peers come and go while the game does not poll: the control plane pauses, memory does not grow, and nothing is out of order afterwards.
#[test]
fn a_game_that_never_polls_pauses_the_control_plane_and_finds_everything_in_order_later() {
    const LIMIT: usize = 64 * 1024;
    let (host, registry) = start_host("mesh", "host", "");
    let quiet = format!("limits.event_queue_bytes = {LIMIT}\n{}", registry.trim());
    let mut sleeper = start("world", "sleeper", &format!("{quiet}\nlog.level = \"trace\"\n"));
    let mut visitors = 0;
    while sleeper.server.stats().event_bytes < LIMIT {
        let visitor = start("lobby", &format!("v{visitors}"), &registry);
        drop(visitor);
        visitors += 1;
        assert!(visitors < 200, "the queue does not fill: {:?}", sleeper.server.stats());
    }
    for n in 0..10 {
        drop(start("lobby", &format!("late{n}"), &registry));
    }
    let most = sleeper.server.stats().event_bytes;
    assert!(most < 2 * LIMIT, "{most}");
    let mut last = start("lobby", "last", &registry);
    let to_last = sleeper.connected("last");
    last.connected("sleeper");
    to_last.send(1, b"", SendMode::Reliable).expect("connected");
    last.marker(1);
    assert_eq!(sleeper.count("connected last"), 1);
    assert_eq!(sleeper.history_of("last"), ["joined last", "connected last"]);
    assert_eq!(sleeper.count("joined") - 1, sleeper.count("left"), "{:#?}", sleeper.history);
    drop(host);
}
