//! The file that is made: there whole or not at all, and never in place of
//! another.
//!
//! On Linux it has no name while it is written, if the file system can do that:
//! then nothing is left of it, however this program ends.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::capture::display_name;

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// There is one.
    #[error("{} is there and is not replaced; name another file", display_name(.0))]
    Exists(PathBuf),
    /// It cannot be written.
    #[error("{} cannot be written: {}; name a place where there is room and you may write", display_name(.0), .1)]
    Io(PathBuf, #[source] io::Error),
}

/// A file that is being written.
pub(super) struct Output {
    path: PathBuf,
    directory: PathBuf,
    file: Unnamed,
}

enum Unnamed {
    #[cfg(target_os = "linux")]
    Nameless(File),
    /// Under another name, which is removed.
    Temporary(NamedTempFile),
}

impl Output {
    /// Begins a file.
    ///
    /// # Errors
    /// [`OutputError`].
    pub(super) fn create(path: &Path) -> Result<Self, OutputError> {
        let failed = |error| OutputError::Io(path.to_owned(), error);
        if fs::symlink_metadata(path).is_ok() {
            return Err(OutputError::Exists(path.to_owned()));
        }
        if path.file_name().is_none() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let directory = parent.unwrap_or(Path::new(".")).to_owned();
        let file = match nameless(&directory) {
            Some(file) => file,
            None => Unnamed::Temporary(
                tempfile::Builder::new()
                    .prefix(".analyze-merge-")
                    .suffix(".tmp")
                    .tempfile_in(&directory)
                    .map_err(failed)?,
            ),
        };
        Ok(Self { path: path.to_owned(), directory, file })
    }

    /// Where it will be.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// To write to.
    pub(super) fn file(&self) -> &File {
        match &self.file {
            #[cfg(target_os = "linux")]
            Unnamed::Nameless(file) => file,
            Unnamed::Temporary(file) => file.as_file(),
        }
    }

    /// Gives it its name, once it is on the disk; returns its size.
    ///
    /// # Errors
    /// [`OutputError`].
    pub(super) fn publish(self) -> Result<u64, OutputError> {
        let failed = |error| OutputError::Io(self.path.clone(), error);
        self.file().sync_all().map_err(failed)?;
        let bytes = self.file().metadata().map_err(failed)?.len();
        let named = match self.file {
            #[cfg(target_os = "linux")]
            Unnamed::Nameless(file) => link(&file, &self.path),
            Unnamed::Temporary(file) => {
                file.persist_noclobber(&self.path).map(drop).map_err(|error| error.error)
            }
        };
        named.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => OutputError::Exists(self.path.clone()),
            _ => OutputError::Io(self.path.clone(), error),
        })?;
        // The name, too; where a directory cannot be synced it is as safe as can be.
        if let Ok(directory) = File::open(&self.directory) {
            let _ = directory.sync_all();
        }
        Ok(bytes)
    }
}

#[cfg(target_os = "linux")]
fn nameless(directory: &Path) -> Option<Unnamed> {
    use rustix::fs::{Mode, OFlags, open};

    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    // Captures say who connected where: for their owner only, as record's are.
    let file = open(directory, flags, Mode::RUSR | Mode::WUSR).ok()?;
    // It is named by way of /proc, which a container may lack.
    let file = File::from(file);
    fs::metadata(by_descriptor(&file)).is_ok().then_some(Unnamed::Nameless(file))
}

#[cfg(target_os = "linux")]
fn by_descriptor(file: &File) -> PathBuf {
    use std::os::fd::AsRawFd;

    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

#[cfg(target_os = "linux")]
fn link(file: &File, path: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD, linkat};

    Ok(linkat(CWD, by_descriptor(file), CWD, path, AtFlags::SYMLINK_FOLLOW)?)
}

#[cfg(not(target_os = "linux"))]
fn nameless(_: &Path) -> Option<Unnamed> {
    None
}
