//! The accepting side of a handshake.

use super::handshake::{self, HandshakeError};
use crate::cluster::LinkId;
use crate::transport::identity::PeerIdentity;
use crate::transport::tls::{Stream, Tls};
use crate::wire::control::{Control, Hello, Refusal, Welcome};
use tokio::net::TcpStream;

/// What a dialer asks for, and who it proved to be.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) hello: Hello,
    pub(crate) identity: PeerIdentity,
}

/// Authenticates the dialer and lets `decide` say whether it may have a link. No deadline of its own: the caller sets one.
///
/// On failure the link number, if one was given, comes back too.
pub(crate) async fn accept<F>(
    tls: &Tls,
    socket: TcpStream,
    decide: impl FnOnce(Offer) -> F,
) -> Result<(LinkId, Stream), (Option<LinkId>, HandshakeError)>
where
    F: Future<Output = Result<(LinkId, Welcome), Refusal>>,
{
    let (mut stream, identity) = tls.accept(socket).await.map_err(|error| (None, HandshakeError::Tls(error)))?;
    let hello = match handshake::read(&mut stream).await {
        Ok(Control::Hello(hello)) => hello,
        Ok(other) => return Err((None, handshake::refuse_malformed(&mut stream, HandshakeError::unexpected("hello", &other)).await)),
        Err(error) => return Err((None, handshake::refuse_malformed(&mut stream, error).await)),
    };
    let (link, welcome) = match decide(Offer { hello, identity }).await {
        Ok(accepted) => accepted,
        Err(refusal) => return Err((None, handshake::refuse(&mut stream, refusal).await)),
    };
    match confirm(&mut stream, welcome).await {
        Ok(()) => Ok((link, stream)),
        Err(error) => Err((Some(link), error)),
    }
}

async fn confirm(stream: &mut Stream, welcome: Welcome) -> Result<(), HandshakeError> {
    handshake::write(stream, &Control::Welcome(welcome)).await?;
    match handshake::read(stream).await? {
        Control::Confirm => handshake::write(stream, &Control::Confirmed).await,
        other => Err(handshake::refuse_malformed(stream, HandshakeError::unexpected("confirm", &other)).await),
    }
}
