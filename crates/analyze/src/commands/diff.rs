//! `analyze diff`: what changed between two captures or two spans of one.

use std::path::PathBuf;

use clap::Args;
use clap::error::ErrorKind;

use super::{Answered, Ask, AskError, Run, merged};
use crate::answer::{AnswerTable, Cell, Column, Kind, Section};
use crate::capture::Captures;
use crate::cli::args::{Common, examples, once};
use crate::scan::{By, Rows};
use crate::select::{Filter, Moment, Only, Selection, Unusable};
use crate::stats::comparison::{Change, Side, changes, fewest_telling};
use crate::stats::{Figures, Measure, Percentile, Z999};
use crate::units;

mod comparable;
mod sides;

/// What changed between two captures, or two spans of one
///
/// One row for each group, those that contribute most to the change first. A difference
/// is called a change only if the samples are large enough to show it; all others are
/// called noise.
#[derive(Debug, Args)]
#[command(after_help = examples!("analyze diff monday.parquet tuesday.parquet",
    "analyze diff --split 14:05 web-1.parquet",
    "analyze diff --by comm --before-range 14:00..14:05 --after-range 14:05..14:10 web-1.parquet"))]
pub struct Diff {
    /// BEFORE and AFTER; or one capture with --split, or with --before-range and --after-range
    #[arg(required = true, value_name = "FILE", num_args = 1..=2)]
    files: Vec<PathBuf>,
    /// Compare what is before this time with what comes after
    #[arg(long, value_name = "TIME", allow_hyphen_values = true,
        conflicts_with_all = ["before_range", "after_range"])]
    split: Option<Moment>,
    /// The span before, as FROM..TO
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true, requires = "after_range",
        value_parser = crate::select::range)]
    before_range: Option<(Moment, Moment)>,
    /// The span after, as FROM..TO
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true, requires = "before_range",
        value_parser = crate::select::range)]
    after_range: Option<(Moment, Moment)>,
    /// Keys to group by, separated by commas [default: dst]
    #[arg(long, value_name = "KEY[,KEY]", value_delimiter = ',', value_parser = By::parse)]
    by: Vec<By>,
    /// Number of groups to show, 0 for all
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    #[command(flatten)]
    common: Common,
}

/// Which rows a side has, and how long it was recorded, s.
type Part = (Rows, f64);

impl Ask for Diff {
    fn files(&self) -> &[PathBuf] {
        &self.files
    }

    fn common(&self) -> &Common {
        &self.common
    }

    fn check(&self) -> Result<(), (ErrorKind, String)> {
        let usage = |text: &str| Err((ErrorKind::WrongNumberOfValues, text.to_owned()));
        match (self.split.is_some() || self.before_range.is_some(), self.files.len()) {
            (false, 2) | (true, 1) => Ok(()),
            (false, _) => usage("name two captures, or one and --split TIME"),
            (true, _) => usage("--split and the ranges are for one capture; name one"),
        }
    }

    fn filter(&self, recorded: (i64, i64)) -> Result<Filter, Unusable> {
        let mut selection = self.common.selection();
        if self.files.len() == 2 {
            // Relative moments are of each side alone, see `parts`.
            (selection.from, selection.to) = (None, None);
        }
        selection.filter(recorded)
    }

