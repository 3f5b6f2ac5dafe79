//! The record of one remote server, shared by the game's threads, the node and the link.

use super::commons::Commons;
use super::datagrams::DatagramOutbox;
use super::lanes::Parcel;
use super::outbox::{Outbox, PushError, Pushed};
use super::receiving::Receiving;
use super::requests::PeerRequests;
use super::work::Work;
use crate::cluster::Direction;
use crate::config::LimitsSection;
use crate::error::Error;
use crate::id::ServerId;
use crate::message::{Delivery, SendMode};
use crate::registry::Registration;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// Where the link to a remote server stands. The numbers cross the C ABI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum ConnectionState {
    /// In the registry, no link: the other side dials, or the next attempt is due later.
    Disconnected = 1,
    /// This side is dialling.
    Connecting = 2,
    Connected = 3,
    /// The link broke. What is sent waits, and is delivered when it is up again.
    Interrupted = 4,
    /// Gone from this server's view for good.
    Left = 5,
}

/// One address that was dialled, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// `address:port`, or the host name when it could not be resolved.
    pub(crate) address: String,
    pub(crate) error: String,
}

#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) id: ServerId,
    pub(crate) group: Arc<str>,
    pub(crate) name: Arc<str>,
    /// This side dials.
    outgoing: AtomicBool,
    pub(crate) entry: Mutex<Registration>,
    pub(crate) outbox: Outbox,
    pub(crate) datagrams: DatagramOutbox,
    pub(crate) inbox: Inbox,
    pub(crate) requests: PeerRequests,
    pub(crate) work: Work,
    /// In this session it has said itself what its properties are.
    told: AtomicBool,
    /// An event about a change of them waits for the game.
    update_waits: AtomicBool,
    /// Between two links of a session: what has come of it.
    pub(super) receiving: Mutex<Receiving>,
    pub(crate) commons: Arc<Commons>,
    pub(crate) trace: Mutex<Trace>,
    state: AtomicU8,
    /// When the state was last another one, in milliseconds since `created`.
    changed_ms: AtomicU64,
    created: Instant,
    round_trip_us: AtomicU32,
    pub(crate) traffic: Traffic,
    max_message_bytes: usize,
}

/// Messages and drops of one remote server, over all links to it.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) received: AtomicU64,
    /// Unreliable ones, because the stream was busy.
    pub(crate) dropped: AtomicU64,
    pub(crate) refused: AtomicU64,
    /// Datagrams received that made no sense.
    pub(crate) malformed: AtomicU64,
    /// Messages that came by datagram while the inbox was full.
    pub(crate) inbox_full: AtomicU64,
    /// Of those received, the ones that came by datagram.
    pub(crate) by_datagram: AtomicU64,
}

/// What `explain` tells.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) last_error: Option<String>,
    pub(crate) last_end: Option<String>,
    pub(crate) failures: u32,
    /// It dialled, proved who it is, and yet there was no link: when, and why.
    pub(crate) knocked: Option<(Instant, String)>,
    /// Since when the registry does not list it; only a link keeps it in view then.
    pub(crate) unlisted: Option<Instant>,
}

impl Trace {
    /// A link stands: what went wrong before says nothing any more.
    pub(crate) fn connected(&mut self) {
        *self = Self { unlisted: self.unlisted, ..Self::default() };
    }
}

/// Bytes that are held because they were received from one server and not yet polled. Over the limit the link stops reading, and only that link.
#[derive(Debug)]
pub(crate) struct Inbox {
    bytes: AtomicUsize,
    /// Memory of messages of which not all fragments are there. It is no reason to stop reading: the rest must come.
    assembling: AtomicUsize,
    waiting: AtomicBool,
    room: Notify,
    limit: usize,
}

impl Peer {
    pub(crate) fn new(entry: Registration, direction: Direction, limits: &LimitsSection, commons: Arc<Commons>) -> Self {
        let work = Work::default();
        work.tell(&entry.properties);
        Self {
            id: entry.id,
            group: entry.group.as_str().into(),
            name: entry.name.as_str().into(),
            outgoing: AtomicBool::new(direction == Direction::Outgoing),
            entry: Mutex::new(entry),
            outbox: Outbox::new(limits.outbox_bytes, commons.clone()),
            datagrams: DatagramOutbox::new(commons.clone()),
            inbox: Inbox::new(limits.inbox_bytes),
            requests: PeerRequests::new(limits.requests_per_link),
            work,
            told: AtomicBool::new(false),
            update_waits: AtomicBool::new(false),
            commons,
            trace: Mutex::default(),
            state: AtomicU8::new(ConnectionState::Disconnected as u8),
            changed_ms: AtomicU64::new(0),
            created: Instant::now(),
            round_trip_us: AtomicU32::new(0),
            receiving: Mutex::default(),
            traffic: Traffic::default(),
            max_message_bytes: limits.max_message_bytes,
        }
    }

    pub(crate) fn send(&self, tag: u16, delivery: Delivery, payload: &[u8]) -> Result<(), Error> {
        self.fits(0, payload)?;
        self.push(&Parcel::message(tag, delivery, payload))
    }

    /// As it was when this server came into view: both directions of its links keep to it.
    pub(crate) fn max_message_bytes(&self) -> usize {
        self.max_message_bytes
    }

