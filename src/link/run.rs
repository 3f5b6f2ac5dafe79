//! A started link: bytes in both directions until it ends.
//!
//! Ending gracefully is symmetrical: each side sends what it has queued and then a goodbye, reads on until the other's goodbye,
//! acknowledges everything before it, hangs up, and reads on until the other has hung up too. So both know what has arrived.

use super::handshake::HandshakeError;
use super::outbox::Next;
use super::peer::{ConnectionState, Peer};
use super::reading::Reading;
use super::session::{Pace, Session, Step};
use crate::cluster::{LinkEnd, LinkEndReason};
use crate::event::{Event, EventQueue};
use crate::server::RemoteServer;
use crate::transport::adapter::Stream;
use crate::wire::control::{Control, Goodbye};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncWriteExt, WriteHalf};
use tokio::sync::oneshot;

/// Bytes handed to TLS at once; between two of these the outbox learns that it has room again.
const WRITE_STEP: usize = 64 * 1024;

/// A buffer that grew larger than this in a burst is given back when it is empty.
const KEEP_BUFFER: usize = 256 * 1024;

/// What a link needs to run.
pub(crate) struct Running {
    pub(crate) peer: Arc<Peer>,
    pub(crate) queue: Arc<EventQueue>,
    /// `now` of every pure part is the time since this.
    pub(crate) epoch: Instant,
    pub(crate) pace: Pace,
    pub(crate) max_message_bytes: usize,
    /// How long the flush before a goodbye may take.
    pub(crate) drain: Duration,
    pub(crate) close: oneshot::Receiver<Goodbye>,
}

/// The link is being closed, by this side or the other.
#[derive(Clone, Copy)]
struct Ending {
    reason: LinkEndReason,
    until: Instant,
}

/// Runs until the link ends, and says how. The outbox must be open; it is closed when this returns.
pub(crate) async fn run(stream: Stream, mut running: Running) -> LinkEnd {
    let (reader, writer) = tokio::io::split(stream);
    let peer = running.peer.clone();
    let mut reading = Reading::new(reader, running.max_message_bytes);
    let mut session = Session::new(running.pace, running.epoch.elapsed());
    let mut writing = std::pin::pin!(write(writer, &running.peer, &running.queue));
    let mut written = false;
    let mut ending: Option<Ending> = None;

    let (reason, text) = loop {
        let now = running.epoch.elapsed();
        // Nothing that needs room follows a goodbye.
        let deaf = peer.inbox.is_full() && !reading.ended;
        if deaf {
            session.deaf(now);
        }
        if take_steps(&mut session, &peer, &running.queue, now) {
            break (LinkEndReason::Silent, "nothing was heard from it for too long".to_string());
        }
        if let Some(Ending { reason, .. }) = ending
            && written
            && reading.closed
        {
            break (reason, String::new());
        }
        let wake_at = running.epoch + session.deadline();
        let wake_at = ending.map_or(wake_at, |ending| wake_at.min(ending.until));
        tokio::select! {
            outcome = &mut writing, if !written => match outcome {
                Ok(()) => written = true,
                Err(error) => break (LinkEndReason::Lost, HandshakeError::from(error).to_string()),
            },
            outcome = reading.read(), if !deaf && !reading.closed => match outcome {
                Ok(0) if reading.ended => reading.closed = true,
                Ok(0) => break (LinkEndReason::Lost, "the connection was closed without a goodbye: its process ended, or the network cut it".into()),
                Ok(_) => {
                    let now = running.epoch.elapsed();
                    if session.heard(now) {
                        peer.set_state(ConnectionState::Connected);
                        running.queue.push(Event::ServerResumed { server: RemoteServer::new(peer.clone()) });
                    }
                    match reading.parse(&peer, &running.queue, |control| obey(control, &mut session, &peer, now)) {
                        Ok(parsed) => {
                            session.received(now, parsed.reliable);
                            if let Some(goodbye) = parsed.goodbye {
                                peer.outbox.ack(session.final_ack());
                                if ending.is_none() {
                                    peer.outbox.finish(goodbye);
                                    ending = Some(Ending { reason: LinkEndReason::Goodbye(goodbye), until: Instant::now() + running.drain });
                                }
                                peer.outbox.hang_up();
                            }
                        }
                        Err(text) => break (LinkEndReason::Protocol, text),
                    }
                }
                Err(error) => break (LinkEndReason::Lost, HandshakeError::from(error).to_string()),
            },
            () = peer.inbox.room(), if deaf => {}
            () = tokio::time::sleep_until(wake_at.into()) => {
                if let Some(Ending { reason, until }) = ending && Instant::now() >= until {
                    break (reason, "not everything could be flushed in time".into());
                }
            }
            goodbye = &mut running.close, if ending.is_none() => {
                // The node goes without a word only when the whole server is being freed.
                let goodbye = goodbye.unwrap_or(Goodbye::Stopped);
                // Nothing can be acknowledged after it, and the other side counts what was not.
                peer.outbox.ack(session.final_ack());
                peer.outbox.finish(goodbye);
                ending = Some(Ending { reason: LinkEndReason::Closed(goodbye), until: Instant::now() + running.drain });
            }
        }
    };

    let unacknowledged = session.unacknowledged(peer.outbox.reliable());
    peer.outbox.close();
    peer.set_round_trip(None);
    // Once it is being closed, how the socket ended is no news.
    let reason = ending.map_or(reason, |ending| ending.reason);
    LinkEnd { reason, text: explained(reason, text), unacknowledged }
}

