//! What a refusal of Redis means, and the cure.

use crate::registry::store::Failure;
use redis::{RedisError, ServerError};

/// Longest text of Redis's own that is quoted.
const MOST_QUOTED: usize = 300;

/// What begins an error of Redis, and what helps against it.
const CURES: &[(&str, &str)] = &[
    ("READONLY", "this is a replica; list its master in registry.addresses, or the Sentinels together with registry.sentinel"),
    ("UNBLOCKED", "it has become a replica"),
    ("WRONGPASS", "correct registry.user or the first line of registry.secret_file"),
    ("without any password configured", "its default user has no password: remove registry.secret_file, or set registry.user"),
    ("NOAUTH", "set registry.secret_file, and registry.user if it is not the default user"),
    ("NOPERM", "allow this user what docs/registries.md lists under Redis"),
    ("LOADING", "it is still loading its data"),
    ("MASTERDOWN", "this is a replica that has lost its master; list the master in registry.addresses"),
    ("NOREPLICAS", "it has fewer replicas than its min-replicas-to-write; start them"),
    ("MOVED", "another node of this Redis Cluster keeps these keys; list all nodes in registry.addresses"),
    ("CLUSTERDOWN", "this Redis Cluster is not complete; start its missing nodes"),
    ("OOM", "raise its maxmemory"),
    ("MISCONF", "it cannot save its data; mend that, or set stop-writes-on-bgsave-error no"),
    ("WRONGTYPE", "something else stands under the keys of this registry; remove it, or change registry.prefix"),
    ("BUSY ", "a script of somebody else blocks it"),
    ("DB index is out of range", "correct registry.database"),
    ("unknown command", "Redis 6 or newer is needed, and none of its commands renamed"),
];

/// A refusal, in Redis's own words.
pub(super) fn refused(whom: &str, error: &ServerError) -> Failure {
    let said = format!("{} {}", error.code(), error.details().unwrap_or_default());
    let cure = CURES.iter().find(|(part, _)| said.contains(part)).map(|(_, cure)| format!("; {cure}")).unwrap_or_default();
    Failure(format!("{whom} answers \"{}\"{cure}", quoted(&said)))
}

/// A connection that broke, or an answer that makes no sense.
pub(super) fn broken(whom: &str, error: &RedisError) -> Failure {
    if error.is_connection_dropped() {
        return closed(whom);
    }
    let said = error.to_string();
    // What TLS says of a client's certificate comes only after the handshake.
    let cure = if said.contains("alert") { "; set registry.cert and registry.key to what its authorities have signed" } else { "" };
    Failure(format!("{whom} cannot be used: {}{cure}", quoted(&said)))
}

pub(super) fn closed(whom: &str) -> Failure {
    Failure(format!(
        "{whom} has closed the connection; is it still running, does it speak TLS or not as registry.tls says, \
         and does it ask for a client's certificate (registry.cert)?"
    ))
}

pub(super) fn unexpected(whom: &str, what: &str) -> Failure {
    Failure(format!("{whom} answers {what} with something else than Redis does; is it another product?"))
}

pub(super) fn quoted(said: &str) -> String {
    said.trim().chars().take(MOST_QUOTED).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
