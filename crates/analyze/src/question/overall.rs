//! Percentiles and failures, overall or by column.

use polars::prelude::*;

use super::figures::{Row, aggregates, rows};
use crate::source::collect;

/// One row for each combination of values of `by`, the most frequent first;
/// without columns one row for everything.
pub fn percentiles(frame: LazyFrame, by: &[String]) -> PolarsResult<Vec<Row>> {
    if by.is_empty() {
        return rows(&collect(frame.select(aggregates()))?, by);
    }
    let keys: Vec<Expr> = by.iter().map(col).collect();
    let answer = collect(frame.group_by(keys).agg(aggregates()))?;
    let mut answer = rows(&answer, by)?;
    answer.sort_by(|a, b| {
        let frequency = b.figures.connects.cmp(&a.figures.connects);
        frequency.then_with(|| a.keys.cmp(&b.keys))
    });
    Ok(answer)
}
