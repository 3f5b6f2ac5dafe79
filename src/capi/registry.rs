//! `sinew_registry_*`: what a game reports that connects its own registry.

use super::constants::{SINEW_VISIBILITY_EXTERNAL, SINEW_VISIBILITY_INTERNAL};
use super::guard::guard;
use super::pointers::{invalid, object, server_id, sized, text};
use super::server::sinew_server;
use super::structs::{sinew_property, sinew_registration, sinew_result};
use crate::config::Visibility;
use crate::error::Error;
use crate::registry::Registration;
use std::collections::BTreeMap;
use std::ffi::c_char;
use std::ptr::from_ref;

/// More keys are more than 4 KiB, or the number was never set.
const MOST_PROPERTIES: usize = 4096;

/// Answers SINEW_EVENT_REGISTRY_REGISTER: this server is registered, under the id of the event or another one that nobody ever had. A
/// server that restarts under the same name must get a higher id. SINEW_EVENT_STARTED follows. Calling it again does nothing.
///
/// This and the other sinew_registry_* functions are for `registry.kind = "external"`, may be called from any thread, never block, and do
/// nothing when they fail.
///
/// Errors: INVALID_STATE (not external; nobody asked; registered under another id), STOPPED (take the entry out again), INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_registry_registered(server: *const sinew_server, id: u64) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        let server = unsafe { object("server", server)? };
        Ok(server.server.registry()?.registered(server_id(id)?)?)
    })
}

/// Answers SINEW_EVENT_REGISTRY_REGISTER: it was not possible; `text` (`len` bytes) says why. SINEW_EVENT_REGISTRY_LOST tells it, once,
/// and SINEW_EVENT_REGISTRY_REGISTER comes again after a pause that grows from 100 ms to 2 s.
///
/// Errors: INVALID_STATE (not external; nobody asked, or registered already), STOPPED, INVALID_UTF8, INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_registry_register_failed(server: *const sinew_server, text: *const c_char, len: usize) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        let server = unsafe { object("server", server)? };
        // SAFETY: NULL, or `len` bytes that are readable and stay as they are during the call, by the caller's promise.
        let why = unsafe { self::text("text", text, len)? };
        Ok(server.server.registry()?.register_failed(why)?)
    })
}

/// Reports that a server stands in the registry. Set `entry->size` first. Report everybody: this server itself, and those whom the
/// topology does not show it, are left out.
///
/// A higher id under a group and name replaces the lower one; under this server's own, it ends this server (SINEW_STOP_REPLACED).
/// Errors: ALREADY_JOINED (the id is known, and no snapshot asks for it; or it is known with other details), INVALID_STATE (not external;
/// not registered yet; 65536 servers have joined), QUEUE_FULL, STOPPED, INVALID_UTF8, INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_registry_server_joined(server: *const sinew_server, entry: *const sinew_registration) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        let server = unsafe { object("server", server)? };
        // SAFETY: NULL, or a struct as long as its size says whose pointers lead where its lengths say, by the caller's promise.
        let entry = unsafe { registration(entry)? };
        Ok(server.server.registry()?.server_joined(entry)?)
    })
}

/// Reports that a server does not stand in the registry any more. It is a hint: a live link outlives it, and the id may join again.
///
/// Errors: UNKNOWN_SERVER (it was not reported as joined, or has left already), INVALID_STATE (not external; not registered yet),
/// QUEUE_FULL, STOPPED, INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_registry_server_left(server: *const sinew_server, id: u64) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        let server = unsafe { object("server", server)? };
        Ok(server.server.registry()?.server_left(server_id(id)?)?)
    })
}

/// Begins a look at the whole registry: report everybody with sinew_registry_server_joined, known or not, then call
/// sinew_registry_snapshot_end. Whoever was not reported in between has left.
///
/// Errors: INVALID_STATE (not external; not registered yet; one has begun already), STOPPED, INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_registry_snapshot_begin(server: *const sinew_server) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        let server = unsafe { object("server", server)? };
        Ok(server.server.registry()?.snapshot_begin()?)
    })
}

/// Ends what sinew_registry_snapshot_begin began.
///
/// Errors: INVALID_STATE (not external; not registered yet; none has begun), QUEUE_FULL, STOPPED, INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_registry_snapshot_end(server: *const sinew_server) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        let server = unsafe { object("server", server)? };
        Ok(server.server.registry()?.snapshot_end()?)
    })
}

/// Reports that the registry cannot be reached; `text` (`len` bytes) says why. SINEW_EVENT_REGISTRY_LOST tells it, once per outage:
/// calling it again does nothing. Links live on.
///
/// Errors: INVALID_STATE (not external; not registered yet: sinew_registry_register_failed then), QUEUE_FULL, STOPPED, INVALID_UTF8,
/// INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_registry_lost(server: *const sinew_server, text: *const c_char, len: usize) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        let server = unsafe { object("server", server)? };
        // SAFETY: NULL, or `len` bytes that are readable and stay as they are during the call, by the caller's promise.
        let why = unsafe { self::text("text", text, len)? };
        Ok(server.server.registry()?.lost(why)?)
    })
}

