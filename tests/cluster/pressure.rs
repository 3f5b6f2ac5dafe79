//! Receivers that do not keep up, and messages of every size.

use crate::support::{Seen, start, start_host, until};
use sinew::{Error, Event, RemoteServer, SendMode};
use std::time::{Duration, Instant};

const SMALL: &str = "limits.outbox_bytes = 65536\nlimits.inbox_bytes = 65536\n";
const MESSAGES: u32 = 100_000;

/// Sends `numbers` until all are gone; the number that was refused first.
fn send_until_full(to: &RemoteServer, next: &mut u32, end: u32) -> bool {
    while *next < end {
        let mut payload = [0; 100];
        payload[..4].copy_from_slice(&next.to_le_bytes());
        match to.send(1, &payload, SendMode::Reliable) {
            Ok(()) => *next += 1,
            Err(Error::QueueFull { queued, limit, .. }) => {
                assert!(queued <= limit, "{queued} of {limit}");
                return true;
            }
            Err(error) => panic!("{error}"),
        }
    }
    false
}

#[test]
fn a_receiver_that_does_not_poll_costs_bounded_memory_and_no_message() {
    let (mut world, registry) = start_host("world", "w1", SMALL);
    let mut lobby = start("lobby", "l1", &format!("{SMALL}{registry}"));
    let mut other = start("lobby", "l2", &format!("{SMALL}{registry}"));
    let to_world = lobby.connected("w1");
    let other_to_world = other.connected("w1");
    let to_lobby = world.connected("l1");

    // Until nothing moves any more: everything between the two is full.
    let (mut next, mut episodes) = (0, 0);
    let writable = |lobby: &mut Seen, patience: Duration| {
        lobby.wait_for(patience, |event| matches!(event, Event::Writable { .. }).then_some(())).is_ok()
    };
    loop {
        assert!(send_until_full(&to_world, &mut next, MESSAGES), "everything went out although nobody reads");
        episodes += 1;
        if !writable(&mut lobby, Duration::from_secs(1)) {
            break;
        }
    }
    assert!(to_world.queued_bytes() <= 65_536);
    // One read beyond the limit, at most.
    let inbox = world.server.stats().inbox_bytes;
    assert!(inbox < 65_536 + 300 * 1024, "{inbox}");

    // Only that link stands still.
    for _ in 0..10 {
        other_to_world.send(2, &[0; 1000], SendMode::Reliable).expect("there is room");
    }
    until("the other link to empty", || other_to_world.queued_bytes() == 0);
    assert!(to_world.queued_bytes() > 0);

    let receiver = std::thread::spawn(move || {
        let (mut expected, mut others) = (0_u32, 0);
        world.wait("everything, in order", |event| {
            match event {
                Event::Message { message, .. } if message.tag == 1 => {
                    assert_eq!(message.payload[..4], expected.to_le_bytes());
                    assert_eq!(message.payload.len(), 100);
                    expected += 1;
                }
                Event::Message { .. } => others += 1,
                _ => {}
            }
            (expected == MESSAGES && others == 10).then_some(())
        });
        world
    });
    loop {
        assert!(writable(&mut lobby, Duration::from_secs(20)), "no Writable after a refusal");
        if !send_until_full(&to_world, &mut next, MESSAGES) {
            break;
        }
        episodes += 1;
    }
    let world = receiver.join().expect("everything arrived in order");
    until("an empty outbox", || to_world.queued_bytes() == 0);
    to_lobby.send(3, b"", SendMode::Reliable).expect("connected");
    lobby.marker(3);
    assert_eq!(lobby.count("writable"), episodes, "exactly one Writable per refusal");
    assert_eq!(lobby.server.stats().sends_refused, episodes as u64);
    assert_eq!((lobby.count("disconnected"), lobby.count("interrupted")), (0, 0));
    drop(world);
}

#[test]
fn empty_messages_count_for_what_they_really_cost_the_receiver() {
    const INBOX: u64 = 4 << 20;
    let (mut world, registry) = start_host("world", "w1", &format!("limits.inbox_bytes = {INBOX}\n"));
    let mut lobby = start("lobby", "l1", &registry);
    let to_world = lobby.connected("w1");
    world.connected("l1");
    // Far more than the inbox may hold, if each is counted with its place in the queue (16 bytes) and not only its header (8).
    for _ in 0..400_000 {
        match to_world.send(1, b"", SendMode::Reliable) {
            Ok(()) => {}
            Err(Error::QueueFull { .. }) => {
                lobby.wait("writable", |event| matches!(event, Event::Writable { .. }).then_some(()));
            }
            Err(error) => panic!("{error}"),
        }
    }
    until("a full inbox", || world.server.stats().inbox_bytes as u64 >= INBOX);
    let stats = world.server.stats();
    // One read beyond the limit at most: 256 KiB of headers.
    assert!(stats.messages_received * 16 < INBOX + 16 * 32 * 1024, "{stats:?}");
}

