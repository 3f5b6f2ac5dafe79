//! The records of a started TLS 1.3 connection (RFC 8446 §5), sealed and opened from one buffer into another.
//!
//! rustls makes the handshake, the key schedule and every later key, and aws-lc does the cryptography; ours is the five-byte header, the
//! content type, the counting, and what may follow a handshake (key updates, alerts). rustls's own path to and from a socket allocates
//! for each record and copies it twice, which on a fast link costs as much as the encryption.
//! Pure: bytes in, bytes out. What a record carries is not its business.

mod failure;
mod opener;
mod sealer;
#[cfg(test)]
mod tests;

pub use failure::RecordError;
pub use opener::{Opened, Opener};
pub use sealer::Sealer;

use aws_lc_rs::aead::{self, LessSafeKey, UnboundKey};
use parking_lot::Mutex;
use rustls::client::ClientConnectionData;
use rustls::crypto::cipher::{Iv, Nonce};
use rustls::kernel::KernelConnection;
use rustls::server::ServerConnectionData;
use rustls::{ConnectionTrafficSecrets, Error, ExtractedSecrets, SupportedCipherSuite};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Most bytes one record carries (RFC 8446 §5.1).
pub const MAX_PLAIN: usize = 16 * 1024;
/// Bytes of the header: type, version, length.
pub const HEADER: usize = 5;
/// Bytes by which a record of this side is longer than what it carries: header, content type, tag.
pub const OVERHEAD: usize = HEADER + 1 + TAG;

/// Bytes behind the ciphertext, in each of TLS 1.3's suites.
const TAG: usize = 16;
/// Largest length in a header: padding may fill a record up to this (RFC 8446 §5.2).
const MAX_SEALED: usize = MAX_PLAIN + 256;

const HANDSHAKE_NEW_SESSION_TICKET: u8 = 4;
const HANDSHAKE_KEY_UPDATE: u8 = 24;
const UPDATE_NOT_REQUESTED: u8 = 0;
const UPDATE_REQUESTED: u8 = 1;

/// What rustls keeps of a connection after its handshake: it makes the next key of either direction.
pub(super) enum KeySchedule {
    Client(KernelConnection<ClientConnectionData>),
    Server(KernelConnection<ServerConnectionData>),
}

impl KeySchedule {
    fn suite(&self) -> SupportedCipherSuite {
        match self {
            KeySchedule::Client(connection) => connection.negotiated_cipher_suite(),
            KeySchedule::Server(connection) => connection.negotiated_cipher_suite(),
        }
    }

    fn next_to_seal(&mut self) -> Result<(u64, ConnectionTrafficSecrets), Error> {
        match self {
            KeySchedule::Client(connection) => connection.update_tx_secret(),
            KeySchedule::Server(connection) => connection.update_tx_secret(),
        }
    }

    fn next_to_open(&mut self) -> Result<(u64, ConnectionTrafficSecrets), Error> {
        match self {
            KeySchedule::Client(connection) => connection.update_rx_secret(),
            KeySchedule::Server(connection) => connection.update_rx_secret(),
        }
    }
}

/// What both directions of one connection share; touched for a new key alone.
struct Connection {
    schedule: Mutex<KeySchedule>,
    /// The peer has asked this side to change its key, which is due before more data is sealed (RFC 8446 §4.6.3).
    update_requested: AtomicBool,
}

/// Takes over the records of a connection whose handshake is complete.
pub(super) fn take_over(secrets: ExtractedSecrets, schedule: KeySchedule) -> Result<(Sealer, Opener), RecordError> {
    let suite = schedule.suite().tls13().ok_or(RecordError::Key(Error::HandshakeNotComplete))?;
    // Tickets are for clients alone.
    let tickets = matches!(schedule, KeySchedule::Client(_));
    let connection = Arc::new(Connection { schedule: Mutex::new(schedule), update_requested: AtomicBool::new(false) });
    let sealer = Sealer::new(TrafficKey::new(secrets.tx)?, connection.clone(), suite.common.confidentiality_limit);
    Ok((sealer, Opener::new(TrafficKey::new(secrets.rx)?, connection, tickets)))
}

/// The key of one direction.
struct TrafficKey {
    key: LessSafeKey,
    iv: Iv,
    /// The number of the next record, which makes its nonce.
    sequence: u64,
}

impl TrafficKey {
    fn new((sequence, secrets): (u64, ConnectionTrafficSecrets)) -> Result<Self, RecordError> {
        let (algorithm, key, iv) = match secrets {
            ConnectionTrafficSecrets::Aes128Gcm { key, iv } => (&aead::AES_128_GCM, key, iv),
            ConnectionTrafficSecrets::Aes256Gcm { key, iv } => (&aead::AES_256_GCM, key, iv),
            ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv } => (&aead::CHACHA20_POLY1305, key, iv),
            _ => return Err(RecordError::Cipher),
        };
        let key = UnboundKey::new(algorithm, key.as_ref()).map_err(|_| RecordError::Cipher)?;
        Ok(Self { key: LessSafeKey::new(key), iv, sequence })
    }

    /// Each number once: also when what follows fails, and never past the last one (RFC 8446 §5.3).
    fn nonce(&mut self) -> Result<aead::Nonce, RecordError> {
        let next = self.sequence.checked_add(1).ok_or(RecordError::KeyUsedUp)?;
        let nonce = Nonce::new(&self.iv, self.sequence);
        self.sequence = next;
        Ok(aead::Nonce::assume_unique_for_key(nonce.0))
    }
}

impl std::fmt::Debug for TrafficKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrafficKey").field("sequence", &self.sequence).finish_non_exhaustive()
    }
}

impl Connection {
    fn request_update(&self) {
        self.update_requested.store(true, Ordering::Relaxed);
    }
}
