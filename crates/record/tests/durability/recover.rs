//! `record recover`: what it seals, what it refuses, and that twice is as good as once.

use std::fs;
use std::path::Path;

use connlat_schema::capture::metadata::StopReason;
use rustix::process::Signal;
use test_support::{
    Capture, Recording, bpf_available, has_program, journal_of, names, record, recorder, recover,
    run_to_end, scratch,
};

use crate::journals::{BATCH_ROWS, assert_first, bytes};

#[test]
fn a_left_over_journal_becomes_a_capture_marked_as_unfinished() {
    for closed in [true, false] {
        for named_by in ["c.parquet.journal", "c.parquet"] {
            let directory = scratch();
            let capture = directory.path().join("c.parquet");
            fs::write(journal_of(&capture), bytes(3, closed)).expect("write");
            let named = directory.path().join(named_by);

            let first = recover(&[&named]);
            assert!(first.status.success(), "{first:?}");
            assert_eq!(names(directory.path()), ["c.parquet"]);
            let sealed = fs::read(&capture).expect("the capture");
            let contents = Capture::read(&capture);
            assert_first(&contents.rows, 3 * BATCH_ROWS);
            assert!(!contents.info.clean);
            assert_eq!(contents.info.stop_reason, StopReason::Unknown);
            assert_eq!(contents.info.counters.written, 3 * BATCH_ROWS);

            let second = recover(&[&named]);
            assert!(second.status.success(), "nothing to do is no failure: {second:?}");
            assert_eq!(second.stderr.lines().count(), 1, "and it says so: {second:?}");
            assert_eq!(fs::read(&capture).expect("the capture"), sealed, "untouched");
        }
    }
}

#[test]
fn several_at_once_and_one_bad_one_does_not_keep_the_others() {
    let directory = scratch();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("a.parquet.journal"), bytes(1, true)).expect("write");
    fs::write(path("b.parquet.journal"), "not a journal").expect("write");
    fs::write(path("c.parquet.journal"), bytes(2, false)).expect("write");
    let ended = recover(&[
        &path("a.parquet.journal"),
        &path("b.parquet.journal"),
        &path("c.parquet.journal"),
    ]);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert_eq!(names(directory.path()), ["a.parquet", "b.parquet.journal", "c.parquet"]);
    assert_first(&Capture::read(&path("c.parquet")).rows, 2 * BATCH_ROWS);
}

#[test]
fn a_journal_whose_capture_is_sealed_already_is_only_removed() {
    let directory = scratch();
    let capture = directory.path().join("c.parquet");
    let journal = journal_of(&capture);
    fs::write(&journal, bytes(2, true)).expect("write");
    assert!(recover(&[&journal]).status.success());
    let sealed = fs::read(&capture).expect("the capture");

    // As if the machine had stopped between rename and unlink.
    fs::write(&journal, bytes(2, true)).expect("write");
    let ended = recover(&[&journal]);
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(names(directory.path()), ["c.parquet"]);
    assert_eq!(fs::read(&capture).expect("the capture"), sealed);
}

#[test]
fn a_file_in_the_way_is_never_replaced_unless_forced() {
    let other = scratch();
    let foreign = other.path().join("c.parquet");
    fs::write(journal_of(&foreign), bytes(1, true)).expect("write");
    assert!(recover(&[&foreign]).status.success());
    let foreign = fs::read(&foreign).expect("a capture of something else");

    for in_the_way in [b"somebody else's".to_vec(), foreign, Vec::new()] {
        let directory = scratch();
        let capture = directory.path().join("c.parquet");
        let journal = journal_of(&capture);
        fs::write(&journal, bytes(3, true)).expect("write");
        fs::write(&capture, &in_the_way).expect("write");

        recover(&[&journal]).assert_refused();
        assert_eq!(names(directory.path()), ["c.parquet", "c.parquet.journal"]);
        assert_eq!(fs::read(&capture).expect("read"), in_the_way);
        assert_eq!(fs::read(&journal).expect("read"), bytes(3, true));

        let forced = recover(&[Path::new("--force"), &journal]);
        assert!(forced.status.success(), "{forced:?}");
        assert_first(&Capture::read(&capture).rows, 3 * BATCH_ROWS);
        assert_eq!(names(directory.path()), ["c.parquet"]);
    }
}

#[test]
fn what_a_killed_seal_left_is_cleared_away() {
    let directory = scratch();
    let capture = directory.path().join("c.parquet");
    fs::write(journal_of(&capture), bytes(1, true)).expect("write");
    fs::write(directory.path().join("c.parquet.tmp"), "half a capture").expect("write");
    assert!(recover(&[&capture]).status.success());
    assert_eq!(names(directory.path()), ["c.parquet"]);
}

#[test]
fn it_needs_no_privileges() {
    if !has_program("setpriv", &["--version"]) {
        return;
    }
    let directory = scratch();
    let capture = directory.path().join("c.parquet");
    fs::write(journal_of(&capture), bytes(1, true)).expect("write");
    if rustix::process::geteuid().is_root() {
        // The build may lie where nobody else can reach it.
        let program = directory.path().join("record");
        fs::copy(recorder(), &program).expect("a copy");
        for path in [directory.path(), &journal_of(&capture), &program] {
            std::os::unix::fs::chown(path, Some(65534), Some(65534)).expect("chown");
        }
        let mut command = std::process::Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]);
        command.args(["--bounding-set=-all", "--no-new-privs"]);
        command.arg(&program).arg("recover").arg(&capture);
        let ended = run_to_end(&mut command);
        assert!(ended.status.success(), "{ended:?}");
    } else {
        assert!(recover(&[&capture]).status.success());
    }
    assert_first(&Capture::read(&capture).rows, BATCH_ROWS);
}

#[test]
fn a_live_journal_is_refused() {
    if !bpf_available() {
        return;
    }
    let directory = scratch();
    let capture = directory.path().join("c.parquet");
    let mut recorder = Recording::start_into(&capture, &[]);
    for arguments in [vec![journal_of(&capture)], vec!["--force".into(), journal_of(&capture)]] {
        let arguments: Vec<&Path> = arguments.iter().map(AsRef::as_ref).collect();
        recover(&arguments).assert_refused();
    }
    // Nor does a second recorder take it.
    let mut second = record(&["--force", "--duration", "1ms", "-o"]);
    run_to_end(second.arg(&capture)).assert_refused();
    recorder.stop();
    assert_eq!(names(directory.path()), ["c.parquet"]);
    assert!(Capture::read(&capture).info.clean);
}

#[test]
fn a_stopped_recorder_is_a_live_one() {
    if !bpf_available() {
        return;
    }
    let directory = scratch();
    let capture = directory.path().join("c.parquet");
    let mut recorder = Recording::start_into(&capture, &[]);
    recorder.signal(Signal::STOP);
    recover(&[&capture]).assert_refused();
    recorder.signal(Signal::CONT);
    recorder.stop();
}
