//! bincode 2 `standard()` for the library's own messages. Decoding is always limited: a forged length inside cannot allocate.

use bincode::config::{Configuration, standard};
use bincode::serde::{decode_from_std_read, encode_into_std_write};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Appends the encoding of `value`.
pub(crate) fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) {
    let written = encode_into_std_write(value, out, standard());
    // cannot fail: writing to a Vec does not, and our own message types hold nothing that bincode refuses.
    debug_assert!(written.is_ok(), "{:?}", written.err());
}

/// Reads exactly one value that fills `bytes`; more than `limit` bytes, or bytes left over, are an error.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, String> {
    if bytes.len() > limit {
        return Err(format!("{} bytes, over the limit of {limit}", bytes.len()));
    }
    let mut rest = bytes;
    let value = decode_from_std_read(&mut rest, limited()).map_err(|error| error.to_string())?;
    if rest.is_empty() { Ok(value) } else { Err(format!("{} bytes too many", rest.len())) }
}

/// bincode's own allocation limit: what the longest allowed input could describe, so a forged length fails instead of allocating.
fn limited() -> Configuration<bincode::config::LittleEndian, bincode::config::Varint, bincode::config::Limit<{ 1 << 20 }>> {
    standard().with_limit::<{ 1 << 20 }>()
}
