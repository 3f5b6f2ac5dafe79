//! Peers that freeze.

use crate::child::{Child, serve_if_child};
use crate::support::{EAGER, PATIENCE, TOPOLOGY, start_host, text};
use sinew::{ConnectionState, DisconnectReason, Event, SendMode};

const ALERT: &str = "limits.keep_alive_ms = 50\nlimits.interrupted_after_ms = 800\n";

#[test]
fn a_frozen_peer_is_interrupted_and_resumes_without_losing_a_message() {
    serve_if_child();
    let (mut lobby, registry) = start_host("lobby", "l1", ALERT);
    let patient = format!("{ALERT}limits.resume_window_ms = 60000\n{registry}");
    let me = "silence::a_frozen_peer_is_interrupted_and_resumes_without_losing_a_message";
    let child = Child::start(me, &text(TOPOLOGY, "world", "w1", &patient));
    let to_world = lobby.connected("w1");
    child.freeze();
    lobby.wait("interrupted", |event| matches!(event, Event::ServerInterrupted { .. }).then_some(()));
    assert_eq!(to_world.state(), ConnectionState::Interrupted);
    for n in 0..1000_u32 {
        to_world.send(1, &n.to_le_bytes(), SendMode::Reliable).expect("what is sent to an interrupted server waits");
    }
    child.thaw();
    lobby.wait("resumed", |event| matches!(event, Event::ServerResumed { .. }).then_some(()));
    let mut next = 0_u32;
    lobby.wait("a thousand echoes", |event| {
        if let Event::Message { message, .. } = event {
            assert_eq!(message.payload[..], next.to_le_bytes());
            next += 1;
        }
        (next == 1000).then_some(())
    });
    assert_eq!(to_world.state(), ConnectionState::Connected);
    assert_eq!(lobby.count("disconnected"), 0);
}

#[test]
fn a_peer_frozen_beyond_the_resume_window_is_silent_and_connects_again_when_it_thaws() {
    serve_if_child();
    // A lease far longer than the freeze, so that only the link judges.
    let port = crate::support::free_port();
    let impatient = format!("{ALERT}{EAGER}limits.resume_window_ms = 400\n");
    let mut world = crate::support::start("world", "w1", &crate::support::hosting(port, 60_000, &impatient));
    let me = "silence::a_peer_frozen_beyond_the_resume_window_is_silent_and_connects_again_when_it_thaws";
    let registry = crate::support::registry_at(port);
    let child = Child::start(me, &text(TOPOLOGY, "lobby", "l1", &format!("{impatient}{registry}")));
    let to_lobby = world.connected("l1");
    child.freeze();
    world.wait("interrupted", |event| matches!(event, Event::ServerInterrupted { .. }).then_some(()));
    to_lobby.send(1, b"", SendMode::Reliable).expect("interrupted is still connected");
    let (_, reason, unacknowledged) = world.disconnected("l1");
    assert_eq!((reason, unacknowledged), (DisconnectReason::Silent, 1));
    child.thaw();
    world.connected("l1").send(2, b"", SendMode::Reliable).expect("connected");
    world.wait_for(PATIENCE, |event| matches!(event, Event::Message { message, .. } if message.tag == 2).then_some(())).expect("an echo");
}
