//! Sinew joins dedicated game servers into one cluster.
mod cluster;
pub mod config;
pub mod error;
mod event;
pub mod id;
mod link;
pub mod message;
pub mod registry;
mod server;
pub mod transport;
mod wire;

#[cfg(doctest)]
mod doc_pages {
    #[doc = include_str!("../docs/messages.md")]
    struct Messages;
}
