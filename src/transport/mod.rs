//! Authenticated encrypted byte streams between members of one cluster.

pub mod identity;
pub mod tls;
