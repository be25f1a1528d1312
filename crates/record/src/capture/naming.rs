//! Names of captures: the default file, and the tree of a flight recorder.

use std::fmt::Write;
use std::fs::File;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;

use chrono::{DateTime, Utc};
use rustix::io::Errno;
use sha2::{Digest, Sha256};

use super::output::{Output, OutputError};
use crate::files::Directory;

/// `connlat-HOST-UTCTIME.parquet`.
pub fn capture_name(host: &str, now: DateTime<Utc>) -> String {
    format!("{}{}.parquet", name_prefix(host), now.format("%Y%m%dT%H%M%SZ"))
}

/// `STEM.snapshot-UTCTIME.parquet`: a copy of a capture that goes on.
pub fn snapshot_name(capture: &str, now: DateTime<Utc>) -> String {
    format!("{}{}.parquet", snapshot_prefix(capture), now.format("%Y%m%dT%H%M%S%.3fZ"))
}

/// What the names of copies of a capture begin with.
pub fn snapshot_prefix(capture: &str) -> String {
    format!("{}.snapshot-", capture.trim_end_matches(".parquet"))
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

/// The directory of a host in a [`CaptureTree`]: `node=h-HOST`.
///
/// Engines that know hive partitions make a column of the key and guess its type
/// from the value. So the key is no column of a capture; the value begins with
/// a letter and a hyphen, which no number, date, boolean or null does; and each
/// byte but ASCII letters, digits, `-` and `.` is `_` and two hexadecimal
/// digits, so that no two hosts share a directory and no engine has to decode
/// anything. A name that would be too long for a directory ends in a digest.
fn node_directory(host: &str) -> String {
    let mut encoded = String::new();
    for byte in host.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.') {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "_{byte:02x}");
        }
    }
    if encoded.len() > LONGEST_NODE {
        encoded.truncate(LONGEST_NODE - 34);
        // A plain name has no `_` that two of these letters follow.
        encoded.push_str("_z");
        for byte in &Sha256::digest(host.as_bytes())[..16] {
            let _ = write!(encoded, "{byte:02x}");
        }
    }
    format!("node=h-{encoded}")
}

/// The directory of a host in trees of connlat before `node=`.
fn former_directory(host: &str) -> String {
    format!("host={}", safe(host))
}

/// Most bytes of an encoded host: a name in Linux has 64 bytes, which take three
/// each at most, and a directory's name may have 255.
const LONGEST_NODE: usize = 200;

/// A directory below which captures lie as `node=h-HOST/date=YYYY-MM-DD/NAME`,
/// as engines that know hive partitions expect.
#[derive(Debug, Clone)]
pub struct CaptureTree {
    root: Directory,
    host: String,
    mode: u32,
}

impl CaptureTree {
    /// Opens the root, which has to exist.
    ///
    /// # Errors
    /// [`OutputError::Io`].
    pub fn open(root: &Path, host: &str, mode: u32) -> Result<Self, OutputError> {
        let directory = Directory::open(root)
            .map_err(|source| OutputError::Io { path: root.to_owned(), source })?;
        Ok(Self { root: directory, host: host.to_owned(), mode })
    }

    /// The root directory.
    pub fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Likewise, with what can be done in it.
    pub fn files(&self) -> &Directory {
        &self.root
    }

    /// The output of a segment that begins now, and its journal; the second in
    /// one second gets a number.
    ///
    /// # Errors
    /// [`OutputError`] when a directory cannot be made or is not a plain one,
    /// or the journal cannot be created.
    pub fn create_journal(&self, now: DateTime<Utc>) -> Result<(Output, File), OutputError> {
        let date = format!("date={}", now.format("%Y-%m-%d"));
        let day = descend(&self.host_directory()?, &date)?;
        let name = capture_name(&self.host, now);
        Output::within(day, name, false, self.mode).create_first_unused()
    }

    /// The directory of this host, made if it is not there.
    ///
    /// # Errors
    /// [`OutputError`].
    pub fn host_directory(&self) -> Result<Directory, OutputError> {
        descend(&self.root, &node_directory(&self.host))
    }

    /// The directory that connlat before `node=` made for this host; `None` if
    /// there is none, or it is a link.
    pub fn former_directory(&self) -> Option<Directory> {
        self.root.subdirectory(former_directory(&self.host)).ok()
    }
}

/// Opens a directory inside another, made if it is not there; links are refused.
fn descend(parent: &Directory, name: &str) -> Result<Directory, OutputError> {
    parent.make_subdirectory(name).map_err(|source| {
        let path = parent.shown(name);
        match Errno::from_io_error(&source) {
            Some(Errno::LOOP | Errno::NOTDIR) => OutputError::NotADirectory(path),
            _ => OutputError::Io { path, source },
        }
    })
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
        let snapshot = "a.snapshot-20261123T190509.700Z.parquet";
        assert_eq!(snapshot_name("a.parquet", time()), snapshot);
        assert_eq!(capture_name("../a b\n", time()), "connlat-.._a_b_-20261123T190509Z.parquet");
    }

    #[test]
    fn a_directory_tells_hosts_apart_and_is_no_number_date_or_null() {
        for (host, directory) in [
            ("web-1.example", "node=h-web-1.example"),
            ("123", "node=h-123"),
            ("2026-11-25", "node=h-2026-11-25"),
            ("__HIVE_DEFAULT_PARTITION__", "node=h-_5f_5fHIVE_5fDEFAULT_5fPARTITION_5f_5f"),
            ("a=b", "node=h-a_3db"),
            ("a:b", "node=h-a_3ab"),
            ("a_3ab", "node=h-a_5f3ab"),
            ("é/\n", "node=h-_c3_a9_2f_0a"),
            ("", "node=h-"),
        ] {
            assert_eq!(node_directory(host), directory);
        }
        let long = |last: &str| node_directory(&("\u{fffd}".repeat(63) + last));
        assert_eq!(long("a").len(), "node=h-".len() + LONGEST_NODE);
        assert_ne!(long("a"), long("b"));
    }

    #[test]
    fn segments_of_one_second_get_numbers() {
        let root = tempfile::tempdir().expect("a directory");
        let tree = CaptureTree::open(root.path(), "h", DEFAULT_MODE).expect("a tree");
        let directory = root.path().join("node=h-h/date=2026-11-23");
        for name in ["connlat-h-20261123T190509Z.parquet", "connlat-h-20261123T190509Z-2.parquet"] {
            let (output, _journal) = tree.create_journal(time()).expect("a journal");
            assert_eq!(output.shown(), directory.join(name));
        }
    }

    #[test]
    fn links_in_the_tree_are_refused() {
        let root = tempfile::tempdir().expect("a directory");
        std::os::unix::fs::symlink("/tmp", root.path().join("node=h-h")).expect("a link");
        let tree = CaptureTree::open(root.path(), "h", DEFAULT_MODE).expect("a tree");
        assert!(matches!(tree.create_journal(time()), Err(OutputError::NotADirectory(_))));
        fs::remove_file(root.path().join("node=h-h")).expect("removed");
        fs::write(root.path().join("node=h-h"), "a file").expect("write");
        assert!(matches!(tree.create_journal(time()), Err(OutputError::NotADirectory(_))));
    }
}
