//! Sinew joins dedicated game servers into one cluster.
pub mod config;
pub mod error;
pub mod id;
pub mod registry;
pub mod transport;
pub mod wire;
