//! What is known of a file without its name or its contents.

use std::io;
use std::os::fd::AsFd;

use rustix::fs::{FileType, Stat, fstat};

/// Which file it is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct FileId {
    pub(super) device: u64,
    pub(super) inode: u64,
}

impl FileId {
    /// Of an open file.
    ///
    /// # Errors
    /// From fstat(2).
    pub fn of(file: impl AsFd) -> io::Result<Self> {
        Ok(Status::from(&fstat(file)?).id)
    }
}

/// What is known of a name without opening it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// Which file it is.
    pub id: FileId,
    /// What it is.
    pub kind: FileType,
    /// Its size, bytes.
    pub bytes: u64,
    /// Whose it is.
    pub owner: u32,
}

impl From<&Stat> for Status {
    // The fields' types differ between architectures.
    #[expect(clippy::unnecessary_cast, reason = "they are u64 already on some architectures")]
    fn from(stat: &Stat) -> Self {
        Self {
            id: FileId { device: stat.st_dev as u64, inode: stat.st_ino as u64 },
            kind: FileType::from_raw_mode(stat.st_mode),
            bytes: stat.st_size as u64,
            owner: stat.st_uid,
        }
    }
}
