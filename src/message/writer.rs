use super::marker;
use crate::error::Error;
use bytes::Bytes;
use serde::Serialize;

/// Writes a payload field by field.
///
/// The reader must read the same types in the same order: nothing in the bytes says what they are. Methods return the writer, so
/// calls can be chained or stand alone. Keep one writer and [`clear`](Writer::clear) it to write without allocating.
///
/// ```
/// use sinew::message::Writer;
///
/// let mut writer = Writer::new();
/// writer.write_u32(70_000).write_str("Köln").write_bool(true);
/// assert_eq!(writer.as_slice(), b"\xfc\x70\x11\x01\x00\x05K\xc3\xb6ln\x01");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// An empty writer; allocates with the first byte.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty writer with room for `bytes` bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes) }
    }

    pub fn write_bool(&mut self, value: bool) -> &mut Self {
        self.write_u8(value.into())
    }

    /// One byte as it is.
    pub fn write_u8(&mut self, value: u8) -> &mut Self {
        self.bytes.push(value);
        self
    }

    /// 1 or 3 bytes: small numbers are short, here and in the wider integers.
    pub fn write_u16(&mut self, value: u16) -> &mut Self {
        self.write_u64(value.into())
    }

    /// 1, 3 or 5 bytes.
    pub fn write_u32(&mut self, value: u32) -> &mut Self {
        self.write_u64(value.into())
    }

    /// 1, 3, 5 or 9 bytes.
    pub fn write_u64(&mut self, value: u64) -> &mut Self {
        // The casts keep every bit: each arm's pattern bounds the value.
        match value {
            0..=0xfa => self.bytes.push(value as u8),
            0xfb..=0xffff => self.marked(marker::TWO_BYTES, (value as u16).to_le_bytes()),
            0x1_0000..=0xffff_ffff => self.marked(marker::FOUR_BYTES, (value as u32).to_le_bytes()),
            _ => self.marked(marker::EIGHT_BYTES, value.to_le_bytes()),
        }
        self
    }

    /// 1, 3, 5, 9 or 17 bytes.
    pub fn write_u128(&mut self, value: u128) -> &mut Self {
        match u64::try_from(value) {
            Ok(value) => self.write_u64(value),
            Err(_) => {
                self.marked(marker::SIXTEEN_BYTES, value.to_le_bytes());
                self
            }
        }
    }

    /// One byte as it is (two's complement).
    pub fn write_i8(&mut self, value: i8) -> &mut Self {
        self.write_u8(value.cast_unsigned())
    }

    /// 1 or 3 bytes: numbers close to 0 are short on both sides of it, here and in the wider integers.
    pub fn write_i16(&mut self, value: i16) -> &mut Self {
        self.write_i64(value.into())
    }

    /// 1, 3 or 5 bytes.
    pub fn write_i32(&mut self, value: i32) -> &mut Self {
        self.write_i64(value.into())
    }

    /// 1, 3, 5 or 9 bytes.
    pub fn write_i64(&mut self, value: i64) -> &mut Self {
        self.write_u64((value << 1 ^ value >> 63).cast_unsigned())
    }

    /// 1, 3, 5, 9 or 17 bytes.
    pub fn write_i128(&mut self, value: i128) -> &mut Self {
        self.write_u128((value << 1 ^ value >> 127).cast_unsigned())
    }

    /// 4 bytes; every bit is kept, those of a NaN too.
    pub fn write_f32(&mut self, value: f32) -> &mut Self {
        self.write_raw(&value.to_le_bytes())
    }

    /// 8 bytes; every bit is kept, those of a NaN too.
    pub fn write_f64(&mut self, value: f64) -> &mut Self {
        self.write_raw(&value.to_le_bytes())
    }

    /// One character as 1 to 4 bytes of UTF-8, without a length.
    pub fn write_char(&mut self, value: char) -> &mut Self {
        self.write_raw(value.encode_utf8(&mut [0; 4]).as_bytes())
    }

    /// The number of UTF-8 bytes, then the bytes.
    pub fn write_str(&mut self, value: &str) -> &mut Self {
        self.write_bytes(value.as_bytes())
    }

    /// The number of bytes, then the bytes: what Rust reads as `Vec<u8>` or `&[u8]`.
    pub fn write_bytes(&mut self, value: &[u8]) -> &mut Self {
        self.write_len(value.len()).write_raw(value)
    }

    /// The bytes alone: what Rust reads as `[u8; N]`. Also appends what another writer wrote.
    pub fn write_raw(&mut self, value: &[u8]) -> &mut Self {
        self.bytes.extend_from_slice(value);
        self
    }

    /// Starts a sequence or map: `count` elements follow (for a map, a key and then a value each).
    pub fn write_len(&mut self, count: usize) -> &mut Self {
        self.write_u64(count as u64)
    }

    /// An absent optional value.
    pub fn write_none(&mut self) -> &mut Self {
        self.write_u8(0)
    }

    /// Starts a present optional value: the value follows.
    pub fn write_some(&mut self) -> &mut Self {
        self.write_u8(1)
    }

    /// An optional value; `write` is called for a present one.
    ///
    /// ```
    /// # let mut writer = sinew::message::Writer::new();
    /// let target: Option<u32> = Some(7);
    /// writer.write_option(target, |writer, id| {
    ///     writer.write_u32(id);
    /// });
    /// # assert_eq!(writer.as_slice(), [1, 7]);
    /// ```
    pub fn write_option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) -> &mut Self {
        match value {
            None => self.write_none(),
            Some(value) => {
                write(self.write_some(), value);
                self
            }
        }
    }

    /// A whole Rust value, exactly as if its fields were written one by one.
    ///
    /// Errors: `InvalidArgument` when the type refuses to be serialized or gives a sequence without its length; nothing is written then.
    pub fn write<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<&mut Self, Error> {
        let start = self.bytes.len();
        match bincode::serde::encode_into_std_write(value, &mut self.bytes, bincode::config::standard()) {
            Ok(_) => Ok(self),
            Err(error) => {
                self.bytes.truncate(start);
                let name = std::any::type_name::<T>();
                Err(Error::InvalidArgument(format!("a value of type `{name}` cannot be written ({error}); change how it is serialized")))
            }
        }
    }

    /// What was written so far.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, without copying.
    pub fn into_vec(self) -> Vec<u8> {
        self.bytes
    }

    /// The number of bytes written so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Forgets what was written and keeps the memory for the next payload.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    fn marked<const N: usize>(&mut self, marker: u8, number: [u8; N]) {
        self.bytes.reserve(1 + N);
        self.bytes.push(marker);
        self.bytes.extend_from_slice(&number);
    }
}

/// Goes on writing behind the bytes that are there.
impl From<Vec<u8>> for Writer {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }
}

impl From<Writer> for Bytes {
    fn from(writer: Writer) -> Self {
        writer.bytes.into()
    }
}

impl AsRef<[u8]> for Writer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}
