//! A header and one line per row, for spreadsheets and scripts: integers in
//! nanoseconds, an empty cell for what there is none of.

use crate::answer::Report;
use crate::answer::{Cell, Kind};
use crate::escape;
use crate::units;

/// Only the first answer: a file of several tables is not CSV.
pub(super) fn render(report: &Report<'_>) -> String {
    let Some(section) = report.sections.first() else {
        return String::new();
    };
    let table = &section.table;
    let mut writer = csv::Writer::from_writer(Vec::new());
    let written = || table.columns.iter().filter(|column| column.kind != Kind::Bar);
    let header = written().map(|column| escape::csv(&column.name));
    // Writing to memory fails only if rows differ in length, which the header
    // and rows of one table do not.
    let _ = writer.write_record(header);
    for row in &table.rows {
        let cells = row.iter().zip(&table.columns);
        let cells = cells.filter(|(_, column)| column.kind != Kind::Bar);
        let _ = writer.write_record(cells.map(|(cell, column)| field(cell, column.kind)));
    }
    let bytes = writer.into_inner().unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
}

fn field(cell: &Cell, kind: Kind) -> String {
    match (cell, kind) {
        (Cell::Null | Cell::TooSmall, _) => String::new(),
        (Cell::Text(text), _) => escape::csv(text),
        (Cell::Ratio(ratio), _) => ratio.to_string(),
        (Cell::Integer(value), Kind::Time(decimals)) => units::rfc3339(*value, decimals),
        (Cell::Integer(value), _) => value.to_string(),
    }
}
