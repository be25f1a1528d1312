//! A terminal that went away, or a log on a full disk, is no reason to lose
//! what is recorded: messages that cannot be written are dropped.

use std::fs::{self, File, OpenOptions};
use std::process::Stdio;

use rustix::process::Signal;
use test_support::{
    Capture, Difference, Load, Peers, Recording, bpf_available, is_filled, journal_of,
    monotonic_ns, names, record, scratch, wait_until,
};

use crate::journals::{BATCH_ROWS, assert_first, bytes};

/// Every write to it fails with ENOSPC.
fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").expect("/dev/full")
}

#[test]
fn recovery_succeeds() {
    let directory = scratch();
    let capture = directory.path().join("c.parquet");
    fs::write(journal_of(&capture), bytes(1, true)).expect("write");
    // Sealing, nothing to do, and a refusal.
    for (path, code) in [(&capture, 0), (&capture, 0), (&directory.path().join("none"), 1)] {
        let mut command = record(&["recover"]);
        let status = command.arg(path).stderr(Stdio::from(full())).status().expect("it runs");
        assert_eq!(status.code(), Some(code), "{}", path.display());
    }
    assert_first(&Capture::read(&capture).rows, BATCH_ROWS);
}

#[test]
fn recording_goes_on() {
    if !bpf_available() {
        return;
    }
    let directory = scratch();
    let output = directory.path().join("out");
    fs::create_dir(&output).expect("a directory");
    let capture = output.join("c.parquet");
    let mut command = record(&["-o"]);
    command.arg(&capture).stderr(Stdio::from(full()));
    let journal = journal_of(&capture);
    let mut recorder = Recording::spawn_as_it_is(command, || is_filled(&journal));
    let peers = Peers::new();
    let load = Load::start(&peers, 1, std::time::Duration::from_millis(1));
    // Both of these make it say something.
    recorder.signal(Signal::USR1);
    wait_until("a snapshot", || names(&output).iter().any(|name| name.contains("snapshot")));
    fs::remove_dir_all(&output).expect("removed");
    let before = load.made();
    wait_until("more load", || load.made() > before + 500);
    assert!(recorder.is_running());
    let stopped_ns = monotonic_ns();
    recorder.signal(Signal::TERM);
    let ended = recorder.wait();
    let made = load.finish();
    // Whether the directory can be made again is disk.rs' question.
    assert!(matches!(ended.status.code(), Some(0 | 1)), "no panic: {ended:?}");
    if ended.status.success() {
        let contents = Capture::read(&capture);
        Difference::of(&made, &peers.rows(&contents.rows), stopped_ns).assert_none("quietly");
    }
}
