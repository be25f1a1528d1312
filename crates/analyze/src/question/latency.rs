//! Percentiles of latencies, exact or from counts in buckets.
//!
//! Exact percentiles need every latency in memory: 8 bytes each while they
//! are sorted. Larger inputs are counted in buckets whose bounds grow by 1 %;
//! the largest latency of the bucket the rank falls into is given, which was
//! measured and is at most 1 % above the exact one.

use std::collections::HashMap;

use connlat_schema::capture::columns::LATENCY_NS;
use polars::prelude::*;

use super::figures::{Key, MEASURED, key_columns, measured};
use super::parts::{Merge, aggregated, at_once};
use super::sample::Measure;

/// Ratio of the bounds of a bucket.
const RATIO: f64 = 1.01;

/// Lowest and highest latency the percentile may have.
type Interval = Option<(i64, i64)>;

const LIST: &str = "figure latencies";
const BUCKET: &str = "figure bucket";
const COUNT: &str = "figure count";
const LARGEST: &str = "figure largest";

/// What percentiles are read from.
pub(super) enum Latencies {
    /// Percentiles as the engine found them, and sorted latencies if
    /// intervals are wanted; by row of the answer.
    Exact { percentiles: Vec<Vec<Option<i64>>>, sorted: Vec<Vec<i64>> },
    /// (largest latency, count) of each bucket, ascending; by key.
    Buckets(HashMap<Vec<Key>, Vec<(i64, u64)>>),
}

/// Expressions that [`Latencies::exact`] reads.
pub(super) fn expressions(measure: &Measure, whole: bool) -> Vec<Expr> {
    let mut all: Vec<Expr> = measure
        .percentiles
        .iter()
        .map(|percentile| {
            let quantile = lit(percentile.quantile());
            let figure = col(MEASURED).quantile(quantile, QuantileMethod::Equiprobable);
            // As a float: exact up to 2^53 ns, which is 104 days.
            figure.cast(DataType::Int64).alias(&*percentile.column)
        })
        .collect();
    if measure.intervals.is_some() {
        let latencies = col(MEASURED).drop_nulls();
        let list = if whole { latencies.implode(true) } else { latencies };
        all.push(list.alias(LIST));
    }
    all
}

impl Latencies {
    pub(super) fn exact(answer: &DataFrame, measure: &Measure) -> PolarsResult<Self> {
        let percentiles = measure
            .percentiles
            .iter()
            .map(|percentile| Ok(answer.column(&percentile.column)?.i64()?.iter().collect()))
            .collect::<PolarsResult<_>>()?;
        let mut sorted = Vec::new();
        if measure.intervals.is_some() {
            let lists = answer.column(LIST)?.list()?;
            for row in 0..answer.height() {
                let list = lists.get_as_series(row).map(|list| {
                    let mut values: Vec<i64> = list.i64()?.iter().flatten().collect();
                    values.sort_unstable();
                    PolarsResult::Ok(values)
                });
                sorted.push(list.transpose()?.unwrap_or_default());
            }
        }
        Ok(Self::Exact { percentiles, sorted })
    }

    pub(super) fn buckets(
        frame: &LazyFrame,
        keys: &[Expr],
        names: &[String],
    ) -> PolarsResult<Self> {
        // Latencies that are not positive have no logarithm; they share the
        // bucket of 1 ns.
        let positive = col(LATENCY_NS).clip_min(lit(1)).cast(DataType::Float64);
        let bucket = positive.log(lit(RATIO)).floor().cast(DataType::Int32).alias(BUCKET);
        let by = keys.iter().cloned().chain([bucket]).collect::<Vec<_>>();
        let mut all_names = names.to_vec();
        all_names.push(BUCKET.to_owned());
        let figures = [
            (len().cast(DataType::Int64), COUNT.to_owned(), Merge::Sum),
            (col(LATENCY_NS).max(), LARGEST.to_owned(), Merge::Max),
        ];
        let measured = frame.clone().filter(measured());
        let counted = match keys {
            // No more buckets than bounds between 1 and 2^63, some 4,400.
            [] => at_once(measured, &by, &figures)?,
            _ => aggregated(&measured, &by, &all_names, &figures)?,
        };
        let keys = key_columns(&counted, names)?;
        let (counts, largest) = (counted.column(COUNT)?.i64()?, counted.column(LARGEST)?.i64()?);
        let mut all: HashMap<Vec<Key>, Vec<(i64, u64)>> = HashMap::new();
        for row in 0..counted.height() {
            let key = keys.iter().map(|column| column[row].clone()).collect();
            let count = counts.get(row).unwrap_or(0).unsigned_abs();
            all.entry(key).or_default().push((largest.get(row).unwrap_or(0), count));
        }
        for buckets in all.values_mut() {
            buckets.sort_unstable();
        }
        Ok(Self::Buckets(all))
    }

    /// Percentiles and intervals of one row of the answer.
    pub(super) fn of(
        &self,
        row: usize,
        keys: &[Key],
        measure: &Measure,
        samples: u64,
    ) -> (Vec<Option<i64>>, Vec<Interval>) {
        let carried = |needs: u64| samples >= needs;
        let at = |rank: u64| self.at(row, keys, rank);
        let percentiles = measure.percentiles.iter().enumerate().map(|(index, percentile)| {
            if !carried(percentile.needs) {
                return None;
            }
            match self {
                Self::Exact { percentiles, .. } => percentiles[index][row],
                Self::Buckets(_) => at(percentile.rank(samples)),
            }
        });
        let interval = |z: f64| {
            measure.percentiles.iter().map(move |percentile| {
                let (low, high) = percentile.interval(samples, z)?;
                at(low).zip(at(high))
            })
        };
        let intervals = measure.intervals.into_iter().flat_map(interval);
        (percentiles.collect(), intervals.collect())
    }

    /// The latency at a rank, from 1.
    fn at(&self, row: usize, keys: &[Key], rank: u64) -> Option<i64> {
        match self {
            Self::Exact { sorted, .. } => {
                sorted.get(row)?.get(usize::try_from(rank.checked_sub(1)?).ok()?).copied()
            }
            Self::Buckets(all) => {
                let mut below = 0;
                let bucket = all.get(keys)?.iter().find(|(_, count)| {
                    below += count;
                    below >= rank
                });
                bucket.map(|(largest, _)| *largest)
            }
        }
    }
}
