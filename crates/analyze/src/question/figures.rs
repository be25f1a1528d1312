//! The figures every grouped answer has, and the polars expressions for them.

use connlat_schema::capture::columns::{FLAGS, LATENCY_NS, OUTCOME, SYN_RETRANSMITS, TIME};
use connlat_schema::{Outcome, flags};
use polars::prelude::*;

use super::latency::{self, Latencies};
use super::parts::{Figure, Merge, aggregated};
use super::sample::Measure;
use crate::source::collect;

/// Figures of one group of connects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// All rows, whatever became of them.
    pub connects: i64,
    /// Rows with outcome `established`.
    pub established: i64,
    /// Rows that ended otherwise; `in_flight` is in neither.
    pub failed: i64,
    /// Rows by outcome, in the order of [`Outcome::ALL`].
    pub by_outcome: [i64; Outcome::COUNT],
    /// In the order of [`Measure::percentiles`]; none where the sample is too small.
    pub percentiles: Vec<Option<i64>>,
    /// The confidence interval of each, if asked for.
    pub intervals: Vec<Option<(i64, i64)>>,
    /// Largest latency.
    pub max: Option<i64>,
    /// Smallest latency.
    pub min: Option<i64>,
    /// Mean latency, rounded to a nanosecond.
    pub mean: Option<i64>,
    /// SYNs sent again, over all rows.
    pub syn_retransmits: i64,
    /// Rows with at least one SYN sent again.
    pub retransmitted: i64,
    /// Rows the latency figures rest on: established and measured.
    pub samples: i64,
    /// Time spent waiting in all rows but those in flight, s.
    pub waited: Wait,
    /// First and last start, µs since 1970 UTC.
    pub span: Option<(i64, i64)>,
}

/// Seconds; a type of its own because figures are compared for equality.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Wait(pub f64);
impl Eq for Wait {}

impl Figures {
    /// Failed connects as a share of all, none without connects.
    pub fn failure_rate(&self) -> Option<f64> {
        (self.connects > 0).then(|| self.failed as f64 / self.connects as f64)
    }

    /// A percentile by name, if it was asked for and the sample carries it.
    pub fn percentile(&self, measure: &Measure, name: &str) -> Option<i64> {
        *self.percentiles.get(measure.position(name)?)?
    }
}

/// What a group has in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// The column is null here.
    Null,
    /// Value of an integer column.
    Integer(i64),
    /// Value of a text column.
    Text(String),
}

/// One row of a grouped answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// One value for each group column.
    pub keys: Vec<Key>,
    /// The group's figures.
    pub figures: Figures,
}

const CONNECTS: &str = "figure connects";
const RETRANSMITS: &str = "figure retransmits";
const RETRANSMITTED: &str = "figure retransmitted";
const SAMPLES: &str = "figure samples";
const MAX: &str = "figure max";
const MIN: &str = "figure min";
const TOTAL: &str = "figure total";
const WAITED: &str = "figure waited";
const FIRST: &str = "figure first";
const LAST: &str = "figure last";

pub(super) fn is(outcome: Outcome) -> Expr {
    col(OUTCOME).eq(lit(outcome.as_str()))
}

/// Rows that failed.
pub fn failed() -> Expr {
    let failures = Outcome::ALL.into_iter().filter(|outcome| outcome.is_failure());
    failures.map(is).reduce(Expr::or).unwrap_or_else(|| lit(false))
}

/// Rows whose latency counts.
pub fn measured() -> Expr {
    let flagged = col(FLAGS).and(lit(i32::from(flags::NO_LATENCY)));
    is(Outcome::Established).and(flagged.eq(lit(0)))
}

/// Latency where it counts, null elsewhere.
pub(super) const MEASURED: &str = "figure measured";
const WAITING: &str = "figure waiting";
const STARTED: &str = "figure started";
const AGAIN: &str = "figure again";

/// Columns the figures are made of. They stand beside the rows, rather than as
/// filters inside the aggregation, which the streaming engine would gather
/// whole groups in memory for.
fn parts() -> Vec<Expr> {
    let none = || lit(NULL);
    let mut all = vec![
        when(measured()).then(col(LATENCY_NS)).otherwise(none()).alias(MEASURED),
        when(is(Outcome::InFlight))
            .then(lit(0.0))
            .otherwise(col(LATENCY_NS).cast(DataType::Float64))
            .alias(WAITING),
        col(TIME).cast(DataType::Int64).alias(STARTED),
        // Widened before the sum, which would otherwise wrap at 2^31.
        col(SYN_RETRANSMITS).cast(DataType::Int64).alias(AGAIN),
        col(SYN_RETRANSMITS).gt(lit(0)).cast(DataType::Int64).alias(RETRANSMITTED),
    ];
    all.extend(Outcome::ALL.map(|o| is(o).cast(DataType::Int64).alias(part(o))));
    all
}

fn part(outcome: Outcome) -> String {
    format!("figure {}", outcome.as_str())
}

