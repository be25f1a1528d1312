//! A terminal that went away, or a log on a full disk, is no reason to lose
//! what is recorded: messages that cannot be written are dropped.

use std::fs::{self, File, OpenOptions};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use test_support::{
    Capture, Difference, Load, Peers, Recording, bpf_available, captures_below, is_filled,
    journal_of, monotonic_ns, record, scratch, wait_until,
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
    let capture = directory.path().join("c.parquet");
    let mut command = record(&["-o"]);
    command.arg(&capture).stderr(Stdio::from(full()));
    let journal = journal_of(&capture);
    let mut recorder = Recording::spawn_as_it_is(command, || is_filled(&journal));
    let peers = Peers::new();
    let load = Load::start(&peers, 1, Duration::from_millis(1));
    // This makes it say something.
    recorder.signal(Signal::USR1);
    wait_until("a snapshot", || captures_below(directory.path()).len() == 1);
    let before = load.made();
    wait_until("more load", || load.made() > before + 500);
    assert!(recorder.is_running());
    let stopped_ns = monotonic_ns();
    recorder.stop();
    let made = load.finish();
    let contents = Capture::read(&capture);
    Difference::of(&made, &peers.rows(&contents.rows), stopped_ns).assert_none("quietly");
}

/// Whether a removed directory can be made again is disk.rs' question; here,
/// that it makes no difference whether anybody hears of it.
#[test]
fn a_warning_that_nobody_hears_changes_nothing() {
    if !bpf_available() {
        return;
    }
    let [heard, unheard] = [false, true].map(|quiet| {
        let directory = scratch();
        let output = directory.path().join("out");
        fs::create_dir(&output).expect("a directory");
        let capture = output.join("c.parquet");
        let mut command = record(&["-o"]);
        command.arg(&capture);
        let journal = journal_of(&capture);
        let ready = || is_filled(&journal);
        let mut recorder = if quiet {
            command.stderr(Stdio::from(full()));
            Recording::spawn_as_it_is(command, ready)
        } else {
            Recording::spawn(command, ready)
        };
        fs::remove_dir_all(&output).expect("removed");
        // Longer than it takes to notice.
        thread::sleep(Duration::from_secs(2));
        assert!(recorder.is_running());
        let ended = recorder.end_by(Signal::TERM);
        assert_eq!(ended.stderr.contains("was removed while recording"), !quiet, "{ended:?}");
        (ended.status.code(), capture.exists())
    });
    assert!(matches!(heard, (Some(0), true) | (Some(1), false)), "{heard:?}");
    assert_eq!(unheard, heard);
}
