//! `sinew_server_request`, `_reply`, `_refuse`, `_cancel`, `_send_any`, `_request_any`: questions with one answer, and work for one of a group.

use super::constants::*;
use super::guard::guard;
use super::pointers::{bytes, invalid, object, put, required, server_id, text};
use super::server::sinew_server;
use super::structs::sinew_result;
use crate::error::{Error, RequestFailure};
use crate::id::RequestId;
use crate::message::{Delivery, Role};
use crate::server::{Policy, RequestBuilder};
use std::ffi::c_char;
use std::time::Duration;

/// Asks a connected server something. Copied before this returns; never blocks.
///
/// `*request` becomes the number under which exactly one of SINEW_EVENT_REPLY and SINEW_EVENT_REQUEST_FAILED follows, within
/// `timeout_ms` (1 or more; noticed up to 10 ms late). Another thread's poll may have it before this returns. `tag`, `mode`: as in
/// sinew_server_send; the answer travels in the same way. An unreliable one that gets lost times out.
///
/// Errors: those of sinew_server_send (MESSAGE_TOO_BIG 12 bytes earlier), TOO_MANY_REQUESTS; no event follows then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_request(
    server: *const sinew_server,
    to: u64,
    tag: u16,
    mode: u32,
    data: *const u8,
    len: usize,
    timeout_ms: u32,
    request: *mut u64,
) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        let server = &unsafe { object("server", server)? }.server;
        let request = required("request", request)?;
        // SAFETY: NULL, or `len` bytes that are readable and stay as they are during the call, by the caller's promise.
        let payload = unsafe { bytes("data", data, len)? };
        let number = start(server.request(server_id(to)?, tag, payload), mode, timeout_ms)?;
        // SAFETY: not NULL, writable by the caller's promise.
        unsafe { put(request, number.get()) };
        Ok(())
    })
}

fn start(request: RequestBuilder<'_>, mode: u32, timeout_ms: u32) -> Result<RequestId, Error> {
    request.delivery(Delivery::try_from(mode)?).timeout(Duration::from_millis(timeout_ms.into())).start()
}

/// Answers SINEW_EVENT_REQUEST, now or later: `from` and `request` are its `server` and `request`. `code` is a number of yours.
/// Copied before this returns; never blocks.
///
/// Errors: UNKNOWN_REQUEST (it has been answered, who asked has given up, or it was never asked), NOT_CONNECTED (the session is over,
/// and who asked knows), UNKNOWN_SERVER, STOPPED, INVALID_ARGUMENT; QUEUE_FULL and MESSAGE_TOO_BIG: it can still be answered.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_reply(
    server: *const sinew_server,
    from: u64,
    request: u64,
    code: u32,
    data: *const u8,
    len: usize,
) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        let server = &unsafe { object("server", server)? }.server;
        // SAFETY: NULL, or `len` bytes that are readable and stay as they are during the call, by the caller's promise.
        let payload = unsafe { bytes("data", data, len)? };
        server.answer(server_id(from)?, request, Role::Reply, code, payload)
    })
}

/// Answers SINEW_EVENT_REQUEST with a no: `reason` is SINEW_REQUEST_REFUSED, or SINEW_REQUEST_NO_HANDLER if nothing here answers requests of
/// its tag. Who asked gets SINEW_EVENT_REQUEST_FAILED with it. Never blocks.
///
/// Errors: those of sinew_server_reply.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_refuse(server: *const sinew_server, from: u64, request: u64, reason: u32) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        let server = &unsafe { object("server", server)? }.server;
        if ![RequestFailure::Refused, RequestFailure::NoHandler].iter().any(|known| *known as u32 == reason) {
            return Err(invalid(format!("{reason} is no reason to refuse; use SINEW_REQUEST_REFUSED or SINEW_REQUEST_NO_HANDLER")));
        }
        server.answer(server_id(from)?, request, Role::Refusal, reason, &[])
    })
}