/// Reports that the registry can be reached again: SINEW_EVENT_REGISTRY_RESTORED. Does nothing where nothing was lost. Report what has
/// changed meanwhile, best as a snapshot.
///
/// Errors: INVALID_STATE (not external; not registered yet), QUEUE_FULL, STOPPED, INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_registry_restored(server: *const sinew_server) -> sinew_result {
    guard(|| {
        // SAFETY: NULL, or alive by the caller's promise.
        let server = unsafe { object("server", server)? };
        Ok(server.server.registry()?.restored()?)
    })
}

/// An entry of the caller, copied.
///
/// # Safety
/// `entry` is NULL or leads to a struct that begins with its size and is as long as that says; its pointers lead where its lengths say.
unsafe fn registration(entry: *const sinew_registration) -> Result<Registration, Error> {
    if entry.is_null() {
        return Err(invalid("entry is NULL; pass the server's entry"));
    }
    // SAFETY: not NULL; four bytes are readable by the caller's promise, then as many as the size says, which `sized` finds to be enough.
    let entry = unsafe {
        sized("entry", entry)?;
        &*entry
    };
    let id = server_id(entry.id)?;
    let port = u16::try_from(entry.port).map_err(|_| invalid(format!("entry.port is {}, must be 1 to 65535", entry.port)))?;
    if entry.property_count > MOST_PROPERTIES {
        let count = entry.property_count;
        return Err(invalid(format!("entry.property_count is {count}; a server has at most {MOST_PROPERTIES}, and 4 KiB of them")));
    }
    if entry.properties.is_null() && entry.property_count > 0 {
        return Err(invalid(format!("entry.properties is NULL but property_count is {}; pass them, or 0", entry.property_count)));
    }
    let mut properties = BTreeMap::new();
    for index in 0..entry.property_count {
        // SAFETY: not NULL, and `property_count` elements are readable by the caller's promise.
        let property = unsafe { &*entry.properties.add(index) };
        // SAFETY: NULL, or bytes that are readable and stay as they are during the call, by the caller's promise.
        let (key, value) = unsafe {
            (text("a property's key", property.key, property.key_len)?, text("a property's value", property.value, property.value_len)?)
        };
        if properties.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(invalid(format!("entry.properties has the key {key:?} twice")));
        }
    }
    // SAFETY: as above.
    let (group, name, host) = unsafe {
        (
            text("entry.group", entry.group, entry.group_len)?,
            text("entry.name", entry.name, entry.name_len)?,
            text("entry.host", entry.host, entry.host_len)?,
        )
    };
    let visibility = Visibility::default();
    Ok(Registration { id, group: group.into(), name: name.into(), host: host.into(), port, visibility, properties })
}

/// What SINEW_EVENT_REGISTRY_REGISTER points to.
pub(super) struct LentEntry {
    entry: Box<sinew_registration>,
    /// What the entry points to, and what these point to.
    _properties: Box<[sinew_property]>,
    _texts: Vec<Box<[u8]>>,
}

// SAFETY: its pointers lead into boxes of its own, which move with it, and nobody writes there.
unsafe impl Send for LentEntry {}

impl LentEntry {
    pub(super) fn new(of: &Registration) -> Self {
        let mut texts = Vec::new();
        let mut lend = |text: &str| {
            let bytes: Box<[u8]> = text.bytes().chain([0]).collect();
            // Pointed to where it stays: the box is what moves when `texts` grows.
            let pointer = bytes.as_ptr().cast::<c_char>();
            texts.push(bytes);
            (pointer, text.len())
        };
        let property = |(key, value): (&String, &String)| {
            let ((key, key_len), (value, value_len)) = (lend(key), lend(value));
            sinew_property { key, key_len, value, value_len }
        };
        let properties: Box<[sinew_property]> = of.properties.iter().map(property).collect();
        let ((group, group_len), (name, name_len), (host, host_len)) = (lend(&of.group), lend(&of.name), lend(&of.host));
        let entry = Box::new(sinew_registration {
            size: size_of::<sinew_registration>() as u32,
            visibility: match of.visibility {
                Visibility::Internal => SINEW_VISIBILITY_INTERNAL,
                Visibility::External => SINEW_VISIBILITY_EXTERNAL,
            },
            id: of.id.get(),
            group,
            group_len,
            name,
            name_len,
            host,
            host_len,
            port: of.port.into(),
            reserved: 0,
            properties: properties.as_ptr(),
            property_count: properties.len(),
        });
        Self { entry, _properties: properties, _texts: texts }
    }

    pub(super) fn data(&self) -> *const u8 {
        from_ref(&*self.entry).cast()
    }
}
