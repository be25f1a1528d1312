//! The smallest description that explains most of the bad connects and few
//! good ones: a scan statistic (Kulldorff 1997) over conditions and spans of
//! time, as DIFF (Abuzaid 2018) and MacroBase contrast shares.
//!
//! For every condition, and two or three of the better ones together, the share of bad
//! connects inside is compared with that outside, over all the time and over
//! every span between two bad connects. The log-likelihood ratio says how much
//! better two rates explain the rows than one. Of descriptions that explain
//! about as much the simpler one is taken; one with a part that is clearly
//! fine is not.

mod choose;

use std::collections::HashMap;

use super::count::Count;
use super::evidence::Event;
use super::moments::Moments;
use super::scope::{Dimension, Space};

/// Conditions looked at, those with most bad connects.
const CONDITIONS: usize = 256;
/// Conditions combined with others.
const COMBINED: usize = 8;
/// Ratio that one must have by itself for that.
const HOPEFUL: f64 = 6.0;

/// Good and bad connects of one kind of trouble, in order of time.
pub struct Contrast<'a> {
    pub space: &'a Space,
    pub events: &'a [Event],
    /// Places in `events`, with whether each is bad.
    pub rows: Vec<(u32, bool)>,
    /// Each row counts once: all are sampled alike.
    pub alike: bool,
    /// Whether spans of time are looked for.
    pub timed: bool,
    /// Good connects that a scope may have had beside those in the sample.
    pub unseen: f64,
}

/// What was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Description {
    /// Conditions by number; none is everything.
    pub scope: Vec<u32>,
    /// First and last bad start, µs, if only a part of the time is concerned.
    pub span: Option<(i64, i64)>,
    pub inside: Count,
    pub outside: Count,
    /// Log-likelihood ratio.
    pub ratio: f64,
    /// Whether no part of it is clearly fine.
    pub pure: bool,
}

