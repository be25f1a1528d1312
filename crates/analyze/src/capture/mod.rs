//! Captures on disk become validated metadata and footers that a scan can read.
//!
//! [`parquet`] opens sealed captures, [`journal`] what a recorder that was
//! killed left behind. Either produces a [`Capture`]; nothing downstream knows
//! where rows come from.

mod columns;
mod error;
mod expand;
mod journal;
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
}

impl Captures {
    /// Opens and validates every file; the first that is unusable ends it.
    pub fn open(arguments: &[PathBuf]) -> Result<Self, SourceError> {
        let mut each: Vec<Capture> = Vec::new();
        let mut copies = Vec::new();
        for named in expand::files(arguments)? {
            let path = &named.path;
            let mut capture = open(path).map_err(|problem| problem.of(path))?;
            capture.argument = named.argument;
            match each.iter().find(|other| other.is_copy_of(&capture)) {
                Some(kept) => copies.push((display_name(path), display_name(&kept.path))),
                None => each.push(capture),
            }
        }
        let total = each.iter().fold(0_u64, |sum, capture| sum.saturating_add(capture.rows));
        if total > MAX_ROWS {
            return Err(SourceError::TooManyRows(total));
        }
        Ok(Self { each, copies })
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

/// Opens whatever the file holds.
fn open(path: &Path) -> Result<Capture, Problem> {
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
        [] => Err(Problem::Empty),
        journal::FIRST_BYTES => journal::open(path, file),
        _ => parquet::open(path, file),
    }
}

/// Name of a file for messages.
pub fn display_name(path: &Path) -> String {
    crate::escape::terminal(&path.to_string_lossy())
}
