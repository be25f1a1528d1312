//! Figures against an independent oracle: DuckDB on the same files.
//!
//! Needs python3 with the package duckdb (`pip install duckdb`). Without it
//! the test says so and is skipped; with `CI=true` it fails.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::capture::Capture;
use super::oracle::random_rows;
use super::program::Dir;

/// The oracle's answers, or why there are none.
fn oracle(dir: &Dir, files: &[String]) -> Result<Value, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/figures.py");
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let output = Command::new(&python)
        .current_dir(dir.path("."))
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

#[test]
fn figures_agree_with_duckdb() {
    let dir = Dir::new();
    let mut random = fastrand::Rng::with_seed(20_261_123);
    // Empty, one row, the edges of each percentile, nothing but failures.
    let cases = [(0, 7), (1, 10), (2, 10), (99, 10), (100, 10), (1_000, 10), (300, 0), (5_000, 8)];
    let files: Vec<String> = cases
        .iter()
        .enumerate()
        .map(|(index, (rows, established))| {
            let name = format!("{index}.parquet");
            let rows = random_rows(&mut random, *rows, *established);
            Capture::of(rows).write(dir.path(&name));
            name
        })
        .collect();
    let expected = match oracle(&dir, &files) {
        Ok(expected) => expected,
        Err(reason) if std::env::var("CI").is_ok_and(|ci| ci == "true") => panic!("{reason}"),
        Err(reason) => {
            println!("skipped: {reason}");
            return;
        }
    };
    for file in &files {
        for (question, expected) in expected[file].as_object().expect("questions") {
            let expected = expected.as_array().expect("rows");
            // Buckets need samples to be more than the latencies themselves.
            let all: &[&str] = if file == "7.parquet" { &["exact", "buckets"] } else { &["exact"] };
            for precision in all.iter().copied() {
                let more = ["--format", "json", "--percentiles", precision, file];
                let answer = dir.analyze(&[&words(question), &more[..]].concat()).json();
                let rows = answer["rows"].as_array().expect("rows");
                assert_eq!(rows.len(), expected.len(), "{file}: {question}");
                for row in rows {
                    let same = expected.iter().find(|other| same_group(row, other));
                    let same = same.unwrap_or_else(|| panic!("{file}: {question}: {row}"));
                    compare(row, same, precision == "buckets", &format!("{file}: {question}"));
                }
            }
        }
    }
}

const FIGURES: [&str; 13] = [
    "connects",
    "established",
    "failed",
    "failure_rate",
    "p50_ns",
    "p90_ns",
    "p95_ns",
    "p99_ns",
    "p999_ns",
    "max_ns",
    "mean_ns",
    "syn_retransmits",
    "samples",
];

fn same_group(row: &Value, other: &Value) -> bool {
    let keys =
        row.as_object().expect("a row").iter().filter(|(k, _)| !FIGURES.contains(&k.as_str()));
    keys.into_iter().all(|(key, value)| other[key] == *value)
}

fn compare(row: &Value, expected: &Value, bucketed: bool, what: &str) {
    for (name, expected) in expected.as_object().expect("a row") {
        let found = &row[name];
        match (found.as_f64(), expected.as_f64()) {
            // serde_json reads floats to within one ulp.
            (Some(a), Some(b)) if name == "failure_rate" => {
                assert!((a - b).abs() < 1e-12, "{what}")
            }
            (Some(a), Some(b)) if bucketed && name.starts_with('p') => {
                assert!(a >= b && a <= b.max(1.0) * 1.01 + 1.0, "{what}: {name} {a}, exactly {b}");
            }
            _ => assert_eq!(found, expected, "{what}: {name}"),
        }
    }
    assert_ne!(row, &json!(null));
}
