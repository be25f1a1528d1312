//! Numbers of rows by group. They are not ranked: every group is part of the
//! answer, so memory is a part of what the answer takes.

use foldhash::fast::RandomState;

use super::batch::Batch;
use super::key::{Part, Value};
use super::rows::Rows;
use super::table::Table;
use super::text::Texts;
use super::{Accumulator, ColumnSet};

/// Rows by group.
#[derive(Clone)]
pub struct Counted {
    parts: Vec<Part>,
    rows: Rows,
    table: Table,
    counts: Vec<u64>,
    words: Vec<u64>,
    starts: Vec<bool>,
}

impl Counted {
    /// Counts by these parts.
    pub fn new(parts: Vec<Part>, rows: Rows, hasher: RandomState) -> Self {
        let table = Table::new(parts.len(), hasher);
        Self { parts, rows, table, counts: Vec::new(), words: Vec::new(), starts: Vec::new() }
    }

    /// The groups, and the rows of each.
    pub fn groups(&self, texts: &Texts) -> Vec<(Vec<Value>, u64)> {
        let groups = self.counts.iter().enumerate().map(|(group, count)| {
            let words = self.table.words(group).iter().zip(&self.parts);
            (words.map(|(word, part)| part.value(*word, texts)).collect(), *count)
        });
        groups.collect()
    }

    fn add(&mut self, words: &[u64], count: u64) {
        let group = self.table.number(words);
        match self.counts.get_mut(group) {
            Some(known) => *known += count,
            None => self.counts.push(count),
        }
    }
}

impl Accumulator for Counted {
    fn columns(&self, set: &mut ColumnSet) {
        set.extend(self.parts.iter().map(|part| part.column()));
        self.rows.columns(set);
    }

    fn observe(&mut self, batch: &Batch<'_>) {
        let mut starts = std::mem::take(&mut self.starts);
        let mut words = std::mem::take(&mut self.words);
        starts.clear();
        starts.resize(batch.rows, false);
        self.parts.iter().for_each(|part| part.mark(batch, &mut starts));
        let mask = self.rows.mask(batch);
        let mut from = 0;
        while from < batch.rows {
            let more = starts[from + 1..].iter().position(|start| *start);
            let to = more.map_or(batch.rows, |more| from + 1 + more);
            let count = match &mask {
                None => to - from,
                Some(mask) => mask[from..to].iter().filter(|yes| **yes).count(),
            };
            if count > 0 {
                words.clear();
                words.extend(self.parts.iter().map(|part| part.word(batch, from)));
                self.add(&words, count as u64);
            }
            from = to;
        }
        (self.starts, self.words) = (starts, words);
    }

    fn merge(&mut self, other: Self, _texts: &Texts) {
        for (group, count) in other.counts.iter().enumerate() {
            self.add(other.table.words(group), *count);
        }
    }
}
