//! Which of the selected rows an accumulator is about.

use connlat_schema::Outcome;
use connlat_schema::capture::columns::{OUTCOME, TIME};

use super::ColumnSet;
use super::batch::{Batch, MEASURED_BY, NOT_MEASURED};

/// A condition on rows, beside what is selected for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rows {
    /// Only those whose latency counts.
    pub measured: bool,
    /// Only those that failed.
    pub failed: bool,
    /// Only those that started at or after, µs.
    pub from: Option<i64>,
    /// Only those that started before, µs.
    pub to: Option<i64>,
    /// Only those of the captures that one argument stands for.
    pub argument: Option<usize>,
}

impl Rows {
    /// All.
    const ALL: Self = Self { measured: false, failed: false, from: None, to: None, argument: None };
    /// Whose latency counts.
    pub const MEASURED: Self = Self { measured: true, ..Self::ALL };
    /// Those that failed.
    pub const FAILED: Self = Self { failed: true, ..Self::ALL };

    /// Whether it has no condition that differs between rows of a capture.
    pub fn is_all(&self) -> bool {
        !self.measured && !self.failed && self.from.is_none() && self.to.is_none()
    }

    /// Whether no row of the batch counts.
    pub fn excludes(&self, batch: &Batch<'_>) -> bool {
        self.argument.is_some_and(|argument| argument != batch.argument)
    }

    /// Which rows count; none if all do.
    pub fn mask(&self, batch: &Batch<'_>) -> Option<Vec<bool>> {
        if self.is_all() {
            return None;
        }
        let mut mask = vec![true; batch.rows];
        if self.measured {
            let buckets = batch.buckets().iter();
            mask.iter_mut().zip(buckets).for_each(|(yes, bucket)| *yes &= *bucket != NOT_MEASURED);
        }
        if self.failed {
            let failed = |outcome: u8| {
                Outcome::ALL.get(usize::from(outcome)).is_some_and(|outcome| outcome.is_failure())
            };
            let outcomes = batch.outcomes().iter();
            mask.iter_mut().zip(outcomes).for_each(|(yes, outcome)| *yes &= failed(*outcome));
        }
        if self.from.is_some() || self.to.is_some() {
            let (from, to) = (self.from.unwrap_or(i64::MIN), self.to);
            for (yes, time) in mask.iter_mut().zip(batch.int64(TIME)) {
                *yes &= *time >= from && to.is_none_or(|to| *time < to);
            }
        }
        Some(mask)
    }

    /// The columns it reads.
    pub fn columns(&self, set: &mut ColumnSet) {
        if self.measured {
            set.extend(MEASURED_BY);
        }
        if self.failed {
            set.insert(OUTCOME);
        }
        if self.from.is_some() || self.to.is_some() {
            set.insert(TIME);
        }
    }
}
