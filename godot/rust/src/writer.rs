//! `SinewWriter`: payloads field by field, readable in every language.

use crate::errors::{failed, last, number, told};
use crate::remote::SinewRemoteServer;
use godot::prelude::*;
use sinew::{Error, Writer};
use std::cell::RefCell;

/// Writes a payload field by field, in the encoding that servers in all languages share.
///
/// The methods return the writer, so that calls can be chained: [code]SinewWriter.new().write_u32(7).write_str("hello").to_bytes()[/code]. A [SinewReader] reads the same
/// fields in the same order. A value that does not fit its field writes nothing, and is told by [method get_error].
#[derive(GodotClass)]
#[class(init, base = RefCounted)]
pub(crate) struct SinewWriter {
    base: Base<RefCounted>,
    writer: RefCell<Writer>,
    error: RefCell<String>,
}

#[godot_api]
impl SinewWriter {
    /// What was written so far.
    #[func]
    fn to_bytes(&self) -> PackedArray<u8> {
        PackedArray::from(self.writer.borrow().as_slice())
    }

    /// The number of bytes written so far.
    #[func]
    fn size(&self) -> i64 {
        self.writer.borrow().len() as i64
    }

    /// Forgets what was written, and the error, and keeps the memory for the next payload.
    #[func(gd_self)]
    fn clear(this: Gd<Self>) -> Gd<Self> {
        this.bind().writer.borrow_mut().clear();
        this.bind().error.borrow_mut().clear();
        this
    }

    /// The first value that could not be written, and why; empty if all have been.
    #[func]
    fn get_error(&self) -> GString {
        GString::from(&*self.error.borrow())
    }

    /// Sends what was written: see [method SinewRemoteServer.send]. [constant ERR_INVALID_DATA] if a value could not be written: nothing is sent then.
    #[func]
    fn send_to(&self, remote: Gd<SinewRemoteServer>, tag: i64, #[opt(default = 0)] mode: i64) -> godot::global::Error {
        if !self.error.borrow().is_empty() {
            return failed(Error::InvalidData { offset: self.writer.borrow().len(), reason: self.error.borrow().clone() });
        }
        told(remote.bind().try_send(tag, self.writer.borrow().as_slice(), mode))
    }

    /// 1 byte.
    #[func(gd_self)]
    fn write_bool(this: Gd<Self>, value: bool) -> Gd<Self> {
        Self::put(this, |writer| Ok(writer.write_bool(value)))
    }

    /// A number from 0 to 255: 1 byte.
    #[func(gd_self)]
    fn write_u8(this: Gd<Self>, value: i64) -> Gd<Self> {
        Self::put(this, |writer| Ok(writer.write_u8(number(value, "u8", "0 to 255")?)))
    }

    /// A number from 0 to 65535: 1 or 3 bytes.
    #[func(gd_self)]
    fn write_u16(this: Gd<Self>, value: i64) -> Gd<Self> {
        Self::put(this, |writer| Ok(writer.write_u16(number(value, "u16", "0 to 65535")?)))
    }

    /// A number from 0 to 4294967295: 1, 3 or 5 bytes.
    #[func(gd_self)]
    fn write_u32(this: Gd<Self>, value: i64) -> Gd<Self> {
        Self::put(this, |writer| Ok(writer.write_u32(number(value, "u32", "0 to 4294967295")?)))
    }

    /// A number from -128 to 127: 1 byte.
    #[func(gd_self)]
    fn write_i8(this: Gd<Self>, value: i64) -> Gd<Self> {
        Self::put(this, |writer| Ok(writer.write_i8(number(value, "i8", "-128 to 127")?)))
    }

    /// A number from -32768 to 32767: 1 or 3 bytes.
    #[func(gd_self)]
    fn write_i16(this: Gd<Self>, value: i64) -> Gd<Self> {
        Self::put(this, |writer| Ok(writer.write_i16(number(value, "i16", "-32768 to 32767")?)))
    }

    /// A number from -2147483648 to 2147483647: 1, 3 or 5 bytes.
    #[func(gd_self)]
    fn write_i32(this: Gd<Self>, value: i64) -> Gd<Self> {
        Self::put(this, |writer| Ok(writer.write_i32(number(value, "i32", "-2147483648 to 2147483647")?)))
    }

