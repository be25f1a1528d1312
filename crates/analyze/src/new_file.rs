//! Files that an answer is written to: new ones only, and whole or not at all.

use std::io::{self, Write};
use std::path::Path;

use crate::capture::display_name;

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
pub enum NotWritten {
    /// There is one of that name.
    #[error("{0} exists and is left as it is; name another file, or remove it")]
    Exists(String),
    /// It cannot be made.
    #[error("{file}: cannot be written: {error}; name a file in a directory that you can write to")]
    Cannot {
        /// The file.
        file: String,
        /// Why.
        error: io::Error,
    },
}

/// Whether a file can be new.
///
/// # Errors
/// [`NotWritten::Exists`], of a link that leads nowhere, too.
pub fn check(path: &Path) -> Result<(), NotWritten> {
    match path.symlink_metadata() {
        Ok(_) => Err(NotWritten::Exists(display_name(path))),
        Err(_) => Ok(()),
    }
}

/// Writes a file under a name that nothing has yet.
///
/// # Errors
/// [`NotWritten`]; then there is nothing of the file.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), NotWritten> {
    let cannot = |error| NotWritten::Cannot { file: display_name(path), error };
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".analyze-");
    // As any program makes its files; the umask has the last word.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut file = builder.tempfile_in(directory).map_err(cannot)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(cannot)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            Err(NotWritten::Exists(display_name(path)))
        }
        Err(error) => Err(cannot(error.error)),
    }
}
