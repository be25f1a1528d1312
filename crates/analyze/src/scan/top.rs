//! Where the first rows in an order are, found by what orders them alone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use connlat_schema::capture::columns::{LATENCY_NS, TIME};

use super::batch::{Batch, Place};
use super::rows::Rows;
use super::text::Texts;
use super::{Accumulator, ColumnSet};

/// Which come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowOrder {
    /// Longest latency, then earliest start.
    Slowest,
    /// Earliest start, then shortest latency.
    Time,
}

impl RowOrder {
    /// What is smaller of a row that comes first.
    fn rank(self, time: i64, latency: i64) -> (i64, i64) {
        match self {
            Self::Slowest => (!latency, time),
            Self::Time => (time, latency),
        }
    }
}

/// A row by what orders it, and where it is: no two are alike.
pub type Ranked = ((i64, i64), Place);

/// The first rows in an order after a row of it. All threads share them, or
/// they would take as many times the memory.
#[derive(Clone)]
pub struct Top {
    /// Which come first.
    pub(super) order: RowOrder,
    /// Which count.
    pub(super) rows: Rows,
    most: usize,
    after: Option<Ranked>,
    kept: Arc<Mutex<Kept>>,
    count: u64,
}

#[derive(Default)]
struct Kept {
    rows: Vec<Ranked>,
    /// What comes later than this is not needed.
    last: Option<Ranked>,
}

impl Kept {
    /// Lets go of what others come before of.
    fn trim(&mut self, most: usize) {
        if most == 0 {
            self.rows.clear();
        } else if self.rows.len() > most {
            let (_, last, _) = self.rows.select_nth_unstable(most - 1);
            self.last = Some(*last);
            self.rows.truncate(most);
        }
    }
}

impl Top {
    /// The first `most` rows of those after a row, or of all.
    pub fn new(order: RowOrder, rows: Rows, most: usize, after: Option<Ranked>) -> Self {
        Self { order, rows, most, after, kept: Arc::default(), count: 0 }
    }

    /// Rows there are, those before the first among them.
    pub fn count(&self) -> u64 {
        self.count
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the rows are, in their order.
    pub fn first(self) -> Vec<Ranked> {
        let mut kept = self.kept();
        kept.trim(self.most);
        let mut rows = std::mem::take(&mut kept.rows);
        rows.sort_unstable();
        rows.shrink_to_fit();
        rows
    }
}

impl Accumulator for Top {
    fn columns(&self, set: &mut ColumnSet) {
        set.extend([TIME, LATENCY_NS]);
        self.rows.columns(set);
    }

    fn observe(&mut self, batch: &Batch<'_>) {
        let (times, latencies) = (batch.int64(TIME), batch.int64(LATENCY_NS));
        let mask = self.rows.mask(batch);
        let last = self.kept().last;
        let mut found = Vec::new();
        for (row, (time, latency)) in times.iter().zip(latencies).enumerate() {
            if mask.as_ref().is_some_and(|mask| !mask[row]) {
                continue;
            }
            self.count += 1;
            let ranked = (self.order.rank(*time, *latency), batch.place(row));
            if self.after.is_none_or(|after| ranked > after)
                && last.is_none_or(|last| ranked < last)
            {
                found.push(ranked);
            }
        }
        let mut kept = self.kept();
        kept.rows.append(&mut found);
        if kept.rows.len() > self.most.saturating_add(self.most / 2).saturating_add(1_000) {
            kept.trim(self.most);
        }
    }

    fn merge(&mut self, other: Self, _: &Texts) {
        self.count += other.count;
    }
}
