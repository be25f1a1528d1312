//! Conditions of `check`: a figure, a comparison, a value.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::stats::{Figures, Measure, Percentile};
use crate::{quantity, units};

/// One condition as typed.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    text: String,
    figure: Figure,
    comparison: Comparison,
    /// The value in the figure's unit: `value` of so many parts.
    value: i128,
    parts: i128,
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
    /// Whether some recorder could not tell, so that there may be more.
    pub unknown: bool,
}

/// What became of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It holds, which is what must not be.
    Holds,
    /// It does not.
    Fine,
    /// The sample is too small to say.
    TooSmall,
    /// No connects were selected, or what it is about is not known.
    Unknown,
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const USE: &str = "use FIGURE > VALUE, such as 'p99 > 50ms'; comparisons are > >= < <= ==";
        let text = text.trim();
        let end = text.find(['<', '>', '=', '!']).ok_or(USE)?;
        let (name, rest) = text.split_at(end);
        let comparison = COMPARISONS.into_iter().find(|it| rest.starts_with(it.symbol));
        let comparison = comparison.ok_or(USE)?;
        let typed = rest[comparison.symbol.len()..].trim();
        if typed.is_empty() || typed.contains(['<', '>', '=', '!']) {
            return Err(USE.to_owned());
        }
        let figure = Figure::parse(name.trim())?;
        let (value, parts) = figure.value(typed)?;
        let condition = Self { text: text.to_owned(), figure, comparison, value, parts };
        condition.can_be_either()?;
        Ok(condition)
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
            name => Self::Latency(Latency::Percentile(percentile(name)?)),
        })
    }

    /// A value in the figure's unit, in so many parts.
    fn value(&self, text: &str) -> Result<(i128, i128), String> {
        let exact = |text: &str| {
            let (value, scale) = quantity::exact(text)?;
            Some((value, 10_i128.checked_pow(scale.into())?))
        };
        let wrong = |example: &str| format!("{text} is not a value of this figure; use {example}");
        match self {
            Self::Count(_) => match exact(text) {
                Some((value, 1)) => Ok((value, 1)),
                _ => Err(wrong("a whole number such as 100")),
            },
            Self::Rate(_) => match text.strip_suffix('%') {
                Some(percent) => {
                    let value = exact(percent.trim_end());
                    let value =
                        value.and_then(|(value, parts)| Some((value, parts.checked_mul(100)?)));
                    value.ok_or_else(|| wrong("1% or 0.01"))
                }
                None => match exact(text) {
                    Some((value, parts)) if value == 0 || value < parts => Ok((value, parts)),
                    Some(_) => Err(format!(
                        "{text} may mean a percentage or a share; write {text}%, or a share below 1"
                    )),
                    None => Err(wrong("1% or 0.01")),
                },
            },
            Self::Latency(_) => {
                let nanos = quantity::duration(text).map(|nanos| (nanos, 1));
                nanos.ok_or_else(|| wrong("a number and its unit, such as 50ms"))
            }
        }
    }

    /// The largest value it can have, if there is one that people may type.
    fn largest(&self) -> i128 {
        match self {
            Self::Rate(_) => 1,
            Self::Count(_) | Self::Latency(_) => i64::MAX.into(),
        }
    }
}

/// A percentile by its name: p50, p99, p999 or p99.9.
fn percentile(name: &str) -> Result<Percentile, String> {
    const FIGURES: &str = "figures are connects, established, failed, failure_rate, retransmits, \
        retransmit_rate, samples, lost, missed, min, mean, max and percentiles such as p99";
    let Some(digits) = name.strip_prefix('p').filter(|digits| {
        digits.starts_with(|c: char| c.is_ascii_digit())
            && digits.bytes().all(|byte| byte == b'.' || byte.is_ascii_digit())
    }) else {
        return Err(FIGURES.to_owned());
    };
    let unclear = || {
        format!(
            "{name} is not the name of a percentile; use p50, p99, p999 or p99.9, with at most \
             three decimals, and min or max for p0 and p100"
        )
    };
    let decimals = match digits.split_once('.') {
        // p9.5 is the quantile 0.095.
        Some((whole, part)) if whole.len() <= 2 && !part.is_empty() => format!("{whole:0>2}{part}"),
        Some(_) => return Err(unclear()),
        // p100 is not p10, nor p5 p50: digits after the point, two at least,
        // and none of them without need.
        None if digits.len() == 2 || digits.len() > 2 && !digits.ends_with('0') => {
            digits.to_owned()
        }
        None => return Err(unclear()),
    };
    Percentile::parse(&format!("0.{decimals}")).ok_or_else(unclear)
}

