//! Connects and failures by group, and nothing else: a sixth of the memory that
//! all figures of a group take.
//!
//! A ranking with more groups than fit is answered from it. It finds the first
//! in the order, part of the groups by part; one more scan then makes the
//! figures of those alone.

use connlat_schema::Outcome;
use connlat_schema::capture::columns::OUTCOME;
use foldhash::fast::RandomState;

use super::batch::{Batch, OTHER_OUTCOME};
use super::grouped::Partition;
use super::key::{self, Part, Value};
use super::rows::Rows;
use super::table::Table;
use super::text::Texts;
use super::{Accumulator, ColumnSet, Scan};

/// Groups kept in the memory of one with all its figures.
pub const PER_GROUP: usize = 6;

/// Connects and failures of each group of a partition.
#[derive(Clone)]
pub struct Census {
    parts: Vec<Part>,
    rows: Rows,
    /// Groups that a thread keeps at most; more lead to a smaller partition.
    most: usize,
    /// The same of all threads together.
    most_in_all: usize,
    /// Which groups are kept.
    pub partition: Partition,
    table: Table,
    counts: Vec<Counts>,
    words: Vec<u64>,
    starts: Vec<bool>,
}

/// Rows of a group. Inputs have fewer than 2^32.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// All of them.
    pub connects: u32,
    /// Those that failed.
    pub failed: u32,
}

impl Counts {
    fn add(&mut self, other: Self) {
        self.connects += other.connects;
        self.failed += other.failed;
    }
}

impl Census {
    /// Of a partition, and of a smaller one if it has more than so many groups.
    pub fn new(
        parts: Vec<Part>,
        rows: Rows,
        hasher: RandomState,
        most_in_all: usize,
        partition: Partition,
    ) -> Self {
        let most = (most_in_all / Scan::threads()).max(1);
        let table = Table::new(parts.len(), hasher);
        let (counts, words, starts) = Default::default();
        Self { parts, rows, most, most_in_all, partition, table, counts, words, starts }
    }

    /// How many groups there are.
    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// The counts of each group, by its number.
    pub fn counts(&self) -> &[Counts] {
        &self.counts
    }

    /// What a group has in common.
    pub fn values(&self, group: usize, texts: &Texts) -> Vec<Value> {
        let words = self.table.words(group).iter().zip(&self.parts);
        words.map(|(word, part)| part.value(*word, texts)).collect()
    }

    fn add(&mut self, words: &[u64], counts: Counts) {
        let group = self.table.number(words);
        match self.counts.get_mut(group) {
            Some(known) => known.add(counts),
            None => self.counts.push(counts),
        }
    }

    fn keep_to(&mut self, partition: Partition, texts: &Texts) {
        self.partition = partition;
        let mut table = Table::new(self.parts.len(), texts.hasher());
        let mut counts = Vec::new();
        for (group, of_group) in std::mem::take(&mut self.counts).into_iter().enumerate() {
            let words = self.table.words(group);
            if partition.holds(key::hash_of_words(&self.parts, words, texts)) {
                table.number(words);
                counts.push(of_group);
            }
        }
        (self.table, self.counts) = (table, counts);
    }

    fn keep_to_budget(&mut self, texts: &Texts) {
        while self.len() > self.most && self.partition.mask < u64::MAX >> 1 {
            let [half, _] = self.partition.halves();
            self.keep_to(half, texts);
        }
    }
}

impl Accumulator for Census {
    fn columns(&self, set: &mut ColumnSet) {
        set.insert(OUTCOME);
        set.extend(self.parts.iter().map(|part| part.column()));
        self.rows.columns(set);
    }

    fn observe(&mut self, batch: &Batch<'_>) {
        if self.rows.excludes(batch) {
            return;
        }
        let mut fails = [false; OTHER_OUTCOME as usize + 1];
        for outcome in Outcome::ALL {
            fails[outcome as usize] = outcome.is_failure();
        }
        let (outcomes, mask) = (batch.outcomes(), self.rows.mask(batch));
        let mut starts = std::mem::take(&mut self.starts);
        let mut words = std::mem::take(&mut self.words);
        starts.clear();
        starts.resize(batch.rows, false);
        self.parts.iter().for_each(|part| part.mark(batch, &mut starts));
        let mut from = 0;
        while from < batch.rows {
            let more = starts[from + 1..].iter().position(|start| *start);
            let to = more.map_or(batch.rows, |more| from + 1 + more);
            let is_kept = self.partition.mask == 0
                || self.partition.holds(key::hash(&self.parts, batch, from));
            let mut counts = Counts::default();
            for row in from..if is_kept { to } else { from } {
                if mask.as_ref().is_none_or(|mask| mask[row]) {
                    counts.connects += 1;
                    counts.failed += u32::from(fails[usize::from(outcomes[row])]);
                }
            }
            if counts.connects > 0 {
                words.clear();
                words.extend(self.parts.iter().map(|part| part.word(batch, from)));
                self.add(&words, counts);
            }
            from = to;
        }
        (self.starts, self.words) = (starts, words);
        self.keep_to_budget(batch.texts);
    }

    fn merge(&mut self, other: Self, texts: &Texts) {
        // The smaller partition is part of the larger: both begin at the same bits.
        if other.partition.mask > self.partition.mask {
            self.keep_to(other.partition, texts);
        }
        for (group, counts) in other.counts.iter().enumerate() {
            let words = other.table.words(group);
            if self.partition.mask > other.partition.mask
                && !self.partition.holds(key::hash_of_words(&self.parts, words, texts))
            {
                continue;
            }
            self.add(words, *counts);
        }
        self.most = self.most_in_all.max(1);
        self.keep_to_budget(texts);
    }
}
