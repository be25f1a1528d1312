//! A journal that a recorder has open, and what it becomes.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, BufReader, Seek};
use std::path::PathBuf;

use anyhow::Context;
use connlat_schema::capture::journal::{JOURNAL_SUFFIX, JournalReader};
use connlat_schema::capture::metadata::CaptureInfo;
use rustix::fs::FileType;

use crate::capture::naming::snapshot_prefix;
use crate::capture::output::TEMPORARY_SUFFIX;
use crate::capture::recover::capture_info;
use crate::files::{Directory, FileId, Status};

/// A capture that was sealed for us, open.
#[derive(Debug)]
pub struct Sealed {
    /// Its name without a directory.
    pub name: String,
    /// Its name for messages.
    pub shown: PathBuf,
    /// The file, at its beginning.
    pub file: File,
    /// What it says about itself.
    pub info: CaptureInfo,
}

/// A journal, before anything was asked for.
#[derive(Debug)]
pub struct Journal {
    directory: Directory,
    in_directory: FileId,
    /// The name of the capture that it becomes.
    name: String,
    /// Whose it is. A capture is its recorder's, too; what others put beside it is
    /// not taken for one.
    owner: u32,
    /// What had the capture's name: `--force` replaces it.
    replaced: Option<FileId>,
    /// Copies that were there, or were looked at.
    seen: HashSet<OsString>,
    sealed: bool,
}

impl Journal {
    /// The journal of this name; none if it is no journal, or gone.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn of(directory: &Directory, name: &OsStr) -> io::Result<Option<Self>> {
        let capture = name.to_str().and_then(|name| name.strip_suffix(JOURNAL_SUFFIX));
        let (Some(capture), Some(status)) = (capture, directory.status(name)?) else {
            return Ok(None);
        };
        let mut journal = Self {
            directory: directory.clone(),
            in_directory: FileId::of(directory)?,
            name: capture.to_owned(),
            owner: status.owner,
            replaced: directory.status(capture)?.map(|status| status.id),
            seen: HashSet::new(),
            sealed: false,
        };
        journal.seen = journal.names_of_copies()?;
        Ok(Some(journal))
    }

    /// Whether it is the same one.
    pub fn is(&self, other: &Self) -> bool {
        (self.in_directory, &self.name) == (other.in_directory, &other.name)
    }

    /// Whether [`Self::capture`] has found what it became.
    pub fn is_sealed(&self) -> bool {
        self.sealed
    }

    /// The capture, once it is there.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub fn capture(&mut self) -> anyhow::Result<Option<Sealed>> {
        let shown = self.directory.shown(&self.name);
        let cannot = || format!("cannot read {}", shown.display());
        let found = self.directory.status(&self.name).with_context(cannot)?;
        if !found.is_some_and(|status| self.is_ours(&status)) {
            return Ok(None);
        }
        let sealed = self.open(self.name.clone())?;
        self.sealed = true;
        Ok(Some(sealed))
    }

    /// Copies that were not there before, each once.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn copies(&mut self) -> anyhow::Result<Vec<Sealed>> {
        let shown = self.directory.shown_itself().to_owned();
        let names =
            self.names_of_copies().with_context(|| format!("cannot read {}", shown.display()))?;
        let mut copies = Vec::new();
        for name in names {
            if !self.seen.insert(name.clone()) {
                continue;
            }
            let ours = self
                .directory
                .status(&name)
                .is_ok_and(|status| status.is_some_and(|status| self.is_ours(&status)));
            // What is no capture is somebody else's file.
            if let (true, Some(name)) = (ours, name.to_str())
                && let Ok(copy) = self.open(name.to_owned())
            {
                copies.push(copy);
            }
        }
        Ok(copies)
    }

    /// Whether what it holds began before a moment, ns of the host's
    /// CLOCK_MONOTONIC. One that holds nothing yet did not, nor did one that is gone
    /// and became nothing.
    pub fn began_before(&self, moment_ns: i64) -> bool {
        let head = self.directory.open_file(format!("{}{JOURNAL_SUFFIX}", self.name));
        match head {
            Ok(file) => JournalReader::open(BufReader::new(file))
                .is_ok_and(|journal| journal.info().start.monotonic_ns < moment_ns),
            // It goes after its capture got its name.
            Err(_) => self
                .directory
                .status(&self.name)
                .is_ok_and(|status| status.is_some_and(|status| self.is_ours(&status))),
        }
    }

    /// Bytes of the file that its capture, or a copy, is written to.
    pub fn bytes_written(&self) -> u64 {
        let prefix = snapshot_prefix(&self.name);
        let mut bytes = 0;
        // A look at progress; what cannot be read made none.
        let _ = self.directory.for_each_name(|name| {
            let stem = name.to_str().and_then(|name| name.strip_suffix(TEMPORARY_SUFFIX));
            if stem.is_some_and(|stem| stem == self.name || stem.starts_with(&prefix)) {
                let status = self.directory.status(name).ok().flatten();
                bytes += status.map_or(0, |status| status.bytes);
            }
        });
        bytes
    }

    fn names_of_copies(&self) -> io::Result<HashSet<OsString>> {
        let prefix = snapshot_prefix(&self.name);
        let is_copy = |name: &str| name.starts_with(&prefix) && name.ends_with(".parquet");
        let mut names = HashSet::new();
        self.directory.for_each_name(|name| {
            if name.to_str().is_some_and(is_copy) {
                names.insert(name.to_owned());
            }
        })?;
        Ok(names)
    }

    fn is_ours(&self, status: &Status) -> bool {
        status.kind == FileType::RegularFile
            && status.owner == self.owner
            && Some(status.id) != self.replaced
    }

    fn open(&self, name: String) -> anyhow::Result<Sealed> {
        let shown = self.directory.shown(&name);
        let cannot = || format!("cannot read {}", shown.display());
        let mut file = self.directory.open_file(&name).with_context(cannot)?;
        let info = capture_info(&file, &shown)?;
        file.rewind().with_context(cannot)?;
        Ok(Sealed { name, shown, file, info })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_capture_of_the_recorder_is_not_taken_for_one() {
        let scratch = tempfile::tempdir().expect("a directory");
        let at = |name: &str| scratch.path().join(name);
        std::fs::write(at("c.parquet.journal"), "").expect("written");
        std::fs::write(at("c.snapshot-old.parquet"), "").expect("written");
        let directory = Directory::open(scratch.path()).expect("opened");
        let of = |name: &str| Journal::of(&directory, OsStr::new(name)).expect("read");
        assert!(of("c.snapshot-old.parquet").is_none());
        assert!(of("other.parquet.journal").is_none());
        let mut journal = of("c.parquet.journal").expect("a journal");
        assert!(journal.capture().expect("nothing there").is_none());
        assert!(!journal.began_before(i64::MAX), "it holds nothing");

        std::fs::write(at("c.snapshot-new.parquet"), "no capture").expect("written");
        std::os::unix::fs::symlink("/etc/passwd", at("c.snapshot-link.parquet")).expect("linked");
        assert!(journal.copies().expect("read").is_empty());
        std::os::unix::fs::symlink("/etc/passwd", at("c.parquet")).expect("linked");
        assert!(journal.capture().expect("a link is not followed").is_none());
    }
}
