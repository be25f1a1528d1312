//! Row groups of captures, read one at a time.

use std::sync::Arc;

use arrow::compute::cast;
use arrow::record_batch::RecordBatch;
use connlat_schema::capture::columns::{NAMES, START_NS, schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::MergeError;
use crate::capture::{Capture, Problem, RowGroup, SharedFile, Statistics};
use crate::guard;
use crate::scan::{BATCH, ColumnSet, Footers, Room, check_memory};

/// The row groups of all captures.
pub(super) struct Input<'a> {
    captures: &'a [Capture],
    /// The capture and the row group in it.
    groups: Vec<(usize, usize)>,
    footers: Footers,
    room: Room,
}

impl<'a> Input<'a> {
    pub(super) fn of(captures: &'a [Capture], room: Room) -> Self {
        let groups = captures.iter().enumerate().flat_map(|(place, capture)| {
            (0..capture.file.row_groups().len()).map(move |group| (place, group))
        });
        Self { captures, groups: groups.collect(), footers: Footers::default(), room }
    }

    fn group(&self, part: usize) -> &RowGroup {
        let (capture, group) = self.groups[part];
        &self.captures[capture].file.row_groups()[group]
    }

    /// Each row group, and the smallest `start_ns` it can hold.
    pub(super) fn parts(&self) -> impl Iterator<Item = (usize, i64)> + '_ {
        (0..self.groups.len()).map(|part| {
            let first = self.group(part).integers(START_NS).map(|(first, _)| first);
            (part, first.unwrap_or(i64::MIN))
        })
    }

    /// Rows and bytes of a part.
    pub(super) fn size(&self, part: usize) -> (u64, u64) {
        let group = self.group(part);
        (group.rows, group.bytes)
    }

    /// Those of all parts.
    pub(super) fn sizes(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        (0..self.groups.len()).map(|part| self.size(part))
    }

    /// Reads a row group, batches of [`schema`].
    ///
    /// # Errors
    /// [`MergeError`] when it is damaged, or what `take` says.
    pub(super) fn read(
        &self,
        part: usize,
        take: &mut dyn FnMut(RecordBatch) -> Result<(), MergeError>,
    ) -> Result<(), MergeError> {
        let capture = &self.captures[self.groups[part].0];
        let failed = |problem: Problem| MergeError::from(problem.of(&capture.path));
        let read = |file: &SharedFile| guard::caught(|| self.read_group(part, file, take));
        let read = capture.file.read(read).map_err(failed)?;
        read.unwrap_or_else(|panic| Err(failed(Problem::damaged(panic))))
    }

    fn read_group(
        &self,
        part: usize,
        file: &SharedFile,
        take: &mut dyn FnMut(RecordBatch) -> Result<(), MergeError>,
    ) -> Result<(), MergeError> {
        let (place, group) = self.groups[part];
        let capture = &self.captures[place];
        let failed = |problem: Problem| MergeError::from(problem.of(&capture.path));
        let damaged = |reason: &dyn std::fmt::Display| failed(Problem::damaged(reason));
        let expected = self.group(part).rows;
        let metadata = self.footers.get(place, capture, file).map_err(failed)?;
        let all: ColumnSet = NAMES.into();
        let group_of_file = metadata.metadata().row_group(group);
        check_memory(file, group_of_file, &all, &self.room).map_err(failed)?;
        let mask = ProjectionMask::columns(metadata.parquet_schema(), NAMES);
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), metadata)
            .with_projection(mask)
            .with_row_groups(vec![group])
            .with_batch_size(BATCH)
            .build()
            .map_err(|error| damaged(&error))?;
        let (mut read, mut statistics) = (0, Statistics::of(self.group(part)));
        for record in reader {
            let record = record.map_err(|error| damaged(&error))?;
            read += record.num_rows() as u64;
            statistics.check(&record).map_err(failed)?;
            take(plain(&record).map_err(|error| damaged(&error))?)?;
        }
        match read == expected {
            true => Ok(()),
            false => Err(damaged(&"a row group holds another number of rows than its footer says")),
        }
    }
}

/// The columns in their order, texts without dictionaries.
fn plain(record: &RecordBatch) -> Result<RecordBatch, arrow::error::ArrowError> {
    let schema = schema();
    let columns = schema.fields().iter().map(|field| {
        let column = record.column(record.schema_ref().index_of(field.name())?);
        match column.data_type() == field.data_type() {
            true => Ok(Arc::clone(column)),
            false => cast(column, field.data_type()),
        }
    });
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    RecordBatch::try_new(schema, columns)
}
