//! What one server has sent: frames become messages, each exactly once, over all links of a session. Pure.

use super::reassembly::Reassembly;
use crate::buffer::{Buffer, Pool};
use crate::event::Span;
use crate::message::{Label, Role};
use crate::wire::control::{Control, Goodbye};
use crate::wire::frame::{self, HEADER_BYTES, Header};

/// One direction of a session, on the side that receives.
#[derive(Debug, Default)]
pub(crate) struct Receiving {
    /// Bytes of whole message frames that have come.
    position: u64,
    parts: Reassembly,
    /// On a link that goes on with a session: the peer has not said yet what it has.
    resuming: bool,
    /// The peer has said goodbye: no message follows, only the last acknowledgement.
    ended: bool,
}

/// What one round of reading brought, beside the messages.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    /// Of whole frames.
    pub(super) bytes: usize,
    /// Of those, bytes of message frames.
    pub(super) messages: u64,
    /// Among the messages are requests or answers.
    pub(super) requests: bool,
    pub(super) goodbye: Option<Goodbye>,
}

/// The messages that were complete, and what holds the large ones.
pub(super) struct Found<'a> {
    pub(super) spans: &'a mut Vec<Span>,
    pub(super) large: &'a mut Vec<Buffer>,
}

impl Receiving {
    /// The first link of a session.
    pub(super) fn start() -> Self {
        Self::default()
    }

    /// A further link of the same session.
    pub(super) fn resume(self) -> Self {
        Self { resuming: true, ended: false, ..self }
    }

    /// What the peer need not send again.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// Bytes of memory that unfinished messages hold.
    pub(super) fn assembling(&self) -> usize {
        self.parts.bytes()
    }

    /// Goes through every whole frame in `bytes`, which begin with one; what is behind them must come again, with more. Control messages go to
    /// `obey`. Also after an error, which breaks the protocol, what was found before it counts.
    pub(super) fn parse(
        &mut self,
        pool: &Pool,
        bytes: &[u8],
        max_message_bytes: usize,
        found: Found<'_>,
        mut obey: impl FnMut(Control) -> Result<Option<Goodbye>, String>,
    ) -> (Parsed, Result<(), String>) {
        let mut parsed = Parsed::default();
        let outcome = loop {
            self.whole_messages(bytes, max_message_bytes, &mut parsed, found.spans);
            let at = parsed.bytes;
            let rest = &bytes[at..];
            let header = match frame::peek(rest, max_message_bytes) {
                None => break Ok(()),
                Some(Ok(header)) => header,
                Some(Err(error)) => break Err(error.to_string()),
            };
            let frame = HEADER_BYTES + header.body_len();
            let Some(body) = rest.get(HEADER_BYTES..frame) else { break Ok(()) };
            let start = at + HEADER_BYTES;
            let done = match header {
                Header::Control { .. } => Control::parse(body).and_then(|control| self.control(control, &mut parsed, &mut obey)),
                _ if self.ended => Err("a message after the goodbye".into()),
                _ if self.resuming => Err("a message before it was said what is to be resumed".into()),
                Header::Message { len, label } => {
                    parsed.requests |= label.role != Role::Message;
                    self.parts.allows_message(label.delivery.lane).map(|()| found.spans.push(span(start, len, label, 0)))
                }
                Header::Begin { label, .. } => self.parts.begin(pool, label, body, max_message_bytes),
                Header::Continue { label, .. } => self.parts.proceed(label, body).map(|whole| {
                    if let Some(whole) = whole {
                        let len = whole.bytes().len();
                        parsed.requests |= label.role != Role::Message;
                        found.large.push(whole);
                        // A chunk holds far fewer complete ones: each is larger than a frame.
                        found.spans.push(span(0, len, label, found.large.len() as u8));
                    }
                }),
            };
            if let Err(error) = done {
                break Err(error);
            }
            if !matches!(header, Header::Control { .. }) {
                parsed.messages += frame as u64;
            }
            parsed.bytes += frame;
        };
        self.position += parsed.messages;
        (parsed, outcome)
    }

    /// Goes through the whole messages at the front, unless something else would have to come first.
    fn whole_messages(&self, bytes: &[u8], max_message_bytes: usize, parsed: &mut Parsed, spans: &mut Vec<Span>) {
        if self.ended || self.resuming || !self.parts.is_empty() {
            return;
        }
        let mut at = parsed.bytes;
        while let Some((len, label)) = frame::whole_message(&bytes[at..], max_message_bytes) {
            parsed.requests |= label.role != Role::Message;
            spans.push(span(at + HEADER_BYTES, len, label, 0));
            at += HEADER_BYTES + len;
        }
        parsed.messages += (at - parsed.bytes) as u64;
        parsed.bytes = at;
    }

    fn control(
        &mut self,
        control: Control,
        parsed: &mut Parsed,
        obey: &mut impl FnMut(Control) -> Result<Option<Goodbye>, String>,
    ) -> Result<(), String> {
        let resumes = matches!(control, Control::Resume { .. });
        if resumes != std::mem::replace(&mut self.resuming, false) {
            return Err(match resumes {
                true => "there is nothing to resume here".into(),
                false => "it was to be said first what is to be resumed".into(),
            });
        }
        let Some(goodbye) = obey(control)? else { return Ok(()) };
        if std::mem::replace(&mut self.ended, true) {
            return Err("a second goodbye".into());
        }
        parsed.goodbye = Some(goodbye);
        Ok(())
    }
}

fn span(start: usize, len: usize, label: Label, large: u8) -> Span {
    // Both are below 4 GiB: the one is within a read, the other within limits.max_message_bytes.
    Span { start: start as u32, len: len as u32, label, large }
}
