//! `analyze timeseries`: figures by interval of wall-clock time.

use std::collections::HashMap;

use clap::Args;
use clap::error::ErrorKind;

use super::over_time::{Span, recordings, span};
use super::{Answered, Ask, AskError, Run, merged, ranked, takes_input};
use crate::answer::AnswerTable;
use crate::capture::Captures;
use crate::cli::args::{ByArgs, Every, Input, Quantiles, examples};
use crate::scan::ranking::{self, Asked, Order};
use crate::scan::{By, Rows};
use crate::stats::interval::{check_buckets, every_for};
use crate::stats::{Figures, Key, Measure, Row};

/// Connects, failures and percentiles over time
///
/// One row for each interval of wall-clock time (UTC), by the time the connects started.
/// Intervals without connects are rows of zeros, from the start of the recording to its end;
/// with --by they are left out.
#[derive(Debug, Args)]
#[command(after_help = examples!("analyze timeseries --every 10s web-1.parquet"))]
pub struct Timeseries {
    #[command(flatten)]
    every: Every,
    #[command(flatten)]
    by: ByArgs,
    #[command(flatten)]
    quantiles: Quantiles,
    #[command(flatten)]
    input: Input,
}

impl Ask for Timeseries {
    takes_input!();

    fn check(&self) -> Result<(), (ErrorKind, String)> {
        self.every.micros().map(|_| ()).map_err(|text| (ErrorKind::ValueValidation, text))
    }

    fn ask<'r>(&self, run: &'r Run<'_>) -> Result<Answered<'r>, AskError> {
        let measure = self.quantiles.measure();
        let span = span(run)?;
        let every = self.every.micros().unwrap_or_default();
        let every = every.unwrap_or_else(|| every_for(span));
        if let Some(span) = span {
            check_buckets(span, every)?;
        }
        let by = self.by.after(&[]);
        let asked = asked(every, &by, &measure);
        let (found, scanned) = ranking::ranking(&run.scan, asked, merged::looked_at(run, &by))?;
        let span = span.filter(|_| scanned.rows > 0);
        let series = TimeSeries::new(found.rows, span, every, by.is_empty(), &measure);
        let table = series.table(&ranked::names(&by), run.captures, &measure);
        let mut table = table.with_notes(&measure);
        table.notes.extend(merged::notes(run, &by, &scanned.found, &scanned.texts));
        Ok(Answered::table(table, scanned.rows))
    }
}

/// Figures by interval, then by keys.
pub fn asked(every: i64, by: &[By], measure: &Measure) -> Asked {
    let by = std::iter::once(By::Interval(every)).chain(by.iter().copied()).collect();
    let (rows, order, measure) = (Rows::default(), Order::Count, measure.clone());
    Asked { by, rows, order, top: 0, measure }
}

/// Figures over time.
pub struct TimeSeries {
    /// Width of an interval, µs.
    pub every: i64,
    /// Start of each interval, µs since 1970 UTC, with the group's keys and
    /// its figures.
    pub buckets: Vec<(i64, Vec<Key>, Figures)>,
}

impl TimeSeries {
    /// From a ranking by interval and keys. Every interval of the span if there
    /// are no keys, else those that hold something.
    pub fn new(rows: Vec<Row>, span: Span, every: i64, whole: bool, measure: &Measure) -> Self {
        let bucket = |mut row: Row| match row.keys.remove(0) {
            Key::Integer(start) => Some((start, row.keys, row.figures)),
            _ => None,
        };
        let mut buckets: Vec<_> = rows.into_iter().filter_map(bucket).collect();
        if whole && let Some((first, last)) = span {
            let mut by_start: HashMap<i64, Figures> =
                buckets.drain(..).map(|(start, _, figures)| (start, figures)).collect();
            let (first, last) = (first.div_euclid(every), last.div_euclid(every));
            buckets = (first..=last)
                .map(|bucket| {
                    let start = bucket.wrapping_mul(every);
                    let figures = by_start.remove(&start);
                    (start, Vec::new(), figures.unwrap_or_else(|| Figures::none(measure)))
                })
                .collect();
        }
        buckets.sort_by(|a, b| {
            let busiest = || b.2.connects.cmp(&a.2.connects);
            a.0.cmp(&b.0).then_with(busiest).then_with(|| a.1.cmp(&b.1))
        });
        Self { every, buckets }
    }

    /// As a table, which says if it reaches beyond all recordings.
    pub fn table(
        &self,
        by: &[String],
        captures: &Captures,
        measure: &Measure,
    ) -> AnswerTable<'static> {
        let mut table = AnswerTable::timeseries(by, self.every, &self.buckets, measure);
        let recorded = recordings(captures);
        let outside = self.buckets.iter().filter(|(start, ..)| {
            let end = start.saturating_add(self.every);
            !recorded.iter().any(|(from, to)| start <= to && *from < end)
        });
        match outside.count() {
            0 => {}
            count => table.notes.push(format!(
                "nothing was recorded during {count} of the intervals: their zeros mean nothing"
            )),
        }
        table
    }
}
