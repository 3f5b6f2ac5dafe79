//! The dialling side of a handshake.

use super::addresses;
use super::handshake::{self, HandshakeError};
use super::peer::Attempt;
use crate::cluster::{Goal, Passport};
use crate::registry::Registration;
use crate::transport::channel::{Channel, Channels};
use crate::transport::identity::PeerIdentity;
use crate::wire::control::{Control, Refusal, RefusalCode};
use std::net::SocketAddr;
use std::time::Duration;

/// Why a dial came to nothing: for `explain`, the log and the cluster.
#[derive(Debug)]
pub(crate) struct DialFailure {
    /// Every address that was tried.
    pub(crate) attempts: Vec<Attempt>,
    /// One sentence.
    pub(crate) text: String,
    /// The other side said no.
    pub(crate) refusal: Option<Refusal>,
}

/// What a dial is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Link,
    /// To hear whether the other side would agree, and to leave before there is a link.
    Question,
}

/// What the two sides of a dial have agreed on.
pub(crate) struct Dialled {
    pub(crate) channel: Channel,
    /// The other side goes on with the session that the hello named.
    pub(crate) resumes: bool,
    /// Which start of the other server this is.
    pub(crate) incarnation: u64,
}

/// Connects, authenticates and agrees, all within `deadline`.
pub(crate) async fn dial(
    channels: &Channels,
    goal: &Goal,
    purpose: Purpose,
    loopback_only: bool,
    deadline: Duration,
) -> Result<Dialled, DialFailure> {
    let mut attempts = Vec::new();
    match tokio::time::timeout(deadline, attempt(channels, goal, purpose, loopback_only, &mut attempts)).await {
        Ok(Ok(agreed)) => Ok(agreed),
        Ok(Err((text, refusal))) => Err(DialFailure { attempts, text, refusal }),
        Err(_) => {
            let Registration { host, port, .. } = &goal.expected;
            let text = format!("{host}:{port} did not complete the handshake within {} ms", deadline.as_millis());
            if attempts.is_empty() {
                attempts.push(Attempt { address: format!("{host}:{port}"), error: "the host name could not be resolved in time".into() });
            }
            Err(DialFailure { attempts, text, refusal: None })
        }
    }
}

/// `attempts` holds what came of each address, also when this is dropped. The error is a sentence, and the other side's no.
async fn attempt(
    channels: &Channels,
    goal: &Goal,
    purpose: Purpose,
    loopback_only: bool,
    attempts: &mut Vec<Attempt>,
) -> Result<Dialled, (String, Option<Refusal>)> {
    let entry = &goal.expected;
    let allowed = |address: SocketAddr| match loopback_only && !address.ip().is_loopback() {
        true => Err("without a cluster key only loopback addresses are dialled; set cluster.key_file on all servers".to_string()),
        false => Ok(()),
    };
    let Some(socket) = addresses::connect(&entry.host, entry.port, allowed, attempts).await else {
        let listed: Vec<String> = attempts.iter().map(|attempt| format!("{}: {}", attempt.address, attempt.error)).collect();
        return Err((format!("no address answers ({})", listed.join("; ")), None));
    };
    let address = socket.peer_addr().map_or_else(|_| entry.host.clone(), |address| address.to_string());
    agree(channels, goal, purpose, socket).await.map_err(|error| {
        if let Some(attempt) = attempts.iter_mut().find(|attempt| attempt.address == address) {
            attempt.error = error.to_string();
        }
        (format!("{address}: {error}"), if let HandshakeError::RefusedByPeer(refusal) = error { Some(refusal) } else { None })
    })
}

async fn agree(channels: &Channels, goal: &Goal, purpose: Purpose, socket: tokio::net::TcpStream) -> Result<Dialled, HandshakeError> {
    socket.set_nodelay(true)?;
    let (mut channel, identity) = channels.dial(socket).await.map_err(HandshakeError::Tls)?;
    handshake::write(&mut channel, &Control::Hello(goal.hello.clone())).await?;
    let welcome = match handshake::read(&mut channel).await {
        Ok(Control::Welcome(welcome)) => welcome,
        Ok(other) => return Err(HandshakeError::unexpected("welcome", &other)),
        Err(HandshakeError::RefusedByPeer(refusal)) => return Err(refused(goal, &identity, refusal)),
        Err(error) => return Err(error),
    };
    let proven = Passport { group: &identity.group, name: &identity.name };
    if let Err(refusal) = goal.check(&welcome, proven) {
        return Err(handshake::refuse(&mut channel, refusal).await);
    }
    let (resumes, incarnation) = (welcome.resumed, welcome.from.incarnation);
    if purpose == Purpose::Question {
        let text = "`sinew explain` asked whether a link would stand; it would".into();
        handshake::refuse(&mut channel, Refusal { code: RefusalCode::Unavailable, text }).await;
        return Ok(Dialled { channel, resumes: false, incarnation });
    }
    handshake::write(&mut channel, &Control::Confirm).await?;
    match handshake::read(&mut channel).await? {
        Control::Confirmed => Ok(Dialled { channel, resumes, incarnation }),
        other => Err(HandshakeError::unexpected("confirmed", &other)),
    }
}

/// A refusal can end this server (a newer one has its name), so it counts only from the peer that was dialled.
fn refused(goal: &Goal, proven: &PeerIdentity, refusal: Refusal) -> HandshakeError {
    let Registration { group, name, .. } = &goal.expected;
    if (group, name) == (&proven.group, &proven.name) {
        return HandshakeError::RefusedByPeer(refusal);
    }
    let text = format!(
        "dialed {group}/{name}, but the certificate of {proven} answered; the registry's entry is older than that process, \
         or server.advertise is wrong. It says: {}",
        refusal.text
    );
    HandshakeError::Refused(Refusal { code: RefusalCode::WrongServer, text }.bounded())
}
