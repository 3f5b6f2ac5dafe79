//! `sinew_server_*`: the life of a server, its events and its messages.

use super::constants::sinew_result;
use super::events::Lent;
use super::guard::{guard, result_text, with_last_error};
use super::pointers::{bytes, copy_text, invalid, object, put, required, server_id, text};
use super::structs::sinew_event;
use crate::config::ServerConfig;
use crate::error::Error;
use crate::message::SendMode;
use crate::server::Server;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::path::Path;
use std::time::Duration;

/// One server of the cluster. Made by `sinew_server_start`, ended by `sinew_server_free`.
pub struct sinew_server {
    pub(super) server: Server,
    /// Held while polling.
    lent: Mutex<Lent>,
    /// The names that events point to.
    groups: BTreeMap<String, CString>,
}

/// Starts a server from a TOML text (UTF-8, `config_len` bytes) with the SINEW_* environment variables on top.
///
/// Binds its address before it returns; registers and connects in the background. On success `*out` is yours, to be ended with
/// `sinew_server_free`.
///
/// Errors: INVALID_CONFIG, INVALID_UTF8, ADDRESS_IN_USE, KEY, IO, INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_start(config: *const c_char, config_len: usize, out: *mut *mut sinew_server) -> sinew_result {
    guard(|| {
        let out = required("out", out)?;
        // SAFETY: the caller promises `config_len` readable bytes.
        let config = ServerConfig::from_toml(unsafe { text("config", config, config_len)? })?;
        // SAFETY: `out` is not NULL, and writable by the caller's promise.
        unsafe { put(out, start(config)?) };
        Ok(())
    })
}

/// Starts a server from a TOML file; `path` is UTF-8. Otherwise as `sinew_server_start`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_start_file(path: *const c_char, path_len: usize, out: *mut *mut sinew_server) -> sinew_result {
    guard(|| {
        let out = required("out", out)?;
        // SAFETY: the caller promises `path_len` readable bytes.
        let path = unsafe { text("path", path, path_len)? };
        let config = ServerConfig::from_file(Path::new(path))?;
        // SAFETY: `out` is not NULL, and writable by the caller's promise.
        unsafe { put(out, start(config)?) };
        Ok(())
    })
}

fn start(config: ServerConfig) -> Result<*mut sinew_server, Error> {
    let groups = config
        .groups
        .keys()
        .map(|name| CString::new(name.as_str()).map(|text| (name.clone(), text)).map_err(|_| invalid("a group's name contains a NUL")))
        .collect::<Result<_, _>>()?;
    let server = Server::start(config)?;
    Ok(Box::into_raw(Box::new(sinew_server { server, lent: Mutex::default(), groups })))
}

/// Begins a graceful end and returns at once: leaves the registry, sends what is queued (up to `limits.drain_ms`), says goodbye.
///
/// SINEW_EVENT_STOPPED is the last event. Calling it again does nothing. Errors: INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_stop(server: *const sinew_server) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        unsafe { object("server", server)? }.server.stop();
        Ok(())
    })
}

/// Ends a server: says goodbye, ends its threads, closes its sockets. Returns within `limits.shutdown_ms`. NULL does nothing.
///
/// Must be the last call on this server, with no other call on it under way. What its events point to is gone afterwards.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_free(server: *mut sinew_server) {
    if server.is_null() {
        return;
    }
    // There is nobody to tell a result to, and the last error keeps the sentence.
    guard(|| {
        // SAFETY: made by `Box::into_raw` in `start`, and given back once by the caller's promise.
        drop(unsafe { Box::from_raw(server) });
        Ok(())
    });
}

