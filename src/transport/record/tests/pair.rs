//! Connections in memory: both sides ours, or one of them plain rustls.

use super::*;
use crate::config::ServerConfig as Config;
use crate::transport::identity::Identity;
use crate::transport::{negotiation::Side, tls};
use rustls::client::UnbufferedClientConnection;
use rustls::crypto::CryptoProvider;
use rustls::server::{ServerSessionMemoryCache, UnbufferedServerConnection};
use rustls::unbuffered::{ConnectionState, EncodeError, UnbufferedStatus};
use rustls::{ClientConfig, ServerConfig};

/// rustls's own provider with one suite alone.
pub(super) fn provider_of(suite: &str) -> CryptoProvider {
    let mut provider = rustls::crypto::aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|found| format!("{:?}", found.suite()) == suite);
    assert_eq!(provider.cipher_suites.len(), 1, "{suite}");
    provider
}

/// One side with our records.
pub(super) struct Ours {
    pub(super) sealer: Sealer,
    pub(super) opener: Opener,
    /// How often the own key was changed.
    pub(super) updates: u32,
}

pub(super) struct Pair {
    pub(super) client: Ours,
    pub(super) server: Ours,
}

/// The other side of one, by rustls alone.
pub(super) enum Peer {
    Client(ClientConnection),
    Server(ServerConnection),
}

fn configs(provider: CryptoProvider) -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let config = Config::from_toml("server.group = 'a'\nserver.name = 'a-1'\n[groups.a]\n").expect("valid");
    let identity = Identity::load(&config.cluster, &config.server).expect("the development key").with_provider(provider);
    let (mut server, mut client) = tls::configs(&identity, b"test");
    server.enable_secret_extraction = true;
    client.enable_secret_extraction = true;
    (Arc::new(server), Arc::new(client))
}

impl Pair {
    pub(super) fn new(provider: CryptoProvider) -> Self {
        let (server, client) = configs(provider);
        let mut client = Half::new(UnbufferedClientConnection::new(client, tls::unused_name()).expect("a client"));
        let mut server = Half::new(UnbufferedServerConnection::new(server).expect("a server"));
        while !(client.done && server.done) {
            server.incoming.extend(client.step());
            client.incoming.extend(server.step());
        }
        Self { client: Ours::of(client.side), server: Ours::of(server.side) }
    }
}

/// A side in the middle of its handshake.
struct Half<S> {
    side: S,
    incoming: Vec<u8>,
    done: bool,
}

impl<S: Side> Half<S> {
    fn new(side: S) -> Self {
        Self { side, incoming: Vec::new(), done: false }
    }

    /// Goes on as far as it can; what it sends.
    fn step(&mut self) -> Vec<u8> {
        let mut sent = Vec::new();
        loop {
            let UnbufferedStatus { discard, state, .. } = self.side.process(&mut self.incoming);
            let blocked = match state.expect("a good peer") {
                ConnectionState::EncodeTlsData(mut data) => {
                    let Err(EncodeError::InsufficientSize(needed)) = data.encode(&mut []) else { panic!("never empty") };
                    let start = sent.len();
                    sent.resize(start + needed.required_size, 0);
                    data.encode(&mut sent[start..]).expect("room");
                    false
                }
                ConnectionState::TransmitTlsData(data) => {
                    data.done();
                    false
                }
                ConnectionState::BlockedHandshake => true,
                ConnectionState::WriteTraffic(_) => {
                    self.done = true;
                    true
                }
                other => panic!("{other:?}"),
            };
            self.incoming.drain(..discard);
            if blocked {
                return sent;
            }
        }
    }
}

impl Ours {
    fn of(side: impl Side) -> Self {
        let (secrets, schedule) = side.into_keys().expect("complete");
        let (sealer, opener) = take_over(secrets, schedule).expect("a known suite");
        Self { sealer, opener, updates: 0 }
    }

    /// One record.
    pub(super) fn seal(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut out = vec![0; plain.len() + OVERHEAD];
        assert_eq!(self.sealer.seal(plain, &mut out), Ok(out.len()));
        out
    }

    /// A record with exactly these bytes inside, the content type included.
    pub(super) fn seal_inside(&mut self, inside: &[u8]) -> Vec<u8> {
        let header = rustls::crypto::cipher::make_tls13_aad(inside.len() + TAG);
        let mut record = [&header[..], inside, &[0; TAG]].concat();
        let (body, tag) = record[HEADER..].split_at_mut(inside.len());
        let key = &mut self.sealer.key;
        let nonce = key.nonce().expect("a number");
        key.key.seal_out_of_place_scatter(nonce, aead::Aad::from(header), inside, body, &[], tag).expect("sealed");
        record
    }

