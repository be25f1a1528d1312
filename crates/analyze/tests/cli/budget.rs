//! Whatever may be held in memory, the answer is the same: more groups than fit
//! are answered in several scans, and so are more latencies around a rank.

use connlat_analyze::{Budget, answer, answer_within};
use serde_json::Value;

use super::capture::{Capture, Connect, S};
use super::oracle::random_rows;
use super::program::Dir;

/// Rows of which every kind of group is too large or there are too many.
fn rows(random: &mut fastrand::Rng, alike: bool) -> Vec<Connect> {
    let mut rows = random_rows(random, 2_500, 8);
    for row in &mut rows {
        let host = random.u8(..200);
        row.dst_addr = format!("192.0.2.{}", host / 3 * (host % 3));
        row.comm = format!("c{}", host % 7);
        // All in few buckets, so that those must be narrowed.
        row.latency_ns = if alike { 1_000_000 + random.i64(0..40) } else { random.i64(0..1 << 40) };
    }
    rows
}

fn ask(budget: Option<Budget>, question: &str, file: &str) -> Value {
    let arguments = || question.split(' ').chain(["--format", "json", file]);
    let answer = match budget {
        None => answer(arguments()),
        Some(budget) => answer_within(budget, arguments()),
    };
    assert_eq!(answer.exit, 0, "{question}: {}", answer.stderr);
    serde_json::from_slice(&answer.stdout).expect("JSON")
}

#[test]
fn small_budgets_change_no_answer() {
    let dir = Dir::new();
    let mut random = fastrand::Rng::with_seed(31);
    for alike in [false, true] {
        let path = dir.path("rows.parquet");
        let mut capture = Capture::of(rows(&mut random, alike));
        capture.row_group = 900;
        capture.write(&path);
        let file = path.to_str().expect("a name");
        for question in [
            "percentiles --ci",
            "percentiles --by comm --ci",
            "percentiles --by dst,errno --top 30",
            "percentiles --by subnet/32,comm --top 40",
            "percentiles --by latency_ns --top 5",
            "destinations --top 7",
            "destinations --top 7 --sort failures",
            "destinations --top 7 --sort p99 --quantiles 0.5,0.99",
            "destinations --top 1000",
            "processes --by dst_addr --top 10",
            "timeseries --every 1s",
            "summary",
        ] {
            let expected = ask(None, question, file);
            for (groups, values) in [(24, 1_100), (500, 2_000)] {
                let found =
                    ask(Some(Budget { groups, values, ..Budget::default() }), question, file);
                assert_eq!(found, expected, "{question}, {groups} groups, {values} values");
            }
        }
    }
}

/// What is left out of a comparison for want of memory is counted.
#[test]
fn a_comparison_of_too_many_groups_says_what_it_leaves_out() {
    let dir = Dir::new();
    let mut random = fastrand::Rng::with_seed(32);
    let path = dir.path("rows.parquet");
    let mut rows = rows(&mut random, false);
    // Few rows that nothing can be told of, among many that carry a verdict.
    rows.extend(
        (0..40).map(|n| Connect::at(n * S / 4, 1_000).to("198.51.100.9", 1_000 + n as i32)),
    );
    Capture::of(rows).write(&path);
    let file = path.to_str().expect("a name");
    let question = "diff --split +5s --top 0 --by dst";
    let all = ask(None, question, file);
    let few = ask(Some(Budget { groups: 40, values: 5_000, ..Budget::default() }), question, file);
    assert_eq!(all["whole"], few["whole"]);
    let told = |answer: &Value| {
        let rows = answer["rows"].as_array().expect("rows").clone();
        let connects = |row: &Value, side: &str| row[side].as_i64().unwrap_or(0);
        let mut rows: Vec<Value> = rows
            .into_iter()
            .filter(|row| {
                connects(row, "connects_before").max(connects(row, "connects_after")) >= 3
            })
            .collect();
        rows.sort_by_key(|row| row["dst"].to_string());
        rows
    };
    assert!(told(&all).len() > 60);
    assert_eq!(told(&all), told(&few));
    let text = answer_within(
        Budget { groups: 40, values: 5_000, ..Budget::default() },
        question.split(' ').chain([file]),
    );
    let text = String::from_utf8(text.stdout).expect("text");
    assert!(text.contains("left out for want of memory: "), "{text}");
}
