//! What this server says of itself while it runs: its properties, told to every connected server.

use super::shared::Shared;
use crate::config::check_properties;
use crate::error::Error;
use crate::link::{CAPACITY, ConnectionState, LOAD, Readiness, STATE, number};
use crate::wire::control::Control;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// At most ten times a second: whoever changes something in every frame costs the others no more than that.
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug)]
pub(super) struct Properties {
    now: Mutex<BTreeMap<String, String>>,
    changed: Notify,
}

impl Properties {
    pub(super) fn new(at_start: BTreeMap<String, String>) -> Self {
        Self { now: Mutex::new(at_start), changed: Notify::new() }
    }

    pub(super) fn all(&self) -> BTreeMap<String, String> {
        self.now.lock().clone()
    }

    pub(super) fn readiness(&self) -> Readiness {
        Readiness::of(&self.now.lock())
    }

    /// Sets and (with `None`) removes. Errors: nothing is changed.
    pub(super) fn change<'a>(&self, changes: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> Result<(), Error> {
        let mut now = self.now.lock();
        let next = changed(&now, changes)?;
        if *now != next {
            *now = next;
            self.changed.notify_one();
        }
        Ok(())
    }
}

fn changed<'a>(
    now: &BTreeMap<String, String>,
    changes: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
) -> Result<BTreeMap<String, String>, Error> {
    let mut next = now.clone();
    for (key, value) in changes {
        let good = match key {
            _ if key.is_empty() => return Err(Error::InvalidArgument("a property needs a key of at least one byte".into())),
            LOAD | CAPACITY => value.is_none_or(|value| number(&[(key.to_string(), value.to_string())].into(), key).is_some()),
            STATE => value.is_none_or(|value| Readiness::ALL.iter().any(|state| state.word() == value)),
            _ => true,
        };
        if let Some(value) = value.filter(|_| !good) {
            let wanted = if key == STATE { "starting, ready or draining" } else { "a number, not negative" };
            return Err(Error::InvalidArgument(format!("the property `{key}` cannot be `{value}`; it is {wanted}")));
        }
        match value {
            Some(value) => next.insert(key.into(), value.into()),
            None => next.remove(key),
        };
    }
    check_properties(&next).map_err(Error::InvalidArgument)?;
    Ok(next)
}

/// What goes to the others.
pub(super) fn frame(properties: BTreeMap<String, String>) -> Arc<[u8]> {
    let mut frame = Vec::new();
    Control::Properties { all: properties }.append_to(&mut frame);
    frame.into()
}

/// From now on nobody gives this server work.
pub(super) fn drain(shared: &Shared) {
    let mut properties = shared.properties.all();
    properties.insert(STATE.into(), Readiness::Draining.word().into());
    tell(shared, properties);
}

fn tell(shared: &Shared, properties: BTreeMap<String, String>) {
    let frame = frame(properties);
    // For the links to come first: one that starts between the two is told twice, not never.
    *shared.commons.properties.lock() = frame.clone();
    for peer in shared.peers.read().values().filter(|peer| peer.state() == ConnectionState::Connected) {
        peer.outbox.tell_properties(frame.clone());
    }
}

/// Tells the others what has changed, until it is aborted.
pub(super) async fn keep(shared: Arc<Shared>) {
    loop {
        shared.properties.changed.notified().await;
        let told_at = Instant::now();
        if shared.is_stopping() {
            return;
        }
        tell(&shared, shared.properties.all());
        tokio::time::sleep_until(told_at + PAUSE).await;
    }
}
