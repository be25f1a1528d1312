//! Why a file is not a readable capture, and what to do about it.

use std::path::{Path, PathBuf};

use connlat_schema::capture::FORMAT_VERSION;
use connlat_schema::capture::journal::JournalError;
use connlat_schema::capture::metadata::MetadataError;

use super::display_name;
use crate::units;

/// Captures that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// One file is at fault.
    #[error("{}: {problem}", display_name(path))]
    File {
        /// The file as the user named it.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        problem: Problem,
    },
    /// What was read does not fit together.
    #[error("the captures cannot be read ({0}); try again")]
    Together(String),
    /// More rows than can be numbered.
    #[error("{0} rows are more than one run can hold; name fewer files")]
    TooManyRows(u64),
}

impl SourceError {
    pub(crate) fn together(reason: String) -> Self {
        Self::Together(short(&reason))
    }
}

/// What is wrong with a file; each message ends with the remedy.
#[derive(Debug, thiserror::Error)]
pub enum Problem {
    #[error("no such file; check the name")]
    Missing,
    #[error("holds no captures; name a directory with *.parquet files")]
    NoCaptures,
    #[error("matches no file; check the pattern")]
    NoMatch,
    #[error("is not a pattern ({0}); check its brackets and stars")]
    BadPattern(String),
    #[error("is a journal that its recorder has only just created; try again")]
    Beginning,
    #[error("lies too deep in the directory that was named; name it itself")]
    TooDeep,
    #[error("holds no capture that can be read: {0}")]
    NoneRead(String),
    #[error("is not a regular file; write the capture to disk first")]
    NotAFile,
    #[error("permission denied; run as a user who may read it")]
    Denied,
    #[error("cannot be read: {0}; check the disk")]
    Io(#[source] std::io::Error),
    #[error("is empty; nothing was recorded or the copy failed, so copy it again")]
    Empty,
    #[error("is an Arrow stream but not a journal of `record`; name a capture or its journal")]
    NotAJournal,
    #[error(
        "is a journal whose rows cannot be put into a temporary file ({0}); free some space, \
         set TMPDIR, or seal it with `record recover`"
    )]
    Temporary(String),
    #[error(
        "is an archive whose captures cannot be put into a temporary file ({0}); free some space, \
         or set TMPDIR"
    )]
    Unpacked(String),
    #[error(
        "is compressed with zstd, but no archive of captures; name a bundle of `record snapshot`, \
         or unpack it"
    )]
    NotABundle,
    #[error("is an archive that ends in the middle; copy it again")]
    BundleCut,
    #[error("is a damaged archive ({0}); copy it again")]
    BundleDamaged(String),
    #[error("is an archive that {0}; unpack it and name the captures")]
    BundleTooLarge(&'static str),
    #[error("is a journal in an archive; unpack it and seal it with `record recover`")]
    JournalInBundle,
    #[error("is not a Parquet file; name a capture written by `record`")]
    NotParquet,
    #[error("ends before its footer; copy it again, or run `record recover` on its journal")]
    Truncated,
    #[error("is damaged ({0}); copy it again, or run `record recover` on its journal")]
    Damaged(String),
    #[error(
        "has {} rows in {}, and connects that differ take more; use the capture as `record` \
         wrote it",
        units::count_u64(*rows),
        units::bytes(*bytes)
    )]
    Alike { rows: u64, bytes: u64 },
    #[error(
        "is damaged (statistics of column `{0}` say other than its rows); copy it again, or write \
         it anew"
    )]
    Statistics(&'static str),
    #[error("changed while it was read; try again")]
    Changed,
    #[error(
        "is compressed with {0}, which this program does not read; write it again with zstd or \
         without compression"
    )]
    Compression(String),
    #[error("is a Parquet file but not a capture; name one written by `record`")]
    NotACapture,
    #[error(
        "has format version {0}, this program reads up to {FORMAT_VERSION}; use a newer `analyze`"
    )]
    Newer(u64),
    #[error("has unusable metadata ({0}); record again")]
    Metadata(String),
    #[error("has no column `{0}`; use the capture as `record` wrote it")]
    ColumnMissing(&'static str),
    #[error("column `{column}` is {found}, not {expected}; use the capture as `record` wrote it")]
    ColumnType { column: &'static str, found: String, expected: String },
}

impl Problem {
    /// Whether the file is no capture at all, by what it holds.
    pub(super) fn is_foreign(&self) -> bool {
        matches!(
            self,
            Self::NotACapture
                | Self::NotParquet
                | Self::NotAJournal
                | Self::NotABundle
                | Self::NotAFile
        )
    }

    /// Damage found by a library.
    pub(crate) fn damaged(reason: impl std::fmt::Display) -> Self {
        Self::Damaged(short(&reason.to_string()))
    }

    /// Damage of an archive, found by a library.
    pub(super) fn bundle_damaged(reason: &str) -> Self {
        Self::BundleDamaged(short(reason))
    }

    /// The problem together with the file that has it.
    pub(crate) fn of(self, path: &Path) -> SourceError {
        let path = path.to_owned();
        SourceError::File { path, problem: self }
    }
}

/// A library's words on one line: they may hold anything, and many lines.
fn short(reason: &str) -> String {
    const LONGEST: usize = 160;
    let line = reason.lines().next().unwrap_or_default();
    let short: String = crate::escape::terminal(line).chars().take(LONGEST).collect();
    if short.is_empty() { "no details".to_owned() } else { short }
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => Self::Missing,
            std::io::ErrorKind::PermissionDenied => Self::Denied,
            std::io::ErrorKind::UnexpectedEof => Self::Truncated,
            _ => Self::Io(error),
        }
    }
}

impl From<MetadataError> for Problem {
    fn from(error: MetadataError) -> Self {
        match error {
            MetadataError::Version(version) => Self::Newer(version.into()),
            other => Self::Metadata(short(&other.to_string())),
        }
    }
}

impl From<JournalError> for Problem {
    fn from(error: JournalError) -> Self {
        match error {
            JournalError::Io(error) => error.into(),
            JournalError::NotAJournal => Self::NotAJournal,
            JournalError::Metadata(error) => error.into(),
            other => Self::damaged(other),
        }
    }
}
