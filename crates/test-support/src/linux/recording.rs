//! A recorder that runs while its test does something.

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{
    Capture, Process, is_filled, journal_of, journals_below, record, recorder, scratch, through,
    wait_until,
};

/// Longest any recorder may take to end.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running recorder whose probe is attached; killed when dropped.
#[derive(Debug)]
pub struct Recording {
    process: Process,
    stderr: File,
    capture: PathBuf,
    /// Removed when the recording is dropped.
    _directory: Option<TempDir>,
}

/// How a process ended and what it said.
#[derive(Debug)]
pub struct Ended {
    /// Exit code or signal.
    pub status: ExitStatus,
    /// Everything of standard error.
    pub stderr: String,
}

impl Recording {
    /// Records to `c.parquet` in a directory of its own, and returns once
    /// connects are seen.
    pub fn start(arguments: &[&str]) -> Self {
        Self::start_through(&[], arguments)
    }

    /// Likewise, run by another program: `["unshare", "--time", "--boottime",
    /// "9"]`, `["ip", "netns", "exec", …]`. Signals go to the recorder itself.
    pub fn start_through(wrapper: &[&str], arguments: &[&str]) -> Self {
        let directory = scratch();
        let capture = directory.path().join("c.parquet");
        let mut command = through(wrapper, arguments);
        command.arg("-o").arg(&capture);
        let journal = journal_of(&capture);
        let recording = Self::spawn(command, || is_filled(&journal));
        Self { capture, _directory: Some(directory), ..recording }
    }

    /// Records into this file.
    pub fn start_into(capture: &Path, arguments: &[&str]) -> Self {
        let mut command = record(arguments);
        command.arg("-o").arg(capture);
        let journal = journal_of(capture);
        let recording = Self::spawn(command, || is_filled(&journal));
        Self { capture: capture.to_owned(), ..recording }
    }

    /// Records segments into a tree: `--output-dir`.
    pub fn start_tree(directory: &Path, arguments: &[&str]) -> Self {
        let mut command = record(arguments);
        command.arg("--output-dir").arg(directory);
        Self::spawn(command, || journals_below(directory).iter().any(|path| is_filled(path)))
    }

    /// Starts a prepared command and waits until it is ready, by whatever shows
    /// that. Its standard error is kept for [`Ended`].
    #[track_caller]
    pub fn spawn(mut command: Command, ready: impl FnMut() -> bool) -> Self {
        // Not a pipe: nobody reads for hours, and a full one stops the writer.
        let stderr = tempfile::tempfile().expect("a file");
        command.stderr(stderr.try_clone().expect("dup"));
        Self::spawn_with(command, stderr, ready)
    }

    /// Likewise, with the standard error that the command was given.
    #[track_caller]
    pub fn spawn_as_it_is(command: Command, ready: impl FnMut() -> bool) -> Self {
        Self::spawn_with(command, tempfile::tempfile().expect("a file"), ready)
    }

    #[track_caller]
    fn spawn_with(mut command: Command, stderr: File, mut ready: impl FnMut() -> bool) -> Self {
        let process = Process::spawn(&mut command);
        let mut recording = Self { process, stderr, capture: PathBuf::new(), _directory: None };
        // The journal is created right after the probe was attached.
        wait_until("the recorder", || {
            let is_ready = ready();
            // A short recording may be over before anybody looks.
            assert!(is_ready || recording.is_running(), "ended at once: {:?}", recording.wait());
            is_ready
        });
        recording
    }

    /// The file that it writes in the end; none of a prepared command's or a
    /// tree's.
    pub fn capture(&self) -> &Path {
        &self.capture
    }

    /// The journal while recording.
    pub fn journal(&self) -> PathBuf {
        journal_of(&self.capture)
    }

    /// Where the capture is.
    #[track_caller]
    pub fn directory(&self) -> &Path {
        self.capture.parent().expect("not a prepared command")
    }

    /// Process id of the recorder, in the namespace of the tests; of whatever
    /// runs it as long as there is no recorder.
    pub fn pid(&self) -> u32 {
        let name = recorder().file_name().map(ToOwned::to_owned);
        let mut pid = self.process.id();
        loop {
            let program = fs::read_link(format!("/proc/{pid}/exe"));
            if program.is_ok_and(|program| program.file_name() == name.as_deref()) {
                return pid;
            }
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
            let children = children.unwrap_or_default();
            let Some(child) = children.split(' ').next().and_then(|pid| pid.parse().ok()) else {
                return pid;
            };
            pid = child;
        }
    }

    /// Whether it, or what runs it, has not ended.
    pub fn is_running(&mut self) -> bool {
        self.process.is_running()
    }

    /// Sends a signal to the recorder, unless it has ended.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = Pid::from_raw(self.pid().cast_signed()) {
            let _ = kill_process(pid, signal);
        }
    }

    /// Waits for the end, which must come by itself.
    #[track_caller]
    pub fn wait(&mut self) -> Ended {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.process.try_wait().expect("our child") {
                break status;
            }
            assert!(Instant::now() < deadline, "record does not end");
            thread::sleep(Duration::from_millis(2));
        };
        let mut stderr = String::new();
        self.stderr.rewind().expect("a file");
        self.stderr.read_to_string(&mut stderr).expect("UTF-8");
        Ended { status, stderr }
    }

    /// Sends a signal and waits for the end.
    #[track_caller]
    pub fn end_by(&mut self, signal: Signal) -> Ended {
        self.signal(signal);
        self.wait()
    }

    /// Asks it to end, and insists on success.
    #[track_caller]
    pub fn stop(&mut self) -> Ended {
        let ended = self.end_by(Signal::INT);
        assert!(ended.status.success(), "{ended:?}");
        ended
    }

    /// Asks it to end, insists on success, and reads the capture.
    #[track_caller]
    pub fn finish(mut self) -> Capture {
        self.stop();
        Capture::read(&self.capture)
    }

    /// Resident memory, kB.
    pub fn rss_kb(&self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.trim().trim_end_matches(" kB").parse().ok()
    }

    /// Open file descriptors.
    pub fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.pid())).map_or(0, Iterator::count)
    }
}

impl Ended {
    /// Fails unless it ended with exit code 1 and said why; a recording may
    /// add where the rows are.
    #[track_caller]
    pub fn assert_failed(&self) {
        assert_eq!(self.status.code(), Some(1), "{self:?}");
        let lines: Vec<&str> = self.stderr.lines().collect();
        let ours = lines.iter().all(|line| line.starts_with("record: "));
        assert!((1..=2).contains(&lines.len()) && ours, "{:?}", self.stderr);
    }

    /// Fails unless it ended with exit code 1 and one line that says why.
    #[track_caller]
    pub fn assert_refused(&self) {
        assert_eq!(self.status.code(), Some(1), "{self:?}");
        let is_message = self.stderr.starts_with("record: ") && self.stderr.ends_with('\n');
        assert!(is_message && self.stderr.lines().count() == 1, "one line: {:?}", self.stderr);
    }
}

/// Runs `record recover` to its end.
#[track_caller]
pub fn recover(arguments: &[&Path]) -> Ended {
    let mut command = record(&["recover"]);
    run_to_end(command.args(arguments))
}

/// Runs a command to its end.
#[track_caller]
pub fn run_to_end(command: &mut Command) -> Ended {
    let output = command.stdin(Stdio::null()).output().expect("it runs");
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    Ended { status: output.status, stderr }
}
