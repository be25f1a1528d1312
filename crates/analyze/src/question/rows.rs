//! Single connects: the slowest, or all in order of time.

use connlat_schema::capture::columns::{
    CGROUP, COMM, DST_ADDR, DST_PORT, ERRNO, HOST, LATENCY_NS, OUTCOME, PID, RTT_US,
    SYN_RETRANSMITS, TIME,
};
use polars::prelude::*;

use super::figures::{Key, key_columns};
use crate::source::collect;

/// Columns shown of a single connect, with those that say most first.
pub const COLUMNS: [&str; 12] = [
    TIME,
    LATENCY_NS,
    OUTCOME,
    ERRNO,
    SYN_RETRANSMITS,
    RTT_US,
    PID,
    COMM,
    DST_ADDR,
    DST_PORT,
    CGROUP,
    HOST,
];

/// Which come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowOrder {
    /// Longest latency.
    Slowest,
    /// Earliest start.
    Time,
}

/// The first `top` rows, 0 for all, and the number of rows there are.
pub fn rows(frame: &LazyFrame, order: RowOrder, top: usize) -> PolarsResult<(Vec<Vec<Key>>, i64)> {
    const COUNT: &str = "count";
    let count = len().cast(DataType::Int64).alias(COUNT);
    let counted = collect(frame.clone().select([count]))?;
    let all = counted.column(COUNT)?.i64()?.get(0).unwrap_or(0);
    let (by, descending) = match order {
        RowOrder::Slowest => ([LATENCY_NS, TIME], [true, false]),
        RowOrder::Time => ([TIME, LATENCY_NS], [false, false]),
    };
    let options = SortMultipleOptions::default().with_order_descending_multi(descending);
    let mut sorted = frame.clone().select(COLUMNS.map(col)).sort(by, options);
    if top > 0 {
        sorted = sorted.limit(IdxSize::try_from(top).unwrap_or(IdxSize::MAX));
    }
    let answer = collect(sorted)?;
    let columns = key_columns(&answer, &COLUMNS.map(str::to_owned))?;
    let row = |row: usize| columns.iter().map(|column| column[row].clone()).collect();
    Ok(((0..answer.height()).map(row).collect(), all))
}
