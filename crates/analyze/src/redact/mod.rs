//! Captures that can be handed on: names, addresses and ids replaced, figures kept.
//!
//! Two passes over the rows. The first collects every name and address
//! ([`originals`]); then it is settled what stands for each ([`plan`]); the
//! second writes the captures anew, by the writer of the format, so that
//! dictionaries, statistics and footer are made of what was replaced. Nothing is
//! copied whose content is not known. Last, each file is read back and searched
//! ([`verify`]); it gets its name only then. `docs/redact.md` is for people.

mod address;
mod document;
mod key;
mod originals;
mod plan;
mod ports;
mod prefix;
mod rows;
mod search;
mod source;
mod verify;
mod vocabulary;
mod words;

use std::collections::HashSet;
use std::fs;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use connlat_schema::capture::columns::NAMES;
use connlat_schema::capture::file::{CaptureWriter, WriteError, WriterOptions};
use tempfile::TempPath;

use crate::capture::{Capture, Captures, Problem, SourceError, display_name};
use crate::scan::{Budget, ColumnSet, Room};
use crate::units;
pub use key::{Key, KeyError};
use originals::Originals;
use plan::Plan;
use rows::Rewriter;
use words::Kind;

/// What is left as it is on demand.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Names of hosts, processes and cgroups.
    pub keep_names: bool,
    /// Source ports.
    pub keep_ports: bool,
    /// How far wall-clock times are moved, µs.
    pub shift_us: i64,
}

impl Options {
    /// By name, for the capture's metadata.
    fn kept(self) -> impl Iterator<Item = &'static str> {
        let names = self.keep_names.then_some("names");
        names.into_iter().chain(self.keep_ports.then_some("ports"))
    }
}

/// Why nothing is handed on.
#[derive(Debug, thiserror::Error)]
pub enum RedactError {
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Of a file that is not named here.
    #[error(transparent)]
    Problem(#[from] Problem),
    #[error("{}: {error}", display_name(path))]
    Key { path: PathBuf, error: KeyError },
    #[error(transparent)]
    NoKey(KeyError),
    #[error(
        "more than {} different names and addresses; redact fewer files at once, with one --key \
         for all",
        units::count_u64(*.0 as u64)
    )]
    TooMany(usize),
    #[error("times cannot be moved so far; give --shift-time less")]
    Time,
    #[error(
        "{}: cannot be written: {error}; check the disk and the permissions",
        display_name(path)
    )]
    Write { path: PathBuf, error: String },
    #[error("{}: exists; name another directory", display_name(.0))]
    Exists(PathBuf),
    #[error(
        "`{text}` was still there in {place} of what was written, which was removed; please report \
         it, or leave out --keep-names if it is given"
    )]
    Left { place: String, text: String },
}

impl RedactError {
    /// Together with the file at fault.
    fn of(self, path: &Path) -> Self {
        match self {
            Self::Problem(problem) => Self::Source(problem.of(path)),
            other => other,
        }
    }
}

/// A capture that was written.
pub struct Written {
    /// What it was made of, as named.
    pub from: PathBuf,
    /// Its name.
    pub path: PathBuf,
    /// Rows in it.
    pub rows: u64,
}

/// What was done.
pub struct Done {
    /// The captures, in the order given.
    pub written: Vec<Written>,
    /// Originals that were looked for.
    pub searched: usize,
    /// Addresses that are by chance those of others.
    pub coincidences: usize,
}

/// Writes redacted captures into a directory: all of them or none.
///
/// # Errors
/// [`RedactError`]; then nothing is left of what was written.
pub fn redact(
    captures: &Captures,
    (options, budget): (Options, Budget),
    key: &Key,
    directory: &Path,
) -> Result<Done, RedactError> {
    let room = Room::new(budget.pages);
    let mut originals = Originals::at_most(budget.texts);
    for capture in &captures.each {
        originals.add(capture, &room)?;
    }
    let infos = captures.each.iter().map(|capture| &capture.info);
    let plan = Plan::new(options, key, &originals, infos)?;
    drop(originals);
    let made = make_directory(directory)?;
    let written = write_all(captures, &plan, &room.again(), directory);
    if written.is_err() && made {
        // Only if it is empty.
        let _ = fs::remove_dir(directory);
    }
    let (searched, coincidences) = (plan.search.len(), plan.coincidences);
    Ok(Done { written: written?, searched, coincidences })
}

