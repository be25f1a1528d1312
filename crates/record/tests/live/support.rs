//! Running `record`, making connects with known facts, and reading captures.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int32Type, Int64Type};
use arrow::record_batch::RecordBatch;
use connlat_schema::capture::KEY_CAPTURE;
use connlat_schema::capture::columns;
use connlat_schema::capture::metadata::CaptureInfo;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rustix::process::{Pid, Signal, kill_process};
use rustix::time::{ClockId, clock_gettime};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(20);

/// The recorder: that of this build, or another one where there is no cargo.
pub fn recorder() -> PathBuf {
    let built = || env!("CARGO_BIN_EXE_record").into();
    std::env::var_os("CONNLAT_RECORD").map_or_else(built, PathBuf::from)
}

/// Whether BPF can be used here; otherwise says why not, or fails in CI.
pub fn bpf_available() -> bool {
    let probe = Command::new(recorder())
        .args(["--duration", "1ms", "-o"])
        .arg(scratch().path().join("probe.parquet"))
        .output()
        .expect("record runs");
    if probe.status.success() {
        return true;
    }
    let why = String::from_utf8_lossy(&probe.stderr);
    assert!(std::env::var_os("CI").is_none(), "CI needs BPF: {why}");
    eprintln!("skipped: {}", why.trim());
    false
}

/// A directory of its own for each test.
pub fn scratch() -> TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

/// `record` with these arguments, not started.
pub fn record(arguments: &[&str]) -> Command {
    let mut command = Command::new(recorder());
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs `record` to its end.
pub fn run(arguments: &[&str]) -> Output {
    record(arguments).output().expect("record runs")
}

/// A process that does not outlive its test.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running recorder whose probe is attached.
pub struct Recording {
    process: Guard,
    capture: PathBuf,
    directory: TempDir,
}

impl Recording {
    /// Starts `record` and returns once it sees connects.
    pub fn start(arguments: &[&str]) -> Self {
        let directory = scratch();
        let capture = directory.path().join("c.parquet");
        let process = record(arguments)
            .arg("-o")
            .arg(&capture)
            .stderr(Stdio::piped())
            // A test that is interrupted must not leave its recorder behind.
            .process_group(0)
            .spawn()
            .expect("record starts");
        let recording = Self { process: Guard(process), capture, directory };
        // The journal is created right after the probe was attached.
        wait_until("the journal", || recording.journal().exists());
        recording
    }

    /// The journal while recording.
    pub fn journal(&self) -> PathBuf {
        self.directory.path().join("c.parquet.journal")
    }

    /// Process id of the recorder.
    pub fn pid(&self) -> u32 {
        self.process.0.id()
    }

    /// Sends a signal and waits for the recorder to end.
    pub fn signal(mut self, signal: Signal) -> Finished {
        kill_process(Pid::from_child(&self.process.0), signal).expect("the recorder is alive");
        let status = self.process.0.wait().expect("the recorder ends");
        Finished { status, capture: self.capture, directory: self.directory }
    }

    /// Ends the recording and reads its rows.
    pub fn finish(self) -> Capture {
        let finished = self.signal(Signal::INT);
        assert!(finished.status.success(), "record failed: {:?}", finished.status);
        finished.read()
    }
}

/// A recorder that has ended, and the directory it wrote to.
pub struct Finished {
    pub status: ExitStatus,
    pub capture: PathBuf,
    pub directory: TempDir,
}

impl Finished {
    pub fn read(&self) -> Capture {
        Capture::read(&self.capture)
    }
}

/// Rows and metadata of a capture.
pub struct Capture {
    pub rows: Vec<Row>,
    pub info: CaptureInfo,
}

/// The columns tests look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub start_ns: i64,
    pub latency_ns: i64,
    pub outcome: String,
    pub errno: Option<i32>,
    pub syn_retransmits: i32,
    pub rtt_us: Option<i32>,
    pub pid: i32,
    pub tid: i32,
    pub uid: i64,
    pub comm: String,
    pub cgroup: String,
    pub netns: i64,
    pub ip_version: i32,
    pub src: (String, i32),
    pub dst: (String, i32),
    pub flags: i32,
}

