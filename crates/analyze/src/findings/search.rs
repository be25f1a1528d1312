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

mod cells;
mod choose;
mod descriptions;

use super::count::Count;
use super::evidence::Event;
use super::moments::Moments;
use super::scope::Space;
use descriptions::Descriptions;

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
        let descriptions = Descriptions::new(self, moments);
        descriptions.choose(descriptions.all())
    }

    /// Rows inside a description.
    pub fn within(&self, description: &Description) -> Vec<(u32, bool)> {
        let inside = self.space.inside(&description.scope);
        let during = |event: &Event| {
            description.span.is_none_or(|(from, to)| (from..=to).contains(&event.time))
        };
        self.rows
            .iter()
            .copied()
            .filter(|(row, _)| during(&self.events[*row as usize]) && inside.holds(*row))
            .collect()
    }
}
