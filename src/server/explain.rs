//! Why a link is, or is not, up: as text for the person who asks.

use super::shared::Shared;
use crate::cluster::Direction;
use crate::config::RegistryKind;
use crate::id::ServerId;
use crate::link::{ConnectionState, Peer};
use crate::registry;
use std::fmt::{Result, Write};
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

/// Clocks that differ by less trouble nobody.
const SKEW: Duration = Duration::from_secs(60);

pub(super) fn explain(shared: &Shared, peer: &Peer) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = write(shared, peer, &mut text);
    text
}

fn write(shared: &Shared, peer: &Peer, text: &mut String) -> Result {
    let (host, port) = {
        let entry = peer.entry.lock();
        (entry.host.clone(), entry.port)
    };
    writeln!(text, "server {} ({}/{}) at {host}:{port}", peer.id, peer.group, peer.name)?;
    write_link(peer, text)?;
    write_attempts(shared, peer, &host, text)?;
    write_registry(shared, peer, text)?;
    if shared.config.registry.kind == RegistryKind::Embedded
        && let Some(skew) = skew(peer.id)
    {
        writeln!(text, "clock: {skew}")?;
    }
    Ok(())
}

/// The link as it stands, and what waits on it.
fn write_link(peer: &Peer, text: &mut String) -> Result {
    let who = match peer.direction() {
        Direction::Outgoing => "this server dials it",
        Direction::Incoming => "it dials this server",
    };
    let state = match peer.state() {
        ConnectionState::Disconnected => "not connected",
        ConnectionState::Connecting => "connecting",
        ConnectionState::Connected => "connected",
        ConnectionState::Interrupted => "interrupted (the link broke; what is sent waits, and nothing is lost if it comes back in time)",
        ConnectionState::Left => "has left,",
    };
    writeln!(text, "state: {state} for {} ({who})", seconds(peer.state_age()))?;
    if matches!(peer.state(), ConnectionState::Connected | ConnectionState::Interrupted) {
        let queued = peer.outbox.queued_bytes() + peer.datagrams.tally().queued_bytes;
        let unacknowledged = peer.outbox.unacknowledged_bytes();
        write!(text, "link: {queued} bytes queued, {unacknowledged} bytes sent or queued and not yet acknowledged")?;
        match peer.round_trip() {
            Some(round_trip) => writeln!(text, ", round trip {} us", round_trip.as_micros())?,
            None => writeln!(text)?,
        }
        if peer.inbox.is_full() {
            writeln!(text, "inbox: full, so nothing more is read from it; call poll more often, or raise limits.inbox_bytes")?;
        }
    }
    Ok(())
}

/// What was tried in either direction, and what is wrong with it.
fn write_attempts(shared: &Shared, peer: &Peer, host: &str, text: &mut String) -> Result {
    let trace = peer.trace.lock();
    if let Some(error) = &trace.last_error {
        writeln!(text, "last failure ({} in a row): {error}", trace.failures)?;
    }
    for attempt in &trace.attempts {
        writeln!(text, "  tried {}: {}", attempt.address, attempt.error)?;
    }
    if let Some((when, why)) = &trace.knocked {
        writeln!(text, "it dialled this server {} ago in vain: {why}", seconds(when.elapsed()))?;
    }
    if let Some(end) = &trace.last_end {
        writeln!(text, "last link ended: {end}")?;
    }
    if peer.direction() == Direction::Incoming && peer.state() == ConnectionState::Disconnected {
        let address = shared.info();
        writeln!(text, "waiting for it to dial {}:{}; its own log or explain says why it does not succeed", address.host, address.port)?;
        // Who is turned away before TLS has named him is known by his address alone.
        for (age, why) in host.parse::<IpAddr>().map(|ip| shared.rejections.of_strangers(ip)).unwrap_or_default() {
            writeln!(text, "somebody at {host}, perhaps it, was turned away {} ago: {why}", seconds(age))?;
        }
    }
    Ok(())
}

/// What the registry says, how old that is, and which of its hosts answer.
fn write_registry(shared: &Shared, peer: &Peer, text: &mut String) -> Result {
    let registry = shared.registry.lock();
    if shared.config.registry.kind == RegistryKind::Fixed {
        return writeln!(text, "registry: the list in the configuration, which is the same for ever");
    }
    match (&registry.lost, registry.heard) {
        (Some((why, since)), _) => writeln!(text, "registry: lost for {}, its last view is kept: {why}", seconds(since.elapsed()))?,
        (None, Some(heard)) => writeln!(text, "registry: reachable, last news {} ago", seconds(heard.elapsed()))?,
        (None, None) => writeln!(text, "registry: has not answered yet")?,
    }
    if let Some(since) = peer.trace.lock().unlisted {
        writeln!(text, "  it has not been listed for {}; it stays in view as long as its link", seconds(since.elapsed()))?;
    }
    // Those of a registry that the game connects are the game's own.
    let Some(hosts) = &registry.hosts else { return Ok(()) };
    for host in hosts.borrow().iter() {
        match (host.registered, host.heard, &host.failure) {
            (true, Some(heard), _) => {
                writeln!(text, "  {}: answers, confirmed this server {} ago", host.address, seconds(heard.elapsed()))?
            }
            (_, Some(heard), Some(why)) => writeln!(text, "  {}: last word {} ago, now {why}", host.address, seconds(heard.elapsed()))?,
            (_, None, Some(why)) => writeln!(text, "  {}: {why}", host.address)?,
            _ => writeln!(text, "  {}: connecting", host.address)?,
        }
    }
    Ok(())
}

/// Whether the clock by which this id was drawn is ahead of this machine's: half of the differences show, for an id may be old.
pub(super) fn skew(id: ServerId) -> Option<String> {
    let ahead = registry::drawn_at(id).duration_since(SystemTime::now()).ok().filter(|ahead| *ahead > SKEW)?;
    Some(format!(
        "that server registered {} in the future by this machine's clock; set both clocks, or certificates seem expired or not valid yet",
        seconds(ahead)
    ))
}

fn seconds(age: Duration) -> String {
    format!("{} s", age.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_from_the_future_tells_of_a_wrong_clock_and_one_of_today_does_not() {
        // 2^53 - 1 is the end of the year 2303.
        let future = skew(ServerId::new(ServerId::MAX).unwrap()).expect("far ahead");
        assert!(future.contains("set both clocks"), "{future}");
        assert_eq!(skew(ServerId::new(1).unwrap()), None);
    }
}
