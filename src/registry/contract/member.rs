//! One server of the suite: a connector's task, and everything it has reported, checked as it arrives.

use super::Fixture;
use crate::config::Visibility;
use crate::id::ServerId;
use crate::registry::{Candidate, Command, LeaveReason, News, Registration, Wires};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

/// Every wait ends here at the latest, unless [`Member::within`] says otherwise.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running connector and the view it has built up.
///
/// Checks of every piece of news: the id never changes; nobody joins twice, leaves without having joined, or comes back after a final leave;
/// this server itself is always in its view; losses and returns alternate; nothing follows a replacement.
pub struct Member {
    label: String,
    commands: Option<mpsc::Sender<Command>>,
    news: mpsc::Receiver<News>,
    task: JoinHandle<()>,
    seats: bool,
    patience: Duration,
    own: Option<Registration>,
    view: BTreeMap<ServerId, Registration>,
    has_view: bool,
    lost: bool,
    outages: usize,
    registrations: usize,
    replaced_by: Option<ServerId>,
    gone_for_good: BTreeSet<ServerId>,
    history: Vec<News>,
}

impl Member {
    /// Starts a connector under this name and waits for nothing.
    pub fn start(fixture: &mut impl Fixture, group: &str, name: &str) -> Self {
        Self::start_with(fixture, group, name, BTreeMap::new())
    }

    /// The same, with properties.
    pub fn start_with(fixture: &mut impl Fixture, group: &str, name: &str, properties: BTreeMap<String, String>) -> Self {
        let connector = fixture.connector(group, name);
        let seats = connector.ids_are_seats();
        assert_eq!(seats, fixture.abilities().seats, "ids_are_seats() and the fixture's abilities contradict each other");
        let (to_server, news) = mpsc::channel(16);
        let (commands, from_server) = mpsc::channel(16);
        let (group, name) = (group.to_string(), name.to_string());
        let label = format!("{group}/{name}");
        let me = Candidate { group, name, host: String::new(), port: 4000, visibility: Visibility::Internal, properties };
        let task = tokio::spawn(connector.run(me, Wires { news: to_server, commands: from_server }));
        Self {
            label,
            commands: Some(commands),
            news,
            task,
            seats,
            patience: PATIENCE,
            own: None,
            view: BTreeMap::new(),
            has_view: false,
            lost: false,
            outages: 0,
            registrations: 0,
            replaced_by: None,
            gone_for_good: BTreeSet::new(),
            history: Vec::new(),
        }
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
        let commands = self.commands.as_ref().expect("the suite closes commands only at the end");
        assert!(commands.send(command).await.is_ok(), "{} ended by itself; it was told {:#?}", self.label, self.history);
    }

    /// The registration it was told to have.
    pub fn own(&self) -> &Registration {
        self.own.as_ref().unwrap_or_else(|| panic!("{} was never told its registration", self.label))
    }

    pub fn id(&self) -> ServerId {
        self.own().id
    }

    /// Whether the first snapshot is there.
    pub fn has_view(&self) -> bool {
        self.has_view
    }

    /// Who is in the cluster, as far as this member was told.
    pub fn view(&self) -> &BTreeMap<ServerId, Registration> {
        &self.view
    }

    pub fn replaced_by(&self) -> Option<ServerId> {
        self.replaced_by
    }

    /// Whether the registry is out of reach now.
    pub fn is_lost(&self) -> bool {
        self.lost
    }

    /// How often the registry was lost.
    pub fn outages(&self) -> usize {
        self.outages
    }

    /// How often it was told to be registered.
    pub fn registrations(&self) -> usize {
        self.registrations
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
        let flaw = self.apply(news);
        assert!(flaw.is_none(), "{}: {}; it was told {:#?}", self.label, flaw.unwrap_or_default(), self.history);
    }

    /// What is wrong with this piece of news after all the others.
    fn apply(&mut self, news: News) -> Option<&'static str> {
        if self.replaced_by.is_some() {
            return Some("news after the replacement");
        }
        match news {
            News::Registered(own) => {
                self.registrations += 1;
                if self.own.as_ref().is_some_and(|before| *before != own) {
                    return Some("its own registration changed");
                }
                self.own = Some(own);
            }
            News::Snapshot(entries) => {
                let own = self.own.as_ref()?;
                if !entries.contains(own) {
                    return Some("it is not in its own view");
                }
                let count = entries.len();
                self.view = entries.into_iter().map(|entry| (entry.id, entry)).collect();
                if self.view.len() != count || self.view.keys().any(|id| self.gone_for_good.contains(id)) {
                    return Some("the snapshot lists an id twice, or one that is gone for good");
                }
                self.has_view = true;
            }
            News::Joined(_) | News::Left { .. } if !self.has_view => return Some("changes before the first view"),
            News::Joined(entry) => {
                let again = self.gone_for_good.contains(&entry.id);
                if self.view.insert(entry.id, entry).is_some() || again {
                    return Some("a server joined twice, or came back after it was gone for good");
                }
            }
            News::Left { id, reason } => {
                if self.own.as_ref().is_some_and(|own| own.id == id) {
                    return Some("it was told that it has left itself");
                }
                if self.view.remove(&id).is_none() {
                    return Some("somebody left who was not there");
                }
                if self.seats {
                    return Some("a seat left");
                }
                if reason != LeaveReason::Expired {
                    self.gone_for_good.insert(id);
                }
            }
            News::Lost(text) => {
                if std::mem::replace(&mut self.lost, true) || text.is_empty() {
                    return Some("a loss was told twice, or without a word why");
                }
                self.outages += 1;
            }
            News::Restored => {
                if !std::mem::replace(&mut self.lost, false) {
                    return Some("a return without a loss");
                }
            }
            News::Replaced { by } => self.replaced_by = Some(by),
        }
        None
    }
}
