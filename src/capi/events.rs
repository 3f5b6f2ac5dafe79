//! From the queue to the caller's array: batches are walked where they lie, and lent until the next poll.

use super::constants::*;
use super::registry::LentEntry;
use super::server::Groups;
use super::structs::{sinew_event, sinew_registration};
use crate::config::LogLevel;
use crate::event::{Batch, Event, EventQueue, Item};
use crate::message::{Label, Role, read_head};
use crate::registry::Registration;
use crate::server::RemoteServer;
use parking_lot::{Mutex, RwLock};
use std::collections::VecDeque;
use std::ffi::{CStr, CString, c_char};
use std::mem::MaybeUninit;
use std::ptr::null;
use std::time::{Duration, Instant};

/// What `sinew_server_poll` has taken from the queue and not yet given back.
#[derive(Default)]
pub(super) struct Lent {
    /// Taken, and not given to the caller yet (the front batch perhaps in part).
    waiting: VecDeque<Item>,
    /// Given to the caller: its events point into these.
    items: Vec<Item>,
    texts: Vec<CString>,
    entries: Vec<LentEntry>,
}

/// What a poll has taken and its caller had no room for, for `sinew_server_stats`.
#[derive(Clone, Copy, Default)]
pub(super) struct Unread {
    pub(super) event_bytes: usize,
    since: Option<Instant>,
}

