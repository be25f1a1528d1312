//! The journal: what a recording leaves on disk before it is sealed.
//!
//! A plain Arrow IPC stream that any Arrow reader opens, appended batch by
//! batch. Arrow has no checksum of its own, so each message carries one where
//! the format allows padding: after the flatbuffer, inside the message's
//! metadata block. Layout of that block's end, all little-endian:
//!
//! ```text
//! note: JSON of Note, any length   what the recorder knew when it wrote this
//! note_len: u32
//! crc: u32      CRC-32 (IEEE) over the block up to and including note_len,
//!               then body_len, then the body
//! body_len: u64
//! magic: 8 bytes "CONNLATJ"
//! ```
//!
//! The first message is the schema; its metadata is the capture's, marked as
//! not finished. A stream ends with Arrow's end marker when it was closed.

mod layout;
mod message;
mod reader;
mod writer;

use std::io;

use arrow::error::ArrowError;
use serde::{Deserialize, Serialize};

use super::FORMAT_VERSION;
use super::footer::FooterError;
use super::metadata::{ClockSample, Counters, Instant, LossSpan, MetadataError, NetworkInfo};
use super::rows::RowError;

pub use reader::{JournalEnd, JournalReader};
pub use writer::JournalWriter;

/// File name suffix of a journal, after the capture's own name.
pub const JOURNAL_SUFFIX: &str = ".journal";

/// What the recorder knew when it wrote a message: lets a journal whose
/// recorder was killed still account for its losses and its clock.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Note {
    /// The account of events so far.
    pub counters: Counters,
    /// Clock samples taken since the previous note.
    pub clock: Vec<ClockSample>,
    /// When attempts were lost so far.
    pub loss_spans: Vec<LossSpan>,
    /// When this was written, CLOCK_MONOTONIC and wall clock.
    pub now: Option<Instant>,
    /// Why the account cannot be believed.
    pub account_problem: Option<String>,
    /// All network namespaces known by now, where more are than in the note
    /// before.
    pub networks: Option<Vec<NetworkInfo>>,
}

/// Why bytes are not a usable journal.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The first message is not one of ours.
    #[error("not a connlat journal")]
    NotAJournal,
    /// The columns are not those of this format.
    #[error("journal columns are not those of capture format {FORMAT_VERSION}")]
    Columns,
    /// The capture's metadata cannot be used.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// Arrow cannot encode or decode a message.
    #[error(transparent)]
    Arrow(#[from] ArrowError),
}

impl From<FooterError> for JournalError {
    fn from(error: FooterError) -> Self {
        match error {
            FooterError::NotACapture | FooterError::VersionNotANumber => Self::NotAJournal,
            FooterError::Newer(version) => {
                Self::Metadata(MetadataError::Version(version.try_into().unwrap_or(u32::MAX)))
            }
            FooterError::Metadata(error) => Self::Metadata(error),
        }
    }
}

impl From<RowError> for JournalError {
    fn from(_: RowError) -> Self {
        Self::Columns
    }
}

#[cfg(test)]
mod tests;
