//! A journal becomes a Parquet file: streamed in bounded memory, through a
//! temporary file, and the journal goes last.

use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use connlat_schema::capture::file::{self, WriteError, WriterOptions};
use connlat_schema::capture::journal::{JournalEnd, JournalError, JournalReader};
use connlat_schema::capture::metadata::CaptureInfo;

use super::output::Output;

/// Why a journal could not be sealed; it stays where it is.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The journal cannot be read.
    #[error("cannot read {}", path.display())]
    Journal {
        /// The journal.
        path: PathBuf,
        /// What is wrong with it.
        source: JournalError,
    },
    /// The capture cannot be written.
    #[error("cannot write {}; what was recorded is kept in its journal", path.display())]
    Write {
        /// The file being written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The capture appeared while it was being recorded.
    #[error(
        "{} appeared during the recording and is not replaced; what was recorded is kept in {}",
        capture.display(), journal.display()
    )]
    Appeared {
        /// The file in the way.
        capture: PathBuf,
        /// Where the data is.
        journal: PathBuf,
    },
    /// Rows or metadata cannot be written.
    #[error(transparent)]
    Encode(WriteError),
}

/// What sealing produced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// Rows in the capture.
    pub rows: u64,
    /// Size of the capture, bytes.
    pub bytes: u64,
    /// How the journal ended.
    pub end: JournalEnd,
}

/// Turns the journal of `output` into its capture and removes it.
///
/// `finish` gets the metadata the journal carries and makes it final; the
/// number of rows is filled in here.
///
/// # Errors
/// Any [`SealError`]; the journal is then untouched, and no file with the
/// capture's name has appeared.
pub fn seal(
    journal: &File,
    output: &Output,
    finish: impl FnOnce(CaptureInfo) -> CaptureInfo,
) -> Result<Sealed, SealError> {
    let sealed = write_capture(journal, output, finish)?;
    output
        .remove_journal(journal)
        .and_then(|()| output.sync_directory())
        // A journal whose directory was removed is gone already.
        .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
        .map_err(|source| SealError::Write { path: output.shown_journal(), source })?;
    Ok(sealed)
}

/// Writes what is in a journal now as a capture; the journal stays.
///
/// # Errors
/// Any [`SealError`]; no file with the capture's name has appeared then.
pub fn write_capture(
    journal: &File,
    output: &Output,
    finish: impl FnOnce(CaptureInfo) -> CaptureInfo,
) -> Result<Sealed, SealError> {
    let write_error = |source| SealError::Write { path: output.shown(), source };
    let file = output.create_temporary().map_err(write_error)?;
    let result = write_parquet(journal, &file, output, finish).and_then(|sealed| {
        file.sync_all().map_err(write_error)?;
        let bytes = file.metadata().map_err(write_error)?.len();
        output.publish(&file).map_err(|source| match source.kind() {
            // Looked at when the recording began, but much may have happened.
            io::ErrorKind::AlreadyExists => {
                SealError::Appeared { capture: output.shown(), journal: output.shown_journal() }
            }
            _ => write_error(source),
        })?;
        Ok(Sealed { bytes, ..sealed })
    });
    if result.is_err() {
        output.remove_temporary(&file);
    }
    result
}

fn write_parquet(
    journal: &File,
    out: &File,
    output: &Output,
    finish: impl FnOnce(CaptureInfo) -> CaptureInfo,
) -> Result<Sealed, SealError> {
    let journal_error = |source| SealError::Journal { path: output.shown_journal(), source };
    let reader = read_journal(journal).map_err(journal_error)?;
    let created_by = format!("connlat record {}", env!("CARGO_PKG_VERSION"));
    let options = WriterOptions { created_by, ..WriterOptions::default() };
    let sealed = file::seal(reader, BufWriter::new(out), &options, finish);
    let (sealed, _) = sealed.map_err(|error| match error {
        file::SealError::Journal(source) => journal_error(source),
        file::SealError::Write(WriteError::Io(source)) => {
            SealError::Write { path: output.shown(), source }
        }
        file::SealError::Write(error) => SealError::Encode(error),
    })?;
    Ok(Sealed { rows: sealed.rows, bytes: 0, end: sealed.end })
}

/// Reads a journal from its beginning, wherever its writer stands.
///
/// # Errors
/// As [`JournalReader::open`].
pub(super) fn read_journal(
    journal: &File,
) -> Result<JournalReader<BufReader<PositionedFile<'_>>>, JournalError> {
    JournalReader::open(BufReader::new(PositionedFile { file: journal, position: 0 }))
}

/// Reads with pread(2): the descriptor may be the one still being appended to.
pub(super) struct PositionedFile<'a> {
    file: &'a File,
    position: u64,
}

impl io::Read for PositionedFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
pub(super) mod tests;
