//! Answers as tables of typed cells: what every renderer takes.

use crate::question::{Figures, Key, OutcomeCount, Percentile, Row, TimeSeries, errno_name};
use crate::units;

/// One table of an answer.
pub struct AnswerTable {
    /// The columns, in the order programs rely on.
    pub columns: Vec<Column>,
    /// The rows; each has a cell per column.
    pub rows: Vec<Vec<Cell>>,
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
    /// Nanoseconds.
    Duration,
    /// µs since 1970 UTC, shown with this many decimals of a second.
    Time(usize),
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
    /// Value of a ratio.
    Ratio(f64),
}

impl Column {
    fn new(name: &str, title: &str, kind: Kind, detail: u8) -> Self {
        Self { name: name.to_owned(), title: title.to_owned(), kind, detail }
    }
}

impl From<Option<i64>> for Cell {
    fn from(value: Option<i64>) -> Self {
        value.map_or(Self::Null, Self::Integer)
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

/// The columns every grouped answer ends with.
fn figure_columns() -> Vec<Column> {
    let mut columns = vec![
        Column::new("connects", "connects", Kind::Count, 0),
        Column::new("established", "estab", Kind::Count, 9),
        Column::new("failed", "failed", Kind::Count, 4),
        Column::new("failure_rate", "failed%", Kind::Ratio, 1),
    ];
    for percentile in Percentile::ALL {
        let detail = match percentile.name {
            "p99" => 0,
            "p50" => 1,
            "p90" => 7,
            "p95" => 6,
            _ => 5,
        };
        columns.push(Column::new(percentile.column, percentile.name, Kind::Duration, detail));
    }
    columns.extend([
        Column::new("max_ns", "max", Kind::Duration, 2),
        Column::new("mean_ns", "mean", Kind::Duration, 8),
        Column::new("syn_retransmits", "retrans", Kind::Count, 3),
        Column::new("samples", "samples", Kind::Count, 10),
    ]);
    columns
}

fn figure_cells(figures: &Figures) -> Vec<Cell> {
    let mut cells = vec![
        Cell::Integer(figures.connects),
        Cell::Integer(figures.established),
        Cell::Integer(figures.failed),
        figures.failure_rate().map_or(Cell::Null, Cell::Ratio),
    ];
    for value in figures.percentiles {
        cells.push(value.map_or(Cell::TooSmall, Cell::Integer));
    }
    cells.extend([
        figures.max.into(),
        figures.mean.into(),
        Cell::Integer(figures.syn_retransmits),
        Cell::Integer(figures.samples),
    ]);
    cells
}

impl AnswerTable {
    /// A grouped answer.
    pub fn grouped(by: &[impl AsRef<str>], rows: Vec<Row>) -> Self {
        let name = |by: &str| Column::new(by, by, Kind::Name, 0);
        let mut columns: Vec<_> = by.iter().map(|by| name(by.as_ref())).collect();
        columns.extend(figure_columns());
        let rows = rows.into_iter().map(|row| {
            let figures = figure_cells(&row.figures);
            row.keys.into_iter().map(Cell::from).chain(figures).collect()
        });
        Self { columns, rows: rows.collect(), notes: Vec::new() }
    }

    /// A time series.
    pub fn timeseries(series: &TimeSeries) -> Self {
        let decimals = units::decimals_for(series.every);
        let mut columns = vec![Column::new("time", "time (UTC)", Kind::Time(decimals), 0)];
        columns.extend(figure_columns());
        let rows = series.buckets.iter().map(|(start, figures)| {
            let mut cells = vec![Cell::Integer(*start)];
            cells.extend(figure_cells(figures));
            cells
        });
        Self { columns, rows: rows.collect(), notes: Vec::new() }
    }

    /// Counts by outcome and errno.
    pub fn outcomes(counts: &[OutcomeCount]) -> Self {
        let columns = vec![
            Column::new("outcome", "outcome", Kind::Name, 0),
            Column::new("errno", "errno", Kind::Name, 0),
            Column::new("errno_name", "error", Kind::Name, 0),
            Column::new("connects", "connects", Kind::Count, 0),
            Column::new("share", "share", Kind::Ratio, 0),
        ];
        let total: i64 = counts.iter().map(|count| count.connects).sum();
        let rows = counts.iter().map(|count| {
            let name = count.errno.and_then(errno_name);
            vec![
                Cell::Text(count.outcome.clone()),
                count.errno.into(),
                name.map_or(Cell::Null, |name| Cell::Text(name.to_owned())),
                Cell::Integer(count.connects),
                // The group exists, so the total is not 0.
                Cell::Ratio(count.connects as f64 / total as f64),
            ]
        });
        Self { columns, rows: rows.collect(), notes: Vec::new() }
    }

    /// Keeps the first rows and says how many are not shown.
    pub fn top(mut self, top: usize, what: &str, remedy: &str) -> Self {
        let all = self.rows.len();
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
