//! Answers as tables of typed cells: what every renderer takes.

mod chart;
mod figures;
mod spread;

use std::collections::HashMap;

pub use chart::chart;

use crate::question::{Key, OutcomeCount, errno_name};
use crate::units;

/// One table of an answer.
#[derive(Default)]
pub struct AnswerTable {
    /// The columns, in the order programs rely on.
    pub columns: Vec<Column>,
    /// The rows; each has a cell per column.
    pub rows: Vec<Vec<Cell>>,
    /// What people see instead of the rows: a drawing, made of nothing that
    /// comes from a capture.
    pub drawing: Option<Vec<String>>,
    /// What a reader needs to know beside the cells.
    pub notes: Vec<String>,
}

/// One column.
pub struct Column {
    /// Name in CSV and JSON.
    pub name: String,
    /// Heading for people.
    pub title: String,
    /// What its cells hold.
    pub kind: Kind,
    /// Columns with a higher number are left out first where space is short;
    /// 0 always stays.
    pub detail: u8,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text from the capture, or integers that name something.
    Name,
    /// How many.
    Count,
    /// A share between 0 and 1.
    Ratio,
    /// How many a second.
    Rate,
    /// Nanoseconds.
    Duration,
    /// µs since 1970 UTC, shown with this many decimals of a second.
    Time(usize),
    /// A share drawn as a bar, for people only.
    Bar,
}

/// One cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// There is no value.
    Null,
    /// The sample is too small for this percentile.
    TooSmall,
    /// Text as it stands in the capture: renderers must escape it.
    Text(String),
    /// Value of any integer kind.
    Integer(i64),
    /// Value of a ratio or rate.
    Ratio(f64),
}

impl Column {
    pub(crate) fn new(name: &str, title: &str, kind: Kind, detail: u8) -> Self {
        Self { name: name.to_owned(), title: title.to_owned(), kind, detail }
    }
}

impl Cell {
    /// A percentile of so many samples: without any there is none, and with
    /// few it is not given.
    pub fn latency(value: Option<i64>, samples: i64) -> Self {
        match value {
            Some(value) => Self::Integer(value),
            None if samples > 0 => Self::TooSmall,
            None => Self::Null,
        }
    }
}

impl From<Option<i64>> for Cell {
    fn from(value: Option<i64>) -> Self {
        value.map_or(Self::Null, Self::Integer)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<Key> for Cell {
    fn from(key: Key) -> Self {
        match key {
            Key::Null => Self::Null,
            Key::Integer(value) => Self::Integer(value),
            Key::Text(text) => Self::Text(text),
        }
    }
}

impl AnswerTable {
    /// A table without notes.
    pub fn of(columns: Vec<Column>, rows: Vec<Vec<Cell>>) -> Self {
        Self { columns, rows, ..Self::default() }
    }

    /// Counts by outcome and errno, within groups of the keys named.
    pub fn outcomes(by: &[String], counts: &[OutcomeCount]) -> Self {
        let mut columns: Vec<_> = by.iter().map(|name| figures::key_column(name)).collect();
        columns.extend([
            Column::new("outcome", "outcome", Kind::Name, 0),
            Column::new("errno", "errno", Kind::Name, 0),
            Column::new("errno_name", "error", Kind::Name, 0),
            Column::new("connects", "connects", Kind::Count, 0),
            Column::new("share", "share", Kind::Ratio, 0),
        ]);
        let mut totals: HashMap<&[Key], i64> = HashMap::new();
        for count in counts {
            *totals.entry(&count.keys).or_default() += count.connects;
        }
        let rows = counts.iter().map(|count| {
            let total = totals.get(count.keys.as_slice()).copied().unwrap_or_default();
            let name = count.errno.and_then(errno_name);
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
        Self::of(columns, rows)
    }

    /// Keeps the first rows and says how many there are in all.
    pub fn top(mut self, top: usize, all: usize, what: &str, remedy: &str) -> Self {
        if top > 0 && all > top {
            self.rows.truncate(top);
            self.notes.push(format!(
                "{top} of {} {what} shown{remedy}",
                units::count(i64::try_from(all).unwrap_or(i64::MAX))
            ));
        }
        self
    }

    /// Whether some percentile is missing for want of a sample.
    pub fn has_small_samples(&self) -> bool {
        self.rows.iter().flatten().any(|cell| *cell == Cell::TooSmall)
    }
}
