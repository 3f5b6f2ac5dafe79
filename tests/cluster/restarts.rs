//! Servers that end and come back.

use crate::child::{Child, serve_if_child};
use crate::support::{EAGER, TOPOLOGY, free_port, hosting, registry_at, start, start_host, text, until};
use sinew::{DisconnectReason, LeaveReason};
use std::net::TcpListener;
use std::time::{Duration, Instant};

/// A lease that outlives any test: the registry notices nothing by itself.
const BLIND: u64 = 60_000;

#[test]
fn a_killed_server_is_lost_and_leaves_when_nobody_expects_it_back() {
    serve_if_child();
    let (mut lobby, registry) = start_host("lobby", "l1", &format!("{EAGER}limits.resume_window_ms = 1000\n"));
    let mut child =
        Child::start("restarts::a_killed_server_is_lost_and_leaves_when_nobody_expects_it_back", &text(TOPOLOGY, "world", "w1", &registry));
    lobby.connected("w1");
    child.kill();
    assert_eq!(lobby.disconnected("w1").1, DisconnectReason::Lost);
    assert_eq!(lobby.left("w1").1, LeaveReason::Expired);
    assert_eq!(lobby.history_of("w1"), ["joined w1", "connected w1", "interrupted w1", "disconnected w1 Lost", "left w1 Expired"]);
}

#[test]
fn a_peer_that_restarts_on_the_same_port_is_connected_before_the_registry_notices() {
    serve_if_child();
    let port = free_port();
    let mut lobby = start("lobby", "l1", &hosting(port, BLIND, EAGER));
    let listen = format!("server.listen = \"127.0.0.1:{}\"\n{}", free_port(), registry_at(port));
    let me = "restarts::a_peer_that_restarts_on_the_same_port_is_connected_before_the_registry_notices";
    let mut first = Child::start(me, &text(TOPOLOGY, "world", "w1", &listen));
    let before = lobby.connected("w1");
    first.kill();
    lobby.interrupted("w1");
    let mut second = start("world", "w1", &listen);
    let after = lobby.connected("w1");
    second.connected("l1");
    assert_eq!(after.port(), before.port());
    assert_ne!(after.id(), before.id());
}

/// Default limits, as a user has them. `SINEW_RESTARTS` says how often.
#[test]
fn a_server_that_is_killed_and_restarted_on_its_port_is_back_within_three_seconds_every_time() {
    serve_if_child();
    let me = "restarts::a_server_that_is_killed_and_restarted_on_its_port_is_back_within_three_seconds_every_time";
    let times = std::env::var("SINEW_RESTARTS").map_or(5, |text| text.parse().expect("SINEW_RESTARTS is a number"));
    let port = free_port();
    let mut lobby = start("lobby", "l1", &hosting(port, 3000, ""));
    let listen = format!("server.listen = \"127.0.0.1:{}\"\n{}", free_port(), registry_at(port));
    let world = || Child::start(me, &text(TOPOLOGY, "world", "w1", &listen));
    let mut child = world();
    lobby.connected("w1");
    let mut slowest = Duration::ZERO;
    for round in 1..=times {
        lobby.history.clear();
        child.kill();
        child = world();
        let since = Instant::now();
        lobby.connected("w1");
        slowest = slowest.max(since.elapsed());
        assert!(since.elapsed() < Duration::from_secs(3), "round {round}: {:?}", since.elapsed());
        let expected = ["interrupted w1", "disconnected w1 Lost", "left w1 Replaced", "joined w1", "connected w1"];
        assert_eq!(lobby.history_of("w1"), expected, "round {round}");
    }
    println!("{times} restarts, the slowest {slowest:?} from the start of the process to connected");
}

