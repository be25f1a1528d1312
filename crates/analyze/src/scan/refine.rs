//! Exact latencies at ranks.
//!
//! Of a group with few samples they are sorted. Of a group that was counted
//! the buckets say between which latencies a rank lies; a further scan collects
//! the samples between them alone. Where even those are too many, they are
//! counted in narrower ranges until they are few or all alike.

use std::sync::Arc;

use foldhash::fast::RandomState;

use super::batch::{Batch, MEASURED_BY, NOT_MEASURED};
use super::key::{Part, Value};
use super::rows::Rows;
use super::table::Table;
use super::text::Texts;
use super::{Accumulator, ColumnSet, Scan, ScanError};
use crate::capture::SourceError;
use crate::stats::histogram::{Histogram, Latencies, bounds_of, bucket_of};

/// Ranges that one is divided into.
const RANGES: usize = 1_024;
/// Samples that are collected rather than counted again.
const FEW: u64 = 4_096;

/// A group, and the ranks wanted of it, from 1 and not above its samples.
pub struct Wanted<'a> {
    /// What it has in common.
    pub values: &'a [Value],
    /// Its latencies as counted.
    pub latencies: &'a Latencies,
    /// The ranks, in any order.
    pub ranks: Vec<u64>,
}

/// Groups of the same parts.
pub struct Set<'a> {
    /// What they are made of.
    pub parts: &'a [Part],
    /// Which rows count.
    pub rows: Rows,
    /// The groups.
    pub groups: Vec<Wanted<'a>>,
}

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

/// Latencies from `low` to `high`, among which some ranks lie.
#[derive(Debug, Clone)]
struct Target {
    low: i64,
    high: i64,
    /// Samples below `low`, and in the range.
    before: u64,
    count: u64,
    ranks: Vec<u64>,
    /// The bucket it is part of.
    bucket: u16,
    /// Where its answers go.
    set: usize,
    group: usize,
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

/// The buckets that hold the ranks, which ascend.
fn targets(histogram: &Histogram, ranks: &[u64]) -> Vec<Target> {
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
    let refining = Refining {
        sets: Arc::new(indexed(sets, &targets, &texts)),
        found: empty,
        starts: Vec::new(),
        words: Vec::new(),
    };
    let found = scan.run_with(refining, texts)?.found.found;
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

/// Width of the ranges of a target.
fn width(target: &Target) -> i128 {
    let span = i128::from(target.high) - i128::from(target.low) + 1;
    (span + RANGES as i128 - 1) / RANGES as i128
}

/// The ranges of a target that hold its ranks.
fn divided(target: &Target, counts: &[u64]) -> Vec<Target> {
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

fn texts_of(sets: &[Set<'_>], targets: &[Target], hasher: RandomState) -> Texts {
    let values = targets.iter().flat_map(|target| sets[target.set].groups[target.group].values);
    let texts = values.filter_map(|value| match value {
        Value::Text(text) => Some(text.as_str()),
        Value::Word(_) => None,
    });
    Texts::only(hasher, texts)
}

/// What is looked for in one range of one group.
#[derive(Clone, Copy)]
struct Span {
    low: i64,
    high: i64,
    width: i128,
    target: usize,
}

/// Groups with the ranges that are looked at.
struct Indexed {
    parts: Vec<Part>,
    rows: Rows,
    table: Table,
    /// By group, ascending; and a bit for each bucket, modulo 64.
    spans: Vec<(u64, Vec<Span>)>,
}

fn indexed(sets: &[Set<'_>], targets: &[Target], texts: &Texts) -> Vec<Indexed> {
    let mut all: Vec<Indexed> = sets
        .iter()
        .map(|set| Indexed {
            parts: set.parts.to_vec(),
            rows: set.rows,
            table: Table::new(set.parts.len(), texts.hasher()),
            spans: Vec::new(),
        })
        .collect();
    for (place, target) in targets.iter().enumerate() {
        let set = &mut all[target.set];
        let values = sets[target.set].groups[target.group].values;
        let words: Vec<u64> = values.iter().map(|value| Part::word_of(value, texts)).collect();
        let group = set.table.number(&words);
        if group == set.spans.len() {
            set.spans.push((0, Vec::new()));
        }
        let (buckets, spans) = &mut set.spans[group];
        *buckets |= 1 << (target.bucket % 64);
        let (low, high) = (target.low, target.high);
        spans.push(Span { low, high, width: width(target), target: place });
    }
    for set in &mut all {
        set.spans.iter_mut().for_each(|(_, spans)| spans.sort_unstable_by_key(|span| span.low));
    }
    all
}

#[derive(Clone)]
enum Found {
    Values(Vec<i64>),
    Counts(Vec<u64>),
}

#[derive(Clone)]
struct Refining {
    sets: Arc<Vec<Indexed>>,
    /// By target.
    found: Vec<Found>,
    starts: Vec<bool>,
    words: Vec<u64>,
}

impl Refining {
    fn observe_set(&mut self, set: &Indexed, batch: &Batch<'_>) {
        use connlat_schema::capture::columns::LATENCY_NS;
        if set.spans.is_empty() || set.rows.excludes(batch) {
            return;
        }
        let (buckets, latencies) = (batch.buckets(), batch.int64(LATENCY_NS));
        let mut starts = std::mem::take(&mut self.starts);
        starts.clear();
        starts.resize(batch.rows, false);
        set.parts.iter().for_each(|part| part.mark(batch, &mut starts));
        let mask = set.rows.mask(batch);
        let mut from = 0;
        while from < batch.rows {
            let more = starts[from + 1..].iter().position(|start| *start);
            let to = more.map_or(batch.rows, |more| from + 1 + more);
            self.words.clear();
            self.words.extend(set.parts.iter().map(|part| part.word(batch, from)));
            if let Some(group) = set.table.find(&self.words) {
                let (wanted, spans) = &set.spans[group];
                for row in from..to {
                    let bucket = buckets[row];
                    if bucket == NOT_MEASURED || wanted >> (bucket % 64) & 1 == 0 {
                        continue;
                    }
                    let latency = latencies[row];
                    let place = spans.partition_point(|span| span.high < latency);
                    if let Some(span) = spans.get(place)
                        && span.low <= latency
                        && mask.as_ref().is_none_or(|mask| mask[row])
                    {
                        match &mut self.found[span.target] {
                            Found::Values(values) => values.push(latency),
                            Found::Counts(counts) => {
                                let place =
                                    (i128::from(latency) - i128::from(span.low)) / span.width;
                                counts[place as usize] += 1;
                            }
                        }
                    }
                }
            }
            from = to;
        }
        self.starts = starts;
    }
}

impl Accumulator for Refining {
    fn columns(&self, set: &mut ColumnSet) {
        set.extend(MEASURED_BY);
        for each in self.sets.iter().filter(|each| !each.spans.is_empty()) {
            set.extend(each.parts.iter().map(|part| part.column()));
            each.rows.columns(set);
        }
    }

    fn observe(&mut self, batch: &Batch<'_>) {
        let sets = Arc::clone(&self.sets);
        sets.iter().for_each(|set| self.observe_set(set, batch));
    }

    fn merge(&mut self, other: Self, _: &Texts) {
        for (own, other) in self.found.iter_mut().zip(other.found) {
            match (own, other) {
                (Found::Values(own), Found::Values(more)) => own.extend(more),
                (Found::Counts(own), Found::Counts(more)) => {
                    own.iter_mut().zip(more).for_each(|(own, more)| *own += more);
                }
                _ => {}
            }
        }
    }
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
