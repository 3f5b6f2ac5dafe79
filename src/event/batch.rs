//! Messages that arrived together, still in the bytes they arrived in.

use super::Event;
use crate::buffer::Buffer;
use crate::id::RequestId;
use crate::link::Peer;
use crate::message::{HEAD_BYTES, Label, Message, Role, read_head};
use crate::server::{RemoteServer, Reply, Request};
use bytes::{Buf, Bytes};
use std::sync::Arc;
use std::time::Instant;

/// Some messages of one server, in order. Dropping it gives their bytes back to the link's inbox limit.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) peer: Arc<Peer>,
    pub(crate) since: Instant,
    spans: Vec<Span>,
    /// First message that has not been given out.
    next: usize,
    /// Many small messages.
    chunk: Payloads,
    /// Messages that came in fragments, each on its own.
    large: Vec<Payloads>,
    /// Bytes it counts in the inbox.
    cost: usize,
}

/// Where one message of a [`Batch`] lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) len: u32,
    pub(crate) label: Label,
    /// 0: in the chunk; n: it is the n-th large message.
    pub(crate) large: u8,
}

/// Payloads in recycled memory, until the game keeps one of them.
#[derive(Debug)]
struct Payloads {
    lent: Option<Buffer>,
    kept: Bytes,
}

impl Payloads {
    fn new(buffer: Buffer) -> Self {
        Self { lent: Some(buffer), kept: Bytes::new() }
    }

    #[cfg(feature = "capi")]
    fn bytes(&self) -> &[u8] {
        self.lent.as_ref().map_or(&self.kept, Buffer::bytes)
    }

    /// A part of it for the game to keep: from now on the memory lives as long as any part.
    fn keep(&mut self, range: std::ops::Range<usize>) -> Bytes {
        if let Some(buffer) = self.lent.take() {
            self.kept = Bytes::from_owner(buffer);
        }
        self.kept.slice(range)
    }
}

impl Batch {
    /// Takes the place in the link's inbox that dropping it gives back.
    pub(crate) fn new(peer: Arc<Peer>, chunk: Buffer, large: Vec<Buffer>, spans: Vec<Span>) -> Self {
        // What is counted is what is held, not what is used.
        let held = chunk.size() + large.iter().map(Buffer::size).sum::<usize>();
        let cost = held + spans.capacity() * size_of::<Span>() + size_of::<Self>();
        peer.inbox.received(cost);
        let large = large.into_iter().map(Payloads::new).collect();
        Self { peer, since: Instant::now(), spans, next: 0, chunk: Payloads::new(chunk), large, cost }
    }

    /// The messages that have not been given out.
    #[cfg(feature = "capi")]
    pub(crate) fn rest(&self) -> &[Span] {
        &self.spans[self.next..]
    }

    /// `count` messages of the rest have been given out.
    #[cfg(feature = "capi")]
    pub(crate) fn advance(&mut self, count: usize) {
        self.next += count;
    }

    /// Where the payload lies, to be lent for as long as the batch lives.
    #[cfg(feature = "capi")]
    pub(crate) fn payload(&self, span: Span) -> &[u8] {
        let payloads = if span.large == 0 { &self.chunk } else { &self.large[usize::from(span.large) - 1] };
        &payloads.bytes()[span.range()]
    }

    /// Messages, given out or not.
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// All messages have been given out.
    pub(crate) fn is_used_up(&self) -> bool {
        self.next >= self.spans.len()
    }

    /// The next message, request or answer, to be kept for as long as the game likes.
    pub(crate) fn next_event(&mut self) -> Option<Event> {
        let span = *self.spans.get(self.next)?;
        self.next += 1;
        let payloads = if span.large == 0 { &mut self.chunk } else { &mut self.large[usize::from(span.large) - 1] };
        let mut payload = payloads.keep(span.range());
        let (server, Label { tag, delivery, role }) = (RemoteServer::new(self.peer.clone()), span.label);
        if role == Role::Message {
            return Some(Event::Message { server, message: Message::new(tag, delivery, payload) });
        }
        // Whoever put it here has seen that the head is there.
        let (number, code, _) = read_head(&payload)?;
        payload.advance(HEAD_BYTES);
        Some(match RequestId::new(number).filter(|_| role != Role::Request) {
            Some(request) => Event::Reply { request, reply: Reply { server, tag, code, payload } },
            None => Event::Request { request: Request::new(server, number, Message::new(tag, delivery, payload)) },
        })
    }
}

impl Span {
    pub(crate) fn range(self) -> std::ops::Range<usize> {
        let start = self.start as usize;
        start..start + self.len as usize
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.peer.inbox.consumed(self.cost);
        self.peer.commons.recycle(std::mem::take(&mut self.spans));
    }
}
