//! Every connect is recorded once, with the facts its client knows.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use rustix::thread::gettid;
use test_support::{
    Made, Recording, Row, bound_socket, bpf_available, connect, nobody, server, wait_until,
};

const EACH: usize = 150;

struct Case {
    name: &'static str,
    from: &'static str,
    to: SocketAddr,
    /// As the capture has them, which for v4-mapped addresses is IPv4.
    ip_version: i32,
    address: &'static str,
    outcome: &'static str,
}

fn check(row: &Row, made: &Made, case: &Case, tid: i32) {
    let context = format!("{}: {row:?} {made:?}", case.name);
    let (before, after) = made.window;
    assert_eq!(row.pid, std::process::id().cast_signed(), "{context}");
    assert_eq!((row.tid, &*row.comm), (tid, case.name), "{context}");
    assert_eq!(row.uid, i64::from(rustix::process::getuid().as_raw()), "{context}");
    assert_eq!((&*row.outcome, row.errno), (case.outcome, made.errno), "{context}");
    assert_eq!(row.ip_version, case.ip_version, "{context}");
    assert_eq!(
        (&*row.src_addr, row.src_port),
        (case.address, made.from.port().into()),
        "{context}"
    );
    assert_eq!((&*row.dst_addr, row.dst_port), (case.address, made.to.port().into()), "{context}");
    assert_eq!((row.syn_retransmits, row.flags), (0, 0), "{context}");
    assert!(row.start_ns >= before, "starts before the client called connect: {context}");
    assert!(row.start_ns + row.latency_ns <= after, "ends after connect returned: {context}");
    // The kernel's is a difference of two times cut to microseconds.
    assert!(
        row.rtt_us.is_none_or(|rtt| i64::from(rtt) * 1000 < row.latency_ns + 1000),
        "{context}"
    );
}

