//! Every finding on data that shows it and on data that does not, and on the
//! recordings of staged incidents.

use std::path::{Path, PathBuf};

use connlat_schema::Outcome;
use serde_json::Value;

use super::capture::{Capture, Connect, S};
use super::program::Dir;

const MS: i64 = 1_000_000;

/// Kinds found, worst first.
fn kinds(dir: &Dir, capture: &Capture) -> Vec<String> {
    findings(dir, capture).iter().map(|f| f["kind"].as_str().expect("a kind").to_owned()).collect()
}

fn findings(dir: &Dir, capture: &Capture) -> Vec<Value> {
    capture.write(dir.path("f.parquet"));
    let answer = dir.analyze(&["--format", "json", "f.parquet"]).json();
    let findings = answer["findings"].as_array().expect("findings").clone();
    for finding in &findings {
        shows_rows(dir, finding);
    }
    findings
}

/// The command of a finding, run as a shell would, shows rows.
fn shows_rows(dir: &Dir, finding: &Value) {
    let command = finding["command"].as_str().expect("a command");
    let args = shell_words(command.strip_prefix("analyze ").expect("this program"));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let answer = dir.analyze(&[&args, &["--format", "json"][..]].concat()).json();
    assert_ne!(answer["rows"].as_array().map(Vec::len), Some(0), "{command}");
}

/// Words of a command with double quotes only.
fn shell_words(command: &str) -> Vec<String> {
    let parts = command.split('"').enumerate();
    parts
        .flat_map(|(index, part)| match index % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        })
        .collect()
}

/// A minute of ordinary connects at random moments: two programs, three
/// hosts in two networks, none slow.
fn ordinary(seed: u64) -> (Vec<Connect>, fastrand::Rng) {
    let mut random = fastrand::Rng::with_seed(seed);
    let rows = (0..1_200)
        .map(|_| {
            let host = ["10.0.1.1", "10.0.1.2", "10.0.2.1"][random.usize(..3)];
            let latency = random.i64(200_000..600_000);
            let mut row = Connect::at(random.i64(0..60 * S), latency).to(host, 443);
            row.comm = ["web", "cart"][random.usize(..2)].into();
            row.pid = if row.comm == "web" { 100 } else { 200 };
            row
        })
        .collect();
    (rows, random)
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let dir = Dir::new();
    for seed in 0..8 {
        let (rows, _) = ordinary(seed);
        assert_eq!(kinds(&dir, &Capture::of(rows)), [""; 0], "seed {seed}");
    }
    // Single misfortunes are not findings either.
    let (mut rows, _) = ordinary(9);
    rows[3] = rows[3].clone().failed(Outcome::Refused, Some(111));
    rows[4] = rows[4].clone().failed(Outcome::TimedOut, Some(110));
    rows[5].syn_retransmits = 1;
    rows[5].latency_ns += 1_000 * MS;
    assert_eq!(kinds(&dir, &Capture::of(rows)), [""; 0]);
    // A host that is merely far away is slow all the time, and alike.
    let (mut rows, mut random) = ordinary(10);
    for row in rows.iter_mut().filter(|row| row.dst_addr == "10.0.2.1") {
        row.latency_ns = 80 * MS + random.i64(0..3 * MS);
    }
    assert_eq!(kinds(&dir, &Capture::of(rows)), [""; 0]);
}

#[test]
fn syn_loss_is_placed() {
    let dir = Dir::new();
    let (mut rows, mut random) = ordinary(1);
    let lost = |row: &mut Connect, random: &mut fastrand::Rng| {
        row.syn_retransmits = random.i32(1..3);
        row.latency_ns += i64::from(row.syn_retransmits) * 1_010 * MS;
    };
    for row in rows.iter_mut().filter(|row| row.dst_addr == "10.0.2.1") {
        if random.u8(..4) == 0 {
            lost(row, &mut random);
        }
    }
    let mut capture = Capture::of(rows.clone());
    let linear = "net.ipv4.tcp_syn_linear_timeouts";
    capture.info.sysctls.insert(linear.into(), "4".into());
    let found = findings(&dir, &capture);
    assert_eq!(found[0]["kind"], "syn_loss");
    let text = found[0]["text"].as_str().expect("text");
    assert!(text.starts_with("SYNs to 10.0.2.1:443 get lost: "), "{text}");
    assert!(text.contains("after 1 s") && text.contains("after 2 s"), "{text}");
    // Before linear timeouts the second retry came after 3 s.
    capture.info.sysctls.insert(linear.into(), "0".into());
    let text = findings(&dir, &capture)[0]["text"].to_string();
    assert!(text.contains("after 1 s") && !text.contains("after 2 s"), "{text}");

    for row in &mut rows {
        row.syn_retransmits = 0;
        if random.u8(..4) == 0 {
            lost(row, &mut random);
        }
    }
    let text = findings(&dir, &Capture::of(rows))[0]["text"].to_string();
    assert!(text.contains("to no network more than to others"), "{text}");
}

