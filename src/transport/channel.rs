//! A connection whose records its owner seals and opens itself: what a link is made of.

use super::failure::TlsError;
use super::identity::{Identity, PeerIdentity};
use super::negotiation::{self, Side};
use super::record::{self, HEADER, MAX_PLAIN, OVERHEAD, Opened, Opener, RecordError, Sealer};
use super::socket;
pub use super::socket::SendHalf;
use super::tls;
use rustls::client::{ClientConfig, UnbufferedClientConnection};
use rustls::server::{ServerConfig, UnbufferedServerConnection};
use std::io;
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;

/// Bytes asked of the socket at once while a channel is read by [`Channel::receive`].
const READ: usize = 16 * 1024;

/// Dials and accepts channels for one purpose (one ALPN protocol).
#[derive(Clone)]
pub struct Channels {
    server: Arc<ServerConfig>,
    client: Arc<ClientConfig>,
    alpn: &'static [u8],
}

/// An encrypted connection to an authenticated member, in parts that its owner may use at the same time.
///
/// To take it apart, first open what is in `early` and use what is in `plain`.
pub struct Channel {
    pub reader: OwnedReadHalf,
    pub writer: SendHalf,
    pub sealer: Sealer,
    pub opener: Opener,
    /// Received and not opened yet: comes before everything that `reader` still brings. Less than 68 KiB.
    pub early: Vec<u8>,
    /// Opened and not used yet: comes before everything in `early`.
    pub plain: Vec<u8>,
    /// Where records are sealed on their way out.
    sealed: Vec<u8>,
}

impl Channels {
    /// `alpn` names what is spoken on the channels, e.g. `sinew/1`: a peer that names something else gets none.
    pub fn new(identity: &Identity, alpn: &'static [u8]) -> Self {
        let (mut server, mut client) = tls::configs(identity, alpn);
        // The keys of the records are handed to us once the handshake is complete.
        server.enable_secret_extraction = true;
        client.enable_secret_extraction = true;
        Self { server: Arc::new(server), client: Arc::new(client), alpn }
    }

    /// TLS handshake on an accepted socket. No deadline of its own: the caller sets one.
    pub async fn accept(&self, tcp: TcpStream) -> Result<(Channel, PeerIdentity), TlsError> {
        tls::refuse_other_protocols(&tcp).await?;
        let side = UnbufferedServerConnection::new(self.server.clone()).map_err(cannot_start)?;
        self.establish(side, tcp).await
    }

    /// TLS handshake on a connected socket. No deadline of its own: the caller sets one.
    ///
    /// `Ok` means that *we* accept the peer. Whether the peer accepts us shows at the first [`Channel::receive`]; see [`tls::explain_io`].
    pub async fn dial(&self, tcp: TcpStream) -> Result<(Channel, PeerIdentity), TlsError> {
        let side = UnbufferedClientConnection::new(self.client.clone(), tls::unused_name()).map_err(cannot_start)?;
        self.establish(side, tcp).await
    }

    async fn establish(&self, mut side: impl Side, mut tcp: TcpStream) -> Result<(Channel, PeerIdentity), TlsError> {
        let early = match negotiation::run(&mut side, &mut tcp).await {
            Ok(early) => early,
            Err(error) => return Err(tls::refuse(error, tcp).await),
        };
        let peer = tls::admit(side.state(), self.alpn)?;
        let (secrets, schedule) = side.into_keys().map_err(cannot_start)?;
        let (sealer, opener) = record::take_over(secrets, schedule).map_err(|error| TlsError::not_tls(error.to_string()))?;
        socket::tune(&tcp);
        let (reader, writer) = tcp.into_split();
        let channel = Channel { reader, writer: SendHalf(writer), sealer, opener, early, plain: Vec::new(), sealed: Vec::new() };
        Ok((channel, peer))
    }
}

impl Channel {
    /// Seals all of `plain` and writes it. Not to be dropped half-way: what follows could not be opened.
    pub async fn send(&mut self, plain: &[u8]) -> io::Result<()> {
        self.sealed.clear();
        for piece in plain.chunks(MAX_PLAIN) {
            if self.sealer.update_due() {
                append(&mut self.sealed, 5 + OVERHEAD, |out| self.sealer.update(out))?;
            }
            append(&mut self.sealed, piece.len() + OVERHEAD, |out| self.sealer.seal(piece, out))?;
        }
        self.writer.write_all(&self.sealed).await
    }

    /// Waits for more data and appends one record's worth (at most [`MAX_PLAIN`]) to `plain`; false at the end of the stream.
    ///
    /// May be dropped and called again. A record that cannot be opened is an error, which the peer is told.
    pub async fn receive(&mut self) -> io::Result<bool> {
        loop {
            match self.open_early() {
                Ok(Some(Opened::Data(0) | Opened::KeyUpdate)) => {}
                Ok(Some(Opened::Data(_))) => return Ok(true),
                Ok(Some(Opened::Closed)) => return Ok(false),
                Ok(None) => {
                    self.early.reserve(READ);
                    if self.reader.read_buf(&mut bytes::BufMut::limit(&mut self.early, READ)).await? == 0 {
                        return Ok(false);
                    }
                }
                Err(error) => {
                    self.abort(&error);
                    return Err(error.into());
                }
            }
        }
    }

    /// Tells the peer that nothing more follows, and that nothing was cut off. [`Channel::receive`] still works.
    pub async fn close(&mut self) -> io::Result<()> {
        self.sealed.clear();
        append(&mut self.sealed, 2 + OVERHEAD, |out| self.sealer.close(out))?;
        self.writer.write_all(&self.sealed).await?;
        self.writer.shutdown()
    }

    /// Opens the record at the front of `early` into `plain`; `None` when it is not all there.
    fn open_early(&mut self) -> Result<Option<Opened>, RecordError> {
        let Some(length) = Opener::record_len(&self.early)? else { return Ok(None) };
        let Some(sealed) = self.early.get(..length) else { return Ok(None) };
        let start = self.plain.len();
        self.plain.resize(start + length - HEADER, 0);
        let opened = self.opener.open(sealed, &mut self.plain[start..]);
        let data = if let Ok(Opened::Data(data)) = opened { data } else { 0 };
        self.plain.truncate(start + data);
        self.early.drain(..length);
        opened.map(Some)
    }

    /// Whatever comes of it, the connection is over.
    fn abort(&mut self, error: &RecordError) {
        if let Some(alert) = error.alert() {
            self.sealed.clear();
            if append(&mut self.sealed, 2 + OVERHEAD, |out| self.sealer.abort(alert, out)).is_ok() {
                let _ = self.writer.try_write(&self.sealed);
            }
        }
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel").field("sealer", &self.sealer).field("opener", &self.opener).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Channels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channels").field("alpn", &String::from_utf8_lossy(self.alpn)).finish_non_exhaustive()
    }
}

/// Lets `write` fill `room` bytes behind what is in `sealed`.
fn append(sealed: &mut Vec<u8>, room: usize, write: impl FnOnce(&mut [u8]) -> Result<usize, RecordError>) -> Result<(), RecordError> {
    let start = sealed.len();
    sealed.resize(start + room, 0);
    let written = write(&mut sealed[start..])?;
    sealed.truncate(start + written);
    Ok(())
}

/// About this side alone: its configuration, or the system's random numbers.
fn cannot_start(error: rustls::Error) -> TlsError {
    TlsError::not_tls(format!("TLS cannot be started here: {error}"))
}

#[cfg(test)]
mod tests;
