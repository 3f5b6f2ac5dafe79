//! The sending half.

use super::{Connection, HANDSHAKE_KEY_UPDATE, HEADER, MAX_PLAIN, OVERHEAD, RecordError, TrafficKey, UPDATE_NOT_REQUESTED};
use aws_lc_rs::aead::Aad;
use rustls::crypto::cipher::make_tls13_aad;
use rustls::{AlertDescription, ContentType};
use std::sync::Arc;
use std::sync::atomic::Ordering;

const ALERT_WARNING: u8 = 1;
const ALERT_FATAL: u8 = 2;

/// Seals what one side of a connection sends. What it has written must reach the peer completely and in this order.
///
/// After an error of any of its functions the connection is over.
pub struct Sealer {
    pub(super) key: TrafficKey,
    connection: Arc<Connection>,
    /// The key is to be changed once it has sealed this many records.
    update_at: u64,
    /// The key seals no more than this many records.
    limit: u64,
}

impl Sealer {
    /// `limit`: how many records a key of this suite may seal.
    pub(super) fn new(key: TrafficKey, connection: Arc<Connection>, limit: u64) -> Self {
        // What is being sealed when the key gets old is far less than this margin.
        Self { key, connection, update_at: limit - limit / 256, limit }
    }

    /// Seals 1 to [`MAX_PLAIN`] bytes into one record at the front of `out`, and returns its length: [`OVERHEAD`] more.
    ///
    /// Errors: [`RecordError::Buffer`] when `plain` or `out` has not the right size, [`RecordError::KeyUsedUp`] when
    /// [`Sealer::update_due`] was not heeded.
    pub fn seal(&mut self, plain: &[u8], out: &mut [u8]) -> Result<usize, RecordError> {
        self.record(ContentType::ApplicationData, plain, out)
    }

    /// Whether [`Sealer::update`] must come before more data: the key is old, or the peer has asked for another.
    pub fn update_due(&self) -> bool {
        self.key.sequence >= self.update_at || self.connection.update_requested.load(Ordering::Relaxed)
    }

    /// Writes the record that announces a new key, and takes that key for all later ones. Returns its length: `OVERHEAD` + 5 bytes.
    pub fn update(&mut self, out: &mut [u8]) -> Result<usize, RecordError> {
        // Before the key is made: a request that comes meanwhile is for the one after it.
        self.connection.update_requested.store(false, Ordering::Relaxed);
        // The peer counts for itself how much its own key has sealed, so nothing is asked of it.
        let message = [HANDSHAKE_KEY_UPDATE, 0, 0, 1, UPDATE_NOT_REQUESTED];
        let written = self.record(ContentType::Handshake, &message, out)?;
        self.key = TrafficKey::new(self.connection.schedule.lock().next_to_seal().map_err(RecordError::Key)?)?;
        Ok(written)
    }

    /// Writes the last record of this direction, which tells the peer that nothing was cut off. Returns its length: `OVERHEAD` + 2 bytes.
    pub fn close(&mut self, out: &mut [u8]) -> Result<usize, RecordError> {
        self.record(ContentType::Alert, &[ALERT_WARNING, AlertDescription::CloseNotify.into()], out)
    }

    /// Writes the record that tells the peer why the connection ends (see [`RecordError::alert`]). Returns its length: `OVERHEAD` + 2 bytes.
    pub fn abort(&mut self, why: AlertDescription, out: &mut [u8]) -> Result<usize, RecordError> {
        self.record(ContentType::Alert, &[ALERT_FATAL, why.into()], out)
    }

    /// Changes the key at the latest after so many records (at least 1); the cipher's own limit stays.
    pub fn update_every(&mut self, records: u64) {
        self.update_at = self.update_at.min(records.max(1));
    }

    fn record(&mut self, content: ContentType, plain: &[u8], out: &mut [u8]) -> Result<usize, RecordError> {
        if plain.is_empty() || plain.len() > MAX_PLAIN {
            return Err(RecordError::Buffer { need: MAX_PLAIN, have: plain.len() });
        }
        let (need, have) = (plain.len() + OVERHEAD, out.len());
        let out = out.get_mut(..need).ok_or(RecordError::Buffer { need, have })?;
        if self.key.sequence >= self.limit {
            return Err(RecordError::KeyUsedUp);
        }
        let nonce = self.key.nonce()?;
        let header = make_tls13_aad(need - HEADER);
        let (front, sealed) = out.split_at_mut(HEADER);
        front.copy_from_slice(&header);
        let (body, tail) = sealed.split_at_mut(plain.len());
        let sealed = self.key.key.seal_out_of_place_scatter(nonce, Aad::from(header), plain, body, &[content.into()], tail);
        sealed.map_err(|_| RecordError::Cipher)?;
        Ok(need)
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").field("key", &self.key).finish_non_exhaustive()
    }
}
