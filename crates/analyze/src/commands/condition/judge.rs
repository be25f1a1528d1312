//! What became of a condition.

use super::{Condition, Count, Figure, Latency, Rate};
use crate::stats::{Figures, Measure};
use crate::units;

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

impl Condition {
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
