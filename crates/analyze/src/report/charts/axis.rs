//! Axes with round values: time, counts, latencies on a logarithmic scale, and
//! quantiles as far apart as an HDR histogram has them.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint, Ranged};

use crate::stats::interval::every_for_at_most;
use crate::units;

/// How values lie on it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Scale {
    Even,
    /// As far apart as their quotient is.
    Logarithmic,
    /// A quantile as far as its nines go.
    Nines,
}

/// One axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    scale: Scale,
    low: f64,
    high: f64,
    /// Values with a line and a label.
    ticks: Vec<f64>,
}

/// The smallest latency that a logarithmic axis tells from nothing, ns.
const LEAST: f64 = 500.0;
/// Quantiles with a label.
const LABELLED: [f64; 7] = [0.0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999];

impl Axis {
    fn new(scale: Scale, (low, high): (f64, f64), ticks: Vec<f64>) -> Self {
        let high = if high > low { high } else { low + 1.0 };
        let ticks = ticks.into_iter().filter(|tick| (low..=high).contains(tick)).collect();
        Self { scale, low, high, ticks }
    }

    /// Times, µs since 1970 UTC.
    pub fn time(first: i64, end: i64) -> Self {
        let every = every_for_at_most(Some((first, end)), 8);
        let from = first.div_euclid(every);
        let ticks = (0..12).map(|n| (from + n).saturating_mul(every) as f64).collect();
        Self::new(Scale::Even, (first as f64, end as f64), ticks)
    }

    /// From zero to a count.
    pub fn count(most: i64) -> Self {
        let most = most.max(1) as f64;
        // The round step that makes three at most.
        let unit = 10_f64.powf((most / 3.0).log10().floor()).max(1.0);
        let step =
            [1.0, 2.0, 5.0, 10.0].map(|n| n * unit).into_iter().find(|step| most / step <= 3.0);
        let step = step.unwrap_or(unit * 10.0);
        let ticks = (0..5).map(|n| f64::from(n) * step).collect();
        Self::new(Scale::Even, (0.0, most * 1.08), ticks)
    }

    /// Latencies, ns, from at most the smallest to at least the largest.
    pub fn latency(values: impl Iterator<Item = i64>) -> Self {
        let (low, high) = values.fold((f64::MAX, LEAST), |(low, high), value| {
            let value = (value as f64).max(LEAST);
            (low.min(value), high.max(value))
        });
        let (low, high) = (low.min(high) / 1.15, high * 1.15);
        let decades = (high / low).log10();
        let steps: &[f64] = match decades {
            d if d < 1.3 => &[1.0, 2.0, 5.0],
            d if d < 2.5 => &[1.0, 3.0],
            _ => &[1.0],
        };
        let powers = (2..=19).map(|power| 10_f64.powi(power));
        let ticks = powers.flat_map(|power| steps.iter().map(move |step| step * power)).collect();
        Self::new(Scale::Logarithmic, (low, high), ticks)
    }

    /// Quantiles up to the highest.
    pub fn quantiles(highest: f64) -> Self {
        Self::new(Scale::Nines, (0.0, highest.max(0.9)), LABELLED.to_vec())
    }

    /// Its ends.
    pub fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    fn position(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Even => value,
            Scale::Logarithmic => value.max(LEAST.min(self.low)).log10(),
            Scale::Nines => -(1.0 - value.min(0.999_999)).log10(),
        }
    }
}

impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let (low, high) = (self.position(self.low), self.position(self.high));
        let part = ((self.position(*value) - low) / (high - low)).clamp(0.0, 1.0);
        limit.0 + (part * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

/// What plotters makes of an axis where it only wants its ends.
impl From<Axis> for Range<f64> {
    fn from(axis: Axis) -> Self {
        axis.low..axis.high
    }
}

/// A time on an axis of so many µs: with its date if it needs one.
pub fn time_label(us: f64, length: i64) -> String {
    const DAY: i64 = 86_400_000_000;
    let us = us as i64;
    let whole =
        |text: String, from: usize, to: usize| text.get(from..to).unwrap_or(&text).to_owned();
    match length {
        length if length > 4 * DAY => whole(units::time(us, 0), 0, 10),
        length if length > DAY / 2 => whole(units::time(us, 0), 5, 16),
        length if length > 20 * 60_000_000 => whole(units::clock(us, 0), 0, 5),
        length if length > 8_000_000 => units::clock(us, 0),
        _ => units::clock(us, 3),
    }
}

/// A round latency: `5 ms`, not `5.00 ms`.
pub fn latency_label(ns: f64) -> String {
    let (value, unit) = match ns {
        ns if ns < 1e3 => (ns, "ns"),
        ns if ns < 1e6 => (ns / 1e3, "µs"),
        ns if ns < 1e9 => (ns / 1e6, "ms"),
        ns => (ns / 1e9, "s"),
    };
    format!("{value:.0} {unit}")
}

/// A quantile as percentiles are called: `99.9`.
pub fn quantile_label(quantile: f64) -> String {
    let text = format!("{:.3}", quantile * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        for most in [1, 2, 7, 10, 99, 1_000, 12_345, i64::MAX] {
            let axis = Axis::count(most);
            assert!((2..=4).contains(&axis.ticks.len()), "{most}: {:?}", axis.ticks);
        }
        let axis = Axis::time(1_767_225_600_000_000, 1_767_225_660_000_000);
        assert!((3..=9).contains(&axis.ticks.len()), "{:?}", axis.ticks);
        for values in [vec![], vec![0], vec![100_000, 120_000], vec![i64::MIN, i64::MAX]] {
            let axis = Axis::latency(values.iter().copied());
            assert!(axis.low < axis.high && axis.low > 0.0, "{values:?}");
            assert!(!axis.ticks.is_empty() && axis.ticks.len() < 20, "{values:?}");
        }
    }

    #[test]
    fn values_lie_within_the_axis() {
        let axis = Axis::quantiles(0.999);
        let place = |value: f64| axis.map(&value, (100, 400));
        assert_eq!((place(0.0), place(0.999), place(1.0)), (100, 400, 400));
        assert_eq!((place(0.9), place(0.99)), (200, 300));
        let axis = Axis::latency([1_000, 1_000_000_000].into_iter());
        assert_eq!(axis.map(&-5.0, (300, 0)), 300);
    }

    #[test]
    fn labels_are_short() {
        assert_eq!(latency_label(1e6), "1 ms");
        assert_eq!(latency_label(300_000.0), "300 µs");
        assert_eq!(quantile_label(0.5), "50");
        assert_eq!(quantile_label(0.99999), "99.999");
        let us = 1_767_225_600_250_000.0;
        assert_eq!(time_label(us, 1_000_000), "00:00:00.250");
        assert_eq!(time_label(us, 3_600_000_000), "00:00");
        assert_eq!(time_label(us, 400_000_000_000_000), "2026-01-01");
    }
}
