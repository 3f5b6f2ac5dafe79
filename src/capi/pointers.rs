//! What comes in through pointers, checked; what goes out through them.
//!
//! NULL, lengths that cannot be, text and sizes are checked here. That a pointer leads where it says is the caller's promise.

use crate::error::Error;
use crate::id::ServerId;
use std::ffi::c_char;

pub(super) fn invalid(text: impl Into<String>) -> Error {
    Error::InvalidArgument(text.into())
}

/// Bytes that the caller promises to be readable. NULL is fine for none.
///
/// # Safety
/// `data` is NULL or leads to `len` readable bytes that do not change during `'a`.
pub(super) unsafe fn bytes<'a>(what: &str, data: *const u8, len: usize) -> Result<&'a [u8], Error> {
    if len == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(invalid(format!("{what} is NULL but its length is {len}; pass the data, or length 0")));
    }
    fits::<u8>(what, "length", len)?;
    // SAFETY: not NULL, not longer than memory can be, and readable by the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(data, len) })
}

/// UTF-8 text of the caller.
///
/// # Safety
/// As for [`bytes()`].
pub(super) unsafe fn text<'a>(what: &'static str, data: *const c_char, len: usize) -> Result<&'a str, Error> {
    // SAFETY: the caller's promise is handed on; c_char and u8 have the same layout.
    let bytes = unsafe { bytes(what, data.cast(), len)? };
    std::str::from_utf8(bytes).map_err(|error| Error::InvalidUtf8 { what, offset: error.valid_up_to() })
}

/// Refuses a number of `T` that no memory holds: what a negative number looks like after its conversion to `size_t`.
pub(super) fn fits<T>(what: &str, count: &str, number: usize) -> Result<(), Error> {
    if number <= isize::MAX as usize / size_of::<T>() {
        return Ok(());
    }
    Err(invalid(format!("{what} has {count} {number}, more than any memory holds; was a negative number converted?")))
}

/// An array of the caller to be filled; NULL is not fine, and 0 elements would say nothing.
pub(super) fn array<T>(what: &str, out: *mut T, capacity: usize) -> Result<*mut T, Error> {
    if capacity == 0 {
        return Err(invalid(format!("the capacity of {what} is 0; pass an array with room for at least one element")));
    }
    fits::<T>(what, "capacity", capacity)?;
    required(what, out)
}

/// A borrowed object.
///
/// # Safety
/// `pointer` is NULL or leads to a `T` that lives and is only shared during `'a`.
pub(super) unsafe fn object<'a, T>(what: &str, pointer: *const T) -> Result<&'a T, Error> {
    // SAFETY: NULL becomes None, anything else is a live T by the caller's promise.
    unsafe { pointer.as_ref() }.ok_or_else(|| invalid(format!("{what} is NULL; pass what its _start function gave you")))
}

/// Writes an out parameter.
///
/// # Safety
/// `out` is not NULL (see [`required`]) and writable.
pub(super) unsafe fn put<T>(out: *mut T, value: T) {
    // SAFETY: writable by the caller's promise; what was there before is plain memory of the caller and needs no drop.
    unsafe { out.write(value) }
}

/// Refuses NULL before anything is done.
pub(super) fn required<T>(what: &str, out: *mut T) -> Result<*mut T, Error> {
    if out.is_null() { Err(invalid(format!("{what} is NULL; pass where to write the answer"))) } else { Ok(out) }
}

pub(super) fn server_id(raw: u64) -> Result<ServerId, Error> {
    ServerId::new(raw)
        .ok_or_else(|| invalid(format!("{raw} is no server id; ids come from events, and are never 0 and never over {}", ServerId::MAX)))
}

/// Copies text into a caller's buffer, cut at a character's edge and NUL-terminated; tells the full length without the NUL.
///
/// # Safety
/// `out` is NULL or leads to `capacity` writable bytes; `needed` is NULL or writable.
pub(super) unsafe fn copy_text(text: &str, out: *mut c_char, capacity: usize, needed: *mut usize) -> Result<(), Error> {
    if out.is_null() && capacity > 0 {
        return Err(invalid(format!("the buffer is NULL but its capacity is {capacity}; pass a buffer, or capacity 0")));
    }
    fits::<u8>("the buffer", "capacity", capacity)?;
    if capacity > 0 {
        let cut = &text.as_bytes()[..text.floor_char_boundary(capacity - 1)];
        // SAFETY: `cut` and the NUL are at most `capacity` bytes, writable by the caller's promise, and cannot overlap our String.
        unsafe {
            std::ptr::copy_nonoverlapping(cut.as_ptr(), out.cast::<u8>(), cut.len());
            out.add(cut.len()).write(0);
        }
    }
    if !needed.is_null() {
        // SAFETY: writable by the caller's promise.
        unsafe { needed.write(text.len()) };
    }
    Ok(())
}

/// Text in a fixed field, cut at a character's edge and NUL-terminated.
pub(super) fn field<const N: usize>(text: &str) -> [c_char; N] {
    let mut field = [0; N];
    let cut = text.floor_char_boundary(N - 1);
    for (to, from) in field.iter_mut().zip(&text.as_bytes()[..cut]) {
        *to = *from as c_char;
    }
    field
}

/// Fills a caller's struct that begins with `uint32_t size`. What a caller with a newer header has behind our fields stays as it is.
///
/// # Safety
/// `out` is NULL or leads to a struct that begins with its size and is as long as that says. `T` is `repr(C)` without pointers or padding.
pub(super) unsafe fn fill<T>(what: &str, out: *mut T, make: impl FnOnce(u32) -> T) -> Result<(), Error> {
    let out = required(what, out)?;
    // SAFETY: not NULL, and four bytes are readable by the caller's promise.
    let size = unsafe { sized(what, out)? };
    // SAFETY: the caller has `size` bytes, and `sized` has seen to it that a `T` is not longer.
    unsafe { put(out, make(size)) };
    Ok(())
}

/// Reads and checks the `size` at the front of a caller's struct: at least ours, and no number that was never set.
///
/// # Safety
/// `out` leads to at least four readable bytes, aligned for a `u32`.
pub(super) unsafe fn sized<T>(what: &str, out: *const T) -> Result<u32, Error> {
    // Structs grow by a field now and then; what is larger than this has not been initialised.
    const LARGEST: usize = 64 * 1024;
    // SAFETY: readable and aligned by the caller's promise.
    let size = unsafe { out.cast::<u32>().read() };
    // No struct has grown yet: the first version is the smallest that is understood. Arrays of them stay aligned.
    if (size as usize) < size_of::<T>() || size as usize > LARGEST || !(size as usize).is_multiple_of(align_of::<T>()) {
        return Err(invalid(format!(
            "{what}.size is {size}, must be {} or what a newer header says; set it to sizeof before the call",
            size_of::<T>()
        )));
    }
    Ok(size)
}
