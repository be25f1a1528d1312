//! Signals that were ignored, limits that send one, and files that are none.

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;
use test_support::{
    Recording, connect_and_reset, has_program, is_filled, record, run_to_end, scratch, server,
};

use super::possible;

#[test]
fn a_hangup_does_not_end_what_nohup_started() {
    if !possible() || !has_program("nohup", &["true"]) {
        return;
    }
    let mut recording = Recording::start_through(&["nohup"], &[]);
    recording.signal(Signal::HUP);
    thread::sleep(Duration::from_millis(500));
    assert!(recording.is_running(), "{:?}", recording.wait());
    recording.stop();
}

#[test]
fn an_interrupt_that_is_ignored_stays_so_but_not_for_a_background_job() {
    if !possible() {
        return;
    }
    let ignoring = |signals: &str| {
        let script = format!("trap '' {signals}; exec \"$@\"");
        Recording::start_through(&["sh", "-c", &script, "sh"], &[])
    };
    let mut deliberate = ignoring("INT");
    deliberate.signal(Signal::INT);
    thread::sleep(Duration::from_millis(500));
    assert!(deliberate.is_running(), "{:?}", deliberate.wait());
    assert!(deliberate.end_by(Signal::TERM).status.success());
    // As a shell starts what a script puts into the background.
    ignoring("INT QUIT").stop();
}

/// `ulimit -f` and LimitFSIZE=: a write error like others, not SIGXFSZ.
#[test]
fn a_limit_on_file_size_is_a_write_error() {
    if !possible() {
        return;
    }
    // 128 blocks of 512 bytes.
    let limited = ["sh", "-c", "ulimit -f 128; exec \"$@\"", "sh"];
    let mut recording = Recording::start_through(&limited, &[]);
    let to = server("127.0.0.1:0");
    let deadline = Instant::now() + Duration::from_secs(60);
    while recording.is_running() {
        assert!(Instant::now() < deadline, "the limit does not end it");
        for _ in 0..200 {
            connect_and_reset(to);
        }
    }
    let ended = recording.wait();
    ended.assert_failed();
    assert!(ended.stderr.contains("File too large"), "{ended:?}");
    let kept = [recording.capture().to_owned(), recording.journal()];
    assert!(kept.iter().any(|path| is_filled(path)), "what was recorded is kept: {ended:?}");
}

/// The command that is run gets the signals as they were.
#[test]
fn a_command_does_not_inherit_the_recorder_s_signals() {
    if !possible() {
        return;
    }
    let directory = scratch();
    let path = directory.path().join("c.parquet");
    let arguments = ["--", "sh", "-c", "grep -E '^Sig(Ign|Cgt)' /proc/self/status"];
    let output = record(&["-o"]).arg(&path).args(arguments).output().expect("record runs");
    let own = Command::new("grep").args(["-E", "^Sig(Ign|Cgt)", "/proc/self/status"]).output();
    assert!(output.status.success(), "{output:?}");
    let text = |output: &[u8]| String::from_utf8_lossy(output).into_owned();
    assert_eq!(text(&output.stdout), text(&own.expect("grep").stdout));
}

#[test]
fn force_replaces_regular_files_only() {
    if !possible() {
        return;
    }
    let directory = scratch();
    for (name, kind) in [("pipe", FileType::Fifo), ("null", FileType::CharacterDevice)] {
        let path = directory.path().join(name);
        // 1, 3: /dev/null.
        let device = rustix::fs::makedev(1, 3);
        mknodat(CWD, &path, kind, Mode::RUSR | Mode::WUSR, device).expect("a special file");
        for arguments in [&["--duration", "100ms"][..], &["--duration", "100ms", "--force"]] {
            let ended = run_to_end(record(arguments).arg("-o").arg(&path));
            ended.assert_refused();
            assert!(ended.stderr.contains("not a regular file"), "{ended:?}");
            assert!(!ended.stderr.contains("--force"), "{ended:?}");
        }
        let after = rustix::fs::lstat(&path).expect("still there");
        assert_eq!(FileType::from_raw_mode(after.st_mode), kind);
    }
}
