//! The task that owns the cluster's state: it feeds the pure [`Cluster`] with what happens and carries out what that answers.

use super::any;
use super::health;
use super::listen;
use super::properties;
use super::setup::{self, Connection};
use super::shared::Shared;
use super::tasks::{self, Context, Input, QUESTION, Reply, Start};
use crate::cluster::{Action, Admission, Cluster, LinkId, Notice, Passport, StopReason};
use crate::error::Error;
use crate::event::Event;
use crate::id::ServerId;
use crate::link::{Closing, ConnectionState, DialFailure, Offer, Peer};
use crate::registry::embedded::Host;
use crate::registry::external::Request;
use crate::registry::{Command, Connector, News, Registration, Wires};
use crate::server::RemoteServer;
use crate::transport::channel::Channels;
use crate::transport::identity::Identity;
use crate::wire::control::{Refusal, RefusalCode};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{AbortHandle, JoinHandle};

/// Inputs that may wait for the node; who brings more waits too.
const INPUTS: usize = 1024;

/// News that may wait for the node.
const NEWS: usize = 256;

pub(super) struct Node {
    shared: Arc<Shared>,
    cluster: Cluster,
    context: Arc<Context>,
    inputs: mpsc::Receiver<Input>,
    news: mpsc::Receiver<News>,
    commands: mpsc::Sender<Command>,
    connector: JoinHandle<()>,
    connector_ended: bool,
    /// What the game is asked, where it connects the registry itself.
    requests: Option<mpsc::Receiver<Request>>,
    accepting: AbortHandle,
    /// This server's own registry host, if it has one.
    hosting: Option<AbortHandle>,
    /// Answers `GET /health`.
    health: Option<AbortHandle>,
    /// Ends requests that get no answer.
    requesting: AbortHandle,
    /// Tells the others what this server says of itself.
    telling: AbortHandle,
    datagrams: Option<AbortHandle>,
    /// Why there are none, to be logged once the log is there.
    no_datagrams: Option<String>,
    links: HashMap<LinkId, Link>,
    /// Dialers the registry has not told us about yet.
    waiting: Vec<Waiting>,
}

/// What the node holds of one dial or link.
enum Link {
    Dialing(AbortHandle),
    /// Established, and waits to be told whether it is wanted.
    Established(oneshot::Sender<Start>),
    /// Runs; dropped when it has been told to close.
    Started(Option<oneshot::Sender<Closing>>),
}

struct Waiting {
    offer: Offer,
    reply: Reply,
    until: Instant,
}

impl Node {
    /// Binds every socket, so that mistakes are errors of `start`. Must be called inside the runtime.
    ///
    /// `connector`: the program's own, if it brings one.
    pub(super) fn bind(shared: &Arc<Shared>, identity: &Identity, connector: Option<Box<dyn Connector>>) -> Result<Self, Error> {
        let config = &shared.config;
        let bind = || listen::bind("server.listen", config.server.listen);
        // What names its port comes before what takes any that is free, which might be that very one.
        let named = (config.server.listen.port() != 0).then(bind).transpose()?;
        let host = setup::host(config, identity)?;
        let health = config.health.listen.map(|address| listen::bind("health.listen", address)).transpose()?;
        let listener = named.map_or_else(bind, Ok)?;
        let bound = listener.local_addr().map_err(|source| Error::Io { what: "cannot read the bound address".into(), source })?;
        let _ = shared.bound.set(bound);
        shared.note_health(health.as_ref());
        let Connection { connector, requests } = setup::connection(shared, identity, connector, host.as_ref().map(Host::local_addr))?;
        shared.registry.lock().hosts = connector.hosts();

        *shared.commons.properties.lock() = properties::frame(config.server.properties.clone());

        let (input, inputs) = mpsc::channel(INPUTS);
        let (news_in, news) = mpsc::channel(NEWS);
        let (commands, commands_out) = mpsc::channel(16);
        let cluster = Cluster::new(setup::settings(shared, &*connector));
        let datagrams = config.runtime.datagrams.then(|| listen::datagrams(bound, identity)).transpose();
        let (datagrams, no_datagrams) = datagrams.map_or_else(|why| (None, Some(why)), |datagrams| (datagrams, None));
        let receiving = datagrams.clone().map(|datagrams| tokio::spawn(datagrams.run()).abort_handle());
        let context = Arc::new(Context {
            datagrams,
            channels: Channels::new(identity, crate::wire::ALPN),
            input,
            shared: shared.clone(),
            loopback_only: identity.is_development(),
        });
        let health = health.map(|listener| tokio::spawn(health::serve(listener, shared.clone())).abort_handle());
        let hosting = host.map(|host| tokio::spawn(host.run()).abort_handle());
        // Only now, with the port bound, may anybody learn of it.
        let connector = tokio::spawn(connector.run(setup::candidate(shared, bound), Wires { news: news_in, commands: commands_out }));
        let accepting = tokio::spawn(tasks::accept_all(context.clone(), listener)).abort_handle();
        let telling = tokio::spawn(properties::keep(shared.clone())).abort_handle();
        let requesting = tokio::spawn(any::keep(shared.clone())).abort_handle();
        Ok(Self {
            shared: shared.clone(),
            cluster,
            context,
            inputs,
            news,
            commands,
            connector,
            connector_ended: false,
            requests,
            accepting,
            hosting,
            health,
            requesting,
            telling,
            datagrams: receiving,
            no_datagrams,
            links: HashMap::new(),
            waiting: Vec::new(),
        })
    }

