//! Why a link is, or is not, up: as text for the person who asks.

use super::shared::Shared;
use crate::cluster::Direction;
use crate::link::{ConnectionState, Peer};
use std::fmt::Write;

pub(super) fn explain(shared: &Shared, peer: &Peer) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = write(shared, peer, &mut text);
    text
}

fn write(shared: &Shared, peer: &Peer, text: &mut String) -> std::fmt::Result {
    let (host, port) = {
        let entry = peer.entry.lock();
        (entry.host.clone(), entry.port)
    };
    writeln!(text, "server {} ({}/{}) at {host}:{port}", peer.id, peer.group, peer.name)?;
    let who = match peer.direction {
        Direction::Outgoing => "this server dials it",
        Direction::Incoming => "it dials this server",
    };
    let state = match peer.state() {
        ConnectionState::Disconnected => "not connected",
        ConnectionState::Connecting => "connecting",
        ConnectionState::Connected => "connected",
        ConnectionState::Interrupted => "connected, but nothing is heard from it",
        ConnectionState::Left => "has left",
    };
    writeln!(text, "state: {state} ({who})")?;
    if let Some(round_trip) = peer.round_trip() {
        writeln!(text, "round trip: {} us, {} bytes queued", round_trip.as_micros(), peer.outbox.queued_bytes())?;
    }
    let trace = peer.trace.lock();
    if let Some(error) = &trace.last_error {
        writeln!(text, "last failure ({} in a row): {error}", trace.failures)?;
    }
    for attempt in &trace.attempts {
        writeln!(text, "  tried {}: {}", attempt.address, attempt.error)?;
    }
    if let Some(end) = &trace.last_end {
        writeln!(text, "last link ended: {end}")?;
    }
    if peer.direction == Direction::Incoming && peer.state() == ConnectionState::Disconnected {
        let address = shared.info();
        writeln!(text, "waiting for it to dial {}:{}; its own log or explain says why it does not succeed", address.host, address.port)?;
    }
    let registry = shared.registry.lock();
    match (&registry.lost, registry.heard) {
        (Some((why, since)), _) => writeln!(text, "registry: lost for {} s, its last view is kept: {why}", since.elapsed().as_secs())?,
        (None, Some(heard)) => writeln!(text, "registry: reachable, last news {} s ago", heard.elapsed().as_secs())?,
        (None, None) => writeln!(text, "registry: has not answered yet")?,
    }
    Ok(())
}
