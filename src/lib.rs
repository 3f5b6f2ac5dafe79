//! Sinew joins dedicated game servers into one cluster.
//!
//! A [`Server`] is started with a [`ServerConfig`], finds the others through a [`registry`], gets authenticated, encrypted links to the groups it
//! may see, sends [`Message`]s and hands out [`Event`]s to whoever polls. In flow order:
//!
//! ```text
//! game thread ─► capi ─► server ──(signals)──► node task ─► cluster (pure) ─► registry connector
//!                        │  │                                    └──────────► link (dial, accept)
//!                        │  └─(send: straight into the link's outbox)──────► link ─► session (pure) ─► wire ─► transport
//!                        └◄──────────── event queue ◄───────────────────────  link, node task
//! ```
//!
//! Start with [`Server`]; `docs/` has the book.

#[cfg(feature = "capi")]
mod capi;
pub mod config;
pub mod error;
mod event;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod id;
pub mod message;
mod server;

mod buffer;
mod cluster;
mod link;
pub mod registry;
mod runtime;
pub mod transport;
mod wire;

pub use cluster::{Direction, DisconnectReason, LeaveReason, StopReason};
pub use config::ServerConfig;
pub use error::{Error, ErrorCode, RequestFailure};
pub use event::{Event, Events};
pub use id::{RequestId, ServerId};
pub use link::{ConnectionState, Readiness};
pub use message::{Delivery, Lane, Message, Reader, SendMode, Writer};
pub use server::{
    Broadcast, Diagnosis, Finding, Policy, Rejection, RemoteServer, Reply, Request, RequestBuilder, Server, ServerGroup, ServerInfo, Stats,
    Verdict, diagnose,
};

/// The examples of these pages are compiled as tests.
#[cfg(doctest)]
mod pages {
    #[doc = include_str!("../README.md")]
    struct Readme;
    #[doc = include_str!("../docs/messages.md")]
    struct Messages;
    #[doc = include_str!("../docs/patterns.md")]
    struct Patterns;
    #[doc = include_str!("../docs/rust.md")]
    struct Rust;
}
