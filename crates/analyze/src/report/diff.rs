//! What changed between two captures or two spans of one.

use polars::prelude::{Expr, LazyFrame, PolarsResult, col};

use super::{ReportError, Section, grouped};
use crate::answer::{AnswerTable, Cell, Column, Kind};
use crate::change::{Change, Side, changes, fewest_telling};
use crate::options::{Options, Sides};
use crate::question::{self, By, Figures, Groups, Measure, Percentile, Row, Z999};
use crate::selection::{Moment, Only, Selection, Unusable};
use crate::source::Captures;
use crate::units;

type Rows = Vec<Row>;
/// Rows of a side and its length, s.
type Part = (LazyFrame, f64);

/// One section with a row a group, one with the whole.
pub(super) fn sections(
    captures: &Captures,
    options: &Options,
    sides: &Sides,
    by: &[By],
    top: usize,
    bucketed: bool,
) -> Result<Vec<Section>, ReportError> {
    let measure = Measure {
        percentiles: ["0.5", "0.99"].into_iter().filter_map(Percentile::parse).collect(),
        intervals: Some(Z999),
        bucketed,
    };
    let (before, after) = frames(captures, options, sides)?;
    let fewest = fewest_telling(before.1, after.1);
    let told = match captures.row_count() > question::FEW_ROWS {
        true => Some(captures.ask(|_| told(&before.0, &after.0, by, fewest))?),
        false => None,
    };
    let (keys, names): (Vec<Expr>, Vec<String>) =
        by.iter().map(|by| (by.expr(), by.name())).unzip();
    let ask = |(frame, seconds): Part| -> Result<(Side, Rows), ReportError> {
        let (whole, rows) = captures.ask(|_| {
            let whole = question::grouped(&frame, &[], &[], &measure)?;
            let rows = match &told {
                None => question::grouped(&frame, &keys, &names, &measure)?,
                Some((groups, _)) => {
                    let keys: Vec<Expr> = names.iter().map(col).collect();
                    question::grouped(&groups.rows(&frame, by), &keys, &names, &measure)?
                }
            };
            Ok((whole, rows))
        })?;
        let figures = whole.into_iter().next().map(|row| row.figures).unwrap_or_default();
        Ok((Side { figures, seconds }, rows))
    };
    let ((whole_before, before), (whole_after, after)) = (ask(before)?, ask(after)?);
    let (groups, whole) = changes(&measure, (&whole_before, before), (&whole_after, after));
    let untold = told.map_or(0, |(_, untold)| untold);
    let noise = groups.iter().filter(|change| change.is_noise()).count() + untold;
    let all = groups.len() + untold;
    let mut table = table(&names, groups, &measure).top(top, all, "groups", "; --top 0 shows all");
    if untold > 0 {
        table.notes.push(format!(
            "left out for want of memory: {} with fewer than {fewest} connects on each side, which \
             is too few to tell anything",
            units::counted(untold as u64, "group")
        ));
    }
    if table.has_small_samples() {
        table.notes.push(measure.small_sample_note());
    }
    table.notes.push(format!(
        "{noise} of {all} groups show noise: no difference that samples of this size can tell from \
         chance (99.9 %)"
    ));
    if bucketed {
        table = grouped::with_notes(table, &measure);
    }
    let whole = self::table(&[], vec![whole], &measure);
    Ok(vec![
        Section {
            key: "rows",
            title: "What changed, by contribution to the mean wait".into(),
            table,
        },
        Section { key: "whole", title: "All together".into(), table: whole },
    ])
}

/// The groups that something can be said about, and the number of the others.
fn told(
    before: &LazyFrame,
    after: &LazyFrame,
    by: &[By],
    fewest: i64,
) -> PolarsResult<(Groups, usize)> {
    let (before, after) = (Groups::count(before, by)?, Groups::count(after, by)?);
    let told = before.at_least(fewest)?.union(&after.at_least(fewest)?)?;
    let untold = before.union(&after)?.len() - told.len();
    Ok((told, untold))
}

/// Rows and seconds of each side.
fn frames(
    captures: &Captures,
    options: &Options,
    sides: &Sides,
) -> Result<(Part, Part), ReportError> {
    let recorded = captures.recorded();
    let selection = &options.selection;
    let part = |from: Option<Moment>, to: Option<Moment>| -> Result<_, ReportError> {
        let span = Selection { filter: None, from, to, only: Only::All };
        let spans = [span.span(recorded)?, selection.span(recorded)?];
        let seconds = seconds(recordings(captures).map(|(_, span)| span), &spans);
        if seconds <= 0.0 {
            return Err(Unusable::outside(&span, recorded).into());
        }
        Ok((select(captures.frame().clone(), &[selection, &span], recorded)?, seconds))
    };
    Ok(match sides {
        Sides::Split(moment) => (part(None, Some(*moment))?, part(Some(*moment), None)?),
        Sides::Ranges(before, after) => {
            (part(Some(before.0), Some(before.1))?, part(Some(after.0), Some(after.1))?)
        }
        Sides::Files => {
            let file = |argument: usize| -> Result<_, ReportError> {
                let spans = || {
                    let of_argument = recordings(captures).filter(move |(at, _)| *at == argument);
                    of_argument.map(|(_, span)| span)
                };
                let recorded = spans()
                    .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
                    .ok_or_else(Unusable::same)?;
                let seconds = seconds(spans(), &[selection.span(recorded)?]);
                let frame = captures.of_argument(argument)?;
                Ok((select(frame, &[selection], recorded)?, seconds))
            };
            (file(0)?, file(1)?)
        }
    })
}

