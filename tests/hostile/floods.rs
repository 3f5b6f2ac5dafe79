//! More than a server can take: it takes what its limits say and no more, and is as well as before when the flood is over.

use crate::client::Target;
use crate::field::{Field, PATIENCE, config, resident};
use crate::members::link;
use crate::wire::{Control, RefusalCode, message};
use sinew::{Error, Event, Rejection, SendMode, Server};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

const LONG: Duration = Duration::from_secs(8);

#[test]
fn connections_that_never_speak() {
    let mut field = Field::new(Duration::from_secs(1), "limits.pending_handshakes = 16");
    let target = field.target();
    let task = field.runtime.spawn(async move {
        let mut silent = JoinSet::new();
        for _ in 0..300 {
            let line = target.tcp().await;
            silent.spawn(line.closed());
        }
        while let Some(closed) = silent.join_next().await {
            closed.expect("closed in time");
        }
    });
    let found = format!("registry.addresses = ['{}']", field.registry);
    let late = Server::start(config("lobby", "late", &field.keys.path, &found)).expect("starts");
    field.meanwhile(task);
    field.event("the late one's turn", |event| matches!(event, Event::ServerConnected { server } if server.name() == "late").then_some(()));
    let stats = field.target.stats();
    let (overload, silent) = (stats.rejected(Rejection::Overload), stats.rejected(Rejection::TimedOut));
    assert!(overload > 0 && silent >= 16, "{stats:?}");
    assert!(overload + silent >= 300, "{stats:?}");
    let logged = |sentence: &str| field.warnings.iter().filter(|line| line.contains(sentence)).count();
    assert_eq!((logged("limits.pending_handshakes"), logged("limits.handshake_ms")), (1, 1), "{:#?}", field.warnings);
    drop(late);
}

/// One that floods is closed before it costs anything, also while it says nothing, and takes no handshake from others.
#[test]
fn an_address_that_connects_too_often() {
    let mut field = Field::new(LONG, "limits.connects_per_address = 16\nlimits.pending_handshakes = 64");
    let target = Target { source: [127, 4, 0, 1].into(), ..field.target() };
    let task = field.runtime.spawn(async move {
        let mut silent = JoinSet::new();
        for _ in 0..500 {
            silent.spawn(target.tcp().await.ended());
        }
        silent.join_all().await;
    });
    let found = format!("registry.addresses = ['{}']", field.registry);
    let late = Server::start(config("lobby", "late", &field.keys.path, &found)).expect("starts");
    field.event("the late one's turn", |event| matches!(event, Event::ServerConnected { server } if server.name() == "late").then_some(()));
    field.meanwhile(task);
    field.until("counted", |field| field.target.stats().rejected.iter().sum::<u64>() == 500);
    let stats = field.target.stats();
    let (throttled, silent) = (stats.rejected(Rejection::Throttled), stats.rejected(Rejection::TimedOut));
    assert!(silent >= 32 && throttled > 0 && throttled + silent == 500, "{stats:?}");
    let logged = |sentence: &str| field.warnings.iter().filter(|line| line.contains(sentence)).count();
    assert_eq!((logged("limits.connects_per_address"), logged("limits.handshake_ms")), (1, 1), "{:#?}", field.warnings);
    drop(late);
}

#[test]
fn a_hundred_thousand_pings_and_no_answer_is_read() {
    let mut field = Field::new(LONG, "");
    let mallory = field.enrol("mallory");
    let mut line = link(&mut field, &mallory);
    let before = resident();
    let task = field.runtime.spawn(async move {
        let pings: Vec<u8> = (0..1000).flat_map(|stamp| Control::Ping { stamp }.frame()).collect();
        for _ in 0..100 {
            line.write(&pings).await;
        }
        line.write(&message(3, b"still here")).await;
        line
    });
    let mut line = field.meanwhile(task);
    // Frames are read in order: with this one, all the pings have been read.
    field.event("the message behind the pings", |event| matches!(event, Event::Message { .. }).then_some(()));
    let grown = resident().saturating_sub(before);
    assert!(grown < 4 << 20, "{grown} bytes more");
    let task = field.runtime.spawn(async move {
        line.expect("the newest pong", |control| (*control == Control::Pong { stamp: 999 }).then_some(())).await;
    });
    field.meanwhile(task);
}

