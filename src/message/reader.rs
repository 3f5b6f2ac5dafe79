use super::{deserialize, marker};
use crate::error::Error;
use serde::Deserialize;
use std::fmt;

/// Reads a payload field by field, in the order and with the types it was written.
///
/// Texts and bytes are borrowed from the payload. Every read may fail with [`Error::InvalidData`], whose `offset` is where the value
/// that could not be read begins, counted from the start of the payload; the reader then stays where it was. Nothing panics
/// and no announced length is believed before that many bytes are there, so bytes from anywhere may be read.
///
/// ```
/// use sinew::message::Reader;
///
/// let mut reader = Reader::new(b"\xfc\x70\x11\x01\x00\x05K\xc3\xb6ln\x01");
/// assert_eq!(reader.read_u32()?, 70_000);
/// assert_eq!(reader.read_str()?, "Köln");
/// assert_eq!(reader.read_bool()?, true);
/// reader.finish()?;
/// # Ok::<(), sinew::error::Error>(())
/// ```
#[derive(Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    /// The payload's whole length: offsets are counted from its start.
    len: usize,
}

impl<'a> Reader<'a> {
    pub fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload, len: payload.len() }
    }

    /// The offset of the next byte to read.
    pub fn position(&self) -> usize {
        self.len - self.rest.len()
    }

    /// The number of bytes not read yet.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Checks that everything was read.
    ///
    /// Errors: `InvalidData` when bytes are left over, which mostly means that the two ends disagree about the fields.
    pub fn finish(&self) -> Result<(), Error> {
        match self.remaining() {
            0 => Ok(()),
            left => {
                Err(self.refuse(format!("{left} bytes are left over; read every field that was written, or take the rest with read_raw")))
            }
        }
    }

    pub fn read_bool(&mut self) -> Result<bool, Error> {
        self.zero_or_one("a bool")
    }

    pub fn read_u8(&mut self) -> Result<u8, Error> {
        self.array("a u8").map(u8::from_le_bytes)
    }

    pub fn read_u16(&mut self) -> Result<u16, Error> {
        // `varint` has refused more than two bytes; likewise below.
        self.varint(marker::TWO_BYTES, "a u16").map(|number| number as u16)
    }

    pub fn read_u32(&mut self) -> Result<u32, Error> {
        self.varint(marker::FOUR_BYTES, "a u32").map(|number| number as u32)
    }

    pub fn read_u64(&mut self) -> Result<u64, Error> {
        self.varint(marker::EIGHT_BYTES, "a u64")
    }

    pub fn read_u128(&mut self) -> Result<u128, Error> {
        self.varint_128("a u128")
    }

    pub fn read_i8(&mut self) -> Result<i8, Error> {
        self.array("an i8").map(i8::from_le_bytes)
    }

    pub fn read_i16(&mut self) -> Result<i16, Error> {
        self.varint(marker::TWO_BYTES, "an i16").map(|number| unzigzag(number) as i16)
    }

    pub fn read_i32(&mut self) -> Result<i32, Error> {
        self.varint(marker::FOUR_BYTES, "an i32").map(|number| unzigzag(number) as i32)
    }

    pub fn read_i64(&mut self) -> Result<i64, Error> {
        self.varint(marker::EIGHT_BYTES, "an i64").map(unzigzag)
    }

    pub fn read_i128(&mut self) -> Result<i128, Error> {
        self.varint_128("an i128").map(|number| (number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    /// Every bit is kept, those of a NaN too.
    pub fn read_f32(&mut self) -> Result<f32, Error> {
        self.array("an f32").map(f32::from_le_bytes)
    }

    /// Every bit is kept, those of a NaN too.
    pub fn read_f64(&mut self) -> Result<f64, Error> {
        self.array("an f64").map(f64::from_le_bytes)
    }

    /// One character written without a length.
    pub fn read_char(&mut self) -> Result<char, Error> {
        let width = match self.rest.first() {
            Some(0xc2..=0xdf) => 2,
            Some(0xe0..=0xef) => 3,
            Some(0xf0..=0xf4) => 4,
            _ => 1,
        };
        let (bytes, rest) = self.rest.split_at_checked(width).ok_or_else(|| self.ends("a char", width))?;
        let Some(character) = std::str::from_utf8(bytes).ok().and_then(|text| text.chars().next()) else {
            return Err(self.disagree(format!("the bytes {bytes:02x?} are no UTF-8 character")));
        };
        self.rest = rest;
        Ok(character)
    }

    /// A text with its length in front, borrowed from the payload.
    pub fn read_str(&mut self) -> Result<&'a str, Error> {
        let mut ahead = self.clone();
        let bytes = ahead.counted("a text")?;
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let bad = ahead.position() - bytes.len() + error.valid_up_to();
            self.disagree(format!("a text of {} bytes is not UTF-8 at byte {bad}", bytes.len()))
        })?;
        *self = ahead;
        Ok(text)
    }

    /// Bytes with their length in front, borrowed from the payload.
    pub fn read_bytes(&mut self) -> Result<&'a [u8], Error> {
        let mut ahead = self.clone();
        let bytes = ahead.counted("a run of bytes")?;
        *self = ahead;
        Ok(bytes)
    }

    /// The next `len` bytes, borrowed from the payload.
    pub fn read_raw(&mut self, len: usize) -> Result<&'a [u8], Error> {
        let (bytes, rest) = self.rest.split_at_checked(len).ok_or_else(|| self.ends("a run of raw bytes", len))?;
        self.rest = rest;
        Ok(bytes)
    }

    /// The number of elements in the sequence or map that starts here.
    ///
    /// Never more than [`remaining`](Reader::remaining), since every element takes at least one byte: a forged length is an error
    /// here, before anything is allocated for it.
    ///
    /// ```
    /// # let mut reader = sinew::message::Reader::new(&[2, 10, 20]);
    /// let scores = (0..reader.read_len()?).map(|_| reader.read_u32()).collect::<Result<Vec<_>, _>>()?;
    /// # assert_eq!(scores, [10, 20]);
    /// # Ok::<(), sinew::error::Error>(())
    /// ```
    pub fn read_len(&mut self) -> Result<usize, Error> {
        self.length("a sequence", "elements")
    }

    /// Whether an optional value is present: it follows after `true`.
    pub fn read_some(&mut self) -> Result<bool, Error> {
        self.zero_or_one("the start of an optional value")
    }

    /// An optional value; `read` is called for a present one. When that fails, the reader is before the whole option.
    pub fn read_option<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Error>) -> Result<Option<T>, Error> {
        let mut ahead = self.clone();
        let value = if ahead.read_some()? { Some(read(&mut ahead)?) } else { None };
        *self = ahead;
        Ok(value)
    }

    /// A whole Rust value, exactly as if its fields were read one by one; `&str` and `&[u8]` in it borrow from the payload.
    ///
    /// Errors: `InvalidData`, whose `offset` is that of the innermost value that could not be read. Refused besides malformed data:
    /// sequences, maps, options and enums nested more than 128 deep, for they would exhaust the stack, and types that ask
    /// the data what it holds (`#[serde(untagged)]`, `#[serde(flatten)]`), for it does not say.
    pub fn read<T: Deserialize<'a>>(&mut self) -> Result<T, Error> {
        let (value, ahead) = deserialize::from_reader(self.clone())?;
        *self = ahead;
        Ok(value)
    }

    fn zero_or_one(&mut self, what: &str) -> Result<bool, Error> {
        let (value, rest) = match self.rest {
            [0, rest @ ..] => (false, rest),
            [1, rest @ ..] => (true, rest),
            [other, ..] => return Err(self.disagree(format!("{what} is 0 or 1, not {other}"))),
            [] => return Err(self.ends(what, 1)),
        };
        self.rest = rest;
        Ok(value)
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N], Error> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or_else(|| self.ends(what, N))?;
        self.rest = rest;
        Ok(*bytes)
    }

    /// A number in one of the forms up to `widest`. A longer form than necessary is fine, as it is in bincode.
    fn varint(&mut self, widest: u8, what: &str) -> Result<u64, Error> {
        let (number, rest) = match *self.rest {
            [small @ ..=marker::LAST_SMALL, ref rest @ ..] => (small.into(), rest),
            [marker, ..] if marker > widest => return Err(self.too_wide(marker, what)),
            [marker::TWO_BYTES, a, b, ref rest @ ..] => (u16::from_le_bytes([a, b]).into(), rest),
            [marker::FOUR_BYTES, a, b, c, d, ref rest @ ..] => (u32::from_le_bytes([a, b, c, d]).into(), rest),
            [marker::EIGHT_BYTES, a, b, c, d, e, f, g, h, ref rest @ ..] => (u64::from_le_bytes([a, b, c, d, e, f, g, h]), rest),
            [marker, ..] => return Err(self.ends(what, 1 + width(marker))),
            [] => return Err(self.ends(what, 1)),
        };
        self.rest = rest;
        Ok(number)
    }

    fn varint_128(&mut self, what: &str) -> Result<u128, Error> {
        match self.rest {
            [marker::SIXTEEN_BYTES, number @ ..] => {
                let (number, rest) = number.split_first_chunk().ok_or_else(|| self.ends(what, 17))?;
                self.rest = rest;
                Ok(u128::from_le_bytes(*number))
            }
            // Here 254 cannot come any more, so that only 255 is too wide.
            _ => self.varint(marker::SIXTEEN_BYTES, what).map(u128::from),
        }
    }

    /// A count of things that take at least a byte each, and so at most as many as there are bytes behind it.
    fn length(&mut self, what: &str, unit: &str) -> Result<usize, Error> {
        let mut ahead = self.clone();
        let count = ahead.varint(marker::EIGHT_BYTES, "a length")?;
        let left = ahead.remaining();
        match usize::try_from(count) {
            Ok(count) if count <= left => {
                *self = ahead;
                Ok(count)
            }
            _ => Err(self.disagree(format!("{what} of {count} {unit} is announced, but only {left} bytes follow"))),
        }
    }

    /// A length and that many bytes. Moves on even when the caller refuses the bytes.
    fn counted(&mut self, what: &str) -> Result<&'a [u8], Error> {
        let len = self.length(what, "bytes")?;
        self.read_raw(len)
    }

    #[cold]
    fn ends(&self, what: &str, needed: usize) -> Error {
        self.disagree(format!("{what} takes {needed} bytes here, but {} are left", self.remaining()))
    }

    #[cold]
    fn too_wide(&self, marker: u8, what: &str) -> Error {
        self.disagree(match marker {
            u8::MAX => "the byte 255 begins no number".to_owned(),
            _ => format!("the byte {marker} begins a number of {} bytes, which is more than {what} holds", width(marker)),
        })
    }

    /// The two ends do not agree about the fields, or the bytes did not come from a writer at all.
    #[cold]
    fn disagree(&self, reason: String) -> Error {
        self.refuse(format!("{reason}; read the fields with the types and in the order they were written"))
    }

    #[cold]
    fn refuse(&self, reason: String) -> Error {
        Error::InvalidData { offset: self.position(), reason }
    }
}

/// Where it is, not what it reads: payloads are long and may be private.
impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("position", &self.position()).field("len", &self.len).finish()
    }
}

/// How many bytes follow a marker.
fn width(marker: u8) -> usize {
    2 << (marker - marker::TWO_BYTES)
}

fn unzigzag(number: u64) -> i64 {
    (number >> 1).cast_signed() ^ -(number & 1).cast_signed()
}
