//! Files are opened on all processors; what comes of it is in the order in which
//! they were named.

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::error::Problem;
use super::expand::{self, Named};
use super::{Capture, journal, live, parquet};

/// Files that stay open: fewer than a process may have anywhere.
const KEPT_OPEN: usize = 200;
/// So few are opened by one thread.
const FEW: usize = 4;

/// A file that was opened, or why it was not.
pub(super) struct Opened {
    /// The name it has by then.
    pub path: PathBuf,
    /// See [`Named`].
    pub argument: usize,
    /// See [`Named`].
    pub found: bool,
    /// None if it is gone, or hardly begun.
    pub capture: Result<Option<Capture>, Problem>,
}

/// What files that are opened share.
#[derive(Default)]
struct Shared {
    journals: journal::Copies,
    footers: parquet::Kept,
}

/// Opens files.
pub(super) fn all(files: Vec<Named>) -> Vec<Opened> {
    let shared = Shared::default();
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = if files.len() <= FEW { 1 } else { processors };
    let next = Mutex::new(files.into_iter().enumerate());
    let work = || {
        let mut opened = Vec::new();
        loop {
            let named = next.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((place, named)) = named else { return opened };
            opened.push((place, one(named, place < KEPT_OPEN, &shared)));
        }
    };
    let mut all = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut all = work();
        // Panics were caught closer to the file.
        all.extend(others.into_iter().flat_map(|other| other.join().unwrap_or_default()));
        all
    });
    all.sort_unstable_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, opened)| opened).collect()
}

fn one(named: Named, keep: bool, shared: &Shared) -> Opened {
    let Named { path, argument, found } = named;
    let (path, mut capture) = match found {
        true => open_found(path, keep, shared),
        false => {
            let opened = open(&path, keep, shared);
            (path, opened.map(Some))
        }
    };
    if let Ok(Some(capture)) = &mut capture {
        capture.argument = argument;
    }
    Opened { path, argument, found, capture }
}

/// Opens a file that a search found, and gives the name it has by then: none
/// if it is gone, as the oldest captures of a flight recorder are, or if its
/// recorder has only just created it.
fn open_found(
    path: PathBuf,
    keep: bool,
    shared: &Shared,
) -> (PathBuf, Result<Option<Capture>, Problem>) {
    match open(&path, keep, shared) {
        Err(Problem::Missing) => match expand::sealed(&path) {
            // Sealed meanwhile; the capture in turn may have expired.
            Some(capture) => match open(&capture, keep, shared) {
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
fn open(path: &Path, keep_open: bool, shared: &Shared) -> Result<Capture, Problem> {
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
        journal::FIRST_BYTES => journal::open(path, file, (&shared.journals, &shared.footers)),
        head => parquet::open(path, (file, head), keep_open, &shared.footers),
    }
}
