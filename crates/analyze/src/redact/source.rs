//! The rows of a capture, row group by row group, in bounded memory.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StringArray};
use arrow::datatypes::Int32Type;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::capture::{Capture, Problem, SharedFile, Statistics};
use crate::scan::{ColumnSet, Room, check_memory};
use crate::{guard, units};

/// Rows of a batch. Texts are held in full while they are written.
const BATCH: usize = 8_192;
/// Longest text, bytes. Paths of cgroups have 4,096 at most.
const LONGEST_TEXT: usize = 8_192;

/// Hands over the rows of a row group: texts as dictionaries, columns by name.
///
/// # Errors
/// [`Problem`] when they cannot be read, and whatever `take` returns.
pub fn read<E: From<Problem>>(
    capture: &Capture,
    group: usize,
    (columns, room): (&ColumnSet, &Room),
    take: &mut dyn FnMut(&RecordBatch) -> Result<(), E>,
) -> Result<(), E> {
    let mut statistics = Statistics::of(&capture.file.row_groups()[group]);
    let mut reading = |file: &SharedFile| -> Result<(), E> {
        let metadata = capture.file.metadata(file)?;
        check_memory(file, metadata.metadata().row_group(group), columns, room)?;
        let mask = ProjectionMask::columns(metadata.parquet_schema(), columns.iter().copied());
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(file.clone(), metadata)
            .with_projection(mask)
            .with_row_groups(vec![group])
            .with_batch_size(BATCH)
            .build()
            .map_err(Problem::damaged)?;
        for batch in reader {
            let batch = batch.map_err(Problem::damaged)?;
            statistics.check(&batch)?;
            take(&batch)?;
        }
        Ok(())
    };
    let read = capture.file.read(|file| guard::caught(|| reading(file)))?;
    read.unwrap_or_else(|panic| Err(Problem::damaged(panic).into()))
}

/// A text column as its dictionary and the place of each row in it.
pub struct Texts<'a> {
    array: &'a ArrayRef,
    /// Places in the dictionary.
    pub keys: &'a [i32],
    values: &'a StringArray,
}

impl<'a> Texts<'a> {
    /// The column of a batch.
    ///
    /// # Errors
    /// [`Problem`] when it is missing, has nulls, or texts longer than any.
    pub fn of(batch: &'a RecordBatch, name: &'static str) -> Result<Self, Problem> {
        let column = batch.column_by_name(name).ok_or(Problem::ColumnMissing(name))?;
        let dictionary = column.as_dictionary_opt::<Int32Type>();
        let dictionary = dictionary.filter(|dictionary| dictionary.null_count() == 0);
        let dictionary = dictionary.ok_or(Problem::ColumnMissing(name))?;
        let values: Option<&StringArray> = dictionary.values().as_string_opt();
        let values = values.ok_or(Problem::ColumnMissing(name))?;
        let lengths = values.value_offsets().windows(2).map(|pair| pair[1] - pair[0]);
        let longest = lengths.max().map_or(0, |longest| longest.unsigned_abs() as usize);
        if longest > LONGEST_TEXT {
            let longest = units::bytes(longest as u64);
            return Err(Problem::damaged(format!("a name of {longest}, longer than any")));
        }
        Ok(Self { array: dictionary.values(), keys: dictionary.keys().values(), values })
    }

    /// Whether the dictionary is another than last time: that of a row group is
    /// the same for all its batches.
    pub fn is_new(&self, last: &mut Option<ArrayRef>) -> bool {
        let known = last.as_ref().is_some_and(|last| Arc::ptr_eq(last, self.array));
        if !known {
            *last = Some(Arc::clone(self.array));
        }
        !known
    }

    /// The texts of the dictionary.
    pub fn all(&self) -> impl Iterator<Item = &str> {
        self.values.iter().flatten()
    }
}
