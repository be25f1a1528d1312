//! Which percentiles are given, and what a sample must hold to carry one.
//!
//! **The rule.** Percentiles are nearest-rank: the quantile q of n latencies
//! is the one at rank ceil(n·q) in ascending order, so it is always a latency
//! that was measured. A sample carries q only if n ≥ 1/(1−q): with fewer, the
//! rank is n and the "p99" of 20 connects would be their maximum under a name
//! that promises more. Such a percentile is marked, not given.

/// One percentile of the answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Percentile {
    /// Name in tables.
    pub name: &'static str,
    /// Name of the column in CSV and JSON.
    pub column: &'static str,
    /// The quantile in thousandths.
    pub per_mille: u16,
    /// Fewest latencies that carry it: 1/(1−q).
    pub needs: u64,
}

const fn percentile(name: &'static str, column: &'static str, per_mille: u16) -> Percentile {
    Percentile { name, column, per_mille, needs: 1000 / (1000 - per_mille as u64) }
}

impl Percentile {
    /// All that are given, ascending.
    pub const ALL: [Self; 5] = [
        percentile("p50", "p50_ns", 500),
        percentile("p90", "p90_ns", 900),
        percentile("p95", "p95_ns", 950),
        percentile("p99", "p99_ns", 990),
        percentile("p999", "p999_ns", 999),
    ];

    /// Position of p99 in [`Percentile::ALL`].
    pub const P99: usize = 3;

    /// The quantile as a fraction.
    ///
    /// `(n as f64 * q).ceil()` is the exact rank for these quantiles: each is
    /// off by less than a quarter of an ulp, so where n·q is whole the product
    /// rounds to it. A test below checks that.
    pub fn quantile(self) -> f64 {
        f64::from(self.per_mille) / 1000.0
    }
}

/// Footnote for tables in which a percentile is missing.
pub const SMALL_SAMPLE_NOTE: &str = "n/a*: sample too small; p50 needs at least 2 \
     measured connects, p90 10, p95 20, p99 100, p999 1000";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_in_numbers() {
        let needs = Percentile::ALL.map(|p| p.needs);
        assert_eq!(needs, [2, 10, 20, 100, 1000]);
        for needed in needs {
            assert!(SMALL_SAMPLE_NOTE.contains(&needed.to_string()));
        }
        assert_eq!(Percentile::ALL[Percentile::P99].name, "p99");
    }

    /// polars computes the rank in floating point.
    #[test]
    fn floating_point_ranks_are_exact() {
        let whole_numbers = (1..=200_000_u64).chain((1..=100_000).map(|k| (k << 15) + k));
        for n in whole_numbers.chain((0..1000).map(|k| (u64::from(u32::MAX) - k) / 1000 * 1000)) {
            for percentile in Percentile::ALL {
                let exact = (n * u64::from(percentile.per_mille)).div_ceil(1000);
                let float = (n as f64 * percentile.quantile()).ceil() as u64;
                assert_eq!(float, exact, "{} of {n}", percentile.name);
            }
        }
    }
}
