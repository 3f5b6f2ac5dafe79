//! `SinewReader`: the fields of a payload, one after the other.

use crate::errors::failed;
use godot::prelude::*;
use sinew::{Error, Reader};

/// Reads a payload field by field, in the order in which a [SinewWriter], or a server in another language, wrote them.
///
/// A payload that does not hold what is asked for is an error, never a crash: the method returns 0, false or an empty value, [method get_error] tells what is wrong and at which
/// byte, and everything read afterwards is empty, too. So it is enough to look once at the end: [code]if not reader.is_finished(): …[/code].
#[derive(GodotClass)]
#[class(init, base = RefCounted)]
pub(crate) struct SinewReader {
    base: Base<RefCounted>,
    payload: PackedArray<u8>,
    position: usize,
    error: GString,
}

#[godot_api]
impl SinewReader {
    /// A reader at the start of [param payload], which is shared, not copied.
    #[func]
    fn create(payload: PackedArray<u8>) -> Gd<Self> {
        Gd::from_init_fn(|base| Self { base, payload, position: 0, error: GString::new() })
    }

    /// All has been read, and nothing went wrong.
    #[func]
    fn is_finished(&self) -> bool {
        self.error.is_empty() && self.position == self.payload.len()
    }

    /// What the first failed read found, with the byte at which; empty if nothing failed.
    #[func]
    fn get_error(&self) -> GString {
        self.error.clone()
    }

    /// The byte at which the next field begins.
    #[func]
    fn get_position(&self) -> i64 {
        self.position as i64
    }

    /// The number of bytes that have not been read.
    #[func]
    fn get_remaining(&self) -> i64 {
        (self.payload.len() - self.position) as i64
    }

    /// What [method SinewWriter.write_bool] wrote.
    #[func]
    fn read_bool(&mut self) -> bool {
        self.take(|reader| reader.read_bool())
    }

    /// What [method SinewWriter.write_u8] wrote.
    #[func]
    fn read_u8(&mut self) -> i64 {
        self.take(|reader| reader.read_u8()).into()
    }

    /// What [method SinewWriter.write_u16] wrote.
    #[func]
    fn read_u16(&mut self) -> i64 {
        self.take(|reader| reader.read_u16()).into()
    }

    /// What [method SinewWriter.write_u32] wrote.
    #[func]
    fn read_u32(&mut self) -> i64 {
        self.take(|reader| reader.read_u32()).into()
    }

    /// What [method SinewWriter.write_i8] wrote.
    #[func]
    fn read_i8(&mut self) -> i64 {
        self.take(|reader| reader.read_i8()).into()
    }

    /// What [method SinewWriter.write_i16] wrote.
    #[func]
    fn read_i16(&mut self) -> i64 {
        self.take(|reader| reader.read_i16()).into()
    }

    /// What [method SinewWriter.write_i32] wrote.
    #[func]
    fn read_i32(&mut self) -> i64 {
        self.take(|reader| reader.read_i32()).into()
    }

    /// What [method SinewWriter.write_u64] wrote. What is over 9223372036854775807 is negative in GDScript.
    #[func]
    fn read_u64(&mut self) -> i64 {
        self.take(|reader| reader.read_u64()).cast_signed()
    }

    /// What [method SinewWriter.write_i64] wrote.
    #[func]
    fn read_i64(&mut self) -> i64 {
        self.take(|reader| reader.read_i64())
    }

    /// What [method SinewWriter.write_u128] wrote: the upper and the lower half.
    #[func]
    fn read_u128(&mut self) -> PackedArray<i64> {
        halves(self.take(|reader| reader.read_u128()))
    }

    /// What [method SinewWriter.write_i128] wrote: the upper and the lower half.
    #[func]
    fn read_i128(&mut self) -> PackedArray<i64> {
        halves(self.take(|reader| reader.read_i128()).cast_unsigned())
    }

    /// What [method SinewWriter.write_f32] wrote.
    #[func]
    fn read_f32(&mut self) -> f64 {
        self.take(|reader| reader.read_f32()).into()
    }

    /// What [method SinewWriter.write_f64] wrote.
    #[func]
    fn read_f64(&mut self) -> f64 {
        self.take(|reader| reader.read_f64())
    }

    /// What [method SinewWriter.write_char] wrote.
    #[func]
    fn read_char(&mut self) -> GString {
        self.take(|reader| reader.read_char().map(|character| text(&[character])))
    }

    /// What [method SinewWriter.write_str] wrote. Godot's strings hold no NUL: where text may have some, read it with [method read_bytes].
    #[func]
    fn read_str(&mut self) -> GString {
        self.take(|reader| reader.read_str().map(|read| text(&read.chars().collect::<Vec<_>>())))
    }

    /// What [method SinewWriter.write_bytes] wrote.
    #[func]
    fn read_bytes(&mut self) -> PackedArray<u8> {
        self.take(|reader| reader.read_bytes().map(PackedArray::from))
    }

    /// So many bytes as they are: what [method SinewWriter.write_raw] wrote.
    #[func]
    fn read_raw(&mut self, count: i64) -> PackedArray<u8> {
        self.take(|reader| reader.read_raw(crate::errors::number(count, "number of bytes", "0 or more")?).map(PackedArray::from))
    }

    /// How many elements of an array or dictionary follow: what [method SinewWriter.write_len] wrote. A forged number is no danger by itself: read as many elements, and
    /// stop when [method get_error] is not empty.
    #[func]
    fn read_len(&mut self) -> i64 {
        self.take(|reader| reader.read_len()) as i64
    }

    /// Whether an optional value is there and follows: what [method SinewWriter.write_some] or [method SinewWriter.write_none] wrote.
    #[func]
    fn read_some(&mut self) -> bool {
        self.take(|reader| reader.read_some())
    }
}

impl SinewReader {
    fn take<T: Default>(&mut self, read: impl FnOnce(&mut Reader<'_>) -> Result<T, Error>) -> T {
        if !self.error.is_empty() {
            return T::default();
        }
        let mut reader = Reader::new(&self.payload.as_slice()[self.position..]);
        match read(&mut reader) {
            Ok(value) => {
                self.position += reader.position();
                value
            }
            Err(error) => {
                // The reader began at the field.
                let error = match error {
                    Error::InvalidData { offset, reason } => Error::InvalidData { offset: self.position + offset, reason },
                    other => other,
                };
                self.error = GString::from(&error.to_string());
                failed(error);
                T::default()
            }
        }
    }
}

/// By characters: from UTF-8, Godot leaves out a byte order mark at the beginning.
fn text(characters: &[char]) -> GString {
    GString::from(characters)
}

fn halves(number: u128) -> PackedArray<i64> {
    PackedArray::from([(number >> 64) as i64, number as i64])
}
