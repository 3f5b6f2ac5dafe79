//! Watches the store, and starts again when that breaks.

use super::keeper::{Entry, pauses};
use super::{Changes, Event, Flawed, Found, Name, Record, Store};
use crate::registry::LeaveReason;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

/// Complaints that are remembered, so that each is logged once.
const MOST_COMPLAINTS: usize = 1024;

/// What is seen of the store.
#[derive(Debug)]
pub(super) enum Seen {
    All(Vec<Found>),
    Set(Found),
    Unset(Name, LeaveReason),
    /// Watching failed, and failed again at once.
    Failed(String),
}

/// Begins when this server is registered: what it sees then includes itself.
pub(super) async fn run<S: Store>(store: Arc<S>, mut entry: watch::Receiver<Entry>, events: mpsc::Sender<Event>) {
    if entry.wait_for(|entry| entry.stands).await.is_err() {
        return;
    }
    let mut pauses = pauses();
    loop {
        let changes = Changes { events: events.clone(), shown: Arc::default() };
        let failure = store.watch(&changes).await;
        // What worked before is tried again at once; only if that fails too, the store counts as lost.
        if changes.shown.load(Ordering::Relaxed) {
            pauses.reset();
        } else if events.send(Event::Seen(Seen::Failed(failure.0))).await.is_err() {
            return;
        }
        sleep(pauses.next()).await;
    }
}

/// What is wrong with the store's entries, each logged once.
#[derive(Debug, Default)]
pub(super) struct Complaints(HashSet<Flawed>);

impl Complaints {
    pub(super) fn good(&mut self, found: Found) -> Option<Record> {
        let flawed = match found {
            Ok(record) => return Some(record),
            Err(flawed) => flawed,
        };
        if self.0.len() < MOST_COMPLAINTS && !self.0.contains(&flawed) {
            let Flawed { key, flaw } = &flawed;
            tracing::warn!(key, flaw, "an entry of the registry makes no sense and is left out; correct or remove it");
            self.0.insert(flawed);
        }
        None
    }
}
