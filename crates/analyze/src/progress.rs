//! A bar on standard error for whatever takes more than a second: rows, bytes
//! and the time left.

use std::fmt::Write;
use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::units;

/// Inputs this small are read before anyone looks for a bar.
const FEWEST_ROWS: u64 = 1_000_000;
/// What passes without a bar.
const PATIENCE: Duration = Duration::from_secs(1);
const TEMPLATE: &str =
    "{spinner} {prefix}{human_pos} of {human_len} rows, {msg}, {rate}, {eta} left";

/// A bar, or none where it would be in the way.
#[derive(Default)]
pub struct Progress {
    bar: Option<Arc<ProgressBar>>,
    /// Bytes of this pass, and of what was read of them.
    bytes: (AtomicU64, AtomicU64),
    passes: AtomicU64,
    ended: AtomicBool,
}

impl Progress {
    /// A bar if standard error is a terminal and there is enough to read.
    pub fn of(rows: u64) -> Self {
        if rows < FEWEST_ROWS || !io::stderr().is_terminal() {
            return Self::default();
        }
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            let rate = |state: &ProgressState, out: &mut dyn Write| {
                // Nothing is left to do if it cannot be written.
                let _ = write!(out, "{} rows/s", units::count(state.per_sec() as i64));
            };
            bar.set_style(style.with_key("rate", rate));
        }
        let bar = Arc::new(bar);
        let shown = Arc::downgrade(&bar);
        std::thread::spawn(move || {
            std::thread::sleep(PATIENCE);
            if let Some(bar) = shown.upgrade() {
                bar.set_draw_target(ProgressDrawTarget::stderr());
                bar.enable_steady_tick(Duration::from_millis(200));
            }
        });
        let (bytes, passes, ended) = Default::default();
        Self { bar: Some(bar), bytes, passes, ended }
    }

    fn bar(&self) -> Option<&ProgressBar> {
        self.bar.as_deref().filter(|_| !self.ended.load(Ordering::Relaxed))
    }

    /// Takes the bar away for good: the answer is being written, and may still
    /// need passes.
    pub fn end(&self) {
        if let Some(bar) = self.bar() {
            bar.finish_and_clear();
        }
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Begins a pass over parts of so many rows and bytes.
    pub fn begin(&self, parts: impl Iterator<Item = (u64, u64)>) {
        let Some(bar) = self.bar() else { return };
        let (rows, bytes) = parts.fold((0, 0), |sum, part| (sum.0 + part.0, sum.1 + part.1));
        self.bytes.0.store(bytes, Ordering::Relaxed);
        self.bytes.1.store(0, Ordering::Relaxed);
        let pass = self.passes.fetch_add(1, Ordering::Relaxed) + 1;
        bar.set_length(rows);
        bar.reset();
        if pass > 1 {
            bar.set_prefix(format!("pass {pass}: "));
        }
    }

    /// So many rows and bytes of it were read.
    pub fn add(&self, (rows, bytes): (u64, u64)) {
        let Some(bar) = self.bar() else { return };
        let read = self.bytes.1.fetch_add(bytes, Ordering::Relaxed) + bytes;
        let all = self.bytes.0.load(Ordering::Relaxed);
        bar.set_message(format!("{} of {}", units::bytes(read), units::bytes(all)));
        bar.inc(rows);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}
