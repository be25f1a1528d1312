//! Many captures of one boot of a machine become one, in bounded memory.
//!
//! [`comparable`] refuses what does not belong together, [`account`] makes one
//! account of all, [`sorter`] puts the rows of all into the order in which they
//! began, and [`output`] makes sure that a file is there whole or not at all.
//! How a capture is written is the schema crate's, as for `record`.

mod account;
mod comparable;
mod input;
mod output;
mod sorter;
mod spill;

use std::io::BufWriter;
use std::path::Path;

use connlat_schema::capture::file::{CaptureWriter, WriteError, WriterOptions};
use connlat_schema::capture::metadata::CaptureInfo;

use crate::capture::{Captures, SourceError, display_name};
use crate::progress::Progress;
use crate::quality::Trust;
use crate::scan::{Budget, Room};
pub use output::OutputError;
use sorter::{Limits, Sorter};

/// Why there is no merged capture.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// A capture cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// They do not belong together.
    #[error("{0}")]
    Refused(String),
    /// The output cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// Rows or metadata cannot be written.
    #[error("the merged capture cannot be written ({0}); free some space or name another place")]
    Write(WriteError),
    /// Rows cannot be kept on the disk meanwhile.
    #[error("rows cannot be put into a temporary file beside the output ({0}); free some space")]
    Spill(String),
}

impl From<WriteError> for MergeError {
    fn from(error: WriteError) -> Self {
        Self::Write(error)
    }
}

/// What became of captures.
pub struct Merged {
    /// The account of all.
    pub info: CaptureInfo,
    /// Rows in it.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
}

/// Writes the rows of all captures into a new file, and holds what the budget allows.
///
/// # Errors
/// Any [`MergeError`]; there is no file then.
pub fn merge(
    captures: &Captures,
    trust: &Trust<'_>,
    budget: Budget,
    path: &Path,
) -> Result<Merged, MergeError> {
    comparable::check(captures, trust).map_err(MergeError::Refused)?;
    let info = account::of(captures)?;
    let output = output::Output::create(path)?;
    let options = WriterOptions {
        created_by: concat!("connlat analyze ", env!("CARGO_PKG_VERSION")).to_owned(),
        ..WriterOptions::default()
    };
    let mut writer = CaptureWriter::create(BufWriter::new(output.file()), &options)?;
    let progress = Progress::of(captures.row_count());
    let input = input::Input::of(&captures.each, Room::new(budget.pages));
    progress.begin(input.sizes());
    let mut sorter = Sorter::new(Limits::within(budget), output.directory(), |rows| {
        writer.write(rows).map_err(MergeError::from)
    });
    for (part, from) in input.parts() {
        sorter.add_part(part, from);
    }
    sorter.run(|part, take| {
        input.read(part, take)?;
        progress.add(input.size(part));
        Ok(())
    })?;
    let (out, rows) = writer.finish(info.clone())?;
    drop(out);
    drop(progress);
    if rows != captures.row_count() {
        // Whatever made it so, nobody would find out later.
        let all = captures.row_count();
        return Err(MergeError::Refused(format!(
            "{rows} of {all} rows were merged, so nothing was kept; please report it"
        )));
    }
    let bytes = output.publish()?;
    Ok(Merged { info, rows, bytes })
}

/// The name of a capture in a message.
fn name(capture: &crate::capture::Capture) -> String {
    display_name(&capture.path)
}
