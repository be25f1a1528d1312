//! Process numbers: in pid namespaces, of threads, and used again.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use rustix::thread::gettid;
use test_support::{
    Capture, Process, Recording, record, recorder, run_to_end, scratch, skip, through,
};

use super::{possible, quiet_place, storm};

/// In a pid namespace of its own, with a /proc that shows it.
const INSIDE: [&str; 4] = ["unshare", "--pid", "--fork", "--mount-proc"];

fn rows(path: &Path) -> usize {
    Capture::read(path).rows.len()
}

#[test]
fn a_command_is_followed_in_a_pid_namespace() {
    if !possible() {
        return;
    }
    let directory = scratch();
    let path = directory.path().join("c.parquet");
    let storm = storm();
    let arguments = [
        "--follow",
        "-o",
        path.to_str().expect("UTF-8"),
        "--",
        "sh",
        "-c",
        "\"$0\" 9; true",
        &storm,
    ];
    let ended = run_to_end(&mut through(&INSIDE, &arguments));
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(rows(&path), 9, "{ended:?}");
}

#[test]
fn a_process_is_known_by_its_number_in_a_pid_namespace() {
    if !possible() {
        return;
    }
    let directory = scratch();
    let path = directory.path().join("c.parquet");
    // The number stays when the shell becomes the storm.
    let script = "sh -c 'until [ -s \"$1\" ]; do sleep 0.1; done; exec \"$0\" 9' \"$1\" \"$3.journal\" &\n\
                  wanted=$!\n\
                  \"$2\" -p $wanted -o \"$3\" --duration 60s & recorder=$!\n\
                  wait $wanted; sleep 0.5; kill -INT $recorder; wait $recorder";
    let mut command = Command::new(INSIDE[0]);
    command.args(&INSIDE[1..]).args(["sh", "-c", script, "sh", &storm()]);
    let ended = run_to_end(command.arg(recorder()).arg(&path));
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(rows(&path), 9, "{ended:?}");
    let filters = Capture::read(&path).info.filters;
    assert!(filters.contains_key("pid_namespace"), "{filters:?}");
}

#[test]
fn a_process_in_a_namespace_below_is_refused_by_name() {
    if !possible() {
        return;
    }
    let directory = scratch();
    let path = directory.path().join("c.parquet");
    let script = "unshare --pid --fork sleep 20 & outer=$!\n\
                  for n in $(seq 200); do\n\
                  inner=$(cat /proc/$outer/task/$outer/children); [ -z \"$inner\" ] || break\n\
                  sleep 0.05; done\n\
                  exec \"$1\" -p $inner -o \"$2\" --duration 1s";
    let mut command = Command::new(INSIDE[0]);
    command.args(&INSIDE[1..]).args(["sh", "-c", script, "sh"]);
    let ended = run_to_end(command.arg(recorder()).arg(&path));
    ended.assert_refused();
    assert!(ended.stderr.contains("below this one"), "{ended:?}");
}

#[test]
fn a_number_that_is_no_process_is_refused() {
    if !possible() {
        return;
    }
    let directory = scratch();
    let path = directory.path().join("c.parquet");
    let refused = |pid: &str| {
        let ended = run_to_end(record(&["-p", pid, "-o"]).arg(&path));
        ended.assert_refused();
        assert!(!path.exists());
        ended.stderr
    };
    assert!(refused("4194304").contains("no process 4194304"));
    let own = std::process::id();
    let tid = thread::scope(|scope| {
        let (sender, tids) = std::sync::mpsc::channel();
        let (done, wait) = std::sync::mpsc::channel::<()>();
        scope.spawn(move || {
            sender.send(gettid().as_raw_nonzero().get()).expect("the test listens");
            let _ = wait.recv();
        });
        let tid = tids.recv().expect("a thread");
        let said = refused(&tid.to_string());
        assert!(said.contains(&format!("is a thread of process {own}")), "{said}");
        drop(done);
        tid
    });
    assert_ne!(u32::try_from(tid).expect("positive"), own);
}

/// A process ends, and its number goes to another: that one was not asked for.
#[test]
fn a_number_that_is_used_again_is_another_process() {
    if !possible() {
        return;
    }
    let (place, path) = quiet_place();
    let netns = path.to_str().expect("UTF-8");
    let storm = storm();
    let directory = scratch();
    let begun = directory.path().join("begun");
    // The number stays when the shell becomes the storm.
    let after = "until [ -e \"$1\" ]; do sleep 0.1; done; exec \"$0\" 9";
    let arguments = ["-c", after, &storm, begun.to_str().expect("UTF-8")];
    place.run(|| {
        let mut wanted = Process::spawn(Command::new("sh").args(arguments));
        let number = wanted.id();
        let recording = Recording::start(&["-p", &number.to_string(), "--netns", netns]);
        fs::write(&begun, "").expect("a file");
        assert!(wanted.wait().expect("it ends").success());
        let Some(mut other) = started_as(number, &arguments) else {
            skip("no process could be given the number again");
            return;
        };
        assert!(other.wait().expect("it ends").success());
        thread::sleep(Duration::from_millis(300));
        let capture = recording.finish();
        assert_eq!(capture.rows.len(), 9, "only those of the first");
        assert_eq!(capture.info.counters.contradiction(9), None);
    });
}

/// A shell that has this process number: the kernel gives the one after
/// `ns_last_pid`, unless somebody else on this host is faster.
fn started_as(number: u32, arguments: &[&str]) -> Option<Process> {
    let last = Path::new("/proc/sys/kernel/ns_last_pid");
    for _ in 0..200 {
        fs::write(last, (number - 1).to_string()).ok()?;
        let process = Process::spawn(Command::new("sh").args(arguments));
        if process.id() == number {
            return Some(process);
        }
    }
    None
}

/// MPTCP's outer socket passes the same states as its subflows, and is none.
#[test]
fn the_outer_socket_of_mptcp_is_no_end_without_a_start() {
    const CONNECTS: usize = 200;
    if !possible() {
        return;
    }
    // Nothing is filtered out here, so what ends without a start began before.
    let recording = Recording::start(&[]);
    let made = mptcp_connects(CONNECTS);
    let Some(made) = made else {
        test_support::skip_on_this_kernel("MPTCP");
        return;
    };
    let capture = recording.finish();
    let own = std::process::id().cast_signed();
    let subflows = capture.rows.iter().filter(|row| row.pid == own && row.flags & 16 != 0);
    assert_eq!(subflows.count(), made);
    let without_start = capture.info.counters.end_without_start;
    assert!(without_start < CONNECTS as u64 / 2, "{without_start}");
}

fn mptcp_connects(count: usize) -> Option<usize> {
    use socket2::{Domain, Protocol, SockAddr, Socket, Type};
    let socket = || Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::MPTCP)).ok();
    let listener = socket()?;
    listener.bind(&SockAddr::from(SocketAddr::from(([127, 0, 0, 1], 0)))).ok()?;
    listener.listen(16).ok()?;
    let to = listener.local_addr().expect("bound");
    for _ in 0..count {
        let client = socket()?;
        client.connect(&to).expect("accepted");
        drop(listener.accept().expect("one waits"));
    }
    Some(count)
}
