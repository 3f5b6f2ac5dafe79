//! The one place where Sinew's own messages become bytes: bincode 2 `standard()` through serde, always size-limited.

use bincode::config::{Configuration, LittleEndian, Varint};
use serde::{Serialize, de::DeserializeOwned};

/// Why bytes are not the message they should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error("{len} bytes are over the limit of {limit}")]
    TooLong { len: usize, limit: usize },
    #[error("malformed: {0}")]
    Malformed(String),
    #[error("{0} bytes are left over after the message")]
    Trailing(usize),
}

/// Appends `value` to `out`.
///
/// Panics only if `T`'s own `Serialize` refuses, which no message type of Sinew does.
pub(crate) fn encode<T: Serialize>(value: &T, out: &mut Vec<u8>) {
    // cannot fail: a Vec takes every byte, and our own message types always serialize
    bincode::serde::encode_into_std_write(value, out, bincode::config::standard()).expect("a message");
}

/// Reads one `T` that fills `bytes` exactly. `limit` is in bytes of the encoded message.
///
/// A forged length inside the message cannot allocate more than a small multiple of what was really received.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8], limit: usize) -> Result<T, DecodeError> {
    if bytes.len() > limit {
        return Err(DecodeError::TooLong { len: bytes.len(), limit });
    }
    // bincode charges a number its full width (16 bytes for a u128) where the wire has one byte, so an honest message may be
    // charged 16 times its length. Its limit is a constant of the type, hence the steps.
    match bytes.len().saturating_mul(16) {
        0..=0x400 => step::<T, 0x400>(bytes),
        0x401..=0x1000 => step::<T, 0x1000>(bytes),
        0x1001..=0x4000 => step::<T, 0x4000>(bytes),
        0x4001..=0x1_0000 => step::<T, 0x1_0000>(bytes),
        0x1_0001..=0x10_0000 => step::<T, 0x10_0000>(bytes),
        0x10_0001..=0x100_0000 => step::<T, 0x100_0000>(bytes),
        _ => step::<T, 0x1000_0000>(bytes),
    }
}

fn step<T: DeserializeOwned, const LIMIT: usize>(bytes: &[u8]) -> Result<T, DecodeError> {
    let config = bincode::config::standard().with_limit::<LIMIT>();
    let (value, used) = bincode::serde::decode_from_slice(bytes, config).map_err(|e| DecodeError::Malformed(e.to_string()))?;
    match bytes.len() - used {
        0 => Ok(value),
        left => Err(DecodeError::Trailing(left)),
    }
}

// `standard()` is a promise of our wire format: should a bincode release change it, this stops compiling.
const _: Configuration<LittleEndian, Varint> = bincode::config::standard();

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_message_fills_its_bytes_exactly() {
        let mut bytes = Vec::new();
        encode(&(1u16, "abc".to_string()), &mut bytes);
        assert_eq!(bytes, [1, 3, b'a', b'b', b'c']);
        assert_eq!(decode::<(u16, String)>(&bytes, 100), Ok((1, "abc".into())));
        assert_eq!(decode::<(u16, String)>(&bytes, 4), Err(DecodeError::TooLong { len: 5, limit: 4 }));
        bytes.push(0);
        assert_eq!(decode::<(u16, String)>(&bytes, 100), Err(DecodeError::Trailing(1)));
        assert!(matches!(decode::<(u16, String)>(&bytes[..3], 100), Err(DecodeError::Malformed(_))));
    }

    #[test]
    fn a_forged_length_is_refused_before_memory_is_taken() {
        // 0xfd announces a u64: a string of 2^63 bytes.
        let forged = [0xfd, 0, 0, 0, 0, 0, 0, 0, 0x80];
        assert!(matches!(decode::<String>(&forged, 1 << 16), Err(DecodeError::Malformed(_))));
        assert!(matches!(decode::<Vec<u64>>(&forged, 1 << 16), Err(DecodeError::Malformed(_))));
    }

    proptest! {
        #[test]
        fn whatever_is_written_is_read(numbers: Vec<u128>, map: BTreeMap<String, Vec<u8>>, flag: Option<bool>) {
            let value = (numbers, map, flag);
            let mut bytes = Vec::new();
            encode(&value, &mut bytes);
            prop_assert_eq!(decode(&bytes, usize::MAX), Ok(value));
        }

        #[test]
        fn garbage_is_an_error_or_a_value_but_never_a_panic(bytes: Vec<u8>) {
            let _ = decode::<(u64, BTreeMap<String, Vec<String>>)>(&bytes, 1 << 16);
        }
    }
}
