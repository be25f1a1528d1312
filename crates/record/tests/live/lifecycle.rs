//! How a recording ends, and what is on disk then.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::Duration;

use connlat_schema::capture::journal::JournalReader;
use connlat_schema::capture::metadata::StopReason;
use rustix::process::Signal;
use test_support::{
    Capture, Recording, bpf_available, connect, names, record, run, scratch, server,
};

#[test]
fn each_stopping_signal_leaves_a_finished_capture() {
    if !bpf_available() {
        return;
    }
    let address = server("127.0.0.1:0");
    for (signal, reason) in [
        (Signal::INT, StopReason::Interrupted),
        (Signal::TERM, StopReason::Terminated),
        (Signal::HUP, StopReason::Terminated),
    ] {
        let mut recording = Recording::start(&[]);
        for _ in 0..50 {
            connect("127.0.0.1:0".parse().expect("an address"), address);
        }
        let ended = recording.end_by(signal);
        assert!(ended.status.success(), "{signal:?}");
        assert_eq!(names(recording.directory()), ["c.parquet"]);
        let mode = fs::metadata(recording.capture()).expect("the capture").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let capture = Capture::read(recording.capture());
        assert_eq!((capture.info.stop_reason.clone(), capture.info.clean), (reason, true));
        let rows = capture.of_pid(std::process::id());
        let made = rows.iter().filter(|row| row.dst_port == i32::from(address.port())).count();
        assert_eq!(made, 50, "{signal:?}");
    }
}

#[test]
fn a_killed_recorder_leaves_a_readable_journal() {
    if !bpf_available() {
        return;
    }
    let address = server("127.0.0.1:0");
    let mut recording = Recording::start(&[]);
    for _ in 0..50 {
        connect("127.0.0.1:0".parse().expect("an address"), address);
    }
    // Events older than 250 ms are in the journal.
    thread::sleep(Duration::from_millis(300));
    let journal = recording.journal();
    recording.end_by(Signal::KILL);
    assert_eq!(names(recording.directory()), ["c.parquet.journal"]);
    let mut reader = JournalReader::open(File::open(journal).expect("kept")).expect("readable");
    let mut rows = 0;
    while let Some(batch) = reader.next_batch().expect("whole batches") {
        rows += batch.num_rows();
    }
    assert!(rows >= 50, "{rows}");
    assert!(!reader.info().clean);
    assert_eq!(reader.info().stop_reason, StopReason::Unknown);
}

#[test]
fn a_command_is_recorded_and_its_status_passed_on() {
    if !bpf_available() {
        return;
    }
    let directory = scratch();
    let capture = directory.path().join("c.parquet");
    let path = capture.to_str().expect("UTF-8");
    let output = run(&["-o", path, "--", "sh", "-c", "echo out; exit 7"]);
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(output.stdout, b"out\n", "nothing of ours on stdout");
    let last = String::from_utf8(output.stderr).expect("UTF-8");
    assert!(last.starts_with("[ record: ") && last.lines().count() == 1, "{last}");
    let info = Capture::read(&capture).info;
    assert_eq!(info.stop_reason, StopReason::CommandExited);
    assert_eq!(info.command_line.last().map(String::as_str), Some("echo out; exit 7"));
}

#[test]
fn the_duration_ends_a_recording() {
    if !bpf_available() {
        return;
    }
    let directory = scratch();
    let output = record(&["--duration", "200ms"]).current_dir(&directory).output();
    assert!(output.expect("record runs").status.success());
    let names = names(directory.path());
    let [name] = names.as_slice() else { panic!("one file expected: {names:?}") };
    assert!(name.starts_with("connlat-") && name.ends_with("Z.parquet"), "{name}");
    let info = Capture::read(&directory.path().join(name)).info;
    assert_eq!(info.stop_reason, StopReason::Duration);
    let length_ns = info.stop.monotonic_ns - info.start.monotonic_ns;
    assert!((200_000_000..2_000_000_000).contains(&length_ns), "{length_ns}");
    assert!(info.clock.len() >= 2);
}
