//! Descriptions of the bad connects, each with how much better it explains the
//! rows than one rate for all does.

use super::cells::{Cell, Cells};
use super::{Contrast, Description};
use crate::findings::count::Count;
use crate::findings::moments::Moments;
use crate::findings::scope::Dimension;

/// Conditions looked at, those with most bad connects.
const CONDITIONS: usize = 256;
/// Conditions combined with others.
const COMBINED: usize = 8;
/// Ratio that one must have by itself for that.
const HOPEFUL: f64 = 6.0;

/// What descriptions are made of.
pub struct Descriptions<'a> {
    pub contrast: &'a Contrast<'a>,
    pub moments: Moments,
    pub cells: Cells,
    total: Count,
    /// Log-likelihood of one rate for all.
    alone: f64,
}

impl<'a> Descriptions<'a> {
    pub fn new(contrast: &'a Contrast<'a>, moments: Moments) -> Self {
        let cells = Cells::of(contrast, &moments);
        let total = contrast.total();
        Self { contrast, moments, cells, total, alone: total.likelihood() }
    }

    /// Of no condition, of each, and of two or three of the better ones together.
    pub fn all(&self) -> Vec<Description> {
        let everything: Vec<&Cell> = self.cells.iter().collect();
        let mut whole = vec![Count::default(); self.moments.slots()];
        for cell in &everything {
            for (slot, count) in self.cells.counts(cell) {
                whole[*slot as usize].plus(*count);
            }
        }
        let mut found = self.describe(Vec::new(), &whole);
        found.extend(self.extend(&[], &everything));
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
                let mut members = everything.clone();
                members.retain(|cell| self.contrast.space.cell_holds(&parent, cell.number));
                found.extend(self.extend(&parent, &members));
            }
        }
        found
    }

    /// Descriptions by one more condition.
    fn extend(&self, parent: &[u32], members: &[&Cell]) -> Vec<Description> {
        let space = self.contrast.space;
        let most = self.most_bad(parent, members);
        // Where the sums of a condition are; of most there are none.
        let mut places = vec![u32::MAX; space.conditions.len()];
        for (place, condition) in most.iter().enumerate() {
            places[*condition as usize] = place as u32;
        }
        let slots = self.moments.slots();
        let mut sums = vec![Count::default(); most.len() * slots];
        for cell in members {
            for condition in space.conditions_of_cell(cell.number) {
                let place = places[*condition as usize];
                if place == u32::MAX {
                    continue;
                }
                let sums = &mut sums[place as usize * slots..][..slots];
                for (slot, count) in self.cells.counts(cell) {
                    sums[*slot as usize].plus(*count);
                }
            }
        }
        let mut found = Vec::new();
        for (condition, sums) in most.iter().zip(sums.chunks(slots)) {
            let mut scope = parent.to_vec();
            scope.push(*condition);
            scope.sort_by_key(|condition| space.dimension(*condition));
            found.extend(self.describe(scope, sums));
        }
        found
    }

    /// The conditions with most bad connects, most first, that say something new.
    fn most_bad(&self, parent: &[u32], members: &[&Cell]) -> Vec<u32> {
        let space = self.contrast.space;
        let mut bad = vec![0.0; space.conditions.len()];
        for cell in members.iter().filter(|cell| cell.sum.bad > 0.0) {
            for condition in space.conditions_of_cell(cell.number) {
                bad[*condition as usize] += cell.sum.bad;
            }
        }
        let of_parent = |condition: u32| {
            let dimension = space.dimension(condition);
            parent.iter().any(|known| implies(space.dimension(*known), dimension))
        };
        let numbers = 0..bad.len() as u32;
        let mut most: Vec<u32> = numbers
            .filter(|condition| bad[*condition as usize] > 0.0 && !of_parent(*condition))
            .collect();
        let order = |a: &u32, b: &u32| bad[*b as usize].total_cmp(&bad[*a as usize]).then(a.cmp(b));
        if most.len() > CONDITIONS {
            most.select_nth_unstable_by(CONDITIONS, order);
            most.truncate(CONDITIONS);
        }
        most.sort_unstable_by(order);
        most
    }

    /// The whole time, and the clearest span, of one scope, from its counts by
    /// slot of time.
    fn describe(&self, scope: Vec<u32>, sums: &[Count]) -> Vec<Description> {
        let mut running = vec![Count::default(); sums.len() + 1];
        for (slot, sum) in sums.iter().enumerate() {
            let before = running[slot];
            running[slot + 1] = Count { bad: before.bad + sum.bad, all: before.all + sum.all };
        }
        let all = running[sums.len()];
        let (inside, outside, ratio) = self.compare(all);
        let whole = Description { scope, span: None, inside, outside, ratio, pure: true };
        if !self.contrast.timed {
            return vec![whole];
        }
        let times = &self.moments.times;
        let mut best: Option<Description> = None;
        for from in 0..times.len() {
            for to in from..times.len() {
                let inside = running[2 * to + 2].less(running[2 * from + 1]);
                // The rest of the scope must have had a chance.
                if inside.bad < 2.0 || all.less(inside).all < 3.0 {
                    continue;
                }
                let (inside, outside, ratio) = self.compare(inside);
                if best.as_ref().is_none_or(|known| ratio > known.ratio) {
                    let span = Some((times[from], times[to]));
                    let scope = Vec::new();
                    best = Some(Description { scope, span, inside, outside, ratio, pure: true });
                }
            }
        }
        let best = best.map(|best| Description { scope: whole.scope.clone(), ..best });
        std::iter::once(whole).chain(best).collect()
    }

    /// What is inside, what is outside, and the log-likelihood ratio.
    fn compare(&self, inside: Count) -> (Count, Count, f64) {
        let inside = Count { all: inside.all + self.contrast.unseen, ..inside };
        let outside = self.total.less(inside);
        // Only worse inside, and something to compare with.
        if inside.rate() <= outside.rate() && outside.all >= 0.5 {
            return (inside, outside, 0.0);
        }
        let ratio = inside.likelihood() + outside.likelihood() - self.alone;
        (inside, outside, ratio.max(0.0))
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
