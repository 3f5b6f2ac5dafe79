//! Around every exported function: results become numbers, sentences are kept for `sinew_last_error`, panics end here.

use super::constants::{SINEW_RESULT_OK, SINEW_RESULT_PANIC, sinew_result};
use crate::error::{Error, ErrorCode};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static LAST_ERROR: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs a function's body.
///
/// A panic is answered with `PANIC`. Bodies leave nothing half-done behind that outlives the call: locks are parking_lot's, which do not
/// poison, and the server's state is owned by its own task.
pub(super) fn guard(body: impl FnOnce() -> Result<(), Error>) -> sinew_result {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => SINEW_RESULT_OK,
        Ok(Err(error)) => {
            remember(&error);
            error.code() as sinew_result
        }
        Err(panic) => {
            let what = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text");
            set_last_error(format!("a bug in Sinew was contained: {what}; please report it, with the log"));
            SINEW_RESULT_PANIC
        }
    }
}

/// Normal life is not worth a formatted sentence per message: a full queue is answered millions of times a second.
fn remember(error: &Error) {
    match error {
        Error::QueueFull { .. } | Error::NotConnected(_) => LAST_ERROR.with(|slot| {
            use std::fmt::Write;
            let mut slot = slot.borrow_mut();
            slot.clear();
            // Writing to a String does not fail; its capacity is reused.
            let _ = write!(slot, "{error}");
        }),
        _ => set_last_error(error.to_string()),
    }
}

fn set_last_error(text: String) {
    LAST_ERROR.with(|slot| *slot.borrow_mut() = text);
}

/// This thread's last sentence.
pub(super) fn with_last_error<R>(read: impl FnOnce(&str) -> R) -> R {
    LAST_ERROR.with(|slot| read(&slot.borrow()))
}

/// The short text of a result, NUL-terminated, for ever valid.
pub(super) fn result_text(result: sinew_result) -> &'static std::ffi::CStr {
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
        ErrorCode::UnknownGroup => c"UNKNOWN_GROUP: no group of this name is in the topology",
        ErrorCode::Busy => c"BUSY: another thread is polling this server",
        ErrorCode::QueueFull => c"QUEUE_FULL: the outbox is full; nothing was queued",
        ErrorCode::NotConnected => c"NOT_CONNECTED: the server is not connected now",
        ErrorCode::Stopped => c"STOPPED: this server is stopped or stopping",
        ErrorCode::MessageTooBig => c"MESSAGE_TOO_BIG: the message is over limits.max_message_bytes",
        ErrorCode::AddressInUse => c"ADDRESS_IN_USE: another program listens on this address",
        ErrorCode::Io => c"IO: the operating system refused",
        ErrorCode::Key => c"KEY: a key or certificate file cannot be used",
        ErrorCode::Panic => c"PANIC: a bug in Sinew was contained",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_answered_with_its_number_and_text() {
        let result = guard(|| panic!("on purpose, by a test"));
        assert_eq!(result, SINEW_RESULT_PANIC);
        assert!(with_last_error(|text| text.contains("on purpose, by a test")));
        assert_eq!(guard(|| Ok(())), SINEW_RESULT_OK, "the thread goes on");
    }

    #[test]
    fn every_result_has_a_text_that_begins_with_its_name() {
        for code in ErrorCode::ALL {
            let text = result_text(code as sinew_result).to_str().expect("ASCII");
            assert!(text.starts_with(&format!("{}: ", code.name())), "{text}");
        }
        assert!(result_text(-1).to_bytes().starts_with(b"UNKNOWN"));
    }
}
