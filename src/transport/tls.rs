//! TLS 1.3 over TCP, both sides verified against the cluster's authorities. Links have faster records of their own: see [`channel`](super::channel).

pub use super::failure::{TlsError, TlsFailure, explain_io};
use super::identity::{Identity, PeerIdentity};
use super::socket::Socket;
use super::verifier;
use rustls::CommonState;
use rustls::client::{ClientConfig, Resumption};
use rustls::server::{NoServerSessionStorage, ServerConfig};
use rustls::version::TLS13;
use rustls_pki_types::{DnsName, ServerName};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// An encrypted stream to an authenticated member.
pub type Stream = tokio_rustls::TlsStream<Socket>;

/// Dials and accepts for one purpose (one ALPN protocol).
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    connector: TlsConnector,
    alpn: &'static [u8],
}

impl Tls {
    /// `alpn` names what is spoken on the streams, e.g. `sinew/1`: a peer that names something else gets no stream.
    pub fn new(identity: &Identity, alpn: &'static [u8]) -> Self {
        let (server, client) = configs(identity, alpn);
        Self { acceptor: Arc::new(server).into(), connector: Arc::new(client).into(), alpn }
    }

    /// TLS handshake on an accepted socket. No deadline of its own: the caller sets one.
    pub async fn accept(&self, tcp: TcpStream) -> Result<(Stream, PeerIdentity), TlsError> {
        refuse_other_protocols(&tcp).await?;
        match self.acceptor.accept(Socket(tcp)).into_fallible().await {
            Ok(stream) => self.admit(stream.into()),
            Err((error, socket)) => Err(refuse(error, socket.0).await),
        }
    }

    /// TLS handshake on a connected socket. No deadline of its own: the caller sets one.
    ///
    /// `Ok` means that *we* accept the peer. Whether the peer accepts us shows at the first read; see [`explain_io`].
    pub async fn connect(&self, tcp: TcpStream) -> Result<(Stream, PeerIdentity), TlsError> {
        match self.connector.connect(unused_name(), Socket(tcp)).into_fallible().await {
            Ok(stream) => self.admit(stream.into()),
            Err((error, socket)) => Err(refuse(error, socket.0).await),
        }
    }

    fn admit(&self, stream: Stream) -> Result<(Stream, PeerIdentity), TlsError> {
        let peer = admit(stream.get_ref().1, self.alpn)?;
        Ok((stream, peer))
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("alpn", &String::from_utf8_lossy(self.alpn)).finish_non_exhaustive()
    }
}

/// The settings of both sides of a connection that speaks `alpn`.
pub(super) fn configs(identity: &Identity, alpn: &'static [u8]) -> (ServerConfig, ClientConfig) {
    let mut server = ServerConfig::builder_with_provider(identity.provider())
        .with_protocol_versions(&[&TLS13])
        // cannot fail: our own provider is made of TLS 1.3 suites
        .expect("TLS 1.3")
        .with_client_cert_verifier(identity.verifier())
        .with_cert_resolver(identity.certified());
    server.alpn_protocols = vec![alpn.to_vec()];
    // Every connection proves itself anew: nothing to resume, so no tickets to steal and no early data to replay.
    server.session_storage = Arc::new(NoServerSessionStorage {});
    server.send_tls13_tickets = 0;

    let mut client = ClientConfig::builder_with_provider(identity.provider())
        .with_protocol_versions(&[&TLS13])
        // cannot fail: our own provider is made of TLS 1.3 suites
        .expect("TLS 1.3")
        .dangerous()
        .with_custom_certificate_verifier(identity.verifier())
        .with_client_cert_resolver(identity.certified());
    client.alpn_protocols = vec![alpn.to_vec()];
    client.resumption = Resumption::disabled();
    client.enable_sni = false;

    (server, client)
}

/// Who the peer of a complete handshake proved to be, if it speaks `alpn` at all.
pub(super) fn admit(state: &CommonState, alpn: &'static [u8]) -> Result<PeerIdentity, TlsError> {
    if state.alpn_protocol() != Some(alpn) {
        return Err(TlsError::not_tls(format!(
            "the peer speaks TLS but did not name the protocol {:?} (ALPN), so it is not a Sinew server",
            String::from_utf8_lossy(alpn)
        )));
    }
    let leaf = state.peer_certificates().and_then(<[_]>::first);
    let peer = leaf.ok_or("it presented no certificate").and_then(verifier::carried_name);
    peer.map_err(|reason| TlsError::untrusted(format!("the peer is no Sinew server: {reason}")))
}

/// rustls wants a name to dial; it is neither sent (no SNI) nor compared (see the verifier).
pub(super) fn unused_name() -> ServerName<'static> {
    // cannot fail: a constant
    ServerName::DnsName(DnsName::try_from("sinew").expect("a valid DNS name"))
}

/// Looks at the first bytes without taking them: what is plainly not TLS is named for what it is, and costs no handshake.
pub(super) async fn refuse_other_protocols(tcp: &TcpStream) -> Result<(), TlsError> {
    const HANDSHAKE_RECORD: u8 = 0x16;
    let mut first = [0; 8];
    let read = tcp.peek(&mut first).await.map_err(|error| TlsError::from_handshake(&error))?;
    match &first[..read] {
        [] => Err(TlsError::from_handshake(&io::ErrorKind::UnexpectedEof.into())),
        [HANDSHAKE_RECORD, ..] => Ok(()),
        other if is_http(other) => {
            Err(TlsError::not_tls("this is plain HTTP, not a Sinew server; a browser, a health check or a proxy is pointed at this port"))
        }
        other => Err(TlsError::not_tls(format!(
            "the first byte is {:#04x}, which begins no TLS connection, so the peer is not a Sinew server",
            other[0]
        ))),
    }
}

fn is_http(bytes: &[u8]) -> bool {
    let methods = ["GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "OPTIONS ", "CONNECT ", "TRACE ", "PATCH ", "PRI * "];
    methods
        .iter()
        .any(|method| bytes.starts_with(method.as_bytes()) || (bytes.len() < method.len() && method.as_bytes().starts_with(bytes)))
}

/// Says goodbye so that the peer can read why: closing a socket with unread data resets it, and the alert would be lost.
pub(super) async fn refuse(error: io::Error, mut tcp: TcpStream) -> TlsError {
    const LINGER: Duration = Duration::from_millis(500);
    const AT_MOST: u64 = 64 * 1024;
    let refusal = TlsError::from_handshake(&error);
    if refusal.reason != TlsFailure::Io {
        let farewell = async {
            tcp.shutdown().await?;
            tokio::io::copy(&mut (&mut tcp).take(AT_MOST), &mut tokio::io::sink()).await
        };
        // Whatever comes of it, the refusal stands.
        let _ = tokio::time::timeout(LINGER, farewell).await;
    }
    refusal
}
