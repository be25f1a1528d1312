//! Where a capture goes, and what must not be overwritten on the way.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use connlat_schema::capture::journal::JOURNAL_SUFFIX;

/// Mode of new files: who connected where is nobody else's business.
const FILE_MODE: u32 = 0o600;

/// Why an output cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The capture exists already.
    #[error("{} exists; use --force to replace it, or another --output", .0.display())]
    Exists(PathBuf),
    /// Another recording's journal is in the way; it may hold its only data.
    #[error(
        "{} is the journal of another recording; it is never replaced: choose another --output",
        .0.display()
    )]
    JournalExists(PathBuf),
    /// The path names no file.
    #[error("{} is not a file name; use --output DIR/NAME.parquet", .0.display())]
    NotAFile(PathBuf),
    /// The system said no.
    #[error("cannot write {}: {source}", path.display())]
    Io {
        /// What was to be written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The files of one capture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    capture: PathBuf,
    replace: bool,
}

impl Output {
    /// Takes the path asked for, or chooses a name in the current directory.
    ///
    /// # Errors
    /// [`OutputError`] when something is in the way; nothing is created yet.
    pub fn choose(asked: Option<&Path>, force: bool, host: &str) -> Result<Self, OutputError> {
        let capture = match asked {
            Some(path) => path.to_owned(),
            None => PathBuf::from(default_name(host, SystemTime::now().into())),
        };
        let output = Self { capture, replace: force };
        output.check()?;
        Ok(output)
    }

    /// The sealed capture.
    pub fn capture(&self) -> &Path {
        &self.capture
    }

    /// Whether sealing may replace an existing capture.
    pub fn replace(&self) -> bool {
        self.replace
    }

    /// The journal beside it.
    pub fn journal(&self) -> PathBuf {
        suffixed(&self.capture, JOURNAL_SUFFIX)
    }

    /// Creates the journal; fails if there is one.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn create_journal(&self) -> Result<File, OutputError> {
        let path = self.journal();
        create_new(&path).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => OutputError::JournalExists(path),
            _ => OutputError::Io { path, source },
        })
    }

    fn check(&self) -> Result<(), OutputError> {
        let is_directory = self.capture.is_dir();
        if self.capture.file_name().is_none() || is_directory {
            return Err(OutputError::NotAFile(self.capture.clone()));
        }
        if !self.replace && fs::symlink_metadata(&self.capture).is_ok() {
            return Err(OutputError::Exists(self.capture.clone()));
        }
        let journal = self.journal();
        if fs::symlink_metadata(&journal).is_ok() {
            return Err(OutputError::JournalExists(journal));
        }
        let directory = directory_of(&self.capture);
        match fs::metadata(directory) {
            Ok(metadata) if metadata.is_dir() => Ok(()),
            Ok(_) => Err(OutputError::Io {
                path: directory.to_owned(),
                source: io::ErrorKind::NotADirectory.into(),
            }),
            Err(source) => Err(OutputError::Io { path: directory.to_owned(), source }),
        }
    }
}

/// Creates a file that must not exist yet, not even as a link.
pub(super) fn create_new(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(FILE_MODE).open(path)
}

/// The directory a file is in.
pub(super) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

pub(super) fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// `connlat-HOST-UTCTIME.parquet`, the host reduced to what is safe in a name.
fn default_name(host: &str, now: DateTime<Utc>) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let host: String = host.chars().take(64).map(|c| if safe(c) { c } else { '_' }).collect();
    let time = now.format("%Y%m%dT%H%M%SZ");
    format!("connlat-{host}-{time}.parquet")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_name_is_safe_and_in_utc() {
        let time: DateTime<Utc> = "2026-11-23T20:05:09.7+01:00".parse().expect("a time");
        assert_eq!(
            default_name("web-1.example", time),
            "connlat-web-1.example-20261123T190509Z.parquet"
        );
        assert_eq!(default_name("../a b\n", time), "connlat-.._a_b_-20261123T190509Z.parquet");
    }

    #[test]
    fn nothing_in_the_way_is_touched() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("c.parquet");
        let choose = |force| Output::choose(Some(&path), force, "h");

        assert!(choose(false).is_ok());
        fs::write(&path, "old").expect("write");
        assert!(matches!(choose(false), Err(OutputError::Exists(_))));
        assert!(choose(true).is_ok());

        let output = choose(true).expect("forced");
        drop(output.create_journal().expect("a new journal"));
        assert!(matches!(output.create_journal(), Err(OutputError::JournalExists(_))));
        assert!(matches!(choose(true), Err(OutputError::JournalExists(_))), "not even by force");
    }

    #[test]
    fn places_that_cannot_be_written_are_named() {
        let directory = tempfile::tempdir().expect("a directory");
        let missing = directory.path().join("no/c.parquet");
        assert!(matches!(Output::choose(Some(&missing), false, "h"), Err(OutputError::Io { .. })));
        assert!(matches!(
            Output::choose(Some(directory.path()), false, "h"),
            Err(OutputError::NotAFile(_))
        ));
    }

    #[test]
    fn a_dangling_link_counts_as_existing() {
        let directory = tempfile::tempdir().expect("a directory");
        let link = directory.path().join("c.parquet");
        std::os::unix::fs::symlink("/nonexistent", &link).expect("a link");
        assert!(matches!(Output::choose(Some(&link), false, "h"), Err(OutputError::Exists(_))));
    }
}
