//! Exact latencies at ranks.
//!
//! Of a group with few samples they are sorted. Of a group that was counted
//! the buckets say between which latencies a rank lies; a further scan collects
//! the samples between them alone. Where even those are too many, they are
//! counted in narrower ranges until they are few or all alike.

mod collect;
mod target;
mod wanted;

use foldhash::fast::RandomState;

use self::collect::{Found, Refining};
use self::target::{RANGES, Target, divided, targets};
pub use self::wanted::{Set, Wanted};
use super::key::Value;
use super::text::Texts;
use super::{Scan, ScanError};
use crate::capture::SourceError;
use crate::stats::histogram::{Latencies, bucket_of};

/// Samples that are collected rather than counted again.
const FEW: u64 = 4_096;

/// Latencies by rank, ascending.
#[derive(Debug, Clone, Default)]
pub struct AtRanks(Vec<(u64, i64)>);

impl AtRanks {
    /// The latency at a rank that was wanted, ns.
    pub fn at(&self, rank: u64) -> Option<i64> {
        let place = self.0.binary_search_by_key(&rank, |(rank, _)| *rank).ok()?;
        Some(self.0[place].1)
    }
}

/// Finds the latencies of each group of each set, in their order.
///
/// # Errors
/// As [`Scan::run`].
pub fn exact(scan: &Scan<'_>, sets: &[Set<'_>]) -> Result<Vec<Vec<AtRanks>>, ScanError> {
    let mut answers: Vec<Vec<AtRanks>> =
        sets.iter().map(|set| vec![AtRanks::default(); set.groups.len()]).collect();
    let mut open = Vec::new();
    for (set, of_set) in sets.iter().enumerate() {
        for (group, wanted) in of_set.groups.iter().enumerate() {
            let mut ranks = wanted.ranks.clone();
            ranks.sort_unstable();
            ranks.dedup();
            let answers = &mut answers[set][group].0;
            match wanted.latencies {
                Latencies::Few(values) => {
                    let mut sorted = values.clone();
                    sorted.sort_unstable();
                    let at = |rank: &u64| Some((*rank, *sorted.get(*rank as usize - 1)?));
                    answers.extend(ranks.iter().filter_map(at));
                }
                Latencies::Many(histogram) => {
                    for target in targets(histogram, &ranks) {
                        let target = Target { set, group, ..target };
                        if target.low == target.high {
                            answers.extend(target.ranks.iter().map(|rank| (*rank, target.low)));
                        } else {
                            open.push(target);
                        }
                    }
                }
            }
        }
    }
    while !open.is_empty() {
        open = narrowed(scan, sets, open, &mut answers)?;
    }
    answers.iter_mut().flatten().for_each(|answers| answers.0.sort_unstable());
    Ok(answers)
}

/// One scan: answers what it can, and returns what is still open.
fn narrowed(
    scan: &Scan<'_>,
    sets: &[Set<'_>],
    mut open: Vec<Target>,
    answers: &mut [Vec<AtRanks>],
) -> Result<Vec<Target>, ScanError> {
    open.sort_by_key(|target| target.count);
    let (mut values, mut ranges) = (0, 0);
    let (mut now, mut later) = (Vec::new(), Vec::new());
    for target in open {
        let room = scan.budget.values as u64;
        if values + target.count <= room {
            values += target.count;
            now.push((target, Found::Values(Vec::new())));
        } else if (target.count > FEW || now.is_empty())
            && (ranges + 1) * RANGES <= scan.budget.values.max(RANGES)
        {
            ranges += 1;
            now.push((target, Found::Counts(vec![0; RANGES])));
        } else {
            later.push(target);
        }
    }
    let (targets, empty): (Vec<Target>, Vec<Found>) = now.into_iter().unzip();
    let texts = texts_of(sets, &targets, scan.hasher.clone());
    let refining = Refining::new(sets, &targets, empty, &texts);
    let found = scan.run_with(refining, texts)?.found.found();
    for (target, found) in targets.into_iter().zip(found) {
        let answers = &mut answers[target.set][target.group].0;
        match found {
            Found::Values(mut values) => {
                if values.len() as u64 != target.count {
                    return Err(changed());
                }
                values.sort_unstable();
                let at = |rank: &u64| (*rank, values[(*rank - target.before) as usize - 1]);
                answers.extend(target.ranks.iter().map(at));
            }
            Found::Counts(counts) => {
                if counts.iter().sum::<u64>() != target.count {
                    return Err(changed());
                }
                for narrower in divided(&target, &counts) {
                    if narrower.low == narrower.high {
                        answers.extend(narrower.ranks.iter().map(|rank| (*rank, narrower.low)));
                    } else {
                        later.push(narrower);
                    }
                }
            }
        }
    }
    Ok(later)
}

fn changed() -> ScanError {
    SourceError::together("a file changed while it was read".to_owned()).into()
}

fn texts_of(sets: &[Set<'_>], targets: &[Target], hasher: RandomState) -> Texts {
    let values = targets.iter().flat_map(|target| sets[target.set].groups[target.group].values);
    let texts = values.filter_map(|value| match value {
        Value::Text(text) => Some(text.as_str()),
        Value::Word(_) => None,
    });
    Texts::only(hasher, texts)
}

/// The bucket that holds a rank.
pub fn bucket_at(latencies: &Latencies, rank: u64) -> Option<u16> {
    match latencies {
        Latencies::Few(values) => {
            let mut sorted = values.clone();
            sorted.sort_unstable();
            sorted.get(rank.checked_sub(1)? as usize).map(|ns| bucket_of(*ns))
        }
        Latencies::Many(histogram) => {
            targets(histogram, &[rank]).first().map(|target| target.bucket)
        }
    }
}