impl Unread {
    pub(super) fn waited(&self) -> Duration {
        self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

impl Lent {
    /// Fills `events` as far as there is something; `None`: stopped, and everything has been given out. Takes back what it gave before.
    pub(super) fn poll(
        &mut self,
        queue: &EventQueue,
        groups: &RwLock<Groups>,
        unread: &Mutex<Unread>,
        timeout: Duration,
        events: &mut [MaybeUninit<sinew_event>],
    ) -> Option<usize> {
        self.items.clear();
        self.texts.clear();
        self.entries.clear();
        if self.waiting.is_empty() {
            queue.take(timeout, &mut self.waiting)?;
            unread.lock().event_bytes = self.waiting.iter().map(cost).sum();
        }
        // Not while it waits: a reload adds to them.
        let groups = &*groups.read();
        let mut given = 0;
        let mut filled = 0;
        while filled < events.len() {
            match self.waiting.front_mut() {
                None => break,
                Some(Item::Messages(batch)) => {
                    let group = group_of(groups, &batch.peer.group);
                    let template = sinew_event { server: batch.peer.id.get(), group, ..empty(SINEW_EVENT_MESSAGE) };
                    let mut now = 0;
                    for (slot, span) in events[filled..].iter_mut().zip(batch.rest()) {
                        let payload = batch.payload(*span);
                        let Label { tag, delivery, role } = span.label;
                        let event = sinew_event { mode: delivery.into(), tag: tag.into(), ..template };
                        slot.write(match role {
                            Role::Message => sinew_event { data: payload.as_ptr(), len: payload.len(), ..event },
                            role => asked(event, role, payload),
                        });
                        now += 1;
                    }
                    filled += now;
                    batch.advance(now);
                    if !batch.rest().is_empty() {
                        break;
                    }
                }
                Some(Item::Event { event, .. }) => {
                    if let Some(event) = describe(event, groups, &mut self.texts, &mut self.entries) {
                        events[filled].write(event);
                        filled += 1;
                    }
                }
            }
            if let Some(item) = self.waiting.pop_front() {
                given += cost(&item);
                self.items.push(item);
            }
        }
        let mut unread = unread.lock();
        unread.event_bytes -= given;
        unread.since = self.waiting.front().map(|item| match item {
            Item::Event { since, .. } | Item::Messages(Batch { since, .. }) => *since,
        });
        Some(filled)
    }
}

/// A request or a reply.
fn asked(event: sinew_event, role: Role, body: &[u8]) -> sinew_event {
    // Whoever put it into the queue has seen that the head is there.
    let (request, code, payload) = read_head(body).unwrap_or((0, 0, &[]));
    let event = sinew_event { request, data: payload.as_ptr(), len: payload.len(), ..event };
    match role {
        // The number is the peer's time limit.
        Role::Request => sinew_event { r#type: SINEW_EVENT_REQUEST, count: code.into(), ..event },
        _ => sinew_event { r#type: SINEW_EVENT_REPLY, code, ..event },
    }
}

/// What an item counts as an event that waits; messages are counted by their link's inbox.
fn cost(item: &Item) -> usize {
    match item {
        Item::Event { event, .. } => event.cost(),
        Item::Messages(_) => 0,
    }
}

/// One event other than a message; `None` for kinds this ABI does not know.
fn describe(event: &Event, groups: &Groups, texts: &mut Vec<CString>, entries: &mut Vec<LentEntry>) -> Option<sinew_event> {
    let about = |kind: u32, server: &RemoteServer| sinew_event {
        server: server.id().get(),
        group: group_of(groups, server.group()),
        ..empty(kind)
    };
    let mut with_text = |event: sinew_event, text: &str| {
        // A NUL inside would end the text early for a C reader.
        texts.push(CString::new(text.replace('\0', " ")).unwrap_or_default());
        // Pointed to where it stays: its bytes have a place of their own, which does not move when `texts` grows.
        let text = texts.last().map_or(c"", CString::as_c_str);
        sinew_event { data: text.as_ptr().cast(), len: text.count_bytes(), ..event }
    };
    let mut with_entry = |event: sinew_event, entry: &Registration| {
        let lent = LentEntry::new(entry);
        let event = sinew_event { data: lent.data(), len: size_of::<sinew_registration>(), ..event };
        entries.push(lent);
        event
    };
    event.given();
    Some(match event {
        Event::Started { id } => sinew_event { server: id.get(), ..empty(SINEW_EVENT_STARTED) },
        Event::ServerJoined { server } => with_entry(about(SINEW_EVENT_SERVER_JOINED, server), &server.entry()),
        Event::ServerUpdated { server } => with_entry(about(SINEW_EVENT_SERVER_UPDATED, server), &server.entry()),
        Event::RequestFailed { server, request, failure } => {
            sinew_event { request: request.get(), code: *failure as u32, ..about(SINEW_EVENT_REQUEST_FAILED, server) }
        }
        Event::ServerConnected { server } => about(SINEW_EVENT_SERVER_CONNECTED, server),
        Event::ServerInterrupted { server } => about(SINEW_EVENT_SERVER_INTERRUPTED, server),
        Event::ServerResumed { server } => about(SINEW_EVENT_SERVER_RESUMED, server),
        Event::ServerDisconnected { server, reason, text, unacknowledged } => {
            let event = sinew_event { code: *reason as u32, count: *unacknowledged, ..about(SINEW_EVENT_SERVER_DISCONNECTED, server) };
            with_text(event, text)
        }
        Event::ServerLeft { server, reason } => sinew_event { code: *reason as u32, ..about(SINEW_EVENT_SERVER_LEFT, server) },
        Event::Writable { server } => about(SINEW_EVENT_WRITABLE, server),
        Event::RegistryLost { text } => with_text(empty(SINEW_EVENT_REGISTRY_LOST), text),
        Event::RegistryRestored => empty(SINEW_EVENT_REGISTRY_RESTORED),
        Event::RegistryRegister { entry } => {
            let group = group_of(groups, &entry.group);
            with_entry(sinew_event { server: entry.id.get(), group, ..empty(SINEW_EVENT_REGISTRY_REGISTER) }, entry)
        }
        Event::RegistryDeregister { id } => sinew_event { server: id.get(), ..empty(SINEW_EVENT_REGISTRY_DEREGISTER) },
        Event::RegistryConnectionFailure { server } => about(SINEW_EVENT_REGISTRY_CONNECTION_FAILURE, server),
        Event::Log { level, target, text } => {
            let code = match level {
                LogLevel::Error => SINEW_LOG_ERROR,
                LogLevel::Warn => SINEW_LOG_WARN,
                LogLevel::Info => SINEW_LOG_INFO,
                LogLevel::Debug => SINEW_LOG_DEBUG,
                LogLevel::Trace => SINEW_LOG_TRACE,
            };
            with_text(sinew_event { code, ..empty(SINEW_EVENT_LOG) }, &format!("{target}: {text}"))
        }
        Event::Stopped { reason, text } => with_text(sinew_event { code: *reason as u32, ..empty(SINEW_EVENT_STOPPED) }, text),
        // These come in batches, not as events of their own.
        Event::Message { .. } | Event::Request { .. } | Event::Reply { .. } => return None,
    })
}

fn group_of(groups: &Groups, name: &str) -> *const c_char {
    // Only servers of groups in our own topology are in view.
    groups.get(name).map_or(c"".as_ptr(), |group| CStr::as_ptr(group))
}

fn empty(kind: u32) -> sinew_event {
    sinew_event {
        r#type: kind,
        mode: 0,
        server: 0,
        client: 0,
        request: 0,
        group: null(),
        data: null(),
        len: 0,
        tag: 0,
        code: 0,
        count: 0,
        reserved: 0,
    }
}
