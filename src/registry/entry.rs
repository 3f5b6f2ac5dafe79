//! What a registration may be, whoever wrote it. Pure.

use super::Registration;
use crate::config::check_properties;

/// Bytes of a group, a name or a host.
pub(super) const MAX_TEXT_BYTES: usize = 255;

/// What is wrong with a registration, as a sentence.
pub(super) fn flaw(registration: &Registration) -> Option<String> {
    let Registration { group, name, host, port, properties, .. } = registration;
    for (what, text) in [("group", group), ("name", name), ("host", host)] {
        if text.is_empty() || text.len() > MAX_TEXT_BYTES {
            return Some(format!("server.{what} has {} bytes; it must have 1 to {MAX_TEXT_BYTES}", text.len()));
        }
    }
    if *port == 0 {
        return Some("port 0 cannot be dialled; register the port that is really bound".into());
    }
    check_properties(properties).err()
}

/// The group and name that a server stands under.
pub(crate) type Name = (String, String);

pub(crate) fn name(entry: &Registration) -> Name {
    (entry.group.clone(), entry.name.clone())
}
