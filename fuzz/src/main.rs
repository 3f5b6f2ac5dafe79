//! One fuzz target of Sinew (`src/fuzzing.rs`) under libFuzzer; the variable `SINEW_FUZZ_TARGET` names it. `cargo xtask fuzz` builds and runs this.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sinew::fuzzing::{TARGETS, Target};
use std::sync::LazyLock;

static TARGET: LazyLock<&Target> = LazyLock::new(|| {
    let name = std::env::var("SINEW_FUZZ_TARGET").unwrap_or_default();
    TARGETS.iter().find(|target| target.name == name).unwrap_or_else(|| panic!("SINEW_FUZZ_TARGET={name} names no target"))
});

fuzz_target!(|bytes: &[u8]| {
    let memory = allocation_counter::measure(|| (TARGET.run)(bytes)).bytes_max;
    assert!(memory <= TARGET.memory, "{memory} bytes of memory at once, more than {}", TARGET.memory);
});
