//! What comes in through pointers, checked; what goes out through them.

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
    if len > isize::MAX as usize {
        return Err(invalid(format!("{what} has length {len}, more than any memory; was a negative number converted?")));
    }
    // SAFETY: not NULL, not longer than memory can be, and readable by the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts(data, len) })
}

/// UTF-8 text of the caller.
///
/// # Safety
/// As for [`bytes`].
pub(super) unsafe fn text<'a>(what: &'static str, data: *const c_char, len: usize) -> Result<&'a str, Error> {
    // SAFETY: the caller's promise is handed on; c_char and u8 have the same layout.
    let bytes = unsafe { bytes(what, data.cast(), len)? };
    std::str::from_utf8(bytes).map_err(|error| Error::InvalidUtf8 { what, offset: error.valid_up_to() })
}

/// A borrowed object.
///
/// # Safety
/// `pointer` is NULL or leads to a `T` that lives and is only shared during `'a`.
pub(super) unsafe fn object<'a, T>(what: &str, pointer: *const T) -> Result<&'a T, Error> {
    // SAFETY: NULL becomes None, anything else is a live T by the caller's promise.
    unsafe { pointer.as_ref() }.ok_or_else(|| invalid(format!("{what} is NULL")))
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
    ServerId::new(raw).ok_or_else(|| invalid(format!("{raw} is no server id; ids come from events and are never 0")))
}

/// Copies text into a caller's buffer, cut at a character's edge and NUL-terminated; tells the full length without the NUL.
///
/// # Safety
/// `out` is NULL or leads to `capacity` writable bytes; `needed` is NULL or writable.
pub(super) unsafe fn copy_text(text: &str, out: *mut c_char, capacity: usize, needed: *mut usize) -> Result<(), Error> {
    if out.is_null() && capacity > 0 {
        return Err(invalid(format!("the buffer is NULL but its capacity is {capacity}; pass a buffer, or capacity 0")));
    }
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

/// Fills a caller's struct that begins with `uint32_t size`, writing no more than the caller has.
///
/// # Safety
/// `out` is NULL or leads to memory whose first four bytes say how many bytes of it are readable and writable. `T` is `repr(C)` without pointers.
pub(super) unsafe fn fill<T>(what: &str, out: *mut T, make: impl FnOnce(u32) -> T) -> Result<(), Error> {
    let out = required(what, out)?;
    // SAFETY: not NULL, and four bytes are readable by the caller's promise.
    let size = unsafe { sized(what, out)? };
    let value = make(size);
    // SAFETY: `size` bytes are writable by the caller's promise and at most size_of::<T>() are read from `value`.
    unsafe { std::ptr::copy_nonoverlapping((&raw const value).cast::<u8>(), out.cast::<u8>(), (size as usize).min(size_of::<T>())) };
    Ok(())
}

/// Reads and checks the `size` at the front of a caller's struct.
///
/// # Safety
/// `out` leads to at least four readable bytes.
pub(super) unsafe fn sized<T>(what: &str, out: *const T) -> Result<u32, Error> {
    // SAFETY: readable by the caller's promise; structs that begin with a u32 are aligned for one.
    let size = unsafe { out.cast::<u32>().read() };
    // These structs have grown never so far: the first version is the smallest that is understood.
    if (size as usize) < size_of::<T>() {
        return Err(invalid(format!("{what}.size is {size}, must be at least {}; set it to sizeof before the call", size_of::<T>())));
    }
    Ok(size)
}
