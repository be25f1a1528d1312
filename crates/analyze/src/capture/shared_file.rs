//! A file that several threads read at once, each where it likes.

use std::fs::{File, Metadata};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
#[cfg(not(unix))]
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// An open file, or a part of one. Clones of a [`File`] share one position, which
/// threads would move under each other; this has none.
#[derive(Debug, Clone)]
pub struct SharedFile {
    file: Arc<File>,
    /// Where the part begins.
    base: u64,
    bytes: u64,
    /// None of a part: it is in a file of our own, to which others are added.
    stamp: Option<Stamp>,
}

/// What tells whether a file is another, or was changed: device, inode, bytes, and when
/// it was changed last, s and ns.
pub type Stamp = (u64, u64, u64, i64, i64);

impl SharedFile {
    /// Of an open file, as long as it is now.
    ///
    /// # Errors
    /// When its length cannot be read.
    pub fn new(file: File) -> io::Result<Self> {
        let status = file.metadata()?;
        let (stamp, bytes) = (Some(stamp(&status)), status.len());
        Ok(Self { file: Arc::new(file), base: 0, bytes, stamp })
    }

    /// The stamp it had when it was opened.
    pub fn stamp(&self) -> Option<Stamp> {
        self.stamp
    }

    /// Whether it is still what it was when it was opened.
    pub fn is_unchanged(&self) -> bool {
        self.stamp.is_none_or(|before| self.file.metadata().is_ok_and(|now| stamp(&now) == before))
    }

    /// Bytes from a place on.
    ///
    /// # Errors
    /// When they cannot be read, or are not there.
    pub fn read(&self, start: u64, length: usize) -> io::Result<Bytes> {
        let mut bytes = vec![0; length];
        let position = self.base.saturating_add(start);
        At { file: Arc::clone(&self.file), position }.read_exact(&mut bytes)?;
        Ok(bytes.into())
    }

    /// All of it, from its beginning.
    pub fn into_reader(self) -> impl BufRead {
        BufReader::new(At { file: self.file, position: self.base }.take(self.bytes))
    }

    /// A part of an open file.
    pub fn part(file: Arc<File>, base: u64, bytes: u64) -> Self {
        Self { file, base, bytes, stamp: None }
    }
}

impl Length for SharedFile {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for SharedFile {
    type T = BufReader<At>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(BufReader::new(At {
            file: Arc::clone(&self.file),
            position: self.base.saturating_add(start),
        }))
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        let end = start.checked_add(length as u64).filter(|end| *end <= self.bytes);
        if end.is_none() {
            return Err(ParquetError::EOF(format!("{length} bytes at {start} are not there")));
        }
        Ok(self.read(start, length)?)
    }
}

#[cfg(unix)]
fn stamp(status: &Metadata) -> Stamp {
    use std::os::unix::fs::MetadataExt;
    (status.dev(), status.ino(), status.len(), status.mtime(), status.mtime_nsec())
}

#[cfg(not(unix))]
fn stamp(status: &Metadata) -> Stamp {
    let since = status.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let since = since.unwrap_or_default();
    (0, 0, status.len(), since.as_secs() as i64, since.subsec_nanos().into())
}

/// Reads on from a place.
pub struct At {
    file: Arc<File>,
    position: u64,
}

impl Read for At {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = read_at(&self.file, buffer, self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, position)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, position)
}

/// Opens a file for reading. Were it a pipe by now, opening it would wait for a writer,
/// and some files below `/proc` and `/sys` wait for something to happen when they are
/// read: neither does if it is opened like this.
pub(super) fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    options.read(true).open(path)
}
