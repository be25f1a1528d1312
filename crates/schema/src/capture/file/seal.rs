//! A journal becomes a capture, streamed in bounded memory.

use std::io::{Read, Write};

use super::writer::{CaptureWriter, WriteError, WriterOptions};
use crate::capture::journal::{JournalEnd, JournalError, JournalReader};
use crate::capture::metadata::CaptureInfo;

/// Why a journal cannot become a capture.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The journal cannot be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The capture cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// What became of a journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// Rows in the capture.
    pub rows: u64,
    /// How the journal ended.
    pub end: JournalEnd,
    /// Bytes of the journal that were read and found whole.
    pub read: u64,
}

/// Writes the rows of a journal as a capture, as far as they are whole.
///
/// `finish` gets the metadata the journal carries and makes it final.
///
/// # Errors
/// Any [`SealError`]; what was written until then is no capture.
pub fn seal<R: Read, W: Write + Send>(
    mut journal: JournalReader<R>,
    out: W,
    options: &WriterOptions,
    finish: impl FnOnce(CaptureInfo) -> CaptureInfo,
) -> Result<(Sealed, W), SealError> {
    let mut capture = CaptureWriter::create(out, options)?;
    while let Some(batch) = journal.next_batch()? {
        capture.write(batch)?;
    }
    let (out, rows) = capture.finish(finish(journal.info()))?;
    let end = journal.end().unwrap_or(JournalEnd::Damaged);
    Ok((Sealed { rows, end, read: journal.offset() }, out))
}

#[cfg(test)]
pub(in crate::capture) mod tests;
