//! Bundles of `record snapshot --bundle`: archives that hold captures, and names and
//! facts about the host with them.
//!
//! Somebody sent the archive, and it may claim anything. Nothing in it is unpacked
//! under a name: a capture goes into the temporary file of the run ([`Copies`]) and
//! is read there; names of members are for messages. [`members`] bounds what it
//! unpacks to. As of a directory, what cannot be read is told and the rest is used.
//!
//! [`Copies`]: super::temporary::Copies

mod facts;
mod members;

use std::fmt::Display;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

pub(super) use connlat_schema::capture::bundle::MAGIC;
use connlat_schema::capture::bundle::{HOST, HOST_LIMIT, NAMES, NAMES_LIMIT, is_reserved};

use self::members::Member;
use super::error::Problem;
use super::shared::Shared;
use super::{Capture, display_name, expand, journal, limits, parquet};
use crate::guard;

/// What a bundle holds besides its captures.
#[derive(Debug, Default)]
pub struct Bundle {
    /// The archive as the user named it.
    pub path: PathBuf,
    /// Facts about the host, by name, not escaped.
    pub host: Vec<(String, String)>,
    /// The file with names.
    pub names: Option<Vec<u8>>,
    /// What cannot be used of that, and why.
    pub problems: Vec<String>,
}

/// Captures by their names in messages, or what is wrong with them.
type Captures = Vec<(PathBuf, Result<Capture, Problem>)>;

/// Opens a bundle. One that a search found is given up when it begins with
/// something else than bundles do: archives may be long.
///
/// # Errors
/// [`Problem`] when it holds nothing that could be a capture.
pub(super) fn open(
    path: &Path,
    file: File,
    found: bool,
    shared: &Shared,
) -> Result<(Captures, Bundle), Problem> {
    let mut opening = Opening {
        shared,
        captures: Vec::new(),
        bundle: Bundle { path: path.to_owned(), ..Bundle::default() },
    };
    let read = guard::caught(|| opening.read(file, found));
    match read.unwrap_or_else(|panic| Err(Problem::bundle_damaged(&panic))) {
        Err(problem) if opening.captures.is_empty() => return Err(problem),
        // What stands before it is whole.
        Err(problem) => opening.captures.push((path.to_owned(), Err(problem))),
        Ok(()) => {}
    }
    let foreign =
        |capture: &Result<Capture, Problem>| capture.as_ref().is_err_and(Problem::is_foreign);
    if opening.captures.iter().all(|(_, capture)| foreign(capture)) {
        return Err(Problem::NotABundle);
    }
    Ok((opening.captures, opening.bundle))
}

/// A bundle that is being read.
struct Opening<'a> {
    shared: &'a Shared,
    captures: Captures,
    bundle: Bundle,
}

impl Opening<'_> {
    fn read(&mut self, file: File, found: bool) -> Result<(), Problem> {
        members::each(file, &mut |member| {
            let is_ours = is_reserved(&member.name) || expand::has_suffix(Path::new(&member.name));
            if found && self.captures.is_empty() && !is_ours && !member.is_directory {
                return Err(Problem::NotABundle);
            }
            match member.name.as_str() {
                _ if !member.is_file => self.not_a_file(member),
                HOST if self.bundle.host.is_empty() => self.host(member)?,
                NAMES if self.bundle.names.is_none() => self.names(member)?,
                name if is_reserved(name) => {}
                _ => self.other(member)?,
            }
            Ok(())
        })
    }

    /// Links and devices; only one that is called like a capture is missed.
    fn not_a_file(&mut self, member: &Member<'_>) {
        if expand::has_suffix(Path::new(&member.name)) {
            self.captures.push((self.shown(&member.name), Err(Problem::NotAFile)));
        }
    }

    fn host(&mut self, member: &mut Member<'_>) -> Result<(), Problem> {
        let bytes = member.bytes(HOST_LIMIT)?;
        let facts = bytes.ok_or("is too long".to_owned()).and_then(|bytes| facts::read(&bytes));
        match facts {
            Ok(facts) => self.bundle.host = facts,
            Err(why) => self.unusable(&member.name, &why),
        }
        Ok(())
    }

    fn names(&mut self, member: &mut Member<'_>) -> Result<(), Problem> {
        match member.bytes(NAMES_LIMIT)? {
            Some(bytes) => self.bundle.names = Some(bytes),
            None => self.unusable(&member.name, "is too long"),
        }
        Ok(())
    }

    fn unusable(&mut self, member: &str, why: &str) {
        let name = display_name(&self.shown(member));
        self.bundle.problems.push(format!("{name} {why}, so it is not used"));
    }

    /// A capture by what it holds, or something that nobody asked for.
    fn other(&mut self, member: &mut Member<'_>) -> Result<(), Problem> {
        let shown = self.shown(&member.name);
        let head = member.head()?;
        let capture = match head.as_slice() {
            limits::MAGIC => self.capture(&shown, member)?,
            journal::FIRST_BYTES => Err(Problem::JournalInBundle),
            _ if !expand::has_suffix(Path::new(&member.name)) => return Ok(()),
            [] => Err(Problem::Empty),
            _ => Err(Problem::NotParquet),
        };
        self.captures.push((shown, capture));
        Ok(())
    }

    /// The outer problem is the archive's, the inner one the capture's.
    fn capture(
        &self,
        shown: &Path,
        member: &mut Member<'_>,
    ) -> Result<Result<Capture, Problem>, Problem> {
        let copied = self.shared.copies.add(temporary, |file| {
            let mut to = Writer { file, failed: None };
            let copied = io::copy(member, &mut to);
            match (copied, to.failed) {
                (_, Some(error)) => Err(temporary(&error)),
                (Err(error), None) => Err(member.problem(error)),
                (Ok(_), None) => member.whole(),
            }
        });
        let ((), copy) = copied?;
        Ok(parquet::open_copy(shown, copy, &self.shared.footers))
    }

    /// A member as messages name it. It is no path.
    fn shown(&self, member: &str) -> PathBuf {
        let mut name = self.bundle.path.clone().into_os_string();
        name.push("/");
        name.push(member);
        name.into()
    }
}

fn temporary(error: &dyn Display) -> Problem {
    Problem::Unpacked(crate::escape::terminal(&error.to_string()))
}

/// Tells what fails where it is written from what fails where it is read.
struct Writer<'a> {
    file: &'a File,
    failed: Option<io::Error>,
}

impl io::Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut file = self.file;
        file.write(bytes).map_err(|error| {
            let kind = error.kind();
            self.failed = Some(error);
            kind.into()
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