    /// Runs until the cluster says `Stopped`.
    pub(super) async fn run(mut self) {
        let shared = self.shared.clone();
        if self.context.loopback_only {
            tracing::warn!("no cluster key is configured: every program on this machine may join (make a key with `sinew keygen`)");
        }
        if let Some(why) = &self.no_datagrams {
            tracing::warn!("{why}");
        }
        loop {
            #[cfg(test)]
            assert!(!shared.bug.load(std::sync::atomic::Ordering::Acquire), "on purpose, by a test");
            while let Some(action) = self.cluster.next_action() {
                if let Some((reason, text)) = self.carry_out(action) {
                    return self.finish(reason, text).await;
                }
            }
            let wake_at = [self.cluster.next_timeout().map(|at| shared.epoch + at), self.waiting.iter().map(|waiting| waiting.until).min()];
            let wake_at = wake_at.into_iter().flatten().min();
            // While the game does not poll, nothing is done that makes more events; stopping goes on.
            if !shared.is_stopping() {
                tokio::select! {
                    () = shared.queue.room() => {}
                    () = shared.stop_requested.notified() => {
                        self.cluster.stop(StopReason::Requested, "stop was called".into());
                        continue;
                    }
                }
            }
            tokio::select! {
                Some(input) = self.inputs.recv() => self.take(input),
                news = self.news.recv(), if !self.connector_ended => match news {
                    Some(news) => self.learn(news),
                    None => {
                        self.connector_ended = true;
                        if !shared.is_stopping() {
                            self.learn(News::Lost("the registry connector has ended, which it never should; restart this server".into()));
                        }
                    }
                },
                Some(request) = next(&mut self.requests) => ask(&shared, request),
                () = shared.reloaded.notified() => self.renew(),
                () = shared.stop_requested.notified() => self.cluster.stop(StopReason::Requested, "stop was called".into()),
                () = sleep_until(wake_at) => {
                    self.cluster.timeout(shared.epoch.elapsed());
                    self.give_up_waiting();
                }
            }
        }
    }

    fn take(&mut self, input: Input) {
        let now = self.shared.epoch.elapsed();
        match input {
            Input::Offer { offer, reply, until } => self.answer(Waiting { offer, reply, until }),
            Input::Up { link, resumes, incarnation, start } => {
                self.links.insert(link, Link::Established(start));
                if let Some(incarnation) = incarnation {
                    self.cluster.welcomed(link, incarnation);
                }
                self.cluster.link_up(now, link, resumes);
            }
            Input::Down { link, end } => {
                self.links.remove(&link);
                self.cluster.link_down(now, link, end);
            }
            Input::DialFailed { link, to, failure } => {
                self.links.remove(&link);
                self.cluster.dial_failed(now, link, failure.refusal.as_ref());
                self.note_failure(to, failure);
            }
        }
    }

