//! A TLS handshake by rustls over a plain socket, after which rustls lets go of the records.

use super::record::KeySchedule;
use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{ConnectionState, EncodeError, EncodeTlsData, UnbufferedStatus};
use rustls::{CommonState, Error, ExtractedSecrets};
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A handshake is a few kilobytes; rustls itself takes no message over 64 KiB.
const MOST_WAITING: usize = 64 * 1024;
const READ: usize = 4 * 1024;
const RECORD_HEADER: usize = 5;

/// One side of a handshake; rustls names its two sides by different types with the same functions.
pub(super) trait Side {
    type Data;
    fn process<'c, 'i>(&'c mut self, bytes: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data>;
    fn state(&self) -> &CommonState;
    fn into_keys(self) -> Result<(ExtractedSecrets, KeySchedule), Error>;
}

impl Side for UnbufferedClientConnection {
    type Data = ClientConnectionData;

    fn process<'c, 'i>(&'c mut self, bytes: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(bytes)
    }

    fn state(&self) -> &CommonState {
        self
    }

    fn into_keys(self) -> Result<(ExtractedSecrets, KeySchedule), Error> {
        self.dangerous_into_kernel_connection().map(|(secrets, connection)| (secrets, KeySchedule::Client(connection)))
    }
}

impl Side for UnbufferedServerConnection {
    type Data = ServerConnectionData;

    fn process<'c, 'i>(&'c mut self, bytes: &'i mut [u8]) -> UnbufferedStatus<'c, 'i, Self::Data> {
        self.process_tls_records(bytes)
    }

    fn state(&self) -> &CommonState {
        self
    }

    fn into_keys(self) -> Result<(ExtractedSecrets, KeySchedule), Error> {
        self.dangerous_into_kernel_connection().map(|(secrets, connection)| (secrets, KeySchedule::Server(connection)))
    }
}

/// Runs the handshake to its end and returns what the peer has sent beyond it, still sealed.
///
/// A failure is told to the peer (as a TLS alert) before it is returned. No deadline of its own.
pub(super) async fn run(side: &mut impl Side, socket: &mut TcpStream) -> io::Result<Vec<u8>> {
    let (mut incoming, mut outgoing) = (Incoming::default(), Vec::new());
    loop {
        let progress = advance(side, &mut incoming, &mut outgoing);
        if progress.is_err() {
            say_why(side, &mut outgoing);
        }
        let written = socket.write_all(&outgoing).await;
        outgoing.clear();
        match progress {
            Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            Ok(Progress::Closed) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(Progress::Complete) => written?,
            Ok(Progress::Blocked) => {
                written?;
                incoming.read(socket).await?;
                continue;
            }
        }
        return Ok(incoming.bytes);
    }
}

enum Progress {
    /// Until the peer has said more.
    Blocked,
    Complete,
    /// The peer has ended the connection properly, but too early.
    Closed,
}

/// Goes as far as the bytes in `incoming` lead; what is to be sent is appended to `outgoing`.
fn advance<S: Side>(side: &mut S, incoming: &mut Incoming, outgoing: &mut Vec<u8>) -> Result<Progress, Error> {
    loop {
        let UnbufferedStatus { discard, state, .. } = side.process(incoming.offered());
        let progress = match state? {
            ConnectionState::EncodeTlsData(data) => {
                encode(data, outgoing)?;
                None
            }
            // The caller sends it in any case.
            ConnectionState::TransmitTlsData(data) => {
                data.done();
                None
            }
            ConnectionState::BlockedHandshake => Some(Progress::Blocked),
            ConnectionState::WriteTraffic(_) => Some(Progress::Complete),
            ConnectionState::PeerClosed | ConnectionState::Closed => Some(Progress::Closed),
            // Data only follows a handshake, and no record behind the handshake's last is offered.
            _ => return Err(Error::General("data before the end of the handshake".into())),
        };
        incoming.discard(discard);
        match progress {
            Some(Progress::Blocked) if incoming.offer_more() => {}
            Some(Progress::Complete) if incoming.offered > 0 => return Err(Error::General("a handshake message without an end".into())),
            Some(progress) => return Ok(progress),
            None => {}
        }
    }
}

/// Fetches the alert that rustls has put by for the peer.
fn say_why(side: &mut impl Side, outgoing: &mut Vec<u8>) {
    // What is put by comes first: the bytes of the failed handshake are not looked at again, and must not be.
    while side.state().wants_write() {
        let Ok(ConnectionState::EncodeTlsData(data)) = side.process(&mut []).state else { return };
        if encode(data, outgoing).is_err() {
            return;
        }
    }
}

fn encode<D>(mut data: EncodeTlsData<'_, D>, outgoing: &mut Vec<u8>) -> Result<(), Error> {
    let start = outgoing.len();
    if let Err(EncodeError::InsufficientSize(needed)) = data.encode(&mut []) {
        outgoing.resize(start + needed.required_size, 0);
    }
    data.encode(&mut outgoing[start..]).map(|_| ()).map_err(|error| Error::General(error.to_string()))
}

/// What the peer has sent and rustls has not used up.
///
/// rustls is offered one record after the other, for it would open those behind the handshake too, and they are not its to open.
#[derive(Default)]
struct Incoming {
    bytes: Vec<u8>,
    /// Bytes at the front that were offered; it ends with a record, or with the last byte.
    offered: usize,
    /// The same, counted to the end of the last whole record.
    whole: usize,
}

impl Incoming {
    fn offered(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.offered]
    }

    /// Offers up to the end of the next record, as far as it is there; false when everything has been offered.
    fn offer_more(&mut self) -> bool {
        let before = self.offered;
        let next = &self.bytes[self.whole..];
        let end = match next {
            [_, _, _, high, low, ..] => RECORD_HEADER + usize::from(u16::from_be_bytes([*high, *low])),
            _ => next.len(),
        };
        self.offered = self.whole + end.min(next.len());
        if next.len() >= RECORD_HEADER && end <= next.len() {
            self.whole = self.offered;
        }
        self.offered > before
    }

    fn discard(&mut self, used: usize) {
        self.bytes.drain(..used);
        self.offered -= used;
        self.whole = self.whole.saturating_sub(used);
    }

    async fn read(&mut self, socket: &mut TcpStream) -> io::Result<()> {
        if self.bytes.len() >= MOST_WAITING {
            return Err(io::Error::new(io::ErrorKind::InvalidData, Error::General("a handshake of more than 64 KiB".into())));
        }
        self.bytes.reserve(READ);
        match socket.read_buf(&mut bytes::BufMut::limit(&mut self.bytes, READ)).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}