/// The expressions behind [`Figures`] but for the percentiles.
fn aggregates() -> Vec<Figure> {
    let figure = |expr: Expr, name: &str, merge| (expr, name.to_owned(), merge);
    let mut all = vec![
        figure(len().cast(DataType::Int64), CONNECTS, Merge::Sum),
        figure(col(AGAIN).sum(), RETRANSMITS, Merge::Sum),
        figure(col(RETRANSMITTED).sum(), RETRANSMITTED, Merge::Sum),
        figure(col(MEASURED).count().cast(DataType::Int64), SAMPLES, Merge::Sum),
        figure(col(MEASURED).max(), MAX, Merge::Max),
        figure(col(MEASURED).min(), MIN, Merge::Min),
        // In floating point, which adds up exactly to 104 days of latency and
        // does not overflow on what a forged file may claim.
        figure(col(MEASURED).cast(DataType::Float64).sum(), TOTAL, Merge::Sum),
        figure(col(WAITING).sum(), WAITED, Merge::Sum),
        figure(col(STARTED).min(), FIRST, Merge::Min),
        figure(col(STARTED).max(), LAST, Merge::Max),
    ];
    all.extend(Outcome::ALL.map(|outcome| {
        let part = part(outcome);
        (col(&part).sum(), part, Merge::Sum)
    }));
    all
}

/// Figures by the given keys, in no order; without keys one row for everything.
///
/// A key expression must have the name given for it.
pub fn grouped(
    frame: &LazyFrame,
    keys: &[Expr],
    names: &[String],
    measure: &Measure,
) -> PolarsResult<Vec<Row>> {
    let rows_and_parts = frame.clone().with_columns(parts());
    if measure.bucketed {
        let answer = aggregated(&rows_and_parts, keys, names, &aggregates())?;
        let latencies = Latencies::buckets(frame, keys, names)?;
        return rows(&answer, names, measure, &latencies);
    }
    let mut expressions: Vec<Expr> =
        aggregates().into_iter().map(|(expr, name, _)| expr.alias(name)).collect();
    expressions.extend(latency::expressions(measure, keys.is_empty()));
    let answer = collect(match keys {
        [] => rows_and_parts.select(expressions),
        keys => rows_and_parts.group_by(keys).agg(expressions),
    })?;
    let latencies = Latencies::exact(&answer, measure)?;
    rows(&answer, names, measure, &latencies)
}

/// Typed rows of a collected answer.
fn rows(
    answer: &DataFrame,
    names: &[String],
    measure: &Measure,
    latencies: &Latencies,
) -> PolarsResult<Vec<Row>> {
    let number = |name: &str| answer.column(name)?.i64();
    let connects = number(CONNECTS)?;
    let (retransmits, retransmitted) = (number(RETRANSMITS)?, number(RETRANSMITTED)?);
    let (samples, max, min) = (number(SAMPLES)?, number(MAX)?, number(MIN)?);
    let (first, last) = (number(FIRST)?, number(LAST)?);
    let (totals, waited) = (answer.column(TOTAL)?.f64()?, answer.column(WAITED)?.f64()?);
    let outcomes = Outcome::ALL
        .iter()
        .map(|outcome| answer.column(&part(*outcome))?.i64())
        .collect::<PolarsResult<Vec<_>>>()?;
    let keys = key_columns(answer, names)?;

    let row = |row: usize| {
        let keys: Vec<Key> = keys.iter().map(|column| column[row].clone()).collect();
        let samples = samples.get(row).unwrap_or(0);
        let (percentiles, intervals) = latencies.of(row, &keys, measure, samples.unsigned_abs());
        let mut figures = Figures {
            connects: connects.get(row).unwrap_or(0),
            percentiles,
            intervals,
            max: max.get(row),
            min: min.get(row),
            mean: totals
                .get(row)
                .filter(|_| samples > 0)
                .map(|total| (total / samples as f64).round() as i64),
            syn_retransmits: retransmits.get(row).unwrap_or(0),
            retransmitted: retransmitted.get(row).unwrap_or(0),
            samples,
            waited: Wait(waited.get(row).unwrap_or(0.0) / 1e9),
            span: first.get(row).zip(last.get(row)),
            ..Figures::default()
        };
        for (place, outcome) in Outcome::ALL.into_iter().enumerate() {
            let count = outcomes[place].get(row).unwrap_or(0);
            figures.by_outcome[place] = count;
            figures.failed += if outcome.is_failure() { count } else { 0 };
            figures.established += if outcome == Outcome::Established { count } else { 0 };
        }
        Row { keys, figures }
    };
    Ok((0..answer.height()).map(row).collect())
}

/// The values of the key columns.
pub(super) fn key_columns(answer: &DataFrame, names: &[String]) -> PolarsResult<Vec<Vec<Key>>> {
    names.iter().map(|name| key_column(answer.column(name)?)).collect()
}

fn key_column(column: &Column) -> PolarsResult<Vec<Key>> {
    if let Ok(texts) = column.str() {
        let key = |text: Option<&str>| text.map_or(Key::Null, |text| Key::Text(text.to_owned()));
        return Ok(texts.iter().map(key).collect());
    }
    let numbers = column.cast(&DataType::Int64)?;
    let key = |number: Option<i64>| number.map_or(Key::Null, Key::Integer);
    Ok(numbers.i64()?.iter().map(key).collect())
}

/// One column of the capture that every figure needs, for progress.
pub const ALWAYS_READ: &str = OUTCOME;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_connects_there_is_no_rate() {
        assert_eq!(Figures::default().failure_rate(), None);
    }
}
