//! Rust types out of a [`Reader`], through serde.
//!
//! bincode decodes the same bytes to the same values (tests/messages.rs compares them), but its limit is fixed at compile time: one that
//! lets every allowed message pass also lets a forged text length allocate gigabytes, and nothing stops nested data from exhausting
//! the stack. Here every length is held against the bytes that are really there, and the depth is counted.

use super::Reader;
use crate::error::Error;
use serde::Deserialize;
use serde::de::value::U32Deserializer;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};
use std::fmt;

/// How deep sequences, maps, options and enums may nest: a type that contains itself does so through one of them. The same number as in serde_json.
const MAX_DEPTH: usize = 128;

/// Reads a value and gives back the reader behind it.
pub(super) fn from_reader<'de, T: Deserialize<'de>>(reader: Reader<'de>) -> Result<(T, Reader<'de>), Error> {
    let start = reader.position();
    let mut decoder = Decoder { reader, depth: 0 };
    match T::deserialize(&mut decoder) {
        Ok(value) => Ok((value, decoder.reader)),
        Err(failure) => Err(failure.into_error(start)),
    }
}

struct Decoder<'de> {
    reader: Reader<'de>,
    depth: usize,
}

impl Decoder<'_> {
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Failure>) -> Result<T, Failure> {
        if self.depth == MAX_DEPTH {
            return Err(Failure::Refused(format!("values are nested more than {MAX_DEPTH} deep; send a flat list instead"))
                .at(self.reader.position()));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }
}

macro_rules! plain {
    ($($deserialize:ident: $read:ident, $visit:ident;)*) => {
        $(fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
            let start = self.reader.position();
            let value = self.reader.$read()?;
            visitor.$visit(value).map_err(|failure: Failure| failure.at(start))
        })*
    };
}

macro_rules! needs_types_in_the_data {
    ($($deserialize:ident)*) => {
        $(fn $deserialize<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Failure> {
            let reason = "this Rust type asks the data what it holds, which the data does not say; \
                read a type without untagged, flattened or internally tagged parts";
            Err(Failure::Refused(reason.to_owned()).at(self.reader.position()))
        })*
    };
}

impl<'de> Deserializer<'de> for &mut Decoder<'de> {
    type Error = Failure;

    plain! {
        deserialize_bool: read_bool, visit_bool;
        deserialize_u8: read_u8, visit_u8;
        deserialize_u16: read_u16, visit_u16;
        deserialize_u32: read_u32, visit_u32;
        deserialize_u64: read_u64, visit_u64;
        deserialize_u128: read_u128, visit_u128;
        deserialize_i8: read_i8, visit_i8;
        deserialize_i16: read_i16, visit_i16;
        deserialize_i32: read_i32, visit_i32;
        deserialize_i64: read_i64, visit_i64;
        deserialize_i128: read_i128, visit_i128;
        deserialize_f32: read_f32, visit_f32;
        deserialize_f64: read_f64, visit_f64;
        deserialize_char: read_char, visit_char;
        deserialize_str: read_str, visit_borrowed_str;
        deserialize_string: read_str, visit_borrowed_str;
        deserialize_bytes: read_bytes, visit_borrowed_bytes;
        deserialize_byte_buf: read_bytes, visit_borrowed_bytes;
    }

    needs_types_in_the_data! { deserialize_any deserialize_identifier deserialize_ignored_any }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let start = self.reader.position();
        self.nested(|this| if this.reader.read_some()? { visitor.visit_some(this) } else { visitor.visit_none() })
            .map_err(|failure| failure.at(start))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let start = self.reader.position();
        self.nested(|this| {
            let left = this.reader.read_len()?;
            visitor.visit_seq(Elements { decoder: this, left })
        })
        .map_err(|failure| failure.at(start))
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        let start = self.reader.position();
        self.nested(|this| {
            let left = this.reader.read_len()?;
            visitor.visit_map(Elements { decoder: this, left })
        })
        .map_err(|failure| failure.at(start))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Failure> {
        let start = self.reader.position();
        visitor.visit_seq(Elements { decoder: self, left: len }).map_err(|failure: Failure| failure.at(start))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _: &'static str, len: usize, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.deserialize_tuple(fields.len(), visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failure> {
        let start = self.reader.position();
        visitor.visit_newtype_struct(self).map_err(|failure: Failure| failure.at(start))
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }

    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Failure> {
        let start = self.reader.position();
        self.nested(|this| visitor.visit_enum(this)).map_err(|failure| failure.at(start))
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

/// The elements of a sequence, the entries of a map or the fields of a struct.
struct Elements<'a, 'de> {
    decoder: &'a mut Decoder<'de>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_, 'de> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Failure> {
        let Some(left) = self.left.checked_sub(1) else { return Ok(None) };
        self.left = left;
        seed.deserialize(&mut *self.decoder).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> MapAccess<'de> for Elements<'_, 'de> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failure> {
        self.next_element_seed(seed)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        seed.deserialize(&mut *self.decoder)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> EnumAccess<'de> for &mut Decoder<'de> {
    type Error = Failure;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Failure> {
        let number = U32Deserializer::<Failure>::new(self.reader.read_u32()?);
        Ok((seed.deserialize(number)?, self))
    }
}

impl<'de> VariantAccess<'de> for &mut Decoder<'de> {
    type Error = Failure;

    fn unit_variant(self) -> Result<(), Failure> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Failure> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_tuple(fields.len(), visitor)
    }
}

/// Why a value could not be read. What a type itself refuses has no offset until the value around it gives it one.
#[derive(Debug)]
enum Failure {
    Read(Error),
    Refused(String),
}

impl Failure {
    /// Places a refusal at the value that begins at `offset`, unless something further in has done so.
    fn at(self, offset: usize) -> Self {
        Failure::Read(self.into_error(offset))
    }

    fn into_error(self, offset: usize) -> Error {
        match self {
            Failure::Read(error) => error,
            Failure::Refused(reason) => Error::InvalidData { offset, reason },
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Read(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Read(error) => error.fmt(f),
            Failure::Refused(reason) => reason.fmt(f),
        }
    }
}

impl std::error::Error for Failure {}

impl serde::de::Error for Failure {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Failure::Refused(message.to_string())
    }
}
