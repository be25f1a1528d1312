//! What was named on the command line becomes a list of files: directories
//! are searched, patterns expanded, and no file is taken twice.
//!
//! What a search finds is not what somebody named: hidden names are passed
//! over, and whatever cannot be looked into is told, never left out in silence.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use connlat_schema::capture::bundle;
use connlat_schema::capture::journal::JOURNAL_SUFFIX;
use glob::{MatchOptions, Pattern};

use super::error::{Problem, SourceError};

/// Directories below one that was named: `node=…/date=…/` are two.
const DEEPEST: usize = 8;
/// Names that one argument may stand for.
const MOST: usize = 1_000_000;
const SUFFIX: &str = ".parquet";

/// A file and the position of the argument it comes from.
pub(super) struct Named {
    pub path: PathBuf,
    pub argument: usize,
    /// Whether a search found it; else its name was typed.
    pub found: bool,
}

/// What the arguments stand for.
#[derive(Default)]
pub(super) struct Expanded {
    /// In the order of the arguments, each argument's by name.
    pub files: Vec<Named>,
    /// What a search could not look into.
    pub unread: Vec<(PathBuf, Problem)>,
    /// Arguments that found what one before had found.
    pub repeated: HashSet<usize>,
}

/// The files that arguments stand for.
pub(super) fn files(arguments: &[PathBuf]) -> Result<Expanded, SourceError> {
    let mut all = Expanded::default();
    let mut seen = HashSet::new();
    for (argument, name) in arguments.iter().enumerate() {
        let mut search = Search::default();
        let found = search.one(name).map_err(|problem| problem.of(name))?;
        for path in search.found {
            let known = path.canonicalize().is_ok_and(|real| !seen.insert(real));
            // What is named outright may be named twice, which is then said;
            // what a search finds again is passed over.
            if found && known {
                all.repeated.insert(argument);
            } else {
                all.files.push(Named { path, argument, found });
            }
        }
        all.unread.extend(search.unread);
    }
    Ok(all)
}

#[derive(Default)]
struct Search {
    found: Vec<PathBuf>,
    unread: Vec<(PathBuf, Problem)>,
    /// Directories that were searched: links may lead in a circle.
    searched: HashSet<PathBuf>,
}

impl Search {
    /// Whether the argument was searched with, and did not name one file.
    fn one(&mut self, name: &Path) -> Result<bool, Problem> {
        match fs::metadata(name) {
            Ok(status) if status.is_dir() => {
                // One that was named must be readable; those below may not be.
                let entries = entries(name)?;
                self.directory(name, entries, 0);
                match self.found.is_empty() && self.unread.is_empty() {
                    true => Err(Problem::NoCaptures),
                    false => Ok(true),
                }
            }
            // A file whose name looks like a pattern is still a file.
            Ok(_) => {
                self.found.push(name.to_owned());
                Ok(false)
            }
            Err(error) => {
                if !name.to_string_lossy().contains(['*', '?', '[']) {
                    return Err(error.into());
                }
                self.pattern(name)?;
                match self.found.is_empty() && self.unread.is_empty() {
                    true => Err(Problem::NoMatch),
                    false => Ok(true),
                }
            }
        }
    }

    fn enter(&mut self, directory: &Path, depth: usize) {
        if depth > DEEPEST {
            return self.unread.push((directory.to_owned(), Problem::TooDeep));
        }
        match entries(directory) {
            Ok(entries) => self.directory(directory, entries, depth),
            Err(error) => self.failed(directory, error),
        }
    }

    fn failed(&mut self, path: &Path, error: io::Error) {
        // What is gone by now was deleted meanwhile, which a flight recorder
        // does. A link to nothing stays.
        let link = fs::symlink_metadata(path).is_ok();
        if error.kind() != io::ErrorKind::NotFound || link {
            self.unread.push((path.to_owned(), error.into()));
        }
    }

