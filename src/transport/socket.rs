//! A TCP stream on which writing to a dead peer is an error and nothing else.
//!
//! The system also sends SIGPIPE, which ends a process that did not choose otherwise. A Rust program has chosen; a game written in C or C++
//! has not, and a library must not choose for it. The standard library asks for no signal where it writes one buffer, but not where it
//! writes several at once, and that is how TLS records are written.

use std::io;
#[cfg(any(target_os = "linux", target_os = "android"))]
use std::io::IoSlice;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

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
        /// `MSG_NOSIGNAL` of sys/socket.h, the same on every architecture of Linux.
        const NO_SIGNAL: std::ffi::c_int = 0x4000;
        loop {
            std::task::ready!(self.0.poll_write_ready(context))?;
            let write = || socket2::SockRef::from(&self.0).send_vectored_with_flags(buffers, NO_SIGNAL);
            match self.0.try_io(tokio::io::Interest::WRITABLE, write) {
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
