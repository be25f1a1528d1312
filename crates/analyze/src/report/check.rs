//! Conditions, judged.

use super::{ReportError, grouped};
use crate::answer::{AnswerTable, Cell, Column, Kind};
use crate::cli::TooSmall;
use crate::condition::{Condition, Losses, Verdict};
use crate::question::{self, Measure, Order};
use crate::source::Captures;

/// Exit code when a condition holds.
const VIOLATED: u8 = 3;
/// Exit code when one could not be decided.
const UNDECIDED: u8 = 1;

/// One row for each condition, and the exit code.
pub(super) fn table(
    captures: &Captures,
    conditions: &[Condition],
    too_small: TooSmall,
    bucketed: bool,
    losses: Losses,
) -> Result<(AnswerTable, u8), ReportError> {
    let mut measure = Measure::usual(bucketed);
    measure.percentiles = conditions.iter().filter_map(Condition::percentile).cloned().collect();
    measure.percentiles.sort_by(|a, b| a.name.cmp(&b.name));
    measure.percentiles.dedup();
    let all = captures.row_count();
    let whole =
        captures.ask(|frame| question::percentiles(frame, all, &[], Order::Count, 0, &measure))?;
    let figures = whole.rows.into_iter().next().map(|row| row.figures).unwrap_or_default();
    let judged: Vec<_> = conditions
        .iter()
        .map(|condition| (condition, condition.judge(&figures, &measure, losses)))
        .collect();
    let any = |verdict| judged.iter().any(|(_, (found, _))| *found == verdict);
    let exit = match () {
        () if any(Verdict::Holds) => VIOLATED,
        () if any(Verdict::Undecided) && too_small == TooSmall::Fail => UNDECIDED,
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
            Verdict::Undecided => "not decided",
        };
        vec![Cell::Text(condition.to_string()), verdict.into(), Cell::Text(figure)]
    });
    let mut table = AnswerTable::of(columns, rows.collect());
    if exit == UNDECIDED {
        table.notes.push(
            "the sample is too small to decide; record longer, or --too-small pass".to_owned(),
        );
    }
    if bucketed {
        table = grouped::with_notes(table, &measure);
    }
    Ok((table, exit))
}
