//! Answers as tables of typed cells: what every renderer takes.

mod figures;
mod rows;
pub mod single;

pub use figures::key_column;
pub use rows::{Read, Rows};

use crate::findings::Finding;
use crate::quality::Trust;
use crate::stats::{Key, Measure};
use crate::units;

/// Everything a renderer needs.
pub struct Report<'a> {
    /// How far the figures can be believed.
    pub trust: &'a Trust<'a>,
    /// What was selected, in words, and how many rows that are.
    pub selected: Option<(String, u64)>,
    /// Rows the answer rests on, as far as they were counted.
    pub rows: Option<u64>,
    /// The answers; the first is the one called `rows` in JSON.
    pub sections: Vec<Section<'a>>,
    /// What was found, worst first; none where nothing was looked for.
    pub findings: Option<Vec<Finding>>,
    /// Characters of a sentence at most; longer ones lose their middle.
    pub longest: usize,
    /// Findings that there was no room for.
    pub findings_left_out: usize,
    /// Whether the account of the captures is itself part of the answer.
    pub summary: bool,
    /// The heading as typed, if the answer is a page of its own.
    pub page: Option<Option<String>>,
}

impl Report<'_> {
    /// What is said where nothing was found.
    pub fn no_findings(&self) -> &'static str {
        match self.rows {
            Some(0) => "nothing is selected, so nothing was looked at",
            _ => "nothing stands out",
        }
    }
}

/// One table of the report.
pub struct Section<'a> {
    /// Key in JSON.
    pub key: &'static str,
    /// Heading where there are several tables.
    pub title: String,
    /// The answer.
    pub table: AnswerTable<'a>,
}

/// One table of an answer.
#[derive(Default)]
pub struct AnswerTable<'a> {
    /// The columns, in the order programs rely on.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Rows<'a>,
    /// What people see instead of the rows: a drawing, made of nothing that
    /// comes from a capture.
    pub drawing: Option<Vec<String>>,
    /// What a reader needs to know beside the cells.
    pub notes: Vec<String>,
    /// Width of the interval of each row, µs, if rows are intervals.
    pub every: Option<i64>,
    /// Rows there were before some were left out for want of room.
    pub rows_of: Option<usize>,
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

impl AnswerTable<'_> {
    /// A table without notes.
    pub fn of(columns: Vec<Column>, rows: Vec<Vec<Cell>>) -> Self {
        Self { columns, rows: Rows::All(rows), ..Self::default() }
    }

    /// The integers of a column by name; none where a cell has none.
    pub fn integers(&self, name: &str) -> impl Iterator<Item = Option<i64>> + '_ {
        let index = self.columns.iter().position(|column| column.name == name);
        self.rows.held().iter().map(move |row| match row.get(index?)? {
            Cell::Integer(value) => Some(*value),
            _ => None,
        })
    }

    /// Keeps the first rows and says how many there are in all.
    pub fn top(mut self, top: usize, all: usize, what: &str, remedy: &str) -> Self {
        if top > 0 && all > top {
            if let Rows::All(rows) = &mut self.rows {
                rows.truncate(top);
            }
            self.notes.push(format!(
                "{top} of {} {what} shown{remedy}",
                units::count(i64::try_from(all).unwrap_or(i64::MAX))
            ));
        }
        self
    }

    /// Says what a reader of the percentiles needs to know.
    pub fn with_notes(mut self, measure: &Measure) -> Self {
        if self.has_small_samples() {
            self.notes.push(measure.small_sample_note());
        }
        if measure.intervals.is_some() {
            self.notes.push(
                "low and high: the 95 % confidence interval of the percentile, from order \
                 statistics"
                    .to_owned(),
            );
        }
        self
    }

    /// Whether some percentile is missing for want of a sample.
    pub fn has_small_samples(&self) -> bool {
        matches!(&self.rows, Rows::All(rows) if rows.iter().flatten().any(|cell| *cell == Cell::TooSmall))
    }
}