    /// A number of 64 bits without a sign: 1 to 9 bytes. What is over 9223372036854775807 is negative in GDScript, and is written as what it stands for.
    #[func(gd_self)]
    fn write_u64(this: Gd<Self>, value: i64) -> Gd<Self> {
        Self::put(this, |writer| Ok(writer.write_u64(value.cast_unsigned())))
    }

    /// Any [int]: 1 to 9 bytes.
    #[func(gd_self)]
    fn write_i64(this: Gd<Self>, value: i64) -> Gd<Self> {
        Self::put(this, |writer| Ok(writer.write_i64(value)))
    }

    /// A number of 128 bits without a sign, as its upper and its lower half: 1 to 17 bytes.
    #[func(gd_self)]
    fn write_u128(this: Gd<Self>, high: i64, low: i64) -> Gd<Self> {
        Self::put(this, |writer| Ok(writer.write_u128(join(high, low))))
    }

    /// A number of 128 bits with a sign, as its upper and its lower half: 1 to 17 bytes.
    #[func(gd_self)]
    fn write_i128(this: Gd<Self>, high: i64, low: i64) -> Gd<Self> {
        Self::put(this, |writer| Ok(writer.write_i128(join(high, low).cast_signed())))
    }

    /// 4 bytes; of a [float] only as much as these hold.
    #[func(gd_self)]
    fn write_f32(this: Gd<Self>, value: f64) -> Gd<Self> {
        Self::put(this, |writer| Ok(writer.write_f32(value as f32)))
    }

    /// A [float]: 8 bytes.
    #[func(gd_self)]
    fn write_f64(this: Gd<Self>, value: f64) -> Gd<Self> {
        Self::put(this, |writer| Ok(writer.write_f64(value)))
    }

    /// One character: 1 to 4 bytes.
    #[func(gd_self)]
    fn write_char(this: Gd<Self>, value: GString) -> Gd<Self> {
        Self::put(this, |writer| match *value.chars() {
            [character] => Ok(writer.write_char(character)),
            _ => Err(Error::InvalidArgument(format!("{value:?} is not one character"))),
        })
    }

    /// Text: the number of its bytes in UTF-8, then these.
    #[func(gd_self)]
    fn write_str(this: Gd<Self>, value: GString) -> Gd<Self> {
        Self::put(this, |writer| Ok(writer.write_str(&value.to_string())))
    }

    /// The number of bytes, then these.
    #[func(gd_self)]
    fn write_bytes(this: Gd<Self>, value: PackedArray<u8>) -> Gd<Self> {
        Self::put(this, |writer| Ok(writer.write_bytes(value.as_slice())))
    }

    /// The bytes alone; also appends what another writer wrote.
    #[func(gd_self)]
    fn write_raw(this: Gd<Self>, value: PackedArray<u8>) -> Gd<Self> {
        Self::put(this, |writer| Ok(writer.write_raw(value.as_slice())))
    }

    /// Starts an array or dictionary: [param count] elements follow (for a dictionary, a key and then a value each).
    #[func(gd_self)]
    fn write_len(this: Gd<Self>, count: i64) -> Gd<Self> {
        Self::put(this, |writer| Ok(writer.write_len(number(count, "length", "0 or more")?)))
    }

    /// An optional value that is absent: 1 byte.
    #[func(gd_self)]
    fn write_none(this: Gd<Self>) -> Gd<Self> {
        Self::put(this, |writer| Ok(writer.write_none()))
    }

    /// Starts an optional value that is there: 1 byte; the value follows.
    #[func(gd_self)]
    fn write_some(this: Gd<Self>) -> Gd<Self> {
        Self::put(this, |writer| Ok(writer.write_some()))
    }
}

impl SinewWriter {
    fn put(this: Gd<Self>, write: impl FnOnce(&mut Writer) -> Result<&mut Writer, Error>) -> Gd<Self> {
        {
            let writer = this.bind();
            let written = write(&mut writer.writer.borrow_mut()).map(|_| ());
            if let Err(error) = written {
                failed(error);
                let mut first = writer.error.borrow_mut();
                if first.is_empty() {
                    *first = last();
                }
            }
        }
        this
    }
}

fn join(high: i64, low: i64) -> u128 {
    u128::from(high.cast_unsigned()) << 64 | u128::from(low.cast_unsigned())
}
