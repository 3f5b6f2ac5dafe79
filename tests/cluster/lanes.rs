//! Lanes and large messages: what may overtake what, and that nothing is mixed up on the way.

use crate::support::{start, start_host, until};
use sinew::{Event, Lane, SendMode};
use std::time::{Duration, Instant};

fn lane(number: u8) -> Lane {
    Lane::new(number).expect("0 to 3")
}

/// A payload that tells which it is, and whether it arrived whole.
fn numbered(number: u32, len: usize) -> Vec<u8> {
    let mut payload: Vec<u8> = (0..len).map(|at| (at as u32).wrapping_mul(31).wrapping_add(number) as u8).collect();
    let front = len.min(4);
    payload[..front].copy_from_slice(&number.to_le_bytes()[..front]);
    payload
}

#[test]
fn every_lane_keeps_its_order_whatever_the_sizes() {
    const LENGTHS: [usize; 9] = [4, 64, 1000, 16_384, 65_528, 65_529, 131_052, 300_000, 2_000_000];
    const EACH: u32 = 30;
    let (mut world, registry) = start_host("world", "w1", "");
    let mut lobby = start("lobby", "l1", &registry);
    let to_world = lobby.connected("w1");
    world.connected("l1");
    let sender = std::thread::spawn(move || {
        for number in 0..EACH * 4 {
            let (lane, number) = (lane((number % 4) as u8), number / 4);
            let payload = numbered(number, LENGTHS[number as usize % LENGTHS.len()]);
            while let Err(error) = to_world.send(number as u16, &payload, SendMode::Reliable.on(lane)) {
                assert!(matches!(error, sinew::Error::QueueFull { .. }), "{error}");
                lobby.wait("room", |event| matches!(event, Event::Writable { .. }).then_some(()));
            }
        }
        lobby
    });
    let mut next = [0; Lane::COUNT];
    world.wait("all messages of all lanes", |event| {
        if let Event::Message { message, .. } = event {
            let expected = &mut next[usize::from(message.lane.number())];
            assert_eq!(u32::from(message.tag), *expected);
            assert!(message.payload == numbered(*expected, LENGTHS[*expected as usize % LENGTHS.len()]), "message {expected} was changed");
            *expected += 1;
        }
        (next == [EACH; Lane::COUNT]).then_some(())
    });
    drop(sender.join().expect("everything was sent"));
}

#[test]
fn a_small_message_overtakes_a_large_one_on_a_lower_lane() {
    const LARGE: usize = 16 << 20;
    let limits = "limits.outbox_bytes = 67108864\nlimits.inbox_bytes = 67108864\n";
    let (mut world, registry) = start_host("world", "w1", limits);
    let mut lobby = start("lobby", "l1", &format!("{limits}{registry}"));
    let to_world = lobby.connected("w1");
    world.connected("l1");
    let large = numbered(0, LARGE);
    for _ in 0..3 {
        to_world.send(0, &large, SendMode::Reliable).expect("there is room");
    }
    to_world.send(1, b"urgent", SendMode::Reliable.on(Lane::HIGHEST)).expect("there is room");
    let mut tags = Vec::new();
    world.wait("all four", |event| {
        if let Event::Message { message, .. } = event {
            assert!(message.tag == 1 || message.payload == large, "changed on the way");
            tags.push(message.tag);
        }
        (tags.len() == 4).then_some(())
    });
    assert_ne!(tags, [0, 0, 0, 1], "the urgent message waited for all of the others");
}

#[test]
fn a_large_message_is_refused_or_taken_as_a_whole() {
    let limits = "limits.outbox_bytes = 1048576\n";
    let (mut world, registry) = start_host("world", "w1", "");
    let mut lobby = start("lobby", "l1", &format!("{limits}{registry}"));
    let to_world = lobby.connected("w1");
    world.connected("l1");
    let large = numbered(7, 900_000);
    let (mut taken, mut refused) = (0, 0);
    let deadline = Instant::now() + Duration::from_secs(20);
    while refused < 20 && Instant::now() < deadline {
        match to_world.send(7, &large, SendMode::Reliable) {
            Ok(()) => taken += 1,
            Err(_) => refused += 1,
        }
    }
    for _ in 0..taken {
        assert!(world.message().2 == large);
    }
    until("an empty outbox", || to_world.queued_bytes() == 0);
    until("all to be acknowledged", || lobby.server.stats().unacknowledged_bytes == 0);
    assert_eq!(world.server.stats().messages_received, taken);
}
