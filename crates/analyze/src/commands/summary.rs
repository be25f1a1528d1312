//! `analyze summary`: the whole picture on one page, from one scan.

pub mod chart;

use std::path::PathBuf;

use clap::Args;
use connlat_schema::capture::columns::{CGROUP, COMM, DST_ADDR, DST_PORT};

use super::over_time::{beside, span};
use super::timeseries::{self, TimeSeries};
use super::{Answered, Ask, AskError, Run, merged, outcomes, ranked, takes_input};
use crate::answer::{AnswerTable, Section};
use crate::cli::args::{Input, examples};
use crate::findings::{self, Command, Finding, Gathering};
use crate::scan::grouped::Grouped;
use crate::scan::merged::Merged;
use crate::scan::ranking::{self, Asked, Order, Shortlist};
use crate::scan::{By, Rows, Texts};
use crate::stats::Measure;
use crate::stats::interval::{check_buckets, every_for_at_most};
use crate::units;

/// What happened, how far the capture can be trusted, and its most important figures
///
/// Prints what was recorded and what was lost, what was found, worst first, with the command
/// that shows the rows, then overall figures, outcomes, who connected where, and a chart over
/// time. With --format csv or parquet only the overall row is written.
#[derive(Debug, Args)]
#[command(after_help = examples!("analyze summary web-1.parquet",
    "analyze summary --from -10m web-1.parquet"))]
pub struct Summary {
    #[command(flatten)]
    pub(crate) input: Input,
}

/// Rows of a ranking: as many as leave room for the rest of a screen.
const RANKED: usize = 5;
/// Columns that the names and the scale of the chart take.
const AROUND_CHART: usize = 24;

impl Ask for Summary {
    takes_input!();

    fn is_summary(&self) -> bool {
        true
    }

    fn ask<'r>(&self, run: &'r Run<'_>) -> Result<Answered<'r>, AskError> {
        let (scan, measure) = (&run.scan, Measure::usual());
        let span = span(run)?;
        let every = every_for_at_most(span, beside(run.width, AROUND_CHART));
        if let Some(span) = span {
            check_buckets(span, every)?;
        }
        let ranked = |names: [&str; 2]| {
            let by = run.named(names.iter().filter_map(|name| By::column(name)).collect());
            let (rows, order, top) = (Rows::default(), Order::Count, RANKED);
            Asked { by, rows, order, top, measure: measure.clone() }
        };
        let (who, places) = (ranked([COMM, CGROUP]), ranked([DST_ADDR, DST_PORT]));
        let series = timeseries::asked(every, &[], &measure);
        let figures: Vec<Grouped> =
            [&who, &places, &series].map(|asked| asked.accumulator(scan)).into();
        let gathering = Gathering::new(run.captures.row_count(), scan.budget.evidence);
        let beside = (gathering, merged::looked_at(run, &places.by));
        let accumulators = (figures, (outcomes::accumulator(scan, &[]), beside));
        let scanned = scan.run(accumulators)?;
        let (texts, (figures, (ended, (gathering, merged)))) = (scanned.texts, scanned.found);
        let outcomes = outcomes::table(&[], &ended, &texts);
        let mut figures = figures.into_iter();
        let rank = || {
            let mut lists = Vec::new();
            for asked in [who.clone(), places.clone(), series] {
                let Some(found) = figures.next() else { break };
                if asked.top == 0 {
                    lists.push(Shortlist::whole(Asked::whole(measure.clone()), found.whole()));
                }
                lists.push(asked.shortlist(scan, found, &texts)?);
            }
            ranking::finish(scan, lists)
        };
        // Findings need one processor, and the refinement all.
        let (found, rankings) = std::thread::scope(|scope| {
            let found = scope.spawn(|| found(run, &self.input.files, gathering, &texts, None));
            let rankings = rank();
            (found.join(), rankings)
        });
        let (findings, notes) = found.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let rankings = rankings?;
        let Ok([who_found, places_found, whole, series]) =
            <[ranking::Ranking; 4]>::try_from(rankings)
        else {
            return Ok(Answered::default());
        };

        let more = |what: &str| format!("; `analyze {what}` has more");
        let ranked = |asked: &Asked, found: ranking::Ranking, merged: &[Merged], what: &str| {
            let names = ranked::names(&asked.by);
            let mut table = AnswerTable::grouped(&names, found.rows, &measure).top(
                RANKED,
                found.groups,
                what,
                &more(what),
            );
            table.notes.extend(merged::notes(run, &asked.by, merged, &texts));
            table
        };
        let span = span.filter(|_| scanned.rows > 0);
        let series = TimeSeries::new(series.rows, span, every, true, &measure);
        let mut over_time = series.table(&[], run.captures, &measure);
        over_time.drawing = chart::chart(&series, &measure);
        let section = |key, title: &str, table| Section { key, title: title.to_owned(), table };
        let mut sections = vec![
            section("rows", "Connect latency", AnswerTable::grouped(&[], whole.rows, &measure)),
            section("outcomes", "Outcomes", outcomes),
            section("processes", "Who", ranked(&who, who_found, &[], "processes")),
            section(
                "destinations",
                "Where",
                ranked(&places, places_found, &merged, "destinations"),
            ),
            section("timeseries", &format!("Every {}", units::interval(every)), over_time),
        ];
        // Once, after everything that shows percentiles.
        let shown = sections.iter().filter(|section| section.table.drawing.is_none());
        let small = shown.into_iter().any(|section| section.table.has_small_samples());
        if let Some(last) = sections.last_mut() {
            if small {
                last.table.notes.push(measure.small_sample_note());
            }
            last.table.notes.extend(notes);
        }
        let selected = Some(scanned.rows);
        Ok(Answered { sections, findings: Some(findings), selected, ..Answered::default() })
    }
}

/// What was found, and what is to be said of how; with pictures over the
/// intervals of a grid, if there is one.
///
/// # Errors
/// [`AskError`] for a time that cannot be.
pub fn found(
    run: &Run<'_>,
    files: &[PathBuf],
    gathering: Gathering,
    texts: &Texts,
    grid: Option<findings::Grid>,
) -> Result<(Vec<Finding>, Vec<String>), AskError> {
    let infos = || run.captures.each.iter().map(|capture| &capture.info);
    let settings = findings::Settings::of(infos());
    let span = run.selection.span(run.captures.recorded())?;
    let filter = run.selection.filter.as_deref();
    let command = Command::new(files).within(span, filter);
    let mut evidence = gathering.evidence(texts, settings, command);
    evidence.names.clone_from(&run.names);
    let partial = findings::partial(run.selection, infos());
    evidence.partial = partial.is_some();
    evidence.grid = grid;
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
    Ok((findings::all(&evidence), notes))
}
