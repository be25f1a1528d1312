//! Which of several descriptions of the same trouble is said.

use std::collections::HashMap;

use super::super::count::Count;
use super::super::scope::Dimension;
use super::super::thresholds::T;
use super::{Contrast, Description};

/// Descriptions whose parts are looked at.
const CHECKED: usize = 24;

impl Contrast<'_> {
    /// The simplest of those that explain about as much as the best.
    pub(super) fn choose(&self, mut found: Vec<Description>) -> Option<Description> {
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