fn write_all(
    captures: &Captures,
    plan: &Plan,
    room: &Room,
    directory: &Path,
) -> Result<Vec<Written>, RedactError> {
    let mut names = HashSet::new();
    let mut finished: Vec<(TempPath, Written)> = Vec::new();
    for capture in &captures.each {
        let (file, rows) = write(capture, plan, room, directory)?;
        verify::clean(&file, plan, &room.again()).map_err(|error| error.of(&file))?;
        let path = directory.join(name(capture, plan, &mut names)?);
        // Said before an hour of work is thrown away; renaming decides.
        if fs::symlink_metadata(&path).is_ok() {
            return Err(RedactError::Exists(path));
        }
        finished.push((file, Written { from: capture.path.clone(), path, rows }));
    }
    let mut written: Vec<Written> = Vec::new();
    for (file, of_file) in finished {
        if let Err(error) = file.persist_noclobber(&of_file.path) {
            for before in &written {
                let _ = fs::remove_file(&before.path);
            }
            let exists = error.error.kind() == std::io::ErrorKind::AlreadyExists;
            return Err(match exists {
                true => RedactError::Exists(of_file.path),
                false => failed(&of_file.path, error.error),
            });
        }
        written.push(of_file);
    }
    Ok(written)
}

fn failed(path: &Path, error: impl std::fmt::Display) -> RedactError {
    let error = crate::escape::terminal(&error.to_string());
    RedactError::Write { path: path.to_owned(), error }
}

/// Makes the directory; whether there was none.
fn make_directory(directory: &Path) -> Result<bool, RedactError> {
    let made = !directory.exists();
    fs::create_dir_all(directory).map_err(|error| failed(directory, error))?;
    Ok(made)
}

/// One capture, under a name that is removed if nothing comes of it.
fn write(
    capture: &Capture,
    plan: &Plan,
    room: &Room,
    directory: &Path,
) -> Result<(TempPath, u64), RedactError> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".redacted-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // It is made to be handed on; the umask takes what it takes.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let file = builder.tempfile_in(directory).map_err(|error| failed(directory, error))?;
    let (file, path) = file.into_parts();
    let unwritable = |error: WriteError| failed(directory, error);
    // Row groups are those of the original: they follow each other in time.
    let options = WriterOptions { row_group_rows: usize::MAX, ..WriterOptions::default() };
    let mut writer = CaptureWriter::create(BufWriter::new(file), &options).map_err(unwritable)?;
    let mut rewriter = Rewriter::new(plan);
    for group in 0..capture.file.row_groups().len() {
        source::read(capture, group, (&ColumnSet::from(NAMES), room), &mut |batch| {
            let batch = rewriter.batch(batch)?;
            writer.write(batch).map_err(unwritable)
        })
        .map_err(|error| error.of(&capture.path))?;
        writer.end_row_group().map_err(unwritable)?;
    }
    let info = document::redacted(&capture.info, capture.rows, plan)?;
    let (out, rows) = writer.finish(info).map_err(unwritable)?;
    let file = out.into_inner().map_err(|error| failed(directory, error.into_error()))?;
    file.sync_all().map_err(|error| failed(directory, error))?;
    Ok((path, rows))
}

/// A name that says no more than the file does: the word of the host, and when
/// the recording began.
fn name(
    capture: &Capture,
    plan: &Plan,
    taken: &mut HashSet<String>,
) -> Result<String, RedactError> {
    let plain = |c: &char| c.is_ascii_alphanumeric() || *c == '-' || *c == '.';
    let host: String = plan.name(Kind::Host, &capture.info.host).chars().filter(plain).collect();
    let time = units::rfc3339(plan.time(capture.info.start.time_us)?, 0);
    let time: String = time.chars().filter(char::is_ascii_alphanumeric).collect();
    let stem = format!("redacted-{host}-{time}");
    let numbers = std::iter::once(String::new()).chain((2_u64..).map(|n| format!("-{n}")));
    let mut names = numbers.map(|number| format!("{stem}{number}.parquet"));
    Ok(names.find(|name| taken.insert(name.clone())).unwrap_or(stem))
}
