//! The exported functions, driven from Rust where C cannot look: what is lent while more arrives, and bugs in the middle of a call.
//!
//! The caller's promises are kept throughout: pointers lead to locals and to servers that `Started` frees last, and what is lent is read
//! before the next poll.

use super::constants::*;
use super::errors::sinew_last_error;
use super::info::{sinew_server_find, sinew_server_stats};
use super::server::*;
use super::structs::{sinew_event, sinew_remote_info, sinew_stats};
use crate::cluster::Direction;
use crate::config::{LimitsSection, RuntimeSection};
use crate::event::{Batch, Event, Span};
use crate::id::ServerId;
use crate::link::{Commons, Peer};
use crate::message::{Label, SendMode};
use crate::registry::Registration;
use std::collections::BTreeMap;
use std::ffi::CStr;
use std::ptr::null_mut;
use std::sync::Arc;
use std::time::Instant;

const PATIENCE_MS: u32 = 20_000;

const ALONE: &str = "log.to = 'none'\nserver.group = 'world'\ngroups.world.connects_to = ['world']\n\
                     registry.host = true\nregistry.listen = '127.0.0.1:0'\n";

/// A server started through the C ABI, freed at the end.
struct Started(*mut sinew_server);

impl Started {
    fn new() -> Self {
        let mut server = null_mut();
        let result = unsafe { sinew_server_start(ALONE.as_ptr().cast(), ALONE.len(), &mut server) };
        assert_eq!(result, SINEW_RESULT_OK, "{}", last_error());
        Self(server)
    }

    /// One that has said all it has to say, so that only what a test pushes comes.
    fn quiet() -> Self {
        let started = Self::new();
        assert_eq!(started.poll(PATIENCE_MS, 1)[0].r#type, SINEW_EVENT_STARTED);
        started
    }

    fn poll(&self, timeout_ms: u32, capacity: usize) -> Vec<sinew_event> {
        let (result, events) = self.try_poll(timeout_ms, capacity);
        assert_eq!(result, SINEW_RESULT_OK, "{}", last_error());
        events
    }

    fn try_poll(&self, timeout_ms: u32, capacity: usize) -> (i32, Vec<sinew_event>) {
        let mut events = Vec::with_capacity(capacity);
        let mut count = 0;
        let result = unsafe { sinew_server_poll(self.0, timeout_ms, events.as_mut_ptr(), capacity, &mut count) };
        unsafe { events.set_len(count) };
        (result, events)
    }

    fn push_messages(&self, peer: &Arc<Peer>, payloads: &[&str]) {
        let spans = payloads
            .iter()
            .scan(0, |end, payload| {
                let (start, len) = (*end, payload.len() as u32);
                *end += len;
                Some(Span { start, len, label: Label::message(7, SendMode::Unreliable.into()), large: 0 })
            })
            .collect();
        self.push_batch(peer, payloads.concat(), spans);
    }

    fn push_batch(&self, peer: &Arc<Peer>, chunk: String, spans: Vec<Span>) {
        let mut buffer = peer.commons.pool.take(chunk.len());
        buffer.append(chunk.as_bytes());
        let batch = Batch::new(peer.clone(), buffer, Vec::new(), spans);
        unsafe { &*self.0 }.server.queue().push_messages(batch);
    }

    fn push(&self, event: Event) {
        unsafe { &*self.0 }.server.queue().push(event);
    }

    fn stats(&self) -> sinew_stats {
        let mut stats = unsafe { std::mem::zeroed::<sinew_stats>() };
        stats.size = size_of::<sinew_stats>() as u32;
        assert_eq!(unsafe { sinew_server_stats(self.0, &mut stats) }, SINEW_RESULT_OK);
        stats
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        unsafe { sinew_server_free(self.0) };
    }
}

fn last_error() -> String {
    let mut buffer = [0; 1024];
    assert_eq!(unsafe { sinew_last_error(buffer.as_mut_ptr(), buffer.len(), null_mut()) }, SINEW_RESULT_OK);
    unsafe { CStr::from_ptr(buffer.as_ptr()) }.to_str().expect("UTF-8").to_owned()
}

fn peer(id: u64) -> Arc<Peer> {
    let entry = Registration {
        id: ServerId::new(id).expect("an id"),
        group: "world".into(),
        name: format!("w{id}"),
        host: "127.0.0.1".into(),
        port: 1,
        visibility: Default::default(),
        properties: BTreeMap::new(),
    };
    let limits = LimitsSection::default();
    Arc::new(Peer::new(entry, Direction::Incoming, &limits, Commons::new(&limits, &RuntimeSection::default())))
}

fn payload(event: &sinew_event) -> &str {
    std::str::from_utf8(unsafe { std::slice::from_raw_parts(event.data, event.len) }).expect("UTF-8")
}

#[test]
fn polling_one_at_a_time_sees_every_message_once_in_order() {
    let server = Started::quiet();
    let (first, second) = (peer(11), peer(12));
    server.push_messages(&first, &["a", "", "b"]);
    server.push(Event::RegistryRestored);
    server.push_messages(&second, &["c"]);
    server.push_messages(&first, &["d", "e"]);
    let mut seen = Vec::new();
    loop {
        let events = server.poll(0, 1);
        let Some(event) = events.first() else { break };
        assert!(events.len() == 1);
        match event.r#type {
            SINEW_EVENT_MESSAGE => {
                assert_eq!((event.tag, event.mode), (7, SINEW_MODE_UNRELIABLE));
                assert!(!event.data.is_null());
                assert_eq!(unsafe { CStr::from_ptr(event.group) }, c"world");
                seen.push((event.server, payload(event).to_owned()));
            }
            other => seen.push((0, other.to_string())),
        }
    }
    let expected = [(11, "a"), (11, ""), (11, "b"), (0, "11"), (12, "c"), (11, "d"), (11, "e")];
    assert_eq!(seen, expected.map(|(id, text)| (id, text.to_owned())));
    assert_eq!((first.inbox.bytes(), second.inbox.bytes()), (0, 0), "what was lent is given back");
}

