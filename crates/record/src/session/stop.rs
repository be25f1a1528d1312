//! Signals that end a recording, or ask for a snapshot of it.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use connlat_schema::capture::metadata::StopReason;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM, SIGUSR1};

/// Set by SIGUSR1 until it is asked for.
static SNAPSHOT: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Whether a snapshot was asked for since the last call.
pub fn snapshot_requested() -> bool {
    SNAPSHOT.get().is_some_and(|flag| flag.swap(false, Ordering::Relaxed))
}

/// Remembers the last signal that asked to stop.
///
/// The handlers also make the waiting poll(2) return early; SIGCHLD is there
/// for nothing else.
#[derive(Debug)]
pub struct StopSignals {
    last: Arc<AtomicUsize>,
}

impl StopSignals {
    /// Installs the handlers.
    ///
    /// # Errors
    /// From sigaction(2).
    pub fn install() -> io::Result<Self> {
        let last = Arc::new(AtomicUsize::new(0));
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            signal_hook::flag::register_usize(signal, Arc::clone(&last), signal as usize)?;
        }
        signal_hook::flag::register(SIGCHLD, Arc::default())?;
        signal_hook::flag::register(SIGUSR1, Arc::clone(SNAPSHOT.get_or_init(Arc::default)))?;
        Ok(Self { last })
    }

    /// The reason to stop, once a signal gave one.
    pub fn received(&self) -> Option<StopReason> {
        match self.last.load(Ordering::Relaxed) {
            0 => None,
            signal if signal == SIGINT as usize => Some(StopReason::Interrupted),
            _ => Some(StopReason::Terminated),
        }
    }
}
