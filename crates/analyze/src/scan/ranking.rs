//! Groups in an order, with exact percentiles of those that are shown.

use std::cmp::Reverse;

pub use super::asked::{Asked, Order};
use super::by_counts;
use super::grouped::{Grouped, Partition, parts, rest};
use super::key::{Part, Value};
use super::refine::{self, AtRanks, Set, Wanted};
use super::text::Texts;
use super::{Accumulator, Scan, ScanError, Scanned};
use crate::stats::figures::Tally;
use crate::stats::{Figures, Key, Measure, Row};

/// The groups that may be shown, before their percentiles are known.
pub struct Shortlist {
    asked: Asked,
    parts: Vec<Part>,
    kept: Vec<(Vec<Value>, Tally)>,
    /// Groups there are.
    groups: usize,
}

/// The first groups in an order.
pub struct Ranking {
    /// One row for each.
    pub rows: Vec<Row>,
    /// Groups there are.
    pub groups: usize,
}

impl Asked {
    /// From what the scan found, and from further scans if there were more
    /// groups than fit.
    ///
    /// # Errors
    /// As [`Scan::run`].
    pub fn shortlist(
        self,
        scan: &Scan<'_>,
        found: Grouped,
        texts: &Texts,
    ) -> Result<Shortlist, ScanError> {
        let (list, left) = (self.begun(scan, &found, texts)?, Left::of(&found));
        drop(found);
        list.ended(scan, left)
    }

    /// As far as a scan tells.
    fn begun(
        self,
        scan: &Scan<'_>,
        found: &Grouped,
        texts: &Texts,
    ) -> Result<Shortlist, ScanError> {
        if found.overflowed {
            return Err(ScanError::Groups(scan.budget.listed));
        }
        let by_p99 = self.order == Order::P99;
        let mut list =
            Shortlist { parts: found.parts.clone(), asked: self, kept: Vec::new(), groups: 0 };
        if by_p99 || found.partition == Partition::default() {
            list.take(found, texts);
        }
        Ok(list)
    }
}

/// Several orders of the same groups, from one scan.
///
/// # Errors
/// As [`Scan::run`].
pub fn shortlists(
    scan: &Scan<'_>,
    asked: Vec<Asked>,
    found: Grouped,
    texts: &Texts,
) -> Result<Vec<Shortlist>, ScanError> {
    let begun = asked.into_iter().map(|asked| asked.begun(scan, &found, texts));
    let (lists, left) = (begun.collect::<Result<Vec<_>, _>>()?, Left::of(&found));
    // Each of the further scans takes as much memory.
    drop(found);
    lists.into_iter().map(|list| list.ended(scan, left)).collect()
}

/// What a scan did not tell.
#[derive(Clone, Copy)]
struct Left {
    /// What it told of.
    partition: Partition,
    /// About how many groups there are.
    groups: u64,
}

impl Left {
    fn of(found: &Grouped) -> Self {
        // As many as there are in the part that fits, in each of the others.
        let groups = found.len() as u64 * (found.partition.mask + 1);
        Self { partition: found.partition, groups }
    }
}

impl Shortlist {
    /// One group of everything that was counted.
    pub fn whole(asked: Asked, tally: Tally) -> Self {
        Self { asked, parts: Vec::new(), kept: vec![(Vec::new(), tally)], groups: 1 }
    }

    /// Groups that are all shown.
    pub fn of(asked: Asked, kept: Vec<(Vec<Value>, Tally)>) -> Self {
        Self { parts: parts(&asked.by), groups: kept.len(), asked, kept }
    }

    /// With what the scan before did not tell.
    fn ended(mut self, scan: &Scan<'_>, left: Left) -> Result<Self, ScanError> {
        let whole = Partition::default();
        if left.partition != whole && self.asked.order != Order::P99 {
            (self.kept, self.groups) = by_counts::first(scan, &self.asked, left.groups)?;
            return Ok(self);
        }
        let mut todo = rest(whole, left.partition);
        while let Some(partition) = todo.pop() {
            let empty = self.asked.of_partition(scan, partition);
            let scanned = scan.run(empty)?;
            todo.extend(rest(partition, scanned.found.partition));
            self.take(&scanned.found, &scanned.texts);
        }
        if self.asked.by.is_empty() && self.kept.is_empty() {
            self.kept.push((Vec::new(), Tally::default()));
            self.groups = 1;
        }
        Ok(self)
    }

