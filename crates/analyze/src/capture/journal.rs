//! Journals: what is on disk of a recording that nobody finished.
//!
//! The rows that pass their checksum are sealed, as `record recover` would, into
//! a temporary file. It costs a copy on disk; in return memory stays
//! bounded and every question works on a journal as on a capture.

use std::fmt;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read};
use std::path::Path;

use connlat_schema::capture::file::{SealError, WriteError, WriterOptions, capture_info, seal};
use connlat_schema::capture::journal::{JournalEnd, JournalReader};

use super::error::Problem;
use super::shared_file::SharedFile;
use super::temporary::Copies;
use super::{Capture, expand, limits, live, parquet as sealed};
use crate::{guard, units};

/// First bytes of an Arrow IPC stream.
pub(super) const FIRST_BYTES: &[u8] = &[0xff; 4];
/// Of the temporary file, which is read once or twice: fast before small.
const ZSTD_LEVEL: i32 = 1;

/// How a journal ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftOver {
    end: JournalEnd,
    /// Whether its recorder is at work: then the end is where it was just now.
    live: bool,
    /// Bytes after the last whole message.
    ignored: u64,
}

impl LeftOver {
    /// Whether its recorder is at work.
    pub fn is_live(&self) -> bool {
        self.live
    }
}

/// In words for people.
impl fmt::Display for LeftOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.end {
            JournalEnd::Open | JournalEnd::Damaged if self.live => {
                write!(f, "its recorder is at work")
            }
            JournalEnd::Closed => write!(f, "complete, but not yet made into a capture"),
            JournalEnd::Open => write!(f, "it ends after a whole batch: recording or killed"),
            JournalEnd::Damaged => {
                write!(
                    f,
                    "it ends in a torn or damaged batch: {} ignored",
                    units::bytes(self.ignored)
                )
            }
        }
    }
}

/// Opens a journal.
///
/// # Errors
/// [`Problem`] when it is no journal, or cannot be read or copied.
pub(super) fn open(
    path: &Path,
    file: File,
    (copies, kept): (&Copies, &sealed::Kept),
) -> Result<Capture, Problem> {
    // A recorder may still be writing: what comes later is not looked at.
    let bytes = file.metadata()?.len();
    let held = limits::bytes_held(&file, bytes);
    // Rows of zeros could be as many as a file system has numbers for.
    if held < bytes {
        return Err(Problem::damaged("most of it is a hole"));
    }
    let lock = file.try_clone()?;
    let copied = guard::caught(|| copy(copies, file.take(bytes))).map_err(Problem::damaged)?;
    let ((end, read), copy) = match copied {
        // The first message is not whole yet.
        Err(Problem::NotAJournal | Problem::Truncated)
            if expand::sealed(path).is_some() && live::is_beginning(&lock) =>
        {
            return Err(Problem::Beginning);
        }
        copied => copied?,
    };
    let live = live::is_recording(&lock);
    let footer = sealed::footer(&copy)?;
    let info = capture_info(&footer)?;
    let rows = info.counters.written;
    let file = sealed::temporary(copy, footer, kept)?;
    let journal = Some(LeftOver { end, live, ignored: bytes.saturating_sub(read) });
    let beyond = limits::rows_beyond(rows, held);
    Ok(Capture { path: path.to_owned(), bytes, rows, beyond, info, argument: 0, journal, file })
}

/// Adds what is whole of a journal to a temporary file: how the journal ended, the
/// bytes of it that are whole, and its rows.
fn copy(copies: &Copies, input: impl Read) -> Result<((JournalEnd, u64), SharedFile), Problem> {
    let journal = JournalReader::open(BufReader::new(input))?;
    copies.add(temporary, |file| {
        let options = WriterOptions { zstd_level: ZSTD_LEVEL, ..WriterOptions::default() };
        let sealed = seal(journal, BufWriter::new(file), &options, |info| info);
        let (sealed, out) = sealed.map_err(|error| match error {
            SealError::Journal(error) => error.into(),
            SealError::Write(WriteError::Metadata(error)) => error.into(),
            SealError::Write(error) => temporary(&error),
        })?;
        let _: &File = out.into_inner().map_err(|error| temporary(&error))?;
        Ok((sealed.end, sealed.read))
    })
}

fn temporary(error: &dyn fmt::Display) -> Problem {
    Problem::Temporary(crate::escape::terminal(&error.to_string()))
}
