//! Whoever interrupts the making of a bundle finds nothing of it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::ensure;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::session::Ignored;

static INTERRUPTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on these signals are noticed by [`check`]; the second one ends the
/// program at once.
///
/// # Errors
/// From sigaction(2).
pub fn watch() -> io::Result<()> {
    let flag = INTERRUPTED.get_or_init(Arc::default);
    let ignored = Ignored::at_start();
    for signal in [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|it| !ignored.holds(*it)) {
        // In this order: the first sets the flag that arms the second.
        signal_hook::flag::register_conditional_default(signal, Arc::clone(flag))?;
        signal_hook::flag::register(signal, Arc::clone(flag))?;
    }
    Ok(())
}

/// An error once a signal came.
///
/// # Errors
/// Then.
pub fn check() -> anyhow::Result<()> {
    let interrupted = INTERRUPTED.get().is_some_and(|flag| flag.load(Ordering::Relaxed));
    ensure!(!interrupted, "interrupted; no bundle was written");
    Ok(())
}
