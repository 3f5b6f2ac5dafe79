//! Links that are cut again and again under load: reliable messages arrive once and in order all the same.
//!
//! ```text
//! SINEW_CUTS=1000 cargo test --test cluster cuts -- --nocapture
//! ```

use crate::proxy::Proxy;
use crate::support::{PATIENCE, Seen, free_port, start, start_host, until};
use sinew::{Error, Event, Lane, RemoteServer, SendMode};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// In the ordinary run; `SINEW_CUTS` says otherwise.
const CUTS: u64 = 100;
const LANES: usize = 4;

/// Comes back at once, for ever.
pub(crate) const STUBBORN: &str = "limits.reconnect_min_ms = 1\nlimits.reconnect_max_ms = 10\nlimits.resume_window_ms = 60000\n\
     limits.outbox_bytes = 1048576\nlimits.inbox_bytes = 1048576\nruntime.datagrams = false\n";

/// A lobby, a world behind a proxy, and the lobby's and the world's handles of each other.
pub(crate) fn through_a_proxy(more: &str, cut_within: u64) -> (Seen, Seen, Proxy, [RemoteServer; 2]) {
    let port = free_port();
    let proxy = Proxy::start(SocketAddr::from((Ipv4Addr::LOCALHOST, port)), 1);
    proxy.faults.cut_within.store(cut_within, Ordering::Relaxed);
    let (mut lobby, registry) = start_host("lobby", "l1", more);
    let behind = format!("server.listen = \"127.0.0.1:{port}\"\nserver.advertise = \"{}\"\n{registry}{more}", proxy.address);
    let mut world = start("world", "w1", &behind);
    let handles = [lobby.connected("w1"), world.connected("l1")];
    (lobby, world, proxy, handles)
}

/// One direction: what was sent and what has come.
#[derive(Default)]
struct Direction {
    sent: [u64; LANES],
    received: [u64; LANES],
    interrupted: u64,
    resumed: u64,
}

fn len_of(lane: usize, number: u64) -> usize {
    match (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) % 64 {
        // In fragments, and larger than a read.
        0 => 70_000 + lane * 90_000 + number as usize % 1000,
        1..8 => (number as usize * 137) % 20_000,
        _ => 8 + number as usize % 100,
    }
}

fn payload(lane: usize, number: u64) -> Vec<u8> {
    let mut bytes = vec![(number as u8) ^ (lane as u8); len_of(lane, number).max(8)];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes
}

impl Direction {
    /// Sends until the outbox is full, or enough is under way for this round.
    fn send(&mut self, to: &RemoteServer) {
        for round in 0..200 {
            let lane = round % LANES;
            let delivery = SendMode::Reliable.on(Lane::new(lane as u8).expect("a lane"));
            match to.send(lane as u16, &payload(lane, self.sent[lane]), delivery) {
                Ok(()) => self.sent[lane] += 1,
                Err(Error::QueueFull { .. }) => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn receive(&mut self, at: &Seen) {
        for event in at.server.poll(Duration::from_millis(1)).expect("only this thread polls") {
            match event {
                Event::Message { message, .. } => {
                    let lane = usize::from(message.tag);
                    let expected = payload(lane, self.received[lane]);
                    assert!(message.payload[..] == expected[..], "lane {lane}: not message {}", self.received[lane]);
                    self.received[lane] += 1;
                }
                Event::ServerInterrupted { .. } => self.interrupted += 1,
                Event::ServerResumed { .. } => self.resumed += 1,
                Event::ServerDisconnected { text, .. } => panic!("disconnected: {text}"),
                _ => {}
            }
        }
    }
}

#[test]
fn reliable_messages_arrive_once_and_in_order_however_often_the_link_is_cut() {
    let cuts = std::env::var("SINEW_CUTS").map_or(CUTS, |text| text.parse().expect("SINEW_CUTS is a number"));
    let (lobby, world, proxy, [to_world, to_lobby]) = through_a_proxy(STUBBORN, 1_500_000);
    let (mut there, mut back) = (Direction::default(), Direction::default());
    let deadline = Instant::now() + Duration::from_secs(30 + cuts / 5);
    while proxy.faults.cuts() < cuts {
        assert!(Instant::now() < deadline, "{} cuts of {cuts}", proxy.faults.cuts());
        there.send(&to_world);
        back.send(&to_lobby);
        there.receive(&world);
        back.receive(&lobby);
    }
    proxy.faults.cut_within.store(0, Ordering::Relaxed);
    // The one that stands now still has its end before it.
    let deadline = Instant::now() + PATIENCE;
    while there.received != there.sent || back.received != back.sent {
        assert!(Instant::now() < deadline, "{:?} of {:?}, {:?} of {:?}", there.received, there.sent, back.received, back.sent);
        there.receive(&world);
        back.receive(&lobby);
    }
    let count = |counts: &[u64]| counts.iter().sum::<u64>();
    let faults = &proxy.faults;
    println!(
        "{} closed, {} reset, {} with a flipped bit; {} and {} messages, {} and {} times resumed",
        faults.closed.load(Ordering::Relaxed),
        faults.reset.load(Ordering::Relaxed),
        faults.flipped.load(Ordering::Relaxed),
        count(&there.received),
        count(&back.received),
        there.resumed,
        back.resumed
    );
    assert!(back.resumed > cuts / 4 && count(&there.received) > cuts);
    until("the last acknowledgement", || lobby.server.stats().unacknowledged_bytes + world.server.stats().unacknowledged_bytes == 0);
}

/// Notices silence soon.
const ALERT: &str =
    "limits.keep_alive_ms = 50\nlimits.interrupted_after_ms = 500\nlimits.reconnect_min_ms = 10\nlimits.reconnect_max_ms = 100\n";

/// Each side has the other's message of this number, sent while something is wrong.
fn cross(lobby: &mut Seen, world: &mut Seen, [to_world, to_lobby]: &[RemoteServer; 2], number: u32) {
    for to in [to_world, to_lobby] {
        to.send(7, &number.to_le_bytes(), SendMode::Reliable).expect("it waits");
    }
    for seen in [lobby, world] {
        seen.wait("the message", |event| match event {
            Event::Message { message, .. } => (message.payload[..] == number.to_le_bytes()).then_some(()),
            Event::ServerDisconnected { text, .. } => panic!("disconnected: {text}"),
            _ => None,
        });
    }
}

#[test]
fn a_network_that_swallows_everything_is_survived() {
    let (mut lobby, mut world, proxy, handles) = through_a_proxy(ALERT, 0);
    cross(&mut lobby, &mut world, &handles, 1);
    proxy.faults.silent.store(true, Ordering::Relaxed);
    lobby.interrupted("w1");
    world.interrupted("l1");
    for to in &handles {
        to.send(7, &2_u32.to_le_bytes(), SendMode::Reliable).expect("what is sent to an interrupted server waits");
    }
    proxy.faults.silent.store(false, Ordering::Relaxed);
    cross(&mut lobby, &mut world, &handles, 3);
    assert_eq!((lobby.count("disconnected"), world.count("disconnected")), (0, 0));
}

#[test]
fn a_network_that_swallows_one_direction_is_survived() {
    let (mut lobby, mut world, proxy, handles) = through_a_proxy(ALERT, 0);
    cross(&mut lobby, &mut world, &handles, 1);
    proxy.faults.deaf_dialer.store(true, Ordering::Relaxed);
    lobby.interrupted("w1");
    proxy.faults.deaf_dialer.store(false, Ordering::Relaxed);
    cross(&mut lobby, &mut world, &handles, 2);
    assert_eq!((lobby.count("disconnected"), world.count("disconnected")), (0, 0));
}
