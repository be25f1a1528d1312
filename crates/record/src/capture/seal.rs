//! A journal becomes a Parquet file: streamed in bounded memory, through a
//! temporary file, and the journal goes last.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::compute::{SortColumn, concat_batches, lexsort_to_indices, take_record_batch};
use arrow::error::ArrowError;
use arrow::record_batch::RecordBatch;
use connlat_schema::capture::journal::{JournalEnd, JournalError, JournalReader};
use connlat_schema::capture::metadata::{CaptureInfo, MetadataError};
use connlat_schema::capture::{FORMAT_VERSION, KEY_CAPTURE, KEY_FORMAT_VERSION, columns};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::{KeyValue, SortingColumn};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::output::Output;

/// Rows of a row group: 10k cost 4 % more bytes, 1M cost 18 MB of memory for nothing.
pub const DEFAULT_ROW_GROUP_ROWS: usize = 100_000;
/// zstd level of every column.
pub const DEFAULT_ZSTD_LEVEL: i32 = 3;

/// Why a journal could not be sealed; it stays where it is.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The journal cannot be read.
    #[error("cannot read {}", path.display())]
    Journal {
        /// The journal.
        path: PathBuf,
        /// What is wrong with it.
        source: JournalError,
    },
    /// The capture cannot be written.
    #[error("cannot write {}; what was recorded is kept in its journal", path.display())]
    Write {
        /// The file being written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The capture appeared while it was being recorded.
    #[error(
        "{} appeared during the recording and is not replaced; what was recorded is kept in {}",
        capture.display(), journal.display()
    )]
    Appeared {
        /// The file in the way.
        capture: PathBuf,
        /// Where the data is.
        journal: PathBuf,
    },
    /// Rows cannot be encoded.
    #[error(transparent)]
    Encode(#[from] ParquetError),
    /// Rows cannot be sorted.
    #[error(transparent)]
    Rows(#[from] ArrowError),
    /// The metadata does not fit.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
}

/// What sealing produced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// Rows in the capture.
    pub rows: u64,
    /// Size of the capture, bytes.
    pub bytes: u64,
    /// How the journal ended.
    pub end: JournalEnd,
}

/// Turns the journal of `output` into its capture and removes it.
///
/// `finish` gets the metadata the journal carries and makes it final; the
/// number of rows is filled in here.
///
/// # Errors
/// Any [`SealError`]; the journal is then untouched, and no file with the
/// capture's name has appeared.
pub fn seal(
    journal: &File,
    output: &Output,
    finish: impl FnOnce(CaptureInfo) -> CaptureInfo,
) -> Result<Sealed, SealError> {
    let sealed = write_capture(journal, output, finish)?;
    output
        .remove_journal(journal)
        .and_then(|()| output.sync_directory())
        // A journal whose directory was removed is gone already.
        .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
        .map_err(|source| SealError::Write { path: output.shown_journal(), source })?;
    Ok(sealed)
}

/// Writes what is in a journal now as a capture; the journal stays.
///
/// # Errors
/// Any [`SealError`]; no file with the capture's name has appeared then.
pub fn write_capture(
    journal: &File,
    output: &Output,
    finish: impl FnOnce(CaptureInfo) -> CaptureInfo,
) -> Result<Sealed, SealError> {
    let write_error = |source| SealError::Write { path: output.shown(), source };
    let file = output.create_temporary().map_err(write_error)?;
    let result = write_parquet(journal, &file, output, finish).and_then(|sealed| {
        file.sync_all().map_err(write_error)?;
        let bytes = file.metadata().map_err(write_error)?.len();
        output.publish(&file).map_err(|source| match source.kind() {
            // Looked at when the recording began, but much may have happened.
            io::ErrorKind::AlreadyExists => {
                SealError::Appeared { capture: output.shown(), journal: output.shown_journal() }
            }
            _ => write_error(source),
        })?;
        Ok(Sealed { bytes, ..sealed })
    });
    if result.is_err() {
        output.remove_temporary(&file);
    }
    result
}

