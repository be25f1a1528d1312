//! A header and one line per row, for spreadsheets and scripts: integers in
//! nanoseconds, an empty cell for what there is none of.

use std::io::Write;

use super::sink::RenderError;
use crate::answer::Report;
use crate::answer::{Cell, Kind};
use crate::escape;
use crate::units;

/// Only the first answer: a file of several tables is not CSV.
pub(super) fn render(report: &Report<'_>, out: &mut dyn Write) -> Result<(), RenderError> {
    let Some(section) = report.sections.first() else {
        return Ok(());
    };
    let table = &section.table;
    let mut writer = csv::Writer::from_writer(out);
    let written = || table.columns.iter().filter(|column| column.kind != Kind::Bar);
    writer.write_record(written().map(|column| escape::csv(&column.name)))?;
    for row in table.rows.each() {
        let row = row?;
        let cells = row.iter().zip(&table.columns);
        let cells = cells.filter(|(_, column)| column.kind != Kind::Bar);
        writer.write_record(cells.map(|(cell, column)| field(cell, column.kind)))?;
    }
    Ok(writer.flush()?)
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
