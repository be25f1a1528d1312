//! The whole picture on one page.

use connlat_schema::capture::columns::{CGROUP, COMM, DST_ADDR, DST_PORT};

use super::{ReportError, Section, grouped, over_time};
use crate::answer::{AnswerTable, chart};
use crate::finding::{self, Command, Finding};
use crate::options::Options;
use crate::question::{self, By, Measure, Order};
use crate::source::Captures;
use crate::units;

/// Rows of a ranking: as many as leave room for the rest of a screen.
const RANKED: usize = 5;
/// Columns that the names and the scale of the chart take.
const AROUND_CHART: usize = 24;

/// The sections, and what was found.
pub(super) fn summary(
    captures: &Captures,
    options: &Options,
    width: usize,
    bucketed: bool,
) -> Result<(Vec<Section>, Option<Vec<Finding>>), ReportError> {
    let measure = Measure::usual(bucketed);
    let ranked = |names: [&str; 2], what: &str| {
        let by: Vec<By> = names.iter().filter_map(|name| By::column(name)).collect();
        let (table, groups) = grouped::table(captures, &by, Order::Count, RANKED, &measure)?;
        let more = format!("; `analyze {what}` has more");
        Ok::<_, ReportError>(table.top(RANKED, groups, what, &more))
    };
    let span = over_time::span(captures, options)?;
    let every = question::every_for_at_most(span, over_time::beside(width, AROUND_CHART));
    let (mut over_time, series) = over_time::table(captures, options, Some(every), &[], &measure)?;
    over_time.drawing = chart(&series, &measure);
    let section = |key, title: &str, table| Section { key, title: title.to_owned(), table };
    let (overall, _) = grouped::table(captures, &[], Order::Count, 0, &measure)?;
    let mut sections = vec![
        section("rows", "Connect latency", overall),
        section("outcomes", "Outcomes", grouped::outcomes(captures, &[])?),
        section("processes", "Who", ranked([COMM, CGROUP], "processes")?),
        section("destinations", "Where", ranked([DST_ADDR, DST_PORT], "destinations")?),
        section("timeseries", &format!("Every {}", units::interval(every)), over_time),
    ];
    let (findings, notes) = found(captures, options)?;
    // Once, after everything that shows percentiles.
    let shown = sections.iter().filter(|section| section.table.drawing.is_none());
    let small = shown.into_iter().any(|section| section.table.has_small_samples());
    if let Some(last) = sections.last_mut() {
        if small {
            last.table.notes.push(measure.small_sample_note());
        }
        if bucketed {
            let noted = grouped::with_notes(AnswerTable::default(), &measure);
            last.table.notes.extend(noted.notes);
        }
        last.table.notes.extend(notes);
    }
    Ok((sections, Some(findings)))
}

fn found(
    captures: &Captures,
    options: &Options,
) -> Result<(Vec<Finding>, Vec<String>), ReportError> {
    // Of the first capture of each host.
    let mut sysctls = finding::Sysctls::new();
    for info in captures.each.iter().map(|capture| &capture.info) {
        sysctls.entry(info.host.clone()).or_insert_with(|| info.sysctls.clone());
    }
    let (rows, most) = (captures.row_count(), finding::MOST_ROWS);
    let span = options.selection.span(captures.recorded())?;
    let mut evidence = captures.ask(|frame| {
        let command =
            Command::new(&options.files).within(span, options.selection.filter.as_deref());
        finding::gather(frame, rows, most, sysctls, command)
    })?;
    let partial =
        finding::partial(&options.selection, captures.each.iter().map(|capture| &capture.info));
    evidence.partial = partial.is_some();
    let mut notes = Vec::new();
    if evidence.one_in > 1 {
        let sampled = if evidence.thinned {
            "one connect in"
        } else {
            "connects that failed or sent a SYN again, and one of the others in"
        };
        notes.push(format!("findings rest on {sampled} {}", units::count_u64(evidence.one_in)));
    }
    notes.extend(partial.map(|why| {
        format!("findings that compare with what went well were not looked for: {why}")
    }));
    Ok((finding::all(&evidence), notes))
}
