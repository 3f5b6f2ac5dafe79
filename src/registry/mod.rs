//! The directory of the cluster: who is registered, who joined, who left.
//!
//! A connector talks to one kind of registry. It runs in the server's own runtime, reports what it learns as [`News`] and is told
//! what to do through [`Command`]s; it never decides anything about links and never ends the process. A lost registry is news, not an error.

use crate::config::Visibility;
use crate::id::ServerId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tokio::sync::mpsc;

/// One entry of the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    pub id: ServerId,
    pub group: String,
    pub name: String,
    /// What others dial: a host name or an address without brackets, and a port that is never 0.
    pub host: String,
    pub port: u16,
    pub visibility: Visibility,
    pub properties: BTreeMap<String, String>,
}

/// What a server asks to be registered as, before it has an id.
///
/// `host` empty: the connector fills in the address by which this machine reaches the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub group: String,
    pub name: String,
    pub host: String,
    pub port: u16,
    pub visibility: Visibility,
    pub properties: BTreeMap<String, String>,
}

/// Why a registration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LeaveReason {
    /// It said goodbye: final.
    Deregistered,
    /// A newer server registered under the same group and name: final.
    Replaced,
    /// Its lease ran out: a hint only; a live link outlives it.
    Expired,
}

/// What a connector reports, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// This server is registered under this entry (again with the same id after a registry restart).
    Registered(Registration),
    /// A newer server took this server's name; the connector has given up its registration and will not take it back.
    Replaced {
        by: ServerId,
    },
    Joined(Registration),
    Left {
        id: ServerId,
        reason: LeaveReason,
    },
    /// Everything that is registered now, this server included: what is not in it has left (`Expired`).
    Snapshot(Vec<Registration>),
    /// The registry cannot be reached; the text says why, naming the address and the cure. Once per outage.
    Lost(String),
    Restored,
}

/// What a connector is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Dialling this server failed again and again: look whether it is really there.
    ReportFailure(ServerId),
    /// Leave the registry and end; the connector's task returns when it is done (or the registry cannot be reached).
    Deregister,
}

/// The two ends a connector's task works with. The task ends after `Command::Deregister` or when `commands` is closed.
pub struct Wires {
    pub news: mpsc::Sender<News>,
    pub commands: mpsc::Receiver<Command>,
}

/// A kind of registry.
pub trait Connector: Send + 'static {
    /// Registers `me` and watches the directory until told to deregister. Retries for ever by itself.
    fn run(self: Box<Self>, me: Candidate, wires: Wires) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

    /// Whether ids name seats of a list agreed beforehand (`fixed`) rather than registrations: then an id comes back after a goodbye.
    fn ids_are_seats(&self) -> bool {
        false
    }
}
pub(crate) fn connect(
    _config: &crate::config::ServerConfig,
    _identity: &crate::transport::identity::Identity,
) -> Result<Box<dyn Connector>, crate::error::Error> {
    unimplemented!()
}
