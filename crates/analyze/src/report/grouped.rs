//! Figures and counts by key.

use polars::prelude::LazyFrame;

use super::ReportError;
use crate::answer::AnswerTable;
use crate::options::Options;
use crate::question::{self, By, Measure, Order, Ranking};
use crate::selection::Only;
use crate::source::Captures;

/// Figures by key, of the first `top` groups or of all if it is 0.
pub(super) fn table(
    captures: &Captures,
    by: &[By],
    order: Order,
    top: usize,
    measure: &Measure,
) -> Result<(AnswerTable, usize), ReportError> {
    let all = captures.row_count();
    let Ranking { rows, groups } =
        captures.ask(|frame| question::percentiles(frame, all, by, order, top, measure))?;
    Ok((AnswerTable::grouped(&names(by), rows, measure), groups))
}

/// Counts by outcome.
pub(super) fn outcomes(captures: &Captures, by: &[By]) -> Result<AnswerTable, ReportError> {
    let counts = captures.ask(|frame| question::outcomes(frame, by))?;
    Ok(AnswerTable::outcomes(&names(by), &counts))
}

fn names(by: &[By]) -> Vec<String> {
    by.iter().map(|by| by.name()).collect()
}

/// The rows whose latency a question about latencies is about: measured ones,
/// or the failed ones if those are selected.
pub(super) fn with_latency(frame: &LazyFrame, options: &Options) -> LazyFrame {
    match options.selection.only {
        Only::Failed => frame.clone(),
        _ => frame.clone().filter(question::measured()),
    }
}

/// What a reader of the percentiles needs to know.
pub(super) fn with_notes(mut table: AnswerTable, measure: &Measure) -> AnswerTable {
    if table.has_small_samples() {
        table.notes.push(measure.small_sample_note());
    }
    if measure.intervals.is_some() {
        table.notes.push(
            "low and high: the 95 % confidence interval of the percentile, from order statistics"
                .to_owned(),
        );
    }
    if measure.bucketed {
        table.notes.push(
            "percentiles from buckets of 1 %: each was measured and is at most 1 % above the exact \
             one; --percentiles exact sorts every latency"
                .to_owned(),
        );
    }
    table
}
