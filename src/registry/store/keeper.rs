//! Keeps this server's entry in the store.

use super::{Event, GOODBYE_WAIT, Put, REQUEST_MAX, REQUEST_MIN, RETRY_MAX, RETRY_MIN, Record, Renewed, Store, local_address};
use crate::id::ServerId;
use crate::registry::ids::Ids;
use crate::registry::pauses::Pauses;
use crate::registry::{Candidate, Registration};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{Instant, sleep, timeout};

/// Draws in a row before the store is given a rest.
const MAX_DRAWS: u32 = 32;

/// What the keeper reports.
#[derive(Debug)]
pub(super) enum Kept {
    /// The entry has been put, for the first time or again.
    Put(Registration),
    Renewed,
    /// Twice in a row.
    Failed(String),
    /// The id that this server was given stands under another name, as this says.
    IdTaken(String),
    /// A newer server has the name. The keeper has ended.
    Replaced {
        by: ServerId,
    },
}

/// What stands in the store, as far as the keeper knows.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    /// Put, or perhaps put: a goodbye must take it out.
    pub(super) record: Option<Record>,
    /// It has been put for certain, and that has been reported.
    pub(super) stands: bool,
}

pub(super) struct Keeper<S> {
    pub(super) store: Arc<S>,
    pub(super) me: Candidate,
    pub(super) ids: Ids,
    /// Somebody has seen that the entry is missing.
    pub(super) again: Arc<Notify>,
    pub(super) entry: watch::Sender<Entry>,
}

/// How long one request is waited for: about a lease.
pub(crate) fn patience(lease: Duration) -> Duration {
    lease.clamp(REQUEST_MIN, REQUEST_MAX)
}

/// Between attempts that fail.
pub(super) fn pauses() -> Pauses {
    Pauses::new(RETRY_MIN, RETRY_MAX)
}

impl<S: Store> Keeper<S> {
    pub(super) async fn run(mut self, events: mpsc::Sender<Event>) {
        let started = Instant::now();
        let patience = patience(self.store.lease());
        let report = async |kept| events.send(Event::Kept(kept)).await.is_ok();
        let mut pauses = self::pauses();
        let mut registration: Option<Registration> = None;
        let mut settled = self.me.id.is_some();
        let mut draws = 0;
        loop {
            let own = match &registration {
                Some(own) => own.clone(),
                None => match self.draw(started.elapsed(), None).await {
                    Ok(own) => registration.insert(own).clone(),
                    Err(failure) => {
                        report(Kept::Failed(failure)).await;
                        sleep(pauses.next()).await;
                        continue;
                    }
                },
            };
            let record = Record::new(own.clone());
            // No lease runs yet, and it may be several steps.
            let put = match timeout(REQUEST_MAX, self.store.put(&record)).await {
                Ok(Ok(put)) => put,
                outcome => {
                    // It may have happened all the same.
                    self.entry.send_modify(|entry| entry.record = Some(record));
                    report(Kept::Failed(failed(outcome, &*self.store, REQUEST_MAX))).await;
                    sleep(pauses.next()).await;
                    continue;
                }
            };
            match put {
                Put::Done => {}
                Put::Newer(by) if settled => {
                    report(Kept::Replaced { by }).await;
                    return;
                }
                Put::IdTaken if settled => {
                    let failure = format!("{} lists the id of this server under another name; remove that entry", self.store.label());
                    let never_put = registration.as_ref().map(|own| own.id) == self.me.id && !self.entry.borrow().stands;
                    report(if never_put { Kept::IdTaken(failure) } else { Kept::Failed(failure) }).await;
                    sleep(pauses.next()).await;
                    continue;
                }
                Put::Newer(_) | Put::IdTaken => {
                    let above = if let Put::Newer(above) = put { Some(above) } else { None };
                    registration = self.draw(started.elapsed(), above).await.ok();
                    draws += 1;
                    if draws % MAX_DRAWS == 0 {
                        sleep(pauses.next()).await;
                    }
                    continue;
                }
            }
            settled = true;
            pauses.reset();
            if !report(Kept::Put(own)).await {
                return;
            }
            self.entry.send_replace(Entry { record: Some(record.clone()), stands: true });
            self.renew(&record, patience, &events).await;
        }
    }

    /// Until the entry must be put again.
    async fn renew(&mut self, record: &Record, patience: Duration, events: &mpsc::Sender<Event>) {
        let mut pauses = self::pauses();
        let mut failures = 0;
        loop {
            tokio::select! {
                () = sleep(self.store.lease() / 3), if failures == 0 => {}
                // In a block of its own: a branch that is off is made all the same, and must not make the next pause longer.
                () = async { sleep(pauses.next()).await }, if failures > 1 => {}
                // What worked before is tried again at once; only if that fails too, the store counts as lost.
                () = std::future::ready(()), if failures == 1 => {}
                () = self.again.notified() => return,
            }
            let kept = match timeout(patience, self.store.renew(record)).await {
                Ok(Ok(Renewed::Yes)) => {
                    pauses.reset();
                    failures = 0;
                    Kept::Renewed
                }
                Ok(Ok(Renewed::Gone)) => return,
                outcome => {
                    failures += 1;
                    if failures == 1 {
                        continue;
                    }
                    Kept::Failed(failed(outcome, &*self.store, patience))
                }
            };
            if events.send(Event::Kept(kept)).await.is_err() {
                return;
            }
        }
    }

    /// What this server registers as, under a new id.
    async fn draw(&mut self, now: Duration, above: Option<ServerId>) -> Result<Registration, String> {
        if self.me.host.is_empty() {
            let local = timeout(GOODBYE_WAIT, local_address(self.store.addresses())).await;
            let local = local.unwrap_or_else(|_| Err("its name cannot be resolved in time".into()));
            self.me.host = local.map_err(|failure| format!("{}: {failure}", self.store.label()))?.to_string();
        }
        let Candidate { id, group, name, host, port, visibility, properties } = self.me.clone();
        Ok(Registration { id: id.unwrap_or_else(|| self.ids.draw(now, above)), group, name, host, port, visibility, properties })
    }
}

/// Why a request failed, in words.
pub(super) fn failed<T>(
    outcome: Result<Result<T, super::Failure>, tokio::time::error::Elapsed>,
    store: &impl Store,
    patience: Duration,
) -> String {
    match outcome {
        Ok(Err(failure)) => failure.0,
        _ => format!("{} does not answer within {} s; is it running?", store.label(), patience.as_secs_f32()),
    }
}
