//! Six servers in network namespaces of their own, three on each side of a cable that is really cut. Needs root: it makes namespaces.
//!
//! ```text
//! cargo test --test partitions -- --nocapture
//! SINEW_PARTITIONS=10 cargo test --release --test partitions -- --nocapture
//! ```
//!
//! The second line is the soak: so many rounds, and in each the registry hosts are down for a minute.
#![cfg(target_os = "linux")]

mod child;
mod fleet;
mod judge;
mod network;
mod scenarios;

use fleet::Fleet;

/// A registry host in each half; a server's index is its half times three and its place in it.
const BOTH: &[usize] = &[0, 3];
const ONE: &[usize] = &[3];

/// The soak's rounds, if this is one.
fn rounds() -> Option<u32> {
    std::env::var("SINEW_PARTITIONS").ok().map(|text| text.parse().expect("SINEW_PARTITIONS is a number of rounds"))
}

#[test]
fn a_full_mesh_survives_what_a_network_does() {
    child::serve_if_child();
    let mut fleet = Fleet::start("a_full_mesh_survives_what_a_network_does", BOTH);
    scenarios::mesh(&mut fleet);
    for _ in 0..rounds().unwrap_or(1) {
        scenarios::partition(&mut fleet, 20);
        scenarios::short_cut(&mut fleet);
        scenarios::longer_cut(&mut fleet);
        scenarios::registry_down(&mut fleet, if rounds().is_some() { 60 } else { 10 });
    }
    scenarios::nothing_is_missing(&mut fleet);
}

/// The half without a host keeps its last view and dials on and on, ever more slowly: it must not sleep when the network is back.
#[test]
fn a_half_without_a_registry_comes_back_as_fast() {
    child::serve_if_child();
    let mut fleet = Fleet::start("a_half_without_a_registry_comes_back_as_fast", ONE);
    // The half without a host has the lower ids, so it is the one that dials.
    fleet.restart_one_by_one([3, 0, 1, 2, 4, 5]);
    scenarios::mesh(&mut fleet);
    for _ in 0..rounds().unwrap_or(1) {
        scenarios::partition(&mut fleet, 35);
    }
    scenarios::nothing_is_missing(&mut fleet);
}