    fn directory(&mut self, directory: &Path, entries: Vec<PathBuf>, depth: usize) {
        let real = directory.canonicalize().unwrap_or_else(|_| directory.to_owned());
        if !self.searched.insert(real) {
            return;
        }
        for path in entries {
            if is_hidden(&path) {
                continue;
            }
            match fs::metadata(&path) {
                Ok(status) if status.is_dir() => self.enter(&path, depth + 1),
                Ok(status) if status.is_file() => self.file(path),
                Ok(_) => {}
                Err(error) if has_suffix(&path) => self.failed(&path, error),
                // Neither a capture by its name, nor a directory that is known.
                Err(_) => {}
            }
        }
    }

    /// By name: a capture, a bundle, or a journal that no capture has taken the place of.
    fn file(&mut self, path: PathBuf) {
        if !has_suffix(&path) || self.found.len() >= MOST {
            return;
        }
        let capture = sealed(&path);
        // A journal may have been sealed since the directory was read: then the
        // capture was not listed.
        self.found.push(match capture {
            Some(capture) if capture.exists() => capture,
            _ => path,
        });
    }

    /// Files that a pattern stands for, and those in directories it stands for.
    fn pattern(&mut self, name: &Path) -> Result<(), Problem> {
        let components: Vec<Component<'_>> = name.components().collect();
        self.matching(PathBuf::new(), &components, 0)
    }

    fn matching(
        &mut self,
        base: PathBuf,
        rest: &[Component<'_>],
        depth: usize,
    ) -> Result<(), Problem> {
        let Some((first, after)) = rest.split_first() else {
            match fs::metadata(&base) {
                Ok(status) if status.is_dir() => self.enter(&base, 0),
                Ok(_) if self.found.len() < MOST => self.found.push(base),
                Ok(_) => {}
                Err(error) => self.failed(&base, error),
            }
            return Ok(());
        };
        let text = first.as_os_str().to_string_lossy();
        let plain = !matches!(first, Component::Normal(_)) || !text.contains(['*', '?', '[']);
        if plain {
            let next = base.join(first);
            // Of a pattern only what exists matches.
            return match after.is_empty() || fs::symlink_metadata(&next).is_ok() {
                true => self.matching(next, after, depth),
                false => Ok(()),
            };
        }
        let any_depth = text == "**";
        let pattern = match any_depth {
            true => Pattern::new("*"),
            false => Pattern::new(&text),
        };
        let pattern = pattern.map_err(|error| Problem::BadPattern(error.msg.to_owned()))?;
        if any_depth {
            self.matching(base.clone(), after, depth)?;
        }
        let here = if base.as_os_str().is_empty() { Path::new(".") } else { base.as_path() };
        let names = match fs::read_dir(here) {
            Ok(entries) => names(entries),
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(()),
            Err(error) => {
                self.failed(here, error);
                return Ok(());
            }
        };
        let options = MatchOptions { require_literal_leading_dot: true, ..MatchOptions::default() };
        for name in names {
            // Bytes that are not UTF-8 match what any character matches.
            if !pattern.matches_with(&name.to_string_lossy(), options) {
                continue;
            }
            let next = base.join(&name);
            let is_directory = || fs::metadata(&next).is_ok_and(|status| status.is_dir());
            if any_depth {
                if is_directory() && depth < DEEPEST {
                    self.matching(next, rest, depth + 1)?;
                }
            } else if after.is_empty() || is_directory() {
                self.matching(next, after, depth)?;
            }
        }
        Ok(())
    }
}

fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let names = names(fs::read_dir(directory)?);
    Ok(names.into_iter().map(|name| directory.join(name)).collect())
}

/// The names in a directory, sorted; what is deleted meanwhile is no failure.
fn names(entries: fs::ReadDir) -> Vec<std::ffi::OsString> {
    let mut names: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.file_name()).collect();
    names.sort();
    names
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

pub(super) fn has_suffix(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    let name = name.strip_suffix(JOURNAL_SUFFIX.as_bytes()).unwrap_or(name);
    name.ends_with(SUFFIX.as_bytes()) || name.ends_with(bundle::SUFFIX.as_bytes())
}

/// The capture that a journal becomes.
pub(super) fn sealed(journal: &Path) -> Option<PathBuf> {
    let is_journal = journal.extension() == Some(OsStr::new(&JOURNAL_SUFFIX[1..]));
    is_journal.then(|| journal.with_extension(""))
}
