//! Where a rank is: a range of latencies, which is narrowed until it has few.

use crate::stats::histogram::{Histogram, bounds_of};

/// Ranges that one is divided into.
pub(super) const RANGES: usize = 1_024;

/// Latencies from `low` to `high`, among which some ranks lie.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub low: i64,
    pub high: i64,
    /// Samples below `low`, and in the range.
    pub before: u64,
    pub count: u64,
    pub ranks: Vec<u64>,
    /// The bucket it is part of.
    pub bucket: u16,
    /// Where its answers go.
    pub set: usize,
    pub group: usize,
}

/// The buckets that hold the ranks, which ascend.
pub(super) fn targets(histogram: &Histogram, ranks: &[u64]) -> Vec<Target> {
    let (mut before, mut next) = (0, 0);
    let mut found = Vec::new();
    for (bucket, count) in histogram.buckets() {
        let count = u64::from(count);
        let within = ranks[next..].iter().take_while(|rank| **rank <= before + count).count();
        if within > 0 {
            let (low, high) = bounds_of(bucket);
            let ranks = ranks[next..next + within].to_vec();
            found.push(Target { low, high, before, count, ranks, bucket, set: 0, group: 0 });
        }
        next += within;
        before += count;
        if next == ranks.len() {
            break;
        }
    }
    found
}

/// Width of the ranges of a target.
pub(super) fn width(target: &Target) -> i128 {
    let span = i128::from(target.high) - i128::from(target.low) + 1;
    (span + RANGES as i128 - 1) / RANGES as i128
}

/// The ranges of a target that hold its ranks.
pub(super) fn divided(target: &Target, counts: &[u64]) -> Vec<Target> {
    let width = width(target);
    let mut before = target.before;
    let mut found = Vec::new();
    for (place, count) in counts.iter().enumerate() {
        let within = |rank: &&u64| (before + 1..=before + count).contains(*rank);
        let ranks: Vec<u64> = target.ranks.iter().filter(within).copied().collect();
        if !ranks.is_empty() {
            let low = i128::from(target.low) + place as i128 * width;
            let high = (low + width - 1).min(target.high.into());
            // Both lie within the target.
            let (low, high) = (low as i64, high as i64);
            found.push(Target { low, high, before, count: *count, ranks, ..target.clone() });
        }
        before += count;
    }
    found
}
