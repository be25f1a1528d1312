//! What was named on the command line becomes a list of files: directories
//! are searched, patterns expanded, and no file is taken twice.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use connlat_schema::capture::journal::JOURNAL_SUFFIX;

use super::error::{Problem, SourceError};

/// Directories below one that was named: `node=…/date=…/` are two.
const DEEPEST: usize = 8;

/// A file and the position of the argument it comes from.
pub(super) struct Named {
    pub path: PathBuf,
    pub argument: usize,
}

/// The files, in the order of the arguments, each argument's by name.
pub(super) fn files(arguments: &[PathBuf]) -> Result<Vec<Named>, SourceError> {
    let mut all = Vec::new();
    let mut seen = HashSet::new();
    for (argument, name) in arguments.iter().enumerate() {
        let expanded = one(name).map_err(|problem| problem.of(name))?;
        // What is named outright may be named twice, which is then said;
        // what a search finds again is passed over.
        let outright = expanded.len() == 1 && expanded[0] == *name;
        for path in expanded {
            let known = path.canonicalize().is_ok_and(|real| !seen.insert(real));
            if outright || !known {
                all.push(Named { path, argument });
            }
        }
    }
    Ok(all)
}

fn one(name: &Path) -> Result<Vec<PathBuf>, Problem> {
    match fs::metadata(name) {
        Ok(status) if status.is_dir() => {
            let mut found = Vec::new();
            search(name, 0, &mut found)?;
            if found.is_empty() { Err(Problem::NoCaptures) } else { Ok(found) }
        }
        // A file whose name looks like a pattern is still a file.
        Ok(_) => Ok(vec![name.to_owned()]),
        Err(error) => match pattern(name) {
            Some(found) if !found.is_empty() => Ok(found),
            Some(_) => Err(Problem::NoMatch),
            None => Err(error.into()),
        },
    }
}

/// Files a pattern stands for; none if it is not one.
fn pattern(name: &Path) -> Option<Vec<PathBuf>> {
    let text = name.to_str().filter(|text| text.contains(['*', '?', '[']))?;
    let found = glob::glob(text).ok()?;
    Some(found.filter_map(Result::ok).filter(|path| path.is_file()).collect())
}

fn search(directory: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), Problem> {
    let mut entries = fs::read_dir(directory)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()?;
    entries.sort();
    for path in &entries {
        // Links are not followed: they may lead in a circle.
        let status = fs::symlink_metadata(path)?;
        if status.is_dir() && depth < DEEPEST {
            search(path, depth + 1, found)?;
        } else if status.is_file() && is_capture(path) {
            found.push(path.clone());
        }
    }
    Ok(())
}

/// By name: a capture, or a journal that no capture has taken the place of.
fn is_capture(path: &Path) -> bool {
    let name = path.to_string_lossy();
    if let Some(capture) = name.strip_suffix(JOURNAL_SUFFIX) {
        return capture.ends_with(".parquet") && !Path::new(capture).exists();
    }
    name.ends_with(".parquet")
}
