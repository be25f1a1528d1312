//! Each filter lets through exactly what it names, and counts the rest.

use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;

use test_support::{
    Capture, Cgroup, Recording, bpf_available, connect, nobody, run, scratch, server, skip,
    skip_on_this_kernel,
};

fn any(address: &str) -> SocketAddr {
    address.parse().expect("an address")
}

/// Records with these arguments while `work` runs; rows to `ports` only.
fn recorded(arguments: &[&str], work: impl FnOnce()) -> Capture {
    let own = std::process::id().to_string();
    let with_pid = [arguments, &["-p", &own]].concat();
    let recording = Recording::start(&with_pid);
    work();
    recording.finish()
}

fn ports(capture: &Capture) -> Vec<i32> {
    capture.rows.iter().map(|row| row.dst_port).collect()
}

#[test]
fn destinations_and_ports() {
    if !bpf_available() {
        return;
    }
    let (a, b) = (server("127.0.0.1:0"), server("127.0.0.2:0"));
    let v6 = server("[::1]:0");
    let connect_all = || {
        for (from, to) in [("127.0.0.1:0", a), ("127.0.0.1:0", b), ("[::1]:0", v6)] {
            connect(any(from), to);
        }
        // v4-mapped: travels as IPv4, and the filter must see it so.
        let mapped = format!("[::ffff:127.0.0.2]:{}", b.port());
        connect(any("[::ffff:127.0.0.1]:0"), any(&mapped));
    };
    let port = |address: SocketAddr| i32::from(address.port());
    let b_port = b.port().to_string();
    let range = format!("{}-{}", a.port(), a.port());
    let cases: [(&[&str], Vec<i32>); 6] = [
        (&["--dst", "127.0.0.2"], vec![port(b), port(b)]),
        (&["--dst", "127.0.0.0/31"], vec![port(a)]),
        (&["--dst", "::1", "--dst", "127.0.0.1/32"], vec![port(a), port(v6)]),
        (&["--dst-port", &b_port], vec![port(b), port(b)]),
        (&["--dst-port", &b_port, "--dst-port", &range], vec![port(a), port(b), port(b)]),
        (&["--dst", "127.0.0.2", "--dst-port", &range], vec![]),
    ];
    for (arguments, expected) in cases {
        let capture = recorded(arguments, connect_all);
        // Other tests of this process connect meanwhile, but not to these.
        let known = [port(a), port(b), port(v6)];
        let mut found = ports(&capture);
        found.retain(|port| known.contains(port));
        assert_eq!(found, expected, "{arguments:?}");
        assert!(capture.info.counters.filtered >= 4 - expected.len() as u64, "{arguments:?}");
        assert!(!capture.info.filters.is_empty());
    }
}

#[test]
fn thread_names_and_users() {
    if !bpf_available() {
        return;
    }
    let address = server("127.0.0.1:0");
    let connect_as = |name: &'static str| {
        let thread = thread::Builder::new().name(name.to_owned());
        let handle = thread.spawn(move || connect(any("127.0.0.1:0"), address));
        handle.expect("a thread").join().expect("a client");
    };
    let both = || {
        connect_as("wanted-thread");
        connect_as("other-thread");
    };
    let capture = recorded(&["--comm", "wanted-thread"], both);
    let names: Vec<&str> = capture.rows.iter().map(|row| row.comm.as_ref()).collect();
    assert_eq!(names, ["wanted-thread"]);

    let port = address.port().to_string();
    let recording = Recording::start(&["--uid", "65534", "--dst-port", &port]);
    connect(any("127.0.0.1:0"), address);
    let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port}");
    let status = Command::new("bash").args(["-c", &script]).uid(65_534).status();
    assert!(status.expect("bash").success());
    let capture = recording.finish();
    let uids: Vec<i64> = capture.rows.iter().map(|row| row.uid).collect();
    assert_eq!(uids, [65_534]);
}

#[test]
fn a_network_namespace() {
    if !bpf_available() {
        return;
    }
    let address = server("127.0.0.1:0");
    let script = "exec unshare -n bash -c 'ip link set lo up; (exec 3<>/dev/tcp/127.0.0.1/9) 2>/dev/null; true'";
    // By path: the namespace of this test; the other one is filtered out.
    let own = std::process::id().to_string();
    let capture = recorded(&["--netns", &format!("/proc/{own}/ns/net")], || {
        connect(any("127.0.0.1:0"), address);
    });
    assert!(ports(&capture).contains(&i32::from(address.port())));

    let directory = scratch();
    let path = directory.path().join("c.parquet");
    let path = path.to_str().expect("UTF-8");
    let netns = format!("/proc/{own}/ns/net");
    let output = run(&["-o", path, "--netns", &netns, "--", "bash", "-c", script]);
    assert!(output.status.success());
    let capture = Capture::read(path.as_ref());
    assert!(capture.rows.iter().all(|row| row.dst_port != 9), "{:?}", capture.rows);
    assert!(capture.info.counters.filtered >= 1);
}

