//! `analyze histogram`: counts by latency.

use std::collections::BTreeMap;

use clap::Args;

use super::{Answered, Ask, AskError, Run, ranked, takes_input};
use crate::answer::{AnswerTable, Cell, Column, Kind, key_column};
use crate::cli::args::{ByArgs, Input, examples};
use crate::scan::counted::Counted;
use crate::scan::grouped::parts;
use crate::scan::{Part, Rows, Value};
use crate::select::{Only, Selection};
use crate::stats::{Key, bins};

/// How latencies are spread
///
/// One row for each range of latencies of established connects; with --failed, of failed ones.
#[derive(Debug, Args)]
#[command(after_help = examples!("analyze histogram --where \"dst_port = 443\" web-1.parquet"))]
pub struct Histogram {
    #[command(flatten)]
    by: ByArgs,
    #[command(flatten)]
    input: Input,
}

/// The rows whose latency a question about latencies is about: measured ones,
/// or the failed ones if those are selected.
pub fn with_latency(selection: &Selection) -> Rows {
    match selection.only {
        Only::Failed => Rows::default(),
        _ => Rows::MEASURED,
    }
}

impl Ask for Histogram {
    takes_input!();

    fn ask<'r>(&self, run: &'r Run<'_>) -> Result<Answered<'r>, AskError> {
        let by = self.by.after(&[]);
        let mut all = parts(&by);
        all.push(Part::Bin);
        let counted = Counted::new(all, with_latency(run.selection), run.scan.hasher.clone());
        let scanned = run.scan.run(counted)?;
        let mut groups: Groups = BTreeMap::new();
        for (values, connects) in scanned.found.groups(&scanned.texts) {
            let mut values = values.into_iter();
            let keys = by.iter().map(|by| by.key(&mut values)).collect();
            if let Some(Value::Word(low)) = values.next() {
                groups.entry(keys).or_default().insert(low as i64, connects);
            }
        }
        Ok(Answered::table(table(&ranked::names(&by), groups), scanned.rows))
    }
}

/// Connects by the lower bound of a bin, by group.
type Groups = BTreeMap<Vec<Key>, BTreeMap<i64, u64>>;

/// Ascending within each group. Bins between the first and the last that hold
/// something are all given, so that gaps show.
fn table(by: &[String], mut groups: Groups) -> AnswerTable<'static> {
    let mut columns: Vec<_> = by.iter().map(|by| key_column(by)).collect();
    columns.extend([
        Column::new("from_ns", "from", Kind::Duration, 0),
        Column::new("to_ns", "to below", Kind::Duration, 3),
        Column::new("connects", "connects", Kind::Count, 0),
        Column::new("share", "share", Kind::Ratio, 1),
        Column::new("cumulative", "up to here", Kind::Ratio, 2),
        Column::new("bar", "", Kind::Bar, 4),
    ]);
    let mut rows = Vec::new();
    for (keys, counts) in &mut groups {
        let ends = counts.keys().next().copied().zip(counts.keys().next_back().copied());
        let Some((first, last)) = ends else { continue };
        for low in bins::bounds().iter().filter(|low| (first..=last).contains(*low)) {
            counts.entry(*low).or_default();
        }
        let total: u64 = counts.values().sum();
        let most = counts.values().copied().max().unwrap_or(0);
        let share = |count: u64| Cell::Ratio(count as f64 / total.max(1) as f64);
        let mut below = 0;
        for (low, connects) in counts.iter() {
            below += connects;
            let cells = [
                Cell::Integer(*low),
                Cell::Integer(bins::high_of(*low)),
                Cell::Integer(i64::try_from(*connects).unwrap_or(i64::MAX)),
                share(*connects),
                share(below),
                Cell::Ratio(*connects as f64 / most.max(1) as f64),
            ];
            rows.push(keys.iter().cloned().map(Cell::from).chain(cells).collect());
        }
    }
    AnswerTable::of(columns, rows)
}