    /// Whether a payload behind so many bytes of a head is not too big for a message.
    pub(super) fn fits(&self, head: usize, payload: &[u8]) -> Result<(), Error> {
        let limit = self.max_message_bytes.saturating_sub(head);
        if payload.len() > limit {
            return Err(Error::MessageTooBig { len: payload.len(), limit });
        }
        Ok(())
    }

    pub(super) fn push(&self, parcel: &Parcel<'_>) -> Result<(), Error> {
        if parcel.label.delivery.mode == SendMode::Unreliable && self.datagrams.push(parcel) {
            return Ok(());
        }
        match self.outbox.push(parcel) {
            Ok(Pushed::Queued) => Ok(()),
            Ok(Pushed::Dropped) => {
                self.traffic.dropped.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err(PushError::Closed) if self.state() == ConnectionState::Left => Err(Error::UnknownServer(self.id)),
            Err(PushError::Closed) => Err(Error::NotConnected(self.id)),
            Err(PushError::Full { queued, limit }) => {
                self.traffic.refused.fetch_add(1, Ordering::Relaxed);
                Err(Error::QueueFull { to: self.id, queued, limit })
            }
        }
    }

    /// Its own word about its properties. True: they are others than before, and the game has no word of an earlier change before it.
    pub(super) fn told(&self, properties: BTreeMap<String, String>) -> bool {
        let mut entry = self.entry.lock();
        self.told.store(true, Ordering::Relaxed);
        if entry.properties == properties {
            return false;
        }
        self.work.tell(&properties);
        entry.properties = properties;
        !self.update_waits.swap(true, Ordering::AcqRel)
    }

    /// The game is told of the change now; one that comes later is another.
    pub(crate) fn update_given(&self) {
        self.update_waits.store(false, Ordering::Release);
    }

    /// What the registry says of it. Of the properties a link is the better source.
    pub(crate) fn listed(&self, listed: &Registration) {
        let mut entry = self.entry.lock();
        let properties = std::mem::take(&mut entry.properties);
        *entry = listed.clone();
        if self.told.load(Ordering::Relaxed) {
            entry.properties = properties;
        } else {
            self.work.tell(&entry.properties);
        }
    }

    /// The session is over: nothing of it is kept. Says how many reliable messages are not known to have arrived.
    pub(crate) fn end_session(&self) -> u64 {
        *self.receiving.lock() = Receiving::default();
        self.inbox.assembling(0);
        self.requests.incoming.lock().clear();
        self.told.store(false, Ordering::Relaxed);
        self.outbox.close()
    }

    pub(crate) fn direction(&self) -> Direction {
        if self.outgoing.load(Ordering::Relaxed) { Direction::Outgoing } else { Direction::Incoming }
    }

    pub(crate) fn set_direction(&self, direction: Direction) {
        self.outgoing.store(direction == Direction::Outgoing, Ordering::Relaxed);
    }

    pub(crate) fn state(&self) -> ConnectionState {
        match self.state.load(Ordering::Acquire) {
            2 => ConnectionState::Connecting,
            3 => ConnectionState::Connected,
            4 => ConnectionState::Interrupted,
            5 => ConnectionState::Left,
            _ => ConnectionState::Disconnected,
        }
    }

    pub(crate) fn set_state(&self, state: ConnectionState) {
        if self.state.swap(state as u8, Ordering::AcqRel) != state as u8 {
            let age = u64::try_from(self.created.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.changed_ms.store(age, Ordering::Relaxed);
        }
    }

    /// For how long the state has been what it is.
    pub(crate) fn state_age(&self) -> Duration {
        self.created.elapsed().saturating_sub(Duration::from_millis(self.changed_ms.load(Ordering::Relaxed)))
    }

    /// `None` until the first keep-alive of a link has come back.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        match self.round_trip_us.load(Ordering::Relaxed) {
            0 => None,
            us => Some(Duration::from_micros(us.into())),
        }
    }

    pub(crate) fn set_round_trip(&self, round_trip: Option<Duration>) {
        let us = round_trip.map_or(0, |time| u32::try_from(time.as_micros()).unwrap_or(u32::MAX).max(1));
        self.round_trip_us.store(us, Ordering::Relaxed);
    }
}

impl Inbox {
    fn new(limit: usize) -> Self {
        Self { bytes: AtomicUsize::new(0), assembling: AtomicUsize::new(0), waiting: AtomicBool::new(false), room: Notify::new(), limit }
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.bytes.fetch_add(bytes, Ordering::AcqRel);
    }

    pub(crate) fn consumed(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::SeqCst);
        if self.waiting.load(Ordering::SeqCst) {
            self.room.notify_one();
        }
    }

    /// Unfinished messages hold this many bytes now.
    pub(super) fn assembling(&self, bytes: usize) {
        self.assembling.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Acquire) + self.assembling.load(Ordering::Relaxed)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.bytes.load(Ordering::SeqCst) >= self.limit
    }

    /// Waits until the game has polled enough.
    pub(super) async fn room(&self) {
        self.waiting.store(true, Ordering::SeqCst);
        while self.is_full() {
            self.room.notified().await;
        }
        self.waiting.store(false, Ordering::SeqCst);
    }
}