    /// Takes the groups of a partition, and lets go of those that cannot be
    /// among the first.
    fn take(&mut self, found: &Grouped, texts: &Texts) {
        self.groups += found.len();
        let asked = &self.asked;
        let top = if asked.top == 0 { usize::MAX } else { asked.top };
        let mut lowest = None;
        if found.len() + self.kept.len() > top {
            let kept = self.kept.iter().map(|(_, tally)| asked.rank(tally));
            let found = found.groups().map(|(_, tally)| asked.rank(tally));
            let mut ranks: Vec<(u64, u64)> = kept.chain(found).collect();
            let (_, nth, _) = ranks.select_nth_unstable_by_key(top - 1, |rank| Reverse(*rank));
            lowest = Some(*nth);
        }
        let is_above = |rank: (u64, u64)| match lowest {
            None => true,
            Some(lowest) if asked.keys_decide(lowest) => rank > lowest,
            Some(lowest) => rank >= lowest,
        };
        let (above, ties): (Vec<_>, Vec<_>) =
            self.kept.drain(..).partition(|(_, tally)| is_above(asked.rank(tally)));
        self.kept = above;
        // A million groups may be alike: none is copied before it is among the first.
        let ties = ties.into_iter().filter(|(_, tally)| Some(asked.rank(tally)) == lowest);
        let mut ties: Vec<(Vec<Key>, Tie)> =
            ties.map(|kept| (asked.keys(&kept.0), Tie::Kept(kept))).collect();
        for (group, (_, tally)) in found.groups().enumerate() {
            let rank = asked.rank(tally);
            if is_above(rank) {
                self.kept.push((found.values(group, texts), tally.clone()));
            } else if Some(rank) == lowest {
                ties.push((asked.keys(&found.values(group, texts)), Tie::Found(group, tally)));
            }
        }
        ties.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        ties.truncate(top.saturating_sub(self.kept.len()));
        self.kept.extend(ties.into_iter().map(|(_, tie)| match tie {
            Tie::Kept(kept) => kept,
            Tie::Found(group, tally) => (found.values(group, texts), tally.clone()),
        }));
    }
}

/// A group that is alike with others but for its keys.
enum Tie<'a> {
    Kept((Vec<Value>, Tally)),
    Found(usize, &'a Tally),
}

/// Rankings with their percentiles; those of all lists are found together.
///
/// # Errors
/// As [`Scan::run`].
pub fn finish(scan: &Scan<'_>, lists: Vec<Shortlist>) -> Result<Vec<Ranking>, ScanError> {
    let sets: Vec<Set<'_>> = lists
        .iter()
        .map(|list| Set {
            parts: &list.parts,
            rows: list.asked.rows,
            groups: list
                .kept
                .iter()
                .map(|(values, tally)| Wanted {
                    values,
                    latencies: &tally.latencies,
                    ranks: list.asked.measure.ranks(tally.samples()).flatten().flatten().collect(),
                })
                .collect(),
        })
        .collect();
    let answers = refine::exact(scan, &sets)?;
    let ranking = |(list, answers): (Shortlist, Vec<AtRanks>)| {
        let asked = &list.asked;
        let rows = list.kept.iter().zip(answers).map(|((values, tally), at_ranks)| Row {
            keys: asked.keys(values),
            figures: figures(tally, &asked.measure, &at_ranks),
        });
        let mut rows: Vec<Row> = rows.collect();
        rows.sort_by(|a, b| asked.compare(a, b));
        if asked.top > 0 {
            rows.truncate(asked.top);
        }
        Ranking { rows, groups: list.groups }
    };
    Ok(lists.into_iter().zip(answers).map(ranking).collect())
}

fn figures(tally: &Tally, measure: &Measure, at_ranks: &AtRanks) -> Figures {
    let mut figures = tally.figures();
    for [rank, low, high] in measure.ranks(tally.samples()) {
        let at = |rank: Option<u64>| at_ranks.at(rank?);
        figures.percentiles.push(at(rank));
        if measure.intervals.is_some() {
            figures.intervals.push(at(low).zip(at(high)));
        }
    }
    figures
}

/// One ranking with a scan of its own, which feeds something else besides.
///
/// # Errors
/// As [`Scan::run`].
pub fn ranking<A: Accumulator>(
    scan: &Scan<'_>,
    asked: Asked,
    beside: A,
) -> Result<(Ranking, Scanned<A>), ScanError> {
    let Scanned { found: (grouped, beside), texts, rows } =
        scan.run((asked.accumulator(scan), beside))?;
    let list = asked.shortlist(scan, grouped, &texts)?;
    let ranking = finish(scan, vec![list])?.pop();
    let none = Ranking { rows: Vec::new(), groups: 0 };
    Ok((ranking.unwrap_or(none), Scanned { found: beside, texts, rows }))
}
