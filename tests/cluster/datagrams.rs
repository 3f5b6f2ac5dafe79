//! Unreliable messages: by datagram where UDP works, by the stream where it does not, and never a reason to stop.

use crate::support::{Seen, start, start_host, until};
use sinew::{Event, RemoteServer, SendMode, Server};
use std::net::UdpSocket;
use std::time::{Duration, Instant};

fn by_datagram(server: &Server) -> u64 {
    server.stats().received_by_datagram
}

/// What has come is of no interest.
fn skip(seen: &Seen) {
    seen.server.poll(Duration::ZERO).expect("nobody else polls").for_each(drop);
}

/// Sends unreliable messages until one more has come by datagram.
fn bound(to: &RemoteServer, receiver: &Seen) {
    let before = by_datagram(&receiver.server);
    until("a message by datagram", || {
        to.send(1, b"by which way?", SendMode::Unreliable).expect("connected");
        skip(receiver);
        by_datagram(&receiver.server) > before
    });
}

fn messages(receiver: &mut Seen, tag: u16, count: usize) -> Vec<Vec<u8>> {
    let mut payloads = Vec::new();
    receiver.wait("the messages", |event| {
        if let Event::Message { message, .. } = event
            && message.tag == tag
        {
            assert_eq!(message.mode, SendMode::Unreliable);
            payloads.push(message.payload.to_vec());
        }
        (payloads.len() == count).then_some(())
    });
    payloads
}

#[test]
fn unreliable_messages_go_by_datagram_in_both_directions_once_both_sides_are_ready() {
    let (mut world, registry) = start_host("world", "w1", "");
    let mut lobby = start("lobby", "l1", &registry);
    let (to_world, to_lobby) = (lobby.connected("w1"), world.connected("l1"));
    bound(&to_world, &world);
    bound(&to_lobby, &lobby);
    let before = by_datagram(&world.server);
    for number in 0..100_u32 {
        to_world.send(2, &number.to_le_bytes(), SendMode::Unreliable).expect("connected");
    }
    let mut numbers: Vec<u32> =
        messages(&mut world, 2, 100).iter().map(|payload| u32::from_le_bytes(payload[..].try_into().expect("4 bytes"))).collect();
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..100), "on loopback, and polled, none is lost or doubled");
    assert!(by_datagram(&world.server) >= before + 100);
    let sent = lobby.server.stats();
    assert_eq!((sent.messages_dropped, sent.dropped_datagram_queue), (0, 0));
    assert!(sent.messages_sent >= 101, "{}", sent.messages_sent);
}

#[test]
fn the_side_that_was_dialled_may_be_the_first_to_send() {
    let (mut world, registry) = start_host("world", "w1", "");
    let mut lobby = start("lobby", "l1", &registry);
    lobby.connected("w1");
    let to_lobby = world.connected("l1");
    bound(&to_lobby, &lobby);
}

#[test]
fn what_does_not_fit_in_a_datagram_goes_by_the_stream() {
    let (mut world, registry) = start_host("world", "w1", "");
    let mut lobby = start("lobby", "l1", &registry);
    let to_world = lobby.connected("w1");
    world.connected("l1");
    bound(&to_world, &world);
    until("what is on its way to arrive", || {
        skip(&world);
        world.server.stats().messages_received == lobby.server.stats().messages_sent
    });
    let before = by_datagram(&world.server);
    let large: Vec<u8> = (0..200_000_u32).map(|at| at as u8).collect();
    to_world.send(2, &large, SendMode::Unreliable).expect("connected");
    assert!(messages(&mut world, 2, 1) == [large]);
    assert_eq!(by_datagram(&world.server), before);
}

#[test]
fn a_server_without_datagrams_gets_everything_by_the_stream() {
    let (mut world, registry) = start_host("world", "w1", "runtime.datagrams = false\n");
    let mut lobby = start("lobby", "l1", &registry);
    let (to_world, to_lobby) = (lobby.connected("w1"), world.connected("l1"));
    for _ in 0..100 {
        to_world.send(2, b"there", SendMode::Unreliable).expect("connected");
        to_lobby.send(2, b"back", SendMode::Unreliable).expect("connected");
    }
    messages(&mut world, 2, 100);
    messages(&mut lobby, 2, 100);
    assert_eq!(by_datagram(&world.server) + by_datagram(&lobby.server), 0);
}

