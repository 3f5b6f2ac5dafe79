//! TLS 1.3 over TCP, both sides verified against the cluster's authorities.

use super::identity::{Identity, PeerIdentity};
use tokio::net::TcpStream;

/// An encrypted stream to an authenticated member.
pub type Stream = tokio_rustls::TlsStream<TcpStream>;

/// Dials and accepts for one purpose (one ALPN protocol).
#[derive(Clone)]
pub struct Tls {
    // helper
}

/// Why a connection did not become a [`Stream`]; `reason` is a stable short word for counters and logs.
#[derive(Debug, thiserror::Error)]
#[error("{reason}: {text}")]
pub struct TlsError {
    pub reason: TlsFailure,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsFailure {
    /// Not TLS at all, or not TLS 1.3, or not our ALPN.
    NotTls,
    /// No certificate, another cluster's, expired, or without a `sinew://` name.
    Untrusted,
    /// The socket broke or closed.
    Io,
}

impl std::fmt::Display for TlsFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            TlsFailure::NotTls => "not TLS",
            TlsFailure::Untrusted => "untrusted",
            TlsFailure::Io => "io",
        })
    }
}

impl Tls {
    pub fn new(_identity: &Identity, _alpn: &'static [u8]) -> Self {
        unimplemented!("helper")
    }
    /// TLS handshake on an accepted socket. No deadline of its own: the caller sets one.
    pub async fn accept(&self, _tcp: TcpStream) -> Result<(Stream, PeerIdentity), TlsError> {
        unimplemented!("helper")
    }
    /// TLS handshake on a connected socket.
    pub async fn connect(&self, _tcp: TcpStream) -> Result<(Stream, PeerIdentity), TlsError> {
        unimplemented!("helper")
    }
}
