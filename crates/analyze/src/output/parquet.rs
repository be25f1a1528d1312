//! A Parquet file of the rows, for whatever comes next: integers in
//! nanoseconds, times as UTC microseconds, text as it stands in the capture.

use std::io::Write;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use super::sink::RenderError;
use crate::answer::{Cell, Column, Kind, Report, Rows};

/// Rows that become columns at a time, unless all are at hand.
const PART: usize = 1 << 14;

/// Only the first answer: a file holds one table.
pub(super) fn render(
    report: &Report<'_>,
    out: &mut (impl Write + Send),
) -> Result<(), RenderError> {
    let Some(section) = report.sections.first() else {
        return Ok(());
    };
    let table = &section.table;
    let columns: Vec<(usize, &Column)> =
        table.columns.iter().enumerate().filter(|(_, column)| column.kind != Kind::Bar).collect();
    let of_text: Vec<bool> =
        (0..table.columns.len()).map(|index| table.rows.is_text(index)).collect();
    let batch = |rows: &[Vec<Cell>]| {
        let arrays = columns.iter().map(|(index, column)| {
            let array = array(rows, *index, column.kind, of_text[*index]);
            (column.name.as_str(), array, true)
        });
        RecordBatch::try_from_iter_with_nullable(arrays)
    };
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .build();
    let schema = batch(&[]).map_err(ParquetError::from)?.schema();
    let mut writer = ArrowWriter::try_new(out, schema, Some(properties))?;
    let most = match &table.rows {
        Rows::All(rows) => rows.len().max(1),
        Rows::Read(_) => PART,
    };
    let mut part: Vec<Vec<Cell>> = Vec::new();
    for row in table.rows.each() {
        part.push(row?.into_owned());
        if part.len() == most {
            writer.write(&batch(&part).map_err(ParquetError::from)?)?;
            part.clear();
        }
    }
    if !part.is_empty() {
        writer.write(&batch(&part).map_err(ParquetError::from)?)?;
    }
    writer.close()?;
    Ok(())
}

fn array(rows: &[Vec<Cell>], index: usize, kind: Kind, of_text: bool) -> ArrayRef {
    let cells = || rows.iter().map(move |row| &row[index]);
    let integers = || {
        cells().map(|cell| match cell {
            Cell::Integer(value) => Some(*value),
            _ => None,
        })
    };
    match kind {
        Kind::Time(_) => {
            Arc::new(TimestampMicrosecondArray::from_iter(integers()).with_timezone("UTC"))
        }
        Kind::Ratio | Kind::Rate | Kind::Bar => {
            Arc::new(Float64Array::from_iter(cells().map(|cell| match cell {
                Cell::Ratio(ratio) => Some(*ratio),
                _ => None,
            })))
        }
        Kind::Name if of_text => Arc::new(StringArray::from_iter(cells().map(|cell| match cell {
            Cell::Text(text) => Some(text.clone()),
            Cell::Integer(value) => Some(value.to_string()),
            _ => None,
        }))),
        _ => Arc::new(Int64Array::from_iter(integers())),
    }
}
