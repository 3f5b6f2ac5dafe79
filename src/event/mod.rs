//! Everything that reaches the game: the events, and the queue they wait in until the game polls.
//!
//! Links push whole batches of messages, the node pushes everything else; one queue, so one order. May use: ids, messages, the shared record of
//! a remote server. Must never know: how a link works, what the registry is, or who polls.

mod batch;
mod queue;

pub(crate) use batch::{Batch, Span};
pub(crate) use queue::EventQueue;
pub use queue::Events;
#[cfg(feature = "capi")]
pub(crate) use queue::Item;

use crate::cluster::{DisconnectReason, LeaveReason, StopReason};
use crate::config::LogLevel;
use crate::error::RequestFailure;
use crate::id::{RequestId, ServerId};
use crate::message::Message;
use crate::registry::Registration;
use crate::server::{RemoteServer, Reply, Request};

/// Something that happened. For one remote server always in this order:
/// `joined → connected → message… (interrupted, resumed) → disconnected → … → left`.
///
/// New kinds may be added: skip what you do not know.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// This server is registered; its own id is known from now on. Nobody else is heard of before it.
    Started {
        id: ServerId,
    },
    /// A server that this one may see is in the registry. It is not connected yet.
    ServerJoined {
        server: RemoteServer,
    },
    /// The link is up on both sides: `send` works.
    ServerConnected {
        server: RemoteServer,
    },
    /// The link broke, or nothing has been heard for `limits.interrupted_after_ms`. What is sent now waits, and what was not acknowledged is sent again
    /// when it is resumed; nothing is lost by that.
    ServerInterrupted {
        server: RemoteServer,
    },
    /// Another link goes on where the last one stopped. A link that is replaced before its end is noticed is neither interrupted nor resumed.
    ServerResumed {
        server: RemoteServer,
    },
    /// The session with it is over. `unacknowledged`: reliable messages not known to have arrived, which nobody will send again.
    ServerDisconnected {
        server: RemoteServer,
        reason: DisconnectReason,
        text: String,
        unacknowledged: u64,
    },
    /// It is gone from this server's view. Nothing more comes from this id, unless it had expired and joins again.
    ServerLeft {
        server: RemoteServer,
        reason: LeaveReason,
    },
    /// One message from a connected server.
    Message {
        server: RemoteServer,
        message: Message,
    },
    /// A connected server asks something. Answer it with [`Request::reply`].
    Request {
        request: Request,
    },
    /// The answer to a request that this server made with `start`.
    Reply {
        request: RequestId,
        reply: Reply,
    },
    /// There will be no answer to this request. One that was made before a `ServerDisconnected` or `Stopped` has ended before that.
    RequestFailed {
        /// Who was asked, the last one if there were several.
        server: RemoteServer,
        request: RequestId,
        failure: RequestFailure,
    },
    /// The properties of a connected server are others than before.
    ServerUpdated {
        server: RemoteServer,
    },
    /// After a `QueueFull`: at least half of the outbox to this server is free again.
    Writable {
        server: RemoteServer,
    },
    /// The registry cannot be reached. Links live on; nobody new is found until it is restored.
    RegistryLost {
        text: String,
    },
    RegistryRestored,
    /// Only with `registry.kind = "external"`: register this server in the game's registry, then call
    /// [`registered`](crate::registry::external::ExternalRegistry::registered) or
    /// [`register_failed`](crate::registry::external::ExternalRegistry::register_failed). `entry.id` is a fresh id that it may have.
    RegistryRegister {
        entry: Box<Registration>,
    },
    /// Only with `registry.kind = "external"`: this server is stopping, or was replaced; take its entry out of the game's registry.
    RegistryDeregister {
        id: ServerId,
    },
    /// Only with `registry.kind = "external"`: dialling this server failed again and again. Look whether it is really there, and report it as
    /// left if it is not.
    RegistryConnectionFailure {
        server: RemoteServer,
    },
    /// The library's own words, when `log.to = "events"`.
    Log {
        level: LogLevel,
        target: &'static str,
        text: String,
    },
    /// The last event.
    Stopped {
        reason: StopReason,
        text: String,
    },
}

impl Event {
    /// The game has it now.
    pub(crate) fn given(&self) {
        if let Event::ServerUpdated { server } = self {
            server.peer().update_given();
        }
    }

    /// What this event counts against `limits.event_queue_bytes`: its text and the size of its record.
    pub(crate) fn cost(&self) -> usize {
        let text = match self {
            Event::ServerDisconnected { text, .. }
            | Event::RegistryLost { text }
            | Event::Log { text, .. }
            | Event::Stopped { text, .. } => text.len(),
            Event::RegistryRegister { entry } => {
                let properties = entry.properties.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
                size_of::<Registration>() + entry.group.len() + entry.name.len() + entry.host.len() + properties
            }
            _ => 0,
        };
        std::mem::size_of::<Event>() + text
    }
}
