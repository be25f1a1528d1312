//! What is said before an answer is used: that nothing was selected, that two
//! sides do not compare, that latencies cannot be.

use std::collections::BTreeMap;

use serde_json::Value;

use super::capture::{Capture, Connect, S, START};
use super::program::Dir;

fn warnings(answer: &Value) -> Vec<String> {
    let all = answer["capture"]["warnings"].as_array().expect("warnings");
    let text = |warning: &Value, part: &str| warning[part].as_str().expect("text").to_owned();
    all.iter().map(|one| format!("{}: {}", text(one, "kind"), text(one, "message"))).collect()
}

const QUESTIONS: [&[&str]; 13] = [
    &["summary"],
    &["percentiles"],
    &["percentiles", "--by", "comm"],
    &["destinations"],
    &["outcomes"],
    &["processes"],
    &["cgroups"],
    &["timeseries"],
    &["histogram"],
    &["heatmap"],
    &["slowest"],
    &["events"],
    &["diff", "--split", "+5s"],
];

#[test]
fn that_nothing_is_selected_is_said_everywhere() {
    let dir = Dir::new();
    let rows = (0..100).map(|n| Connect::at(n * S / 10, 1_000)).collect();
    Capture::of(rows).write(dir.path("c.parquet"));
    for question in QUESTIONS {
        for format in ["table", "json", "csv", "markdown", "parquet"] {
            let args = ["--where", "comm = 'crul'", "--format", format, "c.parquet"];
            let run = super::program::command(&dir.path("."))
                .args([question, &args[..]].concat())
                .output()
                .expect("the program runs");
            assert!(run.status.success(), "{question:?}");
            let told = [run.stdout, run.stderr].concat();
            let told = String::from_utf8_lossy(&told).replace("\n  ", " ");
            assert!(
                told.contains("nothing is selected: none of 100 rows"),
                "{question:?} {format}"
            );
            assert!(!told.contains("nothing stands out"), "{question:?} {format}");
        }
    }
    let run = dir.analyze(&["check", "--fail-if", "failed > 3", "--failed", "c.parquet"]);
    assert_eq!(run.code, Some(1), "{}", run.stdout);
    assert!(run.stdout.contains("nothing is selected"), "{}", run.stdout);
}

#[test]
fn how_many_are_shown_is_said_in_every_format() {
    let dir = Dir::new();
    let rows = (0..50).map(|n| Connect::at(n * S / 10, 1_000)).collect();
    Capture::of(rows).write(dir.path("c.parquet"));
    for question in ["events", "slowest"] {
        for format in ["table", "json", "csv", "markdown", "parquet"] {
            let run = super::program::command(&dir.path("."))
                .args([question, "--format", format, "c.parquet"])
                .output()
                .expect("the program runs");
            let told = [run.stdout, run.stderr].concat();
            let told = String::from_utf8_lossy(&told).into_owned();
            assert!(told.contains("20 of 50 connects"), "{question} {format}: {told}");
        }
    }
}

#[test]
fn sides_that_do_not_compare() {
    let dir = Dir::new();
    let rows: Vec<Connect> = (0..100).map(|n| Connect::at(n * S / 10, 1_000)).collect();
    let mut capture = Capture::of(rows);
    capture.write(dir.path("a.parquet"));
    let mut write = |name: &str, change: &dyn Fn(&mut Capture)| {
        capture.info.boot_id = name.into();
        let mut changed = capture.clone();
        change(&mut changed);
        changed.write(dir.path(name));
    };
    write("same.parquet", &|_| {});
    write("filter.parquet", &|capture| {
        capture.info.filters = BTreeMap::from([("--dst-port".into(), vec!["443".into()])]);
    });
    write("slow.parquet", &|capture| {
        capture.info.counters.suppressed.insert("established".into(), 5);
    });
    write("host.parquet", &|capture| capture.info.host = "web-2".into());
    let told = |arguments: &[&str]| -> Vec<String> {
        let args = [&["diff", "--format", "json"], arguments].concat();
        let mut all = warnings(&dir.analyze(&args).json());
        let first = all.iter().take_while(|text| text.starts_with("not_comparable: ")).count();
        let others = all.split_off(first);
        assert!(!others.iter().any(|text| text.starts_with("not_comparable")), "{others:?}");
        all
    };
    assert_eq!(told(&["a.parquet", "same.parquet"]), [""; 0]);
    for (other, expected) in [
        ("filter.parquet", "BEFORE was recorded with no filter, AFTER with --dst-port=443"),
        ("slow.parquet", "AFTER with --min-latency"),
        ("host.parquet", "BEFORE is of web-1, AFTER of web-2"),
    ] {
        let all = told(&["a.parquet", other]);
        assert!(all.len() == 1 && all[0].contains(expected), "{other}: {all:?}");
    }
    let ranges = |before: &str, after: &str| {
        told(&["--before-range", before, "--after-range", after, "a.parquet"])
    };
    assert_eq!(ranges("+0s..+5s", "+5s..+10s"), [""; 0]);
    let all = ranges("+0s..+9s", "+1s..+10s");
    assert!(all.len() == 1 && all[0].contains("the ranges overlap by 8.00 s"), "{all:?}");
}

#[test]
fn latencies_that_cannot_be_are_damage() {
    let dir = Dir::new();
    let rows = (0..100).map(|n| Connect::at(n * S / 10, 1_000 + n)).collect();
    let mut capture = Capture::of(rows);
    capture.row_group = 30;
    capture.write(dir.path("good.parquet"));
    capture.info.boot_id = "other".into();
    capture.rows[5].latency_ns = -7;
    capture.rows[70].latency_ns = i64::MAX;
    capture.rows[71].latency_ns = 86_400_000_000_001;
    capture.write(dir.path("bad.parquet"));
    for question in QUESTIONS.iter().filter(|words| !words.contains(&"outcomes")) {
        let args = [*question, &["--format", "json", "good.parquet"]].concat();
        let all = warnings(&dir.analyze(&args).json());
        assert_eq!(all.len(), 0, "{all:?}");
        if question[0] != "diff" {
            let args = [*question, &["--format", "json", "good.parquet", "bad.parquet"]].concat();
            let all = warnings(&dir.analyze(&args).json());
            let expected = "absurd_latency: 3 connects of bad.parquet with a latency below zero";
            let found = all.iter().filter(|text| text.starts_with(expected)).count();
            assert_eq!(found, 1, "{question:?}: {all:?}");
        }
    }
}

#[test]
fn spans_of_days_have_dates_on_their_axes() {
    let dir = Dir::new();
    let rows = (0..96).map(|n| Connect::at(n * 3_600 * S, 1_000 + n)).collect();
    let mut capture = Capture::of(rows);
    capture.info.stop.time_us = START + 96 * 3_600 * S;
    capture.write(dir.path("days.parquet"));
    for question in ["summary", "heatmap"] {
        let text = dir.analyze(&[question, "days.parquet"]).text();
        let axis = text.lines().find(|line| line.starts_with("         2026-01-01 "));
        let axis = axis.unwrap_or_else(|| panic!("{text}"));
        assert!(axis.contains("2026-01-04 "), "{axis}");
    }
}
