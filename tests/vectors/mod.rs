//! The shared vectors, held against Writer, Reader and bincode. docs/messages.md describes their format.

use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeSeq, SerializeTuple, Serializer};
use serde_json::Value;
use sinew::error::Error;
use sinew::message::{Reader, Writer};
use std::fmt;

const WRITTEN: &str = include_str!("written.json");
const READABLE: &str = include_str!("readable.json");
const REJECTED: &str = include_str!("rejected.json");

#[test]
fn the_writer_gives_each_vectors_bytes() {
    for vector in load(WRITTEN) {
        let mut writer = Writer::new();
        Op::Fields(vector.ops).write(&mut writer);
        assert_eq!(to_hex(writer.as_slice()), to_hex(&vector.bytes), "{}", vector.name);
    }
}

#[test]
fn the_reader_gives_each_vectors_values() {
    for vector in load(WRITTEN).into_iter().chain(load(READABLE)) {
        let mut reader = Reader::new(&vector.bytes);
        let expected = Op::Fields(vector.ops);
        let found = expected.read(&mut reader).unwrap_or_else(|error| panic!("{}: {error}", vector.name));
        assert_eq!(found, expected, "{}", vector.name);
        reader.finish().unwrap_or_else(|error| panic!("{}: {error}", vector.name));
    }
}

#[test]
fn bincode_and_serde_agree_with_each_vector() {
    for vector in load(WRITTEN) {
        let fields = Op::Fields(vector.ops);
        let encoded = bincode::serde::encode_to_vec(&fields, bincode::config::standard()).expect(&vector.name);
        assert_eq!(to_hex(&encoded), to_hex(&vector.bytes), "{}", vector.name);
        let mut writer = Writer::new();
        writer.write(&fields).expect(&vector.name);
        assert_eq!(to_hex(writer.as_slice()), to_hex(&vector.bytes), "{}", vector.name);
    }
    for vector in load(WRITTEN).into_iter().chain(load(READABLE)) {
        let fields = Op::Fields(vector.ops);
        let (decoded, used) =
            bincode::serde::seed_decode_from_slice(&fields, &vector.bytes, bincode::config::standard()).expect(&vector.name);
        assert_eq!((decoded, used), (fields, vector.bytes.len()), "{}", vector.name);
    }
}

#[test]
fn what_must_be_refused_is_refused_at_its_offset() {
    for vector in load(REJECTED) {
        let name = &vector.name;
        let mut reader = Reader::new(&vector.bytes);
        let before = Op::Fields(vector.ops);
        assert_eq!(before.read(&mut reader).expect(name), before, "{name}");
        let position = reader.position();

        let error = vector.fails.as_ref().expect("a rejected vector names the read that fails").read(&mut reader).expect_err(name);

        let text = error.to_string();
        let Error::InvalidData { offset, .. } = error else { panic!("{name}: {error:?}") };
        assert_eq!(Some(offset), vector.offset, "{name}: {text}");
        assert!(text.contains(&format!("byte {offset}:")), "{name}: the text names no offset: {text}");
        assert_eq!(reader.position(), position, "{name}: a failed read moved the reader");
    }
}

#[test]
fn bincode_refuses_them_too() {
    // Without a limit, bincode would try to allocate the forged lengths.
    let config = bincode::config::standard().with_limit::<4096>();
    for vector in load(REJECTED) {
        let name = &vector.name;
        let (_, used) = bincode::serde::seed_decode_from_slice(&Op::Fields(vector.ops), &vector.bytes, config).expect(name);
        match vector.fails.expect("a rejected vector names the read that fails") {
            Op::Finish => assert!(used < vector.bytes.len(), "{name}"),
            op => {
                let decoded = bincode::serde::seed_decode_from_slice(&op, &vector.bytes[used..], config);
                assert!(decoded.is_err(), "{name}: bincode gives {decoded:?}");
            }
        }
    }
}

#[test]
fn the_page_shows_the_worked_example_as_it_is() {
    let example = load(WRITTEN).into_iter().find(|vector| vector.name == "worked example").expect("the vector of that name");
    let page = include_str!("../../docs/messages.md");
    let shown: String = page
        .lines()
        .skip_while(|line| !line.starts_with("| bytes | "))
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .filter_map(|line| line.split('`').nth(1))
        .flat_map(str::split_whitespace)
        .collect();
    assert_eq!(shown, to_hex(&example.bytes));
}

