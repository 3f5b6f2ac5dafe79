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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ServerConfig as Config;
    use crate::transport::{identity::Identity, tls};
    use proptest::prelude::*;
    use std::sync::Arc;

    /// One side and what it has received.
    struct Half<S> {
        side: S,
        incoming: Incoming,
        ended: Option<Result<(), Error>>,
    }

    impl<S: Side> Half<S> {
        fn new(side: S) -> Self {
            Self { side, incoming: Incoming::default(), ended: None }
        }

        /// What it answers to `bytes`.
        fn hear(&mut self, bytes: &[u8]) -> Vec<u8> {
            let mut outgoing = Vec::new();
            self.incoming.bytes.extend_from_slice(bytes);
            if self.ended.is_some() {
                return outgoing;
            }
            match advance(&mut self.side, &mut self.incoming, &mut outgoing) {
                Ok(Progress::Blocked) => {}
                Ok(Progress::Complete | Progress::Closed) => self.ended = Some(Ok(())),
                Err(error) => {
                    say_why(&mut self.side, &mut outgoing);
                    self.ended = Some(Err(error));
                }
            }
            outgoing
        }
    }

    type Halves = (Half<UnbufferedClientConnection>, Half<UnbufferedServerConnection>);

    fn halves(identity: &Identity) -> Halves {
        let (server, client) = tls::configs(identity, b"test");
        let client = UnbufferedClientConnection::new(Arc::new(client), tls::unused_name()).expect("a client");
        let server = UnbufferedServerConnection::new(Arc::new(server)).expect("a server");
        (Half::new(client), Half::new(server))
    }

    fn identity() -> Identity {
        let config = Config::from_toml("server.group = 'a'\nserver.name = 'a-1'\n[groups.a]\n").expect("valid");
        Identity::load(&config.cluster, &config.server).expect("the development key")
    }

    /// Every byte that is said passes through `change` and arrives in pieces of `step`.
    fn converse((client, server): &mut Halves, step: usize, mut change: impl FnMut(bool, &mut Vec<u8>)) {
        let mut said = client.hear(&[]);
        let mut by_client = true;
        // A handshake has three flights, and alerts may follow.
        for _ in 0..8 {
            change(by_client, &mut said);
            let mut answer = Vec::new();
            for piece in said.chunks(step) {
                answer.extend(if by_client { server.hear(piece) } else { client.hear(piece) });
            }
            (said, by_client) = (answer, !by_client);
        }
    }

    #[test]
    fn a_handshake_completes_in_pieces_of_any_size() {
        let identity = identity();
        for step in [1, 2, 3, 5, 6, 100, 1000, usize::MAX] {
            let mut halves = halves(&identity);
            converse(&mut halves, step, |_, _| {});
            let (client, server) = halves;
            assert_eq!((client.ended, server.ended), (Some(Ok(())), Some(Ok(()))), "{step}");
            assert!(client.incoming.bytes.is_empty() && server.incoming.bytes.is_empty());
        }
    }

    /// Nothing behind the last message of a handshake is rustls's to open.
    #[test]
    fn what_follows_a_handshake_is_left_as_it_came() {
        let identity = identity();
        for (step, tail) in [(usize::MAX, 1), (usize::MAX, 50_000), (7, 100)] {
            let mut halves = halves(&identity);
            let behind: Vec<u8> = [&[23, 3, 3, 0, 30][..], &vec![7; tail]].concat();
            let mut flights = 0;
            converse(&mut halves, step, |by_client, said| {
                flights += u32::from(by_client);
                if by_client && flights == 2 {
                    said.extend_from_slice(&behind);
                }
            });
            assert_eq!(halves.1.ended, Some(Ok(())));
            assert!(halves.1.incoming.bytes == behind, "{step} {tail}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

        #[test]
        fn a_handshake_that_is_tampered_with_does_not_panic(
            flight in 0_usize..3,
            at: prop::sample::Index,
            bytes in prop::collection::vec(any::<u8>(), 1..8),
            removed in 0_usize..8,
            step in prop::sample::select(vec![1, 3, 64, usize::MAX]),
        ) {
            thread_local!(static IDENTITY: Identity = identity());
            let mut halves = IDENTITY.with(halves);
            let mut flights = 0;
            converse(&mut halves, step, |_, said| {
                if flights == flight && !said.is_empty() {
                    let at = at.index(said.len());
                    let end = (at + removed).min(said.len());
                    said.splice(at..end, bytes.iter().copied());
                }
                flights += 1;
            });
            // Whether that matters is rustls's to judge: a few bytes (a record's version) are nobody's business.
            let (client, server) = halves;
            prop_assert!(client.incoming.offered <= client.incoming.bytes.len());
            prop_assert!(server.incoming.offered <= server.incoming.bytes.len());
        }
    }
}
