//! Files around a recording.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A directory of its own for each test.
pub fn scratch() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// The journal beside a capture.
pub fn journal_of(capture: &Path) -> PathBuf {
    let mut name = capture.as_os_str().to_owned();
    name.push(".journal");
    name.into()
}

/// Whether a file exists and holds something.
pub fn is_filled(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0)
}

/// Names in a directory, sorted.
pub fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

/// Files at any depth below a directory, by name.
pub fn files_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
        // The recorder may be removing it.
        for entry in fs::read_dir(next).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => directories.push(entry.path()),
                _ => found.push(entry.path()),
            }
        }
    }
    found.sort();
    found
}

/// Captures at any depth, by name: the segments of a tree.
pub fn captures_below(directory: &Path) -> Vec<PathBuf> {
    with_suffix(directory, ".parquet")
}

/// Journals at any depth, by name.
pub fn journals_below(directory: &Path) -> Vec<PathBuf> {
    with_suffix(directory, ".journal")
}

fn with_suffix(directory: &Path, suffix: &str) -> Vec<PathBuf> {
    let all = files_below(directory).into_iter();
    all.filter(|path| path.to_string_lossy().ends_with(suffix)).collect()
}
