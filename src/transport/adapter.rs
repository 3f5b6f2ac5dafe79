//! A channel as a stream of bytes, for a link that does not take its parts yet.

use super::channel::Channel;
use super::record::{HEADER, MAX_PLAIN, OVERHEAD, Opened, Opener, RecordError};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

pub(crate) struct Stream {
    channel: Channel,
    /// Sealed and not written yet.
    pending: Vec<u8>,
    closed: bool,
}

impl From<Channel> for Stream {
    fn from(channel: Channel) -> Self {
        Self { channel, pending: Vec::new(), closed: false }
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let channel = &mut self.channel;
        loop {
            if !channel.plain.is_empty() {
                let taken = channel.plain.len().min(buffer.remaining());
                buffer.put_slice(&channel.plain[..taken]);
                channel.plain.drain(..taken);
                return Poll::Ready(Ok(()));
            }
            if let Some(sealed) = Opener::record_len(&channel.early)?.and_then(|length| channel.early.get(..length)) {
                let length = sealed.len();
                channel.plain.resize(length - HEADER, 0);
                let opened = channel.opener.open(sealed, &mut channel.plain)?;
                channel.early.drain(..length);
                channel.plain.truncate(if let Opened::Data(data) = opened { data } else { 0 });
                match opened {
                    Opened::Closed => return Poll::Ready(Ok(())),
                    Opened::Data(_) | Opened::KeyUpdate => continue,
                }
            }
            let mut chunk = [0; 16 * 1024];
            let mut chunk = ReadBuf::new(&mut chunk);
            ready!(Pin::new(&mut channel.reader).poll_read(context, &mut chunk))?;
            if chunk.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            channel.early.extend_from_slice(chunk.filled());
        }
    }
}

impl Stream {
    fn seal(&mut self, room: usize, write: impl FnOnce(&mut Channel, &mut [u8]) -> Result<usize, RecordError>) -> io::Result<()> {
        let start = self.pending.len();
        self.pending.resize(start + room, 0);
        let written = write(&mut self.channel, &mut self.pending[start..])?;
        self.pending.truncate(start + written);
        Ok(())
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.pending.len() > 64 * 1024 {
            ready!(self.as_mut().poll_flush(context))?;
        }
        let piece = &bytes[..bytes.len().min(MAX_PLAIN)];
        if piece.is_empty() {
            return Poll::Ready(Ok(0));
        }
        if self.channel.sealer.update_due() {
            self.seal(5 + OVERHEAD, |channel, out| channel.sealer.update(out))?;
        }
        self.seal(piece.len() + OVERHEAD, |channel, out| channel.sealer.seal(piece, out))?;
        Poll::Ready(Ok(piece.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let stream = &mut *self;
        while !stream.pending.is_empty() {
            let written = ready!(Pin::new(&mut stream.channel.writer.0).poll_write(context, &stream.pending))?;
            stream.pending.drain(..written);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.closed {
            self.closed = true;
            self.seal(2 + OVERHEAD, |channel, out| channel.sealer.close(out))?;
        }
        ready!(self.as_mut().poll_flush(context))?;
        Poll::Ready(self.channel.writer.shutdown())
    }
}
