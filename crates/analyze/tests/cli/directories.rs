//! Directories and patterns as they lie about: answered from what can be read,
//! and everything that is left out is named.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use super::capture::{Capture, Connect, S};
use super::program::Dir;

/// Captures that are not copies of each other, of 10 rows each.
fn write(dir: &Dir, name: &str) -> PathBuf {
    let path = dir.path(name);
    fs::create_dir_all(path.parent().expect("a directory")).expect("the directory");
    let mut capture = Capture::of((0..10).map(|n| Connect::at(n * S, 1_000 + n)).collect());
    capture.info.boot_id = name.into();
    capture.info.host = name.replace('/', "-");
    capture.write(path)
}

/// Rows of an answer, and the kinds and texts of its warnings.
fn answer(dir: &Dir, arguments: &[&str]) -> (u64, Vec<String>) {
    let args = [&["percentiles", "--format", "json"], arguments].concat();
    let answer: Value = dir.analyze(&args).json();
    let warnings = answer["capture"]["warnings"].as_array().expect("warnings");
    let text = |warning: &Value| {
        let part = |name: &str| warning[name].as_str().expect("text").to_owned();
        format!("{}: {}", part("kind"), part("message"))
    };
    let rows = answer["rows"][0]["connects"].as_u64().expect("rows");
    (rows, warnings.iter().map(text).collect())
}

#[test]
fn what_cannot_be_read_is_named_and_left_out() {
    let dir = Dir::new();
    let good = write(&dir, "d/a.parquet");
    write(&dir, "d/sub/b.parquet");
    let bytes = fs::read(&good).expect("the file");
    fs::write(dir.path("d/empty.parquet"), "").expect("a file");
    fs::write(dir.path("d/short.parquet"), &bytes[..bytes.len() / 2]).expect("a file");
    let mut damaged = bytes.clone();
    damaged[bytes.len() - 40..bytes.len() - 8].fill(0xff);
    fs::write(dir.path("d/damaged.parquet"), damaged).expect("a file");
    for arguments in [["d"], ["d/**/*.parquet"], ["d*"]] {
        let (rows, warnings) = answer(&dir, &arguments);
        assert_eq!(rows, 20, "{warnings:?}");
        for file in ["empty", "short", "damaged"] {
            let named = |warning: &&String| {
                warning.starts_with("unread: ") && warning.contains(&format!("d/{file}.parquet"))
            };
            assert_eq!(warnings.iter().filter(named).count(), 1, "{file}: {warnings:?}");
        }
        let args = ["percentiles", "--strict", arguments[0]];
        let line = dir.analyze(&args).failure();
        assert!(line.contains("d/damaged.parquet: is damaged"), "{line}");
    }
    // What is named outright is not left out.
    dir.analyze(&["d/a.parquet", "d/empty.parquet"]).failure();
    // Nothing but what cannot be read is no answer.
    fs::remove_file(&good).expect("removed");
    fs::remove_dir_all(dir.path("d/sub")).expect("removed");
    let line = dir.analyze(&["d"]).failure();
    assert!(line.contains("holds no capture that can be read: d/damaged.parquet"), "{line}");
}

#[test]
fn hidden_and_foreign_files_are_passed_over() {
    let dir = Dir::new();
    write(&dir, "d/a.parquet");
    write(&dir, "d/.Trash-1000/old.parquet");
    fs::write(dir.path("d/._a.parquet"), [0, 5, 22, 7]).expect("a file");
    fs::write(dir.path("d/notes.txt"), "x").expect("a file");
    let own = super::program::command(&dir.path("."))
        .args(["percentiles", "--format", "parquet", "d/a.parquet"])
        .output()
        .expect("the program runs");
    assert!(own.status.success());
    fs::write(dir.path("d/answer.parquet"), own.stdout).expect("a file");
    for arguments in [["d"], ["d/*.parquet"], ["d/*"], ["*/*.par?uet"], ["d/[a-z]*"]] {
        let (rows, warnings) = answer(&dir, &arguments);
        assert_eq!(rows, 10, "{warnings:?}");
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].starts_with("foreign: d/answer.parquet"), "{warnings:?}");
    }
    // Hidden ones are read if they are asked for.
    let (rows, _) = answer(&dir, &["d/.Trash-1000"]);
    assert_eq!(rows, 10);
    let (rows, _) = answer(&dir, &["d/.T*/*"]);
    assert_eq!(rows, 10);
    dir.analyze(&["d/.no*"]).failure();
    dir.analyze(&["d/[a-"]).failure();
}

