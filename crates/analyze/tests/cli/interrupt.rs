//! Ctrl-C ends a run at once, and nothing is left of it.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::capture::{Capture, Connect};
use super::program::{Dir, command};

const SIGINT: i32 = 2;

/// Interrupts a run in its midst: it ends at once and says nothing.
fn interrupt(run: &mut Command) {
    let piped = run.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut run = piped.spawn().expect("the program runs");
    sleep(Duration::from_millis(300));
    assert!(run.try_wait().expect("a child").is_none(), "too fast to be interrupted");
    let sent = Instant::now();
    let kill = Command::new("kill").args(["-INT", &run.id().to_string()]).status();
    assert!(kill.expect("kill(1) runs").success());
    let ended = run.wait_with_output().expect("a child");
    assert_eq!(ended.status.signal(), Some(SIGINT));
    assert!(sent.elapsed() < Duration::from_secs(5), "{:?}", sent.elapsed());
    assert!(ended.stdout.is_empty() && ended.stderr.is_empty(), "{ended:?}");
}

#[test]
fn an_interrupt_ends_it_at_once_and_leaves_nothing() {
    let dir = Dir::new();
    let rows = (0..100_000).map(|n| Connect::at(n * 500, n)).collect();
    // A journal costs a temporary file, as large as a capture.
    fs::write(dir.path("long.parquet.journal"), Capture::of(rows).journal(5_000)).expect("it");
    fs::create_dir(dir.path("temporary")).expect("a directory");
    interrupt(command(&dir.path(".")).env("TMPDIR", dir.path("temporary")).args([
        "summary",
        "--format",
        "parquet",
        "long.parquet.journal",
    ]));
    let left = fs::read_dir(dir.path("temporary")).expect("the directory").count();
    assert_eq!(left, 0, "temporary files");
}

/// A capture that is being merged has no name yet, where the system can do that.
#[test]
#[cfg(target_os = "linux")]
fn a_merge_that_is_interrupted_leaves_nothing() {
    let dir = Dir::new();
    let rows = (0..100_000).map(|n| Connect::at(n * 500, n)).collect();
    Capture::of(rows).write(dir.path("in.parquet"));
    fs::create_dir(dir.path("out")).expect("a directory");
    interrupt(command(&dir.path(".")).args(["merge", "-o", "out/one.parquet", "in.parquet"]));
    assert_eq!(fs::read_dir(dir.path("out")).expect("the directory").count(), 0);
}
