//! The tasks around the node: accepting, dialling, and running links. They tell the node what happens and wait for its word.

use super::rejections::{QUIET, Rejection};
use super::setup;
use super::shared::Shared;
use crate::cluster::{Goal, LinkEnd, LinkEndReason, LinkId};
use crate::id::ServerId;
use crate::link::handshake::HandshakeError;
use crate::link::{Accepted, Closing, DialFailure, Dialled, Offer, Peer, Purpose, Running, Way, accept, dial, run};
use crate::transport::channel::{Channel, Channels};
use crate::transport::datagrams::Datagrams;
use crate::transport::throttle::Throttle;
use crate::wire::control::{Refusal, RefusalCode, Welcome};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Pause after the system refuses to accept (out of descriptors): long enough not to spin, short enough not to be noticed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The incarnation in a hello that only asks (see [`diagnose`](super::diagnose())). Every start has a greater one, so a question never takes
/// the place of a server.
pub(super) const QUESTION: u64 = 0;

/// What every task of one server needs.
pub(super) struct Context {
    pub(super) channels: Channels,
    /// `None`: switched off, or UDP cannot be used here.
    pub(super) datagrams: Option<Datagrams>,
    pub(super) input: mpsc::Sender<Input>,
    pub(super) shared: Arc<Shared>,
    /// Without a cluster key only loopback addresses are dialled.
    pub(super) loopback_only: bool,
}

pub(super) type Reply = oneshot::Sender<Result<(LinkId, Welcome), Refusal>>;

/// What the node is told.
pub(super) enum Input {
    /// Somebody dialled us and proved who it is.
    Offer {
        offer: Offer,
        reply: Reply,
        /// Who is not in the registry's view by then is refused.
        until: std::time::Instant,
    },
    /// Both sides agreed; the link waits for `start`. If that is dropped, it ends without a word.
    Up {
        link: LinkId,
        /// It goes on with the session that the dialer named.
        resumes: bool,
        /// Which start of the other server answered, on the side that dialled; the other side knows from the hello.
        incarnation: Option<u64>,
        start: oneshot::Sender<Start>,
    },
    Down {
        link: LinkId,
        end: LinkEnd,
    },
    DialFailed {
        link: LinkId,
        to: ServerId,
        failure: DialFailure,
    },
}

/// The node wants the link: go.
pub(super) struct Start {
    pub(super) peer: Arc<Peer>,
    pub(super) close: oneshot::Receiver<Closing>,
    pub(super) resumes: bool,
}

/// One of `limits.pending_handshakes`.
struct Slot;

