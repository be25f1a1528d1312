//! Every finding on data that shows it and on data that does not.

mod families;
mod network;
mod programs;
mod scope;
mod staged;

use connlat_schema::Outcome;
use serde_json::Value;

use super::capture::{Capture, Connect, S};
use super::program::Dir;

const MS: i64 = 1_000_000;

/// Kinds found, worst first.
fn kinds(dir: &Dir, capture: &Capture) -> Vec<String> {
    kinds_of(&findings(dir, capture))
}

fn kinds_of(findings: &[Value]) -> Vec<String> {
    findings.iter().map(|f| f["kind"].as_str().expect("a kind").to_owned()).collect()
}

fn findings(dir: &Dir, capture: &Capture) -> Vec<Value> {
    let mut capture = capture.clone();
    for row in &mut capture.rows {
        // As the kernel has it: of what was answered to the first SYN.
        if row.rtt_us == Some(250) {
            let plain = row.outcome == "established" && row.syn_retransmits == 0;
            row.rtt_us = plain.then_some((row.latency_ns / 1_000) as i32);
        }
    }
    capture.write(dir.path("f.parquet"));
    let findings = findings_of(dir, &["f.parquet"]);
    for finding in &findings {
        rows_shown(dir, finding);
    }
    findings
}

fn findings_of(dir: &Dir, args: &[&str]) -> Vec<Value> {
    let answer = dir.analyze(&[&["summary", "--format", "json"], args].concat()).json();
    answer["findings"].as_array().expect("findings").clone()
}

fn text(finding: &Value) -> &str {
    finding["text"].as_str().expect("a text")
}

/// The number of rows that the command of a finding shows, pasted into a shell.
fn rows_shown(dir: &Dir, finding: &Value) -> usize {
    let command = finding["command"].as_str().expect("a command");
    let answer = dir.shell(&format!("{command} --format json --top 0")).json();
    let rows = answer["rows"].as_array().expect("rows").len();
    assert_ne!(rows, 0, "{command}");
    rows
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
