//! `analyze check`: conditions, judged.

use clap::{Args, ValueEnum};

use super::condition::{Condition, Losses, Verdict};
use super::{Answered, Ask, AskError, Run, takes_input};
use crate::answer::{AnswerTable, Cell, Column, Kind};
use crate::cli::args::Input;
use crate::scan::ranking::{Asked, ranking};
use crate::stats::Measure;

/// Exit code when a condition holds.
const VIOLATED: u8 = 3;
/// Exit code when one could not be decided.
const UNDECIDED: u8 = 1;

/// Exits with 3 if a condition holds: for scripts and CI
///
/// A condition is a figure, a comparison and a value: `p99 > 50ms`, `failure_rate > 1%`,
/// `connects < 100`. Figures: connects, established, failed, failure_rate, retransmits,
/// retransmit_rate, samples, lost, missed, min, mean, max and any percentile (p50, p99, p999 or
/// p99.9). Rates take `1%` or a share below 1. A condition that can never hold, or always holds,
/// is wrong usage.
///
/// A condition on a percentile that the sample is too small for cannot be decided: exit code 1,
/// unless --too-small pass is given or another condition holds. Nor can one on failures or
/// latencies if no connects are selected, or one on losses if a recorder could not count them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  analyze check --fail-if 'p99 > 50ms' --fail-if 'failure_rate > 1%' web-1.parquet

Exit codes: 0 no condition holds; 1 not decided; 2 wrong usage; 3 a condition holds.")]
pub struct Check {
    /// A condition that must not hold; may be given more than once
    #[arg(long, value_name = "CONDITION", required = true, allow_hyphen_values = true)]
    fail_if: Vec<Condition>,
    /// What to do about a percentile if the sample is too small for it
    #[arg(long, value_enum, value_name = "WHAT", default_value_t)]
    too_small: TooSmall,
    #[command(flatten)]
    input: Input,
}

/// What an undecided condition counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum TooSmall {
    /// Not decided: exit code 1
    #[default]
    Fail,
    /// As if the condition did not hold
    Pass,
}

impl Ask for Check {
    takes_input!();

    /// One row for each condition.
    fn ask<'r>(&self, run: &'r Run<'_>) -> Result<Answered<'r>, AskError> {
        let mut measure = Measure::usual();
        measure.percentiles =
            self.fail_if.iter().filter_map(Condition::percentile).cloned().collect();
        measure.percentiles.sort_by(|a, b| a.name.cmp(&b.name));
        measure.percentiles.dedup();
        let losses = Losses {
            lost: run.trust.lost_total(),
            missed: run.trust.missed,
            unknown: run.trust.losses_unknown(),
        };
        let (whole, scanned) = ranking(&run.scan, Asked::whole(measure.clone()), ())?;
        let figures = whole.rows.into_iter().next().map(|row| row.figures).unwrap_or_default();
        let judged: Vec<_> = self
            .fail_if
            .iter()
            .map(|condition| (condition, condition.judge(&figures, &measure, losses)))
            .collect();
        let any = |verdict| judged.iter().any(|(_, (found, _))| *found == verdict);
        let too_small = any(Verdict::TooSmall) && self.too_small == TooSmall::Fail;
        let exit = match () {
            () if any(Verdict::Holds) => VIOLATED,
            () if any(Verdict::Unknown) || too_small => UNDECIDED,
            () => 0,
        };
        let columns = vec![
            Column::new("condition", "fail if", Kind::Name, 0),
            Column::new("verdict", "verdict", Kind::Name, 0),
            Column::new("figure", "figure", Kind::Name, 0),
        ];
        let rows = judged.into_iter().map(|(condition, (verdict, figure))| {
            let verdict = match verdict {
                Verdict::Holds => "VIOLATED",
                Verdict::Fine => "ok",
                Verdict::TooSmall | Verdict::Unknown => "not decided",
            };
            vec![Cell::Text(condition.to_string()), verdict.into(), Cell::Text(figure)]
        });
        let mut table = AnswerTable::of(columns, rows.collect());
        if exit == UNDECIDED && too_small {
            table.notes.push(
                "the sample is too small to decide; record longer, or --too-small pass".to_owned(),
            );
        }
        let sections = Answered::table(table, scanned.rows);
        Ok(Answered { exit, ..sections })
    }
}
