//! Around every exported function: results become numbers, sentences are kept for `sinew_last_error`, panics end here.

use super::constants::{SINEW_RESULT_OK, SINEW_RESULT_PANIC};
use super::structs::sinew_result;
use crate::error::Error;
use std::any::Any;
use std::cell::RefCell;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static LAST_ERROR: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs a function's body.
///
/// A panic is answered with `PANIC`. Bodies leave nothing half-done behind that outlives the call: locks are parking_lot's, which do not
/// poison, and the server's state is owned by its own task.
pub(super) fn guard(body: impl FnOnce() -> Result<(), Error>) -> sinew_result {
    let answer = || match body() {
        Ok(()) => SINEW_RESULT_OK,
        Err(error) => {
            remember(&error);
            error.code() as sinew_result
        }
    };
    catch_unwind(AssertUnwindSafe(answer)).unwrap_or_else(|panic| {
        remember(&format_args!("a bug in Sinew was contained: {}; please report it, with the log", text_of(&*panic)));
        SINEW_RESULT_PANIC
    })
}

/// Keeps a sentence in the room of the last one: a full queue may be answered millions of times a second.
fn remember(sentence: &dyn std::fmt::Display) {
    // A thread that is ending has lost its slot already (C may call from a destructor of its own), and nobody will ask there.
    let _ = LAST_ERROR.try_with(|slot| {
        let mut slot = slot.borrow_mut();
        slot.clear();
        // Writing to a String does not fail.
        let _ = write!(slot, "{sentence}");
    });
}

/// This thread's last sentence.
pub(super) fn last_error() -> String {
    LAST_ERROR.try_with(|slot| slot.borrow().clone()).unwrap_or_default()
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no text")
}

#[cfg(test)]
mod tests {
    use super::super::constants::SINEW_RESULT_BUSY;
    use super::*;

    #[test]
    fn a_panic_is_answered_with_its_number_and_text() {
        let result = guard(|| panic!("on purpose, by a test"));
        assert_eq!(result, SINEW_RESULT_PANIC);
        assert!(last_error().contains("on purpose, by a test"));
        assert_eq!(guard(|| Ok(())), SINEW_RESULT_OK, "the thread goes on");
        assert!(last_error().contains("on purpose, by a test"), "success leaves the sentence alone");
    }

    /// The destructors of a thread's other locals may call us (C: pthread_key_create); that must not end the process.
    #[test]
    fn a_call_from_a_thread_that_is_ending_is_answered() {
        use std::sync::mpsc::{Sender, channel};
        struct Late(Sender<(sinew_result, String)>);
        impl Drop for Late {
            fn drop(&mut self) {
                let _ = self.0.send((guard(|| Err(Error::Busy)), last_error()));
            }
        }
        thread_local!(static LATE: RefCell<Option<Late>> = const { RefCell::new(None) });
        let (answer, answered) = channel();
        let thread = std::thread::spawn(move || {
            // What is used first is destroyed last: when `Late` is dropped, the sentence's slot is gone.
            LATE.with(|late| *late.borrow_mut() = Some(Late(answer)));
            guard(|| Err(Error::Busy))
        });
        assert_eq!(thread.join().expect("it does not panic"), SINEW_RESULT_BUSY);
        assert_eq!(answered.recv(), Ok((SINEW_RESULT_BUSY, String::new())));
    }
}
