//! Percentiles and failures, overall or by key.

use std::cmp::{Ordering, Reverse};

use polars::prelude::*;

use super::by::By;
use super::candidates::{FEW_ROWS, Groups};
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

/// The first groups in an order.
pub struct Ranking {
    /// One row for each.
    pub rows: Vec<Row>,
    /// Groups there are.
    pub groups: usize,
}

/// One row for each combination of keys, in the given order, the first `top` of
/// them or all if it is 0; without keys one row for everything. Ties go by
/// connects, then by key. `most` is the number of rows there can be.
pub fn percentiles(
    frame: &LazyFrame,
    most: u64,
    by: &[By],
    order: Order,
    top: usize,
    measure: &Measure,
) -> PolarsResult<Ranking> {
    let (mut keys, names): (Vec<_>, Vec<_>) = by.iter().map(|by| (by.expr(), by.name())).unzip();
    let mut frame = frame.clone();
    let mut groups = None;
    if top > 0 && most > FEW_ROWS && !by.is_empty() {
        let all = Groups::count(&frame, by)?;
        groups = Some(all.len());
        if all.len() > top {
            let needs = highest(measure).map_or(1, |at| measure.percentiles[at].needs);
            frame = all.first(top, order, needs)?.rows(&frame, by);
            keys = names.iter().map(col).collect();
        }
    }
    let mut rows = grouped(&frame, &keys, &names, measure)?;
    rows.sort_by(|a, b| compare(a, b, order, measure));
    let groups = groups.unwrap_or(rows.len());
    if top > 0 {
        rows.truncate(top);
    }
    Ok(Ranking { rows, groups })
}

/// The percentile that groups are ordered by.
fn highest(measure: &Measure) -> Option<usize> {
    measure.position("p99").or(measure.percentiles.len().checked_sub(1))
}

fn compare(a: &Row, b: &Row, order: Order, measure: &Measure) -> Ordering {
    let highest = highest(measure);
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

#[cfg(test)]
mod tests {
    use connlat_schema::capture::columns::{
        COMM, ERRNO, FLAGS, LATENCY_NS, OUTCOME, SYN_RETRANSMITS, TIME,
    };

    use super::*;

    /// Groups of very different size, with ties, nulls and failures.
    fn frame() -> LazyFrame {
        let mut random = fastrand::Rng::with_seed(7);
        let rows = 4_000;
        let mut integers = |range: std::ops::Range<i32>| -> Vec<i32> {
            (0..rows).map(|_| random.i32(range.clone())).collect()
        };
        let (group, outcome, latency) = (integers(0..60), integers(0..10), integers(0..900));
        let comm: Vec<String> = group.iter().map(|n| format!("c{}", n * n / 90)).collect();
        let outcome: Vec<&str> =
            outcome.iter().map(|n| if *n > 1 { "established" } else { "refused" }).collect();
        let errno: Vec<Option<i32>> = group.iter().map(|n| (n % 3 > 0).then_some(n % 3)).collect();
        let latency: Vec<i64> = latency.iter().map(|n| i64::from(*n)).collect();
        let columns = vec![
            Column::new(COMM.into(), comm),
            Column::new(OUTCOME.into(), outcome),
            Column::new(ERRNO.into(), errno),
            Column::new(LATENCY_NS.into(), &latency),
            Column::new(TIME.into(), &latency),
            Column::new(SYN_RETRANSMITS.into(), vec![0_i32; rows]),
            Column::new(FLAGS.into(), vec![0_i32; rows]),
        ];
        DataFrame::new(rows, columns).expect("a frame").lazy()
    }

    /// A ranking of many rows is found by way of counts, and is the same.
    #[test]
    fn large_inputs_are_ranked_like_small_ones() {
        let frame = frame();
        let by = [By::Column(COMM), By::Column(ERRNO)];
        for bucketed in [false, true] {
            let measure = Measure::usual(bucketed);
            for order in [Order::Count, Order::Failures, Order::P99] {
                for top in [3, 1_000] {
                    let ask = |most| percentiles(&frame, most, &by, order, top, &measure);
                    let (small, large) = (ask(0).expect("rows"), ask(u64::MAX).expect("rows"));
                    assert_eq!(small.groups, large.groups);
                    assert_eq!(small.rows, large.rows, "{order:?} {top} {bucketed}");
                }
            }
        }
    }
}
