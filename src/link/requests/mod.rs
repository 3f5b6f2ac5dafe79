//! Requests and their answers, on top of messages: who waits for what, until when, and what may still be answered.
//!
//! A request is a message whose body begins with a number, and its answer one that repeats it; the session below carries each exactly once. Here
//! is seen to it that each request ends exactly once: by the answer, or by a failure. Who takes the entry out of the table tells who asked.

mod arriving;
mod incoming;
mod table;

pub(super) use arriving::sort;
pub(super) use incoming::Incoming;

use super::lanes::Parcel;
use super::peer::Peer;
use crate::error::{Error, RequestFailure};
use crate::id::{RequestId, ServerId};
use crate::message::{Delivery, HEAD_BYTES, Label, Role, head};
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use table::{Begun, Table};
use tokio::sync::{Notify, oneshot};

/// The longest a request may wait: what its number on the wire can say.
pub(crate) const MOST_TIMEOUT: Duration = Duration::from_millis(u32::MAX as u64);

/// So many under way at once are a stream, which gains nothing from a first one that goes alone: it costs a system call and a record on this side,
/// and wakes the other side twice. A few may be long ones, beside which a short one is in a hurry.
const CROWD: usize = 16;

/// Memory for one request in each direction of a link.
pub(super) const BYTES_EACH: usize = Table::<Waiting>::BYTES_EACH + Incoming::BYTES_EACH;

/// All requests of one server that wait for an answer.
#[derive(Debug)]
pub(crate) struct Requests {
    table: Mutex<Table<Waiting>>,
    /// Refused by those they went to: the keeper tells who asked.
    refused: Mutex<Vec<Ended>>,
    /// The keeper has something to do earlier than it thinks.
    changed: Notify,
    epoch: Instant,
    pub(crate) tally: Tally,
}

/// Counters over the life of a server.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) sent: AtomicU64,
    pub(crate) answered: AtomicU64,
    pub(crate) failed: AtomicU64,
    /// Answers to what had ended before.
    pub(crate) late: AtomicU64,
    pub(crate) received: AtomicU64,
}

/// A request that is to be sent.
#[derive(Debug)]
pub(crate) struct Ask<'a> {
    pub(crate) tag: u16,
    pub(crate) delivery: Delivery,
    pub(crate) payload: &'a [u8],
    pub(crate) timeout: Duration,
    pub(crate) asker: Asker,
    /// If it fails: what is tried next, and the number that the game knows it by.
    pub(crate) again: Option<Box<Again>>,
}

/// A request that was not sent after all.
#[derive(Debug)]
pub(crate) struct Unsent {
    pub(crate) error: Error,
    pub(crate) asker: Asker,
    pub(crate) again: Option<Box<Again>>,
}

impl Unsent {
    fn new(error: Error, asker: Asker, again: Option<Box<Again>>) -> Box<Self> {
        Box::new(Self { error, asker, again })
    }
}

/// Who is told how it ended.
#[derive(Debug)]
pub(crate) enum Asker {
    /// The game, by an event.
    Game,
    Future(oneshot::Sender<Outcome>),
}

/// For a future: what was answered, or why nothing was; and by whom.
pub(crate) type Outcome = (Arc<Peer>, Result<Answer, RequestFailure>);

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) tag: u16,
    pub(crate) code: u32,
    pub(crate) payload: Bytes,
}

/// A request to any server of a group, kept in case that the one it went to fails.
#[derive(Debug)]
pub(crate) struct Again {
    pub(crate) group: Arc<str>,
    pub(crate) pick: Pick,
    pub(crate) tag: u16,
    pub(crate) delivery: Delivery,
    pub(crate) payload: Arc<[u8]>,
    pub(crate) timeout: Duration,
    /// How many more servers may be asked.
    pub(crate) left: u32,
    pub(crate) tried: Vec<ServerId>,
    /// The number of its first attempt, which is the one that the game knows.
    pub(crate) shown: Option<RequestId>,
}

/// How one server of a group is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Pick {
    RoundRobin,
    LeastLoaded,
    Key(Vec<u8>),
}

/// An entry of the table.
#[derive(Debug)]
pub(crate) struct Waiting {
    peer: Arc<Peer>,
    tag: u16,
    asker: Asker,
    again: Option<Box<Again>>,
}

impl Waiting {
    /// The number that the game knows, where it is not this attempt's own.
    fn shown(&self) -> Option<RequestId> {
        self.again.as_ref().and_then(|again| again.shown)
    }
}

