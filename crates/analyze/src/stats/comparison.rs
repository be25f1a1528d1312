//! Whether two samples differ, and by what, in words.
//!
//! A difference is one only if samples of the same source would show it less
//! than once in a thousand times: failures by the two-proportion z test,
//! percentiles by 99.9 % intervals that do not overlap, the number of connects
//! by a Poisson test and at least a fifth. Everything else is noise.

use std::collections::BTreeMap;

use super::{Figures, Key, Measure, Row, Z999};

/// Connects on both sides together that carry a comparison.
const FEWEST: i64 = 30;
/// Change in the number of connects that is worth a word; they come in bursts,
/// which a Poisson test alone would take for changes.
const RATE_CHANGE: f64 = 0.2;

/// One sample.
#[derive(Debug, Clone, Default)]
pub struct Side {
    /// Its figures, with 99.9 % intervals.
    pub figures: Figures,
    /// How long it was recorded, s.
    pub seconds: f64,
}

/// One group before and after.
#[derive(Debug, Clone)]
pub struct Change {
    /// The group.
    pub keys: Vec<Key>,
    /// In words.
    pub verdict: String,
    /// Before.
    pub before: Side,
    /// After.
    pub after: Side,
    /// What it adds to the change of the mean wait of all connects, s.
    pub wait: f64,
    /// What it adds to the change of the failure rate.
    pub failures: f64,
}

/// Fewest connects of a group, on one side, that any verdict but `too few` can
/// rest on.
pub fn fewest_telling(before: f64, after: f64) -> i64 {
    (1..FEWEST / 2)
        .find(|n| is_telling(*n, before, after) || is_telling(*n, after, before))
        .unwrap_or(FEWEST / 2)
}

/// Whether chance would put all of so many connects into these seconds, and
/// none into those of the other side, less than once in a thousand times.
fn is_telling(connects: i64, seconds: f64, other: f64) -> bool {
    const CHANCE: f64 = 0.001;
    other > 0.0 && (seconds / (seconds + other)).powf(connects as f64) < CHANCE
}

const NOISE: &str = "noise";
const TOO_FEW: &str = "too few";

impl Change {
    /// Whether nothing can be said to have changed.
    pub fn is_noise(&self) -> bool {
        self.verdict == NOISE || self.verdict == TOO_FEW
    }
}

/// All groups, those that changed first, by contribution; and the whole.
pub fn changes(
    measure: &Measure,
    (whole_before, before): (&Side, Vec<Row>),
    (whole_after, after): (&Side, Vec<Row>),
) -> (Vec<Change>, Change) {
    let mut groups: BTreeMap<Vec<Key>, [Figures; 2]> = BTreeMap::new();
    for (side, rows) in [before, after].into_iter().enumerate() {
        for row in rows {
            groups.entry(row.keys).or_default()[side] = row.figures;
        }
    }
    let change = |keys: Vec<Key>, [before, after]: [Figures; 2]| {
        let before = Side { figures: before, seconds: whole_before.seconds };
        let after = Side { figures: after, seconds: whole_after.seconds };
        let share = |part: f64, whole: &Side| part / (whole.figures.connects.max(1) as f64);
        Change {
            verdict: verdict(measure, &before, &after),
            wait: share(after.figures.waited as f64 / 1e9, whole_after)
                - share(before.figures.waited as f64 / 1e9, whole_before),
            failures: share(after.figures.failed as f64, whole_after)
                - share(before.figures.failed as f64, whole_before),
            keys,
            before,
            after,
        }
    };
    let whole = change(Vec::new(), [whole_before.figures.clone(), whole_after.figures.clone()]);
    let mut all: Vec<Change> =
        groups.into_iter().map(|(keys, sides)| change(keys, sides)).collect();
    let sum = |value: fn(&Change) -> f64| {
        all.iter().map(|change| value(change).abs()).sum::<f64>().max(f64::MIN_POSITIVE)
    };
    // Waiting and failing weigh alike.
    let (waits, failures) = (sum(|change| change.wait), sum(|change| change.failures));
    let weight = |change: &Change| change.wait.abs() / waits + change.failures.abs() / failures;
    all.sort_by(|a, b| {
        let by_weight = weight(b).total_cmp(&weight(a));
        a.is_noise().cmp(&b.is_noise()).then(by_weight).then_with(|| a.keys.cmp(&b.keys))
    });
    (all, whole)
}

