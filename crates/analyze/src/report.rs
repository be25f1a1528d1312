//! From a checked command line to a finished report: asks the questions and
//! lays the answers out as tables.

use connlat_schema::capture::metadata::CaptureInfo;

use crate::answer::AnswerTable;
use crate::options::Ask;
use crate::question::{self, DESTINATION_COLUMNS, Order, SMALL_SAMPLE_NOTE, TooManyBuckets};
use crate::source::{Captures, SourceError};
use crate::trust::Trust;

/// Destinations in a summary: as many as leave room for the rest of a screen.
const SUMMARY_DESTINATIONS: usize = 6;

/// Everything a renderer needs.
pub struct Report<'a> {
    /// How far the figures can be believed.
    pub trust: Trust<'a>,
    /// The answers; the first is the one called `rows` in JSON.
    pub sections: Vec<Section>,
    /// Whether the account of the captures is itself part of the answer.
    pub summary: bool,
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

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// A file turned out to be damaged.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The time series would not end.
    #[error(transparent)]
    TooManyBuckets(#[from] TooManyBuckets),
}

impl<'a> Report<'a> {
    /// Asks the captures.
    pub fn new(captures: &'a Captures, ask: &Ask) -> Result<Self, ReportError> {
        let mut sections = match ask {
            Ask::Summary => summary(captures)?,
            Ask::Percentiles { by } => vec![percentiles(captures, by)?],
            Ask::Destinations { top, order } => {
                let remedy = "; --top 0 shows all";
                vec![Section { key: "rows", ..destinations(captures, *order, *top, remedy)? }]
            }
            Ask::Timeseries { every } => {
                vec![Section { key: "rows", ..timeseries(captures, *every)? }]
            }
        };
        if sections.iter().any(|section| section.table.has_small_samples())
            && let Some(last) = sections.last_mut()
        {
            last.table.notes.push(SMALL_SAMPLE_NOTE.to_owned());
        }
        Ok(Self { trust: Trust::new(captures), sections, summary: matches!(ask, Ask::Summary) })
    }
}

fn summary(captures: &Captures) -> Result<Vec<Section>, ReportError> {
    let counts = captures.ask(question::outcomes)?;
    Ok(vec![
        percentiles(captures, &[])?,
        Section {
            key: "outcomes",
            title: "Outcomes".to_owned(),
            table: AnswerTable::outcomes(&counts),
        },
        destinations(
            captures,
            Order::Count,
            SUMMARY_DESTINATIONS,
            "; `analyze destinations` has more",
        )?,
        timeseries(captures, None)?,
    ])
}

fn percentiles(captures: &Captures, by: &[String]) -> Result<Section, ReportError> {
    let rows = captures.ask(|frame| question::percentiles(frame, by))?;
    Ok(Section {
        key: "rows",
        title: "Latency of established connects".to_owned(),
        table: AnswerTable::grouped(by, rows),
    })
}

fn destinations(
    captures: &Captures,
    order: Order,
    top: usize,
    remedy: &str,
) -> Result<Section, ReportError> {
    let rows = captures.ask(|frame| question::destinations(frame, order))?;
    let table = AnswerTable::grouped(&DESTINATION_COLUMNS, rows).top(top, "destinations", remedy);
    Ok(Section { key: "destinations", title: "Destinations".to_owned(), table })
}

fn timeseries(captures: &Captures, every: Option<i64>) -> Result<Section, ReportError> {
    let recorded = || captures.each.iter().filter_map(|capture| recorded(&capture.info));
    let span = captures.ask(|frame| question::span_of(frame, recorded()))?;
    let every = every.unwrap_or_else(|| question::every_for(span));
    let series = captures.ask(|frame| question::timeseries(frame, span, every))??;
    let mut table = AnswerTable::timeseries(&series);
    let outside = series.buckets.iter().filter(|(start, _)| {
        let end = start.saturating_add(every);
        !recorded().any(|(from, to)| *start <= to && from < end)
    });
    match outside.count() {
        0 => {}
        count => table.notes.push(format!(
            "{count} of the intervals lie outside every recording: their zeros mean nothing"
        )),
    }
    Ok(Section {
        key: "timeseries",
        title: format!("Every {}", crate::units::interval(every)),
        table,
    })
}

/// The span of a recording, if what the file says of it can be one.
fn recorded(info: &CaptureInfo) -> Option<(i64, i64)> {
    let (start, stop) = (info.start.time_us, info.stop.time_us);
    (start <= stop).then_some((start, stop))
}
