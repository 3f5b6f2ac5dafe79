//! `sinew_server_set_property`, `_property`: what servers say of themselves while they run.

use super::guard::guard;
use super::pointers::{copy_text, object, server_id, text};
use super::server::sinew_server;
use super::structs::sinew_result;
use crate::error::Error;
use std::ffi::c_char;

/// Sets one of this server's properties; `value` NULL (with `value_len` 0) removes it. Connected servers are told within 100 ms and get
/// SINEW_EVENT_SERVER_UPDATED; one that changes more often than ten times a second is told as it is then. Never blocks.
///
/// UTF-8, at most 4 KiB for all keys and values. `load` (how much work there is, in pieces of it: players, matches, jobs), `capacity` (how
/// much it can take) and `state` (`starting`, `ready`, `draining`) mean something to SINEW_POLICY_*. A registry keeps the properties that
/// this server started with.
/// Errors: INVALID_ARGUMENT (too many bytes; an empty key; a `load` or `capacity` that is no number, a `state` that is none),
/// INVALID_UTF8; nothing is changed then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_set_property(
    server: *const sinew_server,
    key: *const c_char,
    key_len: usize,
    value: *const c_char,
    value_len: usize,
) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        let server = &unsafe { object("server", server)? }.server;
        // SAFETY: NULL, or bytes that are readable and stay as they are during the call, by the caller's promise.
        let (key, text) = unsafe { (text("key", key, key_len)?, text("value", value, value_len)?) };
        server.set_property(key, (!value.is_null()).then_some(text))
    })
}

/// Copies one property of a remote server (`id` 0: of this one) into `out`, as sinew_server_explain does.
///
/// `*found` (NULL allowed) becomes 1, or 0 and an empty text if it has no such property. All of them are in the `data` of
/// SINEW_EVENT_SERVER_JOINED and SINEW_EVENT_SERVER_UPDATED.
/// Errors: UNKNOWN_SERVER, INVALID_UTF8, INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_property(
    server: *const sinew_server,
    id: u64,
    key: *const c_char,
    key_len: usize,
    out: *mut c_char,
    capacity: usize,
    needed: *mut usize,
    found: *mut u32,
) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        let server = &unsafe { object("server", server)? }.server;
        // SAFETY: NULL, or bytes that are readable and stay as they are during the call, by the caller's promise.
        let key = unsafe { text("key", key, key_len)? };
        let mut properties = match id {
            0 => server.properties(),
            id => {
                let id = server_id(id)?;
                server.find(id).ok_or(Error::UnknownServer(id))?.properties()
            }
        };
        let value = properties.remove(key);
        if !found.is_null() {
            // SAFETY: writable by the caller's promise.
            unsafe { found.write(value.is_some().into()) };
        }
        // SAFETY: `capacity` writable bytes, and `needed` NULL or writable, by the caller's promise.
        unsafe { copy_text(value.as_deref().unwrap_or_default(), out, capacity, needed) }
    })
}
