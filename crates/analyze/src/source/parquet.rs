//! Sealed captures: everything that can be said about a Parquet file from its
//! footer is checked here, before the query engine sees the file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use connlat_schema::capture::metadata::CaptureInfo;
use connlat_schema::capture::{FORMAT_VERSION, KEY_CAPTURE, KEY_FORMAT_VERSION};
use parquet::file::metadata::{KeyValue, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use polars::prelude::{
    HiveOptions, LazyFrame, PlRefPath, PolarsResult, ScanArgsParquet, ScanSources, SchemaRef,
    UnionArgs, concat,
};

use super::error::Problem;
use super::{Capture, columns};
use crate::guard;

/// First and last bytes of every Parquet file.
const MAGIC: &[u8; 4] = b"PAR1";
/// Magic, footer length and magic: nothing shorter can be Parquet.
const SHORTEST: u64 = 12;
/// A footer that claims more rows per byte is a lie: reading would only fill
/// the memory. A capture whose rows are all alike reaches about 100.
const MAX_ROWS_PER_BYTE: u64 = 10_000;

/// Opens a sealed capture.
pub(super) fn open(path: &Path, mut file: File) -> Result<Capture, Problem> {
    let bytes = file.metadata()?.len();
    check_magic(&mut file, bytes)?;

    let footer = guard::caught(|| ParquetMetaDataReader::new().parse_and_finish(&file))
        .map_err(Problem::damaged)?
        .map_err(Problem::damaged)?;
    let info = capture_info(&footer)?;
    columns::check(footer.file_metadata().schema_descr())?;
    let rows = guard::caught(|| check_extent(&footer, bytes)).map_err(Problem::damaged)??;
    let file = as_read(path)?;
    Ok(Capture { path: path.to_owned(), bytes, rows, info, argument: 0, journal: None, file })
}

/// Tells apart what is not Parquet at all and what was cut off.
fn check_magic(file: &mut File, bytes: u64) -> Result<(), Problem> {
    let mut head = Vec::new();
    file.by_ref().take(4).read_to_end(&mut head)?;
    if !MAGIC.starts_with(&head) {
        return Err(Problem::NotParquet);
    }
    if bytes < SHORTEST {
        return Err(Problem::Truncated);
    }
    let mut tail = [0; 4];
    file.seek(SeekFrom::End(-4))?;
    file.read_exact(&mut tail)?;
    if &tail != MAGIC {
        return Err(Problem::Truncated);
    }
    Ok(())
}

/// The recorder's document in the footer.
fn capture_info(footer: &ParquetMetaData) -> Result<CaptureInfo, Problem> {
    let value = |key: &str| {
        let pairs: &[KeyValue] =
            footer.file_metadata().key_value_metadata().map_or(&[], Vec::as_slice);
        let pair = pairs.iter().find(|pair| pair.key == key)?;
        pair.value.as_deref()
    };
    let version = value(KEY_FORMAT_VERSION).ok_or(Problem::NotACapture)?;
    let version: u64 = version
        .parse()
        .map_err(|_| Problem::Metadata(format!("`{KEY_FORMAT_VERSION}` is not a number")))?;
    if version > FORMAT_VERSION.into() {
        return Err(Problem::Newer(version));
    }
    let document = value(KEY_CAPTURE).ok_or(Problem::NotACapture)?;
    Ok(CaptureInfo::from_json(document)?)
}

/// Checks that the footer's counts agree with each other and with the file's
/// size; returns the number of rows.
fn check_extent(footer: &ParquetMetaData, bytes: u64) -> Result<u64, Problem> {
    let lie = |what: &str| Problem::damaged(format!("footer: {what}"));
    let rows = u64::try_from(footer.file_metadata().num_rows())
        .map_err(|_| lie("negative number of rows"))?;
    let mut counted: u64 = 0;
    for group in footer.row_groups() {
        let group_rows =
            u64::try_from(group.num_rows()).map_err(|_| lie("negative number of rows"))?;
        counted = counted.checked_add(group_rows).ok_or_else(|| lie("number of rows overflows"))?;
        check_chunks(group, bytes).map_err(lie)?;
    }
    if counted != rows {
        return Err(lie("row groups do not add up to the number of rows"));
    }
    if rows > bytes.saturating_mul(MAX_ROWS_PER_BYTE) {
        return Err(lie("more rows than the file can hold"));
    }
    Ok(rows)
}

/// Every column chunk lies inside the file and has as many values as rows.
fn check_chunks(group: &RowGroupMetaData, bytes: u64) -> Result<(), &'static str> {
    for chunk in group.columns() {
        if chunk.num_values() != group.num_rows() {
            return Err("a column is shorter or longer than its row group");
        }
        let start = chunk
            .dictionary_page_offset()
            .map_or(chunk.data_page_offset(), |offset| offset.min(chunk.data_page_offset()));
        let end = start.checked_add(chunk.compressed_size());
        let inside = start >= 0
            && chunk.compressed_size() >= 0
            && end.is_some_and(|end| end.unsigned_abs() <= bytes);
        if !inside {
            return Err("a column lies outside the file");
        }
    }
    Ok(())
}

