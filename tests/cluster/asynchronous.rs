//! The same from async code, and from several threads.

use crate::support::{PATIENCE, start, start_host};
use sinew::{Error, Event, SendMode};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn events_can_be_awaited_and_servers_dropped_inside_a_runtime() {
    let (world, registry) = start_host("world", "w1", "");
    let lobby = start("lobby", "l1", &registry);
    let greeting = tokio::time::timeout(PATIENCE, async {
        loop {
            match lobby.server.next_event().await.expect("only this task polls") {
                Some(Event::ServerConnected { server }) => server.send(1, b"hello", SendMode::Reliable).expect("connected"),
                Some(Event::Message { message, .. }) => return message.payload,
                Some(_) => {}
                None => panic!("stopped"),
            }
        }
    });
    let answer = async {
        while let Some(event) = world.server.next_event().await.expect("only this task polls") {
            if let Event::Message { server, message } = event {
                server.send(1, &message.payload, SendMode::Reliable).expect("connected");
                return;
            }
        }
    };
    let (greeting, ()) = tokio::join!(greeting, answer);
    assert_eq!(greeting.expect("in time")[..], *b"hello");

    lobby.server.stop();
    let all = tokio::time::timeout(PATIENCE, async { while lobby.server.next_event().await.expect("only this task polls").is_some() {} });
    all.await.expect("the end comes");
    assert!(lobby.server.next_event().await.expect("only this task polls").is_none());
    drop(lobby);
    drop(world);
}

#[tokio::test(flavor = "current_thread")]
async fn a_server_can_be_dropped_inside_a_runtime_of_one_thread() {
    let (world, registry) = start_host("world", "w1", "");
    let lobby = start("lobby", "l1", &registry);
    drop(lobby);
    drop(world);
}

#[test]
fn a_second_thread_that_polls_is_told_that_the_first_does() {
    let (world, _) = start_host("world", "w1", "log.level = \"error\"\n");
    let mut world = world.registered();
    let events = world.server.poll(Duration::ZERO).expect("nobody else polls");
    assert!(matches!(world.server.poll(Duration::ZERO), Err(Error::Busy)), "while the result of a poll is held");
    drop(events);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| world.server.poll(PATIENCE).map(|events| events.count()));
        crate::support::until("busy", || matches!(world.server.poll(Duration::ZERO), Err(Error::Busy)));
        // Something happens, so that the first one returns.
        world.server.stop();
        assert!(first.join().expect("no panic").expect("it polled first") > 0);
    });
    // The event may have been taken by the first thread.
    let _ = world.wait_for(PATIENCE, |event| matches!(event, Event::Stopped { .. }).then_some(()));
    assert!(matches!(world.server.poll(Duration::ZERO), Err(Error::Stopped)));
}

#[test]
fn events_that_are_dropped_half_read_are_not_lost() {
    let (mut world, registry) = start_host("world", "w1", "");
    let mut lobby = start("lobby", "l1", &registry);
    let to_world = lobby.connected("w1");
    world.connected("l1");
    for n in 0..1000_u32 {
        to_world.send(1, &n.to_le_bytes(), SendMode::Reliable).expect("there is room");
    }
    let (mut next, mut stride) = (0_u32, 0);
    let deadline = std::time::Instant::now() + PATIENCE;
    while next < 1000 {
        assert!(std::time::Instant::now() < deadline, "only {next} came");
        stride = (stride + 1) % 7;
        for event in world.server.poll(Duration::from_millis(100)).expect("nobody else polls").take(stride) {
            if let Event::Message { message, .. } = event {
                assert_eq!(message.payload[..], next.to_le_bytes());
                next += 1;
            }
        }
    }
}
