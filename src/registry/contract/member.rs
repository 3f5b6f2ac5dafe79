//! One server of the suite: a connector's task, and everything it has reported, checked as it arrives.

use super::Fixture;
use super::ledger::Ledger;
use crate::config::Visibility;
use crate::id::ServerId;
use crate::registry::{Candidate, Command, LeaveReason, News, Registration, Wires};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

/// Every wait ends here at the latest, unless [`Member::within`] says otherwise.
const PATIENCE: Duration = Duration::from_secs(30);

/// A member stands still while this lives.
pub struct Frozen {
    _thaw: std::sync::mpsc::Sender<()>,
}

/// One thread that runs one member.
struct Apart {
    runtime: Handle,
    /// The thread ends when this is dropped.
    _end: oneshot::Sender<()>,
}

impl Apart {
    fn new() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.unwrap_or_else(|error| panic!("no runtime for a member of its own: {error}"));
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel::<()>();
        std::thread::spawn(move || runtime.block_on(ended));
        Self { runtime: handle, _end: end }
    }
}

/// A running connector and the view it has built up. Every piece of news is checked by a [`Ledger`].
pub struct Member {
    label: String,
    commands: Option<mpsc::Sender<Command>>,
    news: mpsc::Receiver<News>,
    task: JoinHandle<()>,
    /// Its own thread, if it has one.
    apart: Option<Apart>,
    patience: Duration,
    ledger: Ledger,
    history: Vec<News>,
}

impl Member {
    /// Starts a connector under this name and waits for nothing.
    pub fn start(fixture: &mut impl Fixture, group: &str, name: &str) -> Self {
        Self::start_with(fixture, group, name, BTreeMap::new())
    }

    /// The same, with properties.
    pub fn start_with(fixture: &mut impl Fixture, group: &str, name: &str, properties: BTreeMap<String, String>) -> Self {
        Self::start_on(fixture, group, name, properties, None)
    }

    /// Starts a connector on a thread of its own, so that it can stand still like a process: see [`Member::freeze`].
    pub fn start_apart(fixture: &mut impl Fixture, group: &str, name: &str) -> Self {
        Self::start_on(fixture, group, name, BTreeMap::new(), Some(Apart::new()))
    }

    fn start_on(fixture: &mut impl Fixture, group: &str, name: &str, properties: BTreeMap<String, String>, apart: Option<Apart>) -> Self {
        let connector = fixture.connector(group, name);
        let seats = connector.ids_are_seats();
        assert_eq!(seats, fixture.abilities().seats, "ids_are_seats() and the fixture's abilities contradict each other");
        let (to_server, news) = mpsc::channel(16);
        let (commands, from_server) = mpsc::channel(16);
        let (group, name) = (group.to_string(), name.to_string());
        let label = format!("{group}/{name}");
        let me = Candidate { id: None, group, name, host: String::new(), port: 4000, visibility: Visibility::Internal, properties };
        let running = connector.run(me, Wires { news: to_server, commands: from_server });
        let task = match &apart {
            Some(apart) => apart.runtime.spawn(running),
            None => tokio::spawn(running),
        };
        Self { label, commands: Some(commands), news, task, apart, patience: PATIENCE, ledger: Ledger::default(), history: Vec::new() }
    }

    /// Starts a connector and waits for its first view.
    pub async fn registered(fixture: &mut impl Fixture, group: &str, name: &str) -> Self {
        let mut member = Self::start(fixture, group, name);
        member.until("has its first view", Self::has_view).await;
        member
    }

