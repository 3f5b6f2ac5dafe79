//! The C ABI, and nothing else: checks pointers, numbers and text from outside, and calls the public Rust API.
//!
//! Every function is a plain `extern "C" fn` with one [`guard::guard`] around its body, so nothing hides it from cbindgen and no panic gets out.
//! The only place in the library where `unsafe` may stand; each use says why it holds. The contract with callers is
//! `bindings/c/conventions.h`, which opens `include/sinew.h`; "the caller's promise" in a `SAFETY` comment is what stands there.
// C names as C spells them; what callers must keep is in the conventions; `pub` is what cbindgen looks for.
#![allow(non_camel_case_types, unreachable_pub, clippy::missing_safety_doc, clippy::too_many_arguments)]

// The blank lines keep the order in which the header shows them.

// C reads the constants; Rust needs only some.
#[allow(dead_code)]
mod constants;

mod structs;

mod server;

mod requests;

mod properties;

mod info;

mod registry;

mod errors;

mod events;
mod guard;
mod pointers;
#[cfg(test)]
mod tests;