/// The argument and the span of each recording.
fn recordings(captures: &Captures) -> impl Iterator<Item = (usize, (i64, i64))> {
    captures
        .each
        .iter()
        .map(|capture| (capture.argument, (capture.info.start.time_us, capture.info.stop.time_us)))
}

/// Seconds within all the limits during which somebody recorded, whether one
/// host or many.
fn seconds(
    recordings: impl Iterator<Item = (i64, i64)>,
    limits: &[(Option<i64>, Option<i64>)],
) -> f64 {
    let within = |span: (i64, i64)| {
        limits.iter().fold(span, |(start, stop), (from, to)| {
            (from.map_or(start, |from| start.max(from)), to.map_or(stop, |to| stop.min(to)))
        })
    };
    let mut spans: Vec<(i64, i64)> = recordings.map(within).collect();
    spans.sort_unstable();
    let mut until = i64::MIN;
    let mut sum = 0.0;
    for (start, stop) in spans {
        let start = start.max(until);
        if stop > start {
            sum += stop.saturating_sub(start) as f64 / 1e6;
            until = stop;
        }
    }
    sum
}

fn select(
    mut frame: LazyFrame,
    selections: &[&Selection],
    recorded: (i64, i64),
) -> Result<LazyFrame, ReportError> {
    for selection in selections {
        if let Some(predicate) = selection.predicate(&frame, recorded)? {
            frame = frame.filter(predicate);
        }
    }
    Ok(frame)
}

fn table(names: &[String], changes: Vec<Change>, measure: &Measure) -> AnswerTable {
    let mut columns: Vec<Column> =
        names.iter().map(|name| Column::new(name, name, Kind::Name, 0)).collect();
    columns.push(Column::new("verdict", "verdict", Kind::Name, 0));
    let pairs = [
        ("connects", "connects", Kind::Count, 4),
        ("rate", "per s", Kind::Rate, 9),
        ("failure_rate", "failed%", Kind::Ratio, 2),
        ("p50_ns", "p50", Kind::Duration, 3),
        ("p99_ns", "p99", Kind::Duration, 1),
    ];
    for (name, title, kind, detail) in pairs {
        columns.push(Column::new(&format!("{name}_before"), title, kind, detail));
        columns.push(Column::new(&format!("{name}_after"), "→", kind, detail));
    }
    columns.push(Column::new("contribution_ns", "mean wait", Kind::Duration, 0));
    columns.push(Column::new("failure_contribution", "of failed%", Kind::Ratio, 8));
    let rows = changes.into_iter().map(|change| {
        let mut cells: Vec<Cell> = change.keys.iter().cloned().map(Cell::from).collect();
        cells.push(Cell::Text(change.verdict.clone()));
        let (before, after) = (&change.before, &change.after);
        let both = |cell: &dyn Fn(&Figures, f64) -> Cell| {
            [cell(&before.figures, before.seconds), cell(&after.figures, after.seconds)]
        };
        let percentile = |name: &'static str| {
            move |figures: &Figures, _: f64| {
                Cell::latency(figures.percentile(measure, name), figures.samples)
            }
        };
        cells.extend(both(&|figures, _| Cell::Integer(figures.connects)));
        cells.extend(both(&|figures, seconds| {
            Cell::Ratio(figures.connects as f64 / seconds.max(1e-6))
        }));
        cells.extend(both(&|figures, _| figures.failure_rate().map_or(Cell::Null, Cell::Ratio)));
        cells.extend(both(&percentile("p50")));
        cells.extend(both(&percentile("p99")));
        cells.push(Cell::Integer((change.wait * 1e9) as i64));
        cells.push(Cell::Ratio(change.failures));
        cells
    });
    let rows = rows.collect();
    AnswerTable::of(columns, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;

    #[test]
    fn time_that_several_recorded_or_nobody_did_counts_once_or_not() {
        let recordings = [(0, 10 * S), (5 * S, 12 * S), (20 * S, 30 * S)];
        let seconds = |limits: &[_]| seconds(recordings.into_iter(), limits);
        assert_eq!(seconds(&[]), 22.0);
        assert_eq!(seconds(&[(Some(11 * S), None)]), 11.0);
        assert_eq!(seconds(&[(Some(11 * S), None), (None, Some(22 * S))]), 3.0);
        assert_eq!(seconds(&[(Some(13 * S), Some(19 * S))]), 0.0);
        assert!(super::seconds([(i64::MIN, i64::MAX)].into_iter(), &[]) > 9e12);
    }
}
