//! The figures of both sides of a comparison, from the same scans.

use std::collections::BTreeMap;

use crate::scan::grouped::{Grouped, Partition, parts, rest};
use crate::scan::merged::{Merged, Reach};
use crate::scan::ranking::{self, Asked, Order, Shortlist};
use crate::scan::{By, Rows, Scan, ScanError, Value};
use crate::stats::figures::Tally;
use crate::stats::{Figures, Measure, Row};

/// Both sides, before and after.
pub struct Sides {
    /// All together, and each group.
    pub sides: [(Figures, Vec<Row>); 2],
    /// Groups that are left out, for they were too many and have too few
    /// connects.
    pub untold: usize,
    /// Rows that were selected.
    pub selected: u64,
    /// Destinations that rows of several places have, as far as they were looked
    /// for.
    pub merged: Vec<(Reach, String)>,
}

/// Groups of a side.
type Groups = BTreeMap<Vec<Word>, Tally>;

/// A value in an order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Word {
    Text(String),
    Word(u64),
}

impl From<Value> for Word {
    fn from(value: Value) -> Self {
        match value {
            Value::Text(text) => Self::Text(text),
            Value::Word(word) => Self::Word(word),
        }
    }
}

impl From<Word> for Value {
    fn from(word: Word) -> Self {
        match word {
            Word::Text(text) => Self::Text(text),
            Word::Word(word) => Self::Word(word),
        }
    }
}

/// Figures of the rows of each side by keys. If there are more groups than
/// fit, those with fewer than `fewest` connects on each side are counted only.
pub fn sides(
    scan: &Scan<'_>,
    by: &[By],
    rows: [Rows; 2],
    fewest: i64,
    measure: &Measure,
    mut merged: Vec<Merged>,
) -> Result<Sides, ScanError> {
    let mut kept: [Groups; 2] = Default::default();
    let mut whole = [Tally::default(), Tally::default()];
    let (mut untold, mut selected) = (0, 0);
    let mut todo = vec![Partition::default()];
    let mut is_whole = true;
    let mut several = Vec::new();
    while let Some(partition) = todo.pop() {
        let most = (scan.budget.groups / Scan::threads() / 2).max(1);
        let empty: Vec<Grouped> = rows
            .iter()
            .map(|rows| {
                Grouped::new(parts(by), *rows, scan.hasher.clone()).at_most(most, partition)
            })
            .collect();
        // The first pass sees all rows, as the others do.
        let scanned = scan.run((empty, std::mem::take(&mut merged)))?;
        let (mut found, merged) = scanned.found;
        several.extend(merged.into_iter().flat_map(|merged| merged.several(&scanned.texts)));
        selected = scanned.rows;
        // Both sides must have the same part of the groups.
        let done = found.iter().map(|side| side.partition).max_by_key(|p| p.mask);
        let done = done.unwrap_or_default();
        found.iter_mut().for_each(|side| side.keep_to(done, &scanned.texts));
        todo.extend(rest(partition, done));
        is_whole &= done == Partition::default();
        for (place, side) in found.iter().enumerate() {
            whole[place].merge(&side.whole());
            for (group, (_, tally)) in side.groups().enumerate() {
                let words = side.values(group, &scanned.texts).into_iter().map(Word::from);
                kept[place].insert(words.collect(), tally.clone());
            }
        }
        if !is_whole {
            untold += forget(&mut kept, fewest);
        }
    }
    let [before, after] = kept;
    let [whole_before, whole_after] = whole;
    let mut lists = Vec::new();
    for (rows, groups, whole) in [(rows[0], before, whole_before), (rows[1], after, whole_after)] {
        let asked = |by: &[By]| Asked {
            by: by.to_vec(),
            rows,
            order: Order::Count,
            top: 0,
            measure: measure.clone(),
        };
        lists.push(Shortlist::whole(asked(&[]), whole));
        let groups = groups.into_iter().map(|(words, tally)| {
            let values: Vec<Value> = words.into_iter().map(Value::from).collect();
            (values, tally)
        });
        lists.push(Shortlist::of(asked(by), groups.collect()));
    }
    let mut rankings = ranking::finish(scan, lists)?.into_iter().map(|ranking| ranking.rows);
    let mut side = || {
        let whole = rankings.next().and_then(|rows| rows.into_iter().next());
        (whole.map(|row| row.figures).unwrap_or_default(), rankings.next().unwrap_or_default())
    };
    Ok(Sides { sides: [side(), side()], untold, selected, merged: several })
}

/// Lets go of groups that nothing can be told of; returns how many.
fn forget([before, after]: &mut [Groups; 2], fewest: i64) -> usize {
    let few = |tally: Option<&Tally>| tally.is_none_or(|t| (t.connects() as i64) < fewest);
    let all: std::collections::BTreeSet<Vec<Word>> =
        before.keys().chain(after.keys()).cloned().collect();
    let mut forgotten = 0;
    for words in all {
        if few(before.get(&words)) && few(after.get(&words)) {
            before.remove(&words);
            after.remove(&words);
            forgotten += 1;
        }
    }
    forgotten
}
