//! `record live` and `record check` as a person runs them.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use test_support::{
    Capture, Process, bpf_available, connect, nobody, record, run, scratch, server, wait_until,
    why_no_bpf,
};

/// Runs `record live` while `work` runs; its lines of standard output.
fn live(arguments: &[&str], work: impl FnOnce()) -> Vec<String> {
    let mut command = record(&[&["live"], arguments].concat());
    let mut process = Process::spawn(command.stdout(Stdio::piped()).stderr(Stdio::null()));
    let pid = Pid::from_child(&process);
    let mut lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
    // The header comes after the probe was attached; JSON has none.
    let mut collected = Vec::new();
    if arguments.contains(&"--json") {
        let details = format!("/proc/{}/fd", process.id());
        wait_until("the probe", || {
            std::fs::read_dir(&details).is_ok_and(|fds| {
                fds.flatten().filter_map(|fd| std::fs::read_link(fd.path()).ok()).any(|to| {
                    to.to_string_lossy().contains("bpf_link")
                        || to.to_string_lossy().contains("bpf-link")
                })
            })
        });
    } else {
        collected.push(lines.next().expect("a header").expect("UTF-8"));
    }
    work();
    std::thread::sleep(std::time::Duration::from_millis(300));
    kill_process(pid, Signal::INT).expect("alive");
    collected.extend(lines.map(|line| line.expect("UTF-8")));
    assert!(process.wait().expect("ends").success());
    collected
}

#[test]
fn the_familiar_screen() {
    if !bpf_available() {
        return;
    }
    let address = server("127.0.0.1:0");
    let (_taken, closed) = nobody("127.0.0.1:0");
    let own = std::process::id().to_string();
    let port = address.port().to_string();
    let closed_port = closed.port().to_string();
    let ports = ["--dst-port", &port, "--dst-port", &closed_port];
    let mut sources = Vec::new();
    let lines = live(&[&["-t", "-L", "-p", &own][..], &ports].concat(), || {
        let from = "127.0.0.1:0".parse().expect("an address");
        sources = vec![connect(from, address).from, connect(from, closed).from];
    });
    assert_eq!(
        lines[0],
        "TIME(s)  PID     COMM         IP SADDR            LPORT  DADDR            DPORT LAT(ms)"
    );
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[1].starts_with("0.000    "), "{}", lines[1]);
    for (line, (source, to)) in lines[1..].iter().zip(sources.iter().zip([address, closed])) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(fields[1], own, "{line}");
        let (lport, dport) = (source.port().to_string(), to.port().to_string());
        let [.., ip, saddr, lport_shown, daddr, dport_shown, latency] = fields.as_slice() else {
            panic!("{line}")
        };
        assert_eq!((*ip, *saddr, *daddr), ("4", "127.0.0.1", "127.0.0.1"), "{line}");
        assert_eq!((*lport_shown, *dport_shown), (lport.as_str(), dport.as_str()), "{line}");
        let latency: f64 = latency.parse().expect("milliseconds");
        assert!((0.0..1000.0).contains(&latency), "{line}");
    }
}

#[test]
fn json_lines_and_a_capture_agree() {
    if !bpf_available() {
        return;
    }
    let address = server("127.0.0.1:0");
    let port = address.port().to_string();
    let directory = scratch();
    let path = directory.path().join("c.parquet");
    let arguments = ["--json", "--all", "--dst-port", &port, "-o", path.to_str().expect("UTF-8")];
    let lines = live(&arguments, || {
        for _ in 0..5 {
            connect("127.0.0.1:0".parse().expect("an address"), address);
        }
    });
    let capture = Capture::read(&path);
    assert_eq!((lines.len(), capture.rows.len()), (5, 5));
    for line in &lines {
        let object: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let row = capture.rows.iter().find(|row| object["start_ns"] == row.start_ns);
        let row = row.expect("the same event");
        assert_eq!(object["latency_ns"], row.latency_ns);
        assert_eq!(object["src_port"], row.src_port);
        assert_eq!(object["outcome"], *row.outcome);
    }
}

#[test]
fn the_program_can_be_read() {
    let output = run(&["live", "--ebpf"]);
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(text.contains("; connlat_state, ") && text.contains("exit"));
    if !bpf_available() {
        return;
    }
    let output = run(&["live", "-v", "--duration", "1ms"]);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(text.contains("; program connlat_state: "), "load details");
    assert!(text.contains("LAT(ms)"));
}

#[test]
fn the_check_agrees_with_what_happens() {
    let output = run(&["check", "--json"]);
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(object["works"], output.status.success());
    assert_eq!(object["works"], why_no_bpf().is_none());
    let names: Vec<&str> = object["needs"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|need| need["name"].as_str().expect("a name"))
        .collect();
    for name in ["kernel release", "privileges", "BTF", "tp_btf", "ring buffer", "cgroup v2"] {
        assert!(names.contains(&name), "{name}");
    }
}
