//! `sinew_server_start`, `_start_file`, `_poll`, `_send`, `_broadcast`, `_reload`, `_stop`, `_close`, `_free`: the life of a server, its
//! events and its messages.

use super::events::{Lent, Unread};
use super::guard::guard;
use super::pointers::{array, bytes, invalid, object, put, required, server_id, text};
use super::structs::{sinew_event, sinew_result};
use crate::config::ServerConfig;
use crate::error::Error;
use crate::message::Delivery;
use crate::server::Server;
use parking_lot::{Mutex, RwLock};
use std::collections::BTreeMap;
use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::path::Path;
use std::time::Duration;

/// One server of the cluster. Made by sinew_server_start, ended by sinew_server_free.
pub struct sinew_server {
    pub(super) server: Server,
    /// Held while polling.
    lent: Mutex<Lent>,
    /// Beside `lent`, because asking for statistics must not make a poll BUSY.
    unread: Mutex<Unread>,
    /// The names that events point to.
    groups: RwLock<Groups>,
}

/// Never taken out again: an event may point to them.
pub(super) type Groups = BTreeMap<String, CString>;

// C hands one server to many threads.
const _: () = {
    const fn is_shared_by_threads<T: Send + Sync>() {}
    is_shared_by_threads::<sinew_server>();
};

impl sinew_server {
    pub(super) fn unread(&self) -> Unread {
        *self.unread.lock()
    }

    fn start(config: ServerConfig) -> Result<*mut Self, Error> {
        let groups = RwLock::new(names(&config)?);
        let server = Server::start(config)?;
        Ok(Box::into_raw(Box::new(Self { server, lent: Mutex::default(), unread: Mutex::default(), groups })))
    }

    fn reload(&self, config: ServerConfig) -> Result<(), Error> {
        let more = names(&config)?;
        // First, so that nobody of a new group is in an event before its name is here.
        let mut groups = self.groups.write();
        for (name, text) in more {
            groups.entry(name).or_insert(text);
        }
        drop(groups);
        self.server.reload(config)
    }
}

fn names(config: &ServerConfig) -> Result<Groups, Error> {
    let name = |name: &String| match CString::new(name.as_str()) {
        Ok(text) => Ok((name.clone(), text)),
        Err(_) => Err(invalid(format!("the group name {name:?} contains a NUL"))),
    };
    config.groups.keys().map(name).collect()
}

/// Starts a server from a TOML text (UTF-8, `config_len` bytes), with the process's SINEW_* environment variables on top.
///
/// The addresses are bound when this returns; the server registers and connects in the background, tries again for as
/// long as it must, and tells in events how it goes. `*out` is yours, to be ended with sinew_server_free.
/// Thread: reads the environment, so let no other thread call setenv meanwhile.
///
/// Errors: INVALID_CONFIG, KEY, ADDRESS_IN_USE, IO, INVALID_UTF8, INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_start(config: *const c_char, config_len: usize, out: *mut *mut sinew_server) -> sinew_result {
    guard(|| {
        let out = required("out", out)?;
        // SAFETY: NULL, or `config_len` bytes that are readable and stay as they are during the call, by the caller's promise.
        let config = ServerConfig::from_toml(unsafe { text("config", config, config_len)? })?;
        // SAFETY: not NULL, and writable by the caller's promise.
        unsafe { put(out, sinew_server::start(config)?) };
        Ok(())
    })
}

/// Starts a server from a TOML file; `path` is UTF-8, relative to the working directory. Otherwise as sinew_server_start.
///
/// Errors: those of sinew_server_start; a file that cannot be read is INVALID_CONFIG.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_start_file(path: *const c_char, path_len: usize, out: *mut *mut sinew_server) -> sinew_result {
    guard(|| {
        let out = required("out", out)?;
        // SAFETY: NULL, or `path_len` bytes that are readable and stay as they are during the call, by the caller's promise.
        let config = ServerConfig::from_file(Path::new(unsafe { text("path", path, path_len)? }))?;
        // SAFETY: not NULL, and writable by the caller's promise.
        unsafe { put(out, sinew_server::start(config)?) };
        Ok(())
    })
}

