//! How failed calls are told: an `Error` of Godot, and the whole sentence in `SinewServer.get_last_error()`.

use godot::global::Error as Code;
use sinew::{Error, ErrorCode};
use std::cell::{Cell, RefCell};

thread_local! {
    static IS_MAIN: Cell<bool> = const { Cell::new(false) };
    /// Made into a sentence only when somebody asks: a full queue is answered often.
    static LAST: RefCell<Option<Error>> = const { RefCell::new(None) };
}

/// The thread that loads the library is the engine's main thread.
pub(crate) fn this_is_the_main_thread() {
    IS_MAIN.set(true);
}

/// What every call that does something begins with: the objects belong to the main thread, and the crate `godot` does not look in a release build.
pub(crate) fn main_thread() -> Result<(), Error> {
    match IS_MAIN.get() {
        true => Ok(()),
        false => {
            Err(Error::InvalidArgument("Sinew's objects may be used on the main thread alone; from a Thread, use call_deferred".into()))
        }
    }
}

/// `OK`, or the code of the failure, which is kept for [`last`].
pub(crate) fn told(result: Result<(), Error>) -> Code {
    match result {
        Ok(()) => Code::OK,
        Err(error) => failed(error),
    }
}

pub(crate) fn failed(error: Error) -> Code {
    let code = code_of(error.code());
    LAST.with(|last| last.replace(Some(error)));
    code
}

/// The value, or `None` with the failure kept.
pub(crate) fn noted<T>(result: Result<T, Error>) -> Option<T> {
    result.map_err(failed).ok()
}

/// The sentence of the last call that failed on this thread; empty if none has.
pub(crate) fn last() -> String {
    LAST.with(|last| last.borrow().as_ref().map(Error::to_string).unwrap_or_default())
}

/// The table of docs/godot.md.
fn code_of(code: ErrorCode) -> Code {
    match code {
        ErrorCode::InvalidArgument => Code::ERR_INVALID_PARAMETER,
        ErrorCode::InvalidConfig => Code::ERR_PARSE_ERROR,
        ErrorCode::InvalidUtf8 | ErrorCode::InvalidData => Code::ERR_INVALID_DATA,
        ErrorCode::UnknownServer | ErrorCode::UnknownGroup | ErrorCode::UnknownRequest => Code::ERR_DOES_NOT_EXIST,
        ErrorCode::Busy => Code::ERR_LOCKED,
        ErrorCode::InvalidState | ErrorCode::Stopped => Code::ERR_UNCONFIGURED,
        ErrorCode::AlreadyJoined => Code::ERR_ALREADY_EXISTS,
        ErrorCode::QueueFull | ErrorCode::TooManyRequests => Code::ERR_BUSY,
        ErrorCode::NotConnected | ErrorCode::NoCandidate => Code::ERR_UNAVAILABLE,
        ErrorCode::MessageTooBig => Code::ERR_PARAMETER_RANGE_ERROR,
        ErrorCode::AddressInUse => Code::ERR_ALREADY_IN_USE,
        ErrorCode::Io => Code::ERR_CANT_OPEN,
        ErrorCode::Key => Code::ERR_UNAUTHORIZED,
        ErrorCode::Panic => Code::ERR_BUG,
    }
}

/// A number of GDScript as what it stands for here, or the error that names it, its value and its range.
pub(crate) fn number<T: TryFrom<i64>>(value: i64, what: &str, range: &str) -> Result<T, Error> {
    T::try_from(value).map_err(|_| Error::InvalidArgument(format!("{value} is no {what}; it is {range}")))
}

pub(crate) fn tag(value: i64) -> Result<u16, Error> {
    number(value, "tag", "0 to 65535")
}
