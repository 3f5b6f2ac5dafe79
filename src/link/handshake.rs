//! The four control frames before a link: hello, welcome, confirm, confirmed. After the last one both sides know that the other agreed.

use crate::transport::channel::Channel;
use crate::transport::tls::{self, TlsError, TlsFailure};
use crate::wire::control::{Control, Refusal, RefusalCode};
use crate::wire::frame::{self, HEADER_BYTES, Header};
use std::io::ErrorKind;
use std::time::Duration;

/// Why a handshake came to nothing.
#[derive(Debug)]
pub(crate) enum HandshakeError {
    /// TLS failed, or the socket broke on the way.
    Tls(TlsError),
    /// We refused the other side.
    Refused(Refusal),
    /// The other side refused us.
    RefusedByPeer(Refusal),
    /// The other side sent something that is no step of a handshake.
    Malformed(String),
    /// It took longer than this.
    TimedOut(Duration),
}

impl std::fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            HandshakeError::Tls(error) => f.write_str(&error.text),
            HandshakeError::Refused(refusal) => write!(f, "refused here ({}): {}", refusal.code.name(), refusal.text),
            HandshakeError::RefusedByPeer(refusal) => write!(f, "refused by the other side ({}): {}", refusal.code.name(), refusal.text),
            HandshakeError::Malformed(text) => write!(f, "not a Sinew handshake: {text}"),
            HandshakeError::TimedOut(limit) => {
                write!(f, "did not complete the handshake within limits.handshake_ms = {}", limit.as_millis())
            }
        }
    }
}

impl From<std::io::Error> for HandshakeError {
    fn from(error: std::io::Error) -> Self {
        HandshakeError::Tls(tls::explain_io(&error).unwrap_or_else(|| TlsError { reason: TlsFailure::Io, text: broken(&error) }))
    }
}

impl HandshakeError {
    pub(crate) fn unexpected(step: &str, found: &Control) -> Self {
        let name = match found {
            Control::Hello(_) => "hello",
            Control::Welcome(_) => "welcome",
            Control::Refused(_) => "refused",
            Control::Confirm => "confirm",
            Control::Confirmed => "confirmed",
            Control::Ping { .. } => "ping",
            Control::Pong { .. } => "pong",
            Control::Ack { .. } => "ack",
            Control::Goodbye(_) => "goodbye",
            Control::Resume { .. } => "resume",
            Control::Properties { .. } => "properties",
            Control::DatagramsWanted | Control::Datagrams { .. } | Control::DatagramsBound => "datagrams",
        };
        HandshakeError::Malformed(format!("expected {step}, found {name}"))
    }
}

/// Sends one control frame.
pub(crate) async fn write(channel: &mut Channel, control: &Control) -> Result<(), HandshakeError> {
    let mut frame = Vec::new();
    control.append_to(&mut frame);
    Ok(channel.send(&frame).await?)
}

/// Takes exactly one control frame and not a byte more: what follows stays in the channel and belongs to the link.
pub(crate) async fn read(channel: &mut Channel) -> Result<Control, HandshakeError> {
    let len = loop {
        // No message is expected, so none is too big: that it comes at all is what is wrong. A control frame has at most 64 KiB.
        match frame::peek(&channel.plain, usize::MAX) {
            None => {}
            Some(Err(error)) => return Err(HandshakeError::Malformed(error.to_string())),
            Some(Ok(Header::Message { .. } | Header::Begin { .. } | Header::Continue { .. })) => {
                return Err(HandshakeError::Malformed("a message before the handshake is complete".into()));
            }
            Some(Ok(Header::Control { len })) if channel.plain.len() >= HEADER_BYTES + len => break len,
            Some(Ok(Header::Control { .. })) => {}
        }
        if !channel.receive().await? {
            return Err(std::io::Error::from(ErrorKind::UnexpectedEof).into());
        }
    };
    let control = Control::parse(&channel.plain[HEADER_BYTES..HEADER_BYTES + len]);
    channel.plain.drain(..HEADER_BYTES + len);
    match control.map_err(HandshakeError::Malformed)? {
        Control::Refused(refusal) => Err(HandshakeError::RefusedByPeer(refusal.bounded())),
        control => Ok(control),
    }
}

/// Says no with a sentence, so that the other side's log tells it too. The connection is closed in any case.
pub(crate) async fn refuse(channel: &mut Channel, refusal: Refusal) -> HandshakeError {
    // A failure to say it changes nothing: the connection ends either way.
    let _ = write(channel, &Control::Refused(refusal.clone())).await;
    let _ = channel.close().await;
    HandshakeError::Refused(refusal)
}

/// Says that the other side's bytes make no sense.
pub(crate) async fn refuse_malformed(channel: &mut Channel, error: HandshakeError) -> HandshakeError {
    if let HandshakeError::Malformed(text) = &error {
        refuse(channel, Refusal { code: RefusalCode::Malformed, text: text.clone() }).await;
    }
    error
}

fn broken(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::UnexpectedEof => "the other side closed the connection".into(),
        _ => format!("the connection broke: {error}"),
    }
}
