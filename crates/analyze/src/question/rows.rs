//! Single connects: the slowest, or all in order of time.

use connlat_schema::capture::columns::{
    CGROUP, COMM, DST_ADDR, DST_PORT, ERRNO, HOST, LATENCY_NS, OUTCOME, PID, RTT_US,
    SYN_RETRANSMITS, TIME,
};
use polars::prelude::*;

use super::bound::{self, bound};
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
    let mut frame = frame.clone();
    if top > 0 && all > bound::FEW {
        let top = i64::try_from(top).unwrap_or(i64::MAX);
        frame = first(&frame, by, descending, top)?.unwrap_or(frame);
    }
    let options = SortMultipleOptions::default().with_order_descending_multi(descending);
    let mut sorted = frame.select(COLUMNS.map(col)).sort(by, options);
    if top > 0 {
        sorted = sorted.limit(IdxSize::try_from(top).unwrap_or(IdxSize::MAX));
    }
    let answer = collect(sorted)?;
    let columns = key_columns(&answer, &COLUMNS.map(str::to_owned))?;
    let row = |row: usize| columns.iter().map(|column| column[row].clone()).collect();
    Ok(((0..answer.height()).map(row).collect(), all))
}

/// Rows that the first `top` are among, and few others; none if there are not
/// as many. Sorting with a limit would hold them all.
fn first(
    frame: &LazyFrame,
    by: [&str; 2],
    descending: [bool; 2],
    top: i64,
) -> PolarsResult<Option<LazyFrame>> {
    let [key, next] = by.map(|name| col(name).cast(DataType::Int64));
    let within = |key: &Expr, descending: bool, value: i64| match descending {
        true => key.clone().gt_eq(lit(value)),
        false => key.clone().lt_eq(lit(value)),
    };
    let Some(found) = bound(frame, &key, descending[0], top)? else { return Ok(None) };
    let rows = frame.clone().filter(within(&key, descending[0], found.value));
    if found.within <= bound::FEW {
        return Ok(Some(rows));
    }
    // Many alike, of which the next column decides.
    let tied = || rows.clone().filter(key.clone().eq(lit(found.value)));
    let better = rows.clone().filter(key.clone().neq(lit(found.value)));
    let Some(last) = bound(&tied(), &next, descending[1], top - found.before)? else {
        return Ok(None);
    };
    let tied = tied().filter(within(&next, descending[1], last.value));
    // Those that are alike in both are as good as each other.
    let most = last.within.min(bound::FEW.max(top));
    let tied = tied.limit(IdxSize::try_from(most).unwrap_or(IdxSize::MAX));
    Ok(Some(concat([better, tied], UnionArgs::default())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rows_are_those_of_a_sort() {
        let mut random = fastrand::Rng::with_seed(3);
        let count = 250_000;
        // Half of the latencies alike, so that times must decide.
        let latency: Vec<i64> =
            (0..count).map(|n| if n % 2 == 0 { 900 } else { n % 900 }).collect();
        let time: Vec<i64> = (0..count).map(|_| random.i64(0..1 << 40)).collect();
        let columns =
            vec![Column::new(LATENCY_NS.into(), &latency), Column::new(TIME.into(), &time)];
        let frame = DataFrame::new(count as usize, columns).expect("a frame").lazy();
        for (by, descending) in
            [([LATENCY_NS, TIME], [true, false]), ([TIME, LATENCY_NS], [false, false])]
        {
            for top in [20, 125_001, 250_001] {
                let options =
                    SortMultipleOptions::default().with_order_descending_multi(descending);
                let sorted = |frame: LazyFrame| {
                    collect(frame.sort(by, options.clone()).limit(top as IdxSize)).expect("rows")
                };
                let found = first(&frame, by, descending, top).expect("an answer");
                assert_eq!(found.is_some(), top <= count, "{top}");
                if let Some(found) = found {
                    assert!(sorted(found).equals(&sorted(frame.clone())), "{by:?} {top}");
                }
            }
        }
    }
}
