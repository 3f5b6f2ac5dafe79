//! `sinew_server_info`, `_groups`, `_group_members`, `_find`, `_explain`, `_stats`: what is known at this moment.

use super::constants::*;
use super::guard::guard;
use super::pointers::{array, copy_text, field, fill, object, put, required, server_id, sized, text};
use super::server::sinew_server;
use super::structs::{sinew_group_info, sinew_local_info, sinew_remote_info, sinew_result, sinew_stats};
use crate::cluster::Direction;
use crate::config::Visibility;
use crate::error::Error;
use crate::server::{Rejection, ServerGroup};
use std::ffi::c_char;

/// This server, as the others see it. Set `out->size` first.
///
/// Errors: INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_info(server: *const sinew_server, out: *mut sinew_local_info) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        let info = unsafe { object("server", server)? }.server.info();
        let make = |size| sinew_local_info {
            size,
            visibility: visibility(info.visibility),
            id: info.id.map_or(0, |id| id.get()),
            group: field(&info.group),
            name: field(&info.name),
            host: field(&info.host),
            port: info.port.into(),
            reserved: 0,
        };
        // SAFETY: NULL, or a struct as long as its size says, by the caller's promise; ours have no pointers and no padding.
        unsafe { fill("out", out, make) }
    })
}

/// The groups that this server's group is connected with, ordered by name. Set `out[0].size` first.
///
/// `*count` tells how many there are; the first `capacity` of them are written. `out` may be NULL when `capacity` is 0.
///
/// Errors: INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_groups(
    server: *const sinew_server,
    out: *mut sinew_group_info,
    capacity: usize,
    count: *mut usize,
) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        let server = unsafe { object("server", server)? };
        let count = required("count", count)?;
        let groups = server.server.groups();
        if capacity > 0 {
            let out = array("out", out, capacity)?;
            // SAFETY: not NULL, and there is at least one element, aligned and with a readable size, by the caller's promise.
            let size = unsafe { sized("out[0]", out)? };
            for (index, group) in groups.iter().take(capacity).enumerate() {
                // SAFETY: element `index` of `capacity`, each as long as the caller's own struct, which is not shorter than ours.
                unsafe { put(out.byte_add(index * size as usize), group_info(group, size)) };
            }
        }
        // SAFETY: not NULL, writable by the caller's promise.
        unsafe { put(count, groups.len()) };
        Ok(())
    })
}

fn group_info(group: &ServerGroup, size: u32) -> sinew_group_info {
    let bit = |set: bool, bit: u32| if set { bit } else { 0 };
    sinew_group_info {
        size,
        visibility: visibility(group.visibility()),
        name: field(group.name()),
        direction: bit(group.is_outgoing(), SINEW_DIRECTION_OUTGOING) | bit(group.is_incoming(), SINEW_DIRECTION_INCOMING),
        count: u32::try_from(group.members().len()).unwrap_or(u32::MAX),
    }
}

/// The ids of a group's servers in view, connected or not, the oldest registration first.
///
/// `*count` tells how many there are; the first `capacity` of them are written. `ids` may be NULL when `capacity` is 0.
///
/// Errors: UNKNOWN_GROUP (not in the topology, or not connected with this server's group), INVALID_UTF8, INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_group_members(
    server: *const sinew_server,
    group: *const c_char,
    group_len: usize,
    ids: *mut u64,
    capacity: usize,
    count: *mut usize,
) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        let server = unsafe { object("server", server)? };
        let count = required("count", count)?;
        // SAFETY: `group_len` readable bytes by the caller's promise.
        let name = unsafe { text("group", group, group_len)? };
        let members = server.server.members(name)?;
        if capacity > 0 {
            let ids = array("ids", ids, capacity)?;
            for (index, member) in members.iter().take(capacity).enumerate() {
                // SAFETY: room for `capacity` ids by the caller's promise.
                unsafe { put(ids.add(index), member.get()) };
            }
        }
        // SAFETY: not NULL, writable by the caller's promise.
        unsafe { put(count, members.len()) };
        Ok(())
    })
}