/// A request that ended without an answer; whoever has it tells who asked.
#[derive(Debug)]
pub(crate) struct Ended {
    /// As the game knows it.
    pub(crate) request: RequestId,
    pub(crate) peer: Arc<Peer>,
    pub(crate) asker: Asker,
    pub(crate) again: Option<Box<Again>>,
    pub(crate) failure: RequestFailure,
}

impl Ended {
    /// To be called with what the table gave out, while that is still locked.
    fn new(number: u64, waiting: Waiting, failure: RequestFailure) -> Option<Self> {
        waiting.peer.requests.count_down();
        let request = waiting.shown().or_else(|| RequestId::new(number))?;
        Some(Self { request, peer: waiting.peer, asker: waiting.asker, again: waiting.again, failure })
    }
}

/// What one remote server is asked, and asks.
#[derive(Debug)]
pub(crate) struct PeerRequests {
    /// Written under the lock of the table alone, so without a locked instruction of its own.
    open: AtomicUsize,
    /// What it has asked and this server has not answered.
    pub(super) incoming: Mutex<Incoming>,
    /// Most that wait in each direction.
    pub(super) limit: usize,
}

impl PeerRequests {
    pub(super) fn new(limit: usize) -> Self {
        Self { open: AtomicUsize::new(0), incoming: Mutex::default(), limit }
    }

    /// How many requests of this server it has not answered.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    fn count_up(&self) {
        self.open.store(self.open() + 1, Ordering::Relaxed);
    }

    fn count_down(&self) {
        self.open.store(self.open().saturating_sub(1), Ordering::Relaxed);
    }
}

impl Requests {
    pub(super) fn new() -> Self {
        Self {
            table: Mutex::new(Table::new()),
            refused: Mutex::default(),
            changed: Notify::new(),
            epoch: Instant::now(),
            tally: Tally::default(),
        }
    }

    fn now(&self) -> Duration {
        self.epoch.elapsed()
    }

