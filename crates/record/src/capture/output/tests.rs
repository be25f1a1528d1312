//! What must not be overwritten is not, whatever happens to the directory.

use std::fs;

use super::*;

fn at(path: &Path, replace: bool) -> Result<Output, OutputError> {
    Output::at(path, replace, DEFAULT_MODE)
}

#[test]
fn nothing_in_the_way_is_touched() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("c.parquet");
    assert!(at(&path, false).is_ok());
    fs::write(&path, "old").expect("write");
    assert!(matches!(at(&path, false), Err(OutputError::Exists(_))));

    let output = at(&path, true).expect("forced");
    assert_eq!(output.shown(), path);
    drop(output.create_journal().expect("a new journal"));
    assert!(matches!(output.create_journal(), Err(OutputError::JournalExists(_))));
    assert!(matches!(at(&path, true), Err(OutputError::JournalExists(_))), "not even by force");
}

#[test]
fn places_that_cannot_be_written_are_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let missing = directory.path().join("no/c.parquet");
    assert!(matches!(at(&missing, false), Err(OutputError::Io { .. })));
    assert!(matches!(at(directory.path(), false), Err(OutputError::NotAFile(_))));
    assert!(matches!(at(Path::new("/"), false), Err(OutputError::NotAFile(_))));
}

#[test]
fn only_regular_files_are_replaced() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("c.parquet");
    std::os::unix::fs::symlink("/nonexistent", &path).expect("a link");
    for force in [false, true] {
        assert!(matches!(at(&path, force), Err(OutputError::NotReplaceable(_))));
    }
    fs::remove_file(&path).expect("removed");
    let socket = std::os::unix::net::UnixListener::bind(&path).expect("a socket");
    for force in [false, true] {
        assert!(matches!(at(&path, force), Err(OutputError::NotReplaceable(_))));
    }
    drop(socket);
}

#[test]
fn a_journal_is_not_written_through_a_link() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("c.parquet");
    let forced = at(&path, true).expect("an output");
    let journal = directory.path().join("c.parquet.journal");
    std::os::unix::fs::symlink("/tmp/elsewhere", journal).expect("a link");
    assert!(forced.create_journal().is_err());
    assert!(!Path::new("/tmp/elsewhere").exists());
}

#[test]
fn a_directory_that_is_swapped_does_not_redirect() {
    let directory = tempfile::tempdir().expect("a directory");
    let inner = directory.path().join("captures");
    fs::create_dir(&inner).expect("a directory");
    let output = at(&inner.join("c.parquet"), false).expect("an output");
    let moved = directory.path().join("moved");
    fs::rename(&inner, &moved).expect("moved");
    std::os::unix::fs::symlink("/", &inner).expect("a link in its place");
    drop(output.create_journal().expect("in the directory that was opened"));
    assert!(moved.join("c.parquet.journal").exists());
}

#[test]
fn a_removed_directory_is_noticed_and_made_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let inner = directory.path().join("captures");
    fs::create_dir(&inner).expect("a directory");
    let mut output = at(&inner.join("c.parquet"), false).expect("an output");
    assert!(!output.directory_is_gone());
    fs::remove_dir(&inner).expect("removed");
    assert!(output.directory_is_gone());
    output.recreate_directory().expect("made again");
    drop(output.create_journal().expect("in it"));
    assert!(inner.join("c.parquet.journal").exists());
}

#[test]
fn a_capture_that_appears_before_the_journal_keeps_its_name() {
    let directory = tempfile::tempdir().expect("a directory");
    let output = at(&directory.path().join("c.parquet"), false).expect("free");
    // Another recorder created its journal, sealed it and removed it.
    fs::write(directory.path().join("c.parquet"), "sealed").expect("write");
    assert!(matches!(output.create_journal(), Err(OutputError::Exists(_))));
    assert!(!directory.path().join("c.parquet.journal").exists(), "no empty one stays");
    let (next, _journal) = output.create_first_unused().expect("the next name");
    assert_eq!(next.name(), "c-2.parquet");
    assert!(directory.path().join("c-2.parquet.journal").exists());
}

#[test]
fn many_who_want_one_name_get_one_each() {
    let directory = tempfile::tempdir().expect("a directory");
    let output = at(&directory.path().join("c.parquet"), false).expect("free");
    let names: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| output.clone().create_first_unused().expect("a name")))
            .collect();
        // Each keeps its journal until all have one.
        let made: Vec<_> = threads.into_iter().map(|it| it.join().expect("no panic")).collect();
        made.iter().map(|(output, _)| output.name().to_owned()).collect()
    });
    let different: std::collections::BTreeSet<&String> = names.iter().collect();
    assert_eq!(different.len(), 8, "{names:?}");
}

#[test]
fn a_directory_that_is_made_again_is_not_a_link() {
    let directory = tempfile::tempdir().expect("a directory");
    let (inner, other) = (directory.path().join("captures"), directory.path().join("other"));
    fs::create_dir(&inner).expect("a directory");
    fs::create_dir(&other).expect("a directory");
    let mut output = at(&inner.join("c.parquet"), true).expect("an output");
    fs::remove_dir(&inner).expect("removed");
    std::os::unix::fs::symlink(&other, &inner).expect("a link");
    output.recreate_directory().expect_err("a link is there");
    fs::remove_file(&inner).expect("removed");
    output.recreate_directory().expect("made again");
    assert_eq!(output.shown(), inner.join("c.parquet"));
}
