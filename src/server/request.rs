//! Requests and their answers, as the game sees them.

use super::RemoteServer;
use super::any::{self, Policy};
use super::shared::Shared;
use crate::error::{Error, RequestFailure};
use crate::id::RequestId;
use crate::link::{Ask, Asker, Commons, Outcome, Peer};
use crate::message::{Delivery, Message, Reader, Role, SendMode};
use bytes::Bytes;
use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;

/// How long an answer is waited for unless something else is said.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What another server asks of this one.
///
/// Answer it with [`Request::reply`], now or later, from any thread. When the last clone of it is dropped unanswered, who asked is told that nobody
/// here answers such requests ([`RequestFailure::NoHandler`]).
#[derive(Debug, Clone)]
pub struct Request(Arc<Asked>);

#[derive(Debug)]
struct Asked {
    server: RemoteServer,
    number: u64,
    message: Message,
    answered: AtomicBool,
}

impl Request {
    pub(crate) fn new(server: RemoteServer, number: u64, message: Message) -> Self {
        Self(Arc::new(Asked { server, number, message, answered: AtomicBool::new(false) }))
    }

    /// Who asks.
    pub fn server(&self) -> &RemoteServer {
        &self.0.server
    }

    pub fn tag(&self) -> u16 {
        self.0.message.tag
    }

    pub fn payload(&self) -> &Bytes {
        &self.0.message.payload
    }

    /// Reads the payload from its start.
    pub fn reader(&self) -> Reader<'_> {
        self.0.message.reader()
    }

    /// How it travelled, which is how the answer does.
    pub fn delivery(&self) -> Delivery {
        self.0.message.mode.on(self.0.message.lane)
    }

    /// Answers with code 0. See [`Request::reply_with`].
    pub fn reply(&self, payload: &[u8]) -> Result<(), Error> {
        self.reply_with(0, payload)
    }

    /// Answers: copied before this returns, never blocks.
    ///
    /// Errors: `UnknownRequest` (it has been answered, or who asked has given up), `NotConnected` (the session has ended, and who asked knows),
    /// `QueueFull` and `MessageTooBig` (12 bytes less than a message's): then it can still be answered.
    pub fn reply_with(&self, code: u32, payload: &[u8]) -> Result<(), Error> {
        self.answer(Role::Reply, code, payload)
    }

    /// Says no. Errors: as [`Request::reply_with`].
    pub fn refuse(&self) -> Result<(), Error> {
        self.answer(Role::Refusal, RequestFailure::Refused as u32, &[])
    }

    fn answer(&self, role: Role, code: u32, payload: &[u8]) -> Result<(), Error> {
        let answered = self.0.server.peer().answer(self.0.number, role, code, payload);
        if !matches!(answered, Err(Error::QueueFull { .. } | Error::MessageTooBig { .. })) {
            self.0.answered.store(true, Ordering::Release);
        }
        answered
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        if !*self.answered.get_mut() {
            // Who asked has given up, or the session has ended: either way they know.
            let _ = self.server.peer().answer(self.number, Role::Refusal, RequestFailure::NoHandler as u32, &[]);
        }
    }
}

/// The answer to a request.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Who answered.
    pub server: RemoteServer,
    /// The request's tag.
    pub tag: u16,
    /// A number the game gives a meaning; 0 from [`Request::reply`].
    pub code: u32,
    pub payload: Bytes,
}

/// A request that is about to be sent: say how, then `start()` it (the outcome is an event), or `await` it.
///
/// Awaited, it works on any runtime, is sent when first polled, and is given up when the future is dropped. Errors: those of
/// [`RequestBuilder::start`], and `RequestFailed` with the reason.
#[must_use = "nothing is sent before it is started or awaited"]
pub struct RequestBuilder<'a> {
    to: To<'a>,
    tag: u16,
    payload: &'a [u8],
    delivery: Delivery,
    timeout: Duration,
}

