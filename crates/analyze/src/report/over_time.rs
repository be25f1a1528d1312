//! Answers over time.

use connlat_schema::capture::metadata::CaptureInfo;

use super::{ReportError, grouped};
use crate::answer::AnswerTable;
use crate::options::Options;
use crate::question::{self, By, Measure, TimeSeries};
use crate::source::Captures;

/// First and last microsecond the series covers.
type Span = Option<(i64, i64)>;

/// The span of the selected rows and of the recordings, within what was
/// selected.
pub(super) fn span(captures: &Captures, options: &Options) -> Result<Span, ReportError> {
    let (from, to) = options.selection.span(captures.recorded())?;
    let recordings = recordings(captures).filter_map(|(start, stop)| {
        let start = from.map_or(start, |from| start.max(from));
        let stop = to.map_or(stop, |to| stop.min(to));
        (start <= stop).then_some((start, stop))
    });
    Ok(captures.ask(|frame| question::span_of(frame, recordings))?)
}

/// The spans of recordings, where what the file says of it can be one.
fn recordings(captures: &Captures) -> impl Iterator<Item = (i64, i64)> {
    let recorded = |info: &CaptureInfo| {
        let (start, stop) = (info.start.time_us, info.stop.time_us);
        (start <= stop).then_some((start, stop))
    };
    captures.each.iter().filter_map(move |capture| recorded(&capture.info))
}

/// Figures over time, as answered and as a table.
pub(super) fn table(
    captures: &Captures,
    options: &Options,
    every: Option<i64>,
    by: &[By],
    measure: &Measure,
) -> Result<(AnswerTable, TimeSeries), ReportError> {
    let span = span(captures, options)?;
    let every = every.unwrap_or_else(|| question::every_for(span));
    let series = captures.ask(|frame| question::timeseries(frame, span, every, by, measure))??;
    let names: Vec<String> = by.iter().map(|by| by.name()).collect();
    let mut table = AnswerTable::timeseries(&names, &series, measure);
    let outside = series.buckets.iter().filter(|(start, ..)| {
        let end = start.saturating_add(every);
        !recordings(captures).any(|(from, to)| *start <= to && from < end)
    });
    match outside.count() {
        0 => {}
        count => table.notes.push(format!(
            "{count} of the intervals lie outside every recording: their zeros mean nothing"
        )),
    }
    Ok((table, series))
}

/// Columns that the latencies beside a heatmap take.
const SCALE: usize = 10;

/// Intervals that can be drawn beside something, a character each.
pub(super) fn beside(width: usize, taken: usize) -> i64 {
    /// Below this nothing can be made out, so the lines become too long.
    const NARROWEST: usize = 20;
    i64::try_from(width.saturating_sub(taken).max(NARROWEST)).unwrap_or(i64::MAX)
}

/// Counts by latency and time.
pub(super) fn heatmap(
    captures: &Captures,
    options: &Options,
    width: usize,
    every: Option<i64>,
) -> Result<AnswerTable, ReportError> {
    let span = span(captures, options)?;
    let Some((first, last)) = span else {
        return Ok(AnswerTable::heatmap(&[], (0, 0), 1_000_000));
    };
    let every = match every {
        // Refused for the same reason as in a time series.
        Some(every) => {
            question::check_buckets((first, last), every)?;
            every
        }
        None => question::every_for_at_most(span, beside(width, SCALE)),
    };
    let bins =
        captures.ask(|frame| question::heatmap(&grouped::with_latency(frame, options), every))?;
    Ok(AnswerTable::heatmap(&bins, (first, last), every))
}
