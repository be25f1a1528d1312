//! What changed between two captures or two spans of one.

use polars::prelude::{Expr, LazyFrame};

use super::{ReportError, Section, grouped};
use crate::answer::{AnswerTable, Cell, Column, Kind};
use crate::change::{Change, Side, changes};
use crate::options::{Options, Sides};
use crate::question::{self, By, Figures, Measure, Percentile, Row, Z999};
use crate::selection::{Moment, Only, Selection};
use crate::source::Captures;

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
    let (keys, names): (Vec<Expr>, Vec<String>) =
        by.iter().map(|by| (by.expr(), by.name())).unzip();
    let ask = |(frame, seconds): Part| -> Result<(Side, Rows), ReportError> {
        let (whole, rows) = captures.ask(|_| {
            let whole = question::grouped(&frame, &[], &[], &measure)?;
            Ok((whole, question::grouped(&frame, &keys, &names, &measure)?))
        })?;
        let figures = whole.into_iter().next().map(|row| row.figures).unwrap_or_default();
        Ok((Side { figures, seconds }, rows))
    };
    let ((whole_before, before), (whole_after, after)) = (ask(before)?, ask(after)?);
    let (groups, whole) = changes(&measure, (&whole_before, before), (&whole_after, after));
    let noise = groups.iter().filter(|change| change.is_noise()).count();
    let all = groups.len();
    let mut table = table(&names, groups, &measure).top(top, "groups", "; --top 0 shows all");
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

/// Rows and seconds of each side.
fn frames(
    captures: &Captures,
    options: &Options,
    sides: &Sides,
) -> Result<(Part, Part), ReportError> {
    let recorded = captures.recorded();
    let length = |(from, to): (i64, i64)| (to.saturating_sub(from) as f64 / 1e6).max(0.0);
    let part = |from: Option<Moment>, to: Option<Moment>| -> Result<_, ReportError> {
        let span = Selection { filter: None, from, to, only: Only::All };
        let (start, stop) = span.span(recorded)?;
        let seconds = length((start.unwrap_or(recorded.0), stop.unwrap_or(recorded.1)));
        let both = [&options.selection, &span];
        let frame = select(captures.frame().clone(), &both, recorded)?;
        Ok((frame, seconds))
    };
    Ok(match sides {
        Sides::Split(moment) => (part(None, Some(*moment))?, part(Some(*moment), None)?),
        Sides::Ranges(before, after) => {
            (part(Some(before.0), Some(before.1))?, part(Some(after.0), Some(after.1))?)
        }
        Sides::Files => {
            let file = |argument: usize| -> Result<_, ReportError> {
                let infos = captures.each.iter().filter(|capture| capture.argument == argument);
                let spans = infos.map(|c| (c.info.start.time_us, c.info.stop.time_us));
                let (from, to) = spans
                    .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
                    .ok_or_else(crate::selection::Unusable::same)?;
                let frame = captures.of_argument(argument)?;
                Ok((select(frame, &[&options.selection], (from, to))?, length((from, to))))
            };
            (file(0)?, file(1)?)
        }
    })
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
        ("rate", "per s", Kind::Name, 9),
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
            move |figures: &Figures, _: f64| match figures.percentile(measure, name) {
                Some(value) => Cell::Integer(value),
                None if figures.samples > 0 => Cell::TooSmall,
                None => Cell::Null,
            }
        };
        cells.extend(both(&|figures, _| Cell::Integer(figures.connects)));
        cells.extend(both(&|figures, seconds| {
            Cell::Text(format!("{:.1}", figures.connects as f64 / seconds.max(1e-6)))
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
