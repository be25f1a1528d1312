//! Disks that fill up, become read-only, or lose the output directory.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::mount::{MountFlags, MountPropagationFlags, mount, mount_change, mount_remount};
use rustix::process::Signal;
use test_support::{
    Capture, Difference, Load, Made, Peers, Recording, Row, bpf_available, is_root, journal_of,
    monotonic_ns, names, record, recover, run_to_end, scratch, wait_until,
};

use crate::journals::{self, BATCH_ROWS, assert_first, bytes};

/// Runs `test` with a small tmpfs at the path it is given. The mount is seen
/// by this thread and what it starts, and goes with them.
fn with_small_disk(size: &str, test: impl FnOnce(&Path) + Send) {
    let directory = scratch();
    let path = directory.path();
    thread::scope(|scope| {
        let result = scope.spawn(move || {
            // SAFETY: only this thread leaves the mount namespace; it shares
            // no file system state that others rely on.
            unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNS) }
                .expect("a mount namespace");
            let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
            mount_change("/", private).expect("private mounts");
            let options = std::ffi::CString::new(format!("size={size}")).expect("no NUL");
            mount("connlat-test", path, "tmpfs", MountFlags::empty(), options.as_c_str())
                .expect("a tmpfs");
            test(path);
        });
        if let Err(panic) = result.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

/// Rows up to the last one are all there: the disk filled up at one moment.
#[track_caller]
fn assert_no_hole(made: &[Made], rows: &[&Row]) {
    let last = rows.iter().map(|row| row.start_ns + row.latency_ns).max().expect("some rows");
    // What is younger may be in the batch that did not fit.
    Difference::of(made, rows, last - 500_000_000).assert_none("until the disk was full");
}

#[test]
fn a_full_disk_ends_the_recording_and_keeps_what_was_written() {
    if !bpf_available() {
        return;
    }
    let peers = Peers::new();
    with_small_disk("1m", |disk| {
        let capture = disk.join("c.parquet");
        let journal = journal_of(&capture);
        let mut recorder = Recording::start_into(&capture, &[]);
        let load = Load::start(&peers, 2, Duration::from_micros(200));
        let ended = recorder.wait();
        let made = load.finish();
        ended.assert_failed();
        assert!(ended.stderr.contains("No space left on device"), "{ended:?}");

        let elsewhere = scratch();
        let copy = elsewhere.path().join("c.parquet");
        if journal.exists() {
            let (rows, _) = journals::read(&journal);
            assert!(rows > 1_000, "a megabyte holds more than {rows} rows");
            // Recovery on the full disk fails and harms nothing …
            let full = recover(&[&journal]);
            if !full.status.success() {
                full.assert_refused();
                assert_eq!(names(disk), ["c.parquet.journal"]);
                assert_eq!(journals::read(&journal).0, rows);
                // … and succeeds where there is room.
                fs::copy(&journal, journal_of(&copy)).expect("a copy");
                assert!(recover(&[&copy]).status.success());
            }
        }
        let sealed = if capture.exists() { &capture } else { &copy };
        let contents = Capture::read(sealed);
        assert_no_hole(&made, &peers.rows(&contents.rows));
    });
}

#[test]
fn a_full_disk_while_sealing_keeps_the_journal() {
    if !is_root() {
        return;
    }
    with_small_disk("256k", |disk| {
        let capture = disk.join("c.parquet");
        let journal = journal_of(&capture);
        fs::write(&journal, bytes(4, true)).expect("write");
        // All but a page of the rest is taken.
        let free = rustix::fs::statvfs(disk).expect("statvfs");
        let ballast = (free.f_bavail - 1) * free.f_frsize;
        fs::write(disk.join("ballast"), vec![0; ballast as usize]).expect("write");

        recover(&[&journal]).assert_refused();
        assert_eq!(names(disk), ["ballast", "c.parquet.journal"]);
        fs::remove_file(disk.join("ballast")).expect("remove");
        assert!(recover(&[&journal]).status.success());
        assert_first(&Capture::read(&capture).rows, 4 * BATCH_ROWS);
    });
}

#[test]
fn a_read_only_file_system_keeps_the_journal() {
    if !is_root() {
        return;
    }
    with_small_disk("1m", |disk| {
        let capture = disk.join("c.parquet");
        let journal = journal_of(&capture);
        fs::write(&journal, bytes(2, true)).expect("write");
        mount_remount(disk, MountFlags::RDONLY, "").expect("read-only");
        let refused = recover(&[&journal]);
        refused.assert_refused();
        assert!(refused.stderr.contains("Read-only file system"), "{refused:?}");
        mount_remount(disk, MountFlags::empty(), "").expect("writable");
        assert!(recover(&[&journal]).status.success());
        assert_first(&Capture::read(&capture).rows, 2 * BATCH_ROWS);
    });
}

#[test]
fn recording_to_a_read_only_file_system_is_refused() {
    if !bpf_available() {
        return;
    }
    with_small_disk("1m", |disk| {
        mount_remount(disk, MountFlags::RDONLY, "").expect("read-only");
        let mut command = record(&["--duration", "10s", "-o"]);
        let ended = run_to_end(command.arg(disk.join("c.parquet")));
        ended.assert_refused();
        assert!(ended.stderr.contains("Read-only file system"), "{ended:?}");
    });
}

#[test]
fn a_renamed_directory_keeps_its_rows() {
    if !bpf_available() {
        return;
    }
    let directory = scratch();
    let (output, moved) = (directory.path().join("out"), directory.path().join("moved"));
    fs::create_dir(&output).expect("a directory");
    let peers = Peers::new();
    let mut recorder = Recording::start_into(&output.join("c.parquet"), &[]);
    let load = Load::start(&peers, 1, Duration::from_millis(1));
    wait_until("load", || load.made() > 100);
    fs::rename(&output, &moved).expect("renamed");
    let renamed_ns = monotonic_ns();
    recorder.signal(Signal::TERM);
    let ended = recorder.wait();
    let made = load.finish();
    if !ended.status.success() {
        ended.assert_failed();
        assert!(recover(&[&moved.join("c.parquet.journal")]).status.success());
    }
    let contents = Capture::read(&moved.join("c.parquet"));
    Difference::of(&made, &peers.rows(&contents.rows), renamed_ns).assert_none("renamed");
}
