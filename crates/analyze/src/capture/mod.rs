//! Captures on disk become validated metadata and footers that a scan can read.
//!
//! [`parquet`] opens sealed captures, [`journal`] what a recorder that was
//! killed left behind, [`bundle`] the archives of `record snapshot --bundle`. Each
//! produces a [`Capture`]; nothing downstream knows where rows come from.

mod bundle;
mod columns;
mod copies;
mod error;
mod expand;
mod journal;
mod limits;
mod live;
mod opening;
mod parquet;
mod row_group;
mod schema_list;
mod shared;
mod shared_file;
mod statistics;
mod temporary;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use connlat_schema::capture::metadata::CaptureInfo;

pub use bundle::Bundle;
pub use error::{Problem, SourceError};
pub use journal::LeftOver;
pub use row_group::{ColumnRange, Range, RowGroup};
pub use shared_file::SharedFile;
pub use statistics::Statistics;

/// Rows in all that are counted in 32 bits.
const MAX_ROWS: u64 = u32::MAX as u64 - 1;

/// One validated capture.
pub struct Capture {
    /// The file as the user named it; of one in a bundle `BUNDLE/MEMBER`, which is
    /// no path of a file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    /// Rows in it.
    pub rows: u64,
    /// Those of them that its bytes cannot hold, unless they are all alike.
    beyond: u64,
    /// What the recorder wrote about it.
    pub info: CaptureInfo,
    /// Position of the argument it was named by.
    pub argument: usize,
    /// Set for a journal, which is a capture nobody finished.
    pub journal: Option<LeftOver>,
    /// Where its rows are.
    pub file: parquet::ValidFile,
}

impl Capture {
    /// What is wrong with one that has too many rows.
    fn alike(&self) -> Problem {
        Problem::Alike { rows: self.rows, bytes: self.bytes }
    }
}

/// All captures of one run.
pub struct Captures {
    /// Each on its own, in the order given.
    pub each: Vec<Capture>,
    /// Files left out because one like them is there: (left out, kept).
    pub copies: Vec<(String, String)>,
    /// What a search found and could not read, and why.
    pub unread: Vec<(String, String)>,
    /// What a search found that is no capture.
    pub foreign: Vec<String>,
    /// What bundles hold besides captures.
    pub bundles: Vec<Bundle>,
}

impl Captures {
    /// Opens and validates every file. One that was named and is unusable ends
    /// it; one that a search found is left out, unless `strict`.
    ///
    /// # Errors
    /// The first file that is unusable, with what is wrong with it.
    pub fn open(arguments: &[PathBuf], strict: bool) -> Result<Self, SourceError> {
        let mut each: Vec<Capture> = Vec::new();
        let (mut copies, mut foreign) = (Vec::new(), Vec::new());
        let expand::Expanded { files, unread: mut problems, repeated } = expand::files(arguments)?;
        // Arguments whose captures were taken already.
        let mut taken = repeated;
        let mut known = copies::Copies::default();
        let mut spare = limits::SPARE_ROWS;
        let (files, bundles) = opening::all(files);
        for opened in files {
            let opening::Opened { path, argument, found, capture } = opened;
            let capture = match capture {
                Ok(Some(capture)) => capture,
                // Deleted since the directory was read, or hardly begun.
                Ok(None) => continue,
                Err(problem) if found && problem.is_foreign() => {
                    foreign.push(display_name(&path));
                    continue;
                }
                Err(problem) if found => {
                    problems.push((path, problem));
                    continue;
                }
                Err(problem) => return Err(problem.of(&path)),
            };
            match known.of(&capture, &each) {
                Some(original) => {
                    copies.push((display_name(&path), display_name(&each[original].path)));
                    taken.insert(argument);
                }
                None => match spare.checked_sub(capture.beyond) {
                    Some(left) => {
                        spare = left;
                        each.push(capture);
                    }
                    None if found => problems.push((path, capture.alike())),
                    None => return Err(capture.alike().of(&path)),
                },
            }
        }
        let mut problems = problems.into_iter();
        if strict && let Some((path, problem)) = problems.next() {
            return Err(problem.of(&path));
        }
        let unread: Vec<(String, String)> =
            problems.map(|(path, problem)| (display_name(&path), problem.to_string())).collect();
        // An argument that stands for nothing is a mistake, whatever others do.
        let answered: HashSet<usize> = each.iter().map(|capture| capture.argument).collect();
        for (argument, name) in arguments.iter().enumerate() {
            if !answered.contains(&argument) && !taken.contains(&argument) {
                let first = unread.first().map(|(file, why)| format!("{file} {why}"));
                let problem = first.map_or(Problem::NoCaptures, Problem::NoneRead);
                return Err(problem.of(name));
            }
        }
        let total = each.iter().fold(0_u64, |sum, capture| sum.saturating_add(capture.rows));
        if total > MAX_ROWS {
            return Err(SourceError::TooManyRows(total));
        }
        Ok(Self { each, copies, unread, foreign, bundles })
    }

    /// Rows in all captures.
    pub fn row_count(&self) -> u64 {
        self.each.iter().map(|capture| capture.rows).sum()
    }

    /// When the first recording began and the last ended, µs since 1970 UTC.
    pub fn recorded(&self) -> (i64, i64) {
        let infos = || self.each.iter().map(|capture| &capture.info);
        let start = infos().map(|info| info.start.time_us).min();
        let stop = infos().map(|info| info.stop.time_us).max();
        (start.unwrap_or(0), stop.unwrap_or(0))
    }
}

/// Name of a file for messages.
pub fn display_name(path: &Path) -> String {
    crate::escape::terminal(&path.to_string_lossy())
}
