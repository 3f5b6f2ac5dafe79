//! QUIC by quinn: one stream driven by tasks, as the baseline has it, or a datagram per message.

use super::tasks::Application;
use super::{in_words, tls};
use crate::measure::{self, Connection};
use crate::settings::Settings;
use bytes::Bytes;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, Endpoint, SendDatagramError, ServerConfig, TransportConfig, VarInt};
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Runtime;

/// Bytes under way, for streams and for datagrams.
const LIMIT: u32 = 8 << 20;

fn transport() -> Arc<TransportConfig> {
    let mut transport = TransportConfig::default();
    transport.stream_receive_window(VarInt::from_u32(LIMIT)).receive_window(VarInt::from_u32(LIMIT)).send_window(LIMIT.into());
    transport.datagram_send_buffer_size(LIMIT as usize).datagram_receive_buffer_size(Some(LIMIT as usize));
    transport.keep_alive_interval(Some(Duration::from_secs(1)));
    Arc::new(transport)
}

async fn connect(settings: &Settings) -> Result<(Endpoint, quinn::Connection), String> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    if settings.is_server() {
        let crypto = QuicServerConfig::try_from(tls::server(settings)?).map_err(in_words)?;
        let mut config = ServerConfig::with_crypto(Arc::new(crypto));
        config.transport_config(transport());
        let endpoint = Endpoint::server(config, any).map_err(in_words)?;
        println!("ready {}", endpoint.local_addr().map_err(in_words)?.port());
        let incoming = endpoint.accept().await.ok_or("the endpoint is closed")?;
        let connection = incoming.await.map_err(in_words)?;
        Ok((endpoint, connection))
    } else {
        let crypto = QuicClientConfig::try_from(tls::client(settings)?).map_err(in_words)?;
        let mut config = ClientConfig::new(Arc::new(crypto));
        config.transport_config(transport());
        let endpoint = Endpoint::client(any).map_err(in_words)?;
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, settings.port));
        let connection = endpoint.connect_with(config, to, "localhost").map_err(in_words)?.await.map_err(in_words)?;
        Ok((endpoint, connection))
    }
}

#[derive(Default)]
struct Inbox {
    waiting: Mutex<VecDeque<Bytes>>,
    filled: Condvar,
}

struct Datagrams {
    connection: quinn::Connection,
    inbox: Arc<Inbox>,
    taken: VecDeque<Bytes>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Datagrams {
    fn start(runtime: &Runtime, connection: quinn::Connection) -> Self {
        let inbox = Arc::new(Inbox::default());
        let (from, to) = (connection.clone(), inbox.clone());
        runtime.spawn(async move {
            while let Ok(datagram) = from.read_datagram().await {
                let mut waiting = lock(&to.waiting);
                waiting.push_back(datagram);
                if waiting.len() == 1 {
                    to.filled.notify_one();
                }
            }
        });
        Datagrams { connection, inbox, taken: VecDeque::new() }
    }
}

impl Connection for Datagrams {
    type Error = SendDatagramError;

    fn send(&mut self, message: &[u8]) -> Result<(), SendDatagramError> {
        self.connection.send_datagram(Bytes::copy_from_slice(message))
    }

    fn flush(&mut self) -> Result<(), SendDatagramError> {
        Ok(())
    }

    fn receive(&mut self, wait: bool, mut take: impl FnMut(&[u8])) -> Result<(), SendDatagramError> {
        let mut waiting = lock(&self.inbox.waiting);
        if wait && waiting.is_empty() {
            let waited = self.inbox.filled.wait_timeout(waiting, Duration::from_millis(5));
            waiting = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        std::mem::swap(&mut self.taken, &mut waiting);
        drop(waiting);
        for datagram in self.taken.drain(..) {
            take(&datagram);
        }
        Ok(())
    }
}

pub(super) fn run(settings: &Settings) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(in_words)?;
    let (_endpoint, connection) = runtime.block_on(connect(settings))?;
    if settings.is_unreliable() {
        return measure::run(settings, Datagrams::start(&runtime, connection));
    }
    let (write_half, read_half) = runtime.block_on(async {
        if settings.is_server() {
            return connection.accept_bi().await.map_err(in_words);
        }
        let (mut write_half, read_half) = connection.open_bi().await.map_err(in_words)?;
        // The other side hears of a stream with its first bytes: an empty message.
        write_half.write_all(&[0; 4]).await.map_err(in_words)?;
        Ok((write_half, read_half))
    })?;
    measure::run(settings, Application::start(&runtime, read_half, write_half))
}
