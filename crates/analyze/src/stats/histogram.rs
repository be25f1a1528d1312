//! Counts of latencies in buckets of about 1 %, from which the refinement
//! knows where to look for an exact percentile.
//!
//! Below 64 ns a bucket is one nanosecond wide; above, each power of two is
//! divided into 64 (0.8 to 1.6 % each). Latencies that are not positive share
//! the first bucket. Nothing is ever given from a bucket: see [`crate::scan`].

/// Sub-buckets of a power of two, and their logarithm.
const STEPS: u64 = 1 << STEP_BITS;
const STEP_BITS: u32 = 6;
/// Samples below which a group keeps the latencies themselves.
const FEW: usize = 256;

/// Number of the bucket of a latency, ns.
pub fn bucket_of(ns: i64) -> u16 {
    let value = ns.max(0).unsigned_abs();
    if value < STEPS {
        return value as u16;
    }
    let exponent = value.ilog2();
    let step = (value >> (exponent - STEP_BITS)) & (STEPS - 1);
    (((exponent - STEP_BITS + 1) << STEP_BITS) as u16) + step as u16
}

/// Smallest and largest latency of a bucket, ns.
pub fn bounds_of(bucket: u16) -> (i64, i64) {
    let bucket = u64::from(bucket);
    match bucket {
        0 => (i64::MIN, 0),
        1..STEPS => (bucket as i64, bucket as i64),
        _ => {
            let shift = (bucket >> STEP_BITS) - 1;
            let low = (STEPS + (bucket & (STEPS - 1))) << shift;
            (low as i64, (low + ((1 << shift) - 1)) as i64)
        }
    }
}

/// Counts by bucket, from the first that holds something to the last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    first: u16,
    counts: Vec<u32>,
}

impl Histogram {
    /// Counts one latency by its bucket.
    pub fn add(&mut self, bucket: u16) {
        *self.slot(bucket) += 1;
    }

    fn slot(&mut self, bucket: u16) -> &mut u32 {
        if self.counts.is_empty() {
            self.first = bucket;
        }
        if bucket < self.first {
            let missing = usize::from(self.first - bucket);
            self.counts.splice(0..0, std::iter::repeat_n(0, missing));
            self.first = bucket;
        }
        let place = usize::from(bucket - self.first);
        if place >= self.counts.len() {
            self.counts.resize(place + 1, 0);
        }
        &mut self.counts[place]
    }

    fn merge(&mut self, other: &Self) {
        for (bucket, count) in other.buckets() {
            *self.slot(bucket) += count;
        }
    }

    /// The buckets that hold something, ascending, with their counts.
    pub fn buckets(&self) -> impl Iterator<Item = (u16, u32)> + '_ {
        let counts = self.counts.iter().enumerate().filter(|(_, count)| **count > 0);
        counts.map(|(place, count)| (self.first + place as u16, *count))
    }
}

/// The latencies of one group: themselves while they are few, else counts.
#[derive(Debug, Clone)]
pub enum Latencies {
    /// In no order, ns.
    Few(Vec<i64>),
    /// By bucket.
    Many(Histogram),
}

impl Default for Latencies {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Latencies {
    /// Adds a latency and its bucket.
    pub fn add(&mut self, ns: i64, bucket: u16) {
        match self {
            Self::Many(histogram) => histogram.add(bucket),
            Self::Few(values) if values.len() < FEW => values.push(ns),
            Self::Few(_) => self.counted().add(bucket),
        }
    }

    /// Adds those of another part of the same group.
    pub fn merge(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::Few(own), Self::Few(more)) if own.len() + more.len() <= FEW => {
                own.extend(more);
            }
            (_, Self::Few(more)) => {
                let histogram = self.counted();
                more.iter().for_each(|ns| histogram.add(bucket_of(*ns)));
            }
            (_, Self::Many(more)) => self.counted().merge(more),
        }
    }

    fn counted(&mut self) -> &mut Histogram {
        if let Self::Few(values) = self {
            let mut histogram = Histogram::default();
            values.iter().for_each(|ns| histogram.add(bucket_of(*ns)));
            *self = Self::Many(histogram);
        }
        match self {
            Self::Many(histogram) => histogram,
            Self::Few(_) => unreachable!("replaced above"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_latency_lies_in_its_bucket() {
        let mut random = fastrand::Rng::with_seed(3);
        let powers = (0..63).map(|power| 1_i64 << power);
        let edges = powers.flat_map(|power| [power - 1, power, power.saturating_add(1)]);
        let any = (0..10_000).map(|_| random.i64(..) >> random.u8(..63));
        for ns in edges.chain(any).chain([i64::MIN, -1, 0, i64::MAX]) {
            let (low, high) = bounds_of(bucket_of(ns));
            assert!((low..=high).contains(&ns), "{ns} not in {low}..={high}");
        }
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        let last = bucket_of(i64::MAX);
        for bucket in 0..last {
            let ((_, high), (low, end)) = (bounds_of(bucket), bounds_of(bucket + 1));
            assert_eq!(high + 1, low, "{bucket}");
            let width = (end - low) as f64 / low as f64;
            assert!(width < 0.016, "{bucket} {width}");
        }
        assert_eq!(bounds_of(last).1, i64::MAX);
    }

    #[test]
    fn parts_add_up_whatever_their_size() {
        let mut random = fastrand::Rng::with_seed(4);
        for (left, right) in [(3, 5), (200, 200), (3, 5_000), (5_000, 3), (900, 900), (0, 300)] {
            let mut add = |latencies: &mut Latencies, count: usize| {
                let values: Vec<i64> = (0..count).map(|_| random.i64(0..1 << 30)).collect();
                values.iter().for_each(|ns| latencies.add(*ns, bucket_of(*ns)));
                values
            };
            let (mut a, mut b) = (Latencies::default(), Latencies::default());
            let all = [add(&mut a, left), add(&mut b, right)].concat();
            a.merge(&b);
            let mut expected = Histogram::default();
            all.iter().for_each(|ns| expected.add(bucket_of(*ns)));
            let buckets: Vec<_> = a.counted().buckets().collect();
            assert_eq!(buckets, expected.buckets().collect::<Vec<_>>(), "{left} {right}");
        }
    }
}
