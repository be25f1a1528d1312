//! Causes on this host, and what programs do.

use connlat_schema::Outcome;
use connlat_schema::capture::metadata::NetworkInfo;

use super::{MS, findings, findings_of, kinds, kinds_of, ordinary, rows_shown, text};
use crate::capture::{Capture, Connect, S};
use crate::program::Dir;

/// No port was found for it.
fn no_port(mut row: Connect) -> Connect {
    row.src_port = 0;
    (row.comm, row.pid) = ("web".into(), 100);
    row.failed(Outcome::LocalError, Some(99))
}

#[test]
fn ports_run_out() {
    let dir = Dir::new();
    let (mut rows, mut random) = ordinary(6);
    for _ in 0..200 {
        let row = Connect::at(random.i64(40 * S..60 * S), 30_000).to("10.0.1.1", 443);
        rows.push(no_port(row));
    }
    let mut capture = Capture::of(rows);
    capture.info.sysctls.insert("net.ipv4.ip_local_port_range".into(), "40000\t40099".into());
    let found = findings(&dir, &capture);
    assert_eq!(found[0]["kind"], "port_exhaustion");
    let said = text(&found[0]);
    assert!(said.contains("EADDRNOTAVAIL") && said.contains("of the 100 ports"), "{said}");
    // Two of them are no pattern.
    let mut few = capture.clone();
    few.rows.truncate(1_202);
    assert_eq!(kinds(&dir, &few), [""; 0]);
    for row in &mut capture.rows {
        row.errno = row.errno.map(|_| 13);
    }
    let found = findings(&dir, &capture);
    assert_eq!(found[0]["kind"], "local_error");
    assert!(text(&found[0]).contains("forbids it (EACCES)"), "{found:?}");
}

/// Each host has ports and settings of its own.
#[test]
fn ports_run_out_on_one_of_two_hosts() {
    let dir = Dir::new();
    let (rows, _) = ordinary(6);
    let mut other = Capture::of(rows.clone());
    other.info.host = "web-2".into();
    other.info.boot_id = "another".into();
    other.info.sysctls.insert("net.ipv4.ip_local_port_range".into(), "1024\t65535".into());
    other.write(dir.path("two.parquet"));
    let mut capture = Capture::of(rows);
    for n in 0..200 {
        let row = Connect::at((40 + n % 20) * S, 30_000).to("10.0.1.1", 443);
        capture.rows.push(no_port(row));
    }
    capture.info.sysctls.insert("net.ipv4.ip_local_port_range".into(), "40000\t40099".into());
    capture.write(dir.path("one.parquet"));
    // The first file's settings are not those of all.
    let found = findings_of(&dir, &["two.parquet", "one.parquet"]);
    let said = text(&found[0]);
    assert!(said.contains("10.0.1.1:443") && said.contains("host web-1"), "{said}");
    assert!(said.contains("1 of the 100 ports from 40000 to 40099"), "{said}");
    assert_eq!(rows_shown(&dir, &found[0]), 200);
}

/// Each network namespace of a host has ports and settings of its own, and
/// those of one are never told of another.
#[test]
fn ports_run_out_in_one_network_namespace() {
    const RANGE: &str = "net.ipv4.ip_local_port_range";
    let dir = Dir::new();
    let (mut rows, _) = ordinary(6);
    let own = rows[0].netns;
    let pod = |n: i64, port: i32| {
        let mut row = Connect::at(n * S / 10, 30_000).to("10.0.1.1", 443);
        row.netns = 17;
        row.src_port = port;
        row
    };
    rows.extend((0..10).map(|n| pod(300 + n, 40_000 + n as i32)));
    rows.extend((0..30).map(|n| pod(400 + n, 0).failed(Outcome::LocalError, None)));
    let mut capture = Capture::of(rows);
    capture.info.sysctls.insert(RANGE.into(), "32768 60999".into());
    capture.info.sysctls_netns = Some(own);
    let sysctls = [(RANGE.to_owned(), "40000 40009".to_owned())].into();
    capture.info.networks.push(NetworkInfo { netns: vec![17], sysctls });
    let found = findings(&dir, &capture);
    let said = text(&found[0]);
    assert!(said.starts_with("all 30 connects of network namespace 17 "), "{said}");
    assert!(said.contains("10 of the 10 ports from 40000 to 40009"), "{said}");
    assert_eq!(rows_shown(&dir, &found[0]), 30);
    // Where its settings are unknown, those of another are not taken.
    capture.info.networks.clear();
    let found = findings(&dir, &capture);
    let said = text(&found[0]);
    assert!(said.contains("of network namespace 17") && !said.contains("32768"), "{said}");
    assert!(!said.contains("ports from"), "{said}");
}

/// Without a route nothing can be reached: that is one finding a network.
#[test]
fn no_route_is_said_once_for_a_network() {
    let dir = Dir::new();
    let (mut rows, _) = ordinary(16);
    for n in 0..60 {
        let row = Connect::at(n * S, 5_000).to(&format!("10.9.9.{}", n % 30), 443);
        rows.push(row.failed(Outcome::LocalError, Some(101)));
    }
    let found = findings(&dir, &Capture::of(rows));
    assert_eq!(found.iter().filter(|f| f["kind"] == "local_error").count(), 1);
    let said = text(&found[0]);
    assert!(
        said.starts_with(
            "all 60 connects to 10.9.9.0/24 (30 hosts) by curl failed before a SYN left"
        ),
        "{said}"
    );
    assert!(said.contains("no route there (ENETUNREACH)"), "{said}");
}

