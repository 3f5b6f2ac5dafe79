//! The tasks around the node: accepting, dialling, and running links. They tell the node what happens and wait for its word.

use super::rejections::Rejection;
use super::shared::Shared;
use crate::cluster::{Goal, LinkEnd, LinkEndReason, LinkId};
use crate::id::ServerId;
use crate::link::handshake::HandshakeError;
use crate::link::{DialFailure, Offer, Pace, Peer, Running, accept, dial, run};
use crate::transport::tls::{Stream, Tls};
use crate::wire::control::{Goodbye, Refusal, RefusalCode, Welcome};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

/// Pause after the system refuses to accept (out of descriptors): long enough not to spin, short enough not to be noticed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What every task of one server needs.
pub(super) struct Context {
    pub(super) tls: Tls,
    pub(super) input: mpsc::Sender<Input>,
    pub(super) shared: Arc<Shared>,
    /// Without a cluster key only loopback addresses are dialled.
    pub(super) loopback_only: bool,
    pub(super) pace: Pace,
    pub(super) handshake: Duration,
    pub(super) drain: Duration,
}

pub(super) type Reply = oneshot::Sender<Result<(LinkId, Welcome), Refusal>>;

/// What the node is told.
pub(super) enum Input {
    /// Somebody dialled us and proved who it is.
    Offer {
        offer: Offer,
        reply: Reply,
    },
    /// Both sides agreed; the link waits for `start`. If that is dropped, it ends without a word.
    Up {
        link: LinkId,
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
    pub(super) close: oneshot::Receiver<Goodbye>,
}

/// Accepts until it is aborted; links that came out of it live on.
pub(super) async fn accept_all(context: Arc<Context>, listener: TcpListener) {
    let slots = Arc::new(Semaphore::new(context.shared.config.limits.pending_handshakes));
    loop {
        match listener.accept().await {
            Ok((socket, from)) => match slots.clone().try_acquire_owned() {
                Ok(slot) => {
                    tokio::spawn(accept_one(context.clone(), socket, from, slot));
                }
                Err(_) => context.shared.rejections.count(from, Rejection::Overload, "limits.pending_handshakes are under way already"),
            },
            Err(error) => {
                tracing::warn!("cannot accept a connection: {error}; raise the limit of open files if it is that");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn accept_one(context: Arc<Context>, socket: TcpStream, from: SocketAddr, slot: OwnedSemaphorePermit) {
    let ask = async |offer| {
        let (reply, answer) = oneshot::channel();
        let asked = async {
            context.input.send(Input::Offer { offer, reply }).await.ok()?;
            answer.await.ok()
        };
        let unavailable = |text: &str| Refusal { code: RefusalCode::Unavailable, text: text.into() };
        // The node answers at once, or after half of the time (an unlisted dialer), unless it waits for the game. The refusal must still get out.
        match tokio::time::timeout(context.handshake * 3 / 4, asked).await {
            Ok(answer) => answer.ok_or_else(|| unavailable("this server is stopping"))?,
            Err(_) => Err(unavailable("this server's game does not poll its events, so it takes no new links; call poll every frame")),
        }
    };
    let outcome = accept(&context.tls, socket, context.handshake, ask).await;
    drop(slot);
    match outcome {
        Ok((link, stream)) => run_link(context, link, stream).await,
        Err((link, error)) => {
            // One that we dial ourselves has knocked meanwhile: nothing is wrong.
            if !matches!(&error, HandshakeError::Refused(refusal) if refusal.code == RefusalCode::Reversed) {
                context.shared.rejections.count(from, Rejection::of(&error), &error.to_string());
            }
            if let Some(link) = link {
                context.tell(Input::Down { link, end: never_started() }).await;
            }
        }
    }
}

pub(super) async fn dial_one(context: Arc<Context>, link: LinkId, goal: Goal) {
    match dial(&context.tls, &goal, context.loopback_only, context.handshake).await {
        Ok(stream) => run_link(context, link, stream).await,
        Err(failure) => context.tell(Input::DialFailed { link, to: goal.expected.id, failure }).await,
    }
}

async fn run_link(context: Arc<Context>, link: LinkId, stream: Stream) {
    let (start, started) = oneshot::channel();
    context.tell(Input::Up { link, start }).await;
    let Ok(Start { peer, close }) = started.await else { return };
    let running = Running {
        peer: peer.clone(),
        queue: context.shared.queue.clone(),
        epoch: context.shared.epoch,
        pace: context.pace,
        max_message_bytes: context.shared.config.limits.max_message_bytes,
        drain: context.drain,
        close,
    };
    // On a task of its own, so that a bug in one link is the end of that link alone.
    let end = tokio::spawn(run(stream, running)).await.unwrap_or_else(|_| {
        peer.outbox.close();
        LinkEnd {
            reason: LinkEndReason::Lost,
            text: "a bug in Sinew ended this link; please report it, with the log".into(),
            unacknowledged: 0,
        }
    });
    context.tell(Input::Down { link, end }).await;
}

/// The end of a link of which nothing was ever reported.
pub(super) fn never_started() -> LinkEnd {
    LinkEnd { reason: LinkEndReason::Lost, text: "the handshake was not completed".into(), unacknowledged: 0 }
}

impl Context {
    async fn tell(&self, input: Input) {
        // The node is gone only when the server is.
        let _ = self.input.send(input).await;
    }
}
