//! What comes from a remote server about requests: told apart before the game sees it.

use super::incoming::{Arrival, Open};
use super::{Answer, Asker, Ended, Waiting};
use crate::buffer::Buffer;
use crate::error::RequestFailure;
use crate::event::Span;
use crate::link::lanes::Parcel;
use crate::link::peer::Peer;
use crate::message::{HEAD_BYTES, Label, Role, head, read_head};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The reasons of a refusal on the wire are the numbers of [`RequestFailure`]; others may be added.
const REASONS: [RequestFailure; 3] = [RequestFailure::Refused, RequestFailure::NoHandler, RequestFailure::Overloaded];

/// What is to be done when no lock is held any more.
enum Later {
    Answered(Waiting, Bytes, u32),
    Refused(Ended),
    /// An answer from the library itself.
    Refuse(u64, Label),
}

/// Takes out of `spans` what is not for the game, and gives requests and replies the numbers by which the game knows them. An error breaks the
/// protocol; what came before it has been dealt with.
pub(crate) fn sort(peer: &Arc<Peer>, chunk: &mut Buffer, large: &mut [Buffer], spans: &mut Vec<Span>) -> Result<(), String> {
    let requests = &peer.commons.requests;
    let now = requests.now();
    let (mut later, mut breach) = (Vec::new(), None);
    // Added up here: who asks and who answers count in the same memory.
    let (mut received, mut answered) = (0, 0);
    {
        let mut table = requests.table.lock();
        let mut incoming = peer.requests.incoming.lock();
        spans.retain(|span| {
            if span.label.role == Role::Message {
                return true;
            }
            if breach.is_some() {
                return false;
            }
            let buffer = if span.large == 0 { &mut *chunk } else { &mut large[usize::from(span.large) - 1] };
            let body = &mut buffer.bytes_mut()[span.range()];
            let Some((number, code, payload)) = read_head(body) else {
                breach = Some(format!("a request or an answer of {} bytes, {HEAD_BYTES} at least", body.len()));
                return false;
            };
            if number == 0 {
                breach = Some("a request without a number".into());
                return false;
            }
            if span.label.role == Role::Request {
                let open = Open { label: span.label, until: now + Duration::from_millis(code.into()) };
                match incoming.begin(number, open, now, peer.requests.limit) {
                    Arrival::Open => {
                        received += 1;
                        return true;
                    }
                    Arrival::TooMany => later.push(Later::Refuse(number, span.label)),
                    Arrival::Twice => breach = Some(format!("request {number} for the second time")),
                }
                return false;
            }
            let Some(waiting) = table.end(number, |waiting| Arc::ptr_eq(&waiting.peer, peer) && waiting.tag == span.label.tag) else {
                requests.tally.late.fetch_add(1, Ordering::Relaxed);
                return false;
            };
            if span.label.role == Role::Refusal {
                let reason = REASONS.into_iter().find(|reason| *reason as u32 == code).unwrap_or(RequestFailure::Refused);
                later.extend(Ended::new(number, waiting, reason).map(Later::Refused));
                return false;
            }
            answered += 1;
            peer.requests.count_down();
            if let Asker::Future(_) = waiting.asker {
                later.push(Later::Answered(waiting, Bytes::copy_from_slice(payload), code));
                return false;
            }
            if let Some(shown) = waiting.shown() {
                body[..8].copy_from_slice(&shown.get().to_le_bytes());
            }
            true
        });
    }
    requests.tally.received.fetch_add(received, Ordering::Relaxed);
    requests.tally.answered.fetch_add(answered, Ordering::Relaxed);
    act(peer, later);
    breach.map_or(Ok(()), Err)
}

fn act(peer: &Arc<Peer>, later: Vec<Later>) {
    let mut refused = Vec::new();
    for what in later {
        match what {
            Later::Answered(waiting, payload, code) => {
                let answer = Answer { tag: waiting.tag, code, payload };
                if let Asker::Future(sender) = waiting.asker {
                    // Who asked may have lost interest.
                    let _ = sender.send((peer.clone(), Ok(answer)));
                }
            }
            Later::Refused(ended) => refused.push(ended),
            Later::Refuse(number, label) => {
                let head = head(number, RequestFailure::Overloaded as u32);
                // An outbox that is full as well leaves it to the time limit.
                let _ = peer.push(&Parcel { label: Label { role: Role::Refusal, ..label }, head: &head, payload: &[], crowded: true });
            }
        }
    }
    if !refused.is_empty() {
        peer.commons.requests.put_refused(refused.into_iter());
    }
}
