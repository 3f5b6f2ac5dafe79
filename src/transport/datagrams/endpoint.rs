//! The UDP socket of one server, and the connections on it.

use super::connection::{Connection, Io, Line, Sink};
use super::{Binding, CONNECTION_BYTES};
use crate::transport::identity::Identity;
use crate::transport::tls;
use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;
use quinn_proto as quic;
use quinn_proto::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSockRef, UdpSocketState};
use socket2::{Domain, Protocol, Socket, Type};
use std::collections::HashMap;
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::Notify;

const ALPN: &[u8] = b"sinew-datagram/1";

/// Connections that no stream has named yet: beyond this many none is taken, and from the smaller number on an address must prove itself first.
const MOST_UNCLAIMED: usize = 256;
const RETRY_FROM: usize = 32;
/// How long one may stay like that.
const UNCLAIMED_FOR: Duration = Duration::from_secs(10);
/// How long a dial may take: the stream's own handshake has just shown that the other side answers.
const DIAL_FOR: Duration = Duration::from_secs(5);

/// Room for one read: the system joins datagrams that came together, up to the largest UDP packet.
const RECEIVE_BYTES: usize = 1 << 16;
/// After an error of the socket.
const ERROR_PAUSE: Duration = Duration::from_millis(1);

/// An acknowledgement is sent for so many datagrams, or this long after the first of them: fewer cost less on both sides, and are news late
/// for the congestion control.
const ACKNOWLEDGE_EVERY: u32 = 16;
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_millis(1);

/// Largest IP packet that is looked for (jumbo frames, less headers).
const LARGEST_PATH: u16 = 8952;
/// What the system is asked to hold for the socket; it gives what it may.
const SOCKET_BYTES: usize = 4 << 20;

/// One server's end of all its datagram connections. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Datagrams(Arc<Shared>);

struct Shared {
    io: Arc<Io>,
    client: quic::ClientConfig,
    lines: Mutex<HashMap<quic::ConnectionHandle, Arc<Line>>>,
    unclaimed: Mutex<Vec<Arc<Line>>>,
    /// One of them has completed its handshake.
    arrived: Notify,
}

impl Datagrams {
    /// Binds `address` for UDP. Must be called inside the runtime; nothing is received before [`Datagrams::run`].
    pub(crate) fn bind(address: SocketAddr, identity: &Identity) -> io::Result<Self> {
        let socket = UdpSocket::from_std(socket(address)?)?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        let (server, client) = tls::configs(identity, ALPN);
        let transport = Arc::new(transport());
        let server = QuicServerConfig::try_from(server).map_err(io::Error::other)?;
        let mut server = quic::ServerConfig::with_crypto(Arc::new(server));
        server.transport_config(transport.clone()).migration(false).max_incoming(MOST_UNCLAIMED);
        let mut client = quic::ClientConfig::new(Arc::new(QuicClientConfig::try_from(client).map_err(io::Error::other)?));
        client.transport_config(transport);
        let mut config = quic::EndpointConfig::default();
        // cannot fail: the limit is 65527
        config.max_udp_payload_size(LARGEST_PATH).expect("a size in range");
        let endpoint = quic::Endpoint::new(Arc::new(config), Some(Arc::new(server)), true, None);
        let io = Arc::new(Io { socket, state, endpoint: Mutex::new(endpoint) });
        Ok(Self(Arc::new(Shared { io, client, lines: Mutex::default(), unclaimed: Mutex::default(), arrived: Notify::new() })))
    }