/// Carries out what is due; true: give up.
fn take_steps(session: &mut Session, peer: &Arc<Peer>, queue: &EventQueue, now: Duration) -> bool {
    while let Some(step) = session.step(now) {
        match step {
            Step::Ping { stamp } => peer.outbox.ping(stamp),
            Step::Ack { received } => peer.outbox.ack(received),
            Step::Interrupted => {
                peer.set_state(ConnectionState::Interrupted);
                queue.push(Event::ServerInterrupted { server: RemoteServer::new(peer.clone()) });
            }
            Step::GiveUp => return true,
        }
    }
    false
}

/// A control message on a started link. An error breaks the protocol.
fn obey(control: Control, session: &mut Session, peer: &Peer, now: Duration) -> Result<Option<Goodbye>, String> {
    match control {
        Control::Ping { stamp } => peer.outbox.pong(stamp),
        Control::Pong { stamp } => peer.set_round_trip(Some(session.pong(now, stamp)?)),
        Control::Ack { received } => session.acknowledged(received, peer.outbox.reliable())?,
        Control::Goodbye(goodbye) => return Ok(Some(goodbye)),
        handshake @ (Control::Hello(_) | Control::Welcome(_) | Control::Refused(_) | Control::Confirm | Control::Confirmed) => {
            return Err(HandshakeError::unexpected("a message, ping, pong, ack or goodbye", &handshake).to_string());
        }
    }
    Ok(None)
}

/// Takes everything that waits, again and again, until the outbox says to hang up.
async fn write(mut writer: WriteHalf<Stream>, peer: &Arc<Peer>, queue: &EventQueue) -> std::io::Result<()> {
    let (mut control, mut frames) = (Vec::new(), Vec::new());
    loop {
        let next = peer.outbox.take(&mut control, &mut frames).await;
        writer.write_all(&control).await?;
        for step in frames.chunks(WRITE_STEP) {
            writer.write_all(step).await?;
            if peer.outbox.written(step.len()) {
                queue.push(Event::Writable { server: RemoteServer::new(peer.clone()) });
            }
        }
        match next {
            Next::Frames => {}
            Next::Goodbye(goodbye) => {
                control.clear();
                Control::Goodbye(goodbye).append_to(&mut control);
                writer.write_all(&control).await?;
            }
            Next::HangUp => return writer.shutdown().await,
        }
        writer.flush().await?;
        if frames.capacity() > KEEP_BUFFER {
            frames = Vec::new();
        }
    }
}

fn explained(reason: LinkEndReason, text: String) -> String {
    let what = match reason {
        LinkEndReason::Lost | LinkEndReason::Silent => return text,
        LinkEndReason::Protocol => "it broke the protocol",
        LinkEndReason::Goodbye(Goodbye::Stopped) => "it stopped",
        LinkEndReason::Goodbye(Goodbye::YouLeft) => "its registry says that this server has left",
        LinkEndReason::Goodbye(Goodbye::Superseded) | LinkEndReason::Closed(Goodbye::Superseded) => {
            "a newer link to the same server took over"
        }
        LinkEndReason::Closed(Goodbye::Stopped) => "this server is stopping",
        LinkEndReason::Goodbye(Goodbye::Replaced) => "a newer server runs under its name",
        LinkEndReason::Closed(Goodbye::Replaced) => "a newer server runs under this server's name",
        LinkEndReason::Closed(Goodbye::YouLeft) => "the registry says that it has left",
    };
    if text.is_empty() { what.into() } else { format!("{what}: {text}") }
}
