//! Handles to the other servers and their groups.

use super::RequestBuilder;
use crate::cluster::Direction;
use crate::config::Visibility;
use crate::error::Error;
use crate::id::ServerId;
use crate::link::{ConnectionState, Peer, Readiness};
use crate::message::Delivery;
#[cfg(feature = "capi")]
use crate::registry::Registration;
use std::borrow::Cow;
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

    pub(crate) fn peer(&self) -> &Arc<Peer> {
        &self.0
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

    /// The key = "value" pairs that it says of itself: while it is connected as they are now, before as it registered with them.
    pub fn properties(&self) -> BTreeMap<String, String> {
        self.0.entry.lock().properties.clone()
    }

    /// Its property `load`: how much work it has. `None`: it does not say.
    pub fn load(&self) -> Option<f64> {
        self.0.work.load()
    }

    /// Its property `capacity`: how much work it can take. `None`: it does not say.
    pub fn capacity(&self) -> Option<f64> {
        self.0.work.capacity()
    }

    /// Its property `state`: whether it takes new work.
    pub fn readiness(&self) -> Readiness {
        self.0.work.readiness()
    }

    pub fn state(&self) -> ConnectionState {
        self.0.state()
    }

    /// How it is registered, with its properties as they are now.
    #[cfg(feature = "capi")]
    pub(crate) fn entry(&self) -> Registration {
        self.0.entry.lock().clone()
    }

    /// Which side dials.
    pub fn direction(&self) -> Direction {
        self.0.direction()
    }

    /// Of the last keep-alive on this link; `None` while not connected or not yet measured.
    pub fn round_trip_time(&self) -> Option<Duration> {
        self.0.round_trip()
    }

    /// What counts against `limits.outbox_bytes`: bytes that wait to be sent or to be acknowledged, frame headers (8 bytes a message) included.
    pub fn queued_bytes(&self) -> usize {
        self.0.outbox.unacknowledged_bytes()
    }

    /// Asks it for an answer: `start()` the request, and the outcome is an event, or `await` it.
    ///
    /// ```no_run
    /// # async fn ask(remote: &sinew::RemoteServer) -> Result<(), sinew::Error> {
    /// const IS_FREE: u16 = 7;
    /// let reply = remote.request(IS_FREE, b"arena-3").await?;
    /// println!("{} says {}: {:?}", remote.name(), reply.code, reply.payload);
    /// # Ok(())
    /// # }
    /// ```
    pub fn request<'a>(&'a self, tag: u16, payload: &'a [u8]) -> RequestBuilder<'a> {
        RequestBuilder::one(Ok(Cow::Borrowed(&self.0)), None, tag, payload)
    }

    /// Requests of this server that it has not answered.
    pub fn open_requests(&self) -> usize {
        self.0.requests.open()
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
