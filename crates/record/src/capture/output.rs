//! The files of one capture, and what must not be overwritten on the way.
//!
//! A capture's directory is opened once and every file in it is reached
//! through that descriptor: whoever moves or replaces the directory, or puts a
//! link in its place, does not redirect a recorder that runs as root.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use connlat_schema::capture::journal::JOURNAL_SUFFIX;
use rustix::fs::{FlockOperation, flock};

/// Suffix of the sealed file while it is written.
const TEMPORARY_SUFFIX: &str = ".tmp";
/// Mode of new files: who connected where is nobody else's business.
pub const DEFAULT_MODE: u32 = 0o600;

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

/// The files of one capture.
#[derive(Debug, Clone)]
pub struct Output {
    directory: Arc<OwnedFd>,
    shown_directory: PathBuf,
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
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let directory = open_directory(parent)
            .map_err(|source| OutputError::Io { path: parent.to_owned(), source })?;
        Ok(Self::within(Arc::new(directory), parent.to_owned(), name, replace, mode))
    }

    /// A file in a directory that is open already.
    pub fn within(
        directory: Arc<OwnedFd>,
        shown_directory: PathBuf,
        name: String,
        replace: bool,
        mode: u32,
    ) -> Self {
        Self { directory, shown_directory, name, replace, mode }
    }

    /// The sealed capture, as a person names it.
    pub fn shown(&self) -> PathBuf {
        match self.shown_directory.as_path() {
            directory if directory == Path::new(".") => PathBuf::from(&self.name),
            directory => directory.join(&self.name),
        }
    }

    /// The journal, as a person names it.
    pub fn shown_journal(&self) -> PathBuf {
        suffixed(&self.shown(), JOURNAL_SUFFIX)
    }

    /// The sealed capture.
    pub fn capture(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}/{}", self.directory.as_raw_fd(), self.name))
    }

    /// The journal beside it.
    pub fn journal(&self) -> PathBuf {
        suffixed(&self.capture(), JOURNAL_SUFFIX)
    }

    /// The sealed file while it is written.
    pub fn temporary(&self) -> PathBuf {
        suffixed(&self.capture(), TEMPORARY_SUFFIX)
    }

    /// The directory the files are in.
    pub fn directory(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// Whether sealing may replace an existing capture.
    pub fn replace(&self) -> bool {
        self.replace
    }

    /// Another file beside this one, with the same mode.
    pub fn sibling(&self, name: String) -> Self {
        Self { name, replace: false, ..self.clone() }
    }

    /// This output, or if its name is taken the first of `NAME-2`, `NAME-3` …
    /// that is not.
    ///
    /// # Errors
    /// [`OutputError`] when all are taken or something else is wrong.
    pub fn first_unused(self) -> Result<Self, OutputError> {
        let stem = self.name.trim_end_matches(".parquet").to_owned();
        let mut output = self;
        for number in 2..1_000 {
            match output.check() {
                Err(
                    OutputError::Exists(_)
                    | OutputError::JournalExists(_)
                    | OutputError::NotReplaceable(_),
                ) => {
                    output = output.sibling(format!("{stem}-{number}.parquet"));
                }
                result => return result.map(|()| output),
            }
        }
        output.check().map(|()| output)
    }

    /// The file's name without its directory.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Creates the journal and locks it; fails if there is one.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn create_journal(&self) -> Result<File, OutputError> {
        let error = |source: io::Error| match source.kind() {
            io::ErrorKind::AlreadyExists => OutputError::JournalExists(self.shown_journal()),
            _ => OutputError::Io { path: self.shown_journal(), source },
        };
        let file = self.create(&self.journal()).map_err(error)?;
        // Tells `record recover` that this journal is in use.
        if let Err(errno) = flock(&file, FlockOperation::NonBlockingLockExclusive) {
            self.remove_empty_journal();
            return Err(error(errno.into()));
        }
        Ok(file)
    }

    /// Takes back a journal that was just created and holds nothing.
    pub fn remove_empty_journal(&self) {
        if fs::symlink_metadata(self.journal()).is_ok_and(|journal| journal.len() == 0) {
            // One that stays is harmless: `record recover` removes it.
            let _ = fs::remove_file(self.journal());
        }
    }

    /// Creates a file of this output that must not exist yet, not even as a link.
    ///
    /// # Errors
    /// From open(2).
    pub fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).mode(self.mode).open(path)
    }

    /// Makes what happened in the directory durable.
    ///
    /// # Errors
    /// From open(2) or fsync(2).
    pub fn sync_directory(&self) -> io::Result<()> {
        File::open(format!("/proc/self/fd/{}", self.directory.as_raw_fd()))?.sync_all()
    }

    /// Whether the directory has been removed from under us.
    pub fn directory_is_gone(&self) -> bool {
        rustix::fs::fstat(&*self.directory).is_ok_and(|stat| stat.st_nlink == 0)
    }

    /// Makes the directory again where it was.
    ///
    /// # Errors
    /// From mkdir(2) or open(2).
    pub fn recreate_directory(&mut self) -> io::Result<()> {
        fs::create_dir_all(&self.shown_directory)?;
        self.directory = Arc::new(open_directory(&self.shown_directory)?);
        Ok(())
    }

    /// Refuses what is in the way.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn check(&self) -> Result<(), OutputError> {
        match fs::symlink_metadata(self.capture()) {
            Ok(metadata) if metadata.is_dir() => return Err(OutputError::NotAFile(self.shown())),
            Ok(metadata) if !metadata.is_file() => {
                return Err(OutputError::NotReplaceable(self.shown()));
            }
            Ok(_) if !self.replace => return Err(OutputError::Exists(self.shown())),
            _ => {}
        }
        if fs::symlink_metadata(self.journal()).is_ok() {
            return Err(OutputError::JournalExists(self.shown_journal()));
        }
        Ok(())
    }
}

