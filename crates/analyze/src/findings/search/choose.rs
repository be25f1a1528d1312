//! Which of several descriptions of the same trouble is said.

use foldhash::fast::RandomState;
use std::collections::HashMap;

use super::descriptions::Descriptions;
use super::{Contrast, Description};
use crate::findings::count::Count;
use crate::findings::scope::Dimension;
use crate::findings::thresholds::T;

/// Descriptions whose parts are looked at.
const CHECKED: usize = 24;

impl Descriptions<'_> {
    /// The simplest of those that explain about as much as the best.
    pub fn choose(&self, mut found: Vec<Description>) -> Option<Description> {
        let price = |description: &Description| {
            let time = if description.span.is_some() { 1.5 } else { 0.0 };
            description.scope.len() as f64 + time
        };
        let highest = found.iter().map(|description| description.ratio).fold(0.0, f64::max);
        // Scores that differ by less than this are equal.
        let step = 1e-6 * highest.max(1.0);
        let score = |description: &Description| {
            let ratio = description.ratio;
            let score = ratio - price(description) * (T.price + T.gain * 0.4 * highest);
            (score / step).round()
        };
        found.sort_by(|a, b| {
            let by_kind = || self.preference(&a.scope).cmp(&self.preference(&b.scope));
            score(b).total_cmp(&score(a)).then_with(by_kind)
        });
        let mut first = None;
        for mut description in found.into_iter().take(CHECKED) {
            description.pure = self.is_pure(&description);
            if description.pure {
                return Some(self.contrast.narrowed(description));
            }
            first.get_or_insert(description);
        }
        first.map(|description| self.contrast.narrowed(description))
    }

    /// Which of several names of the same connects says most.
    fn preference(&self, scope: &[u32]) -> Vec<u32> {
        let rank = |condition: &u32| match self.contrast.space.dimension(*condition) {
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

    /// Whether no part of it, by any one dimension, is clearly fine.
    fn is_pure(&self, description: &Description) -> bool {
        let space = self.contrast.space;
        let slots = description.span.map_or(0..=u32::MAX, |(from, to)| {
            self.moments.slot(from) as u32..=self.moments.slot(to) as u32
        });
        let mut parts: HashMap<u32, Count, RandomState> = HashMap::default();
        for cell in self.cells.iter() {
            if !space.cell_holds(&description.scope, cell.number) {
                continue;
            }
            let mut sum = Count::default();
            for (_, count) in
                self.cells.counts(cell).iter().filter(|(slot, _)| slots.contains(slot))
            {
                sum.plus(*count);
            }
            if sum.all > 0.0 {
                for condition in space.conditions_of_cell(cell.number) {
                    parts.entry(*condition).or_default().plus(sum);
                }
            }
        }
        let rate = description.inside.rate();
        let mut fine: HashMap<Dimension, f64> = HashMap::new();
        for (condition, count) in parts {
            let expected = count.all * rate;
            if expected >= 6.0 && count.bad * T.innocent <= expected {
                *fine.entry(space.dimension(condition)).or_default() += count.all;
            }
        }
        fine.values().all(|all| *all <= T.most_innocent * description.inside.all)
    }
}

impl Contrast<'_> {
    /// One destination is named as such, not as the network, port or family of
    /// which it is all that was seen.
    pub fn narrowed(&self, mut description: Description) -> Description {
        let by_origin = description.scope.iter().any(|c| !self.space.dimension(*c).is_place());
        let inside = self.space.inside(&description.scope);
        let mut rows = self.rows.iter().map(|(row, _)| *row).filter(|row| inside.holds(*row));
        let (Some(first), false) = (rows.next(), by_origin) else { return description };
        let mut shared: Vec<u32> = self.space.met_by(first as usize).to_vec();
        shared.retain(|c| {
            matches!(self.space.dimension(*c), Dimension::Service | Dimension::Address)
        });
        for row in rows {
            if shared.is_empty() {
                break;
            }
            shared.retain(|condition| self.space.met_by(row as usize).contains(condition));
        }
        if let Some(one) = shared.into_iter().min_by_key(|c| self.space.dimension(*c)) {
            description.scope = vec![one];
        }
        description
    }
}