/// Hands over up to `capacity` events, in order; `*count` tells how many. Call it every frame.
///
/// What the events point to is lent until the next poll on this server. `timeout_ms` 0 never blocks; otherwise it waits
/// up to that long for the first event, and UINT32_MAX is for ever. When `*count == capacity` there may be more: poll
/// again. 0 events is SINEW_RESULT_OK.
///
/// Thread: one at a time. Errors: BUSY (another thread polls), STOPPED (SINEW_EVENT_STOPPED has been handed over, nothing
/// more comes), INVALID_ARGUMENT; all of them leave alone what the last poll lent, except STOPPED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_poll(
    server: *mut sinew_server,
    timeout_ms: u32,
    events: *mut sinew_event,
    capacity: usize,
    count: *mut usize,
) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise; only shared use is made of it, and the lock serves the rest.
        let server = unsafe { object("server", server.cast_const())? };
        let (events, count) = (array("events", events, capacity)?, required("count", count)?);
        let timeout = if timeout_ms == u32::MAX { Duration::MAX } else { Duration::from_millis(timeout_ms.into()) };
        let mut lent = server.lent.try_lock().ok_or(Error::Busy)?;
        // SAFETY: not NULL, not longer than memory can be, and aligned room for `capacity` events that nobody else uses meanwhile, by the
        // caller's promise; MaybeUninit asks nothing of what is there before.
        let events = unsafe { std::slice::from_raw_parts_mut(events.cast::<MaybeUninit<sinew_event>>(), capacity) };
        let filled = lent.poll(server.server.queue(), &server.groups, &server.unread, timeout, events).ok_or(Error::Stopped)?;
        // SAFETY: not NULL, writable by the caller's promise.
        unsafe { put(count, filled) };
        Ok(())
    })
}

/// Sends a message of `len` bytes (0 is fine) to a connected server. Copied before this returns; never blocks.
///
/// `tag` is yours: what kind of message it is. `mode`: SINEW_MODE_*, perhaps with SINEW_LANE_*. An unreliable message that
/// finds the link busy is dropped and counted in sinew_stats, and that is SINEW_RESULT_OK.
///
/// Errors: QUEUE_FULL (nothing was queued, SINEW_EVENT_WRITABLE follows), NOT_CONNECTED, UNKNOWN_SERVER (it has left),
/// MESSAGE_TOO_BIG, STOPPED, INVALID_ARGUMENT.
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
        // SAFETY: NULL, or `len` bytes that are readable and stay as they are during the call, by the caller's promise.
        let payload = unsafe { bytes("data", data, len)? };
        server.server.send(server_id(to)?, tag, payload, Delivery::try_from(mode)?)
    })
}

/// Sends a message to every connected server of a group. `*sent` (NULL allowed) tells to how many.
///
/// Those of the group that did not get it are in `missed`: `*missed_count` (NULL allowed) tells how many there are, the first `capacity` of
/// them are written. `missed` may be NULL when `capacity` is 0.
/// Errors: QUEUE_FULL (to servers whose outbox is full nothing was sent; the others have it, and all of the above is written),
/// UNKNOWN_GROUP (not in the topology, or not connected with this server's group), MESSAGE_TOO_BIG, STOPPED,
/// INVALID_UTF8, INVALID_ARGUMENT.
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
    missed: *mut u64,
    capacity: usize,
    missed_count: *mut usize,
) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        let server = &unsafe { object("server", server)? }.server;
        // SAFETY: NULL, or bytes that are readable and stay as they are during the call, by the caller's promise.
        let (group, payload) = unsafe { (text("group", group, group_len)?, bytes("data", data, len)?) };
        let missed = if capacity > 0 { array("missed", missed, capacity)? } else { missed };
        let outcome = server.broadcast(group, tag, payload, Delivery::try_from(mode)?)?;
        for (index, id) in outcome.missed().take(capacity).enumerate() {
            // SAFETY: room for `capacity` ids by the caller's promise.
            unsafe { put(missed.add(index), id.get()) };
        }
        for (out, number) in [(sent, outcome.sent), (missed_count, outcome.missed().count())] {
            if !out.is_null() {
                // SAFETY: not NULL, writable by the caller's promise.
                unsafe { put(out, number) };
            }
        }
        match outcome.full.first() {
            None => Ok(()),
            Some(&to) => {
                let limit = server.limits().outbox_bytes;
                Err(Error::QueueFull { to, queued: server.find(to).map_or(limit, |remote| remote.queued_bytes()), limit })
            }
        }
    })
}

