//! A started link: bytes in both directions until it ends.
//!
//! Ending gracefully is symmetrical: each side sends what it has queued and then a goodbye, reads on until the other's goodbye,
//! acknowledges everything before it, hangs up, and reads on until the other has hung up too. So both know what has arrived.

use super::commons::Turn;
use super::datagrams::{self, Gate, Told, Way};
use super::handshake::HandshakeError;
use super::peer::Peer;
use super::reading::{ReadError, Reading};
use super::receiving::Receiving;
use super::session::{Pace, Session, Step};
use super::writer::{Writer, write};
use crate::cluster::{LinkEnd, LinkEndReason};
use crate::config::check_properties;
use crate::event::{Event, EventQueue};
use crate::server::RemoteServer;
use crate::transport::channel::Channel;
use crate::wire::control::{Control, Goodbye};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

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
    pub(crate) close: oneshot::Receiver<Closing>,
    /// It goes on with the session of the link before.
    pub(crate) resumes: bool,
    /// `None`: this server has no datagrams.
    pub(crate) way: Option<Way>,
}

/// What a link may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closing {
    /// To end with this word, behind everything that waits.
    Goodbye(Goodbye),
    /// To end at once: another link goes on with its session.
    Abandon,
}

/// The link is being closed, by this side or the other.
#[derive(Clone, Copy)]
struct Ending {
    reason: LinkEndReason,
    until: Instant,
}

/// Runs until the link ends, and says how. The outbox must be open, and stays so.
pub(crate) async fn run(channel: Channel, mut running: Running) -> LinkEnd {
    let peer = running.peer.clone();
    let Channel { reader, writer, sealer, opener, early, plain, .. } = channel;
    let socket = Arc::new(writer);
    let receiving = std::mem::take(&mut *peer.receiving.lock());
    let receiving = if running.resumes { receiving.resume() } else { Receiving::start() };
    let resume = running.resumes.then(|| receiving.position());
    peer.outbox.attach(Writer::new(socket.clone(), sealer, peer.commons.clone()), resume);
    // A task of its own: one direction does not wait for the other.
    let mut writing = Task(tokio::spawn(write(socket, peer.clone())));
    let mut reading = Reading::new(reader, opener, [&early, &plain], peer.commons.clone(), receiving, running.max_message_bytes);
    let mut session = Session::new(running.pace, running.epoch.elapsed());
    let mut beside = Beside::start(running.way.take(), &peer, &running.queue);
    let mut turn = Turn::default();
    let mut written = false;
    let mut ending: Option<Ending> = None;
    // Set anew only when it must ring earlier, or has rung: most deadlines are put off long before they come.
    let mut alarm = std::pin::pin!(tokio::time::sleep_until((running.epoch + session.deadline()).into()));
    // The first bytes may have come together with the end of the handshake.
    let mut unparsed = true;

    let (reason, text) = loop {
        let now = running.epoch.elapsed();
        // Nothing that needs room follows a goodbye.
        let deaf = peer.inbox.is_full() && !reading.receiving.ended();
        if deaf {
            session.deaf(now);
        }
        if take_steps(&mut session, &peer, now) {
            break (LinkEndReason::Silent, "nothing was heard from it for too long".to_string());
        }
        if let Some(Ending { reason, .. }) = ending
            && written
            && reading.closed
        {
            break (reason, String::new());
        }
        let wake_at = running.epoch + session.deadline();
        let wake_at = tokio::time::Instant::from(ending.map_or(wake_at, |ending| wake_at.min(ending.until)));
        if wake_at < alarm.deadline() || alarm.is_elapsed() {
            alarm.as_mut().reset(wake_at);
        }
        let arrived = tokio::select! {
            outcome = &mut writing.0, if !written => match outcome {
                Ok(Ok(())) => {
                    written = true;
                    continue;
                }
                Ok(Err(error)) => break (LinkEndReason::Lost, broken(error)),
                Err(failure) => match failure.try_into_panic() {
                    // Reported by who runs the link.
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(_) => break (LinkEndReason::Lost, "the server is being freed".into()),
                },
            },
            outcome = reading.ready(), if !deaf && !reading.closed && !unparsed => outcome,
            () = std::future::ready(()), if unparsed => Ok(()),
            () = peer.inbox.room(), if deaf => continue,
            () = &mut alarm => {
                if let Some(Ending { reason, until }) = ending && Instant::now() >= until {
                    break (reason, "not everything could be flushed in time".into());
                }
                continue;
            }
            closing = &mut running.close, if ending.is_none() => {
                // The node goes without a word only when the whole server is being freed.
                let goodbye = match closing.unwrap_or(Closing::Goodbye(Goodbye::Stopped)) {
                    Closing::Goodbye(goodbye) => goodbye,
                    Closing::Abandon => break (LinkEndReason::Closed(Goodbye::Superseded), String::new()),
                };
                // Nothing can be acknowledged after it, and the other side counts what was not.
                peer.outbox.acknowledge();
                beside.stop();
                peer.outbox.finish(goodbye);
                ending = Some(Ending { reason: LinkEndReason::Closed(goodbye), until: Instant::now() + running.drain });
                continue;
            }
        };
        match arrived.and_then(|()| if std::mem::take(&mut unparsed) { Ok(true) } else { reading.read() }) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(error) => break (LinkEndReason::Lost, broken(error)),
        }
        let now = running.epoch.elapsed();
        session.heard(now);
        match reading.parse(&peer, &running.queue, |control| obey(control, &mut session, &peer, &running.queue, &beside, now)) {
            Ok(parsed) => {
                if parsed.messages > 0 {
                    session.received(now, parsed.messages);
                    peer.outbox.received(reading.receiving.position());
                }
                if let Some(goodbye) = parsed.goodbye {
                    beside.stop();
                    peer.outbox.acknowledge();
                    if ending.is_none() {
                        peer.outbox.finish(goodbye);
                        ending = Some(Ending { reason: LinkEndReason::Goodbye(goodbye), until: Instant::now() + running.drain });
                    }
                    peer.outbox.hang_up();
                }
                if reading.closed && !reading.receiving.ended() {
                    let text = "the connection was closed without a goodbye: its process ended, or the network cut it";
                    break (LinkEndReason::Lost, text.into());
                }
                turn.round(parsed.bytes).await;
            }
            Err(ReadError::Protocol(text)) => break (LinkEndReason::Protocol, text),
            Err(ReadError::Io(error)) => break (LinkEndReason::Lost, broken(error)),
        }
    };

    beside.stop();
    peer.outbox.detach();
    peer.inbox.assembling(reading.receiving.assembling());
    *peer.receiving.lock() = reading.receiving;
    peer.set_round_trip(None);
    // Once it is being closed, how the socket ended is no news.
    let reason = ending.map_or(reason, |ending| ending.reason);
    LinkEnd { reason, text: explained(reason, text) }
}