#[cfg(unix)]
#[test]
fn links_to_captures_are_captures() {
    use std::os::unix::fs::symlink;

    let dir = Dir::new();
    write(&dir, "real/a.parquet");
    write(&dir, "real/b.parquet");
    fs::create_dir(dir.path("d")).expect("a directory");
    symlink("../real/a.parquet", dir.path("d/link.parquet")).expect("a link");
    symlink("../real", dir.path("d/all")).expect("a link");
    // In a circle.
    symlink("..", dir.path("d/up")).expect("a link");
    let (rows, warnings) = answer(&dir, &["d"]);
    assert_eq!((rows, warnings.len()), (20, 0), "{warnings:?}");
    symlink("nowhere", dir.path("d/broken.parquet")).expect("a link");
    let (rows, warnings) = answer(&dir, &["d"]);
    assert_eq!(rows, 20);
    assert!(warnings[0].starts_with("unread: left out: d/broken.parquet no such file"));
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_no_text_are_read_like_others() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    let dir = Dir::new();
    let good = write(&dir, "a.parquet");
    fs::create_dir(dir.path("d")).expect("a directory");
    let name = OsStr::from_bytes(b"d/caf\xe9.parquet");
    fs::rename(good, dir.path("d").parent().expect("a directory").join(name)).expect("renamed");
    for arguments in [["d"], ["d/*.parquet"], ["d/caf?.parquet"], ["**/*.parquet"]] {
        let (rows, warnings) = answer(&dir, &arguments);
        assert_eq!((rows, warnings.len()), (10, 0), "{warnings:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_directory_that_cannot_be_searched_is_named() {
    use std::os::unix::fs::PermissionsExt;

    let dir = Dir::new();
    write(&dir, "d/a.parquet");
    write(&dir, "d/locked/b.parquet");
    let locked = |mode| {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(dir.path("d/locked"), permissions).expect("a mode");
    };
    locked(0o000);
    // Root may read everything.
    let readable = fs::read_dir(dir.path("d/locked")).is_ok();
    for arguments in [["d"], ["d/**/*.parquet"], ["d/*/*.parquet"]] {
        let args = [&["percentiles", "--format", "json"], &arguments[..]].concat();
        let run = dir.analyze(&args);
        if !readable {
            assert!(format!("{}{}", run.stdout, run.stderr).contains("d/locked"));
        }
    }
    locked(0o755);
}

/// A name that stands for nothing is a mistake, whatever else is read.
#[test]
fn every_argument_must_stand_for_something() {
    let dir = Dir::new();
    write(&dir, "d/a.parquet");
    fs::create_dir(dir.path("e")).expect("a directory");
    fs::write(dir.path("e/empty.parquet"), "").expect("a file");
    let line = dir.analyze(&["diff", "d", "e"]).failure();
    assert!(line.starts_with("analyze: e: holds no capture that can be read"), "{line}");
    let line = dir.analyze(&["d", "none*"]).failure();
    assert!(line.starts_with("analyze: none*: matches no file"), "{line}");
}

/// A journal that has just been created holds nothing yet.
#[test]
fn a_journal_that_begins_is_passed_over() {
    let dir = Dir::new();
    write(&dir, "d/a.parquet");
    fs::write(dir.path("d/b.parquet.journal"), "").expect("a file");
    fs::write(dir.path("d/c.parquet.journal"), [0xff; 4]).expect("a file");
    let (rows, warnings) = answer(&dir, &["d"]);
    assert_eq!((rows, warnings.len()), (10, 0), "{warnings:?}");
    let line = dir.analyze(&["d/b.parquet.journal"]).failure();
    assert!(line.contains("only just created; try again"), "{line}");
    // One that has been there for long was left behind.
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(3_600);
    for name in ["d/b.parquet.journal", "d/c.parquet.journal"] {
        let file = fs::File::options().write(true).open(dir.path(name)).expect("the file");
        file.set_modified(old).expect("a time");
    }
    let (_, warnings) = answer(&dir, &["d"]);
    assert_eq!(warnings.len(), 2, "{warnings:?}");
}