    /// What a link sends: a new key first where one is due.
    pub(super) fn send(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        if self.sealer.update_due() {
            out.resize(5 + OVERHEAD, 0);
            assert_eq!(self.sealer.update(&mut out), Ok(out.len()));
            self.updates += 1;
        }
        out.extend(self.seal(plain));
        out
    }

    pub(super) fn open(&mut self, record: &[u8]) -> Result<Vec<u8>, RecordError> {
        let mut out = vec![0; record.len()];
        let opened = self.opener.open(record, &mut out)?;
        let Opened::Data(length) = opened else { panic!("{opened:?}") };
        out.truncate(length);
        Ok(out)
    }

    /// The data of any number of records.
    pub(super) fn receive(&mut self, mut records: &[u8]) -> Result<Vec<u8>, RecordError> {
        let (mut data, mut out) = (Vec::new(), vec![0; MAX_SEALED]);
        while let Some(length) = Opener::record_len(records)? {
            if let Opened::Data(opened) = self.opener.open(&records[..length], &mut out)? {
                data.extend_from_slice(&out[..opened]);
            }
            records = &records[length..];
        }
        Ok(data)
    }
}

impl Peer {
    /// Plain rustls as the server, and our client.
    pub(super) fn server(provider: CryptoProvider) -> (Ours, Self) {
        let (mut server, client) = configs(provider);
        // The tickets that a server usually sends.
        let config = Arc::make_mut(&mut server);
        config.send_tls13_tickets = 2;
        config.session_storage = ServerSessionMemoryCache::new(8);
        let mut server = ServerConnection::new(server).expect("a server");
        let mut client = Half::new(UnbufferedClientConnection::new(client, tls::unused_name()).expect("a client"));
        while !client.done || server.is_handshaking() {
            feed(&mut server, &client.step());
            client.incoming.extend(drain(&mut server));
        }
        let (tickets, mut ours) = (client.incoming, Ours::of(client.side));
        assert!(!tickets.is_empty());
        assert_eq!(ours.receive(&tickets), Ok(Vec::new()));
        (ours, Self::Server(server))
    }

    /// Plain rustls as the client, and our server.
    pub(super) fn client(provider: CryptoProvider) -> (Ours, Self) {
        let (server, client) = configs(provider);
        let mut client = ClientConnection::new(client, tls::unused_name()).expect("a client");
        let mut server = Half::new(UnbufferedServerConnection::new(server).expect("a server"));
        while !server.done || client.is_handshaking() {
            server.incoming.extend(drain(&mut client));
            feed(&mut client, &server.step());
        }
        (Ours::of(server.side), Self::Client(client))
    }

    pub(super) fn write(&mut self, plain: &[u8]) {
        match self {
            Self::Client(connection) => connection.writer().write_all(plain),
            Self::Server(connection) => connection.writer().write_all(plain),
        }
        .expect("buffered");
    }

    /// Changes its own key and asks for a change of ours.
    pub(super) fn refresh(&mut self) {
        match self {
            Self::Client(connection) => connection.refresh_traffic_keys(),
            Self::Server(connection) => connection.refresh_traffic_keys(),
        }
        .expect("after the handshake");
    }

    pub(super) fn close(&mut self) {
        match self {
            Self::Client(connection) => connection.send_close_notify(),
            Self::Server(connection) => connection.send_close_notify(),
        }
    }

    pub(super) fn sent(&mut self) -> Vec<u8> {
        match self {
            Self::Client(connection) => drain(connection),
            Self::Server(connection) => drain(connection),
        }
    }

    pub(super) fn take(&mut self, records: &[u8]) -> rustls::IoState {
        match self {
            Self::Client(connection) => feed(connection, records),
            Self::Server(connection) => feed(connection, records),
        }
    }

    pub(super) fn read(&mut self) -> Vec<u8> {
        let mut data = Vec::new();
        let _ = match self {
            Self::Client(connection) => connection.reader().read_to_end(&mut data),
            Self::Server(connection) => connection.reader().read_to_end(&mut data),
        };
        data
    }
}

fn feed<D>(connection: &mut rustls::ConnectionCommon<D>, mut records: &[u8]) -> rustls::IoState
where
    D: rustls::SideData,
{
    while !records.is_empty() {
        connection.read_tls(&mut records).expect("in memory");
        connection.process_new_packets().expect("good records");
    }
    connection.process_new_packets().expect("good records")
}

fn drain<D>(connection: &mut rustls::ConnectionCommon<D>) -> Vec<u8> {
    let mut records = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut records).expect("in memory");
    }
    records
}