    fn renew(&mut self) {
        self.cluster.renew(self.shared.epoch.elapsed(), setup::renewal(&self.shared));
        for peer in self.shared.peers.read().values() {
            if let Some(direction) = self.cluster.direction_of(peer.id) {
                peer.set_direction(direction);
            }
        }
        for waiting in std::mem::take(&mut self.waiting) {
            self.answer(waiting);
        }
    }

    fn learn(&mut self, news: News) {
        let now = self.shared.epoch.elapsed();
        let lost = {
            let mut view = self.shared.registry.lock();
            match &news {
                News::Lost(text) => view.lost = Some((text.clone(), Instant::now())),
                // What is told while it is lost is not from there: a view that was kept on disk, or the end of a grace.
                _ if view.lost.is_some() && news != News::Restored => {}
                _ => view.heard_again(Instant::now()),
            }
            view.lost.is_some()
        };
        match &news {
            News::Registered(own) => {
                let how = if lost { "goes on, not registered yet," } else { "registered" };
                tracing::info!("{how} as server {} ({}/{}) at {}:{}", own.id, own.group, own.name, own.host, own.port);
                *self.shared.own.write() = Some(own.clone());
                let _ = self.shared.ready_since.set(Instant::now());
            }
            News::Joined(entry) => self.update_entry(entry),
            News::Snapshot(entries) => {
                // What is not in it has left; those that are say so below.
                self.shared.peers.read().values().for_each(|peer| {
                    peer.trace.lock().unlisted.get_or_insert_with(Instant::now);
                });
                entries.iter().for_each(|entry| self.update_entry(entry));
            }
            News::Lost(text) => tracing::warn!("registry lost: {text}"),
            News::Restored => tracing::info!("registry restored"),
            News::Replaced { by } => tracing::error!("this server has been replaced: server {by} registered under the same group and name"),
            News::IdTaken => {}
            News::Left { id, .. } => {
                if let Some(peer) = self.peer(*id) {
                    peer.trace.lock().unlisted = Some(Instant::now());
                }
            }
        }
        self.cluster.news(now, news);
        for waiting in std::mem::take(&mut self.waiting) {
            self.answer(waiting);
        }
    }

    fn update_entry(&self, entry: &Registration) {
        if let Some(peer) = self.shared.peers.read().get(&entry.id) {
            peer.listed(entry);
            peer.trace.lock().unlisted = None;
        }
    }

    fn answer(&mut self, waiting: Waiting) {
        let Waiting { offer, reply, until } = waiting;
        if reply.is_closed() {
            return;
        }
        let proven = Passport { group: &offer.identity.group, name: &offer.identity.name };
        let answer = match self.cluster.admit(&offer.hello, proven) {
            Admission::Wait if offer.hello.from.incarnation == QUESTION => Err(self.unlisted()),
            Admission::Wait => return self.waiting.push(Waiting { offer, reply, until }),
            Admission::Refuse(refusal) => Err(refusal),
            Admission::Accept { link, protocol } => match self.cluster.welcome(&offer.hello, link, protocol) {
                Some(welcome) => Ok((link, welcome)),
                None => Err(unavailable("this server is not registered yet")),
            },
        };
        // Who does not wait for the answer any more has timed out; the cluster hears of the link's end from nobody else.
        if let Err(Ok((link, _))) = reply.send(answer) {
            self.cluster.link_down(self.shared.epoch.elapsed(), link, tasks::never_started());
        }
    }

    /// To a question of somebody who is not registered. He never will be, so there is nothing to wait for.
    fn unlisted(&self) -> Refusal {
        match *self.shared.own.read() {
            // Nothing has been compared yet.
            None => unavailable("this server is not registered yet"),
            Some(_) => {
                let text =
                    "`sinew explain` asked whether a link would stand; nothing is in its way but that the asking server is not registered";
                Refusal { code: RefusalCode::Unlisted, text: text.into() }
            }
        }
    }

    fn give_up_waiting(&mut self) {
        let now = Instant::now();
        for waiting in self.waiting.extract_if(.., |waiting| waiting.until <= now) {
            let from = &waiting.offer.hello.from;
            let text = format!(
                "server {} ({}/{}) is not in this server's view of the registry, or this server is not registered yet; \
                 check that both use the same registry",
                from.id, from.group, from.name
            );
            // The dialer may be gone by now.
            let _ = waiting.reply.send(Err(Refusal { code: RefusalCode::Unlisted, text }));
        }
    }

