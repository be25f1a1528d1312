//! A ranking as asked for, and the order of its groups.

use std::cmp::{Ordering, Reverse};

use super::Scan;
use super::grouped::{Grouped, Partition, parts};
use super::key::{By, Value};
use super::refine;
use super::rows::Rows;
use crate::stats::figures::Tally;
use crate::stats::{Key, Measure, Row};

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

/// A ranking as asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Keys; empty for one row of everything.
    pub by: Vec<By>,
    /// Which rows count.
    pub rows: Rows,
    /// What comes first; ties go by connects, then by key.
    pub order: Order,
    /// Groups shown, 0 for all.
    pub top: usize,
    /// Which percentiles.
    pub measure: Measure,
}

impl Asked {
    /// Everything, as one group.
    pub fn whole(measure: Measure) -> Self {
        let (by, rows) = (Vec::new(), Rows::default());
        Self { by, rows, order: Order::Count, top: 0, measure }
    }

    /// What a scan is to be fed to.
    pub fn accumulator(&self, scan: &Scan<'_>) -> Grouped {
        self.of_partition(scan, Partition::default())
    }

    pub(super) fn of_partition(&self, scan: &Scan<'_>, partition: Partition) -> Grouped {
        let grouped = Grouped::new(parts(&self.by), self.rows, scan.hasher.clone());
        match self.top {
            0 => grouped.no_more_than(scan.budget.listed),
            // Each thread has a table of its own.
            _ => grouped.at_most((scan.budget.groups / Scan::threads()).max(1), partition),
        }
    }

    /// Where the percentile is that groups are ordered by.
    pub(super) fn highest(&self) -> Option<usize> {
        self.measure.position("p99").or(self.measure.percentiles.len().checked_sub(1))
    }

    /// What orders groups before anything exact is known of them; larger
    /// comes first.
    pub(super) fn rank(&self, tally: &Tally) -> (u64, u64) {
        match self.order {
            Order::Count | Order::Failures => self.rank_of(tally.connects(), tally.failed()),
            Order::P99 => {
                let samples = tally.samples();
                let carried = self.highest().map(|at| &self.measure.percentiles[at]);
                let bucket = carried
                    .filter(|percentile| samples >= percentile.needs)
                    .and_then(|p| refine::bucket_at(&tally.latencies, p.rank(samples)));
                bucket.map_or((0, tally.connects()), |bucket| (u64::from(bucket) + 1, 0))
            }
        }
    }

    /// Whether the keys decide which of several groups of this rank come first. Of those
    /// whose p99 lies in one bucket nobody knows yet.
    pub(super) fn keys_decide(&self, (first, _): (u64, u64)) -> bool {
        self.order != Order::P99 || first == 0
    }

    /// The same where counts decide alone.
    pub(super) fn rank_of(&self, connects: u64, failed: u64) -> (u64, u64) {
        match self.order {
            Order::Failures => (failed, connects),
            Order::Count | Order::P99 => (connects, 0),
        }
    }

    pub fn compare(&self, a: &Row, b: &Row) -> Ordering {
        let key = |row: &Row| match self.order {
            Order::Count => Some(row.figures.connects),
            Order::Failures => Some(row.figures.failed),
            Order::P99 => {
                self.highest().and_then(|at| row.figures.percentiles.get(at).copied().flatten())
            }
        };
        // None is below every number, so in reverse it comes last.
        Reverse(key(a))
            .cmp(&Reverse(key(b)))
            .then_with(|| b.figures.connects.cmp(&a.figures.connects))
            .then_with(|| a.keys.cmp(&b.keys))
    }

    pub(super) fn keys(&self, values: &[Value]) -> Vec<Key> {
        let mut values = values.iter().cloned();
        self.by.iter().map(|by| by.key(&mut values)).collect()
    }
}
