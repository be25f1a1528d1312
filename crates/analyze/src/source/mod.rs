//! Captures on disk become validated metadata and one lazy frame of rows.
//!
//! [`parquet`] reads sealed captures, [`journal`] what a recorder that was
//! killed left behind. Either produces a [`Capture`]; nothing downstream knows
//! where rows come from.

mod columns;
mod error;
mod journal;
mod parquet;

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};

use connlat_schema::capture::metadata::CaptureInfo;
use polars::prelude::*;

pub use error::{Problem, SourceError};
pub use journal::LeftOver;

use crate::guard;

/// Rows in all that polars can number in its default build.
const MAX_ROWS: u64 = u32::MAX as u64 - 1;

/// One validated capture.
pub struct Capture {
    /// The file as the user named it.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Rows in it.
    pub rows: u64,
    /// What the recorder wrote about it.
    pub info: CaptureInfo,
    /// Set for a journal, which is a capture nobody finished.
    pub journal: Option<LeftOver>,
    /// Where its rows are.
    file: parquet::ValidFile,
}

/// All captures of one run.
pub struct Captures {
    /// Each on its own, in the order given.
    pub each: Vec<Capture>,
    rows: LazyFrame,
}

impl Captures {
    /// Opens and validates every file; the first that is unusable ends it.
    pub fn open(paths: &[PathBuf]) -> Result<Self, SourceError> {
        let each = paths
            .iter()
            .map(|path| open(path).map_err(|problem| problem.of(path)))
            .collect::<Result<Vec<_>, _>>()?;
        let total: u64 = each.iter().map(|capture| capture.rows).sum();
        if total > MAX_ROWS {
            return Err(SourceError::TooManyRows(total));
        }
        let rows = attempt(|| parquet::scan(each.iter().map(|capture| &capture.file)))
            .map_err(SourceError::together)?;
        Ok(Self { each, rows })
    }

    /// Rows in all captures.
    pub fn row_count(&self) -> u64 {
        self.each.iter().map(|capture| capture.rows).sum()
    }

    /// Runs one question over the rows of all captures.
    ///
    /// Only the columns the question uses are read. What goes wrong here is
    /// damage inside a file that its footer did not show.
    pub fn ask<T>(
        &self,
        question: impl FnOnce(LazyFrame) -> PolarsResult<T>,
    ) -> Result<T, SourceError> {
        attempt(|| question(self.rows.clone())).map_err(|reason| self.find_damage(reason))
    }

    /// Names the file that cannot be read, by reading each to its end.
    fn find_damage(&self, reason: String) -> SourceError {
        let damaged = self.each.iter().find_map(|capture| {
            let read = || collect(parquet::scan([&capture.file])?.select([col("*").count()]));
            let reason = attempt(read).err()?;
            Some(Problem::damaged(reason).of(&capture.path))
        });
        damaged.unwrap_or_else(|| SourceError::together(reason))
    }
}

/// Opens whatever the file holds.
fn open(path: &Path) -> Result<Capture, Problem> {
    let status = fs::metadata(path)?;
    if status.is_dir() {
        return Err(Problem::Directory);
    }
    // Opening a named pipe would wait for a writer.
    if !status.is_file() {
        return Err(Problem::NotAFile);
    }
    let mut file = File::open(path)?;
    let mut head = Vec::new();
    file.by_ref().take(4).read_to_end(&mut head)?;
    file.rewind()?;
    match head.as_slice() {
        [] => Err(Problem::Empty),
        journal::FIRST_BYTES => journal::open(path, file),
        _ => parquet::open(path, file),
    }
}

/// Runs a query. The streaming engine holds the columns in use of a few row
/// groups at a time, not those of the whole input.
pub fn collect(frame: LazyFrame) -> PolarsResult<DataFrame> {
    frame.collect_with_engine(Engine::Streaming).map(|result| result.unwrap_single())
}

fn attempt<T>(query: impl FnOnce() -> PolarsResult<T>) -> Result<T, String> {
    guard::caught(query)?.map_err(|error| error.to_string())
}

/// Name of a file for messages.
pub fn display_name(path: &Path) -> String {
    crate::escape::terminal(&path.to_string_lossy())
}
