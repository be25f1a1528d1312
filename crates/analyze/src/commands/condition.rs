//! Conditions of `check`: a figure, a comparison, a value.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::stats::{Figures, Measure, Percentile};
use crate::units;

/// One condition as typed.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    text: String,
    figure: Figure,
    comparison: Comparison,
    value: f64,
}

#[derive(Debug, Clone, PartialEq)]
enum Figure {
    Count(Count),
    Rate(Rate),
    Latency(Latency),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Count {
    Connects,
    Established,
    Failed,
    Retransmits,
    Samples,
    Lost,
    Missed,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Rate {
    Failure,
    Retransmit,
}

#[derive(Debug, Clone, PartialEq)]
enum Latency {
    Min,
    Mean,
    Max,
    Percentile(Percentile),
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Comparison {
    symbol: &'static str,
    holds: &'static [Ordering],
}

const COMPARISONS: [Comparison; 5] = [
    Comparison { symbol: ">=", holds: &[Ordering::Greater, Ordering::Equal] },
    Comparison { symbol: "<=", holds: &[Ordering::Less, Ordering::Equal] },
    Comparison { symbol: "==", holds: &[Ordering::Equal] },
    Comparison { symbol: ">", holds: &[Ordering::Greater] },
    Comparison { symbol: "<", holds: &[Ordering::Less] },
];

/// What the recorders say is missing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Losses {
    /// Connects lost.
    pub lost: u64,
    /// Runs of the probe that the kernel skipped.
    pub missed: u64,
}

/// What became of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It holds, which is what must not be.
    Holds,
    /// It does not.
    Fine,
    /// The sample is too small to say.
    Undecided,
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (comparison, at) = COMPARISONS
            .into_iter()
            .find_map(|comparison| Some((comparison, text.find(comparison.symbol)?)))
            .ok_or("use FIGURE > VALUE, such as 'p99 > 50ms'")?;
        let (name, value) = (text[..at].trim(), text[at + comparison.symbol.len()..].trim());
        let figure = Figure::parse(name)?;
        let value = figure.value(value)?;
        Ok(Self { text: text.trim().to_owned(), figure, comparison, value })
    }
}

impl Figure {
    fn parse(name: &str) -> Result<Self, String> {
        Ok(match name {
            "connects" => Self::Count(Count::Connects),
            "established" => Self::Count(Count::Established),
            "failed" => Self::Count(Count::Failed),
            "retransmits" => Self::Count(Count::Retransmits),
            "samples" => Self::Count(Count::Samples),
            "lost" => Self::Count(Count::Lost),
            "missed" => Self::Count(Count::Missed),
            "failure_rate" => Self::Rate(Rate::Failure),
            "retransmit_rate" => Self::Rate(Rate::Retransmit),
            "min" => Self::Latency(Latency::Min),
            "mean" => Self::Latency(Latency::Mean),
            "max" => Self::Latency(Latency::Max),
            name => {
                let digits = name.strip_prefix('p').filter(|digits| digits.len() >= 2);
                let percentile =
                    digits.and_then(|digits| Percentile::parse(&format!("0.{digits}")));
                Self::Latency(Latency::Percentile(percentile.ok_or(
                    "figures are connects, established, failed, failure_rate, retransmits, \
                     retransmit_rate, samples, lost, missed, min, mean, max and percentiles \
                     such as p99",
                )?))
            }
        })
    }

    /// A value in the figure's unit.
    fn value(&self, text: &str) -> Result<f64, String> {
        let number = |text: &str| {
            let value: Option<f64> = text.trim().parse().ok();
            value.filter(|value| value.is_finite() && *value >= 0.0)
        };
        let (value, example) = match self {
            Self::Count(_) => (number(text), "100"),
            Self::Rate(_) => match text.strip_suffix('%') {
                Some(percent) => (number(percent).map(|percent| percent / 100.0), "1%"),
                None => (number(text).filter(|share| *share <= 1.0), "1% or 0.01"),
            },
            Self::Latency(_) => {
                let unit = [("ns", 1.0), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9)]
                    .into_iter()
                    .find_map(|(unit, scale)| Some((text.strip_suffix(unit)?, scale)));
                (unit.and_then(|(text, scale)| Some(number(text)? * scale)), "50ms")
            }
        };
        value.ok_or_else(|| format!("{text} is not a value of this figure; use {example}"))
    }
}

impl Condition {
    /// The percentile it needs.
    pub fn percentile(&self) -> Option<&Percentile> {
        match &self.figure {
            Figure::Latency(Latency::Percentile(percentile)) => Some(percentile),
            _ => None,
        }
    }

    /// What the condition comes to, and the figure as shown.
    pub fn judge(&self, figures: &Figures, measure: &Measure, losses: Losses) -> (Verdict, String) {
        let (value, shown) = self.figure.of(figures, measure, losses);
        let verdict = match value {
            None => Verdict::Undecided,
            Some(value) => match value.partial_cmp(&self.value) {
                Some(order) if self.comparison.holds.contains(&order) => Verdict::Holds,
                _ => Verdict::Fine,
            },
        };
        (verdict, shown)
    }
}

impl Figure {
    fn of(&self, figures: &Figures, measure: &Measure, losses: Losses) -> (Option<f64>, String) {
        let none = || "no connects to take it from".to_owned();
        match self {
            Self::Count(count) => {
                let value = match count {
                    Count::Connects => figures.connects,
                    Count::Established => figures.established,
                    Count::Failed => figures.failed,
                    Count::Retransmits => figures.syn_retransmits,
                    Count::Samples => figures.samples,
                    Count::Lost => i64::try_from(losses.lost).unwrap_or(i64::MAX),
                    Count::Missed => i64::try_from(losses.missed).unwrap_or(i64::MAX),
                };
                (Some(value as f64), units::count(value))
            }
            Self::Rate(rate) => {
                let part = match rate {
                    Rate::Failure => figures.failed,
                    Rate::Retransmit => figures.retransmitted,
                };
                let share = (figures.connects > 0).then(|| part as f64 / figures.connects as f64);
                (share, share.map_or_else(none, units::percent))
            }
            Self::Latency(latency) => {
                let value = match latency {
                    Latency::Min => figures.min,
                    Latency::Mean => figures.mean,
                    Latency::Max => figures.max,
                    Latency::Percentile(percentile) => {
                        figures.percentile(measure, &percentile.name)
                    }
                };
                let shown = match (value, latency) {
                    (Some(value), _) => units::duration(value),
                    (None, Latency::Percentile(percentile)) => format!(
                        "sample too small: {} of {} measured connects",
                        figures.samples, percentile.needs
                    ),
                    (None, _) => none(),
                };
                (value.map(|value| value as f64), shown)
            }
        }
    }
}

/// As typed.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::escape::terminal(&self.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_as_typed() {
        for right in [
            "p99 > 50ms",
            "p999>=1.5s",
            "failure_rate > 1%",
            "failure_rate<0.5",
            "connects < 100",
            "max == 3us",
            "lost > 0",
            "missed > 10",
            "p50 > 0ns",
        ] {
            assert!(right.parse::<Condition>().is_ok(), "{right}");
        }
        for wrong in [
            "",
            "p99",
            "p99 > 50",
            "p99 > 50%",
            "p9 > 1ms",
            "failure_rate > 2",
            "failure_rate > 1ms",
            "speed > 1",
            "connects > -1",
            "p99 > nanms",
            "p99 ! 5ms",
        ] {
            assert!(wrong.parse::<Condition>().is_err(), "{wrong}");
        }
    }
}