#[test]
fn empty_messages_to_a_game_that_does_not_poll() {
    let mut field = Field::new(LONG, "limits.inbox_bytes = 1048576");
    let mallory = field.enrol("mallory");
    let mut line = link(&mut field, &mallory);
    let before = resident();
    let task = field.runtime.spawn(async move {
        // One TLS record each: nothing is as small on the wire and as big in memory.
        let empty = message(3, b"");
        let mut sent = 0_u32;
        while tokio::time::timeout(Duration::from_secs(2), line.write(&empty)).await.is_ok() {
            sent += 1;
        }
        (line, sent)
    });
    let deadline = Instant::now() + PATIENCE;
    while !task.is_finished() {
        assert!(Instant::now() < deadline, "the target reads without end");
        std::thread::yield_now();
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 6 << 20, "{grown} bytes more for an inbox of 1 MiB");
    let (line, sent) = field.meanwhile(task);
    assert!(sent > 1000, "{sent} messages");
    let messages = |field: &Field| field.events.iter().filter(|event| matches!(event, Event::Message { .. })).count();
    field.until("all of them", |field| messages(field) >= sent as usize);
    drop(line);
}

#[test]
fn a_member_that_does_not_read() {
    let mut field = Field::new(LONG, "limits.outbox_bytes = 1048576");
    let mallory = field.enrol("mallory");
    let line = link(&mut field, &mallory);
    let payload = vec![7; 16 * 1024];
    let before = resident();
    let mut full = 0;
    field.until("the outbox stays full", |field| {
        match field.target.send(mallory.entry.id, 1, &payload, SendMode::Reliable) {
            Ok(()) => full = 0,
            Err(Error::QueueFull { .. }) => full += 1,
            Err(error) => panic!("{error}"),
        }
        full > 50
    });
    let grown = resident().saturating_sub(before);
    assert!(grown < 4 << 20, "{grown} bytes more for an outbox of 1 MiB");
    drop(line);
}

/// The node waits while the game does not poll; strangers must not pile up behind it.
#[test]
fn diallers_while_the_game_does_not_poll() {
    let mut field = Field::new(Duration::from_secs(2), "limits.event_queue_bytes = 65536");
    let mallory = field.enrol("mallory");
    let target = field.target();
    let (tls, hello) = (mallory.tls.clone(), target.hello(mallory.id(), "mallory"));
    let task = field.runtime.spawn(async move {
        // Every link and its end are two events, until there is no room for more.
        loop {
            let mut line = target.tls(&tls).await;
            line.say(Control::Hello(hello.clone())).await;
            match line.hear().await {
                Some(Control::Welcome(_)) => {
                    line.say(Control::Confirm).await;
                    line.hear().await;
                }
                Some(Control::Refused(refusal)) => return (refusal, line.closed().await),
                other => panic!("{other:?}"),
            }
        }
    });
    let deadline = Instant::now() + PATIENCE;
    while !task.is_finished() {
        assert!(Instant::now() < deadline, "the diallers go on and on; {} bytes of events wait", field.target.stats().event_bytes);
        std::thread::yield_now();
    }
    assert!(field.target.stats().event_bytes < 2 * 65536);
    let (refusal, _) = field.meanwhile(task);
    assert_eq!(refusal.code, RefusalCode::Unavailable, "{}", refusal.text);
    assert!(refusal.text.contains("poll"), "{}", refusal.text);
    field.events.clear();
    let line = link(&mut field, &mallory);
    drop(line);
}
