//! From the socket to batches of messages: each byte is decrypted once into the memory that the game reads it from.

use super::commons::{Commons, ROUND_BYTES};
use super::peer::Peer;
use super::receiving::{Found, Parsed, Receiving};
use super::requests;
use crate::buffer::Buffer;
use crate::event::{Batch, EventQueue};
use crate::transport::record::{self, Opened, Opener};
use crate::wire::control::{Control, Goodbye};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::tcp::OwnedReadHalf;

/// Room for one read: small while a link is quiet, doubled while reads fill it.
const READ_MIN: usize = 20 * 1024;
const READ_MAX: usize = ROUND_BYTES;

/// The receiving half of a link. While nothing comes it holds no buffer.
pub(super) struct Reading {
    socket: OwnedReadHalf,
    opener: Opener,
    commons: Arc<Commons>,
    room: usize,
    /// Bytes of the socket that are no whole record yet.
    sealed: Option<Buffer>,
    /// Opened bytes that are no whole frame yet.
    opened: Option<Buffer>,
    pub(super) receiving: Receiving,
    max_message_bytes: usize,
    /// The stream is at its end.
    pub(super) closed: bool,
}

/// Why nothing more can be read.
#[derive(Debug)]
pub(super) enum ReadError {
    Io(io::Error),
    /// The peer broke the protocol, in this way.
    Protocol(String),
}

impl Reading {
    /// `sealed`, `opened`: what was read and not opened during the handshake, and what was opened and not parsed.
    pub(super) fn new(
        socket: OwnedReadHalf,
        opener: Opener,
        [sealed, opened]: [&[u8]; 2],
        commons: Arc<Commons>,
        receiving: Receiving,
        max_message_bytes: usize,
    ) -> Self {
        let keep = |bytes: &[u8]| {
            let mut buffer = commons.pool.take(bytes.len());
            buffer.append(bytes);
            (!bytes.is_empty()).then_some(buffer)
        };
        let (sealed, opened) = (keep(sealed), keep(opened));
        Self { socket, opener, commons, room: READ_MIN, sealed, opened, receiving, max_message_bytes, closed: false }
    }

    /// Waits until there is something to read. May be dropped and called again.
    pub(super) async fn ready(&self) -> io::Result<()> {
        self.socket.readable().await
    }

    /// Reads once. False: nothing came after all. The end of the stream is `closed`.
    pub(super) fn read(&mut self) -> io::Result<bool> {
        let kept = self.sealed.take();
        let waiting = kept.as_ref().map_or(0, |kept| kept.bytes().len());
        // What is opened of it is joined to what was opened before, and the two must fit in one buffer of a round.
        let most = READ_MAX - self.opened.as_ref().map_or(0, |opened| opened.bytes().len());
        let size = self.room.max(waiting + READ_MIN).min(most);
        let mut sealed = self.commons.pool.take(size);
        if let Some(kept) = &kept {
            sealed.append(kept.bytes());
        }
        drop(kept);
        let before = sealed.bytes().len();
        let mut room = ReadBuf::new(&mut sealed.room()[..size - waiting]);
        // Whoever waits is woken by `ready`: nobody needs to be told by this attempt.
        let outcome = Pin::new(&mut self.socket).poll_read(&mut Context::from_waker(Waker::noop()), &mut room);
        let count = match outcome {
            Poll::Ready(Ok(())) => Some(room.filled().len()),
            Poll::Ready(Err(error)) => return Err(error),
            // Somebody was wrong about there being something to read.
            Poll::Pending => None,
        };
        sealed.fill(count.unwrap_or(0));
        self.closed |= count == Some(0);
        let read = sealed.bytes().len() - before;
        if read == size - waiting {
            self.room = (self.room * 2).min(READ_MAX);
        } else if read < self.room / 4 {
            self.room = (self.room / 2).max(READ_MIN);
        }
        self.sealed = (!sealed.bytes().is_empty()).then_some(sealed);
        Ok(count.is_some())
    }

    /// Hands every complete message to the queue as one batch, and every control message to `obey`.
    pub(super) fn parse(
        &mut self,
        peer: &Arc<Peer>,
        queue: &EventQueue,
        obey: impl FnMut(Control) -> Result<Option<Goodbye>, String>,
    ) -> Result<Parsed, ReadError> {
        let opened = self.open()?;
        self.deliver(opened, peer, queue, obey).map_err(ReadError::Protocol)
    }

    /// Opens every whole record.
    fn open(&mut self) -> Result<Buffer, ReadError> {
        let kept = self.opened.take();
        let Some(sealed) = self.sealed.take() else { return Ok(kept.unwrap_or_else(|| self.commons.pool.take(0))) };
        let mut rest = sealed.bytes();
        let mut opened = match kept {
            Some(kept) if kept.free() >= rest.len() => kept,
            Some(kept) => {
                let mut opened = self.commons.pool.take(kept.bytes().len() + rest.len());
                opened.append(kept.bytes());
                opened
            }
            None => self.commons.pool.take(rest.len()),
        };
        loop {
            let len = match Opener::record_len(rest) {
                Ok(Some(len)) if len <= rest.len() => len,
                Ok(_) => break,
                Err(error) => return Err(refused(error)),
            };
            let (record, behind) = rest.split_at(len);
            match self.opener.open(record, opened.room()).map_err(refused)? {
                Opened::Data(count) => opened.fill(count),
                Opened::KeyUpdate => {}
                Opened::Closed => {
                    // What follows is to be ignored: RFC 8446, 6.1.
                    self.closed = true;
                    rest = &[];
                    break;
                }
            }
            rest = behind;
        }
        if !rest.is_empty() {
            let mut kept = self.commons.pool.take(rest.len());
            kept.append(rest);
            self.sealed = Some(kept);
        }
        Ok(opened)
    }

    /// Parses every whole frame.
    fn deliver(
        &mut self,
        mut opened: Buffer,
        peer: &Arc<Peer>,
        queue: &EventQueue,
        obey: impl FnMut(Control) -> Result<Option<Goodbye>, String>,
    ) -> Result<Parsed, String> {
        let (mut spans, mut large) = (self.commons.spans(opened.bytes().len()), Vec::new());
        let found = Found { spans: &mut spans, large: &mut large };
        let (parsed, mut outcome) = self.receiving.parse(&self.commons.pool, opened.bytes(), self.max_message_bytes, found, obey);
        peer.inbox.assembling(self.receiving.assembling());
        let rest = &opened.bytes()[parsed.bytes..];
        if !rest.is_empty() {
            let mut kept = self.commons.pool.take(rest.len());
            kept.append(rest);
            self.opened = Some(kept);
        }
        // What was complete before a mistake still counts.
        if !spans.is_empty() {
            peer.traffic.received.fetch_add(spans.len() as u64, Ordering::Relaxed);
        }
        if parsed.requests {
            outcome = requests::sort(peer, &mut opened, &mut large, &mut spans).and(outcome);
        }
        if spans.is_empty() {
            self.commons.recycle(spans);
        } else {
            queue.push_messages(Batch::new(peer.clone(), opened, large, spans));
        }
        outcome.map(|()| parsed)
    }
}

fn refused(error: record::RecordError) -> ReadError {
    ReadError::Io(error.into())
}
