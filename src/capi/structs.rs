//! The structs of the C ABI. Fields are only ever added at the end.

use std::ffi::c_char;

/// One thing that happened. What its pointers lead to is lent until the next `sinew_server_poll` or `sinew_server_free` on the same server.
///
/// Fields that a type does not mention are 0 or NULL.
#[repr(C)]
pub struct sinew_event {
    /// SINEW_EVENT_*. Skip types you do not know: later versions add some.
    pub r#type: u32,
    /// SINEW_MODE_* of a message.
    pub mode: u32,
    /// The remote server, or this server's own id in SINEW_EVENT_STARTED.
    pub server: u64,
    /// Reserved for game clients: 0.
    pub client: u64,
    /// Reserved for requests: 0.
    pub request: u64,
    /// The remote server's group, NUL-terminated.
    pub group: *const c_char,
    /// A message's payload (never NULL), or text (NUL-terminated behind `len`).
    pub data: *const u8,
    /// Bytes in `data`, without the NUL behind text.
    pub len: usize,
    /// The message's tag, 0 to 65535.
    pub tag: u32,
    /// A reason or level, by type.
    pub code: u32,
    /// A number, by type.
    pub count: u64,
    pub reserved: u64,
}

/// This server, as the others see it.
#[repr(C)]
pub struct sinew_server_info {
    /// Set to sizeof(sinew_server_info) before the call.
    pub size: u32,
    /// SINEW_VISIBILITY_* of its group.
    pub visibility: u32,
    /// 0 until SINEW_EVENT_STARTED.
    pub id: u64,
    pub group: [c_char; 64],
    pub name: [c_char; 64],
    /// What others dial.
    pub host: [c_char; 256],
    pub port: u32,
    pub reserved: u32,
}

/// A group that this server's group is connected with.
#[repr(C)]
pub struct sinew_group_info {
    /// Set to sizeof(sinew_group_info) in the first element before the call.
    pub size: u32,
    /// SINEW_VISIBILITY_*.
    pub visibility: u32,
    pub name: [c_char; 64],
    /// SINEW_DIRECTION_* bits.
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
    pub id: u64,
    pub group: [c_char; 64],
    pub name: [c_char; 64],
    pub host: [c_char; 256],
    pub port: u32,
    /// SINEW_DIRECTION_*: which side dials.
    pub direction: u32,
    /// Round trip of the last keep-alive in microseconds; 0 while not measured.
    pub rtt_us: u32,
    pub reserved: u32,
    /// Bytes that wait in its outbox.
    pub queued_bytes: u64,
}

/// How this server is doing. Counters of messages are over the servers in view now.
#[repr(C)]
pub struct sinew_stats {
    /// Set to sizeof(sinew_stats) before the call.
    pub size: u32,
    /// Servers in view.
    pub servers: u32,
    /// Of those, connected.
    pub connected: u32,
    pub reserved: u32,
    pub messages_sent: u64,
    pub messages_received: u64,
    /// Unreliable messages dropped because a link was busy.
    pub messages_dropped: u64,
    /// Times a send was answered SINEW_RESULT_QUEUE_FULL.
    pub sends_refused: u64,
    /// Bytes that wait in all outboxes.
    pub outbox_bytes: u64,
    /// Bytes of messages received and not yet polled.
    pub inbox_bytes: u64,
    /// Bytes of other events not yet polled.
    pub event_bytes: u64,
    /// How long the oldest event has waited for a poll, in microseconds.
    pub oldest_event_wait_us: u64,
    /// Log lines dropped because nobody polled.
    pub logs_dropped: u64,
    /// Connections that were not TLS 1.3 with Sinew's protocol.
    pub rejected_not_tls: u64,
    /// ... that showed no certificate, or not one of this cluster.
    pub rejected_untrusted: u64,
    /// ... that broke off during the handshake.
    pub rejected_aborted: u64,
    /// ... that did not finish the handshake in time.
    pub rejected_timed_out: u64,
    /// ... whose handshake made no sense.
    pub rejected_malformed: u64,
    /// ... that were refused with a sentence: version, cluster, identity, topology, registry.
    pub rejected_refused: u64,
    /// ... that came while too many handshakes were under way.
    pub rejected_overload: u64,
}

// The sizes C sees on every 64-bit platform; wrappers in other languages rely on them.
#[cfg(target_pointer_width = "64")]
const _: () = {
    assert!(size_of::<sinew_event>() == 80);
    assert!(size_of::<sinew_server_info>() == 408);
    assert!(size_of::<sinew_group_info>() == 80);
    assert!(size_of::<sinew_remote_info>() == 424);
    assert!(size_of::<sinew_stats>() == 144);
};
