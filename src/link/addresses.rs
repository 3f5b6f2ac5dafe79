//! From a host name to a connected socket: every address is tried, a dead one costs a quarter of a second.
//!
//! The system asks an address that does not answer ever more rarely, and so notices late that the network is back. A dial that is given up
//! and begun anew does not.

use super::peer::Attempt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;

/// Head start of one address over the next (RFC 8305 §5 recommends 250 ms).
const HEAD_START: Duration = Duration::from_millis(250);

/// What stands beside an address until something comes of it.
pub(super) const UNANSWERED: &str = "no answer; a firewall drops what is sent there, or server.advertise of that server is wrong";
pub(super) const CONNECTED: &str = "connected, but the handshake was not completed";

/// One address is dialled for this long: two or three attempts of the system's.
const CONNECT_DEADLINE: Duration = Duration::from_secs(3);

/// More addresses than any sensible name has; the rest is not tried.
const MAX_ADDRESSES: usize = 16;

/// Resolves `host` anew and connects to the first of its addresses that answers. `tried` holds what came of each, also when this is dropped.
///
/// `allowed` refuses an address with a reason before it is dialled.
pub(super) async fn connect(
    host: &str,
    port: u16,
    allowed: impl Fn(SocketAddr) -> Result<(), String>,
    tried: &mut Vec<Attempt>,
) -> Option<TcpStream> {
    let mut failed = |error: String| tried.push(Attempt { address: format!("{host}:{port}"), error });
    let addresses: Vec<SocketAddr> = match lookup_host((host, port)).await {
        Ok(addresses) => addresses.take(MAX_ADDRESSES).collect(),
        Err(error) => {
            failed(format!("cannot resolve the host name: {error}; correct server.advertise of that server"));
            return None;
        }
    };
    if addresses.is_empty() {
        failed("the host name has no address; correct server.advertise of that server".into());
        return None;
    }
    connect_any(interleaved(addresses), allowed, tried).await
}

/// Starts the addresses one after another, each as soon as the one before failed or had its head start; the first to connect wins.
async fn connect_any(
    addresses: Vec<SocketAddr>,
    allowed: impl Fn(SocketAddr) -> Result<(), String>,
    tried: &mut Vec<Attempt>,
) -> Option<TcpStream> {
    let mut running = JoinSet::new();
    let mut waiting = addresses.into_iter();
    let mut more = true;
    while more || !running.is_empty() {
        let mut head_start = Duration::MAX;
        if more {
            match waiting.next() {
                Some(address) => match allowed(address) {
                    Ok(()) => {
                        let place = tried.len();
                        tried.push(Attempt { address: address.to_string(), error: UNANSWERED.into() });
                        running.spawn(async move { (place, connect_one(address).await) });
                        head_start = HEAD_START;
                    }
                    Err(error) => {
                        tried.push(Attempt { address: address.to_string(), error });
                        continue;
                    }
                },
                None => more = false,
            }
        }
        let head_start = if more { head_start } else { Duration::MAX };
        let Ok(Some(Ok((place, outcome)))) = within(head_start, running.join_next()).await else { continue };
        match outcome {
            Ok(socket) => {
                tried[place].error = CONNECTED.into();
                return Some(socket);
            }
            Err(error) => tried[place].error = in_words(&error),
        }
    }
    None
}

/// What the system says, and where to look.
fn in_words(error: &io::Error) -> String {
    let look = match error.kind() {
        ErrorKind::ConnectionRefused => "nothing listens there: does that server still run, and is its server.advertise right?",
        ErrorKind::TimedOut => UNANSWERED,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => {
            "no way leads there from this machine; correct server.advertise of that server"
        }
        _ => return error.to_string(),
    };
    format!("{error}; {look}")
}

async fn connect_one(address: SocketAddr) -> io::Result<TcpStream> {
    let silent = |_| io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", CONNECT_DEADLINE.as_secs()));
    within(CONNECT_DEADLINE, TcpStream::connect(address)).await.map_err(silent)?
}

async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Result<T, tokio::time::error::Elapsed> {
    tokio::time::timeout(limit, future).await
}

/// IPv6 and IPv4 in turn, so that a machine without one of them does not wait for all of its addresses.
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let (v6, v4): (Vec<_>, Vec<_>) = addresses.into_iter().partition(SocketAddr::is_ipv6);
    let longest = v6.len().max(v4.len());
    (0..longest).flat_map(|i| [v6.get(i), v4.get(i)]).flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    fn any(_: SocketAddr) -> Result<(), String> {
        Ok(())
    }

    #[tokio::test]
    async fn a_dead_first_address_does_not_stop_the_second() {
        let dead = TcpListener::bind("127.0.0.1:0").await.and_then(|listener| listener.local_addr()).expect("free port");
        let alive = TcpListener::bind("127.0.0.1:0").await.expect("free port");
        let address = alive.local_addr().expect("bound");
        let mut tried = Vec::new();
        let socket = connect_any(vec![dead, address], any, &mut tried).await.expect("the second answers");
        assert_eq!(socket.peer_addr().expect("connected"), address);
        assert!(tried[0].error.contains("refused") && tried[1].error == CONNECTED, "{tried:?}");
    }

    #[tokio::test]
    async fn every_dead_address_is_named_with_its_error() {
        let dead = TcpListener::bind("127.0.0.1:0").await.and_then(|listener| listener.local_addr()).expect("free port");
        let mut attempts = Vec::new();
        assert!(connect_any(vec![dead, dead], any, &mut attempts).await.is_none(), "nobody listens");
        assert_eq!(attempts.len(), 2);
        assert!(attempts.iter().all(|attempt| attempt.address == dead.to_string() && attempt.error.contains("refused")), "{attempts:?}");
    }

    #[tokio::test]
    async fn an_address_that_is_not_allowed_is_not_dialled() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("free port");
        let address = listener.local_addr().expect("bound");
        let mut attempts = Vec::new();
        assert!(connect_any(vec![address], |_| Err("no".into()), &mut attempts).await.is_none(), "refused");
        assert_eq!(attempts, [Attempt { address: address.to_string(), error: "no".into() }]);
    }

    #[test]
    fn families_take_turns() {
        let parse = |text: &str| text.parse::<SocketAddr>().expect("literal");
        let [a, b, c] = [parse("[::1]:1"), parse("[::2]:1"), parse("127.0.0.1:1")];
        assert_eq!(interleaved(vec![a, b, c]), [a, c, b]);
    }
}