/// The registry still lists the dead one, so its address is dialled, and somebody else answers there.
#[test]
fn another_server_on_the_port_of_a_dead_one_is_not_taken_for_it() {
    serve_if_child();
    let port = free_port();
    let mut lobby = start("lobby", "l1", &hosting(port, BLIND, EAGER));
    let listen = format!("server.listen = \"127.0.0.1:{}\"\n{}", free_port(), registry_at(port));
    let me = "restarts::another_server_on_the_port_of_a_dead_one_is_not_taken_for_it";
    let mut first = Child::start(me, &text(TOPOLOGY, "world", "dead", &listen));
    let dead = lobby.connected("dead");
    first.kill();
    lobby.interrupted("dead");
    let mut second = start("world", "alive", &listen);
    lobby.connected("alive");
    second.connected("l1");
    until("the refusal of the dead one's address", || {
        let why = lobby.server.explain(dead.id()).expect("still listed");
        why.contains("wrong server") && why.contains("not server") && why.contains("(world/alive)")
    });
    assert_eq!(lobby.count("connected dead"), 1);
}

#[test]
fn a_peer_that_left_is_dialled_no_more_and_its_socket_is_closed() {
    serve_if_child();
    let (mut world, registry) = start_host("world", "w1", "");
    let me = "restarts::a_peer_that_left_is_dialled_no_more_and_its_socket_is_closed";
    let dialer = Child::start(me, &text(TOPOLOGY, "lobby", "l1", &format!("{EAGER}{registry}")));
    world.connected("l1");
    let sockets = dialer.sockets();

    let address = ("127.0.0.1", free_port());
    let mut leaver = start("world", "w2", &format!("server.listen = \"127.0.0.1:{}\"\n{registry}", address.1));
    let to_dialer = leaver.connected("l1");
    // Its echo shows that the child has the link too.
    to_dialer.send(1, b"", sinew::SendMode::Reliable).expect("connected");
    leaver.marker(1);
    assert_eq!(dialer.sockets(), sockets + 1);
    drop(leaver);
    until("the socket's end", || dialer.sockets() == sockets);

    let mut listener = None;
    until("a free port", || {
        listener = TcpListener::bind(address).ok();
        listener.is_some()
    });
    let listener = listener.expect("bound");
    listener.set_nonblocking(true).expect("it can");
    // Ten times as long as the longest pause between two dials.
    let deadline = Instant::now() + Duration::from_millis(500);
    while Instant::now() < deadline {
        assert!(listener.accept().is_err(), "dialled again");
        // bounded wait: that nothing happens can only be seen by looking for a while
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_server_that_comes_and_goes_ten_times_is_connected_each_time() {
    let (mut lobby, registry) = start_host("lobby", "l1", EAGER);
    for n in 1..=10 {
        let mut world = start("world", "w1", &registry);
        world.connected("l1");
        lobby.connected("w1");
        drop(world);
        assert_eq!(lobby.left("w1").1, LeaveReason::Stopped, "round {n}");
    }
    assert!(lobby.server.groups().iter().all(|group| group.members().is_empty()));
}

#[test]
fn with_a_fixed_list_a_server_comes_back_on_its_seat() {
    let ports = [free_port(), free_port()];
    let list = format!(
        "registry.kind = \"fixed\"\nregistry.servers = [\n\
         {{ group = \"world\", name = \"w1\", address = \"127.0.0.1:{}\" }},\n\
         {{ group = \"lobby\", name = \"l1\", address = \"127.0.0.1:{}\" }}]\n{EAGER}",
        ports[0], ports[1]
    );
    let world = |list: &str| start("world", "w1", &format!("server.listen = \"127.0.0.1:{}\"\n{list}", ports[0]));
    let mut lobby = start("lobby", "l1", &format!("server.listen = \"127.0.0.1:{}\"\n{list}", ports[1]));
    let mut ids = Vec::new();
    for _ in 0..3 {
        let mut world = world(&list);
        world.connected("l1");
        ids.push(lobby.connected("w1").id());
        drop(world);
        assert_eq!(lobby.disconnected("w1").1, DisconnectReason::PeerStopped);
    }
    ids.dedup();
    assert_eq!(ids.len(), 1, "an id is a seat");
    assert_eq!(lobby.count("left"), 0, "a seat is never left");
}
