//! What the pages of a row group take in memory, by their headers: a few bytes
//! may unpack to gigabytes, and a reader finds that out when it is too late.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read};
use std::sync::Arc;

use connlat_schema::thrift::{Compact, I32, STRUCT};
use parquet::basic::{Encoding, Type};
use parquet::column::page::{Page as Unpacked, PageReader};
use parquet::file::metadata::{ColumnChunkMetaData, RowGroupMetaData};
use parquet::file::reader::ChunkReader;
use parquet::file::serialized_reader::SerializedPageReader;

use super::room::Room;
use super::{ColumnSet, delta};
use crate::capture::{Problem, SharedFile};
use crate::units;

/// Longest header of a page: it may hold two values as its statistics.
const HEADER_BYTES: u64 = 1 << 20;
/// Elements of lists in a header.
const ELEMENTS: u64 = 1_000;
/// Rows that are decoded at a time, at most: few enough to stay in the caches.
pub const BATCH: usize = 16_384;
/// Data pages of a column in which nothing is.
const EMPTY_PAGES: u32 = 100;

/// Fields of `PageHeader` in parquet.thrift.
const UNCOMPRESSED: i16 = 2;
const COMPRESSED: i16 = 3;
const DATA: i16 = 5;
const DICTIONARY: i16 = 7;
const DATA_V2: i16 = 8;
/// Of the headers within.
const VALUES: i16 = 1;
const ENCODING: i16 = 2;
const ENCODING_V2: i16 = 4;

/// Bytes that reading these columns of a row group takes at most; an error if it is
/// clear that there is no room for them.
pub fn memory(
    file: &SharedFile,
    group: &RowGroupMetaData,
    columns: &ColumnSet,
    room: &Room,
) -> Result<u64, Problem> {
    let (mut sum, mut unpacked) = (0_u64, 0_u64);
    for chunk in group.columns() {
        let [name] = chunk.column_path().parts() else { continue };
        if columns.contains(name.as_str()) {
            let needs = of_chunk(file, chunk, room.bytes)?;
            sum = sum.saturating_add(needs.memory);
            unpacked = unpacked.saturating_add(needs.unpacked);
        }
    }
    room.add(group, unpacked)?;
    Ok(sum)
}

/// Checks that there is room for reading these columns of a row group.
///
/// # Errors
/// [`Problem`] if it takes more.
pub fn check_memory(
    file: &SharedFile,
    group: &RowGroupMetaData,
    columns: &ColumnSet,
    room: &Room,
) -> Result<(), Problem> {
    match memory(file, group, columns, room)? {
        needed if needed > room.bytes => Err(too_much(needed, room.bytes)),
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
    /// By its number in parquet.thrift.
    encoding: i64,
    is_dictionary: bool,
}

impl Page {
    /// Whether its texts may be longer than the page.
    fn has_differences(&self) -> bool {
        let of = [Encoding::DELTA_LENGTH_BYTE_ARRAY, Encoding::DELTA_BYTE_ARRAY];
        !self.is_dictionary && of.iter().any(|known| *known as i64 == self.encoding)
    }
}

/// What reading a column of a row group takes, bytes.
struct Needs {
    /// At a time.
    memory: u64,
    /// From its first page to its last.
    unpacked: u64,
}

/// The most that any rows read together have of some pages' bytes.
#[derive(Default)]
struct Together {
    /// Values and bytes of the pages that they may be in.
    pages: VecDeque<(u64, u64)>,
    values: u64,
    bytes: u64,
    most: u64,
    /// Bytes of all pages.
    unpacked: u64,
}

impl Together {
    fn add(&mut self, values: u64, bytes: u64) {
        self.pages.push_back((values, bytes));
        self.values = self.values.saturating_add(values);
        self.bytes = self.bytes.saturating_add(bytes);
        // Of the first page at least one value.
        while let Some((first, bytes)) = self.pages.front().copied()
            && self.values - first >= BATCH as u64
        {
            self.pages.pop_front();
            self.values -= first;
            self.bytes -= bytes;
        }
        self.most = self.most.max(self.bytes);
    }
}

fn of_chunk(file: &SharedFile, chunk: &ColumnChunkMetaData, room: u64) -> Result<Needs, Problem> {
    let lie = |what: &str| Problem::damaged(format!("{}: {what}", chunk.column_path()));
    let (start, length) = chunk.byte_range();
    let end = start.saturating_add(length);
    let rows = chunk.num_values().unsigned_abs();
    let (mut position, mut values) = (start, 0_u64);
    let (mut dictionary, mut largest, mut unpacked) = (0_u64, 0_u64, 0_u64);
    let (mut together, mut empty, mut differences) = (Together::default(), 0, false);
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
            together.add(page.values, page.uncompressed);
            empty += u32::from(page.values == 0);
            if empty > EMPTY_PAGES {
                return Err(lie("its pages are empty"));
            }
        }
        differences |= page.has_differences();
        largest = largest.max(page.uncompressed.saturating_add(page.compressed));
        unpacked = unpacked.saturating_add(page.uncompressed);
    }
    if values > rows {
        return Err(lie("its pages hold more values than it has"));
    }
    let is_text = chunk.column_type() == Type::BYTE_ARRAY;
    if is_text && differences {
        // Each of as many threads as there are unpacks one to look into it.
        if largest > room / 4 {
            return Err(too_much(largest, room / 4));
        }
        together = texts(file, chunk)?;
        unpacked = together.unpacked.max(unpacked);
    }
    // Numbers are 8 bytes.
    let batch = if is_text { together.most } else { 0 };
    let memory = dictionary.saturating_add(batch).saturating_add(largest);
    Ok(Needs { memory, unpacked })
}