impl Condition {
    /// Refuses what holds always, or never.
    fn can_be_either(&self) -> Result<(), String> {
        let at_most = self.figure.largest().saturating_mul(self.parts);
        let is = |ends: [i128; 2]| {
            let holds = |end: &i128| self.comparison.holds.contains(&end.cmp(&self.value));
            ends.iter().filter(|end| holds(end)).count()
        };
        let within = (0..=at_most).contains(&self.value);
        let equal = self.comparison.symbol == "==";
        let never = if equal { !within } else { is([0, at_most]) == 0 };
        let always = !equal && is([0, at_most]) == 2;
        match (never, always) {
            (true, _) => Err(format!("`{}` can never hold", self.text)),
            (_, true) => Err(format!("`{}` always holds", self.text)),
            _ => Ok(()),
        }
    }

    /// The percentile it needs.
    pub fn percentile(&self) -> Option<&Percentile> {
        match &self.figure {
            Figure::Latency(Latency::Percentile(percentile)) => Some(percentile),
            _ => None,
        }
    }

    /// What the condition comes to, and the figure as shown.
    pub fn judge(&self, figures: &Figures, measure: &Measure, losses: Losses) -> (Verdict, String) {
        let holds = |value: i128, of: i128| {
            let left = value.saturating_mul(self.parts);
            let order = left.cmp(&self.value.saturating_mul(of));
            match self.comparison.holds.contains(&order) {
                true => Verdict::Holds,
                false => Verdict::Fine,
            }
        };
        let nothing = || (Verdict::Unknown, "no connects selected".to_owned());
        match &self.figure {
            Figure::Count(count) => {
                let of_losses = matches!(count, Count::Lost | Count::Missed);
                let value = match count {
                    Count::Connects => figures.connects,
                    Count::Established => figures.established,
                    // None of none says nothing of a service.
                    Count::Failed | Count::Retransmits if figures.connects == 0 => {
                        return nothing();
                    }
                    Count::Failed => figures.failed,
                    Count::Retransmits => figures.syn_retransmits,
                    Count::Samples => figures.samples,
                    Count::Lost => i64::try_from(losses.lost).unwrap_or(i64::MAX),
                    Count::Missed => i64::try_from(losses.missed).unwrap_or(i64::MAX),
                };
                let verdict = holds(value.into(), 1);
                // There may be more, so only what more would not change is sure.
                let sure = self.comparison.symbol.starts_with('>') && verdict == Verdict::Holds;
                match of_losses && losses.unknown && !sure {
                    true => (Verdict::Unknown, format!("{} or more", units::count(value))),
                    false => (verdict, units::count(value)),
                }
            }
            Figure::Rate(_) if figures.connects == 0 => nothing(),
            Figure::Rate(rate) => {
                let part = match rate {
                    Rate::Failure => figures.failed,
                    Rate::Retransmit => figures.retransmitted,
                };
                let share = part as f64 / figures.connects as f64;
                (holds(part.into(), figures.connects.into()), units::percent(share))
            }
            Figure::Latency(latency) => {
                let value = match latency {
                    Latency::Min => figures.min,
                    Latency::Mean => figures.mean,
                    Latency::Max => figures.max,
                    Latency::Percentile(percentile) => {
                        figures.percentile(measure, &percentile.name)
                    }
                };
                match (value, latency) {
                    (Some(value), _) => (holds(value.into(), 1), units::duration(value)),
                    _ if figures.connects == 0 => nothing(),
                    (None, Latency::Percentile(percentile)) if figures.samples > 0 => (
                        Verdict::TooSmall,
                        format!(
                            "sample too small: {} of {} measured connects",
                            figures.samples, percentile.needs
                        ),
                    ),
                    (None, _) => (Verdict::TooSmall, "no measured connects".to_owned()),
                }
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

    fn parsed(text: &str) -> Result<Condition, String> {
        text.parse()
    }

    #[test]
    fn conditions_as_typed() {
        for right in [
            "p99 > 50ms",
            "p99>=1.5 s",
            "p999>=1.5s",
            "p99.9 > 3us",
            "p99.999 > 3µs",
            "p9.5 > 3μs",
            "p05 > 1ms",
            "failure_rate > 1%",
            "failure_rate >= 100 %",
            "failure_rate > 0",
            "failure_rate<0.5",
            "retransmit_rate > 0.01%",
            "connects < 100",
            "max == 3us",
            "lost > 0",
            "missed > 10",
            "p50 > 0ns",
        ] {
            assert!(parsed(right).is_ok(), "{right}: {:?}", parsed(right));
        }
        for wrong in [
            "",
            ">",
            "p99",
            "p99 > ",
            "p99 > 50",
            "p99 > 50%",
            "p99 > 50ms or so",
            "p99 > 50ms > 20ms",
            "p99 > 50ms;",
            "p99 = 5ms",
            "p99 => 5ms",
            "p99 != 5ms",
            "p99 ! 5ms",
            "p99 > -5ms",
            "p99 > +5ms",
            "p99 > nanms",
            "p99 > infms",
            "p99 > 1e3ms",
            "p99 > 0.1ns",
            "p99 > 99999999999999999999s",
            "p9 > 1ms",
            "p0 > 1ms",
            "p00 > 1ms",
            "p100 > 1ms",
            "p100.0 > 1ms",
            "p990 > 1ms",
            "p99. > 1ms",
            "p99.9.9 > 1ms",
            "p99.9999 > 1ms",
            "P99 > 1ms",
            "p-5 > 1ms",
            "speed > 1",
            "failure_rate > 1",
            "failure_rate > 2",
            "failure_rate > 1.5",
            "failure_rate > 150%",
            "failure_rate > 100%",
            "failure_rate == 101%",
            "failure_rate < 0%",
            "failure_rate >= 0",
            "failure_rate <= 100%",
            "failure_rate > 1ms",
            "failure_rate > 1%%",
            "failure_rate > nan",
            "failure_rate > 1e-2",
            "connects > -1",
            "connects < 0",
            "connects >= 0",
            "connects > 1.5",
            "connects > 1e3",
            "connects > 10%",
            "connects > 99999999999999999999",
            "min >= 0ms",
        ] {
            assert!(parsed(wrong).is_err(), "{wrong}: {:?}", parsed(wrong));
        }
    }

    #[test]
    fn percentiles_are_read_exactly() {
        let name = |text: &str| percentile(text).map(|percentile| percentile.name);
        for (text, same) in
            [("p99", "p99"), ("p99.9", "p999"), ("p99.0", "p99"), ("p9.5", "p095"), ("p50", "p50")]
        {
            assert_eq!(name(text).as_deref(), Ok(same), "{text}");
        }
    }

    #[test]
    fn a_share_is_compared_exactly() {
        let figures = Figures { connects: 300, failed: 3, ..Figures::none(&Measure::usual()) };
        let verdict = |text: &str| {
            let condition = parsed(text).expect("a condition");
            condition.judge(&figures, &Measure::usual(), Losses::default()).0
        };
        assert_eq!(verdict("failure_rate > 1%"), Verdict::Fine);
        assert_eq!(verdict("failure_rate >= 1%"), Verdict::Holds);
        assert_eq!(verdict("failure_rate == 0.01"), Verdict::Holds);
        assert_eq!(verdict("failure_rate > 0.9999999999999999999999%"), Verdict::Holds);
    }

    #[test]
    fn what_is_not_known_is_not_decided() {
        let none = Figures::none(&Measure::usual());
        let judge = |text: &str, unknown| {
            let losses = Losses { lost: 5, missed: 0, unknown };
            parsed(text).expect("a condition").judge(&none, &Measure::usual(), losses).0
        };
        for text in ["failed > 10", "failure_rate > 1%", "p99 > 1ms", "max > 1s", "retransmits > 0"]
        {
            assert_eq!(judge(text, false), Verdict::Unknown, "{text}");
        }
        assert_eq!(judge("connects < 1", false), Verdict::Holds);
        assert_eq!(judge("lost > 7", false), Verdict::Fine);
        assert_eq!(judge("lost > 7", true), Verdict::Unknown);
        assert_eq!(judge("lost > 4", true), Verdict::Holds);
    }
}