/// Hands over up to `capacity` events in order; `*count` tells how many. What they point to is lent until the next poll on this server.
///
/// `timeout_ms` 0 never blocks; otherwise waits up to that long for the first event (UINT32_MAX: for ever).
/// When `*count == capacity` there may be more: poll again.
///
/// Thread: one at a time. Errors: BUSY (another thread polls), STOPPED (SINEW_EVENT_STOPPED has been handed over), INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_poll(
    server: *mut sinew_server,
    timeout_ms: u32,
    events: *mut sinew_event,
    capacity: usize,
    count: *mut usize,
) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise; only shared use is made of it, the lock serves the rest.
        let server = unsafe { object("server", server.cast_const())? };
        let (events, count) = (required("events", events)?, required("count", count)?);
        if capacity == 0 {
            return Err(invalid("capacity is 0; pass an array with room for at least one event"));
        }
        let timeout = if timeout_ms == u32::MAX { Duration::MAX } else { Duration::from_millis(timeout_ms.into()) };
        let mut lent = server.lent.try_lock().ok_or(Error::Busy)?;
        // SAFETY: room for `capacity` events by the caller's promise; MaybeUninit asks nothing of what is there before.
        let events = unsafe { std::slice::from_raw_parts_mut(events.cast::<MaybeUninit<sinew_event>>(), capacity) };
        let filled = lent.poll(server.server.queue(), &server.groups, timeout, events).ok_or(Error::Stopped)?;
        // SAFETY: not NULL, writable by the caller's promise.
        unsafe { put(count, filled) };
        Ok(())
    })
}

/// Sends a message of `len` bytes (0 is fine) to a connected server. Copied before this returns; never blocks.
///
/// `mode`: SINEW_MODE_*. An unreliable message that finds the link busy is dropped and counted, which is OK.
///
/// Errors: QUEUE_FULL (nothing was queued; SINEW_EVENT_WRITABLE follows), NOT_CONNECTED, UNKNOWN_SERVER, MESSAGE_TOO_BIG, STOPPED,
/// INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_send(
    server: *const sinew_server,
    to: u64,
    tag: u16,
    mode: u32,
    data: *const u8,
    len: usize,
) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        let server = unsafe { object("server", server)? };
        // SAFETY: `len` readable bytes by the caller's promise.
        let payload = unsafe { bytes("data", data, len)? };
        server.server.send(server_id(to)?, tag, payload, SendMode::try_from(mode)?)
    })
}

/// Sends a message to every connected server of a group. `*sent` (NULL allowed) tells to how many, also when QUEUE_FULL is answered.
///
/// Errors: QUEUE_FULL (some outboxes were full: to those servers nothing was sent, the others have it), UNKNOWN_GROUP, MESSAGE_TOO_BIG,
/// STOPPED, INVALID_UTF8, INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_broadcast(
    server: *const sinew_server,
    group: *const c_char,
    group_len: usize,
    tag: u16,
    mode: u32,
    data: *const u8,
    len: usize,
    sent: *mut usize,
) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        let server = unsafe { object("server", server)? };
        // SAFETY: `group_len` and `len` readable bytes by the caller's promise.
        let (group, payload) = unsafe { (text("group", group, group_len)?, bytes("data", data, len)?) };
        let outcome = server.server.broadcast(group, tag, payload, SendMode::try_from(mode)?)?;
        if !sent.is_null() {
            // SAFETY: writable by the caller's promise.
            unsafe { put(sent, outcome.sent) };
        }
        match outcome.full.first() {
            None => Ok(()),
            Some(full) => {
                let limit = server.server.limits().outbox_bytes;
                Err(Error::QueueFull { to: *full, queued: server.server.find(*full).map_or(limit, |peer| peer.queued_bytes()), limit })
            }
        }
    })
}

/// The name of a result and what it means in a few words; static, NUL-terminated, never NULL.
#[unsafe(no_mangle)]
pub extern "C" fn sinew_result_text(result: sinew_result) -> *const c_char {
    result_text(result).as_ptr()
}

/// Copies this thread's last error sentence: the cause and the cure. Empty when nothing failed on this thread yet.
///
/// Cut at a character's edge and NUL-terminated. `*needed` (NULL allowed): its length in bytes without the NUL. Errors: INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_last_error(out: *mut c_char, capacity: usize, needed: *mut usize) -> sinew_result {
    let text = with_last_error(str::to_owned);
    // SAFETY: `capacity` writable bytes, and `needed` NULL or writable, by the caller's promise.
    guard(|| unsafe { copy_text(&text, out, capacity, needed) })
}

/// The ABI version of the loaded library; compare with SINEW_ABI_VERSION.
#[unsafe(no_mangle)]
pub extern "C" fn sinew_abi_version() -> u32 {
    super::constants::SINEW_ABI_VERSION
}

/// The version of the loaded library, e.g. "0.1.0"; static, NUL-terminated.
#[unsafe(no_mangle)]
pub extern "C" fn sinew_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