/// Opens a directory for reaching the files in it.
pub(super) fn open_directory(path: &Path) -> io::Result<OwnedFd> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_DIRECTORY | libc::O_CLOEXEC)
        .open(path)?;
    Ok(file.into())
}

/// Opens an existing journal for sealing: a plain file, no link, nothing that blocks.
pub(super) fn open_journal(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_CLOEXEC)
        .open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.nlink() == 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok(file)
}

pub(super) fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(path: &Path, replace: bool) -> Result<Output, OutputError> {
        Output::at(path, replace, DEFAULT_MODE)
    }

    #[test]
    fn nothing_in_the_way_is_touched() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("c.parquet");
        assert!(at(&path, false).is_ok());
        fs::write(&path, "old").expect("write");
        assert!(matches!(at(&path, false), Err(OutputError::Exists(_))));

        let output = at(&path, true).expect("forced");
        assert_eq!(output.shown(), path);
        drop(output.create_journal().expect("a new journal"));
        assert!(matches!(output.create_journal(), Err(OutputError::JournalExists(_))));
        assert!(matches!(at(&path, true), Err(OutputError::JournalExists(_))), "not even by force");
    }

    #[test]
    fn places_that_cannot_be_written_are_named() {
        let directory = tempfile::tempdir().expect("a directory");
        let missing = directory.path().join("no/c.parquet");
        assert!(matches!(at(&missing, false), Err(OutputError::Io { .. })));
        assert!(matches!(at(directory.path(), false), Err(OutputError::NotAFile(_))));
        assert!(matches!(at(Path::new("/"), false), Err(OutputError::NotAFile(_))));
    }

    #[test]
    fn only_regular_files_are_replaced() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("c.parquet");
        std::os::unix::fs::symlink("/nonexistent", &path).expect("a link");
        for force in [false, true] {
            assert!(matches!(at(&path, force), Err(OutputError::NotReplaceable(_))));
        }
        fs::remove_file(&path).expect("removed");
        let socket = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
        for force in [false, true] {
            assert!(matches!(at(&path, force), Err(OutputError::NotReplaceable(_))));
        }
        drop(socket);
    }

    #[test]
    fn a_journal_is_not_written_through_a_link() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("c.parquet");
        let forced = at(&path, true).expect("an output");
        let journal = suffixed(&path, JOURNAL_SUFFIX);
        std::os::unix::fs::symlink("/tmp/elsewhere", journal).expect("a link");
        assert!(forced.create_journal().is_err());
        assert!(!Path::new("/tmp/elsewhere").exists());
    }

    #[test]
    fn a_directory_that_is_swapped_does_not_redirect() {
        let directory = tempfile::tempdir().expect("a directory");
        let inner = directory.path().join("captures");
        fs::create_dir(&inner).expect("a directory");
        let output = at(&inner.join("c.parquet"), false).expect("an output");
        let moved = directory.path().join("moved");
        fs::rename(&inner, &moved).expect("moved");
        std::os::unix::fs::symlink("/", &inner).expect("a link in its place");
        drop(output.create_journal().expect("in the directory that was opened"));
        assert!(moved.join("c.parquet.journal").exists());
    }

    #[test]
    fn a_removed_directory_is_noticed_and_made_again() {
        let directory = tempfile::tempdir().expect("a directory");
        let inner = directory.path().join("captures");
        fs::create_dir(&inner).expect("a directory");
        let mut output = at(&inner.join("c.parquet"), false).expect("an output");
        assert!(!output.directory_is_gone());
        fs::remove_dir(&inner).expect("removed");
        assert!(output.directory_is_gone());
        output.recreate_directory().expect("made again");
        drop(output.create_journal().expect("in it"));
        assert!(inner.join("c.parquet.journal").exists());
    }

    #[test]
    fn a_journal_must_be_a_plain_file() {
        let directory = tempfile::tempdir().expect("a directory");
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        fs::write(&file, "x").expect("write");
        std::os::unix::fs::symlink(&file, &link).expect("a link");
        assert!(open_journal(&file).is_ok());
        assert!(open_journal(&link).is_err());
        assert!(open_journal(directory.path()).is_err());
    }
}
