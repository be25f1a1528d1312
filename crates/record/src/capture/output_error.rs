//! Why a capture cannot be written where it should be.

use std::io;
use std::path::PathBuf;

/// Why an output cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The capture exists already.
    #[error("{} exists; use --force to replace it, or another --output", .0.display())]
    Exists(PathBuf),
    /// Another recording's journal is in the way; it may hold its only data.
    #[error(
        "{path} is the journal of another recording; seal it with: record recover {path}",
        path = .0.display()
    )]
    JournalExists(PathBuf),
    /// The path names no file.
    #[error("{} is not a file name; use --output DIR/NAME.parquet", .0.display())]
    NotAFile(PathBuf),
    /// What is there is no regular file: not even `--force` replaces it.
    #[error("{} is there and not a regular file; use another --output", .0.display())]
    NotReplaceable(PathBuf),
    /// A directory of the output is a link or something else.
    #[error("{} is not a plain directory; links are not followed there", .0.display())]
    NotADirectory(PathBuf),
    /// The system said no.
    #[error("cannot write {}", path.display())]
    Io {
        /// What was to be written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl OutputError {
    /// Whether another name might do.
    pub(super) fn is_about_the_name(&self) -> bool {
        match self {
            Self::Exists(_)
            | Self::JournalExists(_)
            | Self::NotAFile(_)
            | Self::NotReplaceable(_) => true,
            Self::NotADirectory(_) | Self::Io { .. } => false,
        }
    }
}