/// Applies a new configuration (a whole one, as for sinew_server_start) to the running server: groups, limits, key and certificate files,
/// the trust list, the log's level and some more; docs/configuration.md lists them. All of it or nothing. Reads the files it names.
///
/// Links that stand go on; new handshakes show and trust what the new files say. Servers that the new groups show join, those that they hide
/// are disconnected and leave. Limits of a link hold for servers that come into view from now on.
/// Thread: reads the environment, so let no other thread call setenv meanwhile.
///
/// Errors: INVALID_CONFIG (the sentence names every key that is wrong, or that needs a restart to change, such as `server.name`), KEY,
/// STOPPED, INVALID_UTF8, INVALID_ARGUMENT. Nothing has changed then.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_reload(server: *const sinew_server, config: *const c_char, config_len: usize) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        let server = unsafe { object("server", server)? };
        // SAFETY: NULL, or `config_len` bytes that are readable and stay as they are during the call, by the caller's promise.
        server.reload(ServerConfig::from_toml(unsafe { text("config", config, config_len)? })?)
    })
}

/// Begins a graceful end and returns at once: the server leaves the registry, sends what is queued (for at most
/// `limits.drain_ms`) and says goodbye. Go on polling until SINEW_EVENT_STOPPED, the last event, then free.
///
/// Calling it again does nothing. Errors: INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_stop(server: *const sinew_server) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        unsafe { object("server", server)? }.server.stop();
        Ok(())
    })
}

/// Ends a server as sinew_server_free does, but leaves `server` valid: its threads, sockets and files are gone when this returns, within
/// `limits.shutdown_ms`, and calls on it answer STOPPED, or with what was known at the end.
///
/// Other calls on it may be under way on any thread, and may follow: for programs whose threads end in no particular order, and for
/// languages whose finalizers say when nobody can call any more. A poll that waits is ended with STOPPED; what was lent stays so.
/// sinew_server_free is still to be called, as the last call. Calling this again does nothing. Errors: INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_close(server: *const sinew_server) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        unsafe { object("server", server)? }.server.close();
        Ok(())
    })
}

/// Ends a server: closes it if that has not been done, and gives its memory back.
///
/// Returns within `limits.shutdown_ms`. What its events point to is gone afterwards. NULL does nothing.
/// Must be the last call on this server. No other call on it may be under way, except one: a sinew_server_poll that waits on
/// another thread is ended with STOPPED, and has returned before the server is gone. Where other threads send, call
/// sinew_server_close first: their sends are answered with STOPPED from then on; join them, then free.
///
/// A look-up of a host name that hangs cannot be ended: its thread outlives this call until the look-up returns, and uses
/// nothing but the library's own code and memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_server_free(server: *mut sinew_server) {
    if server.is_null() {
        return;
    }
    // There is nobody to tell a result to; sinew_last_error has the sentence.
    guard(|| {
        {
            // SAFETY: alive by the caller's promise; a poll on another thread may be sharing it.
            let server = unsafe { object("server", server.cast_const())? };
            server.server.queue().abandon();
            // Whoever polls has it until just before it returns.
            drop(server.lent.lock());
        }
        // SAFETY: made by `Box::into_raw` in `sinew_server::start`, and given back once, with nobody using it, by the caller's promise.
        drop(unsafe { Box::from_raw(server) });
        Ok(())
    });
}
