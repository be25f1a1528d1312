//! Signals that end a recording, or ask for a snapshot of it.

use std::fs;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use connlat_schema::capture::metadata::StopReason;
use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGXFSZ};

/// Set by SIGUSR1 until it is asked for.
static SNAPSHOT: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Whether a snapshot was asked for since the last call.
pub fn snapshot_requested() -> bool {
    SNAPSHOT.get().is_some_and(|flag| flag.swap(false, Ordering::Relaxed))
}

/// Remembers the last signal that asked to stop.
///
/// The handlers also make the waiting poll(2) return early; SIGCHLD is there
/// for nothing else. That of SIGXFSZ makes a file-size limit a write error like
/// others; unlike a signal that is ignored it does not reach the command.
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
        let ignored = Ignored::at_start();
        for signal in [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| !ignored.holds(*signal))
        {
            signal_hook::flag::register_usize(signal, Arc::clone(&last), signal as usize)?;
        }
        signal_hook::flag::register(SIGCHLD, Arc::default())?;
        signal_hook::flag::register(SIGXFSZ, Arc::default())?;
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

/// Signals that whoever started this process wants it to ignore, as nohup(1)
/// does: they stay ignored.
pub struct Ignored {
    mask: u64,
}

impl Ignored {
    /// `SigIgn` of proc(5), before any handler is there.
    pub fn at_start() -> Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        Self { mask: ignored_mask(&status).unwrap_or_default() }
    }

    fn contains(&self, signal: i32) -> bool {
        self.mask & (1 << (signal - 1)) != 0
    }

    /// Whether this one stays ignored.
    pub fn holds(&self, signal: i32) -> bool {
        // A shell that starts something in the background of a script ignores
        // SIGINT and SIGQUIT for it (POSIX, 2.12 Signals and Error Handling),
        // without a thought of kill -INT, which is how recorders are ended.
        let by_habit = signal == SIGINT && self.contains(SIGQUIT);
        self.contains(signal) && !by_habit
    }
}

fn ignored_mask(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_ignored_stays_so_but_for_a_shell_s_habit() {
        let ignored = |mask| Ignored { mask };
        assert!(ignored(0b1).holds(SIGHUP), "nohup");
        assert!(!ignored(0b1).holds(SIGINT));
        assert!(ignored(0b10).holds(SIGINT), "trap '' INT");
        assert!(!ignored(0b110).holds(SIGINT), "in the background of a script");
        assert!(ignored(0b111).holds(SIGHUP));
        assert!(ignored(1 << 14).holds(SIGTERM));
        assert_eq!(ignored_mask("SigBlk:\t0\nSigIgn:\t0000000000001001\n"), Some(0x1001));
        assert_eq!(ignored_mask(""), None);
    }
}