    /// One section with a row a group, one with the whole.
    fn ask<'r>(&self, run: &'r Run<'_>) -> Result<Answered<'r>, AskError> {
        let measure = Measure {
            percentiles: ["0.5", "0.99"].into_iter().filter_map(Percentile::parse).collect(),
            intervals: Some(Z999),
        };
        let by = if self.by.is_empty() { vec![By::Dst] } else { once(self.by.iter().copied()) };
        let names = super::ranked::names(&by);
        let (before, after) = self.parts(run)?;
        let fewest = fewest_telling(before.1, after.1);
        let looked_at = merged::looked_at(run, &by);
        let found = sides::sides(&run.scan, &by, [before.0, after.0], fewest, &measure, looked_at)?;
        let [(whole_before, rows_before), (whole_after, rows_after)] = found.sides;
        let counted = |side: &Figures| side.connects.unsigned_abs();
        let selected = match self.files.len() {
            1 => found.selected,
            _ => counted(&whole_before) + counted(&whole_after),
        };
        let side = |figures: Figures, seconds: f64| Side { figures, seconds };
        let (groups, whole) = changes(
            &measure,
            (&side(whole_before, before.1), rows_before),
            (&side(whole_after, after.1), rows_after),
        );
        let noise = groups.iter().filter(|change| change.is_noise()).count() + found.untold;
        let all = groups.len() + found.untold;
        let mut table =
            table(&names, groups, &measure).top(self.top, all, "groups", "; --top 0 shows all");
        if found.untold > 0 {
            table.notes.push(format!(
                "left out for want of memory: {} with fewer than {fewest} connects on each side, \
                 which is too few to tell anything",
                units::counted(found.untold as u64, "group")
            ));
        }
        if table.has_small_samples() {
            table.notes.push(measure.small_sample_note());
        }
        table.notes.push(format!(
            "{noise} of {all} groups show noise: no difference that samples of this size can tell \
             from chance (99.9 %)"
        ));
        table.notes.extend(merged::notes_of(run, &by, &found.merged));
        let whole = self::table(&[], vec![whole], &measure);
        let section = |key, title: &str, table| Section { key, title: title.to_owned(), table };
        let sections = vec![
            section("rows", "What changed, by contribution to the mean wait", table),
            section("whole", "All together", whole),
        ];
        let warnings = self.differences(run);
        Ok(Answered { sections, selected: Some(selected), warnings, ..Answered::default() })
    }
}

impl Diff {
    /// Rows and seconds of each side.
    fn parts(&self, run: &Run<'_>) -> Result<(Part, Part), AskError> {
        let (captures, selection) = (run.captures, run.selection);
        let recorded = captures.recorded();
        let part = |from: Option<Moment>, to: Option<Moment>| -> Result<Part, AskError> {
            let span = Selection { filter: None, from, to, only: Only::All };
            let limits = span.span(recorded)?;
            let spans = [limits, selection.span(recorded)?];
            let seconds = seconds(recordings(captures).map(|(_, span)| span), &spans);
            if seconds <= 0.0 {
                return Err(Unusable::outside(&span, recorded).into());
            }
            Ok((Rows { from: limits.0, to: limits.1, ..Rows::default() }, seconds))
        };
        Ok(match (self.split, self.before_range, self.after_range) {
            (Some(moment), ..) => (part(None, Some(moment))?, part(Some(moment), None)?),
            (_, Some(before), Some(after)) => {
                (part(Some(before.0), Some(before.1))?, part(Some(after.0), Some(after.1))?)
            }
            _ => {
                let file = |argument: usize| -> Result<Part, AskError> {
                    let spans = || {
                        let of_argument =
                            recordings(captures).filter(move |(at, _)| *at == argument);
                        of_argument.map(|(_, span)| span)
                    };
                    // Relative moments are of this side alone.
                    let recorded = spans()
                        .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
                        .ok_or_else(Unusable::same)?;
                    let (from, to) = selection.span(recorded)?;
                    let seconds = seconds(spans(), &[(from, to)]);
                    Ok((Rows { from, to, argument: Some(argument), ..Rows::default() }, seconds))
                };
                (file(0)?, file(1)?)
            }
        })
    }
}

/// The argument and the span of each recording.
fn recordings(captures: &Captures) -> impl Iterator<Item = (usize, (i64, i64))> {
    captures.each.iter().flat_map(|capture| {
        let spans = capture.info.recorded_us().into_iter();
        spans.map(|span| (capture.argument, span))
    })
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

fn table(names: &[String], changes: Vec<Change>, measure: &Measure) -> AnswerTable<'static> {
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