#[test]
fn programs_give_up() {
    let dir = Dir::new();
    let (plain, mut random) = ordinary(7);
    let mut rows = plain.clone();
    for n in 0..12 {
        let mut row = Connect::at(n * 4_800_000, 3_000 * MS + random.i64(0..20 * MS));
        row.comm = "cron".into();
        rows.push(row.to("10.0.9.9", 80).failed(Outcome::Aborted, None));
    }
    // What is done about it belongs to the cause.
    let found = findings(&dir, &Capture::of(rows));
    assert_eq!(kinds_of(&found), ["no_answer"]);
    assert!(text(&found[0]).contains("cron gives up after 3.0"), "{found:?}");
    // At any time: nobody's timeout.
    let mut rows = plain.clone();
    for n in 0..12 {
        let row = Connect::at(n * 4 * S, random.i64(60 * MS..9_000 * MS)).to("10.0.9.9", 80);
        rows.push(row.failed(Outcome::Aborted, None));
    }
    assert!(!kinds(&dir, &Capture::of(rows)).contains(&"abandoned".to_owned()));
    // Users who change their minds, while everything is answered.
    let mut rows = plain;
    for row in rows.iter_mut().step_by(60) {
        *row = row.clone().failed(Outcome::Aborted, None);
        row.latency_ns = random.i64(100_000..400_000);
    }
    assert_eq!(kinds(&dir, &Capture::of(rows)), [""; 0]);
}

/// A process that tries again and again is told from one whose work fails.
#[test]
fn storms_follow_from_failures() {
    let dir = Dir::new();
    let (plain, mut random) = ordinary(17);
    let storm = |pause: &mut dyn FnMut(i64) -> i64, before: i64| {
        let mut rows = plain.clone();
        let mut at = 10 * S;
        for n in 0..40 {
            let mut row = Connect::at(at, 100_000).to("10.0.1.1", 443);
            row.pid = 300;
            rows.push(row.failed(Outcome::Refused, Some(111)));
            at += pause(n);
        }
        for n in 0..before {
            let mut row = Connect::at(at + S + n * 700_000, 300_000).to("10.0.1.1", 443);
            row.pid = 300;
            rows.push(row);
        }
        kinds(&dir, &Capture::of(rows)).contains(&"retry_storm".to_owned())
    };
    assert!(storm(&mut |_| 50_000, 0), "evenly");
    assert!(storm(&mut |n| 1_000 << n.min(9), 0), "backing off");
    assert!(storm(&mut |_| 50_000, 30), "faster than otherwise");
    assert!(!storm(&mut |_| 1_400_000, 0), "more than a second apart");
    assert!(!storm(&mut |_| 700_000, 30), "as fast as otherwise");
    assert!(!storm(&mut |_| 1_000 * random.i64(1..900), 0), "at random");
}

#[test]
fn loops_are_told_from_health_checks() {
    let dir = Dir::new();
    let (plain, mut random) = ordinary(8);
    let every = |us: i64, jitter: &mut dyn FnMut() -> i64| {
        let mut rows = plain.clone();
        for n in 0..60 {
            let mut row = Connect::at(n * us + jitter(), 300_000).to("10.0.1.1", 443);
            row.pid = 400;
            rows.push(row);
        }
        kinds(&dir, &Capture::of(rows))
    };
    assert_eq!(every(200_000, &mut || 0), ["reconnect_loop"]);
    assert_eq!(every(800_000, &mut || 0), ["reconnect_loop"]);
    for seconds in [1, 5, 10, 30] {
        assert_eq!(every(seconds * S, &mut || 0), [""; 0], "a check every {seconds} s");
    }
    assert_eq!(every(200_000, &mut || random.i64(0..190_000)), [""; 0], "at random");
}

/// Ten waits of a client that tries IPv6 first, and IPv4 after 250 ms.
fn races(rows: &mut Vec<Connect>, second: i64) {
    for n in 0..10 {
        let mut v6 = Connect::at(n * 5 * S, second * 1_000 + MS).to("2001:db8::1", 443);
        v6.pid = 500;
        rows.push(v6.failed(Outcome::Aborted, None));
        let mut v4 = Connect::at(n * 5 * S + second, 300_000).to("10.0.1.1", 443);
        v4.pid = 500;
        rows.push(v4);
    }
}

#[test]
fn losers_of_races_are_no_failures() {
    let dir = Dir::new();
    let (plain, mut random) = ordinary(9);
    let mut rows = plain.clone();
    races(&mut rows, 250_000);
    let found = findings(&dir, &Capture::of(rows.clone()));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0]["kind"], "happy_eyeballs");
    let said = text(&found[0]);
    assert!(said.starts_with("curl tries [2001:db8::1]:443 first, which never answers"), "{said}");
    assert!(said.contains("10 connects took 250 ms longer"), "{said}");
    // Both at once costs nothing.
    let mut at_once = plain.clone();
    races(&mut at_once, 0);
    assert_eq!(kinds(&dir, &Capture::of(at_once)), [""; 0]);
    // One after the other is no race, and then IPv6 does not answer.
    for row in rows.iter_mut().filter(|row| row.pid == 500 && row.dst_addr == "10.0.1.1") {
        row.time += S;
    }
    assert_eq!(kinds(&dir, &Capture::of(rows)), ["no_answer"]);
    // A busy client that gives up on one of its hosts looks much the same.
    let mut rows = plain;
    for _ in 0..1_200 {
        let host = ["10.0.7.1", "10.0.7.2"][random.usize(..2)];
        let mut row = Connect::at(random.i64(0..60 * S), random.i64(200_000..600_000));
        row.pid = 600;
        if host == "10.0.7.1" {
            row = row.failed(Outcome::Aborted, None);
            row.latency_ns = 250 * MS;
        }
        rows.push(row.to(host, 80));
    }
    let found = kinds(&dir, &Capture::of(rows));
    assert_eq!(found, ["no_answer"]);
}
