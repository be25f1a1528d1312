//! Files are opened on all processors; what comes of it is in the order in which
//! they were named.

use std::fs;
use std::io::{Read, Seek};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::bundle::{self, Bundle};
use super::error::Problem;
use super::expand::{self, Named};
use super::shared::Shared;
use super::{Capture, journal, live, parquet, shared_file};

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

/// What is in a file.
enum Content {
    Capture(Box<Capture>),
    /// Captures by their names, what cannot be read included.
    Bundle(Vec<(PathBuf, Result<Capture, Problem>)>, Bundle),
}

/// Opens files; what is in a bundle has its place.
pub(super) fn all(files: Vec<Named>) -> (Vec<Opened>, Vec<Bundle>) {
    let shared = Shared::default();
    let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = if files.len() <= FEW { 1 } else { processors };
    let next = Mutex::new(files.into_iter().enumerate());
    let work = || {
        let mut opened = Vec::new();
        loop {
            let named = next.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((place, named)) = named else { return opened };
            let (files, bundle) = one(named, place < KEPT_OPEN, &shared);
            opened.push((place, files, bundle));
        }
    };
    let mut all = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut all = work();
        // Panics were caught closer to the file.
        all.extend(others.into_iter().flat_map(|other| other.join().unwrap_or_default()));
        all
    });
    all.sort_unstable_by_key(|(place, ..)| *place);
    let (mut files, mut bundles) = (Vec::with_capacity(all.len()), Vec::new());
    for (_, opened, bundle) in all {
        files.extend(opened);
        bundles.extend(bundle);
    }
    (files, bundles)
}

fn one(named: Named, keep: bool, shared: &Shared) -> (Vec<Opened>, Option<Bundle>) {
    let Named { path, argument, found } = named;
    let (path, content) = match found {
        true => open_found(path, keep, shared),
        false => {
            let opened = open(&path, found, keep, shared);
            (path, opened.map(Some))
        }
    };
    let opened = |path: PathBuf, found: bool, capture: Result<Option<Capture>, Problem>| {
        let capture = capture.map(|capture| capture.map(|it| Capture { argument, ..it }));
        Opened { path, argument, found, capture }
    };
    match content {
        Ok(Some(Content::Bundle(members, bundle))) => {
            // As in a directory: what cannot be read is told.
            let members = members.into_iter();
            let members = members.map(|(path, capture)| opened(path, true, capture.map(Some)));
            (members.collect(), Some(bundle))
        }
        Ok(Some(Content::Capture(capture))) => {
            (vec![opened(path, found, Ok(Some(*capture)))], None)
        }
        Ok(None) => (vec![opened(path, found, Ok(None))], None),
        Err(problem) => (vec![opened(path, found, Err(problem))], None),
    }
}

/// Opens a file that a search found, and gives the name it has by then: none
/// if it is gone, as the oldest captures of a flight recorder are, or if its
/// recorder has only just created it.
fn open_found(
    path: PathBuf,
    keep: bool,
    shared: &Shared,
) -> (PathBuf, Result<Option<Content>, Problem>) {
    match open(&path, true, keep, shared) {
        Err(Problem::Missing) => match expand::sealed(&path) {
            // Sealed meanwhile; the capture in turn may have expired.
            Some(capture) => match open(&capture, true, keep, shared) {
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
fn open(path: &Path, found: bool, keep_open: bool, shared: &Shared) -> Result<Content, Problem> {
    // Opening a device may be enough to make it do something.
    if !fs::metadata(path)?.is_file() {
        return Err(Problem::NotAFile);
    }
    let mut file = shared_file::open(path)?;
    // It may have been replaced since.
    if !file.metadata()?.is_file() {
        return Err(Problem::NotAFile);
    }
    let mut head = Vec::new();
    file.by_ref().take(4).read_to_end(&mut head)?;
    file.rewind()?;
    match head.as_slice() {
        [] if expand::sealed(path).is_some() && live::is_beginning(&file) => {
            Err(Problem::Beginning)
        }
        [] => Err(Problem::Empty),
        journal::FIRST_BYTES => journal::open(path, file, (&shared.copies, &shared.footers)),
        head if head == bundle::MAGIC => {
            let (members, bundle) = bundle::open(path, file, found, shared)?;
            return Ok(Content::Bundle(members, bundle));
        }
        head => parquet::open(path, (file, head), keep_open, &shared.footers),
    }
    .map(|capture| Content::Capture(Box::new(capture)))
}
