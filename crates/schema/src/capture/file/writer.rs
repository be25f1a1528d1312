//! Writes captures: row groups follow each other in time and are sorted inside.

use std::io::Write;
use std::sync::Arc;

use arrow::array::Array;
use arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, take_record_batch};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::capture::metadata::{CaptureInfo, MetadataError};
use crate::capture::{columns, footer};

/// Rows of a row group: 10k cost 4 % more bytes, 1M cost 18 MB of memory for nothing.
pub const ROW_GROUP_ROWS: usize = 100_000;
/// A row group ends early at this many bytes in memory: rows of the recorder's
/// take a tenth of it, those of a forged journal may be as long as they like.
const ROW_GROUP_BYTES: usize = 256 << 20;

/// Batches that are kept apart: each takes some kB beside its rows, and those of a
/// recorder that sees little have one row each.
const APART: usize = 500;

/// Why a capture cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Rows cannot be encoded, or the output not be written.
    #[error(transparent)]
    Encode(#[from] ParquetError),
    /// Rows are not those of a capture, or cannot be sorted.
    #[error(transparent)]
    Rows(#[from] ArrowError),
    /// The metadata does not fit.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The output cannot be written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// How a capture is written; the defaults are those of `record`.
#[derive(Debug, Clone)]
pub struct WriterOptions {
    /// Name and version of the program.
    pub created_by: String,
    /// Rows of a row group.
    pub row_group_rows: usize,
    /// zstd level of every column.
    pub zstd_level: i32,
}

impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            created_by: concat!("connlat ", env!("CARGO_PKG_VERSION")).to_owned(),
            row_group_rows: ROW_GROUP_ROWS,
            zstd_level: 3,
        }
    }
}

/// Writes rows and, at the end, the metadata. It holds one row group in memory.
pub struct CaptureWriter<W: Write + Send> {
    writer: ArrowWriter<W>,
    row_group_rows: usize,
    pending: Vec<RecordBatch>,
    /// Of them those that were made of many.
    joined: usize,
    pending_rows: usize,
    pending_bytes: usize,
    rows: u64,
}

impl<W: Write + Send> CaptureWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// [`WriteError::Encode`].
    pub fn create(out: W, options: &WriterOptions) -> Result<Self, WriteError> {
        let arrow_options = ArrowWriterOptions::new()
            .with_properties(properties(options)?)
            // Plain Parquet types say it all; Arrow's own copy would be 1.5 kB a file.
            .with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(out, columns::schema(), arrow_options)?;
        let row_group_rows = options.row_group_rows.max(1);
        let (pending, joined, pending_rows, pending_bytes, rows) = Default::default();
        Ok(Self { writer, row_group_rows, pending, joined, pending_rows, pending_bytes, rows })
    }

    /// Adds rows, batches of [`columns::schema`] in the order of time. A batch
    /// is never divided: a row group ends after the one that fills it.
    ///
    /// # Errors
    /// Any [`WriteError`].
    pub fn write(&mut self, batch: RecordBatch) -> Result<(), WriteError> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        self.pending_rows += batch.num_rows();
        for column in batch.columns() {
            self.pending_bytes += column.to_data().get_slice_memory_size()?;
        }
        self.pending.push(batch);
        if self.pending_rows >= self.row_group_rows || self.pending_bytes >= ROW_GROUP_BYTES {
            self.write_row_group()?;
        } else if self.pending.len() - self.joined >= APART {
            self.join()?;
        }
        Ok(())
    }

    /// Makes one batch of those that came since last time.
    fn join(&mut self) -> Result<(), WriteError> {
        let apart = self.pending.split_off(self.joined);
        self.pending.push(concat_batches(&columns::schema(), apart.iter())?);
        self.joined = self.pending.len();
        Ok(())
    }

    /// Ends the row group that is being filled, for whoever knows better where.
    ///
    /// # Errors
    /// Any [`WriteError`].
    pub fn end_row_group(&mut self) -> Result<(), WriteError> {
        self.write_row_group()
    }

    /// Writes what is left and the metadata, in which the number of rows and
    /// their order are filled in; hands back the output, flushed, and the number
    /// of rows.
    ///
    /// # Errors
    /// Any [`WriteError`].
    pub fn finish(mut self, mut info: CaptureInfo) -> Result<(W, u64), WriteError> {
        self.write_row_group()?;
        info.counters.written = self.rows;
        info.row_group_sort = columns::ROW_GROUP_SORT.map(str::to_owned).into();
        for (key, value) in footer::pairs(&info)? {
            self.writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
        }
        let mut out = self.writer.into_inner()?;
        out.flush()?;
        Ok((out, self.rows))
    }

    /// Writes what is pending as one sorted row group.
    fn write_row_group(&mut self) -> Result<(), WriteError> {
        let rows = concat_batches(&columns::schema(), self.pending.iter())?;
        self.pending.clear();
        (self.joined, self.pending_rows, self.pending_bytes) = (0, 0, 0);
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let sort_columns: Vec<SortColumn> = columns::ROW_GROUP_SORT
            .iter()
            .map(|name| SortColumn { values: Arc::clone(&rows[*name]), options: None })
            .collect();
        let order = lexsort_to_indices(&sort_columns, None)?;
        self.writer.write(&take_record_batch(&rows, &order)?)?;
        self.writer.flush()?;
        self.rows += rows.num_rows() as u64;
        Ok(())
    }
}

fn properties(options: &WriterOptions) -> Result<WriterProperties, WriteError> {
    let path = |name: &str| ColumnPath::new(vec![name.to_owned()]);
    let sorting = columns::ROW_GROUP_SORT
        .iter()
        .map(|name| {
            let index = columns::schema().index_of(name)?;
            Ok(SortingColumn { column_idx: index as i32, descending: false, nulls_first: false })
        })
        .collect::<Result<Vec<_>, ArrowError>>()?;
    let mut builder = WriterProperties::builder()
        .set_created_by(options.created_by.clone())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(options.zstd_level)?))
        // Row groups are cut above, by time, not by the writer.
        .set_max_row_group_row_count(None)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_sorting_columns(Some(sorting));
    for name in [
        columns::TIME,
        columns::START_NS,
        columns::LATENCY_NS,
        columns::RTT_US,
        columns::SRC_PORT,
        columns::DST_PORT,
    ] {
        builder = builder
            .set_column_dictionary_enabled(path(name), false)
            .set_column_encoding(path(name), Encoding::DELTA_BINARY_PACKED);
    }
    Ok(builder.build())
}
