//! Threads with a name, and an error that says which one is missing.

use std::io;
use std::thread::{Builder, JoinHandle};

/// A thread could not be started.
#[derive(Debug, thiserror::Error)]
#[error("cannot start the thread \"{name}\"; raise ulimit -u, or TasksMax= of the service")]
pub struct CannotStart {
    name: &'static str,
    source: io::Error,
}

/// Starts a thread.
///
/// # Errors
/// [`CannotStart`] when the system has none left.
pub fn start<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, CannotStart> {
    let started = Builder::new().name(name.to_owned()).spawn(work);
    started.map_err(|source| CannotStart { name, source })
}
