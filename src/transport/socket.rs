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