    /// The bound address.
    #[cfg(test)]
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.io.socket.local_addr()
    }

    /// Connects to another server's datagrams. What arrives goes to `sink`. The error is for a log line.
    pub(crate) async fn dial(&self, to: SocketAddr, sink: Sink) -> Result<Connection, String> {
        let config = self.0.client.clone();
        let to = self.reachable(to)?;
        let (handle, quic) = self.0.io.endpoint.lock().connect(Instant::now(), config, to, "sinew").map_err(|error| error.to_string())?;
        let line = self.add(handle, quic);
        line.claim(sink);
        line.settle(&mut Vec::new());
        let outcome = match tokio::time::timeout(DIAL_FOR, line.opened()).await {
            Ok(outcome) => outcome,
            Err(_) => Err(format!("no answer within {} s; UDP may be blocked", DIAL_FOR.as_secs())),
        };
        let connection = outcome.and_then(|()| Connection::new(line.clone()).ok_or_else(|| "it was lost".into()));
        if connection.is_err() {
            line.close();
        }
        connection
    }

    /// The address as the socket must be told it.
    fn reachable(&self, to: SocketAddr) -> Result<SocketAddr, String> {
        let own = self.0.io.socket.local_addr().map_err(|error| error.to_string())?;
        match (own, to) {
            (SocketAddr::V6(_), SocketAddr::V4(to)) => Ok((to.ip().to_ipv6_mapped(), to.port()).into()),
            (SocketAddr::V4(_), SocketAddr::V6(_)) => Err(format!("server.listen is IPv4, and {to} is IPv6")),
            _ => Ok(to),
        }
    }

    /// The accepted connection whose keys give `binding`, which its stream's dialer has told; waits for it for a while.
    /// From now on what arrives goes to `sink`.
    pub(crate) async fn claim(&self, binding: Binding, sink: Sink) -> Option<Connection> {
        let found = async {
            loop {
                let arrived = self.0.arrived.notified();
                tokio::pin!(arrived);
                arrived.as_mut().enable();
                if let Some(line) = self.0.take_unclaimed(&binding) {
                    return line;
                }
                arrived.await;
            }
        };
        let line = tokio::time::timeout(UNCLAIMED_FOR, found).await.ok()?;
        line.claim(sink);
        Connection::new(line)
    }

    /// Receives until it is aborted.
    pub(crate) async fn run(self) {
        let mut memory = vec![0; BATCH_SIZE * RECEIVE_BYTES].into_boxed_slice();
        let mut metas = [RecvMeta::default(); BATCH_SIZE];
        let (mut touched, mut datagrams, mut answer) = (Vec::new(), Vec::new(), Vec::new());
        loop {
            let mut slices: Vec<IoSliceMut<'_>> = memory.chunks_mut(RECEIVE_BYTES).map(IoSliceMut::new).collect();
            let io = &self.0.io;
            let received =
                io.socket.async_io(Interest::READABLE, || io.state.recv(UdpSockRef::from(&io.socket), &mut slices, &mut metas)).await;
            drop(slices);
            let Ok(count) = received else {
                // About something sent earlier or about one packet; if it is about more, it must not keep a core busy.
                tokio::time::sleep(ERROR_PAUSE).await;
                continue;
            };
            let mut heard = 0;
            for (bytes, meta) in memory.chunks(RECEIVE_BYTES).zip(&metas[..count]) {
                if heard + meta.len > CONNECTION_BYTES {
                    // More would push out what has not been handed on.
                    self.settle_all(&mut touched, &mut datagrams);
                    heard = 0;
                }
                heard += meta.len;
                for packet in bytes[..meta.len].chunks(meta.stride.max(1)) {
                    self.hear(packet, meta, &mut answer, &mut touched);
                }
            }
            self.settle_all(&mut touched, &mut datagrams);
        }
    }

    fn hear(&self, packet: &[u8], meta: &RecvMeta, answer: &mut Vec<u8>, touched: &mut Vec<Arc<Line>>) {
        let now = Instant::now();
        let ecn = meta.ecn.and_then(|ecn| quic::EcnCodepoint::from_bits(ecn as u8));
        answer.clear();
        let event = self.0.io.endpoint.lock().handle(now, meta.addr, meta.dst_ip, ecn, BytesMut::from(packet), answer);
        match event {
            Some(quic::DatagramEvent::ConnectionEvent(handle, event)) => {
                let Some(line) = self.0.lines.lock().get(&handle).cloned() else { return };
                line.hear(event);
                if !touched.iter().any(|known| known.handle() == handle) {
                    touched.push(line);
                }
            }
            Some(quic::DatagramEvent::NewConnection(incoming)) => touched.extend(self.accept(incoming, now, answer)),
            // A lost answer is asked for again.
            Some(quic::DatagramEvent::Response(transmit)) => drop(self.0.io.send(&transmit, answer)),
            None => {}
        }
    }

    fn accept(&self, incoming: quic::Incoming, now: Instant, answer: &mut Vec<u8>) -> Option<Arc<Line>> {
        let pending = {
            let mut unclaimed = self.0.unclaimed.lock();
            unclaimed.retain(|line| !line.is_lost());
            unclaimed.len()
        };
        let mut endpoint = self.0.io.endpoint.lock();
        if pending >= MOST_UNCLAIMED {
            endpoint.ignore(incoming);
            return None;
        }
        let response = if pending >= RETRY_FROM && incoming.may_retry() && !incoming.remote_address_validated() {
            endpoint.retry(incoming, answer).ok()
        } else {
            match endpoint.accept(incoming, now, answer, None) {
                Ok((handle, quic)) => {
                    drop(endpoint);
                    let line = self.add(handle, quic);
                    self.0.unclaimed.lock().push(line.clone());
                    tokio::spawn(forget(self.clone(), line.clone()));
                    return Some(line);
                }
                Err(error) => error.response,
            }
        };
        if let Some(transmit) = response {
            let _ = self.0.io.send(&transmit, answer);
        }
        None
    }

    fn add(&self, handle: quic::ConnectionHandle, quic: quic::Connection) -> Arc<Line> {
        let line = Arc::new(Line::new(self.0.io.clone(), handle, quic));
        self.0.lines.lock().insert(handle, line.clone());
        let (shared, driven) = (self.0.clone(), line.clone());
        tokio::spawn(async move {
            driven.drive(|| shared.arrived.notify_waiters()).await;
            shared.lines.lock().remove(&handle);
        });
        line
    }

    fn settle_all(&self, lines: &mut Vec<Arc<Line>>, datagrams: &mut Vec<Bytes>) {
        for line in lines.drain(..) {
            if line.settle(datagrams) {
                self.0.arrived.notify_waiters();
            }
        }
    }
}

