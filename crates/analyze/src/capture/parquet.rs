//! Sealed captures: everything that can be said about a Parquet file from its
//! footer is checked here, before a row is read.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::datatypes::{FieldRef, Schema};
use connlat_schema::capture::columns::NAMES;
use connlat_schema::capture::file::{ColumnProblem, capture_info, check_columns};
use connlat_schema::capture::footer::FooterError;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::parquet_to_arrow_schema;
use parquet::basic::Compression;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::reader::Length;

use super::error::Problem;
use super::shared_file::{SharedFile, Stamp};
use super::{Capture, RowGroup, columns, limits, row_group, shared_file};
use crate::guard;

/// Opens a sealed capture, and keeps it open if asked to: then it can be read
/// even if a flight recorder deletes it meanwhile. `head` are its first bytes.
///
/// # Errors
/// [`Problem`] when it is no capture, or its footer contradicts itself.
pub(super) fn open(
    path: &Path,
    (file, head): (File, &[u8]),
    keep_open: bool,
    kept: &Kept,
) -> Result<Capture, Problem> {
    // Tells apart what is not Parquet at all and what was cut off.
    if !limits::MAGIC.starts_with(head) {
        return Err(Problem::NotParquet);
    }
    // Holes in a file hold no rows.
    let held = limits::bytes_held(&file, file.metadata()?.len());
    let file = SharedFile::new(file)?;
    let place = match keep_open {
        true => Place::Open(file.clone()),
        false => Place::Named(std::path::absolute(path)?, file.stamp()),
    };
    capture(path, (file, held), place, kept)
}

/// A sealed capture that lies in a temporary file; `path` is its name in messages.
///
/// # Errors
/// As [`open`].
pub(super) fn open_copy(path: &Path, file: SharedFile, kept: &Kept) -> Result<Capture, Problem> {
    let held = file.len();
    capture(path, (file.clone(), held), Place::Open(file), kept)
}

fn capture(
    path: &Path,
    (file, held): (SharedFile, u64),
    place: Place,
    kept: &Kept,
) -> Result<Capture, Problem> {
    let bytes = file.len();
    let footer = footer(&file)?;
    let info = capture_info(&footer)?;
    let rows = check(&footer, bytes)?;
    let beyond = limits::rows_beyond(rows, held);
    check_compression(&footer)?;
    let file = ValidFile::of(place, footer, kept)?;
    let (path, journal) = (path.to_owned(), None);
    Ok(Capture { path, bytes, rows, beyond, info, argument: 0, journal, file })
}

/// Whether the footer is that of a capture; returns the number of rows.
fn check(footer: &ParquetMetaData, bytes: u64) -> Result<u64, Problem> {
    check_columns(footer.file_metadata().schema_descr())?;
    guard::caught(|| check_extent(footer, bytes)).map_err(Problem::damaged)?
}

impl From<FooterError> for Problem {
    fn from(error: FooterError) -> Self {
        match error {
            FooterError::NotACapture => Self::NotACapture,
            FooterError::Newer(version) => Self::Newer(version),
            FooterError::Metadata(error) => error.into(),
            FooterError::VersionNotANumber => Self::Metadata(error.to_string()),
        }
    }
}

impl From<ColumnProblem> for Problem {
    fn from(problem: ColumnProblem) -> Self {
        match problem {
            ColumnProblem::Missing(column) => Self::ColumnMissing(column),
            ColumnProblem::Type { column, found, expected } => {
                let found = crate::escape::terminal(&found);
                Self::ColumnType { column, found, expected }
            }
        }
    }
}

/// Checks that the footer's counts agree with each other and with the file's
/// size; returns the number of rows.
fn check_extent(footer: &ParquetMetaData, bytes: u64) -> Result<u64, Problem> {
    let lie = |what: &str| Problem::damaged(format!("footer: {what}"));
    let rows = u64::try_from(footer.file_metadata().num_rows())
        .map_err(|_| lie("negative number of rows"))?;
    let mut counted: u64 = 0;
    let mut places = Vec::new();
    for group in footer.row_groups() {
        let group_rows =
            u64::try_from(group.num_rows()).map_err(|_| lie("negative number of rows"))?;
        counted = counted.checked_add(group_rows).ok_or_else(|| lie("number of rows overflows"))?;
        check_chunks(group, bytes, &mut places).map_err(lie)?;
    }
    if counted != rows {
        return Err(lie("row groups do not add up to the number of rows"));
    }
    // Columns that share their bytes would make rows out of nothing.
    places.sort_unstable();
    if places.windows(2).any(|pair| pair[0].1 > pair[1].0) {
        return Err(lie("columns lie on top of each other"));
    }
    Ok(rows)
}

/// Every column is compressed as `record` does, or not at all.
fn check_compression(footer: &ParquetMetaData) -> Result<(), Problem> {
    let chunks = footer.row_groups().iter().flat_map(RowGroupMetaData::columns);
    let other =
        |compression| !matches!(compression, Compression::UNCOMPRESSED | Compression::ZSTD(_));
    match chunks.map(|chunk| chunk.compression()).find(|compression| other(*compression)) {
        None => Ok(()),
        Some(compression) => {
            // Its name alone, without a level.
            let name = compression.to_string().to_lowercase();
            let name = name.split('(').next().unwrap_or_default().to_owned();
            Err(Problem::Compression(name))
        }
    }
}

