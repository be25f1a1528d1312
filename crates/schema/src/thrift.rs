//! Thrift's compact protocol, as far as Parquet uses it: a walk through bytes
//! that anybody may have written.
//!
//! Parquet libraries believe the lengths they find. Here every element takes a
//! byte of the input at least, so that a length that lies ends with the input,
//! and nothing is allocated for it.

use std::io::{self, ErrorKind, Read};

/// Deepest nesting: a Parquet footer has five levels.
const DEPTH_LIMIT: u32 = 16;

/// Type of a 32-bit integer.
pub const I32: u8 = 5;
/// Type of a 64-bit integer.
pub const I64: u8 = 6;
/// Type of bytes and text.
pub const BINARY: u8 = 8;
/// Type of a list.
pub const LIST: u8 = 9;
/// Type of a struct.
pub const STRUCT: u8 = 12;

/// Reads values one after the other.
pub struct Compact<R> {
    input: R,
    read: u64,
}

fn malformed() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "not Thrift's compact protocol")
}

impl<R: Read> Compact<R> {
    /// From the start of a struct.
    pub fn new(input: R) -> Self {
        Self { input, read: 0 }
    }

    /// Bytes that were read.
    pub fn read(&self) -> u64 {
        self.read
    }

    /// The next field's type; `None` at the end of a struct. Changes `id` from
    /// the field before, 0 at first, to this one.
    ///
    /// # Errors
    /// When the input ends or is malformed, as in all of these.
    pub fn field(&mut self, id: &mut i16) -> io::Result<Option<u8>> {
        let header = self.byte()?;
        if header == 0 {
            return Ok(None);
        }
        *id = match header >> 4 {
            0 => i16::try_from(self.zigzag()?).map_err(|_| malformed())?,
            delta => id.checked_add(i16::from(delta)).ok_or_else(malformed)?,
        };
        Ok(Some(header & 0x0f))
    }

    /// Elements of a list or set, and their type.
    ///
    /// # Errors
    /// See [`Compact::field`].
    pub fn list(&mut self) -> io::Result<(u64, u8)> {
        let header = self.byte()?;
        let count = match header >> 4 {
            15 => self.varint()?,
            few => u64::from(few),
        };
        Ok((count, header & 0x0f))
    }

    /// An integer of any width.
    ///
    /// # Errors
    /// See [`Compact::field`].
    pub fn zigzag(&mut self) -> io::Result<i64> {
        let value = self.varint()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    /// Bytes with their length before them; `None`, and passed over, if they are
    /// more than `limit`.
    ///
    /// # Errors
    /// See [`Compact::field`].
    pub fn binary(&mut self, limit: u64) -> io::Result<Option<Vec<u8>>> {
        let length = self.varint()?;
        if length > limit {
            self.pass(length)?;
            return Ok(None);
        }
        let mut bytes = vec![0; length as usize];
        self.input.read_exact(&mut bytes)?;
        self.read += length;
        Ok(Some(bytes))
    }

    /// Passes over a value of a field; `count` is told of the elements of each
    /// list in it, and may refuse them.
    ///
    /// # Errors
    /// See [`Compact::field`], and those of `count`.
    pub fn skip(
        &mut self,
        kind: u8,
        count: &mut dyn FnMut(u64) -> io::Result<()>,
    ) -> io::Result<()> {
        self.skip_at(kind, 0, count)
    }

    fn skip_at(
        &mut self,
        kind: u8,
        depth: u32,
        count: &mut dyn FnMut(u64) -> io::Result<()>,
    ) -> io::Result<()> {
        if depth > DEPTH_LIMIT {
            return Err(malformed());
        }
        match kind {
            // True and false, which are the type itself.
            1 | 2 => Ok(()),
            3 => self.pass(1),
            4..=I64 => self.varint().map(|_| ()),
            7 => self.pass(8),
            BINARY => {
                let length = self.varint()?;
                self.pass(length)
            }
            LIST | 10 => {
                let (elements, kind) = self.list()?;
                count(elements)?;
                (0..elements).try_for_each(|_| self.skip_element(kind, depth + 1, count))
            }
            11 => {
                let elements = self.varint()?;
                count(elements)?;
                let kinds = if elements == 0 { 0 } else { self.byte()? };
                (0..elements).try_for_each(|_| {
                    self.skip_element(kinds >> 4, depth + 1, count)?;
                    self.skip_element(kinds & 0x0f, depth + 1, count)
                })
            }
            STRUCT => {
                let mut id = 0;
                while let Some(kind) = self.field(&mut id)? {
                    self.skip_at(kind, depth + 1, count)?;
                }
                Ok(())
            }
            _ => Err(malformed()),
        }
    }

    /// Passes over an element: a truth value takes a byte there.
    fn skip_element(
        &mut self,
        kind: u8,
        depth: u32,
        count: &mut dyn FnMut(u64) -> io::Result<()>,
    ) -> io::Result<()> {
        match kind {
            1 | 2 => self.pass(1),
            _ => self.skip_at(kind, depth, count),
        }
    }

    fn pass(&mut self, length: u64) -> io::Result<()> {
        let passed = io::copy(&mut self.input.by_ref().take(length), &mut io::sink())?;
        self.read += passed;
        if passed == length { Ok(()) } else { Err(malformed()) }
    }

    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.input.read_exact(&mut byte)?;
        self.read += 1;
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
        Err(malformed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skip(bytes: &[u8]) -> io::Result<u64> {
        let mut elements = 0;
        let mut compact = Compact::new(bytes);
        compact.skip(STRUCT, &mut |count| {
            elements += count;
            Ok(())
        })?;
        assert_eq!(compact.read(), bytes.len() as u64);
        Ok(elements)
    }

    #[test]
    fn structs_are_passed_over() {
        assert_eq!(skip(&[0]).expect("nothing"), 0);
        // Field 1, i32 5; field 2, text "ab"; field 3, list of two i32.
        let bytes = [0x15, 10, 0x18, 2, b'a', b'b', 0x19, 0x25, 2, 4, 0];
        assert_eq!(skip(&bytes).expect("a struct"), 2);
        for end in 0..bytes.len() {
            assert!(skip(&bytes[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn lengths_that_lie_end_with_the_input() {
        // A list of 2^56 structs; text of 2^56 bytes; nesting without end.
        let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f];
        assert!(skip(&[&[0x19, 0xfc][..], &huge].concat()).is_err());
        assert!(skip(&[&[0x18][..], &huge].concat()).is_err());
        assert!(skip(&[0x1c; 1_000]).is_err());
        assert!(skip(&[0x19; 1_000]).is_err());
    }
}
