//! Fuzz target: payloads.

use super::{Reader, Writer};
use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Nests as deep as the data says.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Tree {
    Leaf,
    Named { name: String, left: Box<Tree>, right: Option<Box<Tree>> },
    Many(Vec<Tree>),
}

/// Something of everything that does not nest.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    small: (bool, u8, i8, char),
    numbers: (u16, u32, u64, u128, i16, i32, i64, i128),
    texts: BTreeMap<String, Vec<u16>>,
    bytes: Vec<u8>,
    maybe: Option<Option<u32>>,
    choice: Result<[i16; 3], String>,
}

/// The first byte says how many of the following say what is read one by one; then come whole values. The reader moves on only when a read succeeds,
/// and what was read is written again as something that reads the same.
pub(crate) fn reader(bytes: &[u8]) {
    let Some((count, rest)) = bytes.split_first() else { return };
    let (program, payload) = rest.split_at(usize::from(*count).min(rest.len()));
    let mut reader = Reader::new(payload);
    for step in program {
        let before = reader.position();
        let outcome = read_one(&mut reader, *step);
        assert_eq!(reader.position() + reader.remaining(), payload.len());
        match outcome {
            Ok(()) => assert!(reader.position() >= before),
            Err(Error::InvalidData { offset, .. }) => {
                assert_eq!(reader.position(), before, "it stays where it was");
                assert!((before..=payload.len()).contains(&offset));
                break;
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    let rest = &payload[reader.position()..];
    whole::<Tree>(rest);
    if let Some((flat, used)) = whole::<Flat>(rest) {
        // bincode decodes the same, and nothing else.
        let decoded = bincode::serde::decode_from_slice::<Flat, _>(rest, bincode::config::standard());
        assert_eq!(decoded.map_err(|error| error.to_string()), Ok((flat, used)));
    } else {
        // It allocates what forged lengths say, up to its limit: so the limit is low here.
        let config = bincode::config::standard().with_limit::<{ 128 << 10 }>();
        assert!(bincode::serde::decode_from_slice::<Flat, _>(rest, config).is_err(), "bincode reads it");
    }
}

fn read_one(reader: &mut Reader<'_>, step: u8) -> Result<(), Error> {
    match step % 22 {
        0 => reader.read_bool().map(drop),
        1 => reader.read_u8().map(drop),
        2 => reader.read_u16().map(drop),
        3 => reader.read_u32().map(drop),
        4 => reader.read_u64().map(drop),
        5 => reader.read_u128().map(drop),
        6 => reader.read_i8().map(drop),
        7 => reader.read_i16().map(drop),
        8 => reader.read_i32().map(drop),
        9 => reader.read_i64().map(drop),
        10 => reader.read_i128().map(drop),
        11 => reader.read_f32().map(drop),
        12 => reader.read_f64().map(drop),
        13 => reader.read_char().map(drop),
        14 => reader.read_str().map(drop),
        15 => reader.read_bytes().map(drop),
        16 => reader.read_raw(usize::from(step / 22)).map(drop),
        17 => {
            let mut ahead = reader.clone();
            let len = ahead.read_len()?;
            assert!(len <= ahead.remaining());
            *reader = ahead;
            Ok(())
        }
        18 => reader.read_some().map(drop),
        19 => reader.read_option(|reader| reader.read_str().map(drop)).map(drop),
        20 => reader.read::<Tree>().map(drop),
        _ => reader.read::<Vec<&str>>().map(drop),
    }
}

/// A value and how many bytes it took.
fn whole<T: Serialize + PartialEq + std::fmt::Debug + for<'a> Deserialize<'a>>(payload: &[u8]) -> Option<(T, usize)> {
    let mut reader = Reader::new(payload);
    let value = reader.read::<T>().ok()?;
    let mut writer = Writer::new();
    writer.write(&value).expect("what was read can be written");
    assert!(writer.as_slice().len() <= reader.position(), "writers use the shortest form");
    let mut again = Reader::new(writer.as_slice());
    assert_eq!(again.read::<T>().as_ref().ok(), Some(&value));
    assert_eq!(again.finish().ok(), Some(()));
    Some((value, reader.position()))
}

/// Values of both types.
#[cfg(test)]
pub(crate) fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let leaf = || Box::new(Tree::Leaf);
    let named = |right| Tree::Named { name: "oak".into(), left: leaf(), right };
    let tree = Tree::Many(vec![named(None), named(Some(leaf())), Tree::Many(Vec::new())]);
    let flat = Flat {
        small: (true, 251, -1, 'ö'),
        numbers: (250, 251, 1 << 40, 1 << 100, -1, -70_000, i64::MIN, i128::MAX),
        texts: [("a".to_owned(), vec![1, 300]), ("b".to_owned(), Vec::new())].into(),
        bytes: b"bytes".to_vec(),
        maybe: Some(Some(7)),
        choice: Ok([1, -2, 300]),
    };
    let written = |write: &dyn Fn(&mut Writer)| {
        let mut writer = Writer::new();
        write(&mut writer);
        writer.into_vec()
    };
    let tree = written(&|writer| assert!(writer.write(&tree).is_ok()));
    let flat = written(&|writer| assert!(writer.write(&flat).is_ok()));
    vec![("tree", tree), ("flat", flat)]
}
