//! The listening socket, and who may be let in through it.

use crate::error::{Error, KeyError};
use crate::transport::datagrams::Datagrams;
use crate::transport::identity::Identity;
use socket2::{Domain, Protocol, Socket, Type};
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// Connections the system holds until they are accepted; the kernel caps it (net.core.somaxconn, 4096 on current Linux).
const BACKLOG: i32 = 1024;

/// Without a cluster key only loopback addresses may be bound.
pub(super) fn allowed(key: &'static str, address: SocketAddr, identity: &Identity) -> Result<(), Error> {
    if identity.is_development() && !address.ip().is_loopback() {
        return Err(KeyError::NoKeyOnPublicAddress { key, address: address.to_string() }.into());
    }
    Ok(())
}

/// Binds what `key` says at once, so that a port that is taken is an error of `start`. Must be called inside the runtime.
pub(super) fn bind(key: &'static str, address: SocketAddr) -> Result<TcpListener, Error> {
    socket(address).and_then(TcpListener::from_std).map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => Error::AddressInUse { address, key },
        _ => Error::Io { what: format!("cannot listen on {key} = \"{address}\""), source },
    })
}

/// The UDP port beside the TCP port. Without it the streams carry everything; the error is for a log line.
pub(super) fn datagrams(bound: SocketAddr, identity: &Identity) -> Result<Datagrams, String> {
    Datagrams::bind(bound, identity)
        .map_err(|error| format!("no datagrams: cannot bind UDP {bound}: {error}; unreliable messages go by the streams"))
}

fn socket(address: SocketAddr) -> std::io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Lets a restarted server have its port back while old connections of it linger in TIME_WAIT; two living servers still collide.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        // `[::]` accepts IPv4 too, on every system.
        socket.set_only_v6(false)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}
