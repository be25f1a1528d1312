//! Where connects went: one row per destination address and port.

use std::cmp::{Ordering, Reverse};

use connlat_schema::capture::columns::{DST_ADDR, DST_PORT};
use polars::prelude::*;

use super::figures::{Row, aggregates, rows};
use crate::source::collect;

/// What puts a destination first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Most connects.
    Count,
    /// Most failed connects.
    Failures,
    /// Highest p99; those too small for one come last.
    P99,
}

/// Columns a destination consists of.
pub const COLUMNS: [&str; 2] = [DST_ADDR, DST_PORT];

/// All destinations in the given order; ties by connects, then by address.
pub fn destinations(frame: LazyFrame, order: Order) -> PolarsResult<Vec<Row>> {
    let answer = collect(frame.group_by(COLUMNS.map(col)).agg(aggregates()))?;
    let mut answer = rows(&answer, &COLUMNS)?;
    answer.sort_by(|a, b| compare(a, b, order));
    Ok(answer)
}

fn compare(a: &Row, b: &Row, order: Order) -> Ordering {
    let key = |row: &Row| match order {
        Order::Count => Some(row.figures.connects),
        Order::Failures => Some(row.figures.failed),
        Order::P99 => row.figures.p99(),
    };
    // None is below every number, so in reverse it comes last.
    Reverse(key(a))
        .cmp(&Reverse(key(b)))
        .then_with(|| b.figures.connects.cmp(&a.figures.connects))
        .then_with(|| a.keys.cmp(&b.keys))
}
