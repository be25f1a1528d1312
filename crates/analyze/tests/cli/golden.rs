//! Every command in every format against kept output.
//!
//! On a mismatch the new output is left beside the golden file as `.new`;
//! `cargo xtask bless` rewrites the golden files.

use std::fs;
use std::path::PathBuf;

use connlat_schema::Outcome;

use super::capture::{Capture, Connect, S};
use super::program::{Dir, in_crate};

pub(super) fn check(name: &str, text: &str) {
    let golden = in_crate("tests/golden").join(name);
    let mut new = golden.clone().into_os_string();
    new.push(".new");
    let new = PathBuf::from(new);
    if std::env::var_os("CONNLAT_BLESS").is_some() {
        fs::create_dir_all(golden.parent().expect("a directory")).expect("the directory");
        fs::write(&golden, text).expect("the golden file");
        let _ = fs::remove_file(new);
        return;
    }
    // A checkout on Windows may have turned line ends.
    let kept = fs::read_to_string(&golden).unwrap_or_default().replace("\r\n", "\n");
    if kept != text {
        fs::write(&new, text).expect("the new output");
        panic!("{name} differs from the golden file; see {}", new.display());
    }
}

/// Two services, a slow one over IPv6, and every outcome.
fn write(dir: &Dir) {
    let mut random = fastrand::Rng::with_seed(42);
    let mut rows = Vec::new();
    for n in 0..2_400_i64 {
        let offset = n * 60 * S / 2_400;
        // A minute with two silent seconds and a slow stretch.
        if (20..22).contains(&(offset / S)) {
            continue;
        }
        let slow = if (40..45).contains(&(offset / S)) { 30 } else { 1 };
        let mut row = match n % 5 {
            0..=2 => Connect::at(offset, random.i64(80_000..400_000) * slow),
            3 => Connect::at(offset, random.i64(900_000..2_000_000)).to("2001:db8::1:17", 5_432),
            _ => Connect::at(offset, random.i64(150_000..90_000_000)).to("198.51.100.20", 6_379),
        };
        row.comm = ["curl", "postgres-pool", "worker_1"][random.usize(..3)].into();
        if random.u8(..50) == 0 {
            row.syn_retransmits = 1;
            row.latency_ns += 1_020_000_000;
        }
        row = match random.u16(..200) {
            0..=2 => row.failed(Outcome::Refused, Some(111)),
            3 => row.failed(Outcome::TimedOut, Some(110)),
            4 => row.failed(Outcome::Unreachable, Some(113)),
            5 => row.failed(Outcome::Unreachable, Some(101)),
            6 => row.failed(Outcome::Aborted, None),
            7 => row.failed(Outcome::LocalError, None),
            8 => row.failed(Outcome::InFlight, None),
            _ => row,
        };
        rows.push(row);
    }
    rows.push(Connect::at(S, 40_000_000).to("203.0.113.9", 80));
    let mut capture = Capture::of(rows);
    capture.info.counters.seen += 120;
    capture.info.counters.filtered = 120;
    capture.info.filters.insert("uid".into(), vec!["1000".into(), "1001".into()]);
    capture.info.unavailable = vec!["mptcp_subflow".into()];
    capture.write(dir.path("web-1.parquet"));
}

#[test]
fn every_command_in_every_format() {
    let dir = Dir::new();
    write(&dir);
    let commands: [(&str, &[&str]); 14] = [
        ("summary", &["summary"]),
        ("percentiles", &["percentiles"]),
        ("percentiles-by", &["percentiles", "--by", "comm,ip_version"]),
        ("destinations", &["destinations", "--sort", "p99", "--top", "3"]),
        ("timeseries", &["timeseries", "--every", "5s"]),
        ("percentiles-ci", &["percentiles", "--quantiles", "0.5,0.99", "--ci", "--by", "dst"]),
        ("outcomes", &["outcomes", "--by", "comm"]),
        ("processes", &["processes", "--sort", "failures"]),
        ("histogram", &["histogram"]),
        ("heatmap", &["heatmap", "--every", "2s"]),
        ("slowest", &["slowest", "--top", "3"]),
        ("events", &["events", "--failed", "--top", "3", "--where", "dst_port = 443"]),
        ("diff", &["diff", "--split", "+40s", "--by", "dst,subnet/24"]),
        ("info", &["info"]),
    ];
    for (name, command) in commands {
        for (format, extension) in
            [("table", "txt"), ("json", "json"), ("csv", "csv"), ("markdown", "md")]
        {
            let text = dir.analyze(&[command, &["--format", format, "web-1.parquet"]].concat());
            // The size depends on the version of the Parquet writer.
            check(&format!("{name}.{extension}"), &without_size(&text.text()));
        }
    }
}

fn without_size(text: &str) -> String {
    let line = |line: &str| match line.split_once("\"bytes\": ") {
        Some((head, _)) => format!("{head}\"bytes\": 0,\n"),
        // The fact that `info` gives.
        None if line.contains(" bytes") => String::new(),
        None => format!("{line}\n"),
    };
    let text: String = text.lines().map(line).collect();
    match text.split_once(" kB, ") {
        Some((head, tail)) => {
            let number = head.rfind('(').map_or(head, |at| &head[..=at]);
            format!("{number}? kB, {tail}")
        }
        None => text,
    }
}

#[test]
fn the_help_texts() {
    let dir = Dir::new();
    let commands = [
        "",
        "summary",
        "report",
        "percentiles",
        "destinations",
        "outcomes",
        "processes",
        "cgroups",
        "timeseries",
        "histogram",
        "heatmap",
        "slowest",
        "events",
        "info",
        "diff",
        "check",
        "merge",
        "redact",
        "completions",
    ];
    for command in commands {
        let args: Vec<&str> =
            [command, "--help"].into_iter().filter(|arg| !arg.is_empty()).collect();
        let name = if command.is_empty() { "analyze" } else { command };
        check(&format!("help-{name}.txt"), &dir.analyze(&args).text());
    }
}