impl Shared {
    fn take_unclaimed(&self, binding: &Binding) -> Option<Arc<Line>> {
        let mut unclaimed = self.unclaimed.lock();
        let named = |line: &Arc<Line>| line.identity().is_some_and(|(derived, _)| derived == *binding);
        let at = unclaimed.iter().position(named)?;
        Some(unclaimed.swap_remove(at))
    }
}

impl std::fmt::Debug for Datagrams {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Datagrams").field("socket", &self.0.io.socket).finish_non_exhaustive()
    }
}

/// Closes a connection that no stream names.
async fn forget(datagrams: Datagrams, line: Arc<Line>) {
    tokio::time::sleep(UNCLAIMED_FOR).await;
    let mut unclaimed = datagrams.0.unclaimed.lock();
    let Some(at) = unclaimed.iter().position(|other| Arc::ptr_eq(other, &line)) else { return };
    unclaimed.swap_remove(at);
    drop(unclaimed);
    if !line.is_claimed() {
        line.close();
    }
}

fn transport() -> quic::TransportConfig {
    let mut discovery = quic::MtuDiscoveryConfig::default();
    discovery.upper_bound(LARGEST_PATH);
    let mut acknowledging = quic::AckFrequencyConfig::default();
    acknowledging.ack_eliciting_threshold(ACKNOWLEDGE_EVERY.into()).max_ack_delay(Some(ACKNOWLEDGE_WITHIN));
    let mut transport = quic::TransportConfig::default();
    transport
        .ack_frequency_config(Some(acknowledging))
        .max_concurrent_bidi_streams(0u32.into())
        .max_concurrent_uni_streams(0u32.into())
        // cannot fail: far below 2^62 ms
        .max_idle_timeout(Some(Duration::from_secs(10).try_into().expect("in range")))
        .keep_alive_interval(Some(Duration::from_secs(3)))
        .initial_mtu(1200)
        .mtu_discovery_config(Some(discovery))
        .datagram_receive_buffer_size(Some(CONNECTION_BYTES))
        .datagram_send_buffer_size(CONNECTION_BYTES);
    transport
}

fn socket(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    // Less is slower, not wrong.
    let _ = socket.set_recv_buffer_size(SOCKET_BYTES);
    let _ = socket.set_send_buffer_size(SOCKET_BYTES);
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests;