/// The datagrams beside a link.
struct Beside {
    peer: Arc<Peer>,
    gate: Gate,
    told: mpsc::Sender<Told>,
    task: Option<JoinHandle<()>>,
}

/// Words about datagrams that wait for their task; a peer that says more says nothing new.
const WORDS: usize = 4;

impl Beside {
    fn start(way: Option<Way>, peer: &Arc<Peer>, queue: &Arc<EventQueue>) -> Self {
        let (told, words) = mpsc::channel(WORDS);
        let gate = Gate::default();
        let task = way.map(|way| tokio::spawn(datagrams::keep(way, peer.clone(), queue.clone(), gate.clone(), words)));
        Self { peer: peer.clone(), gate, told, task }
    }

    fn tell(&self, word: Told) {
        let _ = self.told.try_send(word);
    }

    /// Nothing is sent or delivered by datagram any more.
    fn stop(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
        self.gate.shut();
        self.peer.datagrams.close();
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A task that ends when it is dropped.
struct Task(JoinHandle<io::Result<()>>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Carries out what is due; true: give up.
fn take_steps(session: &mut Session, peer: &Peer, now: Duration) -> bool {
    while let Some(step) = session.step(now) {
        match step {
            Step::Ping { stamp } => peer.outbox.ping(stamp),
            Step::Ack => peer.outbox.acknowledge(),
            Step::GiveUp => return true,
        }
    }
    false
}

/// A control message on a started link. An error breaks the protocol.
fn obey(
    control: Control,
    session: &mut Session,
    peer: &Arc<Peer>,
    queue: &EventQueue,
    beside: &Beside,
    now: Duration,
) -> Result<Option<Goodbye>, String> {
    let tell = |writable| {
        if writable {
            queue.push(Event::Writable { server: RemoteServer::new(peer.clone()) });
        }
    };
    match control {
        Control::Ping { stamp } => peer.outbox.pong(stamp),
        Control::Pong { stamp } => peer.set_round_trip(Some(session.pong(now, stamp)?)),
        Control::Ack { received } => tell(peer.outbox.acknowledged(received)?),
        Control::Resume { received } => tell(peer.outbox.resume(received)?),
        Control::Properties { all } => {
            check_properties(&all)?;
            if peer.told(all) {
                queue.push(Event::ServerUpdated { server: RemoteServer::new(peer.clone()) });
            }
        }
        Control::Goodbye(goodbye) => return Ok(Some(goodbye)),
        Control::DatagramsWanted => beside.tell(Told::Wanted),
        Control::Datagrams { binding } => beside.tell(Told::Binding(binding)),
        Control::DatagramsBound => beside.tell(Told::Bound),
        handshake @ (Control::Hello(_) | Control::Welcome(_) | Control::Refused(_) | Control::Confirm | Control::Confirmed) => {
            return Err(HandshakeError::unexpected("a message, ping, pong, ack or goodbye", &handshake).to_string());
        }
    }
    Ok(None)
}

fn broken(error: io::Error) -> String {
    HandshakeError::from(error).to_string()
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
        LinkEndReason::Goodbye(Goodbye::Unrelated) => "by its topology the two do not see each other any more",
        LinkEndReason::Closed(Goodbye::Unrelated) => "by the topology the two do not see each other any more",
    };
    if text.is_empty() { what.into() } else { format!("{what}: {text}") }
}