struct Vector {
    name: String,
    ops: Vec<Op>,
    bytes: Vec<u8>,
    fails: Option<Op>,
    offset: Option<usize>,
}

/// One step of a vector. Floats are kept as their bits, so that a NaN equals itself.
#[derive(Debug, Clone, PartialEq)]
enum Op {
    Bool(bool),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    U128(u128),
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    I128(i128),
    F32(u32),
    F64(u64),
    Char(char),
    Str(String),
    Bytes(Vec<u8>),
    Raw(Vec<u8>),
    Option(Option<Box<Op>>),
    Seq(Vec<Op>),
    /// What stands in a vector, an element or an option: values one after the other.
    Fields(Vec<Op>),
    /// Only among what fails.
    Some,
    Len,
    Finish,
}

impl Op {
    fn write(&self, writer: &mut Writer) {
        match self {
            Op::Bool(value) => writer.write_bool(*value),
            Op::U8(value) => writer.write_u8(*value),
            Op::U16(value) => writer.write_u16(*value),
            Op::U32(value) => writer.write_u32(*value),
            Op::U64(value) => writer.write_u64(*value),
            Op::U128(value) => writer.write_u128(*value),
            Op::I8(value) => writer.write_i8(*value),
            Op::I16(value) => writer.write_i16(*value),
            Op::I32(value) => writer.write_i32(*value),
            Op::I64(value) => writer.write_i64(*value),
            Op::I128(value) => writer.write_i128(*value),
            Op::F32(bits) => writer.write_f32(f32::from_bits(*bits)),
            Op::F64(bits) => writer.write_f64(f64::from_bits(*bits)),
            Op::Char(value) => writer.write_char(*value),
            Op::Str(value) => writer.write_str(value),
            Op::Bytes(value) => writer.write_bytes(value),
            Op::Raw(value) => writer.write_raw(value),
            Op::Option(value) => writer.write_option(value.as_ref(), |writer, value| value.write(writer)),
            Op::Seq(elements) => {
                writer.write_len(elements.len());
                elements.iter().for_each(|element| element.write(writer));
                writer
            }
            Op::Fields(fields) => {
                fields.iter().for_each(|field| field.write(writer));
                writer
            }
            Op::Some | Op::Len | Op::Finish => panic!("{self:?} stands only among what fails"),
        };
    }

    /// Reads what this value's shape asks for.
    fn read(&self, reader: &mut Reader<'_>) -> Result<Op, Error> {
        Ok(match self {
            Op::Bool(_) => Op::Bool(reader.read_bool()?),
            Op::U8(_) => Op::U8(reader.read_u8()?),
            Op::U16(_) => Op::U16(reader.read_u16()?),
            Op::U32(_) => Op::U32(reader.read_u32()?),
            Op::U64(_) => Op::U64(reader.read_u64()?),
            Op::U128(_) => Op::U128(reader.read_u128()?),
            Op::I8(_) => Op::I8(reader.read_i8()?),
            Op::I16(_) => Op::I16(reader.read_i16()?),
            Op::I32(_) => Op::I32(reader.read_i32()?),
            Op::I64(_) => Op::I64(reader.read_i64()?),
            Op::I128(_) => Op::I128(reader.read_i128()?),
            Op::F32(_) => Op::F32(reader.read_f32()?.to_bits()),
            Op::F64(_) => Op::F64(reader.read_f64()?.to_bits()),
            Op::Char(_) => Op::Char(reader.read_char()?),
            Op::Str(_) => Op::Str(reader.read_str()?.to_owned()),
            Op::Bytes(_) => Op::Bytes(reader.read_bytes()?.to_owned()),
            Op::Raw(value) => Op::Raw(reader.read_raw(value.len())?.to_owned()),
            Op::Option(Some(value)) => Op::Option(reader.read_option(|reader| value.read(reader))?.map(Box::new)),
            Op::Option(None) => {
                assert!(!reader.read_some()?, "a value where there should be none");
                Op::Option(None)
            }
            Op::Seq(elements) => {
                assert_eq!(reader.read_len()?, elements.len());
                Op::Seq(elements.iter().map(|element| element.read(reader)).collect::<Result<_, _>>()?)
            }
            Op::Fields(fields) => Op::Fields(fields.iter().map(|field| field.read(reader)).collect::<Result<_, _>>()?),
            Op::Some => reader.read_some().map(|_| Op::Some)?,
            Op::Len => reader.read_len().map(|_| Op::Len)?,
            Op::Finish => reader.finish().map(|_| Op::Finish)?,
        })
    }
}