fn verdict(measure: &Measure, before: &Side, after: &Side) -> String {
    let (a, b) = (&before.figures, &after.figures);
    if a.connects == 0 {
        let telling = is_telling(b.connects, after.seconds, before.seconds);
        return if telling { "appeared" } else { TOO_FEW }.to_owned();
    }
    if b.connects == 0 {
        let telling = is_telling(a.connects, before.seconds, after.seconds);
        return if telling { "vanished" } else { TOO_FEW }.to_owned();
    }
    if a.connects + b.connects < FEWEST {
        return TOO_FEW.to_owned();
    }
    let mut words = Vec::new();
    let direction = |up: bool| if up { "up" } else { "down" };
    if let Some(up) = proportions((a.failed, a.connects), (b.failed, b.connects)) {
        words.push(format!("failures {}", direction(up)));
    }
    for percentile in ["p99", "p50"] {
        let interval = |figures: &Figures| {
            measure.position(percentile).and_then(|at| *figures.intervals.get(at)?)
        };
        if let (Some(a), Some(b)) = (interval(a), interval(b)) {
            if a.1 < b.0 {
                words.push(format!("{percentile} up"));
            } else if b.1 < a.0 {
                words.push(format!("{percentile} down"));
            }
        }
    }
    if let Some(up) = rates(before, after) {
        words.push(if up { "more connects" } else { "fewer connects" }.to_owned());
    }
    if words.is_empty() { NOISE.to_owned() } else { words.join(", ") }
}

/// Whether the second share is higher, if they differ.
fn proportions((x, n): (i64, i64), (y, m): (i64, i64)) -> Option<bool> {
    let (x, n, y, m) = (x as f64, n as f64, y as f64, m as f64);
    let pooled = (x + y) / (n + m);
    let deviation = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sqrt();
    let difference = y / m - x / n;
    (deviation > 0.0 && difference.abs() / deviation > Z999 && x + y >= 5.0)
        .then_some(difference > 0.0)
}

/// Whether there are more connects a second after, if the rates differ.
fn rates(before: &Side, after: &Side) -> Option<bool> {
    let (s, t) = (before.seconds, after.seconds);
    if s <= 0.0 || t <= 0.0 {
        return None;
    }
    let (n, m) = (before.figures.connects as f64, after.figures.connects as f64);
    let (r, q) = (n / s, m / t);
    let deviation = (n / (s * s) + m / (t * t)).sqrt();
    let worth = (q - r).abs() >= RATE_CHANGE * r.max(q);
    (worth && (q - r).abs() / deviation > Z999).then_some(q > r)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proportions_need_a_clear_difference() {
        assert_eq!(proportions((1, 100), (2, 100)), None);
        assert_eq!(proportions((0, 1_000), (60, 1_000)), Some(true));
        assert_eq!(proportions((60, 1_000), (0, 1_000)), Some(false));
        assert_eq!(proportions((0, 100), (0, 100)), None);
        assert_eq!(proportions((0, 4), (4, 4)), None);
    }

    #[test]
    fn appearing_takes_more_than_chance() {
        assert!(is_telling(10, 60.0, 60.0) && !is_telling(9, 60.0, 60.0));
        // In a tenth of the time two may come by chance, in ten times the time
        // even seventy.
        assert!(is_telling(3, 6.0, 60.0) && !is_telling(2, 6.0, 60.0));
        assert!(is_telling(73, 60.0, 6.0) && !is_telling(72, 60.0, 6.0));
        assert!(!is_telling(1_000, 60.0, 0.0) && !is_telling(1_000, 0.0, 0.0));
        assert_eq!(fewest_telling(60.0, 60.0), 10);
        assert_eq!(fewest_telling(60.0, 6.0), 3);
        assert_eq!(fewest_telling(0.0, 0.0), FEWEST / 2);
    }

    /// Samples of one source differ in less than one of a hundred tries.
    #[test]
    fn noise_is_called_noise() {
        let mut random = fastrand::Rng::with_seed(11);
        let mut failed = |n: i64| (0..n).filter(|_| random.u8(..20) == 0).count() as i64;
        let wrong = (0..1_000)
            .filter(|_| proportions((failed(500), 500), (failed(800), 800)).is_some())
            .count();
        assert!(wrong < 10, "{wrong}");
    }
}
