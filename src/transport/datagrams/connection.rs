//! One QUIC connection, driven by whoever has something for it: the receiving task, its timer, or the thread that sends.

use super::Binding;
use crate::transport::identity::PeerIdentity;
use crate::transport::verifier;
use bytes::Bytes;
use once_cell::sync::OnceCell;
use parking_lot::{Mutex, MutexGuard};
use quinn_proto as quic;
use quinn_udp::{UdpSockRef, UdpSocketState};
use rustls_pki_types::CertificateDer;
use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::{Notify, watch};

/// Most datagrams that are handed to the operating system at once, where it can segment them, and the most bytes of them: what fits in the
/// largest UDP packet over IPv4.
const SEGMENTS: usize = 16;
const BURST_BYTES: usize = 65_507;

const BINDING_LABEL: &[u8] = b"EXPORTER-sinew-datagrams";

/// Told, on the receiving task, about all datagrams of one connection that came in one round. Must not block.
pub(crate) type Sink = Box<dyn Fn(&mut Vec<Bytes>) + Send + Sync>;

/// The socket and the endpoint, which all connections share.
pub(super) struct Io {
    pub(super) socket: UdpSocket,
    pub(super) state: UdpSocketState,
    pub(super) endpoint: Mutex<quic::Endpoint>,
}

/// How far a connection has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stage {
    Handshake,
    Open,
    /// Over, for this reason.
    Lost(String),
}

/// A connection, as the endpoint holds it.
pub(super) struct Line {
    io: Arc<Io>,
    handle: quic::ConnectionHandle,
    inner: Mutex<Inner>,
    stage: watch::Sender<Stage>,
    /// Until its stream has named it.
    sink: OnceCell<Sink>,
    /// The timer must ring earlier, or something could not be sent at once.
    attention: Notify,
    room: Notify,
    largest: AtomicUsize,
}

struct Inner {
    quic: quic::Connection,
    /// Made by `quic`, and not taken by the socket yet.
    blocked: Option<quic::Transmit>,
    packets: Vec<u8>,
    alarm: Option<Instant>,
    identity: Option<(Binding, PeerIdentity)>,
}

impl Io {
    pub(super) fn send(&self, transmit: &quic::Transmit, contents: &[u8]) -> io::Result<()> {
        let transmit = quinn_udp::Transmit {
            destination: transmit.destination,
            ecn: transmit.ecn.and_then(|ecn| quinn_udp::EcnCodepoint::from_bits(ecn as u8)),
            contents: &contents[..transmit.size],
            segment_size: transmit.segment_size,
            src_ip: transmit.src_ip,
        };
        self.socket.try_io(Interest::WRITABLE, || self.state.send(UdpSockRef::from(&self.socket), &transmit))
    }
}

impl Line {
    pub(super) fn new(io: Arc<Io>, handle: quic::ConnectionHandle, quic: quic::Connection) -> Self {
        let inner = Inner { quic, blocked: None, packets: Vec::new(), alarm: None, identity: None };
        Self {
            io,
            handle,
            inner: Mutex::new(inner),
            stage: watch::Sender::new(Stage::Handshake),
            sink: OnceCell::new(),
            attention: Notify::new(),
            room: Notify::new(),
            largest: AtomicUsize::new(0),
        }
    }

    pub(super) fn handle(&self) -> quic::ConnectionHandle {
        self.handle
    }

    /// What the endpoint received for it. [`Line::settle`] follows, once for many of these.
    pub(super) fn hear(&self, event: quic::ConnectionEvent) {
        self.inner.lock().quic.handle_event(event);
    }

    /// Carries out what follows from what was heard: answers are sent, datagrams are handed on. True: it has just opened.
    pub(super) fn settle(&self, datagrams: &mut Vec<Bytes>) -> bool {
        let mut inner = self.inner.lock();
        let opened = self.advance(&mut inner, Instant::now());
        while let Some(datagram) = inner.quic.datagrams().recv() {
            datagrams.push(datagram);
        }
        // Asked before the lock goes: what came before the claim stays nobody's.
        let sink = self.sink.get();
        drop(inner);
        if let Some(sink) = sink
            && !datagrams.is_empty()
        {
            sink(datagrams);
        }
        datagrams.clear();
        opened
    }

