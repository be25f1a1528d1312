//! A recorder process that no test leaves behind, and the files around it.

use std::fs::{self, File};
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{record, wait_until};

/// Longest any recorder may take to end.
const PATIENCE: Duration = Duration::from_secs(120);

/// A running recorder; killed when dropped.
pub struct Recorder {
    process: Child,
    stderr: File,
}

/// How a process ended and what it said.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stderr: String,
}

impl Recorder {
    /// Records into `capture` and returns once connects are seen.
    pub fn start(capture: &Path, arguments: &[&str]) -> Self {
        let mut command = record(arguments);
        command.arg("-o").arg(capture);
        let journal = journal_of(capture);
        Self::spawn(command, move || is_filled(&journal))
    }

    /// Starts a prepared command and waits until it is ready.
    pub fn spawn(mut command: Command, ready: impl FnMut() -> bool) -> Self {
        // Not a pipe: nobody reads for hours, and a full one stops the writer.
        let stderr = tempfile::tempfile().expect("a file");
        command.stderr(stderr.try_clone().expect("dup"));
        Self::spawn_with(command, stderr, ready)
    }

    /// Likewise, with the command's own stderr.
    pub fn spawn_quiet(command: Command, ready: impl FnMut() -> bool) -> Self {
        Self::spawn_with(command, tempfile::tempfile().expect("a file"), ready)
    }

    fn spawn_with(mut command: Command, stderr: File, mut ready: impl FnMut() -> bool) -> Self {
        let process = command.spawn().expect("record starts");
        let mut recorder = Self { process, stderr };
        wait_until("the journal", || {
            assert!(recorder.is_running(), "ended at once: {:?}", recorder.wait());
            ready()
        });
        recorder
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    pub fn is_running(&mut self) -> bool {
        self.process.try_wait().expect("our child").is_none()
    }

    /// Sends a signal, unless the recorder has ended.
    pub fn signal(&self, signal: Signal) {
        let _ = kill_process(Pid::from_child(&self.process), signal);
    }

    /// Waits for the end, which must come by itself.
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

    /// Asks it to end and insists on success.
    pub fn finish(mut self) -> Ended {
        self.signal(Signal::INT);
        let ended = self.wait();
        assert!(ended.status.success(), "{ended:?}");
        ended
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

impl Drop for Recorder {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
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
pub fn recover(arguments: &[&Path]) -> Ended {
    let mut command = record(&["recover"]);
    command.args(arguments);
    run_to_end(&mut command)
}

/// Runs a command to its end.
pub fn run_to_end(command: &mut Command) -> Ended {
    let output = command.stdin(Stdio::null()).output().expect("it runs");
    let stderr = String::from_utf8(output.stderr).expect("UTF-8");
    Ended { status: output.status, stderr }
}

pub fn journal_of(capture: &Path) -> PathBuf {
    let mut name = capture.as_os_str().to_owned();
    name.push(".journal");
    name.into()
}

/// Whether a file exists and holds something.
pub fn is_filled(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0)
}

/// Names in a directory, sorted.
pub fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("a directory");
    let mut names: Vec<String> = entries
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
