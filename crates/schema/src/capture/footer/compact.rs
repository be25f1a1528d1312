//! What the footer of a Parquet file says about a capture, read with care.
//!
//! Retention and `record recover` meet files that anybody may have put there. A
//! Parquet library reads a whole footer into memory and believes the lengths in
//! it. Here it is walked through in a small buffer, and only what is wanted is
//! kept: the number of rows and one value. Layout: Thrift's compact protocol,
//! `FileMetaData` of parquet.thrift, whose length and magic end the file.

use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};

use crate::capture::{KEY_CAPTURE, METADATA_LIMIT};

/// Longest footer that is looked at: some 5,000 row groups, half a billion rows.
const FOOTER_LIMIT: u64 = 16 << 20;
/// Longest key that may be ours.
const KEY_LIMIT: u64 = 64;
/// Deepest nesting: a footer has five levels.
const DEPTH_LIMIT: u32 = 16;
/// What ends every Parquet file.
const MAGIC: [u8; 4] = *b"PAR1";

/// Fields of `FileMetaData`, and of `KeyValue` in it.
const NUM_ROWS: i16 = 3;
const KEY_VALUE_METADATA: i16 = 5;
const KEY: i16 = 1;
const VALUE: i16 = 2;

/// Types of Thrift's compact protocol that are looked into.
const I64: u8 = 6;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

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
    Compact(BufReader::new(file.take(length))).file_metadata()
}

fn not_parquet() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "not a Parquet file of ours")
}

/// Thrift's compact protocol. Every element takes a byte at least, so a length
/// that lies ends with the input, and allocates nothing before.
struct Compact<R>(R);

impl<R: Read> Compact<R> {
    fn file_metadata(&mut self) -> io::Result<Footer> {
        let mut footer = Footer { rows: 0, capture: None };
        let mut id = 0;
        while let Some(kind) = self.field(&mut id)? {
            match (id, kind) {
                (NUM_ROWS, I64) => footer.rows = self.zigzag()?,
                (KEY_VALUE_METADATA, LIST) => {
                    let (count, kind) = self.list()?;
                    for _ in 0..count {
                        match kind {
                            STRUCT => self.key_value(&mut footer.capture)?,
                            _ => return Err(not_parquet()),
                        }
                    }
                }
                _ => self.skip(kind, 0)?,
            }
        }
        Ok(footer)
    }

    /// One pair; its value is kept if it is the capture's.
    fn key_value(&mut self, capture: &mut Option<String>) -> io::Result<()> {
        let mut id = 0;
        let mut is_ours = false;
        while let Some(kind) = self.field(&mut id)? {
            match (id, kind) {
                (KEY, BINARY) => {
                    let key = self.binary(KEY_LIMIT)?;
                    is_ours = key.is_some_and(|key| key == KEY_CAPTURE.as_bytes());
                }
                (VALUE, BINARY) if is_ours => {
                    let value = self.binary(METADATA_LIMIT as u64)?.ok_or_else(not_parquet)?;
                    *capture = Some(String::from_utf8(value).map_err(|_| not_parquet())?);
                }
                _ => self.skip(kind, 0)?,
            }
        }
        Ok(())
    }

    /// The next field's type; `None` at the end of a struct. Changes `id` from
    /// the field before to this one.
    fn field(&mut self, id: &mut i16) -> io::Result<Option<u8>> {
        let header = self.byte()?;
        if header == 0 {
            return Ok(None);
        }
        *id = match header >> 4 {
            0 => i16::try_from(self.zigzag()?).map_err(|_| not_parquet())?,
            delta => id.checked_add(i16::from(delta)).ok_or_else(not_parquet)?,
        };
        Ok(Some(header & 0x0f))
    }

    /// Elements of a list or set, and their type.
    fn list(&mut self) -> io::Result<(u64, u8)> {
        let header = self.byte()?;
        let count = match header >> 4 {
            15 => self.varint()?,
            few => u64::from(few),
        };
        Ok((count, header & 0x0f))
    }

    /// Passes over a value of a field.
    fn skip(&mut self, kind: u8, depth: u32) -> io::Result<()> {
        if depth > DEPTH_LIMIT {
            return Err(not_parquet());
        }
        match kind {
            // True and false, which are the type itself.
            1 | 2 => Ok(()),
            3 => self.pass(1),
            4..=6 => self.varint().map(|_| ()),
            7 => self.pass(8),
            BINARY => {
                let length = self.varint()?;
                self.pass(length)
            }
            LIST | 10 => {
                let (count, kind) = self.list()?;
                (0..count).try_for_each(|_| self.skip_element(kind, depth + 1))
            }
            11 => {
                let count = self.varint()?;
                let kinds = if count == 0 { 0 } else { self.byte()? };
                (0..count).try_for_each(|_| {
                    self.skip_element(kinds >> 4, depth + 1)?;
                    self.skip_element(kinds & 0x0f, depth + 1)
                })
            }
            STRUCT => {
                let mut id = 0;
                while let Some(kind) = self.field(&mut id)? {
                    self.skip(kind, depth + 1)?;
                }
                Ok(())
            }
            _ => Err(not_parquet()),
        }
    }

    /// Passes over an element: a truth value takes a byte there.
    fn skip_element(&mut self, kind: u8, depth: u32) -> io::Result<()> {
        match kind {
            1 | 2 => self.pass(1),
            _ => self.skip(kind, depth),
        }
    }

    /// Bytes with their length before them; `None` if they are more than `limit`.
    fn binary(&mut self, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let length = self.varint()?;
        if length > limit {
            self.pass(length)?;
            return Ok(None);
        }
        let mut bytes = vec![0; length as usize];
        self.0.read_exact(&mut bytes)?;
        Ok(Some(bytes))
    }

    fn pass(&mut self, length: u64) -> io::Result<()> {
        let passed = io::copy(&mut self.0.by_ref().take(length), &mut io::sink())?;
        if passed == length { Ok(()) } else { Err(not_parquet()) }
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.0.read_exact(&mut byte)?;
        Ok(byte[0])
    }

    fn varint(&mut self) -> io::Result<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(not_parquet())
    }

    fn zigzag(&mut self) -> io::Result<i64> {
        let value = self.varint()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }
}

#[cfg(all(test, feature = "parquet"))]
mod tests;
