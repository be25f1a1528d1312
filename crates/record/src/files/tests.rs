//! The rule of this module, each point tried.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use rustix::io::Errno;

use super::*;

fn opened() -> (tempfile::TempDir, Directory) {
    let scratch = tempfile::tempdir().expect("a directory");
    let directory = Directory::open(scratch.path()).expect("it opens");
    (scratch, directory)
}

#[test]
fn a_name_is_one_component() {
    let (_scratch, directory) = opened();
    for name in ["", ".", "..", "a/b", "/etc", "../x"] {
        let errors = [
            directory.create(name, 0o600).map(|_| ()),
            directory.open_file(name).map(|_| ()),
            directory.status(name).map(|_| ()),
            directory.make_subdirectory(name).map(|_| ()),
            directory.remove_subdirectory(name),
        ];
        for error in errors {
            let error = error.expect_err(name);
            assert_eq!(Errno::from_io_error(&error), Some(Errno::INVAL), "{name:?}");
        }
    }
}

#[test]
fn only_regular_files_are_opened_and_no_link_is_followed() {
    let (scratch, directory) = opened();
    let path = |name: &str| scratch.path().join(name);
    fs::write(path("file"), "x").expect("write");
    fs::create_dir(path("inside")).expect("a directory");
    symlink(path("file"), path("link")).expect("a link");
    symlink(path("inside"), path("way")).expect("a link");
    symlink("/dev/zero", path("device")).expect("a link");
    assert!(directory.open_file("file").is_ok());
    for name in ["link", "device", "inside", "missing"] {
        assert!(directory.open_file(name).is_err(), "{name}");
        assert!(directory.open_for_writing(name).is_err(), "{name}");
    }
    assert!(directory.subdirectory("inside").is_ok());
    for name in ["way", "file"] {
        assert!(directory.subdirectory(name).is_err(), "{name}");
        assert!(directory.make_subdirectory(name).is_err(), "{name}");
    }
    let error = directory.create("link", 0o600).expect_err("there");
    assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
}

#[test]
fn only_the_file_that_was_opened_is_removed_or_renamed() {
    let (scratch, directory) = opened();
    let path = |name: &str| scratch.path().join(name);
    let file = directory.create("a", 0o600).expect("a file");
    let id = FileId::of(&file).expect("its identity");
    fs::rename(path("a"), path("mine")).expect("aside");
    fs::write(path("a"), "somebody else's").expect("write");
    directory.remove("a", id).expect_err("another file");
    directory.rename("a", id, "b", true).expect_err("another file");
    assert_eq!(fs::read(path("a")).expect("kept"), b"somebody else's");
    directory.rename("mine", id, "a", false).expect_err("in the way");
    directory.rename("mine", id, "a", true).expect("replaced");
    symlink("/nonexistent", path("link")).expect("a link");
    directory.rename("a", id, "link", true).expect_err("not a regular file");
    directory.remove("a", id).expect("removed");
    let error = directory.remove("a", id).expect_err("gone");
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}

#[test]
fn what_happens_to_the_name_of_a_directory_does_not_redirect() {
    let scratch = tempfile::tempdir().expect("a directory");
    let (here, victim) = (scratch.path().join("here"), scratch.path().join("victim"));
    fs::create_dir(&here).expect("a directory");
    fs::create_dir(&victim).expect("a directory");
    let directory = Directory::open(&here).expect("it opens");
    fs::rename(&here, scratch.path().join("moved")).expect("moved");
    symlink(&victim, &here).expect("a link");
    directory.create("x", 0o600).expect("a file");
    directory.make_subdirectory("y").expect("a directory");
    assert_eq!(fs::read_dir(&victim).expect("it").count(), 0);
    assert!(scratch.path().join("moved/x").exists());
}

#[test]
fn a_tree_that_was_removed_is_made_again() {
    let scratch = tempfile::tempdir().expect("a directory");
    let root = scratch.path().join("root");
    fs::create_dir(&root).expect("a directory");
    let day = Directory::open(&root).expect("it opens");
    let day = day.make_subdirectory("host=h").and_then(|host| host.make_subdirectory("date=d"));
    let day = day.expect("directories");
    assert!(!day.is_gone());
    fs::remove_dir_all(&root).expect("removed");
    assert!(day.is_gone());
    let again = day.recreate().expect("made again");
    again.create("x", 0o600).expect("a file");
    assert!(root.join("host=h/date=d/x").exists());
    assert_eq!(again.shown("x"), root.join("host=h/date=d/x"));
}

#[test]
fn a_link_of_another_user_is_not_followed() {
    let scratch = tempfile::tempdir().expect("a directory");
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).expect("chmod");
    let (target, link) = (scratch.path().join("target"), scratch.path().join("link"));
    fs::create_dir_all(target.join("below")).expect("directories");
    symlink("target", &link).expect("a link");
    for path in [link.clone(), link.join("below"), link.join("../link/./below/..")] {
        Directory::open(&path).expect("our own link");
    }
    symlink("loop", scratch.path().join("loop")).expect("a link");
    assert!(Directory::open(&scratch.path().join("loop")).is_err());
    Directory::open(Path::new("/proc/self/cwd")).expect("a link of the kernel's");
    if !rustix::process::geteuid().is_root() {
        return;
    }
    std::os::unix::fs::lchown(&link, Some(60_001), Some(60_001)).expect("chown");
    for path in [link.clone(), link.join("below")] {
        let error = Directory::open(&path).expect_err("another user's");
        assert!(error.to_string().contains("user 60001"), "{error}");
    }
}

#[test]
fn only_who_may_write_a_file_can_lock_it() {
    let (_scratch, directory) = opened();
    let recorder = directory.create("journal", 0o644).expect("a file");
    let reader = directory.open_file("journal").expect("it opens");
    // flock(2), and a lock for reading, are what a reader can get.
    rustix::fs::flock(&reader, rustix::fs::FlockOperation::LockExclusive).expect("locked");
    assert!(lock::for_writing(&recorder).expect("no matter"));
    assert!(lock::for_writing(&reader).is_err(), "not open for writing");
    assert!(!lock::for_reading(&reader).expect("the recorder lives"));
    drop(recorder);
    assert!(lock::for_reading(&reader).expect("it has ended"));
    let recovery = directory.open_for_writing("journal").expect("it opens");
    assert!(!lock::for_writing(&recovery).expect("a reader is there"));
    assert!(lock::for_reading(&recovery).expect("which does not matter"));
}
