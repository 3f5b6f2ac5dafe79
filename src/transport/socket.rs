//! A TCP stream on which writing to a dead peer is an error and nothing else.
//!
//! The system also sends SIGPIPE, which ends a process that did not choose otherwise. A Rust program has chosen; a game written in C or C++
//! has not, and a library must not choose for it. The standard library asks for no signal where it writes one buffer, but not where it
//! writes several at once, and that is how TLS records are written.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;

/// A [`TcpStream`] without SIGPIPE.
#[derive(Debug)]
pub struct Socket(pub(super) TcpStream);

impl AsyncRead for Socket {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    // Elsewhere the default writes the first buffer alone, and the standard library sees to the signal.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn poll_write_vectored(self: Pin<&mut Self>, context: &mut Context<'_>, buffers: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        loop {
            std::task::ready!(self.0.poll_write_ready(context))?;
            match try_write_vectored(&self.0, buffers) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                outcome => return Poll::Ready(outcome),
            }
        }
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

/// The sending half of a [`TcpStream`], without SIGPIPE. Dropping it ends this direction, as [`SendHalf::shutdown`] does.
#[derive(Debug)]
pub struct SendHalf(pub(super) OwnedWriteHalf);

impl SendHalf {
    /// Writes what the socket takes now, from any thread, and returns how much that was.
    ///
    /// Errors: [`io::ErrorKind::WouldBlock`] when it takes nothing; wait for [`SendHalf::writable`] then.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    /// The same for several buffers in one system call (on Linux and Android; elsewhere the first one alone).
    pub fn try_write_vectored(&self, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
        try_write_vectored(self.0.as_ref(), buffers)
    }

    /// Waits until the socket takes something, or a write would say what is wrong with it. May be dropped and called again.
    pub async fn writable(&self) -> io::Result<()> {
        self.0.writable().await
    }

    /// Writes everything. When it is dropped half-way, nobody knows how much was written.
    pub async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            self.writable().await?;
            match self.try_write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Tells the peer that nothing more follows what was written.
    pub fn shutdown(&self) -> io::Result<()> {
        socket2::SockRef::from(self.0.as_ref()).shutdown(Shutdown::Write)
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn try_write_vectored(socket: &TcpStream, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
    /// `MSG_NOSIGNAL` of sys/socket.h, the same on every architecture of Linux.
    const NO_SIGNAL: std::ffi::c_int = 0x4000;
    socket.try_io(Interest::WRITABLE, || socket2::SockRef::from(socket).send_vectored_with_flags(buffers, NO_SIGNAL))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn try_write_vectored(socket: &TcpStream, buffers: &[IoSlice<'_>]) -> io::Result<usize> {
    let first = buffers.iter().find(|buffer| !buffer.is_empty());
    first.map_or(Ok(0), |buffer| socket.try_write(buffer))
}

/// Sets what the system would choose otherwise for a connection that carries messages. Where something cannot be had, they are a little slower.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn tune(tcp: &TcpStream) {
    /// What the system has accepted cannot be overtaken any more, so it accepts little beyond what the network carries at the moment. Halves
    /// the 99th percentile of a small message beside a stream of large ones, and costs them nothing (bench/, test `lanes`).
    const UNSENT_BYTES: u32 = 128 * 1024;

    /// The system's own choice may be one that spaces packets out by timers, as BBR does: good on a network, but within a machine there is
    /// nothing to make way for, and the timers were a tenth of the processor time of small messages (bench/, test `reliable`). This one
    /// every Linux has, and every process may choose it (tcp(7), TCP_CONGESTION).
    const WITHOUT_TIMERS: &[u8] = b"reno";

    /// Within a machine nothing is under way, so what has been sent lies in the other end's buffer: this much of it at most, for the same
    /// reason as above. Beside a stream of large messages a small one takes 0.6 ms with it and 2.8 without. Half of it costs large messages
    /// a fifth of their rate.
    const RECEIVED_BYTES: usize = 512 * 1024;

    let socket = socket2::SockRef::from(tcp);
    let _ = socket.set_tcp_notsent_lowat(UNSENT_BYTES);
    if is_within_this_machine(tcp) {
        let _ = socket.set_tcp_congestion(WITHOUT_TIMERS);
        let _ = socket.set_recv_buffer_size(RECEIVED_BYTES);
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn tune(_: &TcpStream) {}

/// Both ends have the same address: what goes there never leaves the system.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_within_this_machine(tcp: &TcpStream) -> bool {
    matches!((tcp.local_addr(), tcp.peer_addr()), (Ok(own), Ok(other)) if own.ip() == other.ip())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_connection_within_the_machine_is_not_spaced_out_by_timers() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (dialled, accepted) = tokio::join!(TcpStream::connect(listener.local_addr().unwrap()), listener.accept());
        for tcp in [dialled.unwrap(), accepted.unwrap().0] {
            tune(&tcp);
            let chosen = socket2::SockRef::from(&tcp).tcp_congestion().unwrap();
            assert!(chosen.starts_with(b"reno"), "{:?}", String::from_utf8_lossy(&chosen));
        }
    }
}