#[test]
fn a_cgroup_with_everything_below_it() {
    if !bpf_available() {
        return;
    }
    let check = run(&["check"]);
    if String::from_utf8_lossy(&check.stdout).contains("--cgroup needs Linux") {
        skip_on_this_kernel("--cgroup");
        return;
    }
    let outer = match Cgroup::new("outer") {
        Ok(outer) => outer,
        Err(why) => return skip(why),
    };
    let inner = outer.below("inner");
    let (_taken, closed) = nobody("127.0.0.1:0");
    let port = closed.port().to_string();
    let connect_in = |cgroup: &str| {
        let script = format!(
            "echo $$ > {cgroup}/cgroup.procs; (exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null; true"
        );
        assert!(Command::new("bash").args(["-c", &script]).status().expect("bash").success());
    };
    let path = outer.directory().to_str().expect("UTF-8");
    let recording = Recording::start(&["--cgroup", path, "--dst-port", &port]);
    connect_in(path);
    connect_in(inner.directory().to_str().expect("UTF-8"));
    connect(any("127.0.0.1:0"), closed);
    let capture = recording.finish();
    let cgroups: Vec<&str> = capture.rows.iter().map(|row| row.cgroup.as_ref()).collect();
    assert_eq!(cgroups, [outer.path(), inner.path()]);

    // The path a capture shows selects the same.
    let recording = Recording::start(&["--cgroup", outer.path(), "--dst-port", &port]);
    connect_in(path);
    assert_eq!(recording.finish().rows.len(), 1);

    let output = run(&["--cgroup", "/no/such/cgroup", "--duration", "1ms"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/no/such/cgroup"));
}

#[test]
fn a_command_and_its_descendants_only() {
    if !bpf_available() {
        return;
    }
    let (_taken, closed) = nobody("127.0.0.1:0");
    let port = closed.port();
    let directory = scratch();
    let path = directory.path().join("c.parquet");
    let one = format!("(exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null");
    // The command itself, a child, a grandchild in the background.
    let script = format!("{one}; bash -c '{one}; bash -c \"{one}\" & wait'; true");
    let stop = std::sync::atomic::AtomicBool::new(false);
    let output = thread::scope(|scope| {
        // A stranger keeps connecting to the same port meanwhile.
        scope.spawn(|| {
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                connect(any("127.0.0.1:0"), closed);
            }
        });
        let path = path.to_str().expect("UTF-8");
        let output = run(&["-o", path, "--follow", "--", "bash", "-c", &script]);
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        output
    });
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let capture = Capture::read(&path);
    let mut pids: Vec<i32> = capture.rows.iter().map(|row| row.pid).collect();
    assert!(!pids.contains(&std::process::id().cast_signed()));
    assert_eq!(capture.rows.len(), 3, "{:?}", capture.rows);
    pids.sort_unstable();
    pids.dedup();
    assert_eq!(pids.len(), 3, "three processes");
    assert!(capture.info.counters.filtered > 0);
    assert_eq!(capture.info.filters["follow"], ["command"]);
}

#[test]
fn a_minimum_latency_counts_what_it_leaves_out() {
    if !bpf_available() {
        return;
    }
    let address = server("127.0.0.1:0");
    let (_taken, closed) = nobody("127.0.0.1:0");
    let ports = format!("{}-{}", address.port(), address.port());
    let closed_port = closed.port().to_string();
    let arguments = ["--min-latency", "5s", "--dst-port", &ports, "--dst-port", &closed_port];
    let capture = recorded(&arguments, || {
        for _ in 0..7 {
            connect(any("127.0.0.1:0"), address);
        }
        for _ in 0..3 {
            connect(any("127.0.0.1:0"), closed);
        }
    });
    assert!(capture.rows.is_empty());
    let suppressed = &capture.info.counters.suppressed;
    assert_eq!((suppressed["established"], suppressed["refused"]), (7, 3));
    assert_eq!(capture.info.filters["min_latency_ns"], ["5000000000"]);
}