fn write_parquet(
    journal: &File,
    file: &File,
    output: &Output,
    finish: impl FnOnce(CaptureInfo) -> CaptureInfo,
) -> Result<Sealed, SealError> {
    let journal_error = |source| SealError::Journal { path: output.shown_journal(), source };
    let mut reader = read_journal(journal).map_err(journal_error)?;
    let options = ArrowWriterOptions::new()
        .with_properties(properties()?)
        // Plain Parquet types say it all; Arrow's own copy would be 1.5 kB a file.
        .with_skip_arrow_metadata(true);
    let out = BufWriter::new(file);
    let mut writer = ArrowWriter::try_new_with_options(out, columns::schema(), options)?;
    let mut rows = 0;
    let mut pending: Vec<RecordBatch> = Vec::new();
    let mut pending_rows = 0;
    while let Some(batch) = reader.next_batch().map_err(journal_error)? {
        pending_rows += batch.num_rows();
        pending.push(batch);
        if pending_rows >= DEFAULT_ROW_GROUP_ROWS {
            rows += write_row_group(&mut writer, &mut pending)?;
            pending_rows = 0;
        }
    }
    rows += write_row_group(&mut writer, &mut pending)?;

    let mut info = finish(reader.info());
    info.counters.written = rows;
    info.row_group_sort = columns::ROW_GROUP_SORT.map(str::to_owned).into();
    for (key, value) in
        [(KEY_FORMAT_VERSION, FORMAT_VERSION.to_string()), (KEY_CAPTURE, info.to_json()?)]
    {
        writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
    }
    writer.finish()?;
    writer
        .inner_mut()
        .flush()
        .map_err(|source| SealError::Write { path: output.shown(), source })?;
    Ok(Sealed { rows, bytes: 0, end: reader.end().unwrap_or(JournalEnd::Damaged) })
}

/// Reads a journal from its beginning, wherever its writer stands.
pub(super) fn read_journal(
    journal: &File,
) -> Result<JournalReader<BufReader<PositionedFile<'_>>>, JournalError> {
    JournalReader::open(BufReader::new(PositionedFile::new(journal, 0)))
}

/// Reads with pread(2): the descriptor may be the one still being appended to.
pub(super) struct PositionedFile<'a> {
    file: &'a File,
    position: u64,
}

impl<'a> PositionedFile<'a> {
    /// Begins at a position.
    pub(super) fn new(file: &'a File, position: u64) -> Self {
        Self { file, position }
    }
}

impl io::Read for PositionedFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

/// Writes what is pending as one sorted row group; returns its rows.
fn write_row_group<W: Write + Send>(
    writer: &mut ArrowWriter<W>,
    pending: &mut Vec<RecordBatch>,
) -> Result<u64, SealError> {
    let rows = concat_batches(&columns::schema(), pending.iter())?;
    pending.clear();
    if rows.num_rows() == 0 {
        return Ok(0);
    }
    let sort_columns: Vec<SortColumn> = columns::ROW_GROUP_SORT
        .iter()
        .map(|name| SortColumn { values: Arc::clone(&rows[*name]), options: None })
        .collect();
    let order = lexsort_to_indices(&sort_columns, None)?;
    writer.write(&take_record_batch(&rows, &order)?)?;
    writer.flush()?;
    Ok(rows.num_rows() as u64)
}

fn properties() -> Result<WriterProperties, ParquetError> {
    let path = |name: &str| ColumnPath::new(vec![name.to_owned()]);
    let sorting = columns::ROW_GROUP_SORT
        .iter()
        .map(|name| {
            let index = columns::schema().index_of(name)?;
            Ok(SortingColumn { column_idx: index as i32, descending: false, nulls_first: false })
        })
        .collect::<Result<Vec<_>, ArrowError>>()?;
    let mut builder = WriterProperties::builder()
        .set_created_by(format!("connlat record {}", env!("CARGO_PKG_VERSION")))
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(DEFAULT_ZSTD_LEVEL)?))
        // Row groups are cut here, by time, not by the writer.
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

#[cfg(test)]
pub(super) mod tests;
