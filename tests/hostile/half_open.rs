//! Connections that are opened and never used, by the thousand, and what an honest pair notices of them.

use crate::client::Target;
use crate::field::{Field, PATIENCE};
use sinew::{Event, Rejection, SendMode, Server};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// Half-open connections that are tried in all.
const CONNECTIONS: usize = 10_000;

/// Of those, open at once on the attackers' side; few enough for an ordinary limit of open files, both ends being in this process.
const HELD: usize = 800;

/// Opened in one go, and how often: what is measured is what the server makes of them, not how fast this test can open them.
const WAVE: usize = 50;
const BEAT: Duration = Duration::from_millis(20);

/// Addresses that the attackers have. Every other wave comes from one of them alone and is throttled; the rest are under every address's limit
/// and fill the handshakes.
const ADDRESSES: usize = 240;

/// Round trips of the quiet measure.
const QUIET: usize = 2000;

/// A p99 below this passes whatever it was before. In quiet it may be 100 µs, and five times that is less than one turn of the scheduler: on two busy
/// cores, which this test's attackers share with both servers, a thread waits for a turn or two for reasons that are nobody's fault.
const FLOOR: Duration = Duration::from_millis(5);

#[test]
fn ten_thousand_half_open_connections_do_not_slow_an_honest_pair() {
    let mut field = Field::new(Duration::from_secs(1), "limits.connects_per_address = 128");
    let before = p99(measure(&mut field));
    let opened = Arc::new(AtomicUsize::new(0));
    let attack = field.runtime.spawn(attack(field.target(), opened.clone()));
    let mut took = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while !attack.is_finished() {
        took.push(round_trip(&mut field, took.len() as u64));
        assert!(Instant::now() < deadline, "{} connections opened", opened.load(Ordering::Relaxed));
    }
    let turns = took.len();
    let besieged = p99(took);
    // Whatever else the machine does may begin while the siege is on, so quiet is measured on both sides of it.
    let quiet = before.max(p99(measure(&mut field)));
    println!("p99 of the round trip: {quiet:?} of {QUIET} in quiet, {besieged:?} of {turns} under {CONNECTIONS} half-open connections");
    assert_eq!(opened.load(Ordering::Relaxed), CONNECTIONS);
    assert!(turns >= 1000, "{turns} round trips are too few to speak of a 99th percentile");
    assert!(besieged < (5 * quiet).max(FLOOR), "p99 {besieged:?}, in quiet {quiet:?}");
    field.until("all of them counted", |field| field.target.stats().rejected.iter().sum::<u64>() == CONNECTIONS as u64);
    let stats = field.target.stats();
    let [throttled, overload, silent] =
        [Rejection::Throttled, Rejection::Overload, Rejection::TimedOut].map(|reason| stats.rejected(reason) as usize);
    // Who is still in a slot when the attacker lets go has broken off.
    assert_eq!(throttled + overload + silent + stats.rejected(Rejection::Aborted) as usize, CONNECTIONS, "{stats:?}");
    assert!(throttled > CONNECTIONS / 4 && overload + silent > CONNECTIONS / 4, "{stats:?}");
    assert!(field.events.is_empty(), "the game was told {:?}", field.events);
    assert!(field.warnings.len() <= 3 * (ADDRESSES + 1), "{} lines", field.warnings.len());
}

async fn attack(target: Target, opened: Arc<AtomicUsize>) {
    let mut held: VecDeque<TcpStream> = VecDeque::new();
    let mut beat = tokio::time::interval(BEAT);
    for wave in 0..CONNECTIONS / WAVE {
        beat.tick().await;
        for number in 0..WAVE {
            let place = if wave % 2 == 0 { 0 } else { 1 + (wave * WAVE + number) % ADDRESSES };
            let target = Target { source: [127, 2, 0, place as u8 + 1].into(), ..target.clone() };
            held.push_back(target.connect().await);
            opened.fetch_add(1, Ordering::Relaxed);
        }
        while held.len() > HELD {
            held.pop_front();
        }
    }
}

fn measure(field: &mut Field) -> Vec<Duration> {
    (0..QUIET).map(|turn| round_trip(field, turn as u64)).collect()
}

/// From the honest server to the target's game and back.
fn round_trip(field: &mut Field, turn: u64) -> Duration {
    let began = Instant::now();
    let honest = field.honest();
    let target = field.target().id;
    field.honest.send(target, 1, &turn.to_le_bytes(), SendMode::Reliable).expect("the honest link is up");
    let there = arrival(&field.target, &mut field.warnings, turn);
    field.target.send(honest, 1, &turn.to_le_bytes(), SendMode::Reliable).expect("the honest link is up");
    let back = arrival(&field.honest, &mut field.warnings, turn);
    assert!(there && back);
    began.elapsed()
}

/// Polls until this turn's message is there; false when something else came instead.
fn arrival(server: &Server, warnings: &mut Vec<String>, turn: u64) -> bool {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let mut found = None;
        for event in server.poll(Duration::from_millis(100)).expect("it runs") {
            match event {
                Event::Message { message, .. } => found = Some(*message.payload == turn.to_le_bytes()),
                Event::Log { level: sinew::config::LogLevel::Warn, text, .. } => warnings.push(text),
                Event::Log { .. } => {}
                other => panic!("somebody noticed: {other:?}"),
            }
        }
        if let Some(found) = found {
            return found;
        }
    }
    false
}

fn p99(mut took: Vec<Duration>) -> Duration {
    took.sort_unstable();
    took[took.len() * 99 / 100]
}
