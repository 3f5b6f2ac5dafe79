//! What a registration may be, whoever wrote it. Pure.

use super::Registration;

/// Bytes of all property keys and values of one registration together.
pub(crate) const MAX_PROPERTIES_BYTES: usize = 4096;
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
    let bytes = properties.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
    (bytes > MAX_PROPERTIES_BYTES)
        .then(|| format!("server.properties hold {bytes} bytes, more than {MAX_PROPERTIES_BYTES}; keep large data out of the registry"))
}

/// The group and name that a server stands under.
pub(crate) type Name = (String, String);

pub(crate) fn name(entry: &Registration) -> Name {
    (entry.group.clone(), entry.name.clone())
}