/// The texts of a column whose pages hold differences.
fn texts(file: &SharedFile, chunk: &ColumnChunkMetaData) -> Result<Together, Problem> {
    let rows = chunk.num_values().unsigned_abs() as usize;
    let pages = SerializedPageReader::new(Arc::new(file.clone()), chunk, rows, None);
    let mut pages = pages.map_err(Problem::damaged)?;
    let mut together = Together::default();
    while let Some(page) = pages.get_next_page().map_err(Problem::damaged)? {
        if matches!(page, Unpacked::DictionaryPage { .. }) {
            continue;
        }
        let (encoding, values) = (page.encoding(), u64::from(page.num_values()));
        let bytes = match encoding {
            Encoding::DELTA_LENGTH_BYTE_ARRAY | Encoding::DELTA_BYTE_ARRAY => {
                delta::text_bytes(encoding, page.buffer(), values)
            }
            _ => Some(page.buffer().len() as u64),
        };
        let bytes = bytes.ok_or_else(|| {
            Problem::damaged(format!("{}: texts of wrong lengths", chunk.column_path()))
        })?;
        together.add(values, bytes);
        together.unpacked = together.unpacked.saturating_add(bytes);
    }
    Ok(together)
}

fn header(input: impl Read) -> io::Result<Page> {
    let wrong = || io::Error::new(ErrorKind::InvalidData, "not a page header");
    let mut few = |count: u64| if count > ELEMENTS { Err(wrong()) } else { Ok(()) };
    let mut compact = Compact::new(input);
    let (mut uncompressed, mut compressed, mut values) = (None, None, None);
    let (mut is_dictionary, mut encoding) = (false, 0);
    let mut id = 0;
    while let Some(kind) = compact.field(&mut id)? {
        match (id, kind) {
            (UNCOMPRESSED, I32) => uncompressed = Some(compact.zigzag()?),
            (COMPRESSED, I32) => compressed = Some(compact.zigzag()?),
            (DATA | DICTIONARY | DATA_V2, STRUCT) => {
                is_dictionary = id == DICTIONARY;
                let encoded = if id == DATA_V2 { ENCODING_V2 } else { ENCODING };
                let mut id = 0;
                while let Some(kind) = compact.field(&mut id)? {
                    match (id, kind) {
                        (VALUES, I32) => values = Some(compact.zigzag()?),
                        (of, I32) if of == encoded => encoding = compact.zigzag()?,
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
        encoding,
        is_dictionary,
    })
}
