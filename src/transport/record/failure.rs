//! Why a record cannot be sealed or opened. Either way the connection is over.

use super::{MAX_PLAIN, MAX_SEALED, Opener};
use rustls::{AlertDescription, Error};

/// Why a record was not sealed or not opened: a sentence for the log, about the peer where it is its fault.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    #[error("a record that was altered on the way or is not the peer's")]
    Altered,
    #[error("a record of type {0:#04x}, where only encrypted ones may come")]
    NotEncrypted(u8),
    #[error("a record of the TLS version {0:#06x}, where only 0x0303 may come")]
    Version(u16),
    #[error("a record of {0} bytes, over TLS's limit of {limit}", limit = MAX_SEALED)]
    TooLong(usize),
    #[error("a record of {0} bytes, too short to be encrypted")]
    TooShort(usize),
    #[error("a record that carries {0} bytes, over TLS's limit of {limit}", limit = MAX_PLAIN)]
    TooMuchInside(usize),
    #[error("an encrypted record without a content type")]
    Untyped,
    #[error("an encrypted record of the unknown content type {0:#04x}")]
    UnknownContent(u8),
    #[error("an alert that is none")]
    MalformedAlert,
    #[error("its TLS ended the connection with the alert {0:?}")]
    Alert(AlertDescription),
    #[error("a handshake message of type {0} on a started connection")]
    UnexpectedHandshake(u8),
    #[error("a handshake message that is cut off, malformed, or spread over several records")]
    MalformedHandshake,
    #[error("more than {limit} records in a row without data", limit = Opener::MOST_WITHOUT_DATA)]
    TooManyWithoutData,
    #[error("the key has sealed as many records as is safe")]
    KeyUsedUp,
    #[error("no new key could be made: {0}")]
    Key(Error),
    #[error("the cipher failed")]
    Cipher,
    /// A mistake of the caller: a whole record and room for what comes out of it were needed.
    #[error("a buffer of {have} bytes where {need} are needed")]
    Buffer { need: usize, have: usize },
}

impl RecordError {
    /// What the peer is told about its record; `None` where the fault is not the peer's, or it has ended the connection itself.
    pub fn alert(&self) -> Option<AlertDescription> {
        Some(match self {
            RecordError::Altered => AlertDescription::BadRecordMac,
            RecordError::TooLong(_) | RecordError::TooMuchInside(_) => AlertDescription::RecordOverflow,
            RecordError::NotEncrypted(_) | RecordError::Untyped | RecordError::UnknownContent(_) => AlertDescription::UnexpectedMessage,
            RecordError::UnexpectedHandshake(_) | RecordError::TooManyWithoutData => AlertDescription::UnexpectedMessage,
            RecordError::Version(_) | RecordError::TooShort(_) => AlertDescription::DecodeError,
            RecordError::MalformedAlert | RecordError::MalformedHandshake => AlertDescription::DecodeError,
            RecordError::KeyUsedUp | RecordError::Key(_) | RecordError::Cipher => AlertDescription::InternalError,
            RecordError::Alert(_) | RecordError::Buffer { .. } => return None,
        })
    }
}

/// Data that makes no sense, as the standard library calls it; [`explain_io`](crate::transport::tls::explain_io) finds the sentence again.
impl From<RecordError> for std::io::Error {
    fn from(error: RecordError) -> Self {
        Self::new(std::io::ErrorKind::InvalidData, error)
    }
}