impl Contrast<'_> {
    /// Connects that an event counts for.
    pub fn weight(&self, event: &Event) -> f64 {
        if self.alike { 1.0 } else { event.weight as f64 }
    }

    /// All of it.
    pub fn total(&self) -> Count {
        let mut total = Count::default();
        for (row, bad) in &self.rows {
            total.add(self.weight(&self.events[*row as usize]), *bad);
        }
        total
    }

    /// The best description, if there are bad connects; its ratio says whether
    /// it is more than chance.
    pub fn best(&self) -> Option<Description> {
        let moments = Moments::of(
            self.rows
                .iter()
                .filter(|(_, bad)| *bad)
                .map(|(row, _)| self.events[*row as usize].time),
        )?;
        let total = self.total();
        let everything: Vec<u32> = (0..self.rows.len() as u32).collect();
        let mut found: Vec<Description> = Vec::new();
        let whole = self.sums(&everything, &moments, |_| std::iter::once(0), 1);
        found.extend(self.describe(Vec::new(), &whole[0], total, &moments));
        let singles = self.extend(&[], &everything, total, &moments);
        found.extend(singles);
        for conditions in 1..=2 {
            found.sort_by(|a, b| b.ratio.total_cmp(&a.ratio));
            // Whole and timed, and by either condition first, they come again.
            let mut parents: Vec<Vec<u32>> = Vec::new();
            let hopeful = |d: &&Description| d.scope.len() == conditions && d.ratio >= HOPEFUL;
            for description in found.iter().filter(hopeful) {
                if parents.len() < COMBINED / conditions && !parents.contains(&description.scope) {
                    parents.push(description.scope.clone());
                }
            }
            for parent in parents {
                let members: Vec<u32> = everything
                    .iter()
                    .copied()
                    .filter(|row| self.space.holds(&parent, self.rows[*row as usize].0 as usize))
                    .collect();
                found.extend(self.extend(&parent, &members, total, &moments));
            }
        }
        self.choose(found)
    }

    /// Descriptions by one more condition.
    fn extend(
        &self,
        parent: &[u32],
        members: &[u32],
        total: Count,
        moments: &Moments,
    ) -> Vec<Description> {
        let mut bad: HashMap<u32, f64> = HashMap::new();
        for member in members {
            let (row, is_bad) = self.rows[*member as usize];
            if is_bad {
                let weight = self.weight(&self.events[row as usize]);
                for condition in self.space.met_by(row as usize) {
                    *bad.entry(*condition).or_default() += weight;
                }
            }
        }
        let of_parent = |condition: &u32| {
            let dimension = self.space.dimension(*condition);
            parent.iter().any(|known| implies(self.space.dimension(*known), dimension))
        };
        let mut most: Vec<(u32, f64)> =
            bad.into_iter().filter(|(condition, _)| !of_parent(condition)).collect();
        most.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        most.truncate(CONDITIONS);
        let places: HashMap<u32, usize> =
            most.iter().enumerate().map(|(place, (condition, _))| (*condition, place)).collect();
        let mut dense = vec![u32::MAX; self.space.conditions.len()];
        for (condition, place) in &places {
            dense[*condition as usize] = *place as u32;
        }
        let dense = &dense;
        let looked_at = |row: u32| {
            let met = self.space.met_by(row as usize).iter();
            met.map(|condition| dense[*condition as usize]).filter(|place| *place != u32::MAX)
        };
        let sums = self.sums(members, moments, looked_at, most.len());
        let mut found = Vec::new();
        for ((condition, _), sums) in most.iter().zip(&sums) {
            let mut scope = parent.to_vec();
            scope.push(*condition);
            scope.sort_by_key(|condition| self.space.dimension(*condition));
            found.extend(self.describe(scope, sums, total, moments));
        }
        found
    }

    /// Counts by slot of time, for each of some places that rows belong to.
    fn sums<I: Iterator<Item = u32>>(
        &self,
        members: &[u32],
        moments: &Moments,
        places: impl Fn(u32) -> I,
        count: usize,
    ) -> Vec<Vec<Count>> {
        let mut sums = vec![vec![Count::default(); moments.slots()]; count];
        for member in members {
            let (row, bad) = self.rows[*member as usize];
            let event = &self.events[row as usize];
            let (slot, weight) = (moments.slot(event.time), self.weight(event));
            for place in places(row) {
                sums[place as usize][slot].add(weight, bad);
            }
        }
        sums
    }

    /// The whole time, and the clearest span, of one scope.
    fn describe(
        &self,
        scope: Vec<u32>,
        sums: &[Count],
        total: Count,
        moments: &Moments,
    ) -> Vec<Description> {
        let mut running = vec![Count::default(); sums.len() + 1];
        for (slot, sum) in sums.iter().enumerate() {
            let before = running[slot];
            running[slot + 1] = Count { bad: before.bad + sum.bad, all: before.all + sum.all };
        }
        let all = running[sums.len()];
        let description = |inside: Count, span| {
            let inside = Count { all: inside.all + self.unseen, ..inside };
            let outside = total.less(inside);
            // Only worse inside, and something to compare with.
            let worse = inside.rate() > outside.rate() || outside.all < 0.5;
            let ratio = inside.likelihood() + outside.likelihood() - total.likelihood();
            let ratio = if worse { ratio.max(0.0) } else { 0.0 };
            Description { scope: scope.clone(), span, inside, outside, ratio, pure: true }
        };
        let mut found = vec![description(all, None)];
        if !self.timed {
            return found;
        }
        let mut best: Option<Description> = None;
        for from in 0..moments.times.len() {
            for to in from..moments.times.len() {
                let inside = running[2 * to + 2].less(running[2 * from + 1]);
                // The rest of the scope must have had a chance.
                if inside.bad < 2.0 || all.less(inside).all < 3.0 {
                    continue;
                }
                let span = description(inside, Some((moments.times[from], moments.times[to])));
                if best.as_ref().is_none_or(|known| span.ratio > known.ratio) {
                    best = Some(span);
                }
            }
        }
        found.extend(best);
        found
    }

    /// Rows inside a description.
    pub fn within(&self, description: &Description) -> Vec<(u32, bool)> {
        let during = |event: &Event| {
            description.span.is_none_or(|(from, to)| (from..=to).contains(&event.time))
        };
        self.rows
            .iter()
            .copied()
            .filter(|(row, _)| during(&self.events[*row as usize]))
            .filter(|(row, _)| self.space.holds(&description.scope, *row as usize))
            .collect()
    }
}

/// Whether one dimension says the other already, or contradicts it.
fn implies(known: Dimension, new: Dimension) -> bool {
    use Dimension::{Address, Family, Network, Port, Service};
    match known {
        Service => new.is_place(),
        Address => matches!(new, Address | Family | Network(_)),
        Family => matches!(new, Family),
        Network(_) => matches!(new, Network(_) | Family),
        Port => matches!(new, Port),
        other => new == other,
    }
}
