//! The receiving half.

use super::{
    Connection, HANDSHAKE_KEY_UPDATE, HANDSHAKE_NEW_SESSION_TICKET, HEADER, MAX_PLAIN, MAX_SEALED, RecordError, TAG, TrafficKey,
    UPDATE_NOT_REQUESTED, UPDATE_REQUESTED,
};
use aws_lc_rs::aead::Aad;
use rustls::{AlertDescription, ContentType};
use std::sync::Arc;

/// TLS 1.3 calls itself 1.2 in every record (RFC 8446 §5.1).
const VERSION: [u8; 2] = [3, 3];

/// Opens what the other side of a connection has sealed. Records must come completely and in the order in which they arrived.
///
/// After an error the connection is over.
pub struct Opener {
    pub(super) key: TrafficKey,
    connection: Arc<Connection>,
    /// This side is the client, which may be offered session tickets.
    tickets: bool,
    /// Records since the last that carried data.
    without_data: u32,
}

/// What a record was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opened {
    /// So many bytes of data at the front of the buffer; 0 when the record carried none (padding alone, or a session ticket that is of no use).
    Data(usize),
    /// The peer has changed its key. If it asked for a change of ours, [`Sealer::update_due`](super::Sealer::update_due) now says so.
    KeyUpdate,
    /// The peer will send nothing more, and nothing was cut off.
    Closed,
}

impl Opener {
    /// Other implementations end a connection after as many empty records or key updates without data between them.
    pub(super) const MOST_WITHOUT_DATA: u32 = 32;

    pub(super) fn new(key: TrafficKey, connection: Arc<Connection>, tickets: bool) -> Self {
        Self { key, connection, tickets, without_data: 0 }
    }

    /// Length in bytes of the record at the front of `bytes`, its header included; `None` while the header is incomplete.
    ///
    /// An error for whatever begins no encrypted record, or one longer than TLS allows. At most [`HEADER`] + 2^14 + 256.
    pub fn record_len(bytes: &[u8]) -> Result<Option<usize>, RecordError> {
        let Some(&[kind, major, minor, high, low]) = bytes.first_chunk::<HEADER>() else { return Ok(None) };
        if kind != u8::from(ContentType::ApplicationData) {
            return Err(RecordError::NotEncrypted(kind));
        }
        if [major, minor] != VERSION {
            return Err(RecordError::Version(u16::from_be_bytes([major, minor])));
        }
        match usize::from(u16::from_be_bytes([high, low])) {
            length if length > MAX_SEALED => Err(RecordError::TooLong(length)),
            // Not even a tag and a content type.
            length if length <= TAG => Err(RecordError::TooShort(length)),
            length => Ok(Some(HEADER + length)),
        }
    }

    /// Opens one whole record into the front of `out`, which must have room for `record.len() - HEADER - 16` bytes and may be overwritten that far.
    ///
    /// After an error, what is in `out` is nobody's word and must not be used.
    pub fn open(&mut self, record: &[u8], out: &mut [u8]) -> Result<Opened, RecordError> {
        let need = Self::record_len(record)?.unwrap_or(HEADER);
        let (Some((&header, sealed)), true) = (record.split_first_chunk::<HEADER>(), record.len() == need) else {
            return Err(RecordError::Buffer { need, have: record.len() });
        };
        // `record_len` has seen to it that there is more than a tag.
        let (body, tag) = sealed.split_at(sealed.len() - TAG);
        let (need, have) = (body.len(), out.len());
        let plain = out.get_mut(..need).ok_or(RecordError::Buffer { need, have })?;
        let nonce = self.key.nonce()?;
        self.key.key.open_separate_gather(nonce, Aad::from(header), body, tag, plain).map_err(|_| RecordError::Altered)?;

        // Behind the content stands its type, and behind that any number of zeros (RFC 8446 §5.4).
        let end = plain.iter().rposition(|byte| *byte != 0).ok_or(RecordError::Untyped)?;
        let (content, kind) = (&plain[..end], ContentType::from(plain[end]));
        if content.len() > MAX_PLAIN {
            return Err(RecordError::TooMuchInside(content.len()));
        }
        if kind == ContentType::ApplicationData && !content.is_empty() {
            self.without_data = 0;
            return Ok(Opened::Data(content.len()));
        }
        self.without_data += 1;
        if self.without_data > Self::MOST_WITHOUT_DATA {
            return Err(RecordError::TooManyWithoutData);
        }
        match kind {
            ContentType::ApplicationData => Ok(Opened::Data(0)),
            ContentType::Alert => alert(content),
            ContentType::Handshake => self.handshake(content),
            other => Err(RecordError::UnknownContent(other.into())),
        }
    }

    /// What may follow a handshake. Each message is small, so none is worth gathering from several records.
    fn handshake(&mut self, mut messages: &[u8]) -> Result<Opened, RecordError> {
        if messages.is_empty() {
            return Err(RecordError::MalformedHandshake);
        }
        while let Some((&[kind, length @ ..], rest)) = messages.split_first_chunk::<4>() {
            let [high, middle, low] = length;
            let length = u32::from_be_bytes([0, high, middle, low]) as usize;
            let (body, rest) = rest.split_at_checked(length).ok_or(RecordError::MalformedHandshake)?;
            match kind {
                // Every connection proves itself anew, so a ticket is of no use.
                HANDSHAKE_NEW_SESSION_TICKET if self.tickets => messages = rest,
                // Nothing may follow under the old key (RFC 8446 §5.1).
                HANDSHAKE_KEY_UPDATE if rest.is_empty() => return self.update(body),
                HANDSHAKE_KEY_UPDATE => return Err(RecordError::MalformedHandshake),
                other => return Err(RecordError::UnexpectedHandshake(other)),
            }
        }
        if messages.is_empty() { Ok(Opened::Data(0)) } else { Err(RecordError::MalformedHandshake) }
    }

    fn update(&mut self, body: &[u8]) -> Result<Opened, RecordError> {
        let requested = match body {
            [UPDATE_NOT_REQUESTED] => false,
            [UPDATE_REQUESTED] => true,
            _ => return Err(RecordError::MalformedHandshake),
        };
        self.key = TrafficKey::new(self.connection.schedule.lock().next_to_open().map_err(RecordError::Key)?)?;
        if requested {
            self.connection.request_update();
        }
        Ok(Opened::KeyUpdate)
    }
}

/// The level (first byte) says nothing in TLS 1.3: every alert but these two is the end (RFC 8446 §6).
fn alert(content: &[u8]) -> Result<Opened, RecordError> {
    let &[_, description] = content else { return Err(RecordError::MalformedAlert) };
    match AlertDescription::from(description) {
        AlertDescription::CloseNotify => Ok(Opened::Closed),
        // A close follows.
        AlertDescription::UserCanceled => Ok(Opened::Data(0)),
        other => Err(RecordError::Alert(other)),
    }
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener").field("key", &self.key).finish_non_exhaustive()
    }
}
