//! The account of a recording: what became of the connects that were seen.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The account of events, from the probe's counters and the recorder's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counters {
    /// Connect attempts the probe saw start, before any filter.
    pub seen: u64,
    /// Rows in this capture.
    pub written: u64,
    /// Attempts rejected by the filters.
    pub filtered: u64,
    /// Finished attempts below `--min-latency`, by outcome word.
    pub suppressed: BTreeMap<String, u64>,
    /// Ends of attempts without a recorded start: begun before the recording
    /// or filtered out. Not a loss.
    pub end_without_start: u64,
    /// Losses by cause.
    pub lost: Lost,
}

/// Attempts that should have become rows and did not, by cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Lost {
    /// The ring buffer was full.
    pub ring_full: u64,
    /// The in-flight table was full.
    pub in_flight_full: u64,
    /// The end of the attempt was never seen.
    pub end_missed: u64,
    /// About how many starts and ends the kernel kept from all of the probe's
    /// programs (`recursion_misses`): an estimate, see [`Lost::total`].
    pub program_misses: u64,
    /// Records the recorder could not decode or store.
    pub recorder: u64,
}

/// Attempts lost by one cause in one stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossSpan {
    /// As named by [`Lost::causes`].
    pub cause: String,
    /// How many.
    pub count: u64,
    /// CLOCK_MONOTONIC when they had not happened yet, ns.
    pub from_ns: i64,
    /// CLOCK_MONOTONIC when they were noticed, ns.
    pub to_ns: i64,
}

impl Counters {
    /// Why this cannot be the account of a whole recording with `rows` rows;
    /// `None` if it adds up:
    ///
    /// ```text
    /// seen = filtered + in_flight_full + end_missed
    ///      + rows + ring_full + suppressed + recorder
    /// ```
    pub fn contradiction(&self, rows: u64) -> Option<String> {
        let suppressed = self.suppressed.values();
        let accounted = suppressed.fold(self.filtered, |sum, count| sum.saturating_add(*count));
        let accounted = accounted.saturating_add(rows).saturating_add(self.lost.total());
        (accounted != self.seen).then(|| {
            format!(
                "{} connects were seen, but {accounted} are accounted for: {rows} rows, {} filtered, {} lost, the rest suppressed",
                self.seen,
                self.filtered,
                self.lost.total()
            )
        })
    }

    /// Both together. Counters come from files and may be anything, so sums
    /// saturate.
    pub fn plus(&self, other: &Self) -> Self {
        let lost = |of: fn(&Lost) -> u64| of(&self.lost).saturating_add(of(&other.lost));
        let mut suppressed = self.suppressed.clone();
        for (outcome, count) in &other.suppressed {
            let sum = suppressed.entry(outcome.clone()).or_default();
            *sum = sum.saturating_add(*count);
        }
        Self {
            seen: self.seen.saturating_add(other.seen),
            written: self.written.saturating_add(other.written),
            filtered: self.filtered.saturating_add(other.filtered),
            suppressed,
            end_without_start: self.end_without_start.saturating_add(other.end_without_start),
            lost: Lost::of_each(lost),
        }
    }

    /// What has come since `earlier`, an account of the same recording.
    pub fn since(&self, earlier: &Self) -> Self {
        let minus = |now: u64, then: u64| now.saturating_sub(then);
        let lost = |of: fn(&Lost) -> u64| minus(of(&self.lost), of(&earlier.lost));
        let suppressed = self.suppressed.iter().filter_map(|(outcome, count)| {
            let then = earlier.suppressed.get(outcome).copied().unwrap_or_default();
            (*count > then).then(|| (outcome.clone(), count - then))
        });
        Self {
            seen: minus(self.seen, earlier.seen),
            written: minus(self.written, earlier.written),
            filtered: minus(self.filtered, earlier.filtered),
            suppressed: suppressed.collect(),
            end_without_start: minus(self.end_without_start, earlier.end_without_start),
            lost: Lost::of_each(lost),
        }
    }
}

impl Lost {
    /// Every count as `count` makes it of that field.
    fn of_each(count: impl Fn(fn(&Self) -> u64) -> u64) -> Self {
        Self {
            ring_full: count(|lost| lost.ring_full),
            in_flight_full: count(|lost| lost.in_flight_full),
            end_missed: count(|lost| lost.end_missed),
            program_misses: count(|lost| lost.program_misses),
            recorder: count(|lost| lost.recorder),
        }
    }

    /// Attempts known to be lost.
    ///
    /// `program_misses` is not in it: nobody saw what nobody saw, so it can only
    /// be estimated. A connect whose end was missed is counted as `end_missed`
    /// besides, once that is noticed.
    pub fn total(&self) -> u64 {
        // A file may claim anything.
        [self.in_flight_full, self.end_missed, self.recorder]
            .into_iter()
            .fold(self.ring_full, u64::saturating_add)
    }

    /// Each cause with its count, named as in the document.
    pub fn causes(&self) -> [(&'static str, u64); 5] {
        [
            ("ring_full", self.ring_full),
            ("in_flight_full", self.in_flight_full),
            ("end_missed", self.end_missed),
            ("program_misses", self.program_misses),
            ("recorder", self.recorder),
        ]
    }
}