    /// Takes news until `holds`; panics with the whole history when it does not happen in time.
    pub async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + std::mem::replace(&mut self.patience, PATIENCE);
        while !holds(self) {
            match timeout_at(deadline, self.news.recv()).await {
                Ok(Some(news)) => self.take(news),
                Ok(None) => panic!("{} ended before it {what}; it was told {:#?}", self.label, self.history),
                Err(_) => panic!("{} never {what}; it was told {:#?}", self.label, self.history),
            }
        }
    }

    /// Takes news for this long.
    pub async fn for_a_while(&mut self, time: Duration) {
        let deadline = Instant::now() + time;
        while let Ok(news) = timeout_at(deadline, self.news.recv()).await {
            match news {
                Some(news) => self.take(news),
                None => panic!("{} ended; it was told {:#?}", self.label, self.history),
            }
        }
    }

    /// Stands still, as after `SIGSTOP`, until what this returns is dropped, at most for a minute: nothing of it runs, its sockets stay open.
    /// Panics unless it was started by [`Member::start_apart`].
    pub fn freeze(&self) -> Frozen {
        let Some(apart) = &self.apart else { panic!("{} has no thread of its own; start it with start_apart", self.label) };
        let (thaw, thawed) = std::sync::mpsc::channel();
        apart.runtime.spawn(async move {
            // Dropped, or a minute is over: either way it goes on.
            let _ = thawed.recv_timeout(Duration::from_secs(60));
        });
        Frozen { _thaw: thaw }
    }

    /// The next [`Member::until`] waits only this long.
    pub fn within(&mut self, patience: Duration) -> &mut Self {
        self.patience = patience;
        self
    }

    /// Deregisters and waits for the connector's end.
    pub async fn leave(mut self) {
        self.command(Command::Deregister).await;
        self.ended().await;
    }

    /// Ends the way a killed process does: no goodbye, the sockets closed by the system.
    pub async fn crash(self) {
        self.task.abort();
        // Cancelled is what was asked for; a panic would have shown in the news.
        let _ = self.task.await;
    }

    /// Drops the command channel.
    pub fn close_commands(&mut self) {
        self.commands = None;
    }

    /// Waits until the connector's task has returned, taking the news meanwhile.
    pub async fn ended(mut self) {
        let news = async {
            while let Some(news) = self.news.recv().await {
                self.take(news);
            }
        };
        assert!(timeout(PATIENCE, news).await.is_ok(), "{} does not end after its goodbye", self.label);
        let ended = timeout(PATIENCE, &mut self.task).await;
        assert!(matches!(ended, Ok(Ok(()))), "{} did not return: {ended:?}", self.label);
    }

    /// Tells the connector that this server cannot be dialled.
    pub async fn report_failure(&mut self, id: ServerId) {
        self.command(Command::ReportFailure(id)).await;
    }

    async fn command(&mut self, command: Command) {
        let taken = match &self.commands {
            Some(commands) => commands.send(command).await.is_ok(),
            None => false,
        };
        assert!(taken, "{} ended by itself; it was told {:#?}", self.label, self.history);
    }

    /// The registration it was told to have.
    pub fn own(&self) -> &Registration {
        self.ledger.own.as_ref().unwrap_or_else(|| panic!("{} was never told its registration", self.label))
    }

    pub fn id(&self) -> ServerId {
        self.own().id
    }

    /// Whether the first snapshot is there.
    pub fn has_view(&self) -> bool {
        self.ledger.has_view
    }

    /// Who is in the cluster, as far as this member was told.
    pub fn view(&self) -> &BTreeMap<ServerId, Registration> {
        &self.ledger.view
    }

    pub fn replaced_by(&self) -> Option<ServerId> {
        self.ledger.replaced_by
    }

    /// Whether the registry is out of reach now.
    pub fn is_lost(&self) -> bool {
        self.ledger.lost
    }

    /// How often the registry was lost.
    pub fn outages(&self) -> usize {
        self.ledger.outages
    }

    /// How often it was told to be registered.
    pub fn registrations(&self) -> usize {
        self.ledger.registrations
    }

    /// Everything it was told, in order.
    pub fn history(&self) -> &[News] {
        &self.history
    }

    /// Panics unless `id` was seen to leave for this reason.
    pub fn assert_left(&self, id: ServerId, reason: LeaveReason) {
        let left = News::Left { id, reason };
        assert!(self.history.contains(&left), "{} was not told {left:?} but {:#?}", self.label, self.history);
    }

    fn take(&mut self, news: News) {
        self.history.push(news.clone());
        let taken = self.ledger.take(news);
        assert!(taken.is_ok(), "{}: {}; it was told {:#?}", self.label, taken.err().unwrap_or_default(), self.history);
    }
}
