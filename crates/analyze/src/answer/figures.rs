//! Answers made of [`Figures`]: grouped, and over time.

use connlat_schema::capture::columns::{LATENCY_NS, TIME};

use super::{AnswerTable, Cell, Column, Kind};
use crate::stats::{Figures, Key, Measure, Row};
use crate::units;

/// A column of keys.
pub fn key_column(name: &str) -> Column {
    let kind = match name {
        TIME => Kind::Time(6),
        LATENCY_NS => Kind::Duration,
        _ => Kind::Name,
    };
    Column::new(name, name, kind, 0)
}

/// The columns every grouped answer ends with.
fn figure_columns(measure: &Measure) -> Vec<Column> {
    let mut columns = vec![
        Column::new("connects", "connects", Kind::Count, 0),
        Column::new("established", "estab", Kind::Count, 9),
        Column::new("failed", "failed", Kind::Count, 4),
        Column::new("failure_rate", "failed%", Kind::Ratio, 1),
    ];
    for percentile in &measure.percentiles {
        let detail = match percentile.name.as_str() {
            "p99" => 0,
            "p50" => 1,
            "p90" => 7,
            "p95" => 6,
            _ => 5,
        };
        let (name, column) = (&percentile.name, &percentile.column);
        columns.push(Column::new(column, name, Kind::Duration, detail));
        if measure.intervals.is_some() {
            for end in ["low", "high"] {
                let column = format!("{name}_{end}_ns");
                columns.push(Column::new(
                    &column,
                    &format!("{name} {end}"),
                    Kind::Duration,
                    detail,
                ));
            }
        }
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
    let latency = |value: Option<i64>| Cell::latency(value, figures.samples);
    for (index, value) in figures.percentiles.iter().enumerate() {
        cells.push(latency(*value));
        if let Some(interval) = figures.intervals.get(index) {
            let (low, high) = interval.unzip();
            cells.extend([low, high].map(latency));
        }
    }
    cells.extend([
        figures.max.into(),
        figures.mean.into(),
        Cell::Integer(figures.syn_retransmits),
        Cell::Integer(figures.samples),
    ]);
    cells
}

impl AnswerTable<'_> {
    /// A grouped answer.
    pub fn grouped(by: &[String], rows: Vec<Row>, measure: &Measure) -> Self {
        let mut columns: Vec<_> = by.iter().map(|by| key_column(by)).collect();
        columns.extend(figure_columns(measure));
        let rows = rows.into_iter().map(|row| {
            let figures = figure_cells(&row.figures);
            row.keys.into_iter().map(Cell::from).chain(figures).collect()
        });
        let rows = rows.collect();
        Self::of(columns, rows)
    }

    /// Figures by the start of an interval of so many µs, then by keys.
    pub fn timeseries(
        by: &[String],
        every: i64,
        buckets: &[(i64, Vec<Key>, Figures)],
        measure: &Measure,
    ) -> Self {
        let decimals = units::decimals_for(every);
        let mut columns = vec![Column::new("time", "time (UTC)", Kind::Time(decimals), 0)];
        columns.extend(by.iter().map(|by| key_column(by)));
        columns.extend(figure_columns(measure));
        let rows = buckets.iter().map(|(start, keys, figures)| {
            let mut cells = vec![Cell::Integer(*start)];
            cells.extend(keys.iter().cloned().map(Cell::from));
            cells.extend(figure_cells(figures));
            cells
        });
        let rows = rows.collect();
        Self { every: Some(every), ..Self::of(columns, rows) }
    }
}
