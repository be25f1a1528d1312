//! Last line of defence against files that make a parser panic.
//!
//! Footers are validated before polars sees them, but pages are not: a file
//! damaged inside may still trip an assertion somewhere in a decoder. That
//! must end as one line about the file, never as a backtrace.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static LAST_PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps panics off the terminal; what they said is remembered for [`caught`].
pub fn silence_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let message = panic.payload_as_str().unwrap_or("no message");
        let place = panic
            .location()
            .map_or_else(String::new, |place| format!(" ({}:{})", place.file(), place.line()));
        LAST_PANIC.set(Some(format!("{message}{place}")));
    }));
}

/// Runs `work`; a panic becomes an error with the panic's message, as far as
/// it happened on this thread.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work))
        .map_err(|_| LAST_PANIC.take().unwrap_or_else(|| "a worker gave up".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error() {
        assert_eq!(caught(|| 7), Ok(7));
        assert!(caught(|| panic!("no")).is_err());
    }
}
