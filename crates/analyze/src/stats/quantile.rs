//! Which percentiles are given, what a sample must hold to carry one, and how
//! far off one may be.
//!
//! **The rule.** Percentiles are nearest-rank: the quantile q of n latencies
//! is the one at rank ceil(n·q) in ascending order, so it is always a latency
//! that was measured. A sample carries q only if n ≥ 1/(1−q): with fewer, the
//! rank is n and the "p99" of 20 connects would be their maximum under a name
//! that promises more. Low quantiles need 1/q alike. Such a percentile is
//! marked, not given.

/// Quantiles are whole multiples of this part.
const PARTS: u32 = 100_000;
/// Normal deviate of a two-sided 95 % interval.
pub const Z95: f64 = 1.959_964;
/// Normal deviate of a two-sided 99.9 % interval.
pub const Z999: f64 = 3.290_527;

/// What tables show for a percentile that the sample is too small for.
pub const SMALL_SAMPLE: &str = "n/a*";

/// One percentile of the answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Percentile {
    /// Name in tables.
    pub name: String,
    /// Name of the column in CSV and JSON.
    pub column: String,
    /// The quantile in hundred-thousandths.
    parts: u32,
    /// Fewest latencies that carry it.
    pub needs: u64,
}

impl Percentile {
    /// From a quantile as typed, such as `0.99`; none if it is not between 0
    /// and 1 or has more than five decimals.
    pub fn parse(text: &str) -> Option<Self> {
        let decimals = text.strip_prefix('0').unwrap_or(text).strip_prefix('.')?;
        if decimals.is_empty()
            || decimals.len() > 5
            || !decimals.bytes().all(|b| b.is_ascii_digit())
        {
            return None;
        }
        let parts: u32 = format!("{decimals:0<5}").parse().ok()?;
        if parts == 0 {
            return None;
        }
        let name = format!("p{:0<2}", decimals.trim_end_matches('0'));
        let needs = u64::from(PARTS).div_ceil(u64::from(parts.min(PARTS - parts)));
        Some(Self { column: format!("{name}_ns"), name, parts, needs })
    }

    /// The percentiles given when nothing else is asked for.
    pub fn usual() -> Vec<Self> {
        ["0.5", "0.9", "0.95", "0.99", "0.999"].into_iter().filter_map(Self::parse).collect()
    }

    /// The quantile.
    pub fn fraction(&self) -> f64 {
        f64::from(self.parts) / f64::from(PARTS)
    }

    /// The rank among n, from 1.
    pub fn rank(&self, n: u64) -> u64 {
        let rank = (u128::from(n) * u128::from(self.parts)).div_ceil(u128::from(PARTS));
        u64::try_from(rank).unwrap_or(u64::MAX).max(1)
    }

    /// Ranks between which the true quantile lies with the confidence of
    /// `z`: the number of latencies below it is binomial (n, q). None where
    /// the sample is too small for one of them to exist.
    pub fn interval(&self, n: u64, z: f64) -> Option<(u64, u64)> {
        let (n_f, q) = (n as f64, self.fraction());
        let (centre, spread) = (n_f * q, z * (n_f * q * (1.0 - q)).sqrt());
        // Half a rank wider on each side, for the binomial is discrete.
        let (low, high) = ((centre - spread - 0.5).floor(), (centre + spread + 0.5).ceil() + 1.0);
        (low >= 1.0 && high <= n_f).then_some((low as u64, high as u64))
    }
}

/// How latency is to be measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// Ascending.
    pub percentiles: Vec<Percentile>,
    /// The normal deviate of the confidence intervals wanted, if they are.
    pub intervals: Option<f64>,
}

impl Measure {
    /// The usual percentiles.
    pub fn usual() -> Self {
        Self { percentiles: Percentile::usual(), intervals: None }
    }

    /// The ranks that are wanted of so many samples: for each percentile its
    /// own, and the ends of its interval; none where the sample is too small.
    pub fn ranks(&self, samples: u64) -> impl Iterator<Item = [Option<u64>; 3]> + '_ {
        self.percentiles.iter().map(move |percentile| {
            let rank = (samples >= percentile.needs).then(|| percentile.rank(samples));
            let interval = self.intervals.and_then(|z| percentile.interval(samples, z));
            let (low, high) = interval.unzip();
            [rank, low, high]
        })
    }

    /// Position of a percentile by name.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.percentiles.iter().position(|percentile| percentile.name == name)
    }

    /// Footnote for tables in which a percentile is missing.
    pub fn small_sample_note(&self) -> String {
        let needs = self.percentiles.iter().enumerate().map(|(index, percentile)| {
            let connects = if index == 0 { " measured connects" } else { "" };
            let at_least = if index == 0 { "needs at least " } else { "" };
            format!("{} {at_least}{}{connects}", percentile.name, percentile.needs)
        });
        format!("{SMALL_SAMPLE}: sample too small; {}", needs.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_in_numbers() {
        let measure = Measure::usual();
        let needs: Vec<u64> = measure.percentiles.iter().map(|p| p.needs).collect();
        assert_eq!(needs, [2, 10, 20, 100, 1000]);
        assert_eq!(measure.position("p99"), Some(3));
        for needed in needs {
            assert!(measure.small_sample_note().contains(&needed.to_string()));
        }
    }

    #[test]
    fn names_follow_the_decimals() {
        let name = |text| Percentile::parse(text).map(|p| p.name);
        assert_eq!(name("0.5").as_deref(), Some("p50"));
        assert_eq!(name(".05").as_deref(), Some("p05"));
        assert_eq!(name("0.990").as_deref(), Some("p99"));
        assert_eq!(name("0.99999").as_deref(), Some("p99999"));
        for wrong in ["0", "1", "1.0", "0.0", "50", "0.999999", "-0.5", "0.5e1", "nan", "", "."] {
            assert_eq!(name(wrong), None, "{wrong}");
        }
    }

    /// In 2,000 samples of a known distribution the interval holds the true
    /// quantile at least as often as it says.
    #[test]
    fn intervals_cover_the_truth() {
        let mut random = fastrand::Rng::with_seed(5);
        for (n, q) in [(200_u64, "0.5"), (400, "0.9"), (1_000, "0.99")] {
            let percentile = Percentile::parse(q).expect("a quantile");
            let (low, high) = percentile.interval(n, Z95).expect("enough");
            let covered = (0..2_000).filter(|_| {
                let mut sample: Vec<f64> = (0..n).map(|_| random.f64()).collect();
                sample.sort_by(f64::total_cmp);
                let (low, high) = (sample[low as usize - 1], sample[high as usize - 1]);
                (low..=high).contains(&percentile.fraction())
            });
            let covered = covered.count();
            assert!((1_890..2_000).contains(&covered), "{q} of {n}: {covered}");
        }
        assert_eq!(Percentile::parse("0.99").expect("p99").interval(100, Z95), None);
    }
}
