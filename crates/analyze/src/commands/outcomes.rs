//! `analyze outcomes`: how connects ended, by outcome and errno.

use std::collections::HashMap;

use clap::Args;
use connlat_schema::Outcome;
use connlat_schema::capture::columns::{ERRNO, OUTCOME};

use super::{Answered, Ask, AskError, Run, merged, ranked, takes_input};
use crate::answer::{AnswerTable, Cell, Column, Kind, key_column};
use crate::cli::args::{ByArgs, Input, examples};
use crate::errno;
use crate::scan::counted::Counted;
use crate::scan::grouped::parts;
use crate::scan::{By, Part, Rows, Scan, Scanned, Texts};
use crate::stats::Key;

/// How connects ended, with the errors of those that failed
///
/// One row for each outcome and errno, within each group of --by.
#[derive(Debug, Args)]
#[command(after_help = examples!("analyze outcomes --by dst web-1.parquet"))]
pub struct Outcomes {
    #[command(flatten)]
    by: ByArgs,
    #[command(flatten)]
    input: Input,
}

impl Ask for Outcomes {
    takes_input!();

    fn ask<'r>(&self, run: &'r Run<'_>) -> Result<Answered<'r>, AskError> {
        let by = run.named(self.by.after(&[]));
        let accumulators = (accumulator(&run.scan, &by), merged::looked_at(run, &by));
        let Scanned { found: (counted, merged), texts, rows } = run.scan.run(accumulators)?;
        let mut table = table(&by, &counted, &texts);
        table.notes.extend(merged::notes(run, &by, &merged, &texts));
        Ok(Answered::table(table, rows))
    }
}

/// Counts by outcome and errno, and by keys.
pub fn accumulator(scan: &Scan<'_>, by: &[By]) -> Counted {
    let mut all = parts(by);
    all.extend([Part::Text(OUTCOME), Part::Integer(ERRNO)]);
    Counted::new(all, Rows::default(), scan.hasher.clone())
}

/// Number of rows with one outcome and errno.
struct Count {
    keys: Vec<Key>,
    /// The word in the capture; maybe one this version does not know.
    outcome: String,
    errno: Option<i64>,
    connects: i64,
}

/// Within each group outcomes in the schema's order, unknown ones last; the
/// most frequent errno first.
fn counts(by: &[By], counted: &Counted, texts: &Texts) -> Vec<Count> {
    let count = |(values, connects): (Vec<crate::scan::Value>, u64)| {
        let mut values = values.into_iter();
        let keys = by.iter().map(|by| by.key(&mut values)).collect();
        let mut next = || values.next().map_or(Key::Null, Key::from);
        let outcome = if let Key::Text(word) = next() { word } else { String::new() };
        let errno = if let Key::Integer(errno) = next() { Some(errno) } else { None };
        Count { keys, outcome, errno, connects: i64::try_from(connects).unwrap_or(i64::MAX) }
    };
    let mut counts: Vec<Count> = counted.groups(texts).into_iter().map(count).collect();
    counts.sort_by(|a, b| {
        let place = |count: &Count| {
            Outcome::from_word(&count.outcome).map_or(Outcome::COUNT, |outcome| outcome as usize)
        };
        a.keys
            .cmp(&b.keys)
            .then_with(|| place(a).cmp(&place(b)))
            .then_with(|| a.outcome.cmp(&b.outcome))
            .then_with(|| b.connects.cmp(&a.connects))
            .then_with(|| a.errno.cmp(&b.errno))
    });
    counts
}

/// The counts as a table.
pub fn table(by: &[By], counted: &Counted, texts: &Texts) -> AnswerTable<'static> {
    let mut columns: Vec<_> = ranked::names(by).iter().map(|name| key_column(name)).collect();
    columns.extend([
        Column::new("outcome", "outcome", Kind::Name, 0),
        Column::new("errno", "errno", Kind::Name, 0),
        Column::new("errno_name", "error", Kind::Name, 0),
        Column::new("connects", "connects", Kind::Count, 0),
        Column::new("share", "share", Kind::Ratio, 0),
    ]);
    let counts = counts(by, counted, texts);
    let mut totals: HashMap<&[Key], i64> = HashMap::new();
    for count in &counts {
        *totals.entry(&count.keys).or_default() += count.connects;
    }
    let rows = counts.iter().map(|count| {
        let total = totals.get(count.keys.as_slice()).copied().unwrap_or_default();
        let name = count.errno.and_then(errno::name);
        let keys = count.keys.iter().cloned().map(Cell::from);
        let cells = [
            Cell::Text(count.outcome.clone()),
            count.errno.into(),
            name.map_or(Cell::Null, Cell::from),
            Cell::Integer(count.connects),
            // The group exists, so the total is not 0.
            Cell::Ratio(count.connects as f64 / total as f64),
        ];
        keys.chain(cells).collect()
    });
    let rows = rows.collect();
    AnswerTable::of(columns, rows)
}
