//! Figures by group.
//!
//! Memory is bounded by the number of groups. A ranking, of which only the
//! first are shown, may keep to a *partition* of them: where its table is full
//! it gives up half of the groups, by a hash of what they have in common, and
//! [`super::ranking`] asks for the rest in further scans.

use foldhash::fast::RandomState;

use super::batch::{Batch, MEASURED_BY, NOT_MEASURED};
use super::key::{self, By, Part, Value};
use super::rows::Rows;
use super::table::Table;
use super::text::Texts;
use super::{Accumulator, ColumnSet};
use crate::stats::figures::Tally;

/// Part of the groups: those whose hash ends in certain bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Partition {
    /// Bits that are looked at, a power of two less one; 0 for all groups.
    pub mask: u64,
    /// What they must be.
    pub bits: u64,
}

impl Partition {
    /// Whether a group with this hash is in it.
    pub fn holds(self, hash: u64) -> bool {
        hash & self.mask == self.bits
    }

    /// All parts of so many that together are all groups; a power of two.
    pub fn all(parts: u64) -> impl Iterator<Item = Self> {
        let mask = parts.next_power_of_two() - 1;
        (0..=mask).map(move |bits| Self { mask, bits })
    }

    /// Both halves of it.
    pub fn halves(self) -> [Self; 2] {
        let mask = self.mask << 1 | 1;
        [self.bits, self.bits | (self.mask + 1)].map(|bits| Self { mask, bits })
    }
}

/// What is left of a partition when a part of it is done.
pub fn rest(whole: Partition, done: Partition) -> Vec<Partition> {
    let mut left = Vec::new();
    let mut level = whole;
    while level.mask != done.mask {
        let [same, other] = level.halves();
        left.push(other);
        level = same;
    }
    left
}

/// Figures of each group.
#[derive(Clone)]
pub struct Grouped {
    /// What groups are made of.
    pub parts: Vec<Part>,
    /// Which rows count.
    pub rows: Rows,
    /// Groups kept at most; more lead to a smaller partition.
    most: Option<usize>,
    /// Groups kept at most where all are wanted; what is more is left out.
    listed: usize,
    /// Whether groups were left out because there are more.
    pub overflowed: bool,
    /// Whether groups that are not known are left out.
    closed: bool,
    /// Which groups are kept.
    pub partition: Partition,
    table: Table,
    tallies: Vec<Tally>,
    words: Vec<u64>,
    starts: Vec<bool>,
}

/// The parts that several keys are made of.
pub fn parts(by: &[By]) -> Vec<Part> {
    by.iter().flat_map(|by| by.parts()).collect()
}

impl Grouped {
    /// Figures by these parts.
    pub fn new(parts: Vec<Part>, rows: Rows, hasher: RandomState) -> Self {
        let table = Table::new(parts.len(), hasher);
        Self {
            parts,
            rows,
            most: None,
            listed: usize::MAX,
            overflowed: false,
            closed: false,
            partition: Partition::default(),
            table,
            tallies: Vec::new(),
            words: Vec::new(),
            starts: Vec::new(),
        }
    }

    /// Keeps at most so many groups of a partition, and of fewer if there are
    /// more.
    pub fn at_most(mut self, groups: usize, partition: Partition) -> Self {
        (self.most, self.partition) = (Some(groups), partition);
        self
    }

    /// Keeps so many groups, and notes whether there are more.
    pub fn no_more_than(mut self, groups: usize) -> Self {
        self.listed = groups;
        self
    }

