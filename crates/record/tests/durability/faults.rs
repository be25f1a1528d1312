//! Each system call of a seal fails once: what was captured is still there,
//! and a later recovery yields every row exactly once.

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use test_support::{
    Capture, Difference, Ended, Load, Peers, Recording, bpf_available, has_program, is_filled,
    journal_of, monotonic_ns, recorder, recover, run_to_end, scratch,
};

use crate::journals::{BATCH_ROWS, assert_first, bytes};

/// No seal makes more calls of one kind than this.
const MOST_CALLS: u32 = 400;
/// Calls a seal makes its files durable and visible with; the names differ
/// between architectures.
const CALLS: [&str; 4] = ["renameat2", "fsync,fdatasync", "unlink,unlinkat", "ftruncate,fcntl"];

/// strace that makes the Nth of these calls fail.
fn strace(calls: &str, error: &str, number: u32, log: &Path) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "--seccomp-bpf", "-qq", "-o"]).arg(log);
    command.arg(format!("--trace={calls}"));
    command.arg(format!("--inject={calls}:error={error}:when={number}"));
    command
}

fn was_injected(log: &Path) -> bool {
    fs::read_to_string(log).expect("strace's log").contains("(INJECTED)")
}

fn has_strace() -> bool {
    has_program("strace", &["--version"])
}

/// `record recover` with one failing call; false once there is no such call.
fn recover_with_fault(calls: &str, error: &str, number: u32) -> bool {
    const BATCHES: u64 = 4;
    let directory = scratch();
    let capture = directory.path().join("c.parquet");
    let journal = journal_of(&capture);
    fs::write(&journal, bytes(BATCHES, true)).expect("write");
    let log = directory.path().join("strace.log");
    let mut command = strace(calls, error, number, &log);
    let ended = run_to_end(command.arg(recorder()).arg("recover").arg(&journal));
    let context = format!("{error} at {calls} {number}: {ended:?}");
    if !was_injected(&log) {
        assert!(ended.status.success(), "{context}");
        return false;
    }
    check_message(&ended, &context);
    if capture.exists() {
        assert_first(&Capture::read(&capture).rows, BATCHES * BATCH_ROWS);
    } else {
        assert!(!ended.status.success(), "{context}: nothing was sealed");
        assert_eq!(fs::read(&journal).expect("kept"), bytes(BATCHES, true), "{context}");
    }
    let again = recover(&[&journal]);
    assert!(again.status.success(), "{context}; then {again:?}");
    assert_first(&Capture::read(&capture).rows, BATCHES * BATCH_ROWS);
    assert!(!journal.exists(), "{context}");
    true
}

/// Success, or exit code 1 with one line.
#[track_caller]
fn check_message(ended: &Ended, context: &str) {
    assert!(!ended.stderr.contains("panicked"), "{context}");
    // A write that fails may be the message itself.
    if !ended.status.success() && !context.contains("at write") {
        ended.assert_failed();
    }
}

#[test]
fn each_call_of_a_recovery_fails_once() {
    if !has_strace() {
        return;
    }
    for (calls, error) in
        CALLS.iter().map(|calls| (*calls, "EIO")).chain([("write", "EIO"), ("write", "ENOSPC")])
    {
        let faults = (1..=MOST_CALLS).take_while(|n| recover_with_fault(calls, error, *n)).count();
        eprintln!("{error} at each of {faults} {calls}");
        assert!((1..MOST_CALLS as usize).contains(&faults), "{faults} {calls}");
    }
}

/// A recording under load with one failing call; false once there is none.
fn record_with_fault(calls: &str, number: u32, peers: &Peers) -> bool {
    let directory = scratch();
    let capture = directory.path().join("c.parquet");
    let journal = journal_of(&capture);
    let log = directory.path().join("strace.log");
    let mut command = strace(calls, "EIO", number, &log);
    command.arg(recorder()).arg("-o").arg(&capture);
    let mut tracer = Recording::spawn(command, || true);
    // The journal never appears when its own calls fail.
    let mut patience = 2_000;
    while !is_filled(&journal) && tracer.is_running() && patience > 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
        patience -= 1;
    }
    let load = Load::start(peers, 1, std::time::Duration::from_millis(2));
    std::thread::sleep(std::time::Duration::from_millis(300));
    let stopped_ns = monotonic_ns();
    let ended = tracer.end_by(Signal::TERM);
    let made = load.finish();
    let context = format!("EIO at {calls} {number}: {ended:?}");
    let injected = was_injected(&log);
    check_message(&ended, &context);
    if !injected {
        assert!(ended.status.success(), "{context}");
    }
    if !is_filled(&journal) {
        // It failed before there was anything to record.
        let _ = fs::remove_file(&journal);
    }
    if !ended.status.success() && journal.exists() {
        let again = recover(&[&journal]);
        assert!(again.status.success(), "{context}; then {again:?}");
    }
    if capture.exists() {
        let rows = Capture::read(&capture).rows;
        let rows = peers.rows(&rows);
        // A journal that failed ends with its last whole batch.
        let until = if ended.status.success() { stopped_ns } else { 0 };
        Difference::of(&made, &rows, until).assert_none(&context);
    } else {
        assert!(!ended.status.success(), "{context}: no capture");
    }
    assert!(!journal.exists(), "{context}");
    injected
}

#[test]
fn each_call_at_the_end_of_a_recording_fails_once() {
    if !bpf_available() || !has_strace() {
        return;
    }
    let peers = Peers::new();
    for calls in CALLS {
        let faults = (1..=20).take_while(|n| record_with_fault(calls, *n, &peers)).count();
        eprintln!("EIO at each of {faults} {calls} of a recording");
        assert!(faults > 0, "no {calls} in a recording");
    }
    // A recording writes without end: the first ones and some of the rest.
    for number in [1, 2, 3, 4, 5, 8, 13, 21] {
        record_with_fault("write", number, &peers);
    }
}

#[test]
fn a_slow_disk_delays_the_journal_and_loses_nothing() {
    if !bpf_available() || !has_strace() {
        return;
    }
    let directory = scratch();
    let capture = directory.path().join("c.parquet");
    let log = directory.path().join("strace.log");
    let mut command = Command::new("strace");
    command.args(["-f", "--seccomp-bpf", "-qq", "-o"]).arg(&log);
    command.args(["--trace=write,fdatasync", "--inject=write:delay_enter=100ms"]);
    command.args(["--inject=fdatasync:delay_enter=1s"]).arg(recorder()).arg("-o").arg(&capture);
    let journal = journal_of(&capture);
    let mut tracer = Recording::spawn(command, || is_filled(&journal));
    let peers = Peers::new();
    let load = Load::start(&peers, 2, std::time::Duration::from_millis(1));
    std::thread::sleep(std::time::Duration::from_secs(4));
    let stopped_ns = monotonic_ns();
    let ended = tracer.end_by(Signal::TERM);
    let made = load.finish();
    assert!(ended.status.success(), "{ended:?}");
    let contents = Capture::read(&capture);
    assert_eq!(contents.info.counters.lost.total(), 0, "{:?}", contents.info.counters);
    Difference::of(&made, &peers.rows(&contents.rows), stopped_ns).assert_none("slow disk");
}
