//! What a capture that was put together from others says of them.

use serde::{Deserialize, Serialize};

use super::instant::Instant;

/// Most gaps that are listed: those of any number of captures must fit into
/// [`METADATA_LIMIT`](super::METADATA_LIMIT).
pub const GAPS_LIMIT: usize = 64;

/// Captures that were put together.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Merged {
    /// How many.
    pub captures: u64,
    /// How many of them their recorder did not finish.
    pub unfinished: u64,
    /// Arguments of recorders other than those in
    /// `command_line`, as far as there is room.
    pub command_lines: Vec<Vec<String>>,
    /// How many times between them nobody recorded.
    pub gap_count: u64,
    /// All those times together, ns of CLOCK_MONOTONIC.
    pub gap_ns: i64,
    /// The longest of them, at most [`GAPS_LIMIT`], in the order of time.
    pub gaps: Vec<Gap>,
}

/// A time in which nobody recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// When the recording before it ended.
    pub from: Instant,
    /// When the recording after it began.
    pub to: Instant,
}

impl Gap {
    /// How long it was, ns of CLOCK_MONOTONIC.
    pub fn length_ns(&self) -> i64 {
        self.to.monotonic_ns.saturating_sub(self.from.monotonic_ns)
    }
}

impl Merged {
    /// Adds gaps, given in the order of time after those that are there.
    pub fn add_gaps(&mut self, gaps: &[Gap]) {
        self.gap_count = self.gap_count.saturating_add(gaps.len() as u64);
        for gap in gaps {
            self.gap_ns = self.gap_ns.saturating_add(gap.length_ns());
        }
        self.gaps.extend(gaps);
        if self.gaps.len() > GAPS_LIMIT {
            self.gaps.sort_by_key(|gap| std::cmp::Reverse(gap.length_ns()));
            self.gaps.truncate(GAPS_LIMIT);
            self.gaps.sort_by_key(|gap| gap.from.monotonic_ns);
        }
    }
}

/// What of a time is not in a gap, µs of the wall clock.
pub(super) fn spans_between(gaps: &[Gap], start: Instant, stop: Instant) -> Vec<(i64, i64)> {
    let mut from = start.time_us;
    let mut spans = Vec::new();
    for gap in gaps {
        spans.push((from, gap.from.time_us));
        from = gap.to.time_us;
    }
    spans.push((from, stop.time_us));
    spans.retain(|(from, to)| from <= to);
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(from: i64, to: i64) -> Gap {
        let at = |us: i64| Instant { time_us: us, monotonic_ns: us * 1_000 };
        Gap { from: at(from), to: at(to) }
    }

    #[test]
    fn gaps_are_not_recorded() {
        let (start, stop) = (gap(10, 0).from, gap(100, 0).from);
        assert_eq!(spans_between(&[], start, stop), [(10, 100)]);
        let mut merged = Merged::default();
        merged.add_gaps(&[gap(20, 30), gap(50, 51)]);
        assert_eq!((merged.gap_count, merged.gap_ns), (2, 11_000));
        let spans = spans_between(&merged.gaps, start, stop);
        assert_eq!(spans, [(10, 20), (30, 50), (51, 100)]);
    }

    #[test]
    fn the_longest_gaps_are_kept_and_all_are_counted() {
        let mut merged = Merged::default();
        for n in 0..200 {
            merged.add_gaps(&[gap(n * 1_000, n * 1_000 + n)]);
        }
        assert_eq!((merged.gap_count, merged.gaps.len()), (200, GAPS_LIMIT));
        assert_eq!(merged.gap_ns, (0..200).sum::<i64>() * 1_000);
        assert_eq!(merged.gaps.first(), Some(&gap(136_000, 136_136)));
        assert_eq!(merged.gaps.last(), Some(&gap(199_000, 199_199)));
    }
}