enum To<'a> {
    One {
        /// From this server's own table, where it stays, or a handle of its own.
        peer: Result<Cow<'a, Arc<Peer>>, Error>,
        /// `None` of a handle.
        server: Option<&'a Shared>,
    },
    Any {
        shared: Arc<Shared>,
        group: &'a str,
        policy: Policy<'a>,
        retries: u32,
    },
}

impl<'a> RequestBuilder<'a> {
    pub(super) fn one(peer: Result<Cow<'a, Arc<Peer>>, Error>, server: Option<&'a Shared>, tag: u16, payload: &'a [u8]) -> Self {
        Self::new(To::One { peer, server }, tag, payload)
    }

    pub(super) fn any(shared: Arc<Shared>, group: &'a str, policy: Policy<'a>, tag: u16, payload: &'a [u8]) -> Self {
        Self::new(To::Any { shared, group, policy, retries: 0 }, tag, payload)
    }

    fn new(to: To<'a>, tag: u16, payload: &'a [u8]) -> Self {
        Self { to, tag, payload, delivery: SendMode::Reliable.into(), timeout: TIMEOUT }
    }

    /// How long an answer is waited for, from 1 ms to 49 days; it is noticed up to 10 ms late. 5 s unless this is called.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// How the request and its answer travel: [`SendMode::Reliable`] on lane 0 unless this is called. An unreliable one that gets lost times out.
    pub fn delivery(self, delivery: impl Into<Delivery>) -> Self {
        Self { delivery: delivery.into(), ..self }
    }

    /// For a request to any server of a group: how many more servers are asked, one after the other, each with the same time limit, when one fails to
    /// answer. The request may then be carried out more than once. 0 unless this is called; without effect where one server is asked.
    pub fn retries(mut self, count: u32) -> Self {
        if let To::Any { retries, .. } = &mut self.to {
            *retries = count;
        }
        self
    }

    /// Sends it: copied before this returns, never blocks. Its outcome comes as exactly one event: `Reply` or `RequestFailed`, with this number.
    ///
    /// Errors: those of [`RemoteServer::send`]; `TooManyRequests`; for a group `UnknownGroup` and `NoCandidate`. Then no event follows.
    pub fn start(self) -> Result<RequestId, Error> {
        self.ask(Asker::Game)
    }

    fn ask(self, asker: Asker) -> Result<RequestId, Error> {
        let Self { to, tag, payload, delivery, timeout } = self;
        let ask = Ask { tag, delivery, payload, timeout, asker, again: None };
        match to {
            To::One { peer, server } => {
                let asked = peer.and_then(|peer| peer.request(ask).map_err(|unsent| unsent.error));
                match server {
                    Some(server) => server.unless_stopping(asked),
                    None => asked,
                }
            }
            To::Any { shared, group, policy, retries } => shared.unless_stopping(any::request(&shared, group, policy, retries, ask)),
        }
    }
}

impl<'a> IntoFuture for RequestBuilder<'a> {
    type Output = Result<Reply, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let (sender, outcome) = oneshot::channel();
            let commons = match &self.to {
                To::One { peer, .. } => peer.as_ref().ok().map(|peer| peer.commons.clone()),
                To::Any { shared, .. } => Some(shared.commons.clone()),
            };
            let request = self.ask(Asker::Future(sender))?;
            let mut open = Open(commons.map(|commons| (commons, request)));
            // The sender is dropped only when the whole server is.
            let (peer, outcome): Outcome = outcome.await.map_err(|_| Error::Stopped)?;
            open.0 = None;
            let answer = outcome.map_err(|failure| Error::RequestFailed { to: peer.id, failure })?;
            Ok(Reply { server: RemoteServer::new(peer), tag: answer.tag, code: answer.code, payload: answer.payload })
        })
    }
}

/// A request that a future waits for: nobody does any more when that is dropped.
struct Open(Option<(Arc<Commons>, RequestId)>);

impl Drop for Open {
    fn drop(&mut self) {
        if let Some((commons, request)) = self.0.take() {
            commons.requests.cancel(request);
        }
    }
}