impl Capture {
    pub fn read(path: &Path) -> Self {
        let file = File::open(path).expect("the capture");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
        let stored = reader.metadata().file_metadata().key_value_metadata().expect("metadata");
        let json = stored.iter().find(|pair| pair.key == KEY_CAPTURE).expect("ours");
        let info = CaptureInfo::from_json(json.value.as_deref().expect("a value")).expect("valid");
        let mut rows = Vec::new();
        for batch in reader.build().expect("a reader") {
            let batch = batch.expect("a batch");
            rows.extend((0..batch.num_rows()).map(|index| Row::of(&batch, index)));
        }
        rows.sort_by_key(|row| row.start_ns);
        Self { rows, info }
    }

    /// Rows of one process, in the order of their starts.
    pub fn of_pid(&self, pid: u32) -> Vec<Row> {
        self.rows.iter().filter(|row| row.pid.cast_unsigned() == pid).cloned().collect()
    }
}

impl Row {
    fn of(batch: &RecordBatch, index: usize) -> Self {
        let int32 = |name: &str| batch[name].as_primitive::<Int32Type>().value(index);
        let int64 = |name: &str| batch[name].as_primitive::<Int64Type>().value(index);
        let text = |name: &str| batch[name].as_string::<i32>().value(index).to_owned();
        let optional = |name: &str| (!batch[name].is_null(index)).then(|| int32(name));
        Self {
            start_ns: int64(columns::START_NS),
            latency_ns: int64(columns::LATENCY_NS),
            outcome: text(columns::OUTCOME),
            errno: optional(columns::ERRNO),
            syn_retransmits: int32(columns::SYN_RETRANSMITS),
            rtt_us: optional(columns::RTT_US),
            pid: int32(columns::PID),
            tid: int32(columns::TID),
            uid: int64(columns::UID),
            comm: text(columns::COMM),
            cgroup: text(columns::CGROUP),
            netns: int64(columns::NETNS),
            ip_version: int32(columns::IP_VERSION),
            src: (text(columns::SRC_ADDR), int32(columns::SRC_PORT)),
            dst: (text(columns::DST_ADDR), int32(columns::DST_PORT)),
            flags: int32(columns::FLAGS),
        }
    }
}

/// One connect as its client saw it.
#[derive(Debug, Clone)]
pub struct Made {
    pub from: SocketAddr,
    pub to: SocketAddr,
    pub errno: Option<i32>,
    /// CLOCK_MONOTONIC just before and just after connect(2), ns.
    pub window: (i64, i64),
}

/// CLOCK_MONOTONIC, ns.
pub fn monotonic_ns() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

/// A TCP socket bound to a port of its own on the address, so that the port is
/// known even when the connect fails.
pub fn bound_socket(from: SocketAddr) -> Socket {
    let socket = Socket::new(Domain::for_address(from), Type::STREAM, Some(Protocol::TCP))
        .expect("a socket");
    socket.bind(&SockAddr::from(from)).expect("a port");
    socket
}

/// Connects and closes.
pub fn connect(from: SocketAddr, to: SocketAddr) -> Made {
    let socket = bound_socket(from);
    let from = socket.local_addr().expect("bound").as_socket().expect("an IP address");
    let before = monotonic_ns();
    let result = socket.connect(&SockAddr::from(to));
    let after = monotonic_ns();
    let errno = result.err().map(|error| error.raw_os_error().expect("from the system"));
    Made { from, to, errno, window: (before, after) }
}

/// Accepts and closes until the test ends; returns the address.
pub fn server(address: &str) -> SocketAddr {
    let listener = bound_socket(address.parse().expect("an address"));
    // A short queue overflows under load, and then SYNs really are lost.
    listener.listen(4096).expect("listening");
    let address = listener.local_addr().expect("bound").as_socket().expect("an IP address");
    thread::spawn(move || while listener.accept().is_ok() {});
    address
}

/// An address where nobody listens: bound, so that nobody else can take it.
pub fn nobody(address: &str) -> (Socket, SocketAddr) {
    let socket = bound_socket(address.parse().expect("an address"));
    let address = socket.local_addr().expect("bound").as_socket().expect("an IP address");
    (socket, address)
}

pub fn wait_until(what: &str, mut ready: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !ready() {
        assert!(Instant::now() < deadline, "{what} did not appear");
        thread::sleep(Duration::from_millis(5));
    }
}
