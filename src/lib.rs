//! Sinew joins dedicated game servers into one cluster.
#[cfg(feature = "capi")]
mod capi;
mod cluster;
pub mod config;
pub mod error;
mod event;
pub mod id;
mod link;
pub mod message;
pub mod registry;
mod runtime;
mod server;
pub mod transport;
mod wire;

pub use cluster::{Direction, DisconnectReason, LeaveReason, StopReason};
pub use config::ServerConfig;
pub use error::{Error, ErrorCode};
pub use event::{Event, Events};
pub use id::ServerId;
pub use link::{Attempt, ConnectionState};
pub use message::{Message, Reader, SendMode, Writer};
pub use server::{Broadcast, Rejection, RemoteServer, Server, ServerGroup, ServerInfo, Stats};

#[cfg(doctest)]
mod doc_pages {
    #[doc = include_str!("../docs/messages.md")]
    struct Messages;
}
