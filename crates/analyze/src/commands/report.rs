//! `analyze report`: one page for a ticket or a colleague, from one scan.

mod distribution;
mod outcomes_over_time;
mod several;

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use connlat_schema::capture::columns::{CGROUP, COMM, DST_ADDR, DST_PORT};

use self::several::Several;
use super::over_time::span;
use super::summary::{chart, found};
use super::takes_input;
use super::timeseries::{self, TimeSeries};
use super::{Answered, Ask, AskError, Page, Run, heatmap, histogram, info, merged, outcomes};
use crate::answer::{AnswerTable, Section};
use crate::cli::args::{Format, Input, examples};
use crate::findings::{Gathering, Grid};
use crate::scan::Rows;
use crate::scan::grouped::Grouped;
use crate::scan::listing::Listing;
use crate::scan::ranking::{self, Asked, Ranking, Shortlist};
use crate::scan::top::{RowOrder, Top};
use crate::select::Only;
use crate::stats::interval::{check_buckets, every_for_at_most};
use crate::stats::{Measure, Row};
use crate::units;

/// One page with the summary, charts and tables, for a ticket or a colleague
///
/// A single file that any browser opens, without a network: what can be believed, findings with
/// their rows, latency and outcomes over time, a heatmap, the distribution, destinations and
/// processes, the slowest and the failed connects, and the captures. It stays below 500 kB: of long
/// lists it shows the first, and says how many there are. With --format markdown it is the body of a
/// ticket, of less than 60,000 characters.
#[derive(Debug, Args)]
#[command(
    mut_arg("format", |arg| {
        arg.value_parser(format()).default_value("html").help("What is written")
    }),
    after_help = examples!("analyze report web-1.parquet -o report.html",
        "analyze report --title 'INC-42: slow logins' --from -10m monday/ -o inc-42.html",
        "analyze report --format markdown web-1.parquet")
)]
pub struct Report {
    /// File to write; it must not exist [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Heading of the page [default: which hosts were recorded]
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    #[command(flatten)]
    input: Input,
}

/// The formats that a report has.
fn format() -> impl TypedValueParser<Value = Format> {
    let formats = [
        PossibleValue::new("html").help("A page for a browser, to a file or pipe"),
        PossibleValue::new("markdown").help("The body of a ticket"),
        PossibleValue::new("json").help("The figures of the page, for programs"),
    ];
    PossibleValuesParser::new(formats).map(|format| match format.as_str() {
        "markdown" => Format::Markdown,
        "json" => Format::Json,
        _ => Format::Html,
    })
}

/// Intervals of the charts over time at most.
const INTERVALS: i64 = 100;
/// Single connects in a list.
const SINGLE: usize = 20;
/// Captures that are described one by one.
const CAPTURES: usize = 10;

impl Ask for Report {
    takes_input!();

    fn is_summary(&self) -> bool {
        true
    }

