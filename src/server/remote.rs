//! Handles to the other servers and their groups.

use crate::cluster::Direction;
use crate::config::Visibility;
use crate::error::Error;
use crate::id::ServerId;
use crate::link::{ConnectionState, Peer};
use crate::message::Delivery;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Another server of the cluster, as seen from this one.
///
/// A cheap handle that may be kept and used from any thread; it stays valid and harmless for ever, also after the server has left.
#[derive(Clone)]
pub struct RemoteServer(Arc<Peer>);

impl RemoteServer {
    pub(crate) fn new(peer: Arc<Peer>) -> Self {
        Self(peer)
    }

    pub fn id(&self) -> ServerId {
        self.0.id
    }

    pub fn group(&self) -> &str {
        &self.0.group
    }

    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// What is dialled to reach it: a host name or an address.
    pub fn host(&self) -> String {
        self.0.entry.lock().host.clone()
    }

    pub fn port(&self) -> u16 {
        self.0.entry.lock().port
    }

    /// The key = "value" pairs it registered with.
    pub fn properties(&self) -> BTreeMap<String, String> {
        self.0.entry.lock().properties.clone()
    }

    pub fn state(&self) -> ConnectionState {
        self.0.state()
    }

    /// Which side dials.
    pub fn direction(&self) -> Direction {
        self.0.direction
    }

    /// Of the last keep-alive on this link; `None` while not connected or not yet measured.
    pub fn round_trip_time(&self) -> Option<Duration> {
        self.0.round_trip()
    }

    /// What counts against `limits.outbox_bytes`: bytes that wait to be sent or to be acknowledged, frame headers (8 bytes a message) included.
    pub fn queued_bytes(&self) -> usize {
        self.0.outbox.unacknowledged_bytes()
    }

    /// Sends a message: copied before this returns, never blocks. `delivery` is a [`SendMode`](crate::SendMode), perhaps
    /// [on a lane](crate::SendMode::on).
    ///
    /// Errors: `NotConnected` and `UnknownServer` (it has left), `QueueFull` (nothing was queued; a `Writable` event follows),
    /// `MessageTooBig`. An unreliable message that finds the link busy is dropped and counted, which is no error.
    pub fn send(&self, tag: u16, payload: &[u8], delivery: impl Into<Delivery>) -> Result<(), Error> {
        self.0.send(tag, delivery.into(), payload)
    }
}

impl PartialEq for RemoteServer {
    fn eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }
}

impl Eq for RemoteServer {}

impl std::fmt::Debug for RemoteServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RemoteServer({} {}/{} {:?})", self.id(), self.group(), self.name(), self.state())
    }
}

/// A group that this server's group is connected with, and its members at the moment it was asked for.
#[derive(Debug, Clone)]
pub struct ServerGroup {
    pub(crate) name: String,
    pub(crate) visibility: Visibility,
    pub(crate) outgoing: bool,
    pub(crate) incoming: bool,
    pub(crate) members: Vec<RemoteServer>,
}

impl ServerGroup {
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn visibility(&self) -> Visibility {
        self.visibility
    }

    /// Our group names this one in `connects_to`.
    pub fn is_outgoing(&self) -> bool {
        self.outgoing
    }

    /// This group names ours in `connects_to`.
    pub fn is_incoming(&self) -> bool {
        self.incoming
    }

    /// Its servers, connected or not, ordered by id (the oldest registration first).
    pub fn members(&self) -> &[RemoteServer] {
        &self.members
    }
}
