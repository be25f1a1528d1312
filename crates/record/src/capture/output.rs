//! The files of one capture, and what must not be overwritten on the way.
//!
//! A capture's directory is opened once and every file in it is reached
//! through that handle: whoever moves or replaces the directory, or puts a
//! link in its place, does not redirect a recorder that runs as root.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use connlat_schema::capture::journal::JOURNAL_SUFFIX;
use rustix::fs::FileType;

pub use super::output_error::OutputError;
use crate::files::{Directory, FileId, lock};

/// Suffix of the sealed file while it is written.
pub const TEMPORARY_SUFFIX: &str = ".tmp";
/// Most captures of one name: `NAME-2`, `NAME-3` …
const MOST_NUMBERED: u32 = 1_000;
/// Mode of new files: who connected where is nobody else's business.
pub const DEFAULT_MODE: u32 = 0o600;

/// The files of one capture.
#[derive(Debug, Clone)]
pub struct Output {
    directory: Directory,
    name: String,
    replace: bool,
    mode: u32,
}

impl Output {
    /// A file asked for by its path; nothing is created yet.
    ///
    /// # Errors
    /// [`OutputError`] when something is in the way.
    pub fn at(path: &Path, replace: bool, mode: u32) -> Result<Self, OutputError> {
        let output = Self::unchecked(path, replace, mode)?;
        output.check()?;
        Ok(output)
    }

    /// Like [`Output::at`], without looking what is there.
    ///
    /// # Errors
    /// [`OutputError`] when the path names no file in a directory.
    pub fn unchecked(path: &Path, replace: bool, mode: u32) -> Result<Self, OutputError> {
        let not_a_file = || OutputError::NotAFile(path.to_owned());
        let name = path.file_name().ok_or_else(not_a_file)?;
        let name = name.to_str().ok_or_else(not_a_file)?.to_owned();
        let parent = path.parent().unwrap_or(Path::new(""));
        let directory = Directory::open(parent).map_err(|source| {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            OutputError::Io { path: parent.to_owned(), source }
        })?;
        Ok(Self::within(directory, name, replace, mode))
    }

    /// A file in a directory that is open already.
    pub fn within(directory: Directory, name: String, replace: bool, mode: u32) -> Self {
        Self { directory, name, replace, mode }
    }

    /// The sealed capture, as a person names it.
    pub fn shown(&self) -> PathBuf {
        self.directory.shown(&self.name)
    }

    /// The journal, as a person names it.
    pub fn shown_journal(&self) -> PathBuf {
        self.directory.shown(self.journal_name())
    }

    /// The directory, as a person names it.
    pub fn shown_directory(&self) -> &Path {
        self.directory.shown_itself()
    }

    /// The name of the journal beside the capture.
    pub fn journal_name(&self) -> String {
        format!("{}{JOURNAL_SUFFIX}", self.name)
    }

    /// The name of the sealed file while it is written.
    fn temporary_name(&self) -> String {
        format!("{}{TEMPORARY_SUFFIX}", self.name)
    }