/// Accepts until it is aborted; links that came out of it live on.
pub(super) async fn accept_all(context: Arc<Context>, listener: TcpListener) {
    // As many handshakes are under way as it has further owners.
    let slots = Arc::new(Slot);
    let mut rate = context.shared.limits().connects_per_address;
    let mut throttle = Throttle::new(rate);
    let mut refused = None;
    loop {
        let accepted = listener.accept().await;
        let limits = context.shared.limits();
        if std::mem::replace(&mut rate, limits.connects_per_address) != limits.connects_per_address {
            throttle = Throttle::new(rate);
        }
        match accepted {
            // First, so that who comes too often takes no slot from others.
            Ok((_, from)) if !throttle.admit(from.ip(), context.shared.epoch.elapsed()) => {
                context.shared.rejections.count(from, Rejection::Throttled, "its address opens more than limits.connects_per_address");
            }
            Ok((_, from)) if Arc::strong_count(&slots) > limits.pending_handshakes => {
                context.shared.rejections.count(from, Rejection::Overload, "limits.pending_handshakes are under way already");
            }
            Ok((socket, from)) => {
                tokio::spawn(accept_one(context.clone(), socket, from, slots.clone()));
            }
            Err(error) => {
                if refused.is_none_or(|at: Instant| at.elapsed() >= QUIET) {
                    refused = Some(Instant::now());
                    tracing::warn!("cannot accept a connection: {error}; raise the limit of open files if it is that (said once a minute)");
                }
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn accept_one(context: Arc<Context>, socket: TcpStream, from: SocketAddr, slot: Arc<Slot>) {
    let mut dialer = None;
    let ask = |offer: Offer, deadline| {
        dialer = Some((offer.hello.from.id, offer.hello.from.incarnation, offer.identity.clone()));
        ask(&context, offer, deadline)
    };
    let outcome = accept(&context.channels, socket, context.handshake(), ask).await;
    drop(slot);
    match outcome {
        Ok(Accepted { link, resumes, channel }) => run_link(context, link, resumes, channel, None).await,
        Err((link, error)) => {
            // One that we dial ourselves has knocked meanwhile: nothing is wrong.
            if !matches!(&error, HandshakeError::Refused(refusal) if refusal.code == RefusalCode::Reversed) {
                let text = error.to_string();
                context.shared.rejections.count(from, Rejection::of(&error), &text);
                if let Some((id, incarnation, proven)) = dialer
                    && incarnation != QUESTION
                {
                    context.shared.note_knock(id, &proven, text);
                }
            }
            if let Some(link) = link {
                context.tell(Input::Down { link, end: never_started() }).await;
            }
        }
    }
}

/// Whether the node wants a link with this dialer; answers well before `deadline`.
async fn ask(context: &Context, offer: Offer, deadline: Instant) -> Result<(LinkId, Welcome), Refusal> {
    let unavailable = |text: &str| Err(Refusal { code: RefusalCode::Unavailable, text: text.into() });
    // Of what the dialer has left over, half is for the registry's news, a quarter for the node, and the rest for the refusal to get out.
    let left = deadline.saturating_duration_since(Instant::now());
    let until = (Instant::now() + left / 2).into();
    let (reply, mut answer) = oneshot::channel();
    let asked = async {
        context.input.send(Input::Offer { offer, reply, until }).await.ok()?;
        (&mut answer).await.ok()
    };
    if let Ok(answered) = tokio::time::timeout(left * 3 / 4, asked).await {
        return answered.unwrap_or_else(|| unavailable("this server is stopping"));
    }
    answer.close();
    // An answer that came at this very moment holds a link number, which must not be lost.
    let silent = |_| unavailable("this server's game does not poll its events, so it takes no new links; call poll every frame");
    answer.try_recv().unwrap_or_else(silent)
}

pub(super) async fn dial_one(context: Arc<Context>, link: LinkId, goal: Goal) {
    match dial(&context.channels, &goal, Purpose::Link, context.loopback_only, context.handshake()).await {
        Ok(Dialled { channel, resumes, incarnation }) => {
            let to = channel.reader.peer_addr().ok();
            run_link(context, link, resumes, channel, Some(Far { to, incarnation })).await;
        }
        Err(failure) => context.tell(Input::DialFailed { link, to: goal.expected.id, failure }).await,
    }
}

/// The other side of a link, as the side that dialled knows it.
struct Far {
    to: Option<SocketAddr>,
    incarnation: u64,
}

async fn run_link(context: Arc<Context>, link: LinkId, resumes: bool, channel: Channel, far: Option<Far>) {
    let (start, started) = oneshot::channel();
    let incarnation = far.as_ref().map(|far| far.incarnation);
    context.tell(Input::Up { link, resumes, incarnation, start }).await;
    let Ok(Start { peer, close, resumes }) = started.await else { return };
    let running = Running {
        peer: peer.clone(),
        queue: context.shared.queue.clone(),
        epoch: context.shared.epoch,
        pace: setup::pace(&context.shared.limits()),
        max_message_bytes: peer.max_message_bytes(),
        drain: context.drain(),
        close,
        resumes,
        way: context.datagrams.clone().map(|datagrams| Way { datagrams, dial: far.and_then(|far| far.to) }),
    };
    // On a task of its own, so that a bug in one link is the end of that link alone.
    let end = tokio::spawn(run(channel, running)).await.unwrap_or_else(|_| {
        peer.outbox.detach();
        // Nothing is resumed on what a bug has left behind.
        LinkEnd { reason: LinkEndReason::Protocol, text: "a bug in Sinew ended this link; please report it, with the log".into() }
    });
    context.tell(Input::Down { link, end }).await;
}

/// The end of a link of which nothing was ever reported.
pub(super) fn never_started() -> LinkEnd {
    LinkEnd { reason: LinkEndReason::Lost, text: "the handshake was not completed".into() }
}

impl Context {
    fn handshake(&self) -> Duration {
        setup::millis(self.shared.limits().handshake_ms)
    }

    pub(super) fn drain(&self) -> Duration {
        setup::millis(self.shared.limits().drain_ms)
    }

    async fn tell(&self, input: Input) {
        // The node is gone only when the server is.
        let _ = self.input.send(input).await;
    }
}
