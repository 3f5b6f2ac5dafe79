//! The ordinary run: the corpus, and the same mutations of it every time.

mod seeds;

use super::{TARGETS, Target};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Mutations of each target; a debug build does them all in a few seconds.
const MUTATIONS: u64 = 3000;
/// Longer than most of what the corpus holds; longer is slower and shows little more.
const MOST_BYTES: usize = 2000;

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target)
}

fn corpus(target: &str) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder(target)).unwrap_or_else(|error| panic!("the corpus of {target}: {error}"));
    let read = |path: PathBuf| (path.file_name().unwrap_or_default().to_string_lossy().into_owned(), fs::read(path).expect("a seed"));
    entries.flatten().map(|entry| read(entry.path())).collect()
}

#[test]
fn no_seed_and_no_mutation_of_one_breaks_a_promise() {
    std::thread::scope(|scope| TARGETS.iter().for_each(|target| drop(scope.spawn(|| replay(target)))));
}

fn replay(target: &Target) {
    let corpus = corpus(target.name);
    assert!(!corpus.is_empty(), "{}: no seeds", target.name);
    for (name, bytes) in &corpus {
        check(target, bytes, name);
    }
    let seeds: Vec<&Vec<u8>> = corpus.values().filter(|bytes| bytes.len() <= MOST_BYTES).collect();
    for number in 0..MUTATIONS {
        let random = &mut SmallRng::seed_from_u64(number);
        let mut bytes = seeds.choose(random).expect("a seed").to_vec();
        for _ in 0..random.random_range(1..8) {
            mutate(&mut bytes, &seeds, random);
        }
        check(target, &bytes, &format!("mutation {number}"));
    }
}

fn check(target: &Target, bytes: &[u8], name: &str) {
    let ran = std::panic::catch_unwind(|| allocation_counter::measure(|| (target.run)(bytes)).bytes_max);
    let memory = ran.unwrap_or_else(|_| panic!("{}: {name} breaks it: {bytes:?}", target.name));
    assert!(memory <= target.memory, "{}: {name} takes {memory} bytes of memory at once: {bytes:?}", target.name);
}

fn mutate(bytes: &mut Vec<u8>, seeds: &[&Vec<u8>], random: &mut SmallRng) {
    /// What numbers begin with, and where they end.
    const SPECIAL: [u8; 12] = [0, 1, 2, 3, 4, 127, 128, 250, 251, 253, 254, 255];
    let at = random.random_range(0..=bytes.len());
    let end = (at + random.random_range(1..=16)).min(bytes.len());
    match random.random_range(0..7) {
        0 if at < bytes.len() => bytes[at] ^= 1 << random.random_range(0..8),
        1 if at < bytes.len() => bytes[at] = *SPECIAL.choose(random).expect("a byte"),
        2 => drop(bytes.drain(at..end)),
        3 => bytes.insert(at, random.random()),
        4 => {
            let part = bytes[at..end].to_vec();
            bytes.splice(at..at, part);
        }
        5 => {
            let other = seeds.choose(random).expect("a seed");
            let from = random.random_range(0..=other.len());
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
        _ => bytes.truncate(at),
    }
    bytes.truncate(MOST_BYTES);
}

/// Old seeds are worth little once the messages have changed.
#[test]
fn the_seeds_are_what_the_library_says_today() {
    let seeds = seeds::all();
    for target in TARGETS {
        assert!(seeds.iter().any(|(name, ..)| *name == target.name), "{}: no seeds", target.name);
    }
    if std::env::var_os("SINEW_WRITE_SEEDS").is_some() {
        for (target, name, bytes) in &seeds {
            fs::create_dir_all(folder(target)).expect("a folder");
            fs::write(folder(target).join(name), bytes).expect("a seed");
        }
    }
    for (target, name, bytes) in seeds {
        let same = fs::read(folder(target).join(name)).is_ok_and(|file| file == bytes);
        assert!(same, "tests/fuzz/corpus/{target}/{name} is old: SINEW_WRITE_SEEDS=1 cargo test fuzzing");
    }
}
