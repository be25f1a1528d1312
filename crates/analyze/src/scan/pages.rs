//! What the pages of a row group take in memory, by their headers: a few bytes
//! may unpack to gigabytes, and a reader finds that out when it is too late.

use std::io::{self, ErrorKind, Read};

use connlat_schema::thrift::{Compact, I32, STRUCT};
use parquet::basic::Type;
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::reader::ChunkReader;

use super::ColumnSet;
use crate::capture::Problem;
use crate::units;

/// Longest header of a page: it may hold two values as its statistics.
const HEADER_BYTES: u64 = 1 << 20;
/// Elements of lists in a header.
const ELEMENTS: u64 = 1_000;

/// Fields of `PageHeader` in parquet.thrift.
const UNCOMPRESSED: i16 = 2;
const COMPRESSED: i16 = 3;
const DATA: i16 = 5;
const DICTIONARY: i16 = 7;
const DATA_V2: i16 = 8;
/// Of the headers within.
const VALUES: i16 = 1;

/// Bytes that reading these columns of a row group takes at most.
pub fn memory(
    file: &impl ChunkReader,
    group: &RowGroupMetaData,
    columns: &ColumnSet,
) -> Result<u64, Problem> {
    let mut sum = 0_u64;
    for chunk in group.columns() {
        let [name] = chunk.column_path().parts() else { continue };
        if columns.contains(name.as_str()) {
            sum = sum.saturating_add(of_chunk(file, chunk)?);
        }
    }
    Ok(sum)
}

/// Checks that reading these columns of a row group takes no more memory than
/// `room`, bytes.
///
/// # Errors
/// [`Problem`] if it takes more.
pub fn check_memory(
    file: &impl ChunkReader,
    group: &RowGroupMetaData,
    columns: &ColumnSet,
    room: u64,
) -> Result<(), Problem> {
    match memory(file, group, columns)? {
        needed if needed > room => Err(too_much(needed, room)),
        _ => Ok(()),
    }
}

/// What is wrong with a row group that takes so many bytes, of so many.
pub fn too_much(needed: u64, room: u64) -> Problem {
    let [needed, room] = [needed, room].map(units::bytes);
    Problem::damaged(format!(
        "the pages of a row group take {needed} of memory, more than a capture's and than the \
         {room} there is room for"
    ))
}

struct Page {
    header: u64,
    uncompressed: u64,
    compressed: u64,
    values: u64,
    is_dictionary: bool,
}

fn of_chunk(file: &impl ChunkReader, chunk: &ColumnChunkMetaData) -> Result<u64, Problem> {
    let lie = |what: &str| Problem::damaged(format!("{}: {what}", chunk.column_path()));
    let (start, length) = chunk.byte_range();
    let end = start.saturating_add(length);
    let rows = chunk.num_values().unsigned_abs();
    let (mut position, mut values) = (start, 0_u64);
    let (mut dictionary, mut all, mut largest) = (0_u64, 0_u64, 0_u64);
    while values < rows && position < end {
        let input = file.get_read(position).map_err(Problem::damaged)?;
        let page =
            header(input.take(HEADER_BYTES.min(end - position))).map_err(|error| {
                match error.kind() {
                    ErrorKind::InvalidData | ErrorKind::UnexpectedEof => {
                        lie("a page has no header")
                    }
                    _ => error.into(),
                }
            })?;
        position = position.saturating_add(page.header).saturating_add(page.compressed);
        if position > end {
            return Err(lie("a page lies outside its column"));
        }
        if page.is_dictionary {
            // Each value takes a byte at least, and four are texts' lengths.
            if page.values > page.uncompressed {
                return Err(lie("a dictionary has more values than bytes"));
            }
            // Numbers of its texts are kept, too.
            dictionary = page.uncompressed.saturating_add(page.values.saturating_mul(16));
        } else {
            values = values.saturating_add(page.values);
            all = all.saturating_add(page.uncompressed);
        }
        largest = largest.max(page.uncompressed.saturating_add(page.compressed));
    }
    if values > rows {
        return Err(lie("its pages hold more values than it has"));
    }
    // Texts of a batch may come from any number of pages; numbers are 8 bytes.
    let batch = if chunk.column_type() == Type::BYTE_ARRAY { all } else { 0 };
    Ok(dictionary.saturating_add(batch).saturating_add(largest))
}

fn header(input: impl Read) -> io::Result<Page> {
    let wrong = || io::Error::new(ErrorKind::InvalidData, "not a page header");
    let mut few = |count: u64| if count > ELEMENTS { Err(wrong()) } else { Ok(()) };
    let mut compact = Compact::new(input);
    let (mut uncompressed, mut compressed, mut values) = (None, None, None);
    let mut is_dictionary = false;
    let mut id = 0;
    while let Some(kind) = compact.field(&mut id)? {
        match (id, kind) {
            (UNCOMPRESSED, I32) => uncompressed = Some(compact.zigzag()?),
            (COMPRESSED, I32) => compressed = Some(compact.zigzag()?),
            (DATA | DICTIONARY | DATA_V2, STRUCT) => {
                is_dictionary = id == DICTIONARY;
                let mut id = 0;
                while let Some(kind) = compact.field(&mut id)? {
                    match (id, kind) {
                        (VALUES, I32) => values = Some(compact.zigzag()?),
                        _ => compact.skip(kind, &mut few)?,
                    }
                }
            }
            _ => compact.skip(kind, &mut few)?,
        }
    }
    let size = |value: Option<i64>| {
        value.and_then(|value| u64::try_from(value).ok()).filter(|value| *value <= i32::MAX as u64)
    };
    Ok(Page {
        header: compact.read(),
        uncompressed: size(uncompressed).ok_or_else(wrong)?,
        compressed: size(compressed).ok_or_else(wrong)?,
        // An index page has none.
        values: size(values).unwrap_or(0),
        is_dictionary,
    })
}