#[test]
fn a_thousand_connects_are_a_thousand_rows() {
    if !bpf_available() {
        return;
    }
    let (v4, v6) = (server("127.0.0.1:0"), server("[::1]:0"));
    let (_v4_taken, v4_closed) = nobody("127.0.0.1:0");
    let (_v6_taken, v6_closed) = nobody("[::1]:0");
    let mapped = |address: SocketAddr| -> SocketAddr {
        format!("[::ffff:127.0.0.1]:{}", address.port()).parse().expect("an address")
    };
    let case = |name, from, to, ip_version, address, outcome| Case {
        name,
        from,
        to,
        ip_version,
        address,
        outcome,
    };
    let (any4, any6, any_mapped) = ("127.0.0.1:0", "[::1]:0", "[::ffff:127.0.0.1]:0");
    let cases = [
        case("v4", any4, v4, 4, "127.0.0.1", "established"),
        case("v6", any6, v6, 6, "::1", "established"),
        case("mapped", any_mapped, mapped(v4), 4, "127.0.0.1", "established"),
        case("v4-refused", any4, v4_closed, 4, "127.0.0.1", "refused"),
        case("v6-refused", any6, v6_closed, 6, "::1", "refused"),
        case("mapped-refused", any_mapped, mapped(v4_closed), 4, "127.0.0.1", "refused"),
        case("second thread", any4, v4, 4, "127.0.0.1", "established"),
    ];

    let recording = Recording::start(&[]);
    let clients: Vec<(Case, i32, Vec<Made>)> = thread::scope(|scope| {
        let threads: Vec<_> = cases
            .into_iter()
            .map(|case| {
                let thread = thread::Builder::new().name(case.name.to_owned());
                thread
                    .spawn_scoped(scope, move || {
                        let from = case.from.parse().expect("an address");
                        let made = (0..EACH).map(|_| connect(from, case.to)).collect();
                        (case, gettid().as_raw_nonzero().get(), made)
                    })
                    .expect("a thread")
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("a client")).collect()
    });
    let capture = recording.finish();

    // Other tests of this process connect too, but not to these ports.
    let ports = [v4, v6, v4_closed, v6_closed].map(|address| i32::from(address.port()));
    let mut rows = capture.of_pid(std::process::id());
    rows.retain(|row| ports.contains(&row.dst_port));
    let mut checked = 0;
    for (case, tid, made) in &clients {
        // Each thread connects one after the other, so order identifies them.
        let rows: Vec<&Row> = rows.iter().filter(|row| row.tid == *tid).collect();
        assert_eq!(rows.len(), EACH, "{}: {:?}", case.name, capture.info.counters);
        for (row, made) in rows.into_iter().zip(made) {
            check(row, made, case, *tid);
            checked += 1;
        }
    }
    assert!(checked >= 1_000);
    assert_eq!(rows.len(), checked, "rows that nobody made");
    assert_eq!(capture.info.counters.lost.total(), 0);
    assert_eq!(capture.info.counters.written, capture.rows.len() as u64);
}

#[test]
fn a_pid_filter_and_an_ip_version_filter() {
    if !bpf_available() {
        return;
    }
    let (v4, v6) = (server("127.0.0.1:0"), server("[::1]:0"));
    let mapped: SocketAddr =
        format!("[::ffff:127.0.0.1]:{}", v4.port()).parse().expect("an address");
    let ports = [v4, v6].map(|address| i32::from(address.port()));
    let own = std::process::id().to_string();
    let connect_all = || {
        connect("127.0.0.1:0".parse().expect("an address"), v4);
        connect("[::1]:0".parse().expect("an address"), v6);
        connect("[::ffff:127.0.0.1]:0".parse().expect("an address"), mapped);
    };
    for (arguments, versions) in [
        (vec!["-p", &own], vec![4, 6, 4]),
        (vec!["-p", "1", "-p", &own, "-4"], vec![4, 4]),
        (vec!["-p", &own, "-6"], vec![6]),
        (vec!["-p", "1"], vec![]),
    ] {
        let recording = Recording::start(&arguments);
        connect_all();
        let capture = recording.finish();
        // Other tests of this process connect meanwhile, to ports of their own.
        let ours = capture.rows.iter().filter(|row| ports.contains(&row.dst_port));
        let recorded: Vec<i32> = ours.map(|row| row.ip_version).collect();
        assert_eq!(recorded, versions, "{arguments:?}");
        let counters = &capture.info.counters;
        assert!(counters.filtered >= 3 - versions.len() as u64, "{arguments:?}");
        assert_eq!(counters.seen, counters.written + counters.filtered, "{arguments:?}");
        assert!(!capture.info.filters.is_empty());
    }
}

#[test]
fn an_undecided_connect_is_in_flight_with_its_port() {
    if !bpf_available() {
        return;
    }
    // A full accept queue drops SYNs (net/ipv4/tcp_input.c, tcp_conn_request).
    let listener = bound_socket("127.0.0.1:0".parse().expect("an address"));
    listener.listen(0).expect("listening");
    let full = listener.local_addr().expect("bound").as_socket().expect("an IP address");
    let _queued = [0; 4].map(|_| {
        let socket = bound_socket("127.0.0.1:0".parse().expect("an address"));
        socket.set_nonblocking(true).expect("a flag");
        let _ = socket.connect(&full.into());
        socket
    });
    thread::sleep(Duration::from_millis(50));

    let own = std::process::id().to_string();
    let recording = Recording::start(&["-p", &own]);
    let socket = bound_socket("127.0.0.1:0".parse().expect("an address"));
    socket.set_nonblocking(true).expect("a flag");
    let port = socket.local_addr().expect("bound").as_socket().expect("an IP address").port();
    let error = socket.connect(&full.into()).expect_err("in progress");
    assert_eq!(error.raw_os_error(), Some(libc::EINPROGRESS));
    // Long enough for the first SYN to be sent again, after 1 s.
    thread::sleep(Duration::from_millis(1_500));
    let capture = recording.finish();

    let rows: Vec<&Row> =
        capture.rows.iter().filter(|row| row.dst_port == i32::from(full.port())).collect();
    let [row] = rows.as_slice() else { panic!("one row expected: {rows:?}") };
    assert_eq!(row.outcome, "in_flight");
    assert_eq!((&*row.src_addr, row.src_port), ("127.0.0.1", port.into()));
    assert_eq!(row.syn_retransmits, 1);
    assert_eq!((row.errno, row.rtt_us), (None, None));
    assert!((1_400_000_000..2_500_000_000).contains(&row.latency_ns), "{row:?}");
}

#[test]
fn events_reach_the_journal_within_a_quarter_of_a_second() {
    if !bpf_available() {
        return;
    }
    let address = server("127.0.0.1:0");
    let recording = Recording::start(&[]);
    let length = || std::fs::metadata(recording.journal()).expect("the journal").len();
    let before = length();
    connect("127.0.0.1:0".parse().expect("an address"), address);
    let connected = std::time::Instant::now();
    wait_until("the event", || length() > before);
    assert!(connected.elapsed() < Duration::from_millis(250), "{:?}", connected.elapsed());
    recording.finish();
}
