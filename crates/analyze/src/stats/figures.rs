//! The figures every grouped answer has.

use connlat_schema::Outcome;

use super::quantile::Measure;

/// Figures of one group of connects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// All rows, whatever became of them.
    pub connects: i64,
    /// Rows with outcome `established`.
    pub established: i64,
    /// Rows that ended otherwise; `in_flight` is in neither.
    pub failed: i64,
    /// In the order of [`Measure::percentiles`], ns; none where the sample is
    /// too small.
    pub percentiles: Vec<Option<i64>>,
    /// The confidence interval of each, if asked for, ns.
    pub intervals: Vec<Option<(i64, i64)>>,
    /// Largest latency, ns.
    pub max: Option<i64>,
    /// Smallest latency, ns.
    pub min: Option<i64>,
    /// Mean latency, rounded to a nanosecond.
    pub mean: Option<i64>,
    /// SYNs sent again, over all rows.
    pub syn_retransmits: i64,
    /// Rows with at least one SYN sent again.
    pub retransmitted: i64,
    /// Rows the latency figures rest on: established and measured.
    pub samples: i64,
    /// Time spent waiting in all rows but those in flight, ns.
    pub waited: i128,
}

impl Figures {
    /// Of no connects at all.
    pub fn none(measure: &Measure) -> Self {
        Self {
            percentiles: vec![None; measure.percentiles.len()],
            intervals: vec![None; measure.intervals.map_or(0, |_| measure.percentiles.len())],
            ..Self::default()
        }
    }

    /// Failed connects as a share of all, none without connects.
    pub fn failure_rate(&self) -> Option<f64> {
        (self.connects > 0).then(|| self.failed as f64 / self.connects as f64)
    }

    /// A percentile by name, if it was asked for and the sample carries it.
    pub fn percentile(&self, measure: &Measure, name: &str) -> Option<i64> {
        *self.percentiles.get(measure.position(name)?)?
    }
}

/// What a group has in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// The column is null here.
    Null,
    /// Value of an integer column.
    Integer(i64),
    /// Value of a text column.
    Text(String),
}

/// One row of a grouped answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// One value for each group column.
    pub keys: Vec<Key>,
    /// The group's figures.
    pub figures: Figures,
}

/// Counters of one group while rows pass by; whole numbers only, so that the
/// order of rows and parts does not matter.
#[derive(Debug, Clone)]
pub struct Tally {
    /// Rows by outcome, in the order of [`Outcome::ALL`]; the last are of
    /// outcomes that this version does not know. Inputs have fewer than 2^32.
    by_outcome: [u32; Outcome::COUNT + 1],
    retransmitted: u32,
    samples: u32,
    syn_retransmits: i64,
    min: i64,
    max: i64,
    total: i128,
    waited: i128,
    /// What percentiles are found from.
    pub latencies: super::histogram::Latencies,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            by_outcome: [0; Outcome::COUNT + 1],
            retransmitted: 0,
            samples: 0,
            syn_retransmits: 0,
            min: i64::MAX,
            max: i64::MIN,
            total: 0,
            waited: 0,
            latencies: super::histogram::Latencies::default(),
        }
    }
}

impl Tally {
    /// Adds a row: the place of its outcome in [`Outcome::ALL`] or the one
    /// after the last, its latency in ns, and the SYNs it sent again.
    #[inline]
    pub fn add(&mut self, outcome: u8, latency: i64, retransmits: i32) {
        self.by_outcome[usize::from(outcome).min(Outcome::COUNT)] += 1;
        self.syn_retransmits += i64::from(retransmits);
        self.retransmitted += u32::from(retransmits > 0);
        if outcome != Outcome::InFlight as u8 {
            self.waited += i128::from(latency);
        }
    }

    /// Adds the latency of a row that counts, and its bucket.
    #[inline]
    pub fn measure(&mut self, latency: i64, bucket: u16) {
        self.samples += 1;
        self.total += i128::from(latency);
        self.min = self.min.min(latency);
        self.max = self.max.max(latency);
        self.latencies.add(latency, bucket);
    }

    /// Adds another part of the same group.
    pub fn merge(&mut self, other: &Self) {
        for (own, more) in self.by_outcome.iter_mut().zip(other.by_outcome) {
            *own += more;
        }
        self.retransmitted += other.retransmitted;
        self.samples += other.samples;
        self.syn_retransmits += other.syn_retransmits;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.total += other.total;
        self.waited += other.waited;
        self.latencies.merge(&other.latencies);
    }

    /// All rows.
    pub fn connects(&self) -> u64 {
        self.by_outcome.iter().map(|count| u64::from(*count)).sum()
    }

    /// Rows that failed.
    pub fn failed(&self) -> u64 {
        let failures = Outcome::ALL.into_iter().filter(|outcome| outcome.is_failure());
        failures.map(|outcome| u64::from(self.by_outcome[outcome as usize])).sum()
    }

    /// Rows whose latency counts.
    pub fn samples(&self) -> u64 {
        self.samples.into()
    }

    /// The figures but for the percentiles.
    pub fn figures(&self) -> Figures {
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let samples = i128::from(self.samples);
        let some = |value: i64| (samples > 0).then_some(value);
        // Half a nanosecond and more is rounded up.
        let mean = |total: i128| (total * 2 + samples).div_euclid(samples * 2);
        Figures {
            connects: signed(self.connects()),
            established: self.by_outcome[Outcome::Established as usize].into(),
            failed: signed(self.failed()),
            max: some(self.max),
            min: some(self.min),
            mean: (samples > 0).then(|| i64::try_from(mean(self.total)).unwrap_or(i64::MAX)),
            syn_retransmits: self.syn_retransmits,
            retransmitted: self.retransmitted.into(),
            samples: self.samples.into(),
            waited: self.waited,
            ..Figures::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_connects_there_is_no_rate_and_no_latency() {
        assert_eq!(Figures::default().failure_rate(), None);
        let none = Tally::default().figures();
        assert_eq!((none.min, none.max, none.mean), (None, None, None));
    }

    #[test]
    fn parts_of_a_group_add_up() {
        let mut random = fastrand::Rng::with_seed(8);
        let rows: Vec<(u8, i64, i32)> =
            (0..900).map(|_| (random.u8(..8), random.i64(-5..1 << 50), random.i32(0..3))).collect();
        let add = |tally: &mut Tally, rows: &[(u8, i64, i32)]| {
            for (outcome, latency, again) in rows {
                tally.add(*outcome, *latency, *again);
                if *outcome == 0 {
                    tally.measure(*latency, super::super::histogram::bucket_of(*latency));
                }
            }
        };
        let mut whole = Tally::default();
        add(&mut whole, &rows);
        let (mut left, mut right) = (Tally::default(), Tally::default());
        add(&mut left, &rows[..333]);
        add(&mut right, &rows[333..]);
        left.merge(&right);
        assert_eq!(left.figures(), whole.figures());
        assert_eq!(whole.figures().connects, 900);
    }
}