    /// Runs the timers until the connection is over and forgotten.
    pub(super) async fn drive(&self, opened: impl Fn()) {
        loop {
            let (drained, alarm, blocked) = {
                let inner = self.inner.lock();
                (inner.quic.is_drained(), inner.alarm, inner.blocked.is_some())
            };
            if drained {
                return;
            }
            let rings = async {
                match alarm {
                    Some(at) => tokio::time::sleep_until(at.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = rings => {}
                () = self.attention.notified() => {}
                _ = self.io.socket.writable(), if blocked => {}
            }
            let (now, mut inner) = (Instant::now(), self.inner.lock());
            if inner.alarm.is_some_and(|at| at <= now) {
                inner.quic.handle_timeout(now);
            }
            if self.advance(&mut inner, now) {
                drop(inner);
                opened();
            }
        }
    }

    fn advance(&self, inner: &mut MutexGuard<'_, Inner>, now: Instant) -> bool {
        let inner = &mut **inner;
        let mut opened = false;
        self.transmit(inner, now);
        while let Some(event) = inner.quic.poll_endpoint_events() {
            let answer = self.io.endpoint.lock().handle_event(self.handle, event);
            if let Some(answer) = answer {
                inner.quic.handle_event(answer);
            }
        }
        while let Some(event) = inner.quic.poll() {
            match event {
                quic::Event::Connected => match inner.identify() {
                    Ok(identity) => {
                        inner.identity = Some(identity);
                        self.stage.send_replace(Stage::Open);
                        opened = true;
                    }
                    Err(reason) => {
                        inner.quic.close(now, 1u32.into(), Bytes::new());
                        self.stage.send_replace(Stage::Lost(reason));
                    }
                },
                quic::Event::ConnectionLost { reason } => {
                    self.stage.send_replace(Stage::Lost(reason.to_string()));
                    self.room.notify_one();
                }
                quic::Event::DatagramsUnblocked => self.room.notify_one(),
                _ => {}
            }
        }
        self.transmit(inner, now);
        self.largest.store(inner.quic.datagrams().max_size().unwrap_or(0), Ordering::Relaxed);
        // Set anew only when it must ring earlier, or has rung.
        let due = inner.quic.poll_timeout();
        let earlier = due.is_some_and(|due| inner.alarm.is_none_or(|alarm| due < alarm || alarm <= now));
        if earlier || due.is_none() || inner.alarm.is_some_and(|alarm| alarm <= now) {
            inner.alarm = due;
        }
        if earlier || inner.blocked.is_some() || inner.quic.is_drained() {
            self.attention.notify_one();
        }
        opened
    }

    fn transmit(&self, inner: &mut Inner, now: Instant) {
        if let Some(transmit) = inner.blocked.take()
            && would_block(&self.io.send(&transmit, &inner.packets))
        {
            inner.blocked = Some(transmit);
            return;
        }
        let most = self.io.state.max_gso_segments().min(SEGMENTS);
        loop {
            inner.packets.clear();
            let segments = most.min(BURST_BYTES / usize::from(inner.quic.current_mtu())).max(1);
            let Some(transmit) = inner.quic.poll_transmit(now, segments, &mut inner.packets) else { return };
            // What the system refuses for another reason is lost, as on any network.
            if would_block(&self.io.send(&transmit, &inner.packets)) {
                inner.blocked = Some(transmit);
                return;
            }
        }
    }

    pub(super) fn identity(&self) -> Option<(Binding, PeerIdentity)> {
        self.inner.lock().identity.clone()
    }

    /// Datagrams that have come, claimed or not.
    #[cfg(test)]
    pub(super) fn received(&self) -> u64 {
        self.inner.lock().quic.stats().frame_rx.datagram
    }

    pub(super) fn is_lost(&self) -> bool {
        matches!(*self.stage.borrow(), Stage::Lost(_))
    }

    pub(super) fn is_claimed(&self) -> bool {
        self.sink.get().is_some()
    }

    /// From now on what arrives goes to `sink`. What came before it is thrown away.
    pub(super) fn claim(&self, sink: Sink) -> bool {
        let mut inner = self.inner.lock();
        while inner.quic.datagrams().recv().is_some() {}
        self.sink.set(sink).is_ok()
    }

    pub(super) fn close(&self) {
        let (now, mut inner) = (Instant::now(), self.inner.lock());
        inner.quic.close(now, 0u32.into(), Bytes::new());
        self.stage.send_replace(Stage::Lost("closed by this side".into()));
        self.advance(&mut inner, now);
    }

    /// Why it did not open.
    pub(super) async fn opened(&self) -> Result<(), String> {
        let mut stage = self.stage.subscribe();
        // cannot fail: this line holds the sender
        let stage = stage.wait_for(|stage| *stage != Stage::Handshake).await.expect("the sender lives").clone();
        match stage {
            Stage::Lost(reason) => Err(reason),
            _ => Ok(()),
        }
    }
}

impl Inner {
    fn identify(&self) -> Result<(Binding, PeerIdentity), String> {
        let session = self.quic.crypto_session();
        let mut binding = [0; 32];
        session.export_keying_material(&mut binding, BINDING_LABEL, b"").map_err(|_| "its keys cannot be exported")?;
        let chain = session.peer_identity().and_then(|chain| chain.downcast::<Vec<CertificateDer<'static>>>().ok());
        let leaf = chain.as_ref().and_then(|chain| chain.first()).ok_or("it presented no certificate")?;
        Ok((binding, verifier::carried_name(leaf)?))
    }
}

fn would_block(outcome: &io::Result<()>) -> bool {
    matches!(outcome, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

/// A connection that belongs to a stream. Dropping it closes it.
pub(crate) struct Connection {
    line: Arc<Line>,
    binding: Binding,
    peer: PeerIdentity,
}

impl Connection {
    pub(super) fn new(line: Arc<Line>) -> Option<Self> {
        let (binding, peer) = line.identity()?;
        Some(Self { line, binding, peer })
    }

    /// What the other end derives, too.
    pub(crate) fn binding(&self) -> Binding {
        self.binding
    }

    /// Who the other end proved to be.
    pub(crate) fn peer(&self) -> &PeerIdentity {
        &self.peer
    }

    /// Bytes of the largest datagram that can be sent now; it grows while the path is explored, and may shrink.
    pub(crate) fn max_size(&self) -> usize {
        self.line.largest.load(Ordering::Relaxed)
    }

    /// Sends datagrams from the front. False: there is room for no more, and [`Connection::room`] tells when to go on. What has become too
    /// large for the path is lost. Never blocks for longer than another thread sends or receives.
    pub(crate) fn send(&self, datagrams: &mut VecDeque<Bytes>) -> bool {
        self.send_locked(self.line.inner.lock(), datagrams)
    }

    /// The same, unless another thread is using the connection at this moment: then nothing is sent, and the answer is false.
    pub(crate) fn try_send(&self, datagrams: &mut VecDeque<Bytes>) -> bool {
        self.line.inner.try_lock().is_some_and(|inner| self.send_locked(inner, datagrams))
    }

    fn send_locked(&self, mut inner: MutexGuard<'_, Inner>, datagrams: &mut VecDeque<Bytes>) -> bool {
        let mut room = true;
        while let Some(datagram) = datagrams.pop_front() {
            if let Err(quic::SendDatagramError::Blocked(datagram)) = inner.quic.datagrams().send(datagram, false) {
                datagrams.push_front(datagram);
                room = false;
                break;
            }
        }
        self.line.advance(&mut inner, Instant::now());
        room
    }

    /// Until there may be room again, or the connection is lost.
    pub(crate) async fn room(&self) {
        self.line.room.notified().await;
    }

    /// Waits until it is lost, and says why.
    pub(crate) async fn lost(&self) -> String {
        let mut stage = self.line.stage.subscribe();
        match stage.wait_for(|stage| matches!(stage, Stage::Lost(_))).await.as_deref() {
            Ok(Stage::Lost(reason)) => reason.clone(),
            _ => "it is gone".into(),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.line.close();
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("peer", &self.peer).field("max_size", &self.max_size()).finish_non_exhaustive()
    }
}
