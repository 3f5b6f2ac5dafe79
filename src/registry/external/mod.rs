//! A registry that the game connects itself, in its own language, through events and calls.
//!
//! The library asks (`Request`s become events), the game answers and reports ([`ExternalRegistry`]). `book` (pure) checks every call and
//! turns it into news. Programs in Rust may write a [`Connector`] instead.

mod book;

use super::ids::Ids;
use super::local::address_towards;
use super::pauses::Pauses;
use super::{Candidate, Command, Connector, Registration, Wires};
use crate::config::{GroupSection, Visibility};
use crate::error::RegistryError;
use crate::id::ServerId;
use book::Book;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, sleep_until};

/// First pause before the game is asked again to register this server; doubles up to [`RETRY_MAX`].
const RETRY_MIN: Duration = Duration::from_millis(100);
/// Longest pause between two attempts.
const RETRY_MAX: Duration = Duration::from_secs(2);
/// Requests that may wait for the server.
const REQUESTS: usize = 64;
/// Somewhere beyond this machine (RFC 5737, RFC 3849: addresses of documents): the way there shows by which address others see this machine.
/// Nothing is sent.
const BEYOND: [SocketAddr; 2] = [
    SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9),
    SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)), 9),
];

/// What the game is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    /// Register this server. The id is one that it may have.
    Register(Box<Registration>),
    /// Take this server's entry out.
    Deregister(ServerId),
    /// Look whether this server is really there.
    ConnectionFailure(ServerId),
}

/// The game's side of a registry of its own: `registry.kind = "external"`.
///
/// Cheap to clone, and usable from any thread. A call that is refused has done nothing. See the events
/// [`RegistryRegister`](crate::Event::RegistryRegister), [`RegistryDeregister`](crate::Event::RegistryDeregister) and
/// [`RegistryConnectionFailure`](crate::Event::RegistryConnectionFailure).
#[derive(Debug, Clone)]
pub struct ExternalRegistry {
    desk: Arc<Desk>,
}

#[derive(Debug)]
struct Desk {
    book: Mutex<Book>,
    changed: Notify,
    /// What the configuration says of each group.
    visibilities: BTreeMap<String, Visibility>,
}

impl ExternalRegistry {
    /// Answers `RegistryRegister`: this server is registered, under the proposed id or another one that nobody ever had. Restarts of a server
    /// must get higher ids than it had before. Everybody else is reported only after this.
    ///
    /// Errors: `AlreadyRegistered` (under another id), `NotAsked`.
    pub fn registered(&self, id: ServerId) -> Result<(), RegistryError> {
        self.call(|book| book.registered(id))
    }

    /// Answers `RegistryRegister`: it was not possible, for this reason. It is told as `RegistryLost` (once), and `RegistryRegister` comes
    /// again after a pause that grows from 100 ms to 2 s.
    ///
    /// Errors: `AlreadyRegistered`, `NotAsked` (it comes again by itself).
    pub fn register_failed(&self, text: &str) -> Result<(), RegistryError> {
        self.call(|book| book.register_failed(text))
    }

    /// A server is registered. Report everybody: this server itself, and those whom it may not see, are left out here.
    ///
    /// `visibility` is not looked at: it is what this server's own configuration says of the group.
    /// A higher id under a known group and name replaces the lower one. Under this server's own group and name it ends this server.
    /// Errors: `AlreadyJoined`, `Changed` (an id never changes its details), `Flawed`, `NotRegistered`, `TooMany`.
    pub fn server_joined(&self, mut entry: Registration) -> Result<(), RegistryError> {
        entry.visibility = self.desk.visibilities.get(&entry.group).copied().unwrap_or_default();
        self.call(|book| book.joined(entry))
    }

    /// A server is not registered any more. A hint: a live link outlives it, and the id may join again.
    ///
    /// Errors: `NotJoined`, `NotRegistered`.
    pub fn server_left(&self, id: ServerId) -> Result<(), RegistryError> {
        self.call(|book| book.left(id))
    }

    /// From here on everybody is reported by [`server_joined`](Self::server_joined), known or not; whoever is missing at
    /// [`snapshot_end`](Self::snapshot_end) has left.
    ///
    /// Errors: `SnapshotOpen`, `NotRegistered`.
    pub fn snapshot_begin(&self) -> Result<(), RegistryError> {
        self.call(Book::snapshot_begin)
    }

    /// Everybody has been reported. Errors: `NoSnapshot`, `NotRegistered`.
    pub fn snapshot_end(&self) -> Result<(), RegistryError> {
        self.call(Book::snapshot_end)
    }

