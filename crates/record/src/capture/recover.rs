//! `record recover`: seals journals whose recorder did not live to do it.
//!
//! The directory is opened once and is often somebody else's: whatever happens
//! to its name meanwhile, all that follows happens in the one that was opened.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use connlat_schema::capture::footer;
use connlat_schema::capture::journal::{JOURNAL_SUFFIX, JournalEnd};
use connlat_schema::capture::metadata::CaptureInfo;
use rustix::fs::FileType;
use rustix::io::Errno;

use super::output::Output;
use super::seal::{self, read_journal};
use crate::files::{Directory, lock};

/// What became of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recovered {
    /// The journal became a capture.
    Sealed {
        /// The capture.
        capture: PathBuf,
        /// Its rows.
        rows: u64,
        /// Whether the journal ended in the middle of a message.
        damaged: bool,
    },
    /// The journal held nothing, not even its head, and was removed.
    Empty(PathBuf),
    /// The capture was complete; a journal left beside it was removed.
    AlreadySealed(PathBuf),
}

/// Directories of the files to recover, each opened once. All of them are
/// opened before the first file is looked at: then the privilege to open any
/// other is given up.
#[derive(Debug, Default)]
pub struct Directories(HashMap<PathBuf, Directory>);

impl Directories {
    /// The capture that a journal, named itself or by its capture, becomes.
    ///
    /// # Errors
    /// When its directory cannot be opened.
    pub fn output(&mut self, path: &Path, replace: bool, mode: u32) -> anyhow::Result<Output> {
        let path = capture_of(path);
        let parent = path.parent().unwrap_or(Path::new(""));
        let name = path.file_name().with_context(|| format!("{} is no file", path.display()))?;
        let name = name.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?;
        let directory = match self.0.get(parent) {
            Some(directory) => directory.clone(),
            None => {
                let directory = Directory::open(parent)
                    .with_context(|| format!("cannot open the directory of {}", path.display()))?;
                self.0.entry(parent.to_owned()).or_insert(directory).clone()
            }
        };
        Ok(Output::within(directory, name.to_owned(), replace, mode))
    }

    /// Those that are open.
    pub fn opened(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.0.values().map(AsFd::as_fd)
    }
}

/// Seals one journal.
///
/// # Errors
/// When its recorder is alive, another file is in the way, or it cannot be
/// read or written; nothing has changed then.
pub fn recover(output: &Output) -> anyhow::Result<Recovered> {
    let (directory, name, replace) = (output.files(), output.name(), output.replace());
    let capture = output.shown();
    let journal_path = output.shown_journal();
    let shown = journal_path.display();

    if directory.status(output.journal_name())?.is_none() {
        let is_file = |status: crate::files::Status| status.kind == FileType::RegularFile;
        if directory.status(name)?.is_some_and(is_file) {
            capture_info(&output.open_capture()?, &capture)?;
            return Ok(Recovered::AlreadySealed(capture));
        }
        bail!("{shown}: no such journal");
    }
    let journal = open_unused(directory, &output.journal_name())
        .with_context(|| format!("cannot read {shown}"))?;
    let Some(journal) = journal else {
        bail!("{shown} belongs to a recorder that is running; stop it first")
    };
    let cannot_remove = || format!("cannot remove {shown}");
    if journal.metadata().is_ok_and(|metadata| metadata.len() == 0) {
        output.remove_journal(&journal).with_context(cannot_remove)?;
        return Ok(Recovered::Empty(journal_path));
    }
    if !replace && directory.status(name)?.is_some() {
        if !is_sealed_copy(&journal, output)? {
            bail!("{} exists and is another recording; move it, or use --force", capture.display());
        }
        output
            .remove_journal(&journal)
            .and_then(|()| output.sync_directory())
            .with_context(cannot_remove)?;
        return Ok(Recovered::AlreadySealed(capture));
    }
    let sealed = seal::seal(&journal, output, |info| info)?;
    let damaged = sealed.end == JournalEnd::Damaged;
    Ok(Recovered::Sealed { capture, rows: sealed.rows, damaged })
}

/// The journal, unless a recorder has it locked.
fn open_unused(directory: &Directory, name: &str) -> io::Result<Option<File>> {
    let readable = match directory.open_for_writing(name) {
        // Nobody else may write it from here on, be it another recovery.
        Ok(journal) if lock::for_writing(&journal)? => return Ok(Some(journal)),
        // Perhaps only by somebody who may read it.
        Ok(journal) => journal,
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::ACCESS | Errno::PERM | Errno::ROFS) => directory.open_file(name)?,
            _ => return Err(error),
        },
    };
    Ok(lock::for_reading(&readable)?.then_some(readable))
}

/// `NAME.parquet` of `NAME.parquet` or `NAME.parquet.journal`.
fn capture_of(path: &Path) -> PathBuf {
    let name = path.file_name().and_then(|name| name.to_str());
    match name.and_then(|name| name.strip_suffix(JOURNAL_SUFFIX)) {
        Some(capture) => path.with_file_name(capture),
        None => path.to_owned(),
    }
}

/// Whether the capture holds all of the journal: a recorder was killed between
/// its last two steps.
fn is_sealed_copy(journal: &File, output: &Output) -> anyhow::Result<bool> {
    let Ok(sealed) = output.open_capture() else { return Ok(false) };
    let Ok(sealed) = capture_info(&sealed, &output.shown()) else { return Ok(false) };
    let mut reader = read_journal(journal)?;
    let mut rows = 0;
    while let Some(batch) = reader.next_batch()? {
        rows += batch.num_rows() as u64;
    }
    let info = reader.info();
    Ok(info.boot_id == sealed.boot_id
        && info.start == sealed.start
        && info.command_line == sealed.command_line
        && rows == sealed.counters.written)
}

/// The metadata of a sealed capture; `shown` is its name in messages.
///
/// # Errors
/// When the file is not a capture, or contradicts itself.
pub fn capture_info(file: &File, shown: &Path) -> anyhow::Result<CaptureInfo> {
    let shown = shown.display();
    let footer = footer::read(file).with_context(|| format!("cannot read {shown}"))?;
    let json = footer.capture.with_context(|| format!("{shown} is not a capture"))?;
    let info = CaptureInfo::from_json(&json).with_context(|| format!("cannot use {shown}"))?;
    if i64::try_from(info.counters.written) != Ok(footer.rows) {
        bail!("{shown} has other rows than it says");
    }
    Ok(info)
}
