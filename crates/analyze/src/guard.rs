//! Last line of defence against files that make a parser panic.
//!
//! Footers are validated before polars sees them, but pages are not: a file
//! damaged inside may still trip an assertion somewhere in a decoder. That
//! must end as one line about the file, never as a backtrace.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, Once, PoisonError};

/// What the first panic since the last [`caught`] said, on whatever thread:
/// polars decodes on workers, whose panics arrive here without their message.
static PANIC: Mutex<Option<String>> = Mutex::new(None);
/// Calls of [`caught`] that are under way.
static RUNNING: AtomicUsize = AtomicUsize::new(0);

fn panic_message() -> std::sync::MutexGuard<'static, Option<String>> {
    PANIC.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps what panics say off the terminal, and in mind, while something is
/// caught; at other times it is said as before.
fn keep_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if RUNNING.load(Ordering::Relaxed) == 0 {
                return before(panic);
            }
            let message = panic.payload_as_str().unwrap_or("no message");
            let place = panic
                .location()
                .map_or_else(String::new, |place| format!(" ({}:{})", place.file(), place.line()));
            panic_message().get_or_insert_with(|| format!("{message}{place}"));
        }));
    });
}

/// Runs `work`; a panic becomes an error with the panic's message.
///
/// # Errors
/// The message of the panic.
pub fn caught<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    keep_quiet();
    RUNNING.fetch_add(1, Ordering::Relaxed);
    let result = catch_unwind(AssertUnwindSafe(work));
    RUNNING.fetch_sub(1, Ordering::Relaxed);
    result.map_err(|_| panic_message().take().unwrap_or_else(|| "a worker gave up".to_owned()))
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