    /// `Some`: the cluster has stopped.
    fn carry_out(&mut self, action: Action) -> Option<(StopReason, String)> {
        match action {
            Action::Dial { link, to } => self.dial(link, to),
            Action::Start { link, resumes } => self.start(link, resumes),
            Action::Close { link, goodbye } => self.close(link, Closing::Goodbye(goodbye)),
            Action::Abandon { link } => self.close(link, Closing::Abandon),
            Action::ReportFailure(id) => self.command(Command::ReportFailure(id)),
            Action::Deregister => {
                // Also when the end was not asked for: calls answer `Stopped`, and nothing waits for the game to poll.
                self.shared.stop();
                self.accepting.abort();
                properties::drain(&self.shared);
                self.command(Command::Deregister);
            }
            Action::Notify(Notice::Stopped { reason, text }) => return Some((reason, text)),
            Action::Notify(notice) => self.notify(notice),
        }
        None
    }

    fn dial(&mut self, link: LinkId, to: Registration) {
        let Some(goal) = self.cluster.goal(link, &to) else { return };
        if let Some(peer) = self.peer(to.id).filter(|peer| peer.state() == ConnectionState::Disconnected) {
            peer.set_state(ConnectionState::Connecting);
        }
        let task = tokio::spawn(tasks::dial_one(self.context.clone(), link, goal));
        self.links.insert(link, Link::Dialing(task.abort_handle()));
    }

    fn start(&mut self, link: LinkId, resumes: bool) {
        let Some(Link::Established(start)) = self.links.remove(&link) else { return };
        let Some(peer) = self.cluster.member_of(link).and_then(|id| self.shared.peers.read().get(&id).cloned()) else { return };
        let (close, closed) = oneshot::channel();
        // The link's task waits for exactly this; if the runtime is going down it does not matter.
        let _ = start.send(Start { peer, close: closed, resumes });
        self.links.insert(link, Link::Started(Some(close)));
    }

    fn close(&mut self, link: LinkId, closing: Closing) {
        match self.links.get_mut(&link) {
            Some(Link::Started(close)) => {
                if let Some(close) = close.take() {
                    // A link that has just ended by itself says so with `Down`.
                    let _ = close.send(closing);
                }
            }
            Some(Link::Dialing(task)) => {
                task.abort();
                self.links.remove(&link);
            }
            Some(Link::Established(_)) => {
                self.links.remove(&link);
            }
            None => {}
        }
    }

    fn command(&self, command: Command) {
        // A connector that has ended, or is so busy that 16 commands wait, learns it from the registry itself.
        let _ = self.commands.try_send(command);
    }

    fn notify(&mut self, notice: Notice) {
        let queue = &self.shared.queue;
        match notice {
            Notice::Started { id } => queue.push(Event::Started { id }),
            Notice::Joined { registration, direction } => {
                let peer = Arc::new(Peer::new(registration, direction, &self.shared.limits(), self.shared.commons.clone()));
                self.shared.peers.write().insert(peer.id, peer.clone());
                self.shared.roster.enter(&peer);
                queue.push(Event::ServerJoined { server: RemoteServer::new(peer) });
            }
            Notice::Connected { id, .. } => {
                if let Some(peer) = self.peer(id) {
                    peer.trace.lock().connected();
                    peer.outbox.open();
                    peer.set_state(ConnectionState::Connected);
                    queue.push(Event::ServerConnected { server: RemoteServer::new(peer) });
                }
            }
            Notice::Interrupted { id, text } => {
                if let Some(peer) = self.peer(id) {
                    tracing::info!(
                        "the link to server {id} ({}/{}) broke: {text}; will go on with it when it is back",
                        peer.group,
                        peer.name
                    );
                    peer.set_state(ConnectionState::Interrupted);
                    peer.trace.lock().last_end = Some(text);
                    queue.push(Event::ServerInterrupted { server: RemoteServer::new(peer) });
                }
            }
            Notice::Resumed { id, .. } => {
                if let Some(peer) = self.peer(id) {
                    *peer.trace.lock() = Default::default();
                    peer.set_state(ConnectionState::Connected);
                    queue.push(Event::ServerResumed { server: RemoteServer::new(peer) });
                }
            }
            Notice::Disconnected { id, end } => {
                if let Some(peer) = self.peer(id) {
                    let unacknowledged = peer.end_session();
                    peer.set_state(ConnectionState::Disconnected);
                    peer.trace.lock().last_end = Some(end.text.clone());
                    let reason = end.disconnect_reason();
                    any::conclude_all_to(&self.shared, &peer, reason);
                    let server = RemoteServer::new(peer);
                    queue.push(Event::ServerDisconnected { server, reason, text: end.text, unacknowledged });
                }
            }
            Notice::Left { id, reason } => {
                let peer = self.shared.peers.write().remove(&id);
                if let Some(peer) = peer {
                    peer.set_state(ConnectionState::Left);
                    queue.push(Event::ServerLeft { server: RemoteServer::new(peer), reason });
                }
            }
            Notice::RegistryLost(text) => queue.push(Event::RegistryLost { text }),
            Notice::RegistryRestored => queue.push(Event::RegistryRestored),
            Notice::Stopped { .. } => {}
        }
    }

