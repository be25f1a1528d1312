//! A Parquet file of the rows, for whatever comes next: integers in
//! nanoseconds, times as UTC microseconds, text as it stands in the capture.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use crate::answer::Report;
use crate::answer::{AnswerTable, Cell, Kind};

/// Only the first answer: a file holds one table.
pub(super) fn render(report: &Report<'_>) -> Result<Vec<u8>, ParquetError> {
    let Some(section) = report.sections.first() else {
        return Ok(Vec::new());
    };
    let table = &section.table;
    let columns = table
        .columns
        .iter()
        .enumerate()
        .filter(|(_, column)| column.kind != Kind::Bar)
        .map(|(index, column)| (column.name.as_str(), array(table, index), true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties))?;
    writer.write(&batch)?;
    writer.close()?;
    Ok(bytes)
}

fn array(table: &AnswerTable, index: usize) -> ArrayRef {
    let cells = || table.rows.iter().map(move |row| &row[index]);
    let integers = || {
        cells().map(|cell| match cell {
            Cell::Integer(value) => Some(*value),
            _ => None,
        })
    };
    match table.columns[index].kind {
        Kind::Time(_) => {
            Arc::new(TimestampMicrosecondArray::from_iter(integers()).with_timezone("UTC"))
        }
        Kind::Ratio | Kind::Rate | Kind::Bar => {
            Arc::new(Float64Array::from_iter(cells().map(|cell| match cell {
                Cell::Ratio(ratio) => Some(*ratio),
                _ => None,
            })))
        }
        Kind::Name if cells().any(|cell| matches!(cell, Cell::Text(_))) => {
            Arc::new(StringArray::from_iter(cells().map(|cell| match cell {
                Cell::Text(text) => Some(text.clone()),
                Cell::Integer(value) => Some(value.to_string()),
                _ => None,
            })))
        }
        _ => Arc::new(Int64Array::from_iter(integers())),
    }
}
