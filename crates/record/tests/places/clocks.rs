//! Time namespaces, and releases that are not what uname(2) says.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, SystemTime};

use socket2::{Domain, SockAddr, Socket, Type};
use test_support::{Recording, connect, has_program, run_to_end, server, skip, through};

use super::{possible, quiet_place};

const SECOND_NS: i64 = 1_000_000_000;

/// Far enough that no tolerance hides it.
const AHEAD: [&str; 6] = ["unshare", "--time", "--monotonic", "1000000", "--boottime", "1000000"];

#[test]
fn in_a_time_namespace_events_and_clocks_agree() {
    if !possible() || !has_program(AHEAD[0], &[&AHEAD[1..], &["true"]].concat()) {
        return;
    }
    let (place, path) = quiet_place();
    let path = path.to_str().expect("UTF-8");
    let recording = Recording::start_through(&AHEAD, &["--netns", path]);
    let (made, _silent) = place.run(|| {
        let made = connect("127.0.0.1:0".parse().expect("an address"), server("127.0.0.1:0"));
        (made, connect_without_answer())
    });
    thread::sleep(Duration::from_secs(1));
    let capture = recording.finish();
    let (start, stop) = (capture.info.start.monotonic_ns, capture.info.stop.monotonic_ns);
    let in_flight: Vec<_> = capture.rows.iter().filter(|row| row.outcome == "in_flight").collect();
    assert_eq!(in_flight.len(), 1, "{:?}", capture.rows);
    let waited = in_flight[0].latency_ns;
    assert!((SECOND_NS..60 * SECOND_NS).contains(&waited), "waited {waited} ns");
    let row = capture.rows.iter().find(|row| row.dst_port == i32::from(made.to.port()));
    let row = row.expect("the connect");
    assert!((made.window.0..=made.window.1).contains(&row.start_ns), "{row:?} {made:?}");
    for row in &capture.rows {
        assert!((start..=stop).contains(&row.start_ns), "{start} {row:?} {stop}");
    }
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let off_us = capture.info.stop.time_us - i64::try_from(now.as_micros()).expect("this age");
    assert!(off_us.abs() < 60_000_000, "the wall clock is off by {off_us} µs");
}

/// A connect whose SYN is dropped, because the queue of its listener is full.
fn connect_without_answer() -> (TcpListener, Vec<TcpStream>, Socket) {
    let listener = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    listener.bind(&SockAddr::from(SocketAddr::from(([127, 0, 0, 1], 0)))).expect("a port");
    listener.listen(0).expect("listening");
    let listener = TcpListener::from(listener);
    let to = listener.local_addr().expect("bound");
    let queued = vec![TcpStream::connect(to).expect("the queue has room for one")];
    let silent = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    silent.set_nonblocking(true).expect("nonblocking");
    silent.connect(&SockAddr::from(to)).expect_err("in progress");
    (listener, queued, silent)
}

#[test]
fn a_release_that_lies_is_no_reason_to_refuse() {
    const LIES: [&str; 2] = ["setarch", "--uname-2.6"];
    if !possible() || !has_program(LIES[0], &[LIES[1], "true"]) {
        return;
    }
    let told = run_to_end(std::process::Command::new(LIES[0]).args([LIES[1], "uname", "-r"]));
    assert!(told.status.success(), "{told:?}");
    let check = through(&LIES, &["check"]).output().expect("record runs");
    let said = String::from_utf8_lossy(&check.stdout);
    assert!(check.status.success() && said.contains("record works here"), "{said}");
    assert!(!said.contains("missing"), "{said}");
    let recording = Recording::start_through(&LIES, &[]);
    let release = recording.finish().info.kernel_release;
    assert!(!release.starts_with("2.6"), "{release}");
}

#[test]
fn children_that_have_another_clock_are_no_place_to_record() {
    if !possible() {
        return;
    }
    // As a program does that makes the namespace and starts nothing in it.
    let script = "import ctypes, os, sys\n\
                  if ctypes.CDLL(None).unshare(0x80) != 0: sys.exit(77)\n\
                  os.execv(sys.argv[1], sys.argv[1:])\n";
    if !has_program("python3", &["-c", "pass"]) {
        return;
    }
    let directory = test_support::scratch();
    let capture = directory.path().join("c.parquet");
    let arguments = ["--duration", "100ms", "-o", capture.to_str().expect("UTF-8")];
    let ended = run_to_end(&mut through(&["python3", "-c", script], &arguments));
    match ended.status.code() {
        Some(77) => skip("no time namespaces"),
        // Linux moves a program into the namespace at exec since 6.1 or so.
        Some(0) => assert!(capture.exists(), "{ended:?}"),
        _ => {
            ended.assert_refused();
            assert!(ended.stderr.contains("time namespace"), "{ended:?}");
        }
    }
}