#[test]
fn a_listen_queue_overflows_on_one_port() {
    let dir = Dir::new();
    let (mut rows, mut random) = ordinary(2);
    for n in 0..100 {
        let mut row = Connect::at(random.i64(0..60 * S), MS).to("10.0.2.1", 5_432);
        if n % 3 == 0 {
            row.syn_retransmits = 1;
            row.latency_ns += 1_010 * MS;
        }
        rows.push(row);
    }
    let found = findings(&dir, &Capture::of(rows.clone()));
    assert_eq!(found[0]["kind"], "listen_overflow");
    // The same on every port is loss.
    for row in rows.iter_mut().filter(|row| row.dst_addr == "10.0.2.1") {
        row.syn_retransmits = i32::from(random.u8(..3) == 0);
    }
    assert_eq!(kinds(&dir, &Capture::of(rows))[0], "syn_loss");
}

#[test]
fn a_host_falls_silent() {
    let dir = Dir::new();
    let (mut rows, _) = ordinary(3);
    for row in &mut rows {
        let late = row.time >= super::capture::START + 30 * S;
        if row.dst_addr == "10.0.1.2" && late {
            *row = row.clone().failed(Outcome::TimedOut, Some(110));
            row.latency_ns = 127_000 * MS;
            row.syn_retransmits = 6;
        }
    }
    let found = findings(&dir, &Capture::of(rows.clone()));
    assert_eq!(found[0]["kind"], "no_answer");
    let text = found[0]["text"].as_str().expect("text");
    assert!(text.starts_with("10.0.1.2:443 does not answer: "), "{text}");
    assert!(text.contains("outside that time"), "{text}");
    let onset = found.iter().find(|f| f["kind"] == "onset").expect("an onset");
    let text = onset["text"].as_str().expect("text");
    assert!(text.contains("began at 00:00:30.") && text.contains("to the end"), "{text}");
    assert!(text.contains("first to move was 10.0.1.2:443"), "{text}");
}

#[test]
fn a_server_restarts_or_is_not_there() {
    let dir = Dir::new();
    let (mut rows, _) = ordinary(4);
    let begin = super::capture::START + 20 * S;
    for row in &mut rows {
        if row.dst_addr == "10.0.1.1" && (begin..begin + 5 * S).contains(&row.time) {
            *row = row.clone().failed(Outcome::Refused, Some(111));
        }
    }
    let found = findings(&dir, &Capture::of(rows.clone()));
    assert_eq!(found[0]["kind"], "refused_burst");
    assert!(found[0]["text"].to_string().contains("the server restarted"));
    for row in rows.iter_mut().filter(|row| row.dst_addr == "10.0.1.1") {
        *row = row.clone().failed(Outcome::Refused, Some(111));
    }
    assert_eq!(kinds(&dir, &Capture::of(rows))[0], "closed_port");
}

#[test]
fn slow_places_and_slow_processes_are_told_apart() {
    let dir = Dir::new();
    let slow = |pick: &dyn Fn(&Connect) -> bool| {
        let (mut rows, mut random) = ordinary(5);
        for row in rows.iter_mut().filter(|row| pick(row)) {
            row.latency_ns = random.i64(2 * MS..60 * MS);
        }
        findings(&dir, &Capture::of(rows))
    };
    let found = slow(&|row| row.dst_addr == "10.0.1.2");
    assert_eq!(found[0]["kind"], "slow_destination");
    assert!(found[0]["text"].to_string().contains("10.0.1.2:443 is slow"));
    let found = slow(&|row| row.dst_addr.starts_with("10.0.1."));
    assert_eq!(found[0]["kind"], "slow_subnet");
    let found = slow(&|row| row.comm == "cart");
    assert_eq!(found[0]["kind"], "local_delay");
    assert!(found[0]["text"].to_string().contains("cart in /system.slice/web.service"));
    assert!(found.iter().all(|finding| finding["kind"] != "slow_destination"), "{found:?}");
}

#[test]
fn ports_run_out() {
    let dir = Dir::new();
    let (mut rows, mut random) = ordinary(6);
    for _ in 0..200 {
        let row = Connect::at(random.i64(40 * S..60 * S), 30_000).to("10.0.1.1", 443);
        rows.push(row.failed(Outcome::LocalError, Some(99)));
    }
    let mut capture = Capture::of(rows);
    capture.info.sysctls.insert("net.ipv4.ip_local_port_range".into(), "40000\t40099".into());
    let found = findings(&dir, &capture);
    assert_eq!(found[0]["kind"], "port_exhaustion");
    let text = found[0]["text"].as_str().expect("text");
    assert!(text.contains("EADDRNOTAVAIL") && text.contains("of the 100 ports"), "{text}");
    for row in &mut capture.rows {
        row.errno = row.errno.map(|_| 13);
    }
    assert_eq!(kinds(&dir, &capture)[0], "local_error");
}

