//! A bar on standard error for whatever takes more than a second.
//!
//! Rows are counted as they pass through a query; a question may read them
//! more than once, so the bar shows rows, not an end.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use polars::prelude::{LazyFrame, col};

use crate::question::ALWAYS_READ;
use crate::source::Captures;

/// Inputs this small are read before anyone looks for a bar.
const FEWEST_ROWS: u64 = 1_000_000;
/// What passes without a bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// A bar, or none where it would be in the way.
pub struct Progress(Option<Arc<ProgressBar>>);

impl Progress {
    /// Watches the captures if standard error is a terminal and there is
    /// enough to read.
    pub fn watch(captures: &mut Captures) -> Self {
        if captures.row_count() < FEWEST_ROWS || !io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) =
            ProgressStyle::with_template("{spinner} {human_pos} rows read, {per_sec}, {elapsed}")
        {
            bar.set_style(style);
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
        let counter = Arc::clone(&bar);
        captures.watch(move |frame: LazyFrame| {
            let counter = Arc::clone(&counter);
            frame.with_column(col(ALWAYS_READ).map(
                move |column| {
                    counter.inc(column.len() as u64);
                    Ok(column)
                },
                |_, field| Ok(field.clone()),
            ))
        });
        Self(Some(bar))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
