//! A cluster of real servers on real sockets, through the public Rust API.

mod asking;
mod asynchronous;
mod child;
mod cuts;
mod datagrams;
mod explaining;
mod health;
mod idle;
mod joining;
mod lanes;
mod names;
mod ports;
mod pressure;
mod proxy;
mod registry;
mod restarts;
mod silence;
mod stopping;
mod support;
mod topology;
