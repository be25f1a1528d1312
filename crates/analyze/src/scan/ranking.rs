//! Groups in an order, with exact percentiles of those that are shown.

use std::cmp::{Ordering, Reverse};

use super::grouped::{Grouped, Partition, parts};
use super::key::{By, Part, Value};
use super::refine::{self, AtRanks, Set, Wanted};
use super::rows::Rows;
use super::text::Texts;
use super::{Scan, ScanError};
use crate::stats::figures::Tally;
use crate::stats::{Figures, Key, Measure, Row};

/// What puts a group first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Most connects.
    Count,
    /// Most failed connects.
    Failures,
    /// Highest p99, or the highest percentile if p99 is not given; groups too
    /// small for one come last.
    P99,
}

/// A ranking as asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Keys; empty for one row of everything.
    pub by: Vec<By>,
    /// Which rows count.
    pub rows: Rows,
    /// What comes first; ties go by connects, then by key.
    pub order: Order,
    /// Groups shown, 0 for all.
    pub top: usize,
    /// Which percentiles.
    pub measure: Measure,
}

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
    /// Everything, as one group.
    pub fn whole(measure: Measure) -> Self {
        let (by, rows) = (Vec::new(), Rows::default());
        Self { by, rows, order: Order::Count, top: 0, measure }
    }

    /// What a scan is to be fed to.
    pub fn accumulator(&self, scan: &Scan<'_>) -> Grouped {
        self.of_partition(scan, Partition::default())
    }

    fn of_partition(&self, scan: &Scan<'_>, partition: Partition) -> Grouped {
        let grouped = Grouped::new(parts(&self.by), self.rows, scan.hasher.clone());
        match self.top {
            0 => grouped,
            // Each thread has a table of its own.
            _ => grouped.at_most((scan.budget.groups / Scan::threads()).max(1), partition),
        }
    }

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
        let mut list =
            Shortlist { parts: found.parts.clone(), asked: self, kept: Vec::new(), groups: 0 };
        let mut todo = rest(Partition::default(), found.partition);
        list.take(found, texts);
        while let Some(partition) = todo.pop() {
            let empty = list.asked.of_partition(scan, partition);
            let scanned = scan.run(empty)?;
            todo.extend(rest(partition, scanned.found.partition));
            list.take(scanned.found, &scanned.texts);
        }
        if list.asked.by.is_empty() && list.kept.is_empty() {
            list.kept.push((Vec::new(), Tally::default()));
            list.groups = 1;
        }
        Ok(list)
    }

    /// Where the percentile is that groups are ordered by.
    fn highest(&self) -> Option<usize> {
        self.measure.position("p99").or(self.measure.percentiles.len().checked_sub(1))
    }

    /// What orders groups before anything exact is known of them; larger
    /// comes first.
    fn rank(&self, tally: &Tally) -> (u64, u64) {
        match self.order {
            Order::Count => (tally.connects(), 0),
            Order::Failures => (tally.failed(), tally.connects()),
            Order::P99 => {
                let samples = tally.samples();
                let carried = self.highest().map(|at| &self.measure.percentiles[at]);
                let bucket = carried
                    .filter(|percentile| samples >= percentile.needs)
                    .and_then(|p| refine::bucket_at(&tally.latencies, p.rank(samples)));
                // Of those that share a bucket all are kept.
                bucket.map_or((0, tally.connects()), |bucket| (u64::from(bucket) + 1, 0))
            }
        }
    }

    fn compare(&self, a: &Row, b: &Row) -> Ordering {
        let key = |row: &Row| match self.order {
            Order::Count => Some(row.figures.connects),
            Order::Failures => Some(row.figures.failed),
            Order::P99 => {
                self.highest().and_then(|at| row.figures.percentiles.get(at).copied().flatten())
            }
        };
        // None is below every number, so in reverse it comes last.
        Reverse(key(a))
            .cmp(&Reverse(key(b)))
            .then_with(|| b.figures.connects.cmp(&a.figures.connects))
            .then_with(|| a.keys.cmp(&b.keys))
    }

    fn keys(&self, values: &[Value]) -> Vec<Key> {
        let mut values = values.iter().cloned();
        self.by.iter().map(|by| by.key(&mut values)).collect()
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

impl Shortlist {
    /// One group of everything that was counted.
    pub fn whole(asked: Asked, tally: Tally) -> Self {
        Self { asked, parts: Vec::new(), kept: vec![(Vec::new(), tally)], groups: 1 }
    }

    /// Groups that are all shown.
    pub fn of(asked: Asked, kept: Vec<(Vec<Value>, Tally)>) -> Self {
        Self { parts: parts(&asked.by), groups: kept.len(), asked, kept }
    }

    /// Takes the groups of a partition, and lets go of those that cannot be
    /// among the first.
    fn take(&mut self, found: Grouped, texts: &Texts) {
        self.groups += found.len();
        let top = if self.asked.top == 0 { usize::MAX } else { self.asked.top };
        let mut lowest = (0, 0);
        if found.len() + self.kept.len() > top {
            let kept = self.kept.iter().map(|(_, tally)| self.asked.rank(tally));
            let found = found.groups().map(|(_, tally)| self.asked.rank(tally));
            let mut ranks: Vec<(u64, u64)> = kept.chain(found).collect();
            let (_, nth, _) = ranks.select_nth_unstable_by_key(top - 1, |rank| Reverse(*rank));
            lowest = *nth;
        }
        self.kept.retain(|(_, tally)| self.asked.rank(tally) >= lowest);
        for (group, (_, tally)) in found.groups().enumerate() {
            if self.asked.rank(tally) >= lowest {
                self.kept.push((found.values(group, texts), tally.clone()));
            }
        }
        if self.asked.order != Order::P99 && self.kept.len() > top {
            let asked = &self.asked;
            let order = |(values, tally): &(Vec<Value>, Tally)| {
                let connects = Reverse(tally.connects());
                (Reverse(asked.rank(tally)), connects, asked.keys(values))
            };
            self.kept.sort_by_cached_key(order);
            self.kept.truncate(top);
        }
    }
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

/// One ranking with a scan of its own.
///
/// # Errors
/// As [`Scan::run`].
pub fn ranking(scan: &Scan<'_>, asked: Asked) -> Result<(Ranking, u64), ScanError> {
    let scanned = scan.run(asked.accumulator(scan))?;
    let list = asked.shortlist(scan, scanned.found, &scanned.texts)?;
    let ranking = finish(scan, vec![list])?.pop();
    Ok((ranking.unwrap_or(Ranking { rows: Vec::new(), groups: 0 }), scanned.rows))
}
