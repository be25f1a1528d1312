//! `record recover`: seals journals whose recorder did not live to do it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use connlat_schema::capture::KEY_CAPTURE;
use connlat_schema::capture::journal::{JOURNAL_SUFFIX, JournalEnd};
use connlat_schema::capture::metadata::CaptureInfo;
use parquet::file::reader::{FileReader, SerializedFileReader};
use rustix::fs::{FlockOperation, flock};

use super::output::{Output, open_journal, suffixed};
use super::seal::{self, read_journal};

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

/// Seals one journal, named itself or by its capture.
///
/// # Errors
/// When its recorder is alive, another file is in the way, or it cannot be
/// read or written; nothing has changed then.
pub fn recover(path: &Path, replace: bool, mode: u32) -> anyhow::Result<Recovered> {
    let capture = capture_of(path);
    let journal_path = suffixed(&capture, JOURNAL_SUFFIX);
    let shown = journal_path.display();
    if fs::symlink_metadata(&journal_path).is_err() {
        if fs::symlink_metadata(&capture).is_ok_and(|metadata| metadata.is_file()) {
            capture_info(&capture)?;
            return Ok(Recovered::AlreadySealed(capture));
        }
        bail!("{shown}: no such journal");
    }
    let journal = open_journal(&journal_path).with_context(|| format!("cannot read {shown}"))?;
    match flock(&journal, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => {
            bail!("{shown} belongs to a recorder that is running; stop it first")
        }
        Err(errno) => return Err(io::Error::from(errno)).context(format!("cannot lock {shown}")),
    }
    let output = Output::unchecked(&capture, replace, mode)?;
    if journal.metadata().is_ok_and(|metadata| metadata.len() == 0) {
        fs::remove_file(output.journal()).with_context(|| format!("cannot remove {shown}"))?;
        return Ok(Recovered::Empty(journal_path));
    }
    if !replace && fs::symlink_metadata(output.capture()).is_ok() {
        if !is_sealed_copy(&journal, &capture)? {
            bail!("{} exists and is another recording; move it, or use --force", capture.display());
        }
        fs::remove_file(output.journal())
            .and_then(|()| output.sync_directory())
            .with_context(|| format!("cannot remove {shown}"))?;
        return Ok(Recovered::AlreadySealed(capture));
    }
    let sealed = seal::seal(&journal, &output, |info| info)?;
    let damaged = sealed.end == JournalEnd::Damaged;
    Ok(Recovered::Sealed { capture, rows: sealed.rows, damaged })
}

/// `NAME.parquet` of `NAME.parquet` or `NAME.parquet.journal`.
fn capture_of(path: &Path) -> PathBuf {
    let name = path.as_os_str().to_string_lossy();
    match name.strip_suffix(JOURNAL_SUFFIX) {
        Some(capture) => PathBuf::from(capture),
        None => path.to_owned(),
    }
}

/// Whether the capture holds all of the journal: a recorder was killed between
/// its last two steps.
fn is_sealed_copy(journal: &File, capture: &Path) -> anyhow::Result<bool> {
    let Ok(sealed) = capture_info(capture) else { return Ok(false) };
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

/// The metadata of a sealed capture.
///
/// # Errors
/// When the file is not a capture.
pub(super) fn capture_info(path: &Path) -> anyhow::Result<CaptureInfo> {
    let shown = path.display();
    let file = open_journal(path).with_context(|| format!("cannot read {shown}"))?;
    let reader =
        SerializedFileReader::new(file).with_context(|| format!("{shown} is not Parquet"))?;
    let pairs = reader.metadata().file_metadata().key_value_metadata();
    let json = pairs.into_iter().flatten().find(|pair| pair.key == KEY_CAPTURE);
    let json = json.and_then(|pair| pair.value.as_deref());
    let json = json.with_context(|| format!("{shown} is not a capture"))?;
    CaptureInfo::from_json(json).with_context(|| format!("cannot use {shown}"))
}