#[test]
fn messages_of_every_size_up_to_the_limit_arrive_and_larger_ones_are_refused() {
    let limits = "limits.max_message_bytes = 300000\nlimits.outbox_bytes = 65536\nlimits.inbox_bytes = 65536\n";
    let (mut world, registry) = start_host("world", "w1", limits);
    let mut lobby = start("lobby", "l1", &format!("{limits}{registry}"));
    let to_world = lobby.connected("w1");
    world.connected("l1");
    for len in [0, 1, 65_528, 65_529, 299_999, 300_000] {
        let payload: Vec<u8> = (0..len).map(|n| (n % 251) as u8).collect();
        until("an empty outbox", || to_world.queued_bytes() == 0);
        to_world.send(len as u16, &payload, SendMode::Reliable).expect("nothing else waits");
        let (_, tag, received, _) = world.message();
        assert_eq!((tag, received.len()), (len as u16, len));
        assert!(received == payload, "{len} bytes arrive changed");
    }
    let refused = to_world.send(1, &vec![0; 300_001], SendMode::Reliable);
    assert!(matches!(refused, Err(Error::MessageTooBig { len: 300_001, limit: 300_000 })));
    assert_eq!(lobby.count("disconnected"), 0);
}

#[test]
fn a_message_over_the_receivers_limit_ends_the_link_and_both_are_told_why() {
    let (mut world, registry) = start_host("world", "w1", "limits.max_message_bytes = 1000\n");
    let mut lobby = start("lobby", "l1", &registry);
    let to_world = lobby.connected("w1");
    world.connected("l1");
    to_world.send(1, &[0; 1001], SendMode::Reliable).expect("below the sender's own limit");
    let text = world.wait("disconnected", |event| match event {
        Event::ServerDisconnected { text, reason: sinew::DisconnectReason::Protocol, .. } => Some(text.clone()),
        _ => None,
    });
    assert!(text.contains("1001 bytes") && text.contains("limits.max_message_bytes = 1000"), "{text}");
    lobby.disconnected("w1");
}

#[test]
fn unreliable_messages_are_dropped_and_counted_while_the_link_is_busy() {
    let (mut world, registry) = start_host("world", "w1", SMALL);
    let mut lobby = start("lobby", "l1", &format!("{SMALL}{registry}"));
    let to_world = lobby.connected("w1");
    world.connected("l1");
    let deadline = Instant::now() + Duration::from_secs(20);
    let mut tried = 0;
    while lobby.server.stats().messages_dropped < 100 {
        assert!(Instant::now() < deadline, "nothing is dropped: {:?}", lobby.server.stats());
        to_world.send(1, &[0; 1000], SendMode::Unreliable).expect("never refused");
        tried += 1;
    }
    let stats = lobby.server.stats();
    assert_eq!(stats.messages_sent + stats.messages_dropped, tried);
    assert_eq!(stats.sends_refused, 0);
    assert!(to_world.queued_bytes() <= 65_536 / 2, "unreliable messages leave half of the outbox to the others");
    let mut arrived = 0;
    world.wait("all that was not dropped", |event| {
        arrived += u64::from(matches!(event, Event::Message { .. }));
        (arrived == stats.messages_sent).then_some(())
    });
}

#[test]
fn taking_the_last_message_gives_its_memory_back_though_more_was_asked_for() {
    let (mut world, registry) = start_host("world", "w1", "");
    let mut lobby = start("lobby", "l1", &registry);
    let to_world = lobby.connected("w1");
    world.connected("l1");
    to_world.send(7, b"the only one", SendMode::Reliable).expect("connected");
    until("the message", || {
        let mut events = world.server.poll(Duration::from_secs(1)).expect("nobody else polls");
        matches!(events.next(), Some(Event::Message { .. }))
    });
    assert_eq!(world.server.stats().inbox_bytes, 0);
}