/// Every column chunk lies inside the file and has as many values as rows; adds where
/// each begins and ends.
fn check_chunks(
    group: &RowGroupMetaData,
    bytes: u64,
    places: &mut Vec<(u64, u64)>,
) -> Result<(), &'static str> {
    for chunk in group.columns() {
        if chunk.num_values() != group.num_rows() {
            return Err("a column is shorter or longer than its row group");
        }
        let start = chunk
            .dictionary_page_offset()
            .map_or(chunk.data_page_offset(), |offset| offset.min(chunk.data_page_offset()));
        let place = (u64::try_from(start), u64::try_from(chunk.compressed_size()));
        let (Ok(start), Ok(length)) = place else { return Err("a column lies outside the file") };
        match start.checked_add(length).filter(|end| *end <= bytes) {
            Some(end) if end > start => places.push((start, end)),
            Some(_) => {}
            None => return Err("a column lies outside the file"),
        }
    }
    Ok(())
}

/// Bytes of footers that are kept.
#[derive(Default)]
pub(super) struct Kept(AtomicUsize);

impl Kept {
    /// Most of them: those of a thousand segments.
    const BYTES: usize = 32 << 20;

    /// Whether a footer of so many bytes is kept.
    fn keeps(&self, bytes: usize) -> bool {
        self.0.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) <= Self::BYTES
    }
}

/// A validated file as the scan is going to read it.
pub struct ValidFile {
    place: Place,
    groups: Box<[RowGroup]>,
    /// A column that the format did not have when this was written.
    further: Option<String>,
    /// None if the footer is read again: those of many files fill the memory.
    metadata: Option<ArrowReaderMetadata>,
}

/// Where the rows are.
enum Place {
    /// Opened for each row group: there may be more files than can be open. It is to be
    /// the file that was checked, as it was then.
    Named(PathBuf, Option<Stamp>),
    /// Open, and maybe without a name by now: the rows of a journal are in a
    /// temporary file, which is gone when this program is, however it ends.
    Open(SharedFile),
}

impl ValidFile {
    fn of(place: Place, footer: ParquetMetaData, kept: &Kept) -> Result<Self, Problem> {
        let groups: Box<[RowGroup]> = footer.row_groups().iter().map(RowGroup::of).collect();
        row_group::check(&groups)?;
        let size = footer.memory_size();
        let columns = footer.file_metadata().schema_descr().columns().iter();
        let mut names = columns.map(|column| column.path().string());
        let further = names.find(|name| !NAMES.contains(&name.as_str()));
        let metadata = as_read(footer)?;
        Ok(Self { place, groups, further, metadata: kept.keeps(size).then_some(metadata) })
    }

    /// Opens it and hands it to `work`.
    ///
    /// # Errors
    /// [`Problem`] when it is not there any more, cannot be read, or is not as it was
    /// when it was checked: before, or by now.
    pub fn read<T>(&self, work: impl FnOnce(&SharedFile) -> T) -> Result<T, Problem> {
        let file = self.open()?;
        let done = work(&file);
        if file.is_unchanged() { Ok(done) } else { Err(Problem::Changed) }
    }

    /// Opens it.
    ///
    /// # Errors
    /// As [`ValidFile::read`], of before.
    pub(super) fn open(&self) -> Result<SharedFile, Problem> {
        match &self.place {
            Place::Open(file) => Ok(file.clone()),
            Place::Named(path, stamp) => {
                let file = SharedFile::new(shared_file::open(path)?)?;
                if file.stamp() == *stamp { Ok(file) } else { Err(Problem::Changed) }
            }
        }
    }

    /// Its footer, with text columns as dictionaries; read from the open file
    /// unless it was kept.
    ///
    /// # Errors
    /// [`Problem`] when it cannot be read, or is not the one that was checked.
    pub fn metadata(&self, file: &SharedFile) -> Result<ArrowReaderMetadata, Problem> {
        if let Some(metadata) = &self.metadata {
            return Ok(metadata.clone());
        }
        let footer = footer(file)?;
        check(&footer, file.len())?;
        let groups: Box<[RowGroup]> = footer.row_groups().iter().map(RowGroup::of).collect();
        if groups != self.groups {
            return Err(Problem::Changed);
        }
        as_read(footer)
    }

    /// A column of it that this program does not know, if there is one.
    pub fn further_column(&self) -> Option<&str> {
        self.further.as_deref()
    }

    /// Its row groups.
    pub fn row_groups(&self) -> &[RowGroup] {
        &self.groups
    }
}

/// A temporary file as its footer says it is to be read.
///
/// # Errors
/// [`Problem`] when its footer is not one that can be read.
pub(super) fn temporary(
    file: SharedFile,
    footer: ParquetMetaData,
    kept: &Kept,
) -> Result<ValidFile, Problem> {
    ValidFile::of(Place::Open(file), footer, kept)
}

/// How columns are read. An Arrow schema that a writer embedded is not looked at.
fn as_read(footer: ParquetMetaData) -> Result<ArrowReaderMetadata, Problem> {
    let footer = Arc::new(footer);
    let read = || {
        let descriptor = footer.file_metadata().schema_descr_ptr();
        let inferred = parquet_to_arrow_schema(&descriptor, None)?;
        let fields: Vec<FieldRef> = inferred.fields().iter().map(columns::as_read).collect();
        let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
        ArrowReaderMetadata::try_new(Arc::clone(&footer), options)
    };
    guard::caught(read).map_err(Problem::damaged)?.map_err(Problem::damaged)
}

/// The footer as it stands.
///
/// # Errors
/// [`Problem`].
pub(super) fn footer(file: &SharedFile) -> Result<ParquetMetaData, Problem> {
    let bytes = limits::checked_footer(file)?;
    guard::caught(|| ParquetMetaDataReader::decode_metadata(&bytes))
        .map_err(Problem::damaged)?
        .map_err(Problem::damaged)
}
