//! Everything an outsider, or a member that misbehaves, can send to a running server: it is turned away in time, counted, logged once,
//! the game hears nothing of it, memory stays flat, and an honest link next to it does not notice.

mod campaign;
mod client;
mod client_hello;
mod field;
mod wire;
mod wrong_group;

mod acceptors;
mod floods;
mod half_open;
mod hellos;
mod keyless;
mod members;
mod outsiders;
mod registry_port;
mod starting;