impl Serialize for Op {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Op::Bool(value) => value.serialize(serializer),
            Op::U8(value) => value.serialize(serializer),
            Op::U16(value) => value.serialize(serializer),
            Op::U32(value) => value.serialize(serializer),
            Op::U64(value) => value.serialize(serializer),
            Op::U128(value) => value.serialize(serializer),
            Op::I8(value) => value.serialize(serializer),
            Op::I16(value) => value.serialize(serializer),
            Op::I32(value) => value.serialize(serializer),
            Op::I64(value) => value.serialize(serializer),
            Op::I128(value) => value.serialize(serializer),
            Op::F32(bits) => f32::from_bits(*bits).serialize(serializer),
            Op::F64(bits) => f64::from_bits(*bits).serialize(serializer),
            Op::Char(value) => value.serialize(serializer),
            Op::Str(value) => value.serialize(serializer),
            Op::Bytes(value) => value.serialize(serializer),
            Op::Raw(value) => tuple(value, serializer),
            Op::Option(value) => value.serialize(serializer),
            Op::Seq(elements) => {
                let mut sequence = serializer.serialize_seq(Some(elements.len()))?;
                elements.iter().try_for_each(|element| sequence.serialize_element(element))?;
                sequence.end()
            }
            Op::Fields(fields) => tuple(fields, serializer),
            Op::Some | Op::Len | Op::Finish => Err(serde::ser::Error::custom("stands only among what fails")),
        }
    }
}

fn tuple<S: Serializer>(fields: &[impl Serialize], serializer: S) -> Result<S::Ok, S::Error> {
    let mut tuple = serializer.serialize_tuple(fields.len())?;
    fields.iter().try_for_each(|field| tuple.serialize_element(field))?;
    tuple.end()
}

/// The same as [`Op::read`], through serde.
impl<'de> DeserializeSeed<'de> for &Op {
    type Value = Op;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Op, D::Error> {
        use serde::Deserialize as De;
        Ok(match self {
            Op::Bool(_) => Op::Bool(De::deserialize(deserializer)?),
            Op::U8(_) => Op::U8(De::deserialize(deserializer)?),
            Op::U16(_) => Op::U16(De::deserialize(deserializer)?),
            Op::U32(_) => Op::U32(De::deserialize(deserializer)?),
            Op::U64(_) => Op::U64(De::deserialize(deserializer)?),
            Op::U128(_) => Op::U128(De::deserialize(deserializer)?),
            Op::I8(_) => Op::I8(De::deserialize(deserializer)?),
            Op::I16(_) => Op::I16(De::deserialize(deserializer)?),
            Op::I32(_) => Op::I32(De::deserialize(deserializer)?),
            Op::I64(_) => Op::I64(De::deserialize(deserializer)?),
            Op::I128(_) => Op::I128(De::deserialize(deserializer)?),
            Op::F32(_) => Op::F32(f32::deserialize(deserializer)?.to_bits()),
            Op::F64(_) => Op::F64(f64::deserialize(deserializer)?.to_bits()),
            Op::Char(_) => Op::Char(De::deserialize(deserializer)?),
            Op::Str(_) => Op::Str(De::deserialize(deserializer)?),
            Op::Bytes(_) | Op::Len => Op::Bytes(De::deserialize(deserializer)?),
            Op::Some => Op::Option(Option::<()>::deserialize(deserializer)?.map(|_| Box::new(Op::Some))),
            Op::Raw(value) => {
                let bytes = deserializer.deserialize_tuple(value.len(), Each(&vec![Op::U8(0); value.len()]))?;
                Op::Raw(bytes.into_iter().map(|byte| if let Op::U8(byte) = byte { byte } else { unreachable!() }).collect())
            }
            Op::Option(shape) => deserializer.deserialize_option(Optional(shape.as_deref()))?,
            Op::Seq(elements) => Op::Seq(deserializer.deserialize_seq(Each(elements))?),
            Op::Fields(fields) => Op::Fields(deserializer.deserialize_tuple(fields.len(), Each(fields))?),
            Op::Finish => return Err(serde::de::Error::custom("serde knows no end")),
        })
    }
}