#[test]
fn programs_give_up_and_try_again() {
    let dir = Dir::new();
    let (plain, mut random) = ordinary(7);
    let mut rows = plain.clone();
    for n in 0..12 {
        let mut row = Connect::at(n * 4_800_000, 3_000 * MS + random.i64(0..20 * MS));
        row.comm = "cron".into();
        rows.push(row.to("10.0.9.9", 80).failed(Outcome::Aborted, None));
    }
    let found = findings(&dir, &Capture::of(rows));
    assert_eq!(found[0]["kind"], "abandoned");
    assert!(found[0]["text"].to_string().contains("cron gives up after 3.0"), "{found:?}");
    // At any time: nobody's timeout.
    let mut rows = plain.clone();
    for n in 0..12 {
        let row = Connect::at(n * 4 * S, random.i64(60 * MS..9_000 * MS)).to("10.0.9.9", 80);
        rows.push(row.failed(Outcome::Aborted, None));
    }
    assert!(!kinds(&dir, &Capture::of(rows)).contains(&"abandoned".to_owned()));

    let mut rows = plain.clone();
    for n in 0..40 {
        let mut row = Connect::at(10 * S + n * 50_000, 100_000).to("10.0.1.1", 443);
        row.pid = 300;
        rows.push(row.failed(Outcome::Refused, Some(111)));
    }
    assert!(kinds(&dir, &Capture::of(rows.clone())).contains(&"retry_storm".to_owned()));
    for (n, row) in rows.iter_mut().filter(|row| row.pid == 300).enumerate() {
        row.time = super::capture::START + n as i64 * 1_400_000;
    }
    assert!(!kinds(&dir, &Capture::of(rows)).contains(&"retry_storm".to_owned()));
}

#[test]
fn loops_and_races() {
    let dir = Dir::new();
    let (plain, mut random) = ordinary(8);
    let mut rows = plain.clone();
    for n in 0..30 {
        let mut row = Connect::at(n * S, 300_000 + random.i64(0..9_000)).to("10.0.1.1", 443);
        row.pid = 400;
        rows.push(row);
    }
    assert_eq!(kinds(&dir, &Capture::of(rows.clone())), ["reconnect_loop"]);
    for row in rows.iter_mut().filter(|row| row.pid == 400) {
        row.time += random.i64(0..700_000);
    }
    assert_eq!(kinds(&dir, &Capture::of(rows)), [""; 0]);

    let mut rows = plain;
    for n in 0..10 {
        let mut v6 = Connect::at(n * 5 * S, 260 * MS).to("2001:db8::1", 443);
        v6.pid = 500;
        rows.push(v6.failed(Outcome::Aborted, None));
        let mut v4 = Connect::at(n * 5 * S + 250_000, 9 * MS).to("10.0.1.1", 443);
        v4.pid = 500;
        rows.push(v4);
    }
    let found = kinds(&dir, &Capture::of(rows.clone()));
    assert!(found.contains(&"happy_eyeballs".to_owned()), "{found:?}");
    // One after the other is no race.
    for row in rows.iter_mut().filter(|row| row.pid == 500 && row.dst_addr == "10.0.1.1") {
        row.time += S;
    }
    assert!(!kinds(&dir, &Capture::of(rows)).contains(&"happy_eyeballs".to_owned()));
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures").join(name)
}

/// What `summary` says first of each staged incident (fixtures/README.md).
#[test]
fn staged_incidents_are_named_first() {
    let dir = Dir::new();
    let incidents = [
        ("lost-syns", "syn_loss", "SYNs to 10.77.2.0/24 get lost"),
        ("restarted-server", "refused_burst", "10.77.1.2:8080 refused"),
        ("blackholed-host", "no_answer", "10.77.3.1:8080 does not answer"),
        ("no-ports", "port_exhaustion", "to 10.77.1.1:8080 failed before a SYN left"),
        ("starved-client", "local_delay", "export in "),
    ];
    for (name, kind, text) in incidents {
        std::fs::copy(fixture(&format!("{name}.parquet")), dir.path("f.parquet")).expect(name);
        let answer = dir.analyze(&["--format", "json", "f.parquet"]).json();
        let first = &answer["findings"][0];
        assert_eq!(first["kind"], kind, "{name}: {first}");
        assert!(first["text"].to_string().contains(text), "{name}: {first}");
        for finding in answer["findings"].as_array().expect("findings") {
            shows_rows(&dir, finding);
        }
    }
}

#[test]
fn a_healthy_recording_yields_nothing() {
    let dir = Dir::new();
    std::fs::copy(fixture("healthy.parquet"), dir.path("f.parquet")).expect("a fixture");
    let answer = dir.analyze(&["--format", "json", "f.parquet"]).json();
    assert_eq!(answer["findings"], serde_json::json!([]));
}
