//! Messages: the encoding is bincode's, and bytes from anywhere are only ever an error.

mod vectors;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sinew::error::{Error, ErrorCode};
use sinew::message::{Message, Reader, SendMode, Writer};
use std::collections::BTreeMap;
use std::fmt::Debug;

/// What a game would send, with every type of the encoding in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Snapshot {
    tick: u64,
    region: u16,
    seed: u128,
    drift: (i8, i16, i64, i128),
    paused: bool,
    grade: char,
    title: String,
    icon: Vec<u8>,
    checksum: [u8; 4],
    leader: Option<Option<u32>>,
    stock: BTreeMap<String, u8>,
    units: Vec<Unit>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Unit {
    x: f32,
    z: f64,
    order: Order,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
enum Order {
    Idle,
    Follow(u32),
    Move { dx: i32, dy: i32 },
    Both(Box<Order>, Box<Order>),
}

impl Snapshot {
    fn write(&self, writer: &mut Writer) {
        writer.write_u64(self.tick).write_u16(self.region).write_u128(self.seed);
        writer.write_i8(self.drift.0).write_i16(self.drift.1).write_i64(self.drift.2).write_i128(self.drift.3);
        writer.write_bool(self.paused).write_char(self.grade).write_str(&self.title).write_bytes(&self.icon).write_raw(&self.checksum);
        writer.write_option(self.leader, |writer, leader| {
            writer.write_option(leader, |writer, id| {
                writer.write_u32(id);
            });
        });
        writer.write_len(self.stock.len());
        for (name, count) in &self.stock {
            writer.write_str(name).write_u8(*count);
        }
        writer.write_len(self.units.len());
        for unit in &self.units {
            writer.write_f32(unit.x).write_f64(unit.z);
            unit.order.write(writer);
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(Self {
            tick: reader.read_u64()?,
            region: reader.read_u16()?,
            seed: reader.read_u128()?,
            drift: (reader.read_i8()?, reader.read_i16()?, reader.read_i64()?, reader.read_i128()?),
            paused: reader.read_bool()?,
            grade: reader.read_char()?,
            title: reader.read_str()?.to_owned(),
            icon: reader.read_bytes()?.to_owned(),
            checksum: reader.read_raw(4)?.try_into().expect("read_raw gives as many bytes as asked for"),
            leader: reader.read_option(|reader| reader.read_option(Reader::read_u32))?,
            stock: (0..reader.read_len()?).map(|_| Ok((reader.read_str()?.to_owned(), reader.read_u8()?))).collect::<Result<_, Error>>()?,
            units: (0..reader.read_len()?)
                .map(|_| Ok(Unit { x: reader.read_f32()?, z: reader.read_f64()?, order: Order::read(reader)? }))
                .collect::<Result<_, Error>>()?,
        })
    }
}

impl Order {
    fn write(&self, writer: &mut Writer) {
        match self {
            Order::Idle => {
                writer.write_u32(0);
            }
            Order::Follow(id) => {
                writer.write_u32(1).write_u32(*id);
            }
            Order::Move { dx, dy } => {
                writer.write_u32(2).write_i32(*dx).write_i32(*dy);
            }
            Order::Both(first, second) => {
                first.write(writer.write_u32(3));
                second.write(writer);
            }
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Error> {
        Ok(match reader.read_u32()? {
            0 => Order::Idle,
            1 => Order::Follow(reader.read_u32()?),
            2 => Order::Move { dx: reader.read_i32()?, dy: reader.read_i32()? },
            3 => Order::Both(Box::new(Order::read(reader)?), Box::new(Order::read(reader)?)),
            other => panic!("no order has the number {other}"),
        })
    }
}

/// Integers of every length on the wire, not only the long ones that a uniform choice gives.
fn wide() -> impl Strategy<Value = u128> {
    (any::<u128>(), 0..128_u32).prop_map(|(number, shift)| number >> shift)
}

fn orders() -> impl Strategy<Value = Order> {
    let leaf = prop_oneof![
        Just(Order::Idle),
        any::<u32>().prop_map(Order::Follow),
        (any::<i32>(), -200..200_i32).prop_map(|(dx, dy)| Order::Move { dx, dy })
    ];
    leaf.prop_recursive(4, 16, 2, |inner| (inner.clone(), inner).prop_map(|(first, second)| Order::Both(first.into(), second.into())))
}

prop_compose! {
    fn snapshots()(
        (tick, seed, small, far) in (wide(), wide(), wide(), wide()),
        (region, paused, grade, title) in (any::<u16>(), any::<bool>(), any::<char>(), any::<String>()),
        (icon, checksum, leader) in (vec(any::<u8>(), 0..300), any::<[u8; 4]>(), any::<Option<Option<u32>>>()),
        stock in btree_map(any::<String>(), any::<u8>(), 0..4),
        // No NaN, so that values can be compared; the vectors have the NaNs.
        units in vec((any::<f32>(), any::<f64>(), orders()).prop_map(|(x, z, order)| Unit { x, z, order }), 0..4),
    ) -> Snapshot {
        let drift = (small as i8, small as i16, small as i64, far as i128);
        Snapshot { tick: tick as u64, region, seed, drift, paused, grade, title, icon, checksum, leader, stock, units }
    }
}

/// Random bytes among which the ones that mean something in the encoding are frequent.
fn junk() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![3 => any::<u8>(), 2 => 0..4_u8, 2 => 250..=255_u8], 0..40)
}

fn written(value: &Snapshot) -> Vec<u8> {
    let mut writer = Writer::new();
    value.write(&mut writer);
    writer.into_vec()
}

/// Whether bincode decodes a `T` here, to what, and out of how many bytes. The limit keeps it from allocating what junk announces.
fn bincode_reads<T: DeserializeOwned>(bytes: &[u8]) -> Option<(T, usize)> {
    bincode::serde::decode_from_slice(bytes, bincode::config::standard().with_limit::<1_000_000>()).ok()
}

/// Reads with `read` and checks what holds for every read, whatever the bytes are.
fn reads<'a, T>(bytes: &'a [u8], read: impl FnOnce(&mut Reader<'a>) -> Result<T, Error>) -> Option<(T, usize)> {
    let mut reader = Reader::new(bytes);
    let result = read(&mut reader);
    assert_eq!(reader.position() + reader.remaining(), bytes.len());
    match result {
        Ok(value) => Some((value, reader.position())),
        Err(Error::InvalidData { offset, .. }) => {
            assert!(offset <= bytes.len(), "offset {offset} of {}", bytes.len());
            assert_eq!(reader.position(), 0, "a failed read moved the reader");
            None
        }
        Err(other) => panic!("not INVALID_DATA: {other:?}"),
    }
}

fn agree<'a, T: DeserializeOwned + PartialEq + Debug>(bytes: &'a [u8], read: impl FnOnce(&mut Reader<'a>) -> Result<T, Error>) {
    let expected = bincode_reads::<T>(bytes);
    assert_eq!(reads(bytes, read), expected, "{} from {bytes:02x?}", std::any::type_name::<T>());
    assert_eq!(reads(bytes, Reader::read), expected, "serde: {} from {bytes:02x?}", std::any::type_name::<T>());
}

proptest! {
    #[test]
    fn writing_field_by_field_is_what_bincode_writes(value in snapshots()) {
        let bytes = written(&value);
        prop_assert_eq!(&bytes, &bincode::serde::encode_to_vec(&value, bincode::config::standard()).unwrap());
        let mut whole = Writer::new();
        whole.write(&value).unwrap();
        prop_assert_eq!(whole.as_slice(), &bytes);
    }

    #[test]
    fn reading_gives_the_value_back(value in snapshots()) {
        let bytes = written(&value);
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(&Snapshot::read(&mut reader).unwrap(), &value);
        reader.finish().unwrap();
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(&reader.read::<Snapshot>().unwrap(), &value);
        reader.finish().unwrap();
    }

    #[test]
    fn damaged_values_are_read_as_bincode_reads_them(
        value in snapshots(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        keep in any::<prop::sample::Index>(),
    ) {
        let mut bytes = written(&value);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let encoded = |value: Option<(Snapshot, usize)>| value.map(|(value, used)| (written(&value), used));
        // Compared as bytes: the damage can make a NaN.
        prop_assert_eq!(encoded(reads(&bytes, Reader::read)), encoded(bincode_reads(&bytes)));
        bytes.truncate(keep.index(bytes.len()));
        prop_assert_eq!(encoded(reads(&bytes, Reader::read)), encoded(bincode_reads(&bytes)));
    }

    #[test]
    fn any_bytes_are_read_as_bincode_reads_them(bytes in junk()) {
        agree(&bytes, Reader::read_bool);
        agree(&bytes, Reader::read_u8);
        agree(&bytes, Reader::read_u16);
        agree(&bytes, Reader::read_u32);
        agree(&bytes, Reader::read_u64);
        agree(&bytes, Reader::read_u128);
        agree(&bytes, Reader::read_i8);
        agree(&bytes, Reader::read_i16);
        agree(&bytes, Reader::read_i32);
        agree(&bytes, Reader::read_i64);
        agree(&bytes, Reader::read_i128);
        agree(&bytes, Reader::read_char);
        agree(&bytes, |reader| reader.read_str().map(str::to_owned));
        agree(&bytes, |reader| reader.read_bytes().map(<[u8]>::to_vec));
        agree(&bytes, |reader| reader.read_option(Reader::read_i32));
        agree(&bytes, |reader| reader.read_option(|reader| reader.read_option(Reader::read_char)));
        agree(&bytes, |reader| reader.read_raw(7).map(|raw| <[u8; 7]>::try_from(raw).expect("seven bytes")));
        // By their bits, for a NaN equals nothing.
        let f32_bits = bincode_reads::<f32>(&bytes).map(|(value, used)| (value.to_bits(), used));
        prop_assert_eq!(reads(&bytes, |reader| reader.read_f32().map(f32::to_bits)), f32_bits);
        let f64_bits = bincode_reads::<f64>(&bytes).map(|(value, used)| (value.to_bits(), used));
        prop_assert_eq!(reads(&bytes, |reader| reader.read_f64().map(f64::to_bits)), f64_bits);
    }
}

#[test]
fn a_forged_length_allocates_nothing() {
    let mut payload = Writer::new();
    payload.write_u64(1 << 63).write_raw(b"abc");
    let forged = payload.into_vec();
    // One short of what the length claims, so that nothing but the missing byte is wrong.
    let mut payload = Writer::new();
    payload.write_u64(1 << 20).write_raw(&vec![1; (1 << 20) - 1]);
    let truncated = payload.into_vec();

    for bytes in [&forged, &truncated] {
        let spent = allocation_counter::measure(|| {
            Reader::new(bytes).read_str().unwrap_err();
            Reader::new(bytes).read_bytes().unwrap_err();
            Reader::new(bytes).read_len().unwrap_err();
            Reader::new(bytes).read::<String>().unwrap_err();
            Reader::new(bytes).read::<Vec<u8>>().unwrap_err();
            Reader::new(bytes).read::<Vec<[u64; 8]>>().unwrap_err();
            Reader::new(bytes).read::<Vec<()>>().unwrap_err();
            Reader::new(bytes).read::<BTreeMap<String, String>>().unwrap_err();
        });
        assert!(spent.bytes_max < 4096, "{spent:?}, for the texts of the errors");
    }
}

#[test]
fn reading_and_rewriting_allocate_nothing() {
    let mut writer = Writer::with_capacity(64);
    let spent = allocation_counter::measure(|| {
        for round in 0..10 {
            writer.clear();
            writer.write_u32(round).write_str("Köln").write_bytes(&[1, 2, 3]).write_i64(-5);
            let mut reader = Reader::new(writer.as_slice());
            assert_eq!(reader.read_u32().unwrap(), round);
            assert_eq!(reader.read_str().unwrap(), "Köln");
            assert_eq!(reader.read_bytes().unwrap(), [1, 2, 3]);
            assert_eq!(reader.read_i64().unwrap(), -5);
            reader.finish().unwrap();
        }
    });
    assert_eq!(spent.count_total, 0, "{spent:?}");
}

#[derive(Debug, Serialize, Deserialize)]
struct Chain(Option<Box<Chain>>);

#[test]
fn deep_nesting_is_an_error_and_not_a_stack_overflow() {
    let some = |depth| [vec![1; depth], vec![0]].concat();
    Reader::new(&some(127)).read::<Chain>().expect("128 options");
    let error = Reader::new(&some(128)).read::<Chain>().unwrap_err().to_string();
    assert!(error.contains("byte 128:") && error.contains("128 deep"), "{error}");
    Reader::new(&some(1 << 20)).read::<Chain>().unwrap_err();
    // Both of 3 and 3 and 3 …
    Reader::new(&vec![3; 1 << 20]).read::<Order>().unwrap_err();
}

#[test]
fn what_a_type_refuses_is_reported_where_its_bytes_begin() {
    let offset = |error: Error| if let Error::InvalidData { offset, .. } = error { offset } else { panic!("{error:?}") };
    // A variant that does not exist, a number that must not be 0, and a text cut short, each behind other fields.
    assert_eq!(offset(Reader::new(&[1, 2, 9]).read::<(u8, u8, Order)>().unwrap_err()), 2);
    assert_eq!(offset(Reader::new(&[1, 0]).read::<(u8, std::num::NonZeroU32)>().unwrap_err()), 1);
    assert_eq!(offset(Reader::new(&[2, 1, b'a', 3, b'b']).read::<Vec<String>>().unwrap_err()), 3);
}

#[test]
fn borrowed_fields_point_into_the_payload() {
    #[derive(Deserialize)]
    struct Chat<'a> {
        from: u32,
        text: &'a str,
    }
    let mut writer = Writer::new();
    writer.write_u32(300).write_str("hello");
    let message = Message::new(7, SendMode::Reliable, writer);
    let mut reader = message.reader();
    let chat: Chat<'_> = reader.read().unwrap();
    reader.finish().unwrap();
    assert_eq!((chat.from, chat.text), (300, "hello"));
    assert!(message.payload.as_ptr_range().contains(&chat.text.as_ptr()));
}

#[test]
fn what_cannot_be_written_leaves_the_writer_as_it_was() {
    struct Endless;
    impl Serialize for Endless {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeTuple;
            let mut tuple = serializer.serialize_tuple(2)?;
            tuple.serialize_element(&5_u8)?;
            Err(serde::ser::Error::custom("the rest is missing"))
        }
    }
    let mut writer = Writer::new();
    writer.write_u8(1);
    let error = writer.write(&Endless).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    assert!(error.to_string().contains("the rest is missing"), "{error}");
    assert_eq!(writer.as_slice(), [1]);
}

#[test]
fn send_modes_keep_their_numbers() {
    for (number, mode) in [(0, SendMode::Reliable), (1, SendMode::Unreliable)] {
        assert_eq!(u32::from(mode), number);
        assert_eq!(SendMode::try_from(number).unwrap(), mode);
    }
    let error = SendMode::try_from(2).unwrap_err();
    assert_eq!(error.code(), ErrorCode::InvalidArgument);
    assert!(error.to_string().contains("2 is no send mode"), "{error}");
}
