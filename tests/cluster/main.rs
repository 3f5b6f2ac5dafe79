//! A cluster of real servers on real sockets, through the public Rust API.

mod any;
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
mod properties;
mod proxy;
mod registry;
mod reload;
mod requests;
mod restarts;
mod silence;
mod stopping;
mod support;
mod topology;
