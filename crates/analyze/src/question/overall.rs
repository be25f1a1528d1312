//! Percentiles and failures, overall or by key.

use std::cmp::{Ordering, Reverse};

use polars::prelude::*;

use super::by::By;
use super::figures::{Row, grouped};
use super::sample::Measure;

/// What puts a group first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Most connects.
    Count,
    /// Most failed connects.
    Failures,
    /// Highest p99, or the highest percentile if p99 is not given; groups too
    /// small for one come last.
    P99,
}

/// One row for each combination of keys, in the given order; without keys one
/// row for everything. Ties go by connects, then by key.
pub fn percentiles(
    frame: &LazyFrame,
    by: &[By],
    order: Order,
    measure: &Measure,
) -> PolarsResult<Vec<Row>> {
    let (keys, names): (Vec<_>, Vec<_>) = by.iter().map(|by| (by.expr(), by.name())).unzip();
    let mut rows = grouped(frame, &keys, &names, measure)?;
    rows.sort_by(|a, b| compare(a, b, order, measure));
    Ok(rows)
}

fn compare(a: &Row, b: &Row, order: Order, measure: &Measure) -> Ordering {
    let highest = measure.position("p99").or(measure.percentiles.len().checked_sub(1));
    let key = |row: &Row| match order {
        Order::Count => Some(row.figures.connects),
        Order::Failures => Some(row.figures.failed),
        Order::P99 => highest.and_then(|at| row.figures.percentiles.get(at).copied().flatten()),
    };
    // None is below every number, so in reverse it comes last.
    Reverse(key(a))
        .cmp(&Reverse(key(b)))
        .then_with(|| b.figures.connects.cmp(&a.figures.connects))
        .then_with(|| a.keys.cmp(&b.keys))
}
