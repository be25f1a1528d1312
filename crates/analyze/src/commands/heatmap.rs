//! `analyze heatmap`: counts by latency and interval of time, drawn.

use clap::Args;
use clap::error::ErrorKind;

use super::histogram::with_latency;
use super::over_time::{Span, beside, span};
use super::{Answered, Ask, AskError, Run, takes_input};
use crate::answer::{AnswerTable, Cell, Column, Kind};
use crate::cli::args::{Every, Input, examples};
use crate::scan::counted::Counted;
use crate::scan::{Part, Texts, Value};
use crate::stats::bins;
use crate::stats::interval::{check_buckets, every_for_at_most};
use crate::units;

/// How latencies are spread over time
///
/// Time from left to right, latency from bottom to top, darker where more connects are. Of
/// established connects; with --failed, of failed ones.
#[derive(Debug, Args)]
#[command(after_help = examples!("analyze heatmap --every 1s web-1.parquet"))]
pub struct Heatmap {
    #[command(flatten)]
    every: Every,
    #[command(flatten)]
    input: Input,
}

/// Columns that the latencies beside the drawing take.
const SCALE: usize = 10;
/// From nothing to the most.
const SHADES: [char; 5] = ['·', '░', '▒', '▓', '█'];

/// Connects with latencies from `low` ns to the next bin, that started within
/// the interval from `time`, µs since 1970 UTC.
struct Bin {
    time: i64,
    low: i64,
    connects: i64,
}

impl Ask for Heatmap {
    takes_input!();

    fn check(&self) -> Result<(), (ErrorKind, String)> {
        self.every.micros().map(|_| ()).map_err(|text| (ErrorKind::ValueValidation, text))
    }

    fn ask<'r>(&self, run: &'r Run<'_>) -> Result<Answered<'r>, AskError> {
        let span = span(run)?;
        let every = match (span, self.every.micros().unwrap_or_default()) {
            // Refused for the same reason as in a time series.
            (Some(span), Some(every)) => {
                check_buckets(span, every)?;
                every
            }
            _ => every_for_at_most(span, beside(run.width, SCALE)),
        };
        let scanned = run.scan.run(accumulator(run, every))?;
        let table = table(&scanned.found, &scanned.texts, span, every);
        Ok(Answered::table(table, scanned.rows))
    }
}

/// Counts by interval of so many µs and by bin.
pub fn accumulator(run: &Run<'_>, every: i64) -> Counted {
    let parts = vec![Part::Interval(every), Part::Bin];
    Counted::new(parts, with_latency(run.selection), run.scan.hasher.clone())
}

/// The counts as a table, with a drawing of the span.
pub fn table(counted: &Counted, texts: &Texts, span: Span, every: i64) -> AnswerTable<'static> {
    let bin = |(values, connects): (Vec<Value>, u64)| match values[..] {
        [Value::Word(time), Value::Word(low)] => Some(Bin {
            time: time as i64,
            low: low as i64,
            connects: i64::try_from(connects).unwrap_or(i64::MAX),
        }),
        _ => None,
    };
    let mut bins: Vec<Bin> = counted.groups(texts).into_iter().filter_map(bin).collect();
    bins.sort_unstable_by_key(|bin| (bin.time, bin.low));
    drawn(&bins, span.unwrap_or((0, 0)), every)
}

/// The counts, drawn with time from left to right over the intervals of
/// `every` µs from `first` to `last`.
fn drawn(bins: &[Bin], (first, last): (i64, i64), every: i64) -> AnswerTable<'static> {
    let decimals = units::decimals_for(every);
    let columns = vec![
        Column::new("time", "time (UTC)", Kind::Time(decimals), 0),
        Column::new("from_ns", "from", Kind::Duration, 0),
        Column::new("to_ns", "to below", Kind::Duration, 0),
        Column::new("connects", "connects", Kind::Count, 0),
    ];
    let row = |bin: &Bin| [bin.time, bin.low, bins::high_of(bin.low), bin.connects];
    let rows = bins.iter().map(|bin| row(bin).map(Cell::Integer).to_vec()).collect();
    let mut table = AnswerTable::of(columns, rows);
    if !bins.is_empty() {
        table.drawing = Some(draw(bins, (first.div_euclid(every), last.div_euclid(every)), every));
        let most = bins.iter().map(|bin| bin.connects).max().unwrap_or(0);
        table.notes.push(format!(
            "one character is {}; {} 1 connect or more, {} up to {} of them, on a logarithmic scale",
            units::interval(every),
            SHADES[1],
            SHADES[4],
            units::count(most)
        ));
    }
    table
}

fn draw(bins: &[Bin], (first, last): (i64, i64), every: i64) -> Vec<String> {
    let width = usize::try_from(last.saturating_sub(first).saturating_add(1)).unwrap_or(1).min(500);
    let most = bins.iter().map(|bin| bin.connects).max().unwrap_or(1).max(1) as f64;
    let mut latencies: Vec<i64> = bins.iter().map(|bin| bin.low).collect();
    latencies.sort_unstable();
    latencies.dedup();
    let mut lines = Vec::new();
    for low in latencies.iter().rev() {
        let mut cells = vec![SHADES[0]; width];
        for bin in bins.iter().filter(|bin| bin.low == *low) {
            let place = usize::try_from(bin.time.div_euclid(every) - first).unwrap_or(0);
            let share = (1.0 + bin.connects as f64).ln() / (1.0 + most).ln();
            let shade = ((share * 4.0).ceil() as usize).clamp(1, 4);
            if let Some(cell) = cells.get_mut(place) {
                *cell = SHADES[shade];
            }
        }
        let cells: String = cells.into_iter().collect();
        lines.push(format!("{:>8} {cells}", units::duration(*low)));
    }
    let decimals = units::decimals_for(every);
    let (start, end) = (first.saturating_mul(every), last.saturating_mul(every));
    let (left, right) = units::axis(start, end, decimals);
    let gap = width.saturating_sub(left.len() + right.len());
    lines.push(format!("{:>8} {left}{}{right}", "", " ".repeat(gap.max(1))));
    lines
}
