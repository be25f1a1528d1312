//! Readers that read nothing, of stderr or of the screen: recording, sealing,
//! retention and the signals go on.

use std::io::{PipeReader, PipeWriter, Read, Write, pipe};
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, fcntl_setfl};
use rustix::process::{Pid, Signal, kill_process};
use test_support::{
    Capture, Difference, Load, Peers, Process, Recording, bpf_available, captures_below, is_filled,
    journal_of, journals_below, monotonic_ns, record, scratch, wait_until,
};

/// How long an end may take, with a second's patience for the reader.
const SOON: Duration = Duration::from_secs(15);

fn make_small(pipe: &PipeWriter) {
    // SAFETY: a call on a descriptor that is open, with a number (fcntl(2)).
    let size = unsafe { libc::fcntl(pipe.as_raw_fd(), libc::F_SETPIPE_SZ, 4096) };
    assert_eq!(size, 4096, "a small pipe");
}

/// A pipe with no room at all.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = pipe().expect("a pipe");
    make_small(&writer);
    fcntl_setfl(&writer, OFlags::NONBLOCK).expect("a flag");
    while writer.write(b"x").is_ok() {}
    fcntl_setfl(&writer, OFlags::empty()).expect("a flag");
    (reader, writer)
}

#[test]
fn a_stderr_that_nobody_reads_stops_nothing() {
    if !bpf_available() {
        return;
    }
    let directory = scratch();
    let (mut reader, writer) = full_pipe();
    let mut command = record(&["--rotate", "200ms", "--retain-size", "4kB", "--output-dir"]);
    command.arg(directory.path()).stderr(Stdio::from(writer));
    let ready = || journals_below(directory.path()).iter().any(|path| is_filled(path));
    let mut recorder = Recording::spawn_as_it_is(command, ready);
    let mut seen = std::collections::BTreeSet::new();
    wait_until("twelve segments", || {
        seen.extend(captures_below(directory.path()));
        seen.len() >= 12
    });
    assert!(captures_below(directory.path()).len() < 10, "retention goes on");
    let begun = Instant::now();
    recorder.signal(Signal::TERM);
    let ended = recorder.wait();
    assert!(ended.status.success() && begun.elapsed() < SOON, "{ended:?} {:?}", begun.elapsed());
    let mut text = String::new();
    reader.read_to_string(&mut text).expect("what there is");
    assert_eq!(text.trim_matches('x'), "", "it was full until the end");
}

/// `record live` whose output nobody reads, then its process.
fn live(arguments: &[&str]) -> (PipeReader, Process) {
    let (reader, writer) = pipe().expect("a pipe");
    make_small(&writer);
    let mut command: Command = record(&[&["live", "--json", "--all"], arguments].concat());
    command.stdout(Stdio::from(writer)).stderr(Stdio::piped());
    let process = Process::spawn(&mut command);
    (reader, process)
}

#[track_caller]
fn ends_soon(process: &mut Process) -> String {
    let begun = Instant::now();
    while process.is_running() {
        assert!(begun.elapsed() < SOON, "it does not end");
        thread::sleep(Duration::from_millis(10));
    }
    assert!(process.wait().expect("our child").success());
    let mut text = String::new();
    let stderr = process.stderr.as_mut().expect("a pipe");
    stderr.read_to_string(&mut text).expect("UTF-8");
    text
}

#[test]
fn a_screen_that_nobody_reads_costs_the_capture_nothing() {
    if !bpf_available() {
        return;
    }
    let directory = scratch();
    let capture = directory.path().join("c.parquet");
    let (mut reader, mut process) = live(&["-o", capture.to_str().expect("UTF-8")]);
    wait_until("the recorder", || is_filled(&journal_of(&capture)));
    let peers = Peers::new();
    let load = Load::start(&peers, 2, Duration::from_micros(200));
    // More than pipe and queue hold: a line has some 400 bytes.
    wait_until("load", || load.made() > 6_000);
    thread::sleep(Duration::from_millis(300));
    let stopped_ns = monotonic_ns();
    kill_process(Pid::from_child(&process), Signal::TERM).expect("it runs");
    let said = ends_soon(&mut process);
    let made = load.finish();
    let rows = Capture::read(&capture).rows;
    Difference::of(&made, &peers.rows(&rows), stopped_ns).assert_none("the capture");
    assert!(said.contains("rows were not printed"), "{said}");
    let mut text = String::new();
    reader.read_to_string(&mut text).expect("UTF-8");
    let starts =
        text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    assert!(starts.count() > 3, "whole lines came first: {text}");
}

#[test]
fn a_screen_alone_waits_for_its_reader_but_ends_when_it_has_to() {
    if !bpf_available() {
        return;
    }
    let (_reader, mut process) = live(&["--duration", "4s"]);
    let peers = Peers::new();
    let load = Load::start(&peers, 2, Duration::from_micros(200));
    thread::sleep(Duration::from_secs(4));
    let said = ends_soon(&mut process);
    assert!(load.finish().len() > 6_000);
    assert!(said.contains("rows were not printed"), "{said}");
}