    /// The directory the files are in.
    pub fn directory(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// Likewise, with what can be done in it.
    pub fn files(&self) -> &Directory {
        &self.directory
    }

    /// Whether sealing may replace an existing capture.
    pub fn replace(&self) -> bool {
        self.replace
    }

    /// Another file beside this one, with the same mode.
    pub fn sibling(&self, name: String) -> Self {
        Self { name, replace: false, ..self.clone() }
    }

    /// The file's name without its directory.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// This output, or if its name is taken the first of `NAME-2`, `NAME-3` …
    /// that is not.
    ///
    /// # Errors
    /// [`OutputError`] when all are taken or something else is wrong.
    pub fn first_unused(self) -> Result<Self, OutputError> {
        Ok(self.first_where(Self::check)?.0)
    }

    /// Creates the journal of this output, or if the name is taken of the
    /// first of `NAME-2`, `NAME-3` … that is not. Creation decides, so that
    /// recorders do not take a name from each other.
    ///
    /// # Errors
    /// [`OutputError`] when all are taken or something else is wrong.
    pub fn create_first_unused(self) -> Result<(Self, File), OutputError> {
        self.first_where(|output| {
            // A journal that would be taken back at once is not made.
            output.check()?;
            output.create_journal()
        })
    }

    fn first_where<T>(
        self,
        attempt: impl Fn(&Self) -> Result<T, OutputError>,
    ) -> Result<(Self, T), OutputError> {
        let stem = self.name.trim_end_matches(".parquet").to_owned();
        let mut output = self;
        let mut number = 1;
        loop {
            number += 1;
            match attempt(&output) {
                Ok(done) => return Ok((output, done)),
                Err(error) if number < MOST_NUMBERED && error.is_about_the_name() => {
                    output = output.sibling(format!("{stem}-{number}.parquet"));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Creates the journal and locks it; fails if there is one, or a capture.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn create_journal(&self) -> Result<File, OutputError> {
        let error = |source: io::Error| match source.kind() {
            io::ErrorKind::AlreadyExists => OutputError::JournalExists(self.shown_journal()),
            _ => OutputError::Io { path: self.shown_journal(), source },
        };
        let file = self.directory.create(&self.journal_name(), self.mode).map_err(error)?;
        // Tells `record recover` that this journal is in use.
        let checked = match lock::for_writing(&file) {
            Ok(true) => self.check_capture(),
            Ok(false) => Err(error(io::ErrorKind::WouldBlock.into())),
            Err(source) => Err(error(source)),
        };
        match checked {
            Ok(()) => Ok(file),
            // Another recorder may have sealed its capture since we looked.
            Err(error) => {
                if let Ok(id) = FileId::of(&file) {
                    self.remove_empty_journal(id);
                }
                Err(error)
            }
        }
    }

    /// Takes back a journal that was just created, if it holds nothing.
    pub fn remove_empty_journal(&self, journal: FileId) {
        let name = self.journal_name();
        // One that stays is harmless: `record recover` removes it.
        if let Ok(Some(status)) = self.directory.status(&name)
            && status.bytes == 0
        {
            let _ = self.directory.remove(name, journal);
        }
    }

    /// Removes the journal, which must still be this file.
    ///
    /// # Errors
    /// From unlink(2), or that it is another file.
    pub fn remove_journal(&self, journal: &File) -> io::Result<()> {
        self.directory.remove(self.journal_name(), FileId::of(journal)?)
    }

    /// Opens the capture for reading; it must be a regular file.
    ///
    /// # Errors
    /// From open(2).
    pub fn open_capture(&self) -> io::Result<File> {
        self.directory.open_file(&self.name)
    }

    /// Creates the file that becomes the capture.
    ///
    /// # Errors
    /// From open(2) or unlink(2).
    pub fn create_temporary(&self) -> io::Result<File> {
        let name = self.temporary_name();
        // Left over from a seal that was killed; the journal still has its rows.
        if let Some(left) = self.directory.status(&name)? {
            self.directory.remove(&name, left.id)?;
        }
        self.directory.create(&name, self.mode)
    }

    /// Takes back what [`Output::create_temporary`] made.
    pub fn remove_temporary(&self, file: &File) {
        // One that stays is removed by the next attempt.
        let _ = FileId::of(file).and_then(|id| self.directory.remove(self.temporary_name(), id));
    }

    /// Gives the finished file its name, durably.
    ///
    /// # Errors
    /// From rename(2) or fsync(2); `AlreadyExists` when a file is in the way.
    pub fn publish(&self, file: &File) -> io::Result<()> {
        self.directory.rename(
            &self.temporary_name(),
            FileId::of(file)?,
            &self.name,
            self.replace,
        )?;
        self.sync_directory()
    }

    /// Makes what happened in the directory durable.
    ///
    /// # Errors
    /// From fsync(2).
    pub fn sync_directory(&self) -> io::Result<()> {
        self.directory.sync()
    }

    /// Whether the directory has been removed from under us.
    pub fn directory_is_gone(&self) -> bool {
        self.directory.is_gone()
    }

    /// Makes the directory again where it was.
    ///
    /// # Errors
    /// From mkdir(2) or open(2), or that something else is there.
    pub fn recreate_directory(&mut self) -> io::Result<()> {
        self.directory = self.directory.recreate()?;
        Ok(())
    }

    /// Refuses what is in the way.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn check(&self) -> Result<(), OutputError> {
        self.check_capture()?;
        match self.directory.status(self.journal_name()) {
            Ok(Some(_)) => Err(OutputError::JournalExists(self.shown_journal())),
            _ => Ok(()),
        }
    }

    /// Refuses what has the capture's name and must not be replaced.
    fn check_capture(&self) -> Result<(), OutputError> {
        match self.directory.status(&self.name) {
            Ok(Some(status)) => match status.kind {
                FileType::RegularFile if self.replace => Ok(()),
                FileType::RegularFile => Err(OutputError::Exists(self.shown())),
                FileType::Directory => Err(OutputError::NotAFile(self.shown())),
                _ => Err(OutputError::NotReplaceable(self.shown())),
            },
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
