//! `sinew_result_text`, `sinew_last_error` and the versions.

use super::constants::{SINEW_ABI_VERSION, SINEW_RESULT_OK};
use super::guard::{guard, last_error};
use super::pointers::copy_text;
use super::structs::sinew_result;
use crate::error::ErrorCode;
use std::ffi::{CStr, c_char};

/// Names a result and says what it means in a few words. Static, NUL-terminated, never NULL, for any number.
#[unsafe(no_mangle)]
pub extern "C" fn sinew_result_text(result: sinew_result) -> *const c_char {
    text(result).as_ptr()
}

/// Copies the whole sentence about the last call that failed on this thread: the cause and the cure.
///
/// `*needed` (NULL allowed) is its length in bytes without the NUL; it is longer than what fits in `capacity` when the
/// copy was cut. Empty if nothing has failed on this thread.
///
/// Errors: INVALID_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sinew_last_error(out: *mut c_char, capacity: usize, needed: *mut usize) -> sinew_result {
    // SAFETY: `out` leads to `capacity` writable bytes, and `needed` is NULL or writable, by the caller's promise.
    guard(|| unsafe { copy_text(&last_error(), out, capacity, needed) })
}

/// The ABI version of the loaded library; another one than SINEW_ABI_VERSION means that header and library do not fit.
#[unsafe(no_mangle)]
pub extern "C" fn sinew_abi_version() -> u32 {
    SINEW_ABI_VERSION
}

/// The version of the loaded library, such as "0.1.0". Static, NUL-terminated.
#[unsafe(no_mangle)]
pub extern "C" fn sinew_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

fn text(result: sinew_result) -> &'static CStr {
    if result == SINEW_RESULT_OK {
        return c"OK";
    }
    let Some(code) = ErrorCode::ALL.into_iter().find(|code| *code as sinew_result == result) else {
        return c"UNKNOWN: a result of a newer version of Sinew, or not a result";
    };
    match code {
        ErrorCode::InvalidArgument => c"INVALID_ARGUMENT: a NULL, number or size that is not allowed here",
        ErrorCode::InvalidConfig => c"INVALID_CONFIG: the configuration is wrong; the last error names the key and the cure",
        ErrorCode::InvalidUtf8 => c"INVALID_UTF8: text that is not UTF-8",
        ErrorCode::InvalidData => c"INVALID_DATA: bytes that are not what they should be",
        ErrorCode::UnknownServer => c"UNKNOWN_SERVER: no server of this id is in view",
        ErrorCode::UnknownGroup => c"UNKNOWN_GROUP: no group of this name is connected with this server's group",
        ErrorCode::Busy => c"BUSY: another thread is polling this server",
        ErrorCode::InvalidState => c"INVALID_STATE: the call is out of place now; the last error says what must come first",
        ErrorCode::AlreadyJoined => c"ALREADY_JOINED: a server of this id has joined already",
        ErrorCode::UnknownRequest => c"UNKNOWN_REQUEST: no request of this number waits for an answer",
        ErrorCode::QueueFull => c"QUEUE_FULL: the outbox is full; nothing was queued",
        ErrorCode::NotConnected => c"NOT_CONNECTED: the server is not connected now",
        ErrorCode::Stopped => c"STOPPED: this server is stopped or stopping",
        ErrorCode::MessageTooBig => c"MESSAGE_TOO_BIG: the message is over limits.max_message_bytes",
        ErrorCode::TooManyRequests => c"TOO_MANY_REQUESTS: limits.requests_per_link wait for an answer; nothing was sent",
        ErrorCode::NoCandidate => c"NO_CANDIDATE: no server of the group can be chosen now",
        ErrorCode::AddressInUse => c"ADDRESS_IN_USE: somebody listens on this address already",
        ErrorCode::Io => c"IO: the operating system refused",
        ErrorCode::Key => c"KEY: a key or certificate file cannot be used",
        ErrorCode::Panic => c"PANIC: a bug in Sinew was contained",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_result_has_a_text_that_begins_with_its_name() {
        for code in ErrorCode::ALL {
            let text = text(code as sinew_result).to_str().expect("ASCII");
            assert!(text.starts_with(&format!("{}: ", code.name())), "{text}");
        }
        for unknown in [-1, 11, 99, 106, 899, 901, i32::MIN, i32::MAX] {
            assert!(text(unknown).to_bytes().starts_with(b"UNKNOWN: "));
        }
    }
}