/// A validated file as polars is going to read it.
pub struct ValidFile {
    /// Absolute, so that it can be neither a URL nor `~`. None for a name
    /// that is not Unicode, which polars cannot take.
    name: Option<PlRefPath>,
    path: PathBuf,
    schema: SchemaRef,
    /// Removes a temporary file when it is no longer needed.
    _temporary: Option<tempfile::TempPath>,
}

impl ValidFile {
    /// Keeps a temporary file for as long as this is.
    pub(super) fn keep(self, temporary: tempfile::TempPath) -> Self {
        Self { _temporary: Some(temporary), ..self }
    }
}

/// Checks the columns as polars sees them.
pub(super) fn as_read(path: &Path) -> Result<ValidFile, Problem> {
    let path = std::path::absolute(path)?;
    let mut file = ValidFile {
        name: PlRefPath::try_from_path(&path).ok(),
        path,
        schema: SchemaRef::default(),
        _temporary: None,
    };
    file.schema = guard::caught(|| scan_alike(&[&file])?.collect_schema())
        .map_err(Problem::damaged)?
        .map_err(Problem::damaged)?;
    columns::check_as_read(&file.schema)?;
    Ok(file)
}

/// The rows of all files.
///
/// polars takes the schema of the first file of a scan for all, so only files
/// with the same columns share one. Within a scan it opens few files at a
/// time; a scan for each file would open them all.
pub(super) fn scan<'a>(files: impl IntoIterator<Item = &'a ValidFile>) -> PolarsResult<LazyFrame> {
    let mut alike: Vec<Vec<&ValidFile>> = Vec::new();
    for file in files {
        match alike.iter_mut().find(|group| group[0].schema == file.schema) {
            Some(group) if file.name.is_some() && group[0].name.is_some() => group.push(file),
            _ => alike.push(vec![file]),
        }
    }
    let scans = alike
        .iter()
        .map(|files| Ok(columns::select(scan_alike(files)?, &files[0].schema)))
        .collect::<PolarsResult<Vec<_>>>()?;
    match <[LazyFrame; 1]>::try_from(scans) {
        Ok([only]) => Ok(only),
        Err(scans) => concat(scans, UnionArgs::default()),
    }
}

fn scan_alike(files: &[&ValidFile]) -> PolarsResult<LazyFrame> {
    let names: Option<Vec<PlRefPath>> = files.iter().map(|file| file.name.clone()).collect();
    let sources = match names {
        Some(names) => ScanSources::Paths(names.into()),
        None => {
            let open = files.iter().map(|file| File::open(&file.path));
            ScanSources::Files(open.collect::<std::io::Result<Vec<_>>>()?.into())
        }
    };
    let args = ScanArgsParquet {
        // A name is taken as it stands: `*` and `key=value` are not special.
        glob: false,
        hive_options: HiveOptions::new_disabled(),
        cache: false,
        ..Default::default()
    };
    LazyFrame::scan_parquet_sources(sources, args)
}
