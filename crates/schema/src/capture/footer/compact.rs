//! What the footer of a Parquet file says about a capture, read with care.
//!
//! Retention and `record recover` meet files that anybody may have put there. A
//! Parquet library reads a whole footer into memory and believes the lengths in
//! it. Here it is walked through in a small buffer, and only what is wanted is
//! kept: the number of rows and one value. Layout: Thrift's compact protocol,
//! `FileMetaData` of parquet.thrift, whose length and magic end the file.

use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};

use crate::capture::{KEY_CAPTURE, METADATA_LIMIT};
use crate::thrift::{BINARY, Compact, I64, LIST, STRUCT};

/// Longest footer that is looked at: some 5,000 row groups, half a billion rows.
const FOOTER_LIMIT: u64 = 16 << 20;
/// Longest key that may be ours.
const KEY_LIMIT: u64 = 64;
/// What ends every Parquet file.
const MAGIC: [u8; 4] = *b"PAR1";

/// Fields of `FileMetaData`, and of `KeyValue` in it.
const NUM_ROWS: i16 = 3;
const KEY_VALUE_METADATA: i16 = 5;
const KEY: i16 = 1;
const VALUE: i16 = 2;

/// What is wanted of a footer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footer {
    /// Rows in the file, as it says.
    pub rows: i64,
    /// The capture's metadata, JSON; `None` if this is no capture.
    pub capture: Option<String>,
}

/// Reads the footer of a file, wherever in it the reader stands.
///
/// # Errors
/// When it cannot be read, is none, or is larger than any of ours.
pub fn read(mut file: impl Read + Seek) -> io::Result<Footer> {
    let size = file.seek(SeekFrom::End(0))?;
    let end = size.checked_sub(8).ok_or_else(not_parquet)?;
    file.seek(SeekFrom::Start(end))?;
    let mut tail = [0; 8];
    file.read_exact(&mut tail)?;
    let [a, b, c, d, magic @ ..] = tail;
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    if magic != MAGIC || length > FOOTER_LIMIT {
        return Err(not_parquet());
    }
    let start = end.checked_sub(length).ok_or_else(not_parquet)?;
    file.seek(SeekFrom::Start(start))?;
    file_metadata(&mut Compact::new(BufReader::new(file.take(length))))
}

fn not_parquet() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "not a Parquet file of ours")
}

fn file_metadata(compact: &mut Compact<impl Read>) -> io::Result<Footer> {
    let mut footer = Footer { rows: 0, capture: None };
    let mut id = 0;
    while let Some(kind) = compact.field(&mut id)? {
        match (id, kind) {
            (NUM_ROWS, I64) => footer.rows = compact.zigzag()?,
            (KEY_VALUE_METADATA, LIST) => {
                let (count, kind) = compact.list()?;
                for _ in 0..count {
                    match kind {
                        STRUCT => key_value(compact, &mut footer.capture)?,
                        _ => return Err(not_parquet()),
                    }
                }
            }
            _ => compact.skip(kind, &mut |_| Ok(()))?,
        }
    }
    Ok(footer)
}

/// One pair; its value is kept if it is the capture's.
fn key_value(compact: &mut Compact<impl Read>, capture: &mut Option<String>) -> io::Result<()> {
    let mut id = 0;
    let mut is_ours = false;
    while let Some(kind) = compact.field(&mut id)? {
        match (id, kind) {
            (KEY, BINARY) => {
                let key = compact.binary(KEY_LIMIT)?;
                is_ours = key.is_some_and(|key| key == KEY_CAPTURE.as_bytes());
            }
            (VALUE, BINARY) if is_ours => {
                let value = compact.binary(METADATA_LIMIT as u64)?.ok_or_else(not_parquet)?;
                *capture = Some(String::from_utf8(value).map_err(|_| not_parquet())?);
            }
            _ => compact.skip(kind, &mut |_| Ok(()))?,
        }
    }
    Ok(())
}

#[cfg(all(test, feature = "parquet"))]
mod tests;