    fn begin(&self, waiting: Waiting, timeout: Duration) -> Result<u64, Waiting> {
        // The clock is read before: nobody waits for the table meanwhile.
        let now = self.now();
        let mut table = self.table.lock();
        let counted = &waiting.peer.requests;
        if counted.open() >= counted.limit {
            return Err(waiting);
        }
        counted.count_up();
        let begun = table.begin(now, timeout, waiting);
        if let Err(waiting) = &begun {
            waiting.peer.requests.count_down();
        }
        let Begun { number, wake } = begun?;
        // Like the count of those that wait: nobody else writes it now.
        self.tally.sent.store(self.tally.sent.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        drop(table);
        if wake {
            self.changed.notify_one();
        }
        Ok(number)
    }

    /// Takes one out that was begun and could not be sent. `None`: it has ended by itself, and who asked is told.
    fn abandon(&self, number: u64) -> Option<Waiting> {
        let mut table = self.table.lock();
        let waiting = table.end(number, |_| true)?;
        waiting.peer.requests.count_down();
        self.tally.sent.store(self.tally.sent.load(Ordering::Relaxed).saturating_sub(1), Ordering::Relaxed);
        Some(waiting)
    }

    /// Those that have ended without an answer by now, but for what [`Requests::end_all_to`] and [`Requests::cancel`] have given out.
    pub(crate) fn ended(&self) -> Vec<Ended> {
        let mut ended = std::mem::take(&mut *self.refused.lock());
        let mut expired = |number, waiting| ended.extend(Ended::new(number, waiting, RequestFailure::TimedOut));
        self.table.lock().expire(self.now(), &mut expired);
        ended
    }

    /// Waits until there may be something for [`Requests::ended`].
    pub(crate) async fn look(&self) {
        let changed = self.changed.notified();
        let next = self.table.lock().next_look();
        if !self.refused.lock().is_empty() {
            return;
        }
        match next {
            Some(at) => {
                // Woken early or late, whoever looks finds out.
                let _ = tokio::time::timeout_at((self.epoch + at).into(), changed).await;
            }
            None => changed.await,
        }
    }

    /// The session with this server is over, and with it everything it was asked.
    pub(crate) fn end_all_to(&self, peer: &Peer, failure: RequestFailure) -> Vec<Ended> {
        let mut ended = Vec::new();
        if peer.requests.open() > 0 {
            let is_meant = |_, waiting: &Waiting| std::ptr::eq(&*waiting.peer, peer);
            self.table.lock().end_all(is_meant, |number, waiting| ended.extend(Ended::new(number, waiting, failure)));
        }
        ended
    }

    /// `None`: it is none, or has ended.
    pub(crate) fn cancel(&self, request: RequestId) -> Option<Ended> {
        let mut table = self.table.lock();
        // One that was tried again has another number in the table.
        let first = table.end(request.get(), |waiting| waiting.shown().is_none_or(|shown| shown == request));
        let mut found = first.map(|waiting| (request.get(), waiting));
        if found.is_none() {
            table.end_all(|_, waiting| waiting.shown() == Some(request), |number, waiting| found = Some((number, waiting)));
        }
        found.and_then(|(number, waiting)| Ended::new(number, waiting, RequestFailure::Cancelled))
    }

    /// This server has stopped: everything that waits.
    pub(crate) fn end_all(&self) -> Vec<Ended> {
        let mut ended = std::mem::take(&mut *self.refused.lock());
        self.table.lock().end_all(|_, _| true, |number, waiting| ended.extend(Ended::new(number, waiting, RequestFailure::Stopping)));
        ended
    }

    /// Those for whom nobody on this server's side can be told by the link: the keeper does.
    fn put_refused(&self, ended: impl Iterator<Item = Ended>) {
        let mut refused = self.refused.lock();
        refused.extend(ended);
        if !refused.is_empty() {
            self.changed.notify_one();
        }
    }
}

pub(crate) fn check_timeout(timeout: Duration) -> Result<(), Error> {
    if timeout.is_zero() || timeout > MOST_TIMEOUT {
        let text = format!("a request cannot wait {timeout:?} for its answer; give it from 1 ms to 49 days");
        return Err(Error::InvalidArgument(text));
    }
    Ok(())
}

impl Peer {
    /// Sends a request, and gives it a number. If that fails nobody is told anything but the caller.
    pub(crate) fn request(self: &Arc<Self>, ask: Ask<'_>) -> Result<RequestId, Box<Unsent>> {
        let Ask { tag, delivery, payload, timeout, asker, again } = ask;
        let requests = &self.commons.requests;
        if let Err(error) = self.may_ask(payload, timeout) {
            return Err(Unsent::new(error, asker, again));
        }
        // Before it is sent: the answer may be faster than this thread.
        let number = match requests.begin(Waiting { peer: self.clone(), tag, asker, again }, timeout) {
            Ok(number) => number,
            Err(Waiting { asker, again, .. }) => {
                let too_many = Error::TooManyRequests { to: self.id, limit: self.requests.limit };
                return Err(Unsent::new(too_many, asker, again));
            }
        };
        let millis = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX).max(1);
        let label = Label { tag, delivery, role: Role::Request };
        let parcel = Parcel { label, head: &head(number, millis), payload, crowded: self.requests.open() > CROWD };
        if let Err(error) = self.push(&parcel)
            && let Some(Waiting { asker, again, .. }) = requests.abandon(number)
        {
            return Err(Unsent::new(error, asker, again));
        }
        // If it was not sent, the session has ended this very moment, and who asked has been told.
        // cannot fail: numbers count from 1
        Ok(RequestId::new(number).expect("a number"))
    }

    fn may_ask(&self, payload: &[u8], timeout: Duration) -> Result<(), Error> {
        check_timeout(timeout)?;
        self.fits(HEAD_BYTES, payload)
    }

    /// Answers what this server was asked. Errors: `UnknownRequest` (answered already, given up by who asked, or never asked); with `QueueFull` and
    /// `MessageTooBig` it can still be answered.
    pub(crate) fn answer(&self, request: u64, role: Role, code: u32, payload: &[u8]) -> Result<(), Error> {
        self.fits(HEAD_BYTES, payload)?;
        let now = self.commons.requests.now();
        let mut incoming = self.requests.incoming.lock();
        let Some(open) = incoming.end(request, now) else {
            return Err(Error::UnknownRequest { from: self.id, request });
        };
        let crowded = incoming.len() >= CROWD;
        drop(incoming);
        let sent = self.push(&Parcel { label: Label { role, ..open.label }, head: &head(request, code), payload, crowded });
        if let Err(Error::QueueFull { .. }) = sent {
            self.requests.incoming.lock().begin_again(request, open);
        }
        sent
    }
}
