//! Figures against an independent oracle: DuckDB on the same files.
//!
//! Needs python3 with the package duckdb (`pip install duckdb`). Without it
//! the test says so and is skipped; with `CI=true` it fails.
//! `CONNLAT_ORACLE_ROWS=10000000` makes the largest file larger.

use std::collections::HashMap;
use std::process::Command;

use connlat_schema::Outcome;
use serde_json::Value;
use test_support::skip;

use super::blocks::write_blocks;
use super::capture::{Capture, Connect, S};
use super::oracle::random_rows;
use super::program::{Dir, in_crate};

/// Rows of the largest file.
const LARGEST: usize = 40_000;

/// The oracle's answers, or why there are none.
pub(super) fn oracle(dir: &Dir, script: &str, files: &[String]) -> Result<Value, String> {
    let script = in_crate("tests/oracle").join(script);
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let output = Command::new(&python)
        .current_dir(dir.path("."))
        .arg("-B")
        .arg(script)
        .args(files)
        .output()
        .map_err(|error| format!("{python}: {error}"))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    if stderr.contains("No module named 'duckdb'") {
        return Err("python has no package duckdb".to_owned());
    }
    assert!(output.status.success(), "{stderr}");
    Ok(serde_json::from_slice(&output.stdout).expect("JSON"))
}

/// Words of a question; what follows `--where` is one.
fn words(question: &str) -> Vec<&str> {
    match question.split_once(" --where ") {
        Some((question, sql)) => question.split(' ').chain(["--where", sql]).collect(),
        None => question.split(' ').collect(),
    }
}

/// A process for each thing that can change, and one that does not, at 5 s.
fn changed(random: &mut fastrand::Rng) -> Vec<Connect> {
    let mut rows = Vec::new();
    // (process, connects, latency and failures in a hundred, before and after)
    let each = [
        ("slower", [1_500, 16_500], [100, 900], [0, 0]),
        ("faster", [600, 6_600], [900, 100], [0, 0]),
        ("failing", [300, 3_300], [500, 500], [1, 40]),
        ("healed", [300, 3_300], [500, 500], [40, 1]),
        ("busier", [100, 9_000], [500, 500], [5, 5]),
        ("calmer", [900, 900], [500, 500], [5, 5]),
        ("gone", [60, 0], [500, 500], [5, 5]),
        ("hardly gone", [2, 0], [500, 500], [5, 5]),
        ("new", [0, 200], [500, 500], [5, 5]),
        ("hardly new", [0, 50], [500, 500], [5, 5]),
        ("few", [14, 15], [500, 900], [0, 90]),
        ("same", [300, 3_300], [500, 500], [5, 5]),
        ("all fail", [300, 3_300], [500, 500], [100, 100]),
        ("waits in vain", [300, 3_300], [500, 500], [0, 100]),
    ];
    for (comm, connects, latency, failed) in each {
        for (side, span) in [0..5 * S, 5 * S..60 * S].into_iter().enumerate() {
            for _ in 0..connects[side] {
                let latency_ns = latency[side] * random.i64(50..150);
                let mut row = Connect::at(random.i64(span.clone()), latency_ns);
                row.comm = comm.into();
                let fails = random.u64(..100) < failed[side];
                rows.push(if fails { row.failed(Outcome::TimedOut, Some(110)) } else { row });
            }
        }
    }
    // The first moment after.
    rows.push(Connect::at(5 * S, 1));
    rows
}