/// The port is taken at one end, and whoever has it swallows what comes: as behind a firewall, for the other end.
#[test]
fn where_udp_is_blocked_the_stream_carries_on_and_each_side_says_so_once() {
    let swallowing = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let listen = format!("server.listen = \"{}\"\n", swallowing.local_addr().expect("bound"));
    let (mut world, registry) = start_host("world", "w1", &listen);
    let mut lobby = start("lobby", "l1", &registry);
    let to_world = lobby.connected("w1");
    world.log(&["no datagrams", "cannot bind UDP 127.0.0.1", "by the streams"]);
    let mut sent = 0;
    let told = Instant::now() + Duration::from_secs(20);
    while lobby.count("log Warn no datagrams") == 0 {
        assert!(Instant::now() < told, "nothing was said about datagrams: {:?}", lobby.history);
        to_world.send(2, b"still here", SendMode::Unreliable).expect("connected");
        sent += 1;
        messages(&mut world, 2, 1);
        let _ = lobby.wait_for(Duration::from_millis(200), |_| None::<()>);
    }
    assert!(sent > 10, "the other side did not answer for seconds");
    assert_eq!((lobby.count("log Warn no datagrams"), world.count("log Warn no datagrams")), (1, 1));
    let line = lobby.history.iter().find(|line| line.contains("no datagrams")).expect("counted");
    assert!(["with server", "world/w1", "UDP may be blocked", "go by the stream"].iter().all(|words| line.contains(words)), "{line}");
}

#[test]
fn a_receiver_that_does_not_poll_loses_datagrams_and_nothing_else() {
    let (mut world, registry) = start_host("world", "w1", "limits.inbox_bytes = 65536\n");
    let mut lobby = start("lobby", "l1", &registry);
    let to_world = lobby.connected("w1");
    world.connected("l1");
    bound(&to_world, &world);
    to_world.send(3, b"reliable", SendMode::Reliable).expect("connected");
    until("the inbox to be full", || {
        to_world.send(2, &[7; 1000], SendMode::Unreliable).expect("connected");
        world.server.stats().dropped_inbox_full > 0
    });
    let stats = world.server.stats();
    assert!(stats.inbox_bytes < 65_536 + 512 * 1024, "{}", stats.inbox_bytes);
    world.wait("the reliable message", |event| matches!(event, Event::Message { message, .. } if message.tag == 3).then_some(()));
    bound(&to_world, &world);
}

#[test]
fn a_burst_beyond_what_may_wait_is_dropped_and_counted_and_never_blocks() {
    let (mut world, registry) = start_host("world", "w1", "");
    let mut lobby = start("lobby", "l1", &registry);
    let to_world = lobby.connected("w1");
    world.connected("l1");
    bound(&to_world, &world);
    let mut accepted = 0_u64;
    until("a drop", || {
        for _ in 0..10_000 {
            to_world.send(2, &[7; 1000], SendMode::Unreliable).expect("an unreliable message is never refused");
            accepted += 1;
        }
        lobby.server.stats().dropped_datagram_queue > 0
    });
    let stats = lobby.server.stats();
    assert_eq!(stats.messages_dropped, stats.dropped_datagram_queue + stats.dropped_link_busy);
    assert!(stats.outbox_bytes <= (1 << 20) + 65_536, "{}", stats.outbox_bytes);
    assert!(stats.messages_sent + stats.messages_dropped >= accepted);
}

#[test]
fn a_restarted_server_gets_datagrams_again() {
    let (mut world, registry) = start_host("world", "w1", "");
    for _ in 0..3 {
        let mut lobby = start("lobby", "l1", &registry);
        let to_world = lobby.connected("w1");
        world.connected("l1");
        bound(&to_world, &world);
        lobby.server.stop();
        lobby.stopped();
        world.left("l1");
    }
}
