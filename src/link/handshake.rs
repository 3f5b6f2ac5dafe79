//! The four control frames before a link: hello, welcome, confirm, confirmed. After the last one both sides know that the other agreed.

use crate::transport::identity::PeerIdentity;
use crate::transport::tls::{self, Stream, TlsError, TlsFailure};
use crate::wire::control::{Control, Refusal, RefusalCode};
use crate::wire::frame::{HEADER_BYTES, Header};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A stream on which both sides have acknowledged each other.
pub(crate) struct Established {
    pub(crate) stream: Stream,
    pub(crate) identity: PeerIdentity,
}

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
        };
        HandshakeError::Malformed(format!("expected {step}, found {name}"))
    }
}

/// Sends one control frame.
pub(crate) async fn write(stream: &mut Stream, control: &Control) -> Result<(), HandshakeError> {
    let mut frame = Vec::new();
    control.append_to(&mut frame);
    stream.write_all(&frame).await?;
    stream.flush().await?;
    Ok(())
}

/// Reads exactly one control frame and not a byte more: what follows belongs to the link.
pub(crate) async fn read(stream: &mut Stream) -> Result<Control, HandshakeError> {
    let mut header = [0; HEADER_BYTES];
    stream.read_exact(&mut header).await?;
    // No message is expected, so none is too big: that it comes at all is what is wrong.
    let header = Header::parse(header, usize::MAX).map_err(|error| HandshakeError::Malformed(error.to_string()))?;
    let Header::Control { len } = header else {
        return Err(HandshakeError::Malformed("a message before the handshake is complete".into()));
    };
    // At most 64 KiB, checked by the header.
    let mut body = vec![0; len];
    stream.read_exact(&mut body).await?;
    match Control::parse(&body).map_err(HandshakeError::Malformed)? {
        Control::Refused(refusal) => Err(HandshakeError::RefusedByPeer(refusal.bounded())),
        control => Ok(control),
    }
}

/// Says no with a sentence, so that the other side's log tells it too. The connection is closed in any case.
pub(crate) async fn refuse(stream: &mut Stream, refusal: Refusal) -> HandshakeError {
    // A failure to say it changes nothing: the connection ends either way.
    let _ = write(stream, &Control::Refused(refusal.clone())).await;
    let _ = stream.shutdown().await;
    HandshakeError::Refused(refusal)
}

/// Says that the other side's bytes make no sense.
pub(crate) async fn refuse_malformed(stream: &mut Stream, error: HandshakeError) -> HandshakeError {
    if let HandshakeError::Malformed(text) = &error {
        refuse(stream, Refusal { code: RefusalCode::Malformed, text: text.clone() }).await;
    }
    error
}

fn broken(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "the other side closed the connection".into(),
        _ => format!("the connection broke: {error}"),
    }
}
