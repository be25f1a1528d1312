//! From a checked command line to a finished report: asks the questions and
//! lays the answers out as tables.

mod check;
mod diff;
mod grouped;
mod info;
mod over_time;
mod summary;

use polars::prelude::{DataType, PolarsResult, len};

use crate::answer::AnswerTable;
use crate::cli::Precision;
use crate::condition::Losses;
use crate::options::{Ask, Options};
use crate::question::{self, RowOrder, TooManyBuckets};
use crate::selection::{Only, Unusable};
use crate::source::{Captures, SourceError, collect};
use crate::trust::Trust;

/// Rows above which latencies are counted in buckets instead of sorted.
const MOST_EXACT_ROWS: u64 = 10_000_000;

/// Everything a renderer needs.
pub struct Report<'a> {
    /// How far the figures can be believed.
    pub trust: Trust<'a>,
    /// What was selected, in words, and how many rows that are.
    pub selected: Option<(String, i64)>,
    /// The answers; the first is the one called `rows` in JSON.
    pub sections: Vec<Section>,
    /// What was found, worst first; none where nothing was looked for.
    pub findings: Option<Vec<crate::finding::Finding>>,
    /// Whether the account of the captures is itself part of the answer.
    pub summary: bool,
    /// The exit code, for questions that answer with it.
    pub exit: u8,
}

/// One table of the report.
pub struct Section {
    /// Key in JSON.
    pub key: &'static str,
    /// Heading where there are several tables.
    pub title: String,
    /// The answer.
    pub table: AnswerTable,
}

impl Section {
    /// The only one of a report.
    fn only(table: AnswerTable) -> Vec<Self> {
        vec![Self { key: "rows", title: String::new(), table }]
    }
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A file turned out to be damaged.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The time series would not end.
    #[error(transparent)]
    TooManyBuckets(#[from] TooManyBuckets),
    /// What was typed does not fit the captures.
    #[error(transparent)]
    Usage(#[from] Unusable),
}

impl<'a> Report<'a> {
    /// Asks the captures.
    ///
    /// Drawings are made to fit `width` columns.
    pub fn new(
        captures: &'a mut Captures,
        options: &Options,
        width: usize,
    ) -> Result<Self, ReportError> {
        let recorded = captures.recorded();
        let selection = &options.selection;
        if let Some(predicate) = selection.predicate(captures.frame(), recorded)? {
            captures.select(predicate);
        }
        let captures = &*captures;
        let bucketed = match options.precision {
            Precision::Auto => captures.row_count() > MOST_EXACT_ROWS,
            Precision::Exact => false,
            Precision::Buckets => true,
        };
        let selected = match selection.is_all() {
            true => None,
            false => Some((selection.describe(recorded), captures.ask(count)?)),
        };
        let mut report = Self {
            trust: Trust::new(captures),
            selected,
            sections: Vec::new(),
            findings: None,
            summary: matches!(options.ask, Ask::Summary),
            exit: 0,
        };
        match &options.ask {
            Ask::Summary => {
                (report.sections, report.findings) =
                    summary::summary(captures, options, width, bucketed)?;
            }
            Ask::Grouped { by, top, order, quantiles, what } => {
                let measure = quantiles.measure(bucketed);
                let (table, groups) = grouped::table(captures, by, *order, *top, &measure)?;
                let table = table.top(*top, groups, what, "; --top 0 shows all");
                report.sections = Section::only(grouped::with_notes(table, &measure));
            }
            Ask::Outcomes(by) => {
                report.sections = Section::only(grouped::outcomes(captures, by)?);
            }
            Ask::Timeseries { every, by, quantiles } => {
                let measure = quantiles.measure(bucketed);
                let (table, _) = over_time::table(captures, options, *every, by, &measure)?;
                report.sections = Section::only(grouped::with_notes(table, &measure));
            }
            Ask::Histogram(by) => {
                let names: Vec<String> = by.iter().map(|by| by.name()).collect();
                let bins = captures
                    .ask(|frame| question::histogram(&grouped::with_latency(frame, options), by))?;
                report.sections = Section::only(AnswerTable::histogram(&names, &bins));
            }
            Ask::Heatmap(every) => {
                report.sections =
                    Section::only(over_time::heatmap(captures, options, width, *every)?);
            }
            Ask::Rows { order, top } => {
                let (rows, all) = captures.ask(|frame| {
                    let slowest = *order == RowOrder::Slowest && selection.only != Only::Failed;
                    let frame =
                        if slowest { grouped::with_latency(frame, options) } else { frame.clone() };
                    question::rows(&frame, *order, *top)
                })?;
                let mut table = AnswerTable::rows(rows);
                if i64::try_from(table.rows.len()).is_ok_and(|shown| shown < all) {
                    table.notes.push(format!(
                        "{} of {} connects shown; --top 0 shows all",
                        table.rows.len(),
                        crate::units::count(all)
                    ));
                }
                report.sections = Section::only(table);
            }
            Ask::Info => report.sections = Section::only(info::table(&report.trust)),
            Ask::Diff { sides, by, top } => {
                report.sections = diff::sections(captures, options, sides, by, *top, bucketed)?;
            }
            Ask::Check { conditions, too_small } => {
                let trust = &report.trust;
                let losses = Losses { lost: trust.lost_total(), missed: trust.missed };
                let (table, exit) =
                    check::table(captures, conditions, *too_small, bucketed, losses)?;
                (report.sections, report.exit) = (Section::only(table), exit);
            }
        }
        Ok(report)
    }
}

/// Number of rows.
fn count(frame: &polars::prelude::LazyFrame) -> PolarsResult<i64> {
    let counted = collect(frame.clone().select([len().cast(DataType::Int64).alias("rows")]))?;
    Ok(counted.column("rows")?.i64()?.get(0).unwrap_or(0))
}
