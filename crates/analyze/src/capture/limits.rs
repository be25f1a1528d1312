//! Bounds on what a footer may claim, checked before a library believes it.

use std::fs::File;
use std::io::{self, ErrorKind, Read};

use bytes::Bytes;
use connlat_schema::thrift::{Compact, LIST, STRUCT};
use parquet::file::reader::Length;

use super::error::Problem;
use super::schema_list;
use super::shared_file::SharedFile;

/// First and last bytes of every Parquet file.
pub(super) const MAGIC: &[u8] = b"PAR1";
/// Magic, footer length and magic: nothing shorter can be Parquet.
const SHORTEST: u64 = 12;
/// Bytes from the end that are read at once.
const AT_ONCE: u64 = 32 << 10;

/// Longest footer that is looked at: some 5,000 row groups, half a billion rows.
const FOOTER_BYTES: u64 = 16 << 20;
/// Elements of any list that has no bound of its own.
const ELEMENTS: u64 = 2_000;
/// Row groups of a file.
const GROUPS: u64 = 50_000;
/// Columns of all row groups together, each of which takes a kilobyte parsed.
const CHUNKS: u64 = 120_000;
/// Elements of all other lists together.
const ALL_ELEMENTS: u64 = 3_000_000;

/// Fields of `FileMetaData` and `RowGroup` in parquet.thrift.
const SCHEMA: i16 = 2;
const ROW_GROUPS: i16 = 4;
const COLUMNS: i16 = 1;

/// The footer of a file, if it is no longer, and its lists are no larger, than a
/// capture's can be.
///
/// # Errors
/// [`Problem`] when it is not whole, too large, or cannot be read.
pub(super) fn checked_footer(file: &SharedFile) -> Result<Bytes, Problem> {
    let size = file.len();
    if size < SHORTEST {
        return Err(Problem::Truncated);
    }
    // Most footers are read with their length: on a network each read waits.
    let tail = read(file, size - size.min(AT_ONCE), size)?;
    let (rest, end) = tail.split_at(tail.len() - 8);
    let Some((length, MAGIC)) = end.split_first_chunk() else { return Err(Problem::Truncated) };
    let length = u64::from(u32::from_le_bytes(*length));
    let start = (size - 8).checked_sub(length).filter(|start| *start >= 4);
    let start = start.ok_or_else(|| Problem::damaged("its footer is longer than the file"))?;
    if length > FOOTER_BYTES {
        let length = crate::units::bytes(length);
        return Err(Problem::damaged(format!(
            "its footer has {length}, a capture's at most 16 MB"
        )));
    }
    let footer = match rest.len().checked_sub(length as usize) {
        Some(begin) => tail.slice(begin..rest.len()),
        None => read(file, start, size - 8)?,
    };
    walk(&*footer).map_err(|error| Problem::damaged(format!("footer: {error}")))?;
    Ok(footer)
}

fn read(file: &SharedFile, from: u64, to: u64) -> Result<Bytes, Problem> {
    let length = to.saturating_sub(from) as usize;
    Ok(file.read(from, length)?)
}

fn refused(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("more {what} than a capture has"))
}

fn walk(input: impl Read) -> io::Result<()> {
    let mut compact = Compact::new(input);
    let (mut chunks, mut all) = (0_u64, 0_u64);
    let mut elements = |count: u64| {
        all = all.saturating_add(count);
        match count > ELEMENTS || all > ALL_ELEMENTS {
            true => Err(refused("elements in a list")),
            false => Ok(()),
        }
    };
    let mut id = 0;
    while let Some(kind) = compact.field(&mut id)? {
        if (id, kind) == (SCHEMA, LIST) {
            schema_list::check(&mut compact)?;
            continue;
        }
        if (id, kind) != (ROW_GROUPS, LIST) {
            compact.skip(kind, &mut elements)?;
            continue;
        }
        let (groups, kind) = compact.list()?;
        if groups > GROUPS {
            return Err(refused("row groups"));
        }
        for _ in 0..groups {
            if kind != STRUCT {
                return Err(refused("kinds of row groups"));
            }
            let mut id = 0;
            while let Some(kind) = compact.field(&mut id)? {
                let mut first = id == COLUMNS;
                compact.skip(kind, &mut |count| {
                    if std::mem::take(&mut first) {
                        chunks = chunks.saturating_add(count);
                    }
                    match chunks > CHUNKS {
                        true => Err(refused("columns")),
                        false => elements(count),
                    }
                })?;
            }
        }
    }
    Ok(())
}

/// Rows that all captures of a run may have beyond that: few enough to be answered at
/// once, whatever they are.
pub(super) const SPARE_ROWS: u64 = 250_000;

/// Rows of a capture beyond those that so many bytes can be, at one each: a connect has
/// a start and a latency of its own, in nanoseconds. Rows of `record` took 11 bytes or
/// more wherever they were measured (docs/fleet.md).
pub(super) fn rows_beyond(rows: u64, bytes: u64) -> u64 {
    rows.saturating_sub(bytes)
}

/// Bytes that a file really holds: one with holes is shorter than it looks.
pub(super) fn bytes_held(file: &File, bytes: u64) -> u64 {
    /// File systems may keep small files elsewhere than in blocks.
    const SMALL: u64 = 1 << 16;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if let Ok(status) = file.metadata() {
            // One that compresses holds more than its blocks say.
            return bytes.min(status.blocks().saturating_mul(512 * 10).max(SMALL));
        }
    }
    let _ = (file, SMALL);
    bytes
}