/// One remote server in view. Set `out->size` first.
///
/// Errors: UNKNOWN_SERVER (it has left, or never was visible), INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_find(server: *const sinew_server, id: u64, out: *mut sinew_remote_info) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        let server = unsafe { object("server", server)? };
        let id = server_id(id)?;
        let remote = server.server.find(id).ok_or(Error::UnknownServer(id))?;
        let make = |size| sinew_remote_info {
            size,
            state: remote.state() as u32,
            id: id.get(),
            group: field(remote.group()),
            name: field(remote.name()),
            host: field(&remote.host()),
            port: remote.port().into(),
            direction: match remote.direction() {
                Direction::Outgoing => SINEW_DIRECTION_OUTGOING,
                Direction::Incoming => SINEW_DIRECTION_INCOMING,
            },
            rtt_us: remote.round_trip_time().map_or(0, |time| u32::try_from(time.as_micros()).unwrap_or(u32::MAX)),
            reserved: 0,
            queued_bytes: remote.queued_bytes() as u64,
            load: remote.load().unwrap_or(f64::NAN),
            capacity: remote.capacity().unwrap_or(f64::NAN),
            readiness: remote.readiness() as u32,
            open_requests: u32::try_from(remote.open_requests()).unwrap_or(u32::MAX),
        };
        // SAFETY: NULL, or a struct as long as its size says, by the caller's promise; ours have no pointers and no padding.
        unsafe { fill("out", out, make) }
    })
}

/// Why the link to a remote server is, or is not, up: several lines of text for a person to read, not to parse.
///
/// `*needed` (NULL allowed) is its length in bytes without the NUL; it is longer than what fits in `capacity` when the
/// copy was cut.
///
/// Errors: UNKNOWN_SERVER, INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_explain(
    server: *const sinew_server,
    id: u64,
    out: *mut c_char,
    capacity: usize,
    needed: *mut usize,
) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        let server = unsafe { object("server", server)? };
        let text = server.server.explain(server_id(id)?)?;
        // SAFETY: `capacity` writable bytes, and `needed` NULL or writable, by the caller's promise.
        unsafe { copy_text(&text, out, capacity, needed) }
    })
}

/// How this server is doing. Set `out->size` first.
///
/// Errors: INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_stats(server: *const sinew_server, out: *mut sinew_stats) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        let server = unsafe { object("server", server)? };
        let stats = server.server.stats();
        // What a poll has taken out of the queue, and had no room for, waits as well.
        let rest = server.unread();
        let make = |size| sinew_stats {
            size,
            servers: stats.servers as u32,
            connected: stats.connected as u32,
            reserved: 0,
            messages_sent: stats.messages_sent,
            messages_received: stats.messages_received,
            messages_dropped: stats.messages_dropped,
            sends_refused: stats.sends_refused,
            outbox_bytes: stats.outbox_bytes as u64,
            inbox_bytes: stats.inbox_bytes as u64,
            event_bytes: (stats.event_bytes + rest.event_bytes) as u64,
            oldest_event_wait_us: u64::try_from(stats.oldest_event_wait.max(rest.waited()).as_micros()).unwrap_or(u64::MAX),
            logs_dropped: stats.logs_dropped,
            rejected_not_tls: stats.rejected(Rejection::NotTls),
            rejected_untrusted: stats.rejected(Rejection::Untrusted),
            rejected_aborted: stats.rejected(Rejection::Aborted),
            rejected_timed_out: stats.rejected(Rejection::TimedOut),
            rejected_malformed: stats.rejected(Rejection::Malformed),
            rejected_refused: stats.rejected(Rejection::Refused),
            rejected_overload: stats.rejected(Rejection::Overload),
            unacknowledged_bytes: stats.unacknowledged_bytes,
            recycled_bytes: stats.recycled_bytes as u64,
            ceiling_bytes: stats.ceiling_bytes as u64,
            dropped_link_busy: stats.dropped_link_busy,
            dropped_datagram_queue: stats.dropped_datagram_queue,
            dropped_malformed: stats.dropped_malformed,
            dropped_inbox_full: stats.dropped_inbox_full,
            received_by_datagram: stats.received_by_datagram,
            rejected_throttled: stats.rejected(Rejection::Throttled),
            requests_sent: stats.requests_sent,
            requests_answered: stats.requests_answered,
            requests_failed: stats.requests_failed,
            replies_late: stats.replies_late,
            requests_received: stats.requests_received,
        };
        // SAFETY: NULL, or a struct as long as its size says, by the caller's promise; ours have no pointers and no padding.
        unsafe { fill("out", out, make) }
    })
}

fn visibility(visibility: Visibility) -> u32 {
    match visibility {
        Visibility::Internal => SINEW_VISIBILITY_INTERNAL,
        Visibility::External => SINEW_VISIBILITY_EXTERNAL,
    }
}
