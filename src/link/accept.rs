//! The accepting side of a handshake.

use super::handshake::{self, HandshakeError};
use crate::cluster::LinkId;
use crate::transport::channel::{Channel, Channels};
use crate::transport::identity::PeerIdentity;
use crate::wire::control::{Control, Hello, Refusal, Welcome};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};

/// What a dialer asks for, and who it proved to be.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) hello: Hello,
    pub(crate) identity: PeerIdentity,
}

/// A link that both sides agreed to.
pub(crate) struct Accepted {
    pub(crate) link: LinkId,
    /// It goes on with the session that the dialer named.
    pub(crate) resumes: bool,
    pub(crate) channel: Channel,
}

/// Authenticates the dialer and lets `decide` say whether it may have a link; all of it within `limit`.
///
/// `decide` is told when this is over and must answer earlier; it is not cut off, for only it knows which link numbers are taken.
/// On failure the link number, if one was given, comes back too.
pub(crate) async fn accept<F>(
    channels: &Channels,
    socket: TcpStream,
    limit: Duration,
    decide: impl FnOnce(Offer, Instant) -> F,
) -> Result<Accepted, (Option<LinkId>, HandshakeError)>
where
    F: Future<Output = Result<(LinkId, Welcome), Refusal>>,
{
    let deadline = Instant::now() + limit;
    let in_time = |link: Option<LinkId>| move |_| (link, HandshakeError::TimedOut(limit));
    let (mut channel, offer) =
        timeout_at(deadline, greet(channels, socket)).await.map_err(in_time(None))?.map_err(|error| (None, error))?;
    let (link, welcome) = match decide(offer, deadline).await {
        Ok(accepted) => accepted,
        Err(refusal) => {
            let refused = handshake::refuse(&mut channel, refusal);
            return Err((None, timeout_at(deadline, refused).await.unwrap_or(HandshakeError::TimedOut(limit))));
        }
    };
    let resumes = welcome.resumed;
    let confirmed = timeout_at(deadline, confirm(&mut channel, welcome)).await.map_err(in_time(Some(link)))?;
    confirmed.map_err(|error| (Some(link), error))?;
    Ok(Accepted { link, resumes, channel })
}

async fn greet(channels: &Channels, socket: TcpStream) -> Result<(Channel, Offer), HandshakeError> {
    socket.set_nodelay(true)?;
    let (mut channel, identity) = channels.accept(socket).await.map_err(HandshakeError::Tls)?;
    let error = match handshake::read(&mut channel).await {
        Ok(Control::Hello(hello)) => return Ok((channel, Offer { hello, identity })),
        Ok(other) => HandshakeError::unexpected("hello", &other),
        Err(error) => error,
    };
    Err(handshake::refuse_malformed(&mut channel, error).await)
}

async fn confirm(channel: &mut Channel, welcome: Welcome) -> Result<(), HandshakeError> {
    handshake::write(channel, &Control::Welcome(welcome)).await?;
    match handshake::read(channel).await? {
        Control::Confirm => handshake::write(channel, &Control::Confirmed).await,
        other => Err(handshake::refuse_malformed(channel, HandshakeError::unexpected("confirm", &other)).await),
    }
}
