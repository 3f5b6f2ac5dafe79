//! Ends: asked for, dropped, twice, and while nobody polls.

use crate::support::{SMALL_EVENT_QUEUE, Seen, start, start_host};
use sinew::{DisconnectReason, Error, Event, LeaveReason, SendMode, StopReason};
use std::time::{Duration, Instant};

const QUEUED: u32 = 5000;

/// Takes `QUEUED` numbered messages in order, then the events that `end` names, with nothing of either missing.
fn all_then(seen: &mut Seen, end: &[&str]) {
    let (mut next, mut ends) = (0_u32, Vec::new());
    seen.wait("everything queued, then the end", |event| {
        match event {
            Event::Message { message, .. } => {
                assert!(ends.is_empty(), "a message after {ends:?}");
                assert_eq!(message.payload[..], next.to_le_bytes());
                next += 1;
            }
            Event::ServerDisconnected { reason, unacknowledged, .. } => {
                assert_eq!(*unacknowledged, 0, "{reason:?}");
                ends.push(format!("disconnected {reason:?}"));
            }
            Event::ServerLeft { reason, .. } => ends.push(format!("left {reason:?}")),
            Event::Stopped { reason, .. } => ends.push(format!("stopped {reason:?}")),
            Event::ServerJoined { .. } | Event::ServerConnected { .. } => panic!("unexpected {event:?}"),
            _ => {}
        }
        (ends.len() == end.len()).then_some(())
    });
    assert_eq!(next, QUEUED);
    assert_eq!(ends, end);
}

#[test]
fn a_graceful_stop_delivers_what_both_sides_have_queued_and_then_says_goodbye() {
    let (mut world, registry) = start_host("world", "w1", "");
    let mut lobby = start("lobby", "l1", &registry);
    let (to_world, to_lobby) = (lobby.connected("w1"), world.connected("l1"));
    for n in 0..QUEUED {
        to_world.send(1, &n.to_le_bytes(), SendMode::Reliable).expect("there is room");
        to_lobby.send(1, &n.to_le_bytes(), SendMode::Reliable).expect("there is room");
    }
    lobby.server.stop();
    all_then(&mut world, &["disconnected PeerStopped", "left Stopped"]);
    all_then(&mut lobby, &["disconnected Stopping", "left Stopping", "stopped Requested"]);
}

#[test]
fn after_stop_every_call_answers_stopped_and_a_second_stop_does_nothing() {
    let (mut world, registry) = start_host("world", "w1", "");
    let mut lobby = start("lobby", "l1", &registry);
    let id = lobby.connected("w1").id();
    world.connected("l1");
    lobby.server.stop();
    assert!(matches!(lobby.server.send(id, 1, b"", SendMode::Reliable), Err(Error::Stopped)));
    assert!(matches!(lobby.server.broadcast("world", 1, b"", SendMode::Reliable), Err(Error::Stopped)));
    lobby.server.stop();
    assert_eq!(lobby.stopped().0, StopReason::Requested);
    lobby.server.stop();
    assert!(lobby.unread.is_empty(), "events after the last: {:?}", lobby.unread);
    for _ in 0..2 {
        assert!(matches!(lobby.server.poll(Duration::from_secs(5)), Err(Error::Stopped)));
    }
    assert_eq!(world.left("l1").1, LeaveReason::Stopped);
}

#[test]
fn a_server_that_is_dropped_has_said_goodbye() {
    let (mut world, registry) = start_host("world", "w1", "");
    let mut lobby = start("lobby", "l1", &registry);
    let to_world = lobby.connected("w1");
    to_world.send(9, b"last", SendMode::Reliable).expect("connected");
    let began = Instant::now();
    drop(lobby);
    let took = began.elapsed();
    world.marker(9);
    assert_eq!(world.disconnected("l1").1, DisconnectReason::PeerStopped);
    assert_eq!(world.left("l1").1, LeaveReason::Stopped);
    assert!(took < Duration::from_secs(3), "dropping took {took:?}");
    assert!(matches!(to_world.send(9, b"", SendMode::Reliable), Err(Error::UnknownServer(_))), "a handle outlives its server harmlessly");
}

#[test]
fn a_server_that_stops_before_it_ever_reached_a_registry_stops_at_once() {
    let lost = crate::support::registry_at(crate::support::free_port());
    let mut alone = start("lobby", "l1", &lost);
    alone.server.stop();
    let began = Instant::now();
    assert_eq!(alone.stopped().0, StopReason::Requested);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
}

/// The control plane pauses while a game does not poll; `stop` must get through all the same.
#[test]
fn a_server_whose_game_never_polls_can_be_stopped() {
    let (mut world, registry) = start_host("world", "w1", SMALL_EVENT_QUEUE);
    let mut lobby = start("lobby", "l1", &registry);
    lobby.connected("w1");
    world.fill_event_queue(&lobby);
    // News that leads to nothing: after it, the control plane waits for the game.
    let _invisible = start("mesh", "m1", &registry).registered();
    world.server.stop();
    assert_eq!(lobby.disconnected("w1").1, DisconnectReason::PeerStopped);
    assert_eq!(world.stopped().0, StopReason::Requested);
}

#[test]
fn two_servers_that_stop_at_the_same_time_both_end() {
    let (mut world, registry) = start_host("world", "w1", "");
    let mut lobby = start("lobby", "l1", &registry);
    lobby.connected("w1");
    world.connected("l1");
    world.server.stop();
    lobby.server.stop();
    assert_eq!(lobby.stopped().0, StopReason::Requested);
    assert_eq!(world.stopped().0, StopReason::Requested);
}
