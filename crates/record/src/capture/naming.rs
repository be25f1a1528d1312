//! Names of captures: the default file, and the tree of a flight recorder.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rustix::fs::{Mode, OFlags, mkdirat, openat};

use super::output::{Output, OutputError, open_directory};

/// Mode of directories made here.
const DIRECTORY_MODE: Mode = Mode::RWXU.union(Mode::RGRP).union(Mode::XGRP);

/// `connlat-HOST-UTCTIME.parquet`.
pub fn capture_name(host: &str, now: DateTime<Utc>) -> String {
    format!("{}{}.parquet", name_prefix(host), now.format("%Y%m%dT%H%M%SZ"))
}

/// What the names of this host's captures begin with.
pub fn name_prefix(host: &str) -> String {
    format!("connlat-{}-", safe(host))
}

/// The host reduced to what is safe in a file name.
fn safe(host: &str) -> String {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    host.chars().take(64).map(|c| if is_safe(c) { c } else { '_' }).collect()
}

/// A directory below which captures lie as `host=HOST/date=YYYY-MM-DD/NAME`,
/// as engines that know hive partitions expect.
#[derive(Debug, Clone)]
pub struct CaptureTree {
    root: Arc<OwnedFd>,
    shown: PathBuf,
    host: String,
    mode: u32,
}

impl CaptureTree {
    /// Opens the root, which has to exist.
    ///
    /// # Errors
    /// [`OutputError::Io`].
    pub fn open(root: &Path, host: &str, mode: u32) -> Result<Self, OutputError> {
        let directory = open_directory(root)
            .map_err(|source| OutputError::Io { path: root.to_owned(), source })?;
        let shown = root.to_owned();
        Ok(Self { root: Arc::new(directory), shown, host: host.to_owned(), mode })
    }

    /// The root directory.
    pub fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// The output of a segment that begins now; the second in one second gets
    /// a number.
    ///
    /// # Errors
    /// [`OutputError`] when a directory cannot be made or is not a plain one.
    pub fn output(&self, now: DateTime<Utc>) -> Result<Output, OutputError> {
        let (directory, shown) = self.day(now)?;
        let name = capture_name(&self.host, now);
        Output::within(directory, shown, name, false, self.mode).first_unused()
    }

    /// The directory of this host.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn host_directory(&self) -> Result<(OwnedFd, PathBuf), OutputError> {
        let name = format!("host={}", safe(&self.host));
        descend(self.root.as_fd(), &self.shown, &name)
    }

    fn day(&self, now: DateTime<Utc>) -> Result<(Arc<OwnedFd>, PathBuf), OutputError> {
        let (host, shown) = self.host_directory()?;
        let date = format!("date={}", now.format("%Y-%m-%d"));
        let (day, shown) = descend(host.as_fd(), &shown, &date)?;
        Ok((Arc::new(day), shown))
    }
}

/// Opens a directory inside another, made if it is not there; links are refused.
fn descend(
    parent: BorrowedFd<'_>,
    shown: &Path,
    name: &str,
) -> Result<(OwnedFd, PathBuf), OutputError> {
    let path = shown.join(name);
    match mkdirat(parent, name, DIRECTORY_MODE) {
        Ok(()) | Err(rustix::io::Errno::EXIST) => {}
        Err(errno) => return Err(OutputError::Io { path, source: errno.into() }),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    // The name is one component. Not openat2: seccomp filters that inspect
    // modes, as of systemd's RestrictSUIDSGID=, answer it with ENOSYS.
    match openat(parent, name, flags, Mode::empty()) {
        Ok(directory) => Ok((directory, path)),
        Err(rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR) => {
            Err(OutputError::NotADirectory(path))
        }
        Err(errno) => Err(OutputError::Io { path, source: io::Error::from(errno) }),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::capture::output::DEFAULT_MODE;

    fn time() -> DateTime<Utc> {
        "2026-11-23T20:05:09.7+01:00".parse().expect("a time")
    }

    #[test]
    fn names_are_safe_and_in_utc() {
        assert_eq!(
            capture_name("web-1.example", time()),
            "connlat-web-1.example-20261123T190509Z.parquet"
        );
        assert_eq!(capture_name("../a b\n", time()), "connlat-.._a_b_-20261123T190509Z.parquet");
    }

    #[test]
    fn segments_of_one_second_get_numbers() {
        let root = tempfile::tempdir().expect("a directory");
        let tree = CaptureTree::open(root.path(), "h", DEFAULT_MODE).expect("a tree");
        let directory = root.path().join("host=h/date=2026-11-23");
        for name in ["connlat-h-20261123T190509Z.parquet", "connlat-h-20261123T190509Z-2.parquet"] {
            let output = tree.output(time()).expect("an output");
            assert_eq!(output.shown(), directory.join(name));
            drop(output.create_journal().expect("a journal"));
        }
    }

    #[test]
    fn links_in_the_tree_are_refused() {
        let root = tempfile::tempdir().expect("a directory");
        std::os::unix::fs::symlink("/tmp", root.path().join("host=h")).expect("a link");
        let tree = CaptureTree::open(root.path(), "h", DEFAULT_MODE).expect("a tree");
        assert!(matches!(tree.output(time()), Err(OutputError::NotADirectory(_))));
        fs::remove_file(root.path().join("host=h")).expect("removed");
        fs::write(root.path().join("host=h"), "a file").expect("write");
        assert!(matches!(tree.output(time()), Err(OutputError::NotADirectory(_))));
    }
}
