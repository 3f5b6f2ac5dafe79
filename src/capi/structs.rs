//! The structs of the C ABI. Fields are only ever added at the end, and there is no padding: what C gets is never left uninitialised.

use std::ffi::c_char;

/// What a function answers: SINEW_RESULT_*. Treat numbers you do not know by their range, see ERRORS above.
pub type sinew_result = i32;

/// One thing that happened. What its pointers lead to is lent until the next sinew_server_poll or sinew_server_free on
/// the same server. Fields that SINEW_EVENT_* does not mention for a type are 0 or NULL.
#[repr(C)]
pub struct sinew_event {
    /// SINEW_EVENT_*. Skip types you do not know: later versions add some.
    pub r#type: u32,
    /// SINEW_MODE_* of a message.
    pub mode: u32,
    /// The remote server, or this server's own id in SINEW_EVENT_STARTED.
    pub server: u64,
    /// Kept for game clients: 0.
    pub client: u64,
    /// The number of a request.
    pub request: u64,
    /// The remote server's group, NUL-terminated; NULL in events that are about no server.
    pub group: *const c_char,
    /// A message's payload (not NULL even if empty), text in UTF-8 with a NUL behind it, or a struct, see SINEW_EVENT_*.
    pub data: *const u8,
    /// Bytes in `data`, not counting the NUL behind text.
    pub len: usize,
    /// The message's tag, 0 to 65535.
    pub tag: u32,
    /// A reason or a level, see SINEW_EVENT_*.
    pub code: u32,
    /// A number, see SINEW_EVENT_*.
    pub count: u64,
    /// Kept for later: 0.
    pub reserved: u64,
}

/// A key and a value that a server registered with: UTF-8, any characters, NUL included. In an event a NUL stands behind both.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sinew_property {
    pub key: *const c_char,
    /// Bytes in `key`, without the NUL.
    pub key_len: usize,
    pub value: *const c_char,
    /// Bytes in `value`, without the NUL.
    pub value_len: usize,
}

/// One entry of a registry that the game connects itself: in SINEW_EVENT_REGISTRY_REGISTER what this server is to be registered as,
/// in sinew_registry_server_joined what stands in the registry.
#[repr(C)]
pub struct sinew_registration {
    /// Set to sizeof(sinew_registration) before the call. In an event: how much of it there is.
    pub size: u32,
    /// SINEW_VISIBILITY_* of its group, for your own use. Not read in a call: there it is what the configuration says of the group.
    pub visibility: u32,
    /// In an event: an id that nobody has, to be used unless the registry gives ids of its own.
    pub id: u64,
    /// 1 to 63 characters of a-z A-Z 0-9 _ . -
    pub group: *const c_char,
    /// Bytes in `group`, without the NUL.
    pub group_len: usize,
    /// Unique in its group; the same characters.
    pub name: *const c_char,
    /// Bytes in `name`, without the NUL.
    pub name_len: usize,
    /// What the others dial: a host name or an address, IPv6 without brackets. At most 255 bytes.
    pub host: *const c_char,
    /// Bytes in `host`, without the NUL.
    pub host_len: usize,
    /// The port beside it, 1 to 65535.
    pub port: u32,
    /// Kept for later: 0.
    pub reserved: u32,
    /// Any number of them, at most 4 KiB in all; NULL is fine for none.
    pub properties: *const sinew_property,
    /// How many there are.
    pub property_count: usize,
}

/// This server, as the others see it.
#[repr(C)]
pub struct sinew_local_info {
    /// Set to sizeof(sinew_local_info) before the call.
    pub size: u32,
    /// SINEW_VISIBILITY_* of its group.
    pub visibility: u32,
    /// 0 until SINEW_EVENT_STARTED.
    pub id: u64,
    /// NUL-terminated, as all text in structs.
    pub group: [c_char; 64],
    /// Unique in its group.
    pub name: [c_char; 64],
    /// What others dial; until SINEW_EVENT_STARTED, the bound address.
    pub host: [c_char; 256],
    /// The real one, also where the configuration says 0.
    pub port: u32,
    /// Kept for later: 0.
    pub reserved: u32,
}

/// A group that this server's group is connected with.
#[repr(C)]
pub struct sinew_group_info {
    /// Set to sizeof(sinew_group_info) in the first element before the call.
    pub size: u32,
    /// SINEW_VISIBILITY_*.
    pub visibility: u32,
    /// As in the configuration.
    pub name: [c_char; 64],
    /// SINEW_DIRECTION_* bits: which group names which in `connects_to`.
    pub direction: u32,
    /// Servers in view, connected or not.
    pub count: u32,
}

