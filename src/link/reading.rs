//! From the socket to batches of messages: each byte is decrypted once into the memory that the game reads it from.

use super::commons::{Commons, ROUND_BYTES};
use super::peer::Peer;
use super::reassembly::Reassembly;
use super::session::Tally;
use crate::buffer::Buffer;
use crate::event::{Batch, EventQueue, Span};
use crate::message::{Delivery, SendMode};
use crate::transport::record::{self, Opened, Opener};
use crate::wire::control::{Control, Goodbye};
use crate::wire::frame::{self, HEADER_BYTES, Header};
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
    parts: Reassembly,
    max_message_bytes: usize,
    /// The peer has said goodbye: no message follows, only the last acknowledgement.
    pub(super) ended: bool,
    /// The stream is at its end.
    pub(super) closed: bool,
}

/// What one round of reading brought, beside the messages.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    /// Of all that was opened.
    pub(super) bytes: usize,
    pub(super) reliable: Tally,
    pub(super) goodbye: Option<Goodbye>,
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
        max_message_bytes: usize,
    ) -> Self {
        let keep = |bytes: &[u8]| {
            let mut buffer = commons.pool.take(bytes.len());
            buffer.append(bytes);
            (!bytes.is_empty()).then_some(buffer)
        };
        let (sealed, opened) = (keep(sealed), keep(opened));
        let parts = Reassembly::default();
        Self { socket, opener, commons, room: READ_MIN, sealed, opened, parts, max_message_bytes, ended: false, closed: false }
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
        opened: Buffer,
        peer: &Arc<Peer>,
        queue: &EventQueue,
        mut obey: impl FnMut(Control) -> Result<Option<Goodbye>, String>,
    ) -> Result<Parsed, String> {
        let mut parsed = Parsed { bytes: opened.bytes().len(), ..Parsed::default() };
        let (mut spans, mut large) = (self.commons.spans(opened.bytes().len()), Vec::new());
        let mut at = 0;
        let outcome = loop {
            let rest = &opened.bytes()[at..];
            let header = match frame::peek(rest, self.max_message_bytes) {
                None => break Ok(()),
                Some(Ok(header)) => header,
                Some(Err(error)) => break Err(error.to_string()),
            };
            let Some(body) = rest.get(HEADER_BYTES..HEADER_BYTES + header.body_len()) else { break Ok(()) };
            let start = at + HEADER_BYTES;
            let done = match header {
                Header::Control { .. } => Control::parse(body).and_then(&mut obey).and_then(|goodbye| match goodbye {
                    Some(_) if self.ended => Err("a second goodbye".into()),
                    Some(_) => {
                        parsed.goodbye = goodbye;
                        self.ended = true;
                        Ok(None)
                    }
                    None => Ok(None),
                }),
                _ if self.ended => Err("a message after the goodbye".into()),
                Header::Message { len, tag, delivery } => {
                    self.parts.allows_message(delivery.lane).map(|()| Some(span(start, len, tag, delivery, 0)))
                }
                Header::Begin { tag, delivery, .. } => {
                    self.parts.begin(&self.commons.pool, tag, delivery, body, self.max_message_bytes).map(|()| None)
                }
                Header::Continue { tag, delivery, .. } => self.parts.proceed(tag, delivery, body).map(|whole| {
                    let whole = whole?;
                    let len = whole.bytes().len();
                    large.push(whole);
                    // A chunk holds far fewer complete ones: each is larger than a frame.
                    Some(span(0, len, tag, delivery, large.len() as u8))
                }),
            };
            match done {
                Ok(None) => {}
                Ok(Some(span)) => {
                    if span.delivery.mode == SendMode::Reliable {
                        parsed.reliable.add(1, span.len.into());
                    }
                    spans.push(span);
                }
                Err(error) => break Err(error),
            }
            at += HEADER_BYTES + body.len();
        };
        peer.inbox.assembling(self.parts.bytes());
        let rest = &opened.bytes()[at..];
        if !rest.is_empty() {
            let mut kept = self.commons.pool.take(rest.len());
            kept.append(rest);
            self.opened = Some(kept);
        }
        // What was complete before a mistake still counts.
        if spans.is_empty() {
            self.commons.recycle(spans);
        } else {
            peer.traffic.received.fetch_add(spans.len() as u64, Ordering::Relaxed);
            queue.push_messages(Batch::new(peer.clone(), opened, large, spans));
        }
        outcome.map(|()| parsed)
    }
}

fn span(start: usize, len: usize, tag: u16, delivery: Delivery, large: u8) -> Span {
    // Both are below 4 GiB: the one is within a read, the other within limits.max_message_bytes.
    Span { start: start as u32, len: len as u32, tag, delivery, large }
}

fn refused(error: record::RecordError) -> ReadError {
    ReadError::Io(error.into())
}
