//! A cluster of real servers on real sockets, through the public Rust API.

mod support;

mod joining;