    /// The registry cannot be reached. Told as `RegistryLost`, once per outage: calling it again does nothing. Links live on.
    ///
    /// Errors: `NotRegistered` (say `register_failed` then).
    pub fn lost(&self, text: &str) -> Result<(), RegistryError> {
        self.call(|book| book.lost(text))
    }

    /// It can be reached again. Does nothing where nothing was lost. Report what has changed meanwhile, best as a snapshot.
    ///
    /// Errors: `NotRegistered`.
    pub fn restored(&self) -> Result<(), RegistryError> {
        self.call(Book::restored)
    }

    fn call(&self, call: impl FnOnce(&mut Book) -> Result<(), RegistryError>) -> Result<(), RegistryError> {
        call(&mut self.desk.book.lock())?;
        self.desk.changed.notify_one();
        Ok(())
    }
}

/// The connector behind an [`ExternalRegistry`].
pub(crate) struct External {
    desk: Arc<Desk>,
    requests: mpsc::Sender<Request>,
}

/// A connector, the game's side of it, and what the game is to be asked.
pub(crate) fn open(groups: &BTreeMap<String, GroupSection>) -> (External, ExternalRegistry, mpsc::Receiver<Request>) {
    let visibilities = groups.iter().map(|(name, group)| (name.clone(), group.visibility)).collect();
    let desk = Arc::new(Desk { book: Mutex::new(Book::new()), changed: Notify::new(), visibilities });
    let (requests, asked) = mpsc::channel(REQUESTS);
    (External { desk: desk.clone(), requests }, ExternalRegistry { desk }, asked)
}

impl Connector for External {
    fn run(self: Box<Self>, me: Candidate, wires: Wires) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(run(*self, me, wires))
    }
}

/// Closes the book however the task ends.
struct Closing(Arc<Desk>);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.book.lock().close();
    }
}

async fn run(connector: External, me: Candidate, mut wires: Wires) {
    let External { desk, requests } = connector;
    let _closing = Closing(desk.clone());
    let started = Instant::now();
    let mut ids = Ids::from_clock();
    let mut pauses = Pauses::new(RETRY_MIN, RETRY_MAX);
    let mut ask_at = Some(started);
    loop {
        let has_news = {
            let book = desk.book.lock();
            if ask_at.is_none() && book.has_failed() {
                ask_at = Some(Instant::now() + pauses.next());
            }
            book.has_news()
        };
        tokio::select! {
            command = wires.commands.recv() => match command {
                Some(Command::ReportFailure(id)) => {
                    if desk.book.lock().shows(id) {
                        // A server that does not listen hears of it at the next failure.
                        let _ = requests.try_send(Request::ConnectionFailure(id));
                    }
                }
                Some(Command::Deregister) | None => break,
            },
            room = wires.news.reserve(), if has_news => {
                let Ok(room) = room else { break };
                if let Some(news) = desk.book.lock().next_news() {
                    room.send(news);
                }
            }
            () = sleep_until(ask_at.unwrap_or(started)), if ask_at.is_some() => {
                ask_at = None;
                let candidate = match dialable(&me) {
                    Ok(candidate) => candidate,
                    Err(failure) => {
                        desk.book.lock().unregistered(&failure);
                        ask_at = Some(Instant::now() + pauses.next());
                        continue;
                    }
                };
                let entry = desk.book.lock().ask(&candidate, ids.draw(started.elapsed(), None));
                if let Some(entry) = entry {
                    // One at a time: the next is asked only when this has been answered.
                    let _ = requests.send(Request::Register(Box::new(entry))).await;
                }
            }
            () = desk.changed.notified() => {}
        }
    }
    let registered = {
        let mut book = desk.book.lock();
        book.close();
        book.id()
    };
    if let Some(id) = registered {
        // Whoever does not listen has ended already.
        let _ = requests.send(Request::Deregister(id)).await;
    }
}

/// Fills in the address by which this machine is seen from beyond it, where the configuration names none.
fn dialable(me: &Candidate) -> Result<Candidate, String> {
    let mut me = me.clone();
    if me.host.is_empty() {
        let local = local_address().ok_or(
            "this server listens on all addresses, and this machine has no way to any other, so nobody knows which address the others \
             could dial; set server.advertise",
        )?;
        me.host = local.to_string();
    }
    Ok(me)
}

/// This machine's address on the way to others, for a registration without a host; `None` where there is no way. Nothing is sent.
pub fn local_address() -> Option<IpAddr> {
    BEYOND.iter().find_map(|target| address_towards(*target).ok().filter(|ip| !ip.is_unspecified()))
}

#[cfg(test)]
mod tests;
