//! Who a server is, provably: keys, certificates, and the name they carry.

use crate::config::{ClusterSection, ServerSection};
use crate::error::KeyError;

/// Group and name that a certificate proves (its URI SAN `sinew://GROUP/NAME`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PeerIdentity {
    pub group: String,
    pub name: String,
}

/// This server's certificate, its private key, and the authorities it trusts.
pub struct Identity {
    // helper
}

impl Identity {
    /// Reads the files named in `[cluster]`; a fresh leaf certificate is made when there is a `key_file`, and from the public
    /// development key when nothing is configured.
    pub fn load(_cluster: &ClusterSection, _server: &ServerSection) -> Result<Self, KeyError> {
        unimplemented!("helper")
    }

    /// No key is configured: anybody on this machine may join, and only loopback addresses may be bound or dialled.
    pub fn is_development(&self) -> bool {
        unimplemented!("helper")
    }
}
