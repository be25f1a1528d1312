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

use std::collections::HashMap;

use super::evidence::Event;
use super::scope::{Dimension, Space};
use super::thresholds::T;

/// Moments that spans begin and end at.
const MOMENTS: usize = 32;
/// Conditions looked at, those with most bad connects.
const CONDITIONS: usize = 256;
/// Conditions combined with others.
const COMBINED: usize = 8;
/// Ratio that one must have by itself for that.
const HOPEFUL: f64 = 6.0;
/// Descriptions whose parts are looked at.
const CHECKED: usize = 24;

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

/// Bad connects and all.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Count {
    pub bad: f64,
    pub all: f64,
}

impl Count {
    pub fn rate(self) -> f64 {
        if self.all > 0.0 { self.bad / self.all } else { 0.0 }
    }

    fn add(&mut self, weight: f64, bad: bool) {
        self.all += weight;
        self.bad += if bad { weight } else { 0.0 };
    }

    fn less(self, other: Self) -> Self {
        Self { bad: (self.bad - other.bad).max(0.0), all: (self.all - other.all).max(0.0) }
    }

    /// Log-likelihood of the counts at their own rate.
    fn likelihood(self) -> f64 {
        let term = |count: f64, share: f64| if count > 0.0 { count * share.ln() } else { 0.0 };
        term(self.bad, self.rate()) + term(self.all - self.bad, 1.0 - self.rate())
    }
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
        let moments = Moments::of(self)?;
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

    /// The simplest of those that explain about as much as the best.
    fn choose(&self, mut found: Vec<Description>) -> Option<Description> {
        let price = |description: &Description| {
            let time = if description.span.is_some() { 1.5 } else { 0.0 };
            description.scope.len() as f64 + time
        };
        let highest = found.iter().map(|description| description.ratio).fold(0.0, f64::max);
        let score = |description: &Description| {
            description.ratio - price(description) * (T.price + T.gain * 0.4 * highest)
        };
        found.sort_by(|a, b| {
            let by_score = score(b).total_cmp(&score(a));
            // Equal sets have equal scores but for rounding.
            let close = (score(a) - score(b)).abs() < 1e-6 * highest.max(1.0);
            let by_kind = self.preference(&a.scope).cmp(&self.preference(&b.scope));
            if close { by_kind.then(by_score) } else { by_score }
        });
        let mut first = None;
        for mut description in found.into_iter().take(CHECKED) {
            description.pure = self.is_pure(&description);
            if description.pure {
                return Some(self.narrowed(description));
            }
            first.get_or_insert(description);
        }
        first.map(|description| self.narrowed(description))
    }

    /// One destination is named as such, not as the network, port or family of
    /// which it is all that was seen.
    pub fn narrowed(&self, mut description: Description) -> Description {
        let by_origin = description.scope.iter().any(|c| !self.space.dimension(*c).is_place());
        let rows = self.rows.iter().map(|(row, _)| *row as usize);
        let mut rows = rows.filter(|row| self.space.holds(&description.scope, *row));
        let (Some(first), false) = (rows.next(), by_origin) else { return description };
        let mut shared: Vec<u32> = self.space.met_by(first).to_vec();
        shared.retain(|c| {
            matches!(self.space.dimension(*c), Dimension::Service | Dimension::Address)
        });
        for row in rows {
            shared.retain(|condition| self.space.met_by(row).contains(condition));
        }
        if let Some(one) = shared.into_iter().min_by_key(|c| self.space.dimension(*c)) {
            description.scope = vec![one];
        }
        description
    }

    /// Which of several names of the same connects says most.
    fn preference(&self, scope: &[u32]) -> Vec<u32> {
        let rank = |condition: &u32| match self.space.dimension(*condition) {
            Dimension::Family => 0,
            Dimension::Service => 1,
            Dimension::Address => 2,
            Dimension::Port => 3,
            Dimension::Network(order) => 4 + u32::from(order),
            Dimension::Host => 20,
            Dimension::Netns => 21,
            Dimension::Comm => 22,
            Dimension::Cgroup => 23,
            Dimension::Uid => 24,
            Dimension::Source => 25,
        };
        let mut ranks: Vec<u32> = scope.iter().map(rank).collect();
        ranks.sort_unstable();
        ranks
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

    /// Whether no part of it, by any one dimension, is clearly fine.
    fn is_pure(&self, description: &Description) -> bool {
        let mut parts: HashMap<u32, Count> = HashMap::new();
        for (row, bad) in self.within(description) {
            let weight = self.weight(&self.events[row as usize]);
            for condition in self.space.met_by(row as usize) {
                parts.entry(*condition).or_default().add(weight, bad);
            }
        }
        let rate = description.inside.rate();
        let mut fine: HashMap<Dimension, f64> = HashMap::new();
        for (condition, count) in parts {
            let expected = count.all * rate;
            if expected >= 6.0 && count.bad * T.innocent <= expected {
                *fine.entry(self.space.dimension(condition)).or_default() += count.all;
            }
        }
        fine.values().all(|all| *all <= T.most_innocent * description.inside.all)
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

/// Moments between which spans of time are tried.
struct Moments {
    /// Starts of bad connects, ascending, evenly many bad ones apart.
    times: Vec<i64>,
}

impl Moments {
    fn of(contrast: &Contrast<'_>) -> Option<Self> {
        let bad = contrast.rows.iter().filter(|(_, bad)| *bad);
        let all: Vec<i64> = bad.map(|(row, _)| contrast.events[*row as usize].time).collect();
        let last = all.len().checked_sub(1)?;
        let count = all.len().min(MOMENTS);
        let place = |n: usize| n * last / (count - 1).max(1);
        let mut times: Vec<i64> = (0..count).map(|n| all[place(n)]).collect();
        times.dedup();
        Some(Self { times })
    }

    fn slots(&self) -> usize {
        2 * self.times.len() + 1
    }

    /// Odd slots are the moments themselves, even ones lie between.
    fn slot(&self, time: i64) -> usize {
        match self.times.binary_search(&time) {
            Ok(place) => 2 * place + 1,
            Err(place) => 2 * place,
        }
    }
}
