//! Signals that end a recording.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use connlat_schema::capture::metadata::StopReason;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};

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
