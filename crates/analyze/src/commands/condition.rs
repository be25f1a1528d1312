//! Conditions of `check`: a figure, a comparison, a value.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::quantity;
use crate::stats::Percentile;

mod judge;

pub use judge::{Losses, Verdict};

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
}

/// As typed.
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::escape::terminal(&self.text))
    }
}

#[cfg(test)]
mod tests;