    fn peer(&self, id: ServerId) -> Option<Arc<Peer>> {
        self.shared.peers.read().get(&id).cloned()
    }

    fn note_failure(&self, to: ServerId, failure: DialFailure) {
        let Some(peer) = self.peer(to) else { return };
        if peer.state() == ConnectionState::Connecting {
            peer.set_state(ConnectionState::Disconnected);
        }
        let mut trace = peer.trace.lock();
        trace.failures = trace.failures.saturating_add(1);
        // The same sentence every few seconds would bury everything else; that the other side is the one to dial is as it should be.
        let expected = failure.refusal.as_ref().is_some_and(|refusal| refusal.code == RefusalCode::Reversed);
        if !expected && trace.last_error.as_ref() != Some(&failure.text) {
            tracing::warn!("cannot connect to server {} ({}/{}): {}; will keep trying", peer.id, peer.group, peer.name, failure.text);
        }
        trace.attempts = failure.attempts;
        trace.last_error = Some(failure.text);
    }

    /// Gives the connector its time to leave the registry, then reports the end.
    async fn finish(mut self, reason: StopReason, text: String) {
        // It may want to tell news meanwhile; nobody is interested any more.
        self.news.close();
        let shared = self.shared.clone();
        let (connector, requests) = (&mut self.connector, &mut self.requests);
        let leaving = async {
            loop {
                tokio::select! {
                    // In this order, so that nothing it asks is missed when it ends.
                    biased;
                    Some(request) = next(requests) => ask(&shared, request),
                    _ = &mut *connector => break,
                }
            }
        };
        let _ = tokio::time::timeout(self.context.drain(), leaving).await;
        self.connector.abort();
        // Also where nobody asked for the end, a call after it is answered with `Stopped`.
        self.shared.stop();
        any::conclude_all(&self.shared);
        self.shared.queue.push(Event::Stopped { reason, text });
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.accepting.abort();
        self.connector.abort();
        self.requesting.abort();
        self.telling.abort();
        for task in [&self.hosting, &self.health, &self.datagrams].into_iter().flatten() {
            task.abort();
        }
    }
}

fn unavailable(text: &str) -> Refusal {
    Refusal { code: RefusalCode::Unavailable, text: text.into() }
}

/// Asks the game to do something with its registry.
fn ask(shared: &Shared, request: Request) {
    shared.queue.push(match request {
        Request::Register(entry) => Event::RegistryRegister { entry },
        Request::Deregister(id) => Event::RegistryDeregister { id },
        Request::ConnectionFailure(id) => match shared.peer(id) {
            Ok(peer) => Event::RegistryConnectionFailure { server: RemoteServer::new(peer) },
            // It has left meanwhile.
            Err(_) => return,
        },
    });
}

/// What the game is to be asked next; for ever nothing where Sinew connects the registry.
async fn next(requests: &mut Option<mpsc::Receiver<Request>>) -> Option<Request> {
    match requests {
        Some(requests) => requests.recv().await,
        None => std::future::pending().await,
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}
