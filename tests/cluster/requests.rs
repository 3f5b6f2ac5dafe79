//! Questions and their answers: each ends once, whatever happens to the link, the peer, or the game that should answer.

use crate::cuts::{STUBBORN, through_a_proxy};
use crate::support::{EAGER, PATIENCE, Seen, start, start_host, until};
use sinew::{Error, Event, Lane, RemoteServer, Reply, RequestFailure, RequestId, SendMode};
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// A lobby and a world, connected, and their handles of each other.
fn pair(more: &str) -> (Seen, Seen, [RemoteServer; 2]) {
    let (mut world, registry) = start_host("world", "w1", more);
    let mut lobby = start("lobby", "l1", &format!("{registry}{more}"));
    let handles = [lobby.connected("w1"), world.connected("l1")];
    (lobby, world, handles)
}

#[test]
fn a_request_is_answered_with_what_was_asked() {
    let (mut lobby, mut world, [to_world, _]) = pair("");
    for (len, lane) in [(0, 0), (1, 3), (64, 1), (65_536, 2), (3_000_000, 0)] {
        let asked: Vec<u8> = (0..len).map(|at| at as u8).collect();
        let request = to_world.request(9, &asked).delivery(SendMode::Reliable.on(Lane::new(lane).unwrap())).start().expect("connected");
        let question = world.request();
        assert_eq!((question.server().name(), question.tag(), question.payload()), ("l1", 9, &asked[..].to_vec().into()));
        assert_eq!(question.delivery().lane.number(), lane);
        question.reply_with(lane.into(), &asked).expect("who asked waits");
        let Reply { server, tag, code, payload } = lobby.outcome(request).expect("answered");
        assert_eq!((server.name(), tag, code, &payload[..]), ("w1", 9, u32::from(lane), &asked[..]));
    }
    let stats = lobby.server.stats();
    assert_eq!((stats.requests_sent, stats.requests_answered, stats.requests_failed), (5, 5, 0));
    assert_eq!((world.server.stats().requests_received, to_world.open_requests()), (5, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_can_be_awaited_and_makes_no_event() {
    let (mut lobby, mut world, [to_world, _]) = tokio::task::spawn_blocking(|| pair("")).await.expect("no panic");
    let answering = tokio::task::spawn_blocking(move || {
        for expected in 0..100_u32 {
            let question = world.request();
            assert_eq!(question.reader().read::<u32>().expect("a number"), expected);
            if expected % 10 == 9 {
                question.refuse().expect("who asked waits");
            } else {
                question.reply(&question.payload()[..]).expect("who asked waits");
            }
        }
        world
    });
    for number in 0..100_u32 {
        let mut asked = sinew::Writer::new();
        asked.write(&number).expect("a number");
        match to_world.request(1, asked.as_ref()).await {
            Ok(reply) => assert_eq!(&reply.payload[..], asked.as_ref()),
            Err(Error::RequestFailed { failure: RequestFailure::Refused, .. }) => assert_eq!(number % 10, 9),
            Err(error) => panic!("{error}"),
        }
    }
    let world = answering.await.expect("no panic");
    // One that nobody waits for any more leaves nothing behind.
    let given_up = tokio::time::timeout(Duration::from_millis(1), to_world.request(1, b"").timeout(PATIENCE));
    assert!(given_up.await.is_err());
    assert_eq!(to_world.open_requests(), 0);
    assert!(
        lobby
            .wait_for(Duration::from_millis(50), |event| {
                matches!(event, Event::Reply { .. } | Event::RequestFailed { .. }).then_some(())
            })
            .is_err()
    );
    drop((lobby, world));
}

#[test]
fn without_an_answer_it_fails_in_time_and_a_late_answer_is_counted() {
    let (mut lobby, mut world, [to_world, _]) = pair("");
    let before = Instant::now();
    let request = to_world.request(1, b"?").timeout(Duration::from_millis(150)).start().expect("connected");
    let question = world.request();
    assert_eq!(lobby.outcome(request).expect_err("nobody answers"), RequestFailure::TimedOut);
    let took = before.elapsed();
    assert!(took >= Duration::from_millis(150), "{took:?}: too early");
    assert!(took < Duration::from_millis(1000), "{took:?}: far too late");
    // The world's clock for it began a little later.
    until("the time is over for both", || before.elapsed() > Duration::from_millis(500));
    assert!(matches!(question.reply(b"!"), Err(Error::UnknownRequest { .. })), "nobody waits for it");

    // An answer that is under way while the asker gives up.
    let request = to_world.request(1, b"?").timeout(PATIENCE).start().expect("connected");
    let question = world.request();
    lobby.server.cancel(request).expect("it waits");
    assert_eq!(lobby.outcome(request).expect_err("given up"), RequestFailure::Cancelled);
    assert!(matches!(lobby.server.cancel(request), Err(Error::NotWaiting(_))));
    question.reply(b"!").expect("the world cannot know");
    until("a late answer", || lobby.server.stats().replies_late == 1);
}

#[test]
fn a_request_that_nobody_takes_or_that_is_refused_says_so() {
    let (mut lobby, mut world, [to_world, _]) = pair("");
    let request = to_world.request(1, b"?").start().expect("connected");
    drop(world.request());
    assert_eq!(lobby.outcome(request).expect_err("dropped"), RequestFailure::NoHandler);
    let request = to_world.request(1, b"?").start().expect("connected");
    let question = world.request();
    let clone = question.clone();
    drop(question);
    clone.refuse().expect("who asked waits");
    assert!(matches!(clone.reply(b"yes after all"), Err(Error::UnknownRequest { .. })), "it was answered");
    assert_eq!(lobby.outcome(request).expect_err("refused"), RequestFailure::Refused);
}

#[test]
fn what_makes_no_sense_is_an_error_and_nothing_follows() {
    let (mut lobby, mut world, [to_world, to_lobby]) = pair("limits.max_message_bytes = 1000\nlimits.outbox_bytes = 65536\n");
    let ask = |timeout| to_world.request(1, b"?").timeout(timeout).start();
    assert!(matches!(ask(Duration::ZERO), Err(Error::InvalidArgument(text)) if text.contains("0ns")));
    assert!(matches!(ask(Duration::from_secs(1 << 40)), Err(Error::InvalidArgument(_))));
    assert!(matches!(to_world.request(1, &[0; 989]).start(), Err(Error::MessageTooBig { len: 989, limit: 988 })));
    let request = to_world.request(1, &[7; 988]).start().expect("it fits");
    let question = world.request();
    assert!(matches!(question.reply(&[0; 989]), Err(Error::MessageTooBig { .. })), "and can still be answered");
    question.reply(&[0; 988]).expect("it fits");
    assert!(matches!(question.reply(b""), Err(Error::UnknownRequest { .. })));
    assert_eq!(lobby.outcome(request).expect("answered").payload.len(), 988);
    drop(world);
    lobby.left("w1");
    assert!(matches!(to_world.request(1, b"?").start(), Err(Error::UnknownServer(_))));
    let gone = to_world.id();
    assert!(matches!(lobby.server.request(gone, 1, b"?").start(), Err(Error::UnknownServer(id)) if id == gone));
    lobby.server.stop();
    assert!(matches!(lobby.server.request(to_lobby.id(), 1, b"?").start(), Err(Error::Stopped)));
}

#[test]
fn more_requests_than_the_limit_are_refused_on_both_sides() {
    let (mut world, registry) = start_host("world", "w1", "limits.requests_per_link = 8\n");
    let mut lobby = start("lobby", "l1", &format!("{registry}limits.requests_per_link = 12\n"));
    let to_world = lobby.connected("w1");
    world.connected("l1");
    let ask = |to: &RemoteServer| to.request(1, b"?").timeout(PATIENCE).start();

    // The second world takes all that the lobby may ask: what is refused is refused by the lobby itself.
    let _second = start("world", "w2", &registry);
    let to_second = lobby.connected("w2");
    for _ in 0..12 {
        ask(&to_second).expect("below its own limit");
    }
    assert!(matches!(ask(&to_second), Err(Error::TooManyRequests { limit: 12, .. })));

    // And the first takes less.
    let all: Vec<RequestId> = (0..12).map(|_| ask(&to_world).expect("below its own limit, on each link")).collect();
    let open: Vec<_> = (0..8).map(|_| world.request()).collect();
    for request in &all[8..] {
        assert_eq!(lobby.outcome(*request).expect_err("over the world's limit"), RequestFailure::Overloaded);
    }
    open.iter().for_each(|question| question.reply(b"!").expect("who asked waits"));
    for request in &all[..8] {
        lobby.outcome(*request).expect("answered");
    }
    let request = to_world.request(1, b"?").start().expect("there is room again");
    world.request().reply(b"!").expect("who asked waits");
    lobby.outcome(request).expect("answered");
}

#[test]
fn requests_to_a_server_end_before_it_is_disconnected() {
    let (mut lobby, mut world, [to_world, _]) = pair("");
    let all: Vec<RequestId> = (0..100).map(|_| to_world.request(1, b"?").timeout(PATIENCE).start().expect("connected")).collect();
    let open: Vec<_> = (0..100).map(|_| world.request()).collect();
    open[..10].iter().for_each(|question| question.reply(b"!").expect("who asked waits"));
    world.server.stop();
    world.stopped();
    let mut ended = HashMap::new();
    lobby.wait("disconnected", |event| {
        match event {
            Event::Reply { request, .. } => assert_eq!(ended.insert(*request, None), None),
            Event::RequestFailed { request, failure, .. } => assert_eq!(ended.insert(*request, Some(*failure)), None),
            Event::ServerDisconnected { .. } => return Some(()),
            _ => {}
        }
        None
    });
    assert!(all[..10].iter().all(|request| ended[request].is_none()));
    assert!(all[10..].iter().all(|request| ended[request] == Some(RequestFailure::Left)), "{ended:?}");
    assert!(matches!(open[50].reply(b"too late"), Err(Error::NotConnected(_) | Error::UnknownServer(_) | Error::UnknownRequest { .. })));
}

#[test]
fn every_request_ends_once_while_its_link_is_cut_again_and_again() {
    // In flight at once, and in all.
    const AT_ONCE: usize = 1000;
    let total: usize = std::env::var("SINEW_REQUESTS").map_or(20_000, |text| text.parse().expect("a number"));
    let (lobby, world, proxy, [to_world, _]) = through_a_proxy(STUBBORN, 400_000);
    let answering = std::thread::spawn(move || {
        let mut unanswered: Vec<sinew::Request> = Vec::new();
        let over = |event: &Event| matches!(event, Event::Message { .. } | Event::ServerDisconnected { .. });
        loop {
            for event in world.server.poll(Duration::from_millis(5)).expect("nobody else polls") {
                if over(&event) {
                    return (world, unanswered.len());
                }
                if let Event::Request { request } = event {
                    unanswered.push(request);
                }
            }
            unanswered.retain(|request| matches!(request.reply(request.payload()), Err(Error::QueueFull { .. })));
        }
    });
    let mut open: HashMap<RequestId, u64> = HashMap::new();
    let (mut asked, mut answered) = (0_u64, 0);
    let deadline = Instant::now() + PATIENCE * 10;
    while answered < total {
        assert!(Instant::now() < deadline, "{answered} of {asked} were answered, {} wait", open.len());
        while open.len() < AT_ONCE && (asked as usize) < total {
            let mut payload = asked.to_le_bytes().repeat(1 + asked as usize % 50);
            payload.truncate(8 + asked as usize % 300);
            match to_world.request(asked as u16, &payload).timeout(PATIENCE * 10).start() {
                Ok(request) => assert_eq!(open.insert(request, asked), None),
                Err(Error::QueueFull { .. }) => break,
                Err(error) => panic!("{error}"),
            }
            asked += 1;
        }
        for event in lobby.server.poll(Duration::from_millis(5)).expect("nobody else polls") {
            match event {
                Event::Reply { request, reply } => {
                    let number = open.remove(&request).expect("each ends once");
                    assert_eq!((reply.payload[..8].to_vec(), reply.tag), (number.to_le_bytes().to_vec(), number as u16));
                    assert_eq!(reply.payload.len(), (8 * (1 + number as usize % 50)).min(8 + number as usize % 300));
                    answered += 1;
                }
                Event::RequestFailed { request, failure, .. } => panic!("request {request}: {failure}"),
                Event::ServerDisconnected { text, .. } => panic!("{text}"),
                _ => {}
            }
        }
    }
    assert!(proxy.faults.cuts() > 5, "{} cuts", proxy.faults.cuts());
    proxy.faults.cut_within.store(0, Ordering::Relaxed);
    to_world.send(1, b"over", SendMode::Reliable).expect("there is room");
    let (_world, unanswered) = answering.join().expect("no panic");
    assert_eq!((unanswered, to_world.open_requests()), (0, 0));
}

#[test]
fn unreliable_requests_are_answered_or_time_out() {
    let (mut lobby, world, [to_world, _]) = pair("");
    let answering = std::thread::spawn(move || {
        loop {
            for event in world.server.poll(Duration::from_millis(100)).expect("nobody else polls") {
                match event {
                    Event::Request { request } => drop(request.reply(request.payload())),
                    Event::ServerDisconnected { .. } => return,
                    _ => {}
                }
            }
        }
    });
    let mut by_datagram = false;
    let deadline = Instant::now() + PATIENCE;
    while !by_datagram {
        assert!(Instant::now() < deadline, "no answer came by datagram");
        let request =
            to_world.request(5, b"quick").delivery(SendMode::Unreliable).timeout(Duration::from_millis(500)).start().expect("connected");
        match lobby.outcome(request) {
            Ok(reply) => assert_eq!(reply.payload[..], *b"quick"),
            Err(failure) => assert_eq!(failure, RequestFailure::TimedOut),
        }
        by_datagram = lobby.server.stats().received_by_datagram > 10;
    }
    drop(lobby);
    answering.join().expect("no panic");
}

#[test]
fn a_request_to_a_server_that_crashes_fails_when_its_session_is_over() {
    let (mut world, registry) = start_host("world", "w1", EAGER);
    let mut lobby = start("lobby", "l1", &format!("{registry}{EAGER}limits.resume_window_ms = 200\n"));
    let to_world = lobby.connected("w1");
    world.connected("l1");
    let request = to_world.request(1, b"?").timeout(PATIENCE).start().expect("connected");
    let question = world.request();
    drop(world);
    let failure = lobby.outcome(request).expect_err("nobody is there");
    assert!(matches!(failure, RequestFailure::Disconnected | RequestFailure::Left), "{failure:?}");
    drop(question);
}

#[test]
fn a_server_that_stops_ends_its_requests_first() {
    let (mut lobby, mut world, [to_world, _]) = pair("");
    let all: Vec<RequestId> = (0..20).map(|_| to_world.request(1, b"?").timeout(PATIENCE).start().expect("connected")).collect();
    let _open: Vec<_> = (0..20).map(|_| world.request()).collect();
    lobby.server.stop();
    let mut ended = Vec::new();
    lobby.wait("stopped", |event| {
        match event {
            Event::RequestFailed { request, failure, .. } => {
                assert_eq!(*failure, RequestFailure::Stopping);
                ended.push(*request);
            }
            Event::Stopped { .. } => return Some(()),
            _ => {}
        }
        None
    });
    ended.sort();
    assert_eq!(ended, all);
}