#[test]
fn figures_agree_with_duckdb() {
    let dir = Dir::new();
    let mut random = fastrand::Rng::with_seed(20_261_123);
    // (rows, established in ten): the edges of each percentile.
    let sizes = [(2, 10), (99, 10), (100, 10), (1_000, 10), (5_000, 8)];
    let mut files: Vec<(String, Vec<Connect>)> = sizes
        .iter()
        .map(|(rows, ten)| (format!("random-{rows}"), random_rows(&mut random, *rows, *ten)))
        .collect();
    let row = |n: i64| Connect::at(n * S / 100, 1_000 + n).to("192.0.2.1", 441);
    let failed = |n: i64| row(n).failed(Outcome::TimedOut, None);
    let many = |row: &dyn Fn(i64) -> Connect| (0..1_200).map(row).collect::<Vec<_>>();
    let named: [(&str, Vec<Connect>); 7] = [
        ("empty", Vec::new()),
        ("one row", vec![row(0)]),
        ("all failed, no errno", many(&failed)),
        ("ties", many(&|n| Connect { latency_ns: 70_000 + n % 2, ..row(n) })),
        // Groups with nothing to measure beside groups with much.
        (
            "empty groups",
            many(&|n| match n % 3 {
                0 => Connect { comm: "nginx".into(), ..failed(n) },
                1 => Connect { comm: "curl".into(), flags: 1, ..row(n) },
                _ => Connect { comm: "cron".into(), ..row(n) },
            }),
        ),
        (
            "nulls in keys",
            many(&|n| match n % 2 {
                0 => row(n).failed(Outcome::Refused, Some(111)).to("192.0.2.2", 442),
                _ => failed(n),
            }),
        ),
        ("changed", changed(&mut random)),
    ];
    files.extend(named.map(|(name, rows)| (name.to_owned(), rows)));
    for (name, rows) in &files {
        Capture::of(rows.clone()).write(dir.path(name));
    }
    let mut names: Vec<String> = files.into_iter().map(|(name, _)| name).collect();
    let largest = std::env::var("CONNLAT_ORACLE_ROWS").ok().and_then(|rows| rows.parse().ok());
    let all = write_blocks(&dir.path("large"), largest.unwrap_or(LARGEST), || {
        random_rows(&mut random, 20_000, 9)
    });
    println!("{all} rows in the largest file");
    names.push("large".to_owned());

    let expected = match oracle(&dir, "figures.py", &names) {
        Ok(expected) => expected,
        Err(reason) => return skip(reason),
    };
    for file in &names {
        for (question, expected) in expected[file].as_object().expect("questions") {
            let expected = expected.as_array().expect("rows");
            let (question, section) = question.split_once(" → ").unwrap_or((question, "rows"));
            let answer =
                dir.analyze(&[&words(question), &["--format", "json", file][..]].concat()).json();
            let what = format!("{file}: {question}, {section}");
            let rows = answer[section].as_array().expect("rows");
            match question.contains("--top 20") {
                true => compare_first(rows, expected, &what),
                false => compare_all(rows, expected, &what),
            }
            println!("{what}: {} rows agree", expected.len());
        }
    }
}

/// Columns that say what a row is about; all others are figures.
const KEYS: [&str; 14] = [
    "comm",
    "cgroup",
    "outcome",
    "errno",
    "rtt_us",
    "dst",
    "subnet/24",
    "dst_port",
    "dst_addr",
    "time",
    "from_ns",
    "to_ns",
    "errno_name",
    "bar",
];

/// The first 20 in an order that may leave some alike: then any of them.
fn compare_first(rows: &[Value], expected: &[Value], what: &str) {
    assert_eq!(rows.len(), expected.len().min(20), "{what}");
    let mut left: Vec<&Value> = expected.iter().collect();
    for (row, at_its_place) in rows.iter().zip(expected) {
        for key in ["latency_ns", "time"] {
            assert_eq!(row[key], at_its_place[key], "{what}");
        }
        let found = left.iter().position(|expected| *expected == row);
        left.swap_remove(found.unwrap_or_else(|| panic!("{what}: {row}")));
    }
}

fn compare_all(rows: &[Value], expected: &[Value], what: &str) {
    // A histogram shows its gaps.
    let rows = rows.iter().filter(|row| row.get("from_ns").is_none() || row["connects"] != 0);
    let rows: Vec<&Value> = rows.collect();
    assert_eq!(rows.len(), expected.len(), "{what}");
    // By group, for a search through all would take hours on a large file.
    let group = |row: &Value, like: &Value| -> String {
        let keys = KEYS.iter().filter(|key| like.get(**key).is_some());
        keys.map(|key| row[*key].to_string() + "\n").collect()
    };
    let Some(first) = expected.first() else { return };
    let by_group: HashMap<String, &Value> =
        expected.iter().map(|row| (group(row, first), row)).collect();
    assert_eq!(by_group.len(), rows.len(), "{what}");
    for row in rows {
        let same = by_group.get(&group(row, first));
        compare(row, same.unwrap_or_else(|| panic!("{what}: {row}")), what);
    }
}

fn compare(row: &Value, expected: &Value, what: &str) {
    for (name, expected) in expected.as_object().expect("a row") {
        let found = &row[name];
        let ratio = ["failure_", "rate_", "share"].iter().any(|start| name.starts_with(start));
        match (found.as_f64(), expected.as_f64()) {
            // serde_json reads floats to within one ulp.
            (Some(a), Some(b)) if ratio => {
                assert!((a - b).abs() < 1e-12, "{what}: {name} {a}, exactly {b}");
            }
            // Added up in floating point, in seconds, and cut off.
            (Some(a), Some(b)) if name == "contribution_ns" => {
                assert!((a - b).abs() <= 2.0, "{what}: {name} {a}, exactly {b}");
            }
            _ => assert_eq!(found, expected, "{what}: {name}"),
        }
    }
}