/// Gives up a request of this server: SINEW_EVENT_REQUEST_FAILED with SINEW_REQUEST_CANCELLED follows, and an answer that still comes is
/// dropped and counted.
///
/// Errors: UNKNOWN_REQUEST (it has ended, or was never made), INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_cancel(server: *const sinew_server, request: u64) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        let server = &unsafe { object("server", server)? }.server;
        server.cancel(RequestId::new(request).ok_or_else(|| invalid("0 is no request"))?)
    })
}

/// Sends a message to one server of a group. `policy` is SINEW_POLICY_*; `key` (`key_len` bytes, 1 or more) goes with SINEW_POLICY_KEY, and
/// is NULL and 0 otherwise. `*to` (NULL allowed) tells to which. Copied before this returns; never blocks.
///
/// Servers that are not connected, `starting` or `draining` are passed over, and except by key those whose outbox is full.
/// Errors: NO_CANDIDATE (none is left), QUEUE_FULL, UNKNOWN_GROUP, MESSAGE_TOO_BIG, STOPPED, INVALID_UTF8, INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_send_any(
    server: *const sinew_server,
    group: *const c_char,
    group_len: usize,
    policy: u32,
    key: *const u8,
    key_len: usize,
    tag: u16,
    mode: u32,
    data: *const u8,
    len: usize,
    to: *mut u64,
) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        let server = &unsafe { object("server", server)? }.server;
        // SAFETY: NULL, or bytes that are readable and stay as they are during the call, by the caller's promise.
        let (group, key, payload) = unsafe { (text("group", group, group_len)?, bytes("key", key, key_len)?, bytes("data", data, len)?) };
        let chosen = server.send_any(group, chosen_by(policy, key)?, tag, payload, Delivery::try_from(mode)?)?;
        if !to.is_null() {
            // SAFETY: not NULL, writable by the caller's promise.
            unsafe { put(to, chosen.id().get()) };
        }
        Ok(())
    })
}

/// Asks one server of a group: sinew_server_request with the choice of sinew_server_send_any. The event tells in `server` who answered.
///
/// `retries`: how many more servers are asked, one after the other, each for `timeout_ms`, when one fails to answer; the request may then be
/// carried out more than once. 0: none, the failure is told.
/// Errors: those of sinew_server_request and sinew_server_send_any.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_request_any(
    server: *const sinew_server,
    group: *const c_char,
    group_len: usize,
    policy: u32,
    key: *const u8,
    key_len: usize,
    tag: u16,
    mode: u32,
    data: *const u8,
    len: usize,
    timeout_ms: u32,
    retries: u32,
    request: *mut u64,
) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        let server = &unsafe { object("server", server)? }.server;
        let request = required("request", request)?;
        // SAFETY: NULL, or bytes that are readable and stay as they are during the call, by the caller's promise.
        let (group, key, payload) = unsafe { (text("group", group, group_len)?, bytes("key", key, key_len)?, bytes("data", data, len)?) };
        let any = server.request_any(group, chosen_by(policy, key)?, tag, payload).retries(retries);
        let number = start(any, mode, timeout_ms)?;
        // SAFETY: not NULL, writable by the caller's promise.
        unsafe { put(request, number.get()) };
        Ok(())
    })
}

fn chosen_by(policy: u32, key: &[u8]) -> Result<Policy<'_>, Error> {
    match (policy, key) {
        (SINEW_POLICY_KEY, key) => Ok(Policy::Key(key)),
        (_, [_, ..]) => Err(invalid(format!("a key of {} bytes without SINEW_POLICY_KEY; pass NULL and 0", key.len()))),
        (SINEW_POLICY_ROUND_ROBIN, []) => Ok(Policy::RoundRobin),
        (SINEW_POLICY_LEAST_LOADED, []) => Ok(Policy::LeastLoaded),
        _ => Err(invalid(format!("{policy} is no policy; use SINEW_POLICY_*"))),
    }
}
