//! From the stream's bytes to batches of messages: parsed where they lie, never copied.

use super::peer::Peer;
use crate::event::{Batch, EventQueue, Span};
use crate::message::SendMode;
use crate::transport::adapter::Stream;
use crate::wire::control::{Control, Goodbye};
use crate::wire::frame::{self, HEADER_BYTES, Header};
use bytes::{Buf, BytesMut};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::io::{AsyncReadExt, ReadHalf};

/// Room for one read: small while a link is quiet, doubled while reads fill it.
const READ_MIN: usize = 8 * 1024;
const READ_MAX: usize = 256 * 1024;

/// The receiving half of a link.
pub(super) struct Reading {
    reader: ReadHalf<Stream>,
    buffer: BytesMut,
    room: usize,
    max_message_bytes: usize,
    /// The peer has said goodbye: no message follows, only the last acknowledgement.
    pub(super) ended: bool,
    /// The peer has hung up behind its goodbye.
    pub(super) closed: bool,
}

/// What one round of parsing brought, beside the messages.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) reliable: u64,
    pub(super) goodbye: Option<Goodbye>,
}

impl Reading {
    pub(super) fn new(reader: ReadHalf<Stream>, max_message_bytes: usize) -> Self {
        Self { reader, buffer: BytesMut::new(), room: READ_MIN, max_message_bytes, ended: false, closed: false }
    }

    /// Reads once; 0 is the end of the stream. May be dropped and called again.
    pub(super) async fn read(&mut self) -> std::io::Result<usize> {
        // Grows only with what has really arrived, whatever length a header announces.
        if self.buffer.capacity() - self.buffer.len() < self.room / 2 {
            self.buffer.reserve(self.room);
        }
        let offered = self.buffer.capacity() - self.buffer.len();
        let read = self.reader.read_buf(&mut self.buffer).await?;
        if read == offered {
            self.room = (self.room * 2).min(READ_MAX);
        } else if read < self.room / 4 {
            self.room = (self.room / 2).max(READ_MIN);
        }
        Ok(read)
    }

    /// Hands every complete message to the queue as one batch, and every control message to `obey`. An error breaks the protocol.
    pub(super) fn parse(
        &mut self,
        peer: &Arc<Peer>,
        queue: &EventQueue,
        mut obey: impl FnMut(Control) -> Result<Option<Goodbye>, String>,
    ) -> Result<Parsed, String> {
        let mut parsed = Parsed::default();
        let mut spans = Vec::new();
        let mut at = 0;
        let outcome = loop {
            let rest = &self.buffer[at..];
            let header = match frame::peek(rest, self.max_message_bytes) {
                None => break Ok(()),
                Some(Ok(header)) => header,
                Some(Err(error)) => break Err(error.to_string()),
            };
            let Some(body) = rest.get(HEADER_BYTES..HEADER_BYTES + header.body_len()) else { break Ok(()) };
            match header {
                Header::Message { .. } if self.ended => break Err("a message after the goodbye".into()),
                Header::Message { len, tag, mode } => {
                    parsed.reliable += u64::from(mode == SendMode::Reliable);
                    spans.push(Span { start: at + HEADER_BYTES, len, tag, mode });
                }
                Header::Control { .. } => match Control::parse(body).and_then(&mut obey) {
                    Ok(None) => {}
                    Ok(Some(_)) if self.ended => break Err("a second goodbye".into()),
                    Ok(Some(goodbye)) => {
                        parsed.goodbye = Some(goodbye);
                        self.ended = true;
                    }
                    Err(error) => break Err(error),
                },
            }
            at += HEADER_BYTES + body.len();
        };
        // What was complete before a mistake still counts.
        if spans.is_empty() {
            self.buffer.advance(at);
        } else {
            let chunk = self.buffer.split_to(at).freeze();
            peer.traffic.received.fetch_add(spans.len() as u64, Ordering::Relaxed);
            queue.push_messages(Batch::new(peer.clone(), chunk, spans));
        }
        outcome.map(|()| parsed)
    }
}