/// One element of each of these shapes, and no more.
struct Each<'a>(&'a [Op]);

impl<'de> Visitor<'de> for Each<'_> {
    type Value = Vec<Op>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} values", self.0.len())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<Op>, A::Error> {
        assert_eq!(elements.size_hint(), Some(self.0.len()));
        self.0.iter().map(|shape| Ok(elements.next_element_seed(shape)?.expect("as many as announced"))).collect()
    }
}

/// `None`: no value is expected.
struct Optional<'a>(Option<&'a Op>);

impl<'de> Visitor<'de> for Optional<'_> {
    type Value = Op;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an option")
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<Op, E> {
        Ok(Op::Option(None))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Op, D::Error> {
        let shape = self.0.ok_or_else(|| serde::de::Error::custom("a value where there should be none"))?;
        Ok(Op::Option(Some(Box::new(shape.deserialize(deserializer)?))))
    }
}

fn load(file: &str) -> Vec<Vector> {
    let file: Value = serde_json::from_str(file).expect("a vector file is JSON");
    let vectors: Vec<_> = list(&file["vectors"]).iter().map(vector).collect();
    assert!(!vectors.is_empty());
    vectors
}

fn vector(json: &Value) -> Vector {
    let needs = &json["needs"];
    assert!(needs.is_null() || ["u64", "128", "nul"].contains(&text(needs)), "{json}: no such need is described");
    Vector {
        name: text(&json["name"]).to_owned(),
        ops: fields(&json["ops"]),
        bytes: from_hex(text(&json["hex"])),
        fails: json.get("fails").map(|name| failing(text(name), json)),
        offset: json.get("offset").map(number),
    }
}

fn fields(json: &Value) -> Vec<Op> {
    list(json).iter().map(op).collect()
}

fn op(json: &Value) -> Op {
    let value = &json["value"];
    match text(&json["op"]) {
        "bool" => Op::Bool(value.as_bool().expect("a bool")),
        "u8" => Op::U8(number(value)),
        "u16" => Op::U16(number(value)),
        "u32" => Op::U32(number(value)),
        "u64" => Op::U64(number(value)),
        "u128" => Op::U128(number(value)),
        "i8" => Op::I8(number(value)),
        "i16" => Op::I16(number(value)),
        "i32" => Op::I32(number(value)),
        "i64" => Op::I64(number(value)),
        "i128" => Op::I128(number(value)),
        "f32" => Op::F32(u32::from_str_radix(text(value), 16).expect("the bits of an f32")),
        "f64" => Op::F64(u64::from_str_radix(text(value), 16).expect("the bits of an f64")),
        "char" => Op::Char(text(value).parse().expect("one character")),
        "str" => Op::Str(text(value).to_owned()),
        "bytes" => Op::Bytes(from_hex(text(value))),
        "raw" => Op::Raw(from_hex(text(value))),
        "option" if value.is_null() => Op::Option(None),
        "option" => Op::Option(Some(Box::new(Op::Fields(fields(value))))),
        "seq" => Op::Seq(list(value).iter().map(|element| Op::Fields(fields(element))).collect()),
        other => panic!("no op is called {other}"),
    }
}

/// The read that fails; only its type matters.
fn failing(name: &str, json: &Value) -> Op {
    match name {
        "some" => Op::Some,
        "len" => Op::Len,
        "finish" => Op::Finish,
        "raw" => Op::Raw(vec![0; number(&json["length"])]),
        "bool" => Op::Bool(false),
        "char" => Op::Char('\0'),
        "str" => Op::Str(String::new()),
        "bytes" => Op::Bytes(Vec::new()),
        other => op(&serde_json::json!({ "op": other, "value": "0" })),
    }
}

fn list(json: &Value) -> &[Value] {
    json.as_array().unwrap_or_else(|| panic!("{json} is no list"))
}

fn text(json: &Value) -> &str {
    json.as_str().unwrap_or_else(|| panic!("{json} is no text"))
}

fn number<T: std::str::FromStr<Err: fmt::Debug>>(json: &Value) -> T {
    text(json).parse().unwrap_or_else(|error| panic!("{json}: {error:?}"))
}

fn from_hex(text: &str) -> Vec<u8> {
    assert!(text.len().is_multiple_of(2), "{text} is not whole bytes");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal digits")).collect()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