    /// Keeps these groups and no others; of their texts alone `texts` knows the
    /// numbers.
    pub fn only<'v>(mut self, groups: impl Iterator<Item = &'v [Value]>, texts: &Texts) -> Self {
        for values in groups {
            let words: Vec<u64> = values.iter().map(|value| Part::word_of(value, texts)).collect();
            if self.table.number(&words) == self.tallies.len() {
                self.tallies.push(Tally::default());
            }
        }
        self.closed = true;
        self
    }

    /// Groups there are.
    pub fn len(&self) -> usize {
        self.tallies.len()
    }

    /// Each group with its counters.
    pub fn groups(&self) -> impl Iterator<Item = (&[u64], &Tally)> {
        self.tallies.iter().enumerate().map(|(group, tally)| (self.table.words(group), tally))
    }

    /// What a group has in common.
    pub fn values(&self, group: usize, texts: &Texts) -> Vec<Value> {
        let words = self.table.words(group).iter().zip(&self.parts);
        words.map(|(word, part)| part.value(*word, texts)).collect()
    }

    /// Gives up groups that are not of a part of its partition.
    pub fn keep_to(&mut self, partition: Partition, texts: &Texts) {
        if partition.mask > self.partition.mask {
            self.partition = partition;
            self.shed(texts);
        }
    }

    /// All groups together.
    pub fn whole(&self) -> Tally {
        let mut whole = Tally::default();
        self.tallies.iter().for_each(|tally| whole.merge(tally));
        whole
    }

    /// Gives up groups that are not of the partition.
    fn shed(&mut self, texts: &Texts) {
        let mut table = Table::new(self.parts.len(), texts.hasher());
        let mut tallies = Vec::new();
        for (group, tally) in std::mem::take(&mut self.tallies).into_iter().enumerate() {
            let words = self.table.words(group);
            if self.partition.holds(key::hash_of_words(&self.parts, words, texts)) {
                table.number(words);
                tallies.push(tally);
            }
        }
        (self.table, self.tallies) = (table, tallies);
    }

    fn keep_to_budget(&mut self, texts: &Texts) {
        while self.most.is_some_and(|most| self.len() > most) && self.partition.mask < u64::MAX >> 1
        {
            [self.partition, _] = self.partition.halves();
            self.shed(texts);
        }
    }

    fn add_run(&mut self, batch: &Batch<'_>, (from, to): (usize, usize), columns: &Columns<'_>) {
        if self.partition.mask != 0 && !self.partition.holds(key::hash(&self.parts, batch, from)) {
            return;
        }
        let counts = |row: usize| columns.mask.as_ref().is_none_or(|mask| mask[row]);
        let Some(first) = (from..to).find(|row| counts(*row)) else { return };
        self.words.clear();
        self.words.extend(self.parts.iter().map(|part| part.word(batch, from)));
        let group = if self.closed {
            let Some(group) = self.table.find(&self.words) else { return };
            group
        } else {
            let known = (self.len() >= self.listed).then(|| self.table.find(&self.words));
            let Some(group) = known.unwrap_or_else(|| Some(self.table.number(&self.words))) else {
                self.overflowed = true;
                return;
            };
            group
        };
        if group == self.tallies.len() {
            self.tallies.push(Tally::default());
        }
        let tally = &mut self.tallies[group];
        for row in first..to {
            if !counts(row) {
                continue;
            }
            let latency = columns.latencies[row];
            tally.add(columns.outcomes[row], latency, columns.retransmits[row]);
            let bucket = columns.buckets[row];
            if bucket != NOT_MEASURED {
                tally.measure(latency, bucket);
            }
        }
    }
}

struct Columns<'a> {
    outcomes: &'a [u8],
    buckets: &'a [u16],
    latencies: &'a [i64],
    retransmits: &'a [i32],
    mask: Option<Vec<bool>>,
}

impl Accumulator for Grouped {
    fn columns(&self, set: &mut ColumnSet) {
        use connlat_schema::capture::columns::SYN_RETRANSMITS;
        set.extend(MEASURED_BY);
        set.insert(SYN_RETRANSMITS);
        set.extend(self.parts.iter().map(|part| part.column()));
        self.rows.columns(set);
    }

    fn observe(&mut self, batch: &Batch<'_>) {
        use connlat_schema::capture::columns::{LATENCY_NS, SYN_RETRANSMITS};
        if self.rows.excludes(batch) {
            return;
        }
        let columns = Columns {
            outcomes: batch.outcomes(),
            buckets: batch.buckets(),
            latencies: batch.int64(LATENCY_NS),
            retransmits: batch.int32(SYN_RETRANSMITS),
            mask: self.rows.mask(batch),
        };
        let mut starts = std::mem::take(&mut self.starts);
        starts.clear();
        starts.resize(batch.rows, false);
        self.parts.iter().for_each(|part| part.mark(batch, &mut starts));
        let mut from = 0;
        while from < batch.rows {
            let more = starts[from + 1..].iter().position(|start| *start);
            let to = more.map_or(batch.rows, |more| from + 1 + more);
            self.add_run(batch, (from, to), &columns);
            from = to;
        }
        self.starts = starts;
        self.keep_to_budget(batch.texts);
    }

    fn merge(&mut self, other: Self, texts: &Texts) {
        // The smaller partition is part of the larger: both begin at 0 bits.
        self.keep_to(other.partition, texts);
        self.overflowed |= other.overflowed;
        for (group, tally) in other.tallies.iter().enumerate() {
            let words = other.table.words(group);
            if self.partition.mask > other.partition.mask
                && !self.partition.holds(key::hash_of_words(&self.parts, words, texts))
            {
                continue;
            }
            let own = self.table.number(words);
            match self.tallies.get_mut(own) {
                Some(known) => known.merge(tally),
                None => self.tallies.push(tally.clone()),
            }
        }
        self.overflowed |= self.len() > self.listed;
        self.keep_to_budget(texts);
    }
}
