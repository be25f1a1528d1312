//! The same connects, watched at once by bpftrace: an account that is not ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use test_support::{
    Capture, Process, bpf_available, example, has_program, run, scratch, wait_until,
};

const CONNECTS: u64 = 102_000;

/// bpftrace counting transitions to SYN_SENT, attached.
struct Bpftrace {
    process: Process,
    output: PathBuf,
}

impl Bpftrace {
    /// In a mount namespace of its own, where tracefs can be mounted without
    /// changing the host.
    fn start(directory: &Path, comm: &str) -> Self {
        let program = format!(
            "tracepoint:sock:inet_sock_set_state \
            /args->newstate == 2 && args->protocol == 6 && comm == \"{comm}\"/ \
            {{ @attempts = count(); }} BEGIN {{ printf(\"attached\\n\"); }}"
        );
        const SCRIPT: &str = "[ -e /sys/kernel/tracing/events ] || \
            mount -t tracefs none /sys/kernel/tracing; exec bpftrace -e \"$0\"";
        let output = directory.join("bpftrace.txt");
        let file = fs::File::create(&output).expect("a file");
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", SCRIPT, &program]).stdout(file).stderr(Stdio::null());
        let process = Process::spawn(&mut command);
        wait_until("bpftrace", || {
            fs::read_to_string(&output).is_ok_and(|text| text.contains("attached"))
        });
        Self { process, output }
    }

    fn attempts(mut self) -> u64 {
        let _ = kill_process(Pid::from_child(&self.process), Signal::INT);
        self.process.wait().expect("bpftrace ends");
        let text = fs::read_to_string(&self.output).expect("its output");
        let line = text.lines().find_map(|line| line.strip_prefix("@attempts: "));
        line.and_then(|count| count.trim().parse().ok()).expect("a count")
    }
}

#[test]
fn bpftrace_counts_the_same_attempts() {
    if !bpf_available() || !has_program("bpftrace", &["--version"]) {
        return;
    }
    let directory = scratch();
    let path = directory.path().join("c.parquet");
    // Under a name of its own: others on this host may run it too.
    let comm = format!("storm-{}", std::process::id());
    let client = directory.path().join(&comm);
    fs::copy(example("connect_storm"), &client).expect("a copy");
    let bpftrace = Bpftrace::start(directory.path(), &comm);
    let output = run(&[
        "-o",
        path.to_str().expect("UTF-8"),
        "--",
        client.to_str().expect("UTF-8"),
        &CONNECTS.to_string(),
    ]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let attempts = bpftrace.attempts();
    let capture = Capture::read(&path);
    let rows = capture.rows.iter().filter(|row| row.comm == comm).count() as u64;
    let client: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let of = |outcome: &str| {
        let rows = capture.rows.iter();
        rows.filter(|row| row.comm == comm && row.outcome == outcome).count()
    };
    eprintln!("client {client}; bpftrace {attempts} attempts; record {rows} rows");
    assert_eq!((rows, attempts), (CONNECTS, CONNECTS));
    assert_eq!(client["established"], of("established"));
    assert_eq!(client["refused"], of("refused"));
    assert_eq!(capture.info.counters.lost.total(), 0);
}
