//! One scan that collects or counts the latencies within some ranges of some groups.

use std::sync::Arc;

use super::target::{Target, width};
use super::wanted::Set;
use crate::scan::batch::{Batch, MEASURED_BY, NOT_MEASURED};
use crate::scan::key::Part;
use crate::scan::rows::Rows;
use crate::scan::table::Table;
use crate::scan::text::Texts;
use crate::scan::{Accumulator, ColumnSet};

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

/// What was found in the range of one target.
#[derive(Clone)]
pub(super) enum Found {
    /// The latencies, in any order.
    Values(Vec<i64>),
    /// How many there are in each of the ranges that it is divided into.
    Counts(Vec<u64>),
}

/// Looks for the latencies of all targets at once.
#[derive(Clone)]
pub(super) struct Refining {
    sets: Arc<Vec<Indexed>>,
    /// By target.
    found: Vec<Found>,
    starts: Vec<bool>,
    words: Vec<u64>,
}

impl Refining {
    /// For these targets, with something empty for each to put them into.
    pub(super) fn new(
        sets: &[Set<'_>],
        targets: &[Target],
        empty: Vec<Found>,
        texts: &Texts,
    ) -> Self {
        let sets = Arc::new(indexed(sets, targets, texts));
        Self { sets, found: empty, starts: Vec::new(), words: Vec::new() }
    }

    /// By target.
    pub(super) fn found(self) -> Vec<Found> {
        self.found
    }

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