#[test]
fn a_batch_is_split_over_many_polls_of_any_size() {
    for capacity in [1, 2, 3, 7, 100] {
        let server = Started::quiet();
        let peer = peer(11);
        let payloads: Vec<String> = (0..20).map(|number| format!("message {number}")).collect();
        let parts: Vec<&str> = payloads.iter().map(String::as_str).collect();
        server.push_messages(&peer, &parts[..13]);
        server.push_messages(&peer, &parts[13..]);
        let mut seen = Vec::new();
        loop {
            let events = server.poll(0, capacity);
            assert!(events.len() == capacity.min(20 - seen.len()), "a poll takes as much as it has room for");
            if events.is_empty() {
                break;
            }
            seen.extend(events.iter().map(|event| payload(event).to_owned()));
        }
        assert_eq!(seen, payloads);
    }
}

#[test]
fn what_is_lent_stays_until_the_next_poll_whatever_arrives() {
    let server = Started::quiet();
    let peer = peer(11);
    server.push_messages(&peer, &["first", "second", "third"]);
    server.push(Event::RegistryLost { text: "the text\0 of an event".into() });
    let lent = server.poll(0, 2);
    for round in 0..1000 {
        server.push_messages(&peer, &[&format!("message of round {round}"), "x"]);
        server.push(Event::RegistryLost { text: format!("text of round {round}") });
    }
    // Mistakes do not take back what is lent.
    assert_eq!(server.try_poll(0, 0).0, SINEW_RESULT_INVALID_ARGUMENT);
    assert_eq!(lent.iter().map(payload).collect::<Vec<_>>(), ["first", "second"]);

    let lent = server.poll(0, 2002);
    assert_eq!(lent.len(), 2, "what was taken out of the queue before comes first");
    assert_eq!((payload(&lent[0]), lent[1].r#type), ("third", SINEW_EVENT_REGISTRY_LOST));
    assert_eq!(payload(&lent[1]), "the text  of an event", "a NUL inside would end the text for C");
    assert_eq!(unsafe { CStr::from_ptr(lent[1].data.cast()) }.to_bytes().len(), lent[1].len);

    let lent = server.poll(0, 3000);
    assert_eq!(lent.len(), 3000);
    for (round, events) in lent.chunks(3).enumerate() {
        assert_eq!(payload(&events[0]), format!("message of round {round}"));
        assert_eq!(unsafe { CStr::from_ptr(events[2].data.cast()) }.to_str(), Ok(format!("text of round {round}").as_str()));
    }
}

#[test]
fn statistics_know_what_a_poll_had_no_room_for() {
    let server = Started::quiet();
    server.push(Event::RegistryRestored);
    server.push(Event::RegistryLost { text: "x".repeat(1000) });
    assert_eq!(server.poll(0, 1).len(), 1);
    let stats = server.stats();
    assert!(stats.event_bytes >= 1000, "{}", stats.event_bytes);
    let deadline = Instant::now() + std::time::Duration::from_secs(20);
    while server.stats().oldest_event_wait_us < 1000 {
        assert!(Instant::now() < deadline, "an event waits and nobody counts");
        std::thread::yield_now();
    }
    assert_eq!(server.poll(0, 1).len(), 1);
    let stats = server.stats();
    assert_eq!((stats.event_bytes, stats.oldest_event_wait_us), (0, 0));
}

#[test]
fn a_panic_inside_a_call_is_an_answer_and_other_servers_go_on() {
    let (broken, healthy) = (Started::quiet(), Started::quiet());
    let peer = peer(11);
    // No link makes such a batch: a message beyond its bytes. Walking it panics in the middle of a poll, while its lock is held.
    broken.push_batch(
        &peer,
        "short".into(),
        vec![Span { start: 3, len: 10, label: Label::message(0, SendMode::Reliable.into()), large: 0 }],
    );
    let (result, events) = broken.try_poll(0, 8);
    assert_eq!((result, events.len()), (SINEW_RESULT_PANIC, 0));
    assert!(last_error().contains("a bug in Sinew was contained"), "{}", last_error());
    assert_eq!(broken.try_poll(0, 8).0, SINEW_RESULT_PANIC, "it is lost, but still answers, and is not BUSY for ever");
    assert_eq!(broken.stats().servers, 0);

    healthy.push_messages(&peer, &["fine"]);
    assert_eq!(healthy.poll(0, 8).iter().map(payload).collect::<Vec<_>>(), ["fine"]);
    drop(broken);
    assert_eq!(healthy.stats().servers, 0);
}

#[test]
fn a_server_whose_node_panics_says_that_it_has_stopped_and_other_servers_go_on() {
    let (broken, healthy) = (Started::quiet(), Started::quiet());
    unsafe { &*broken.0 }.server.break_node();
    let events = broken.poll(PATIENCE_MS, 8);
    let last = events.last().expect("an event");
    assert_eq!((last.r#type, last.code), (SINEW_EVENT_STOPPED, SINEW_STOP_FAILED));
    assert!(payload(last).contains("a bug in Sinew ended this server"));
    assert_eq!(broken.try_poll(u32::MAX, 8).0, SINEW_RESULT_STOPPED);
    assert_eq!(unsafe { sinew_server_send(broken.0, 11, 1, SINEW_MODE_RELIABLE, b"x".as_ptr(), 1) }, SINEW_RESULT_STOPPED);

    assert_eq!(unsafe { sinew_server_send(healthy.0, 11, 1, SINEW_MODE_RELIABLE, b"x".as_ptr(), 1) }, SINEW_RESULT_UNKNOWN_SERVER);
    assert_eq!(unsafe { sinew_server_stop(healthy.0) }, SINEW_RESULT_OK);
    let events = healthy.poll(PATIENCE_MS, 8);
    assert_eq!(events.last().map(|event| (event.r#type, event.code)), Some((SINEW_EVENT_STOPPED, SINEW_STOP_REQUESTED)));
}

#[test]
fn outputs_are_written_on_success_alone() {
    let server = Started::quiet();
    let mut remote = unsafe { std::mem::zeroed::<sinew_remote_info>() };
    remote.size = size_of::<sinew_remote_info>() as u32;
    remote.port = 99;
    assert_eq!(unsafe { sinew_server_find(server.0, 11, &mut remote) }, SINEW_RESULT_UNKNOWN_SERVER);
    assert_eq!((remote.port, remote.id), (99, 0));
}
