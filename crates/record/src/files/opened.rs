//! What another process has open: its directories and the names of its files.
//!
//! No path of the other process is looked up. Its descriptors lead to what it
//! really has open, wherever that is in its own mounts.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, open, stat};

use super::directory::Directory;
use super::status::{FileId, Status};

/// What the kernel adds to the text of a descriptor whose file was removed.
const DELETED: &[u8] = b" (deleted)";
/// Following the link of a descriptor opens nothing but a directory.
const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// What a process has open at one moment.
#[derive(Debug, Default)]
pub struct OpenByProcess {
    /// Its directories.
    pub directories: Vec<Directory>,
    /// Its regular files: which, and by which name they were opened last.
    pub files: Vec<(FileId, OsString)>,
}

impl OpenByProcess {
    /// Looks at every descriptor of a process; those that are closed meanwhile
    /// are passed over.
    ///
    /// # Errors
    /// When the process is gone, or one that may not be looked into (ptrace(2)).
    pub fn look(pid: u32) -> io::Result<Self> {
        let mut found = Self::default();
        for entry in fs::read_dir(format!("/proc/{pid}/fd"))?.flatten() {
            let link = entry.path();
            let (Ok(status), Ok(text)) = (stat(&link), fs::read_link(&link)) else { continue };
            let status = Status::from(&status);
            match status.kind {
                FileType::RegularFile => {
                    let name = without_mark(&text).file_name().map(OsStr::to_owned);
                    found.files.extend(name.map(|name| (status.id, name)));
                }
                FileType::Directory => {
                    if let Ok(descriptor) = open(&link, DIRECTORY, Mode::empty()) {
                        let shown = without_mark(&text);
                        found.directories.push(Directory::new(descriptor, shown, None, None));
                    }
                }
                _ => {}
            }
        }
        Ok(found)
    }

    /// The directory in which a file has this name now.
    pub fn directory_of(&self, file: FileId, name: &OsStr) -> Option<&Directory> {
        let holds = |directory: &&Directory| {
            directory.status(name).is_ok_and(|status| status.is_some_and(|it| it.id == file))
        };
        self.directories.iter().find(holds)
    }
}

fn without_mark(text: &Path) -> PathBuf {
    let bytes = text.as_os_str().as_bytes();
    OsStr::from_bytes(bytes.strip_suffix(DELETED).unwrap_or(bytes)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_in_its_directory_and_not_by_its_path() {
        let scratch = tempfile::tempdir().expect("a directory");
        let here = scratch.path().join("here");
        fs::create_dir(&here).expect("made");
        let opened = Directory::open(&here).expect("opened");
        let file = opened.create("c.parquet.journal", 0o600).expect("created");
        let id = FileId::of(&file).expect("an id");
        // Somebody else's directory takes the place of the one that is open.
        fs::rename(&here, scratch.path().join("moved")).expect("renamed");
        fs::create_dir(&here).expect("made");
        fs::write(here.join("c.parquet.journal"), "another").expect("written");

        let look = OpenByProcess::look(std::process::id()).expect("our own");
        let name = OsStr::new("c.parquet.journal");
        assert!(look.files.contains(&(id, name.to_owned())));
        let found = look.directory_of(id, name).expect("its directory");
        let moved = FileId::of(Directory::open(&scratch.path().join("moved")).expect("opened"));
        assert_eq!(FileId::of(found).expect("an id"), moved.expect("an id"));
        assert!(look.directory_of(id, OsStr::new("other")).is_none());
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        assert!(OpenByProcess::look(0).is_err());
    }
}