/// Another server, as seen from this one.
#[repr(C)]
pub struct sinew_remote_info {
    /// Set to sizeof(sinew_remote_info) before the call.
    pub size: u32,
    /// SINEW_STATE_*.
    pub state: u32,
    /// The one asked for.
    pub id: u64,
    /// Its group.
    pub group: [c_char; 64],
    /// Its name, unique in its group.
    pub name: [c_char; 64],
    /// What is dialled to reach it: a host name or an address.
    pub host: [c_char; 256],
    /// The port beside it.
    pub port: u32,
    /// One of SINEW_DIRECTION_*: which side dials.
    pub direction: u32,
    /// Round trip of the last keep-alive in microseconds; 0 while not measured.
    pub rtt_us: u32,
    /// Kept for later: 0.
    pub reserved: u32,
    /// Bytes that wait to be sent to it or to be acknowledged by it, 8 bytes per message for its header included: what counts against
    /// `limits.outbox_bytes`.
    pub queued_bytes: u64,
    /// Its property `load`; NaN: it tells none.
    pub load: f64,
    /// Its property `capacity`; NaN: it tells none.
    pub capacity: f64,
    /// SINEW_READINESS_*: its property `state`.
    pub readiness: u32,
    /// Requests of this server that it has not answered.
    pub open_requests: u32,
}

/// How this server is doing: numbers for operators. Counters of messages are over the servers in view now.
#[repr(C)]
pub struct sinew_stats {
    /// Set to sizeof(sinew_stats) before the call.
    pub size: u32,
    /// Servers in view.
    pub servers: u32,
    /// Of those, connected.
    pub connected: u32,
    /// Kept for later: 0.
    pub reserved: u32,
    /// Messages taken by a send.
    pub messages_sent: u64,
    /// Messages that arrived, polled or not.
    pub messages_received: u64,
    /// Unreliable messages dropped because a link was busy.
    pub messages_dropped: u64,
    /// Times a send was answered SINEW_RESULT_QUEUE_FULL.
    pub sends_refused: u64,
    /// Bytes that wait in all outboxes.
    pub outbox_bytes: u64,
    /// Bytes of messages received that wait for a poll, or are lent by the last one.
    pub inbox_bytes: u64,
    /// Bytes of other events that wait for a poll.
    pub event_bytes: u64,
    /// How long the oldest event that waits for a poll has waited, in microseconds.
    pub oldest_event_wait_us: u64,
    /// Log lines dropped because nobody polled.
    pub logs_dropped: u64,
    /// Connections that were not TLS 1.3 with Sinew's protocol.
    pub rejected_not_tls: u64,
    /// Connections that showed no certificate, or not one of this cluster.
    pub rejected_untrusted: u64,
    /// Connections that broke off during the handshake.
    pub rejected_aborted: u64,
    /// Connections that did not finish the handshake in time.
    pub rejected_timed_out: u64,
    /// Connections whose handshake made no sense.
    pub rejected_malformed: u64,
    /// Connections that were refused with a sentence: version, cluster, identity, topology, registry.
    pub rejected_refused: u64,
    /// Connections that came while too many handshakes were under way.
    pub rejected_overload: u64,
    /// Bytes of messages, headers included, that are not known to have arrived, those that wait in an outbox included.
    pub unacknowledged_bytes: u64,
    /// Memory that lies ready for the next messages.
    pub recycled_bytes: u64,
    /// Most memory that messages and events can take by the limits, with as many links as now.
    pub ceiling_bytes: u64,
    /// Of messages_dropped: because the stream was busy.
    pub dropped_link_busy: u64,
    /// Of messages_dropped: because too many waited for a datagram.
    pub dropped_datagram_queue: u64,
    /// Datagrams received that made no sense, dropped whole.
    pub dropped_malformed: u64,
    /// Messages that came by datagram while too much waited for a poll.
    pub dropped_inbox_full: u64,
    /// Of messages_received: those that came by datagram.
    pub received_by_datagram: u64,
    /// Connections closed at once because their address opens them too often.
    pub rejected_throttled: u64,
    /// Requests made by this server since its start; one that is tried again elsewhere counts again.
    pub requests_sent: u64,
    /// Answers to them that came in time.
    pub requests_answered: u64,
    /// Those of which SINEW_EVENT_REQUEST_FAILED told, or the error of a future.
    pub requests_failed: u64,
    /// Answers that came when nobody waited any more, dropped.
    pub replies_late: u64,
    /// Requests of other servers.
    pub requests_received: u64,
}

// The sizes C sees on every 64-bit platform; wrappers in other languages rely on them.
#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(size_of::<sinew_event>() == 80);
    assert!(size_of::<sinew_local_info>() == 408);
    assert!(size_of::<sinew_group_info>() == 80);
    assert!(size_of::<sinew_remote_info>() == 448);
    assert!(size_of::<sinew_stats>() == 256);
    assert!(size_of::<sinew_property>() == 32);
    assert!(size_of::<sinew_registration>() == 88);
};
