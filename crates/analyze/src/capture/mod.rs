//! Captures on disk become validated metadata and footers that a scan can read.
//!
//! [`parquet`] opens sealed captures, [`journal`] what a recorder that was
//! killed left behind. Either produces a [`Capture`]; nothing downstream knows
//! where rows come from.

mod columns;
mod error;
mod expand;
mod journal;
mod limits;
mod live;
mod parquet;
mod shared_file;

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use connlat_schema::capture::metadata::CaptureInfo;

pub use error::{Problem, SourceError};
pub use journal::LeftOver;

/// Rows in all that are counted in 32 bits.
const MAX_ROWS: u64 = u32::MAX as u64 - 1;
/// Files that stay open: fewer than a process may have anywhere.
const KEPT_OPEN: usize = 200;

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
    /// Position of the argument it was named by.
    pub argument: usize,
    /// Set for a journal, which is a capture nobody finished.
    pub journal: Option<LeftOver>,
    /// Where its rows are.
    pub file: parquet::ValidFile,
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
        for named in files {
            let keep = each.len() < KEPT_OPEN;
            let (path, opened) = match named.found {
                true => open_found(named.path, keep),
                false => {
                    let opened = open(&named.path, keep);
                    (named.path, opened.map(Some))
                }
            };
            let mut capture = match opened {
                Ok(Some(capture)) => capture,
                // Deleted since the directory was read, or hardly begun.
                Ok(None) => continue,
                Err(problem) if named.found && problem.is_foreign() => {
                    foreign.push(display_name(&path));
                    continue;
                }
                Err(problem) if named.found => {
                    problems.push((path, problem));
                    continue;
                }
                Err(problem) => return Err(problem.of(&path)),
            };
            capture.argument = named.argument;
            match each.iter().find(|other| other.is_copy_of(&capture)) {
                Some(kept) => {
                    copies.push((display_name(&path), display_name(&kept.path)));
                    taken.insert(named.argument);
                }
                None => each.push(capture),
            }
        }
        let mut problems = problems.into_iter();
        if strict && let Some((path, problem)) = problems.next() {
            return Err(problem.of(&path));
        }
        let unread: Vec<(String, String)> =
            problems.map(|(path, problem)| (display_name(&path), problem.to_string())).collect();
        // An argument that stands for nothing is a mistake, whatever others do.
        for (argument, name) in arguments.iter().enumerate() {
            let answered = each.iter().any(|capture| capture.argument == argument);
            if !answered && !taken.contains(&argument) {
                let first = unread.first().map(|(file, why)| format!("{file} {why}"));
                let problem = first.map_or(Problem::NoCaptures, Problem::NoneRead);
                return Err(problem.of(name));
            }
        }
        let total = each.iter().fold(0_u64, |sum, capture| sum.saturating_add(capture.rows));
        if total > MAX_ROWS {
            return Err(SourceError::TooManyRows(total));
        }
        Ok(Self { each, copies, unread, foreign })
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

impl Capture {
    /// Whether both files are the same, byte for byte. One that cannot be read
    /// is like no other; reading its rows will say why.
    fn is_copy_of(&self, other: &Self) -> bool {
        // What a copy has in common is looked at before gigabytes are.
        let alike = (self.bytes, self.rows) == (other.bytes, other.rows) && self.info == other.info;
        alike && same_content(&self.path, &other.path).unwrap_or(false)
    }
}

fn same_content(a: &Path, b: &Path) -> io::Result<bool> {
    let (mut a, mut b) = (BufReader::new(File::open(a)?), BufReader::new(File::open(b)?));
    loop {
        let (left, right) = (a.fill_buf()?, b.fill_buf()?);
        let length = left.len().min(right.len());
        if length == 0 {
            return Ok(left.is_empty() && right.is_empty());
        }
        if left[..length] != right[..length] {
            return Ok(false);
        }
        a.consume(length);
        b.consume(length);
    }
}

/// Opens a file that a search found, and gives the name it has by then: none
/// if it is gone, as the oldest captures of a flight recorder are, or if its
/// recorder has only just created it.
fn open_found(path: PathBuf, keep: bool) -> (PathBuf, Result<Option<Capture>, Problem>) {
    match open(&path, keep) {
        Err(Problem::Missing) => match expand::sealed(&path) {
            // Sealed meanwhile; the capture in turn may have expired.
            Some(capture) => match open(&capture, keep) {
                Err(Problem::Missing) => (capture, Ok(None)),
                opened => (capture, opened.map(Some)),
            },
            // A link to nothing is still there.
            None if fs::symlink_metadata(&path).is_ok() => (path, Err(Problem::Missing)),
            None => (path, Ok(None)),
        },
        Err(Problem::Beginning) => (path, Ok(None)),
        opened => (path, opened.map(Some)),
    }
}

/// Opens whatever the file holds, and keeps it open if asked to.
fn open(path: &Path, keep_open: bool) -> Result<Capture, Problem> {
    let status = fs::metadata(path)?;
    // Opening a named pipe would wait for a writer.
    if !status.is_file() {
        return Err(Problem::NotAFile);
    }
    let mut file = File::open(path)?;
    let mut head = Vec::new();
    file.by_ref().take(4).read_to_end(&mut head)?;
    file.rewind()?;
    match head.as_slice() {
        [] if expand::sealed(path).is_some() && live::is_beginning(&file) => {
            Err(Problem::Beginning)
        }
        [] => Err(Problem::Empty),
        journal::FIRST_BYTES => journal::open(path, file),
        _ => parquet::open(path, file, keep_open),
    }
}

/// Name of a file for messages.
pub fn display_name(path: &Path) -> String {
    crate::escape::terminal(&path.to_string_lossy())
}