    fn page(&self) -> Option<Page<'_>> {
        let file = self.output.as_deref().filter(|path| *path != Path::new("-"));
        Some(Page { title: self.title.as_deref(), file })
    }

    fn ask<'r>(&self, run: &'r Run<'_>) -> Result<Answered<'r>, AskError> {
        let (scan, measure) = (&run.scan, Measure::usual());
        let span = span(run)?;
        let every = every_for_at_most(span, INTERVALS);
        if let Some(span) = span {
            check_buckets(span, every)?;
        }
        let grid = span.map(|span| grid(span, every));
        let who = Several::new(run, &[COMM, CGROUP], "processes", "programs");
        let places = Several::new(run, &[DST_ADDR, DST_PORT], "destinations", "destinations");
        let worst = distribution::of_worst(&places.by);
        let series = timeseries::asked(every, &[], &measure);

        // One scan for everything that can be told from it.
        let grouped: Vec<Grouped> =
            [who.any(), places.any(), &series].map(|asked| asked.accumulator(scan)).into();
        let counted = vec![
            outcomes::accumulator(scan, &[]),
            outcomes_over_time::accumulator(scan, every),
            heatmap::accumulator(run, every),
        ];
        let measured = histogram::with_latency(run.selection);
        let single = |rows| Listing::asked(scan, RowOrder::Slowest, rows, SINGLE);
        let tops: Vec<Top> = [measured, Rows::FAILED].map(single).into();
        let gathering = Gathering::new(run.captures.row_count(), scan.budget.evidence);
        let beside = (gathering, merged::looked_at(run, &places.by));
        let scanned = scan.run(((grouped, counted), (tops, beside)))?;
        let (texts, ((grouped, counted), (tops, (gathering, merged)))) =
            (scanned.texts, scanned.found);
        let Ok([of_who, of_places, of_series]) = <[Grouped; 3]>::try_from(grouped) else {
            return Ok(Answered::default());
        };

        // Findings need one processor, and what refines percentiles all.
        let files = &self.input.files;
        let orders_of_places = || places.orders.iter().cloned().chain([worst.clone()]).collect();
        let (found, rankings) = std::thread::scope(|scope| {
            let found = scope.spawn(|| found(run, files, gathering, &texts, grid));
            let rankings = || {
                let whole = |measure| Shortlist::whole(Asked::whole(measure), of_series.whole());
                let mut lists = vec![whole(measure.clone()), whole(distribution::measure())];
                lists.push(series.shortlist(scan, of_series, &texts)?);
                lists.extend(ranking::shortlists(scan, who.orders.clone(), of_who, &texts)?);
                lists.extend(ranking::shortlists(scan, orders_of_places(), of_places, &texts)?);
                ranking::finish(scan, lists)
            };
            let rankings = rankings();
            (found.join(), rankings)
        });
        let (findings, notes) = found.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        let mut rankings = rankings?.into_iter();
        let mut next = |count: usize| -> Vec<Ranking> { rankings.by_ref().take(count).collect() };
        let (whole, finely, of_series) = (rows(next(1)), rows(next(1)), rows(next(1)));
        let (of_who, of_places) = (next(who.orders.len()), next(places.orders.len()));
        let worst = rows(next(1));

        let span = span.filter(|_| scanned.rows > 0);
        let series = TimeSeries::new(of_series, span, every, true, &measure);
        let [ended, over_time, bins] = &counted[..] else { return Ok(Answered::default()) };
        let mut over_time_table = series.table(&[], run.captures, &measure);
        over_time_table.drawing = chart::chart(&series, &measure);
        let mut singles = Vec::new();
        for top in tops {
            singles.push(singles_of(run, top, scanned.rows)?);
        }
        let (failed, slowest) = (singles.pop(), singles.pop());

        let mut sections: Vec<Section> = Vec::new();
        let mut section = |key, title: String, table| sections.push(Section { key, title, table });
        let whole = AnswerTable::grouped(&[], whole, &measure).with_notes(&measure);
        section("rows", "Connect latency".into(), whole);
        section("outcomes", "Outcomes".into(), outcomes::table(&[], ended, &texts));
        let every_text = units::interval(every);
        section("timeseries", format!("Every {every_text}"), over_time_table);
        let by_outcome = outcomes_over_time::table(over_time, &texts, &series);
        section("outcomes_over_time", format!("Outcomes every {every_text}"), by_outcome);
        section("heatmap", "Latency over time".into(), heatmap::table(bins, &texts, span, every));
        section(
            "distribution",
            "Distribution".into(),
            distribution::table(&places.by, finely, worst),
        );
        section(
            "destinations",
            "Destinations".into(),
            places.table(run, of_places, &measure, (&merged, &texts)),
        );
        section("processes", "Programs".into(), who.table(run, of_who, &measure, (&[], &texts)));
        // Where only failed ones are selected, both lists are the same.
        if let Some(slowest) = slowest.filter(|_| run.selection.only != Only::Failed) {
            section("slowest", "Slowest connects".into(), slowest);
        }
        if let Some(failed) = failed.filter(|_| run.selection.only != Only::Established) {
            section("failed", "Failed connects that took longest".into(), failed);
        }
        let mut captures = info::table(run.trust, CAPTURES);
        let all = run.trust.files.len();
        if all > CAPTURES {
            captures.notes.push(format!(
                "{CAPTURES} of {} captures shown; `analyze info` has all",
                units::count_u64(all as u64)
            ));
        }
        section("captures", "Captures".into(), captures);
        if let Some(first) = sections.first_mut() {
            first.table.notes.extend(notes);
        }
        let selected = Some(scanned.rows);
        Ok(Answered { sections, findings: Some(findings), selected, ..Answered::default() })
    }
}

/// The intervals of so many µs that cover a span.
fn grid((first, last): (i64, i64), every: i64) -> Grid {
    let (first, last) = (first.div_euclid(every), last.div_euclid(every));
    // Bounded by the check before.
    let count = usize::try_from(last.saturating_sub(first)).unwrap_or(0) + 1;
    Grid { first: first.saturating_mul(every), every, count }
}

fn rows(rankings: Vec<Ranking>) -> Vec<Row> {
    rankings.into_iter().flat_map(|ranking| ranking.rows).collect()
}

/// The first single connects that a scan found.
fn singles_of(run: &Run<'_>, found: Top, selected: u64) -> Result<AnswerTable<'static>, AskError> {
    let listing = Listing::of(&run.scan, found, SINGLE, selected);
    let rows = listing.rows().collect::<Result<_, _>>()?;
    let mut table = AnswerTable::single(rows, run.names.as_deref());
    if listing.len < listing.count {
        table.notes.push(format!(
            "{} of {} connects shown; `analyze slowest` has more",
            listing.len,
            units::count_u64(listing.count)
        ));
    }
    Ok(table)
}
