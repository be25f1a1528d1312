//! The tree of segments that `--output-dir` makes.

use std::fs;
use std::path::{Path, PathBuf};

use crate::recorder::{Recorder, is_filled};
use crate::support::{Capture, Row, record};

/// Files below a directory, by name.
pub fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
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

pub fn with_suffix(directory: &Path, suffix: &str) -> Vec<PathBuf> {
    let all = files(directory).into_iter();
    all.filter(|path| path.to_string_lossy().ends_with(suffix)).collect()
}

pub fn start(directory: &Path, arguments: &[&str]) -> Recorder {
    let mut command = record(arguments);
    command.arg("--output-dir").arg(directory);
    let directory = directory.to_owned();
    Recorder::spawn(command, move || {
        with_suffix(&directory, ".journal").iter().any(|path| is_filled(path))
    })
}

/// All rows of all captures below a directory.
pub fn all_rows(directory: &Path) -> Vec<Row> {
    let captures = with_suffix(directory, ".parquet");
    captures.iter().flat_map(|path| Capture::read(path).rows).collect()
}
