//! The program among other programs: pipes, exit codes, usage, warnings.

use std::process::Stdio;

use connlat_schema::capture::metadata::StopReason;
use serde_json::{Value, json};

use super::capture::{Capture, Connect, S};
use super::program::{Dir, command};

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let dir = Dir::new();
    // More output than a pipe holds.
    let rows = (0..4_000).map(|n| Connect::at(0, 1).to(&format!("host-{n}"), 443));
    Capture::of(rows.collect()).write(dir.path("p.parquet"));
    let mut child = command(&dir.path("."))
        .args(["destinations", "--top", "0", "p.parquet"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn wrong_usage_exits_with_2() {
    let dir = Dir::new();
    Capture::of(vec![]).write(dir.path("c.parquet"));
    let cases: [&[&str]; 23] = [
        &[],
        &["percentiles"],
        &["percentiles", "--by", "latency", "c.parquet"],
        &["percentiles", "--by", "subnet/129", "c.parquet"],
        &["percentiles", "--quantiles", "50", "c.parquet"],
        &["percentiles", "--where", "nope = 1", "c.parquet"],
        &["percentiles", "--where", "latency_ns", "c.parquet"],
        &["percentiles", "--where", "comm > 5", "c.parquet"],
        &["percentiles", "--where", "comm = 'a'; DROP TABLE x", "c.parquet"],
        &["percentiles", "--where", "", "c.parquet"],
        &["percentiles", "--where", "\u{1b}[31m\u{7}((((", "c.parquet"],
        &["events", "--from", "noon", "c.parquet"],
        &["events", "--from", "00:00:30", "--to", "00:00:10", "c.parquet"],
        &["events", "--failed", "--established", "c.parquet"],
        &["check", "c.parquet"],
        &["check", "--fail-if", "p99 > 5", "c.parquet"],
        &["diff", "c.parquet"],
        &["diff", "--split", "00:00:30", "c.parquet", "c.parquet"],
        &["destinations", "--sort", "mean", "c.parquet"],
        &["timeseries", "--every", "0s", "c.parquet"],
        &["timeseries", "--every", "1ns", "c.parquet"],
        &["timeseries", "--every", "fast", "c.parquet"],
        &["--format", "xml", "c.parquet"],
    ];
    for args in cases {
        let run = dir.analyze(args);
        assert_eq!(run.code, Some(2), "{args:?}: {}", run.stderr);
        assert_eq!(run.stdout, "");
        assert!(!run.stderr.contains(['\u{1b}', '\u{7}']), "{args:?}: {}", run.stderr);
    }
    // The usage is that of the question asked.
    for (args, usage) in [
        (["diff", "c.parquet"].as_slice(), "Usage: analyze diff "),
        (&["timeseries", "--every", "1ns", "c.parquet"], "Usage: analyze timeseries "),
        (&["heatmap", "--every", "1ns", "c.parquet"], "Usage: analyze heatmap "),
    ] {
        let run = dir.analyze(args);
        assert!(run.stderr.contains(usage), "{args:?}: {}", run.stderr);
    }
    let run = dir.analyze(&["percentiles", "--where", "comm = nginx", "c.parquet"]);
    assert!(run.stderr.contains("text needs single quotes"), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    let run = dir.analyze(&["percentiles", "--by", "nope", "c.parquet"]);
    assert!(run.stderr.contains("dst_addr") && run.stderr.contains("cgroup"), "{}", run.stderr);
}

#[test]
fn without_a_subcommand_it_is_the_summary() {
    let dir = Dir::new();
    Capture::of(vec![Connect::at(0, 5)]).write(dir.path("c.parquet"));
    for format in ["table", "json", "csv", "markdown"] {
        let short = dir.analyze(&["c.parquet", "--format", format]).text();
        assert_eq!(short, dir.analyze(&["summary", "--format", format, "c.parquet"]).text());
    }
}

#[test]
fn an_empty_capture_prints_zeros() {
    let dir = Dir::new();
    Capture::of(vec![]).write(dir.path("none.parquet"));
    let answer = dir.analyze(&["--format", "json", "none.parquet"]).json();
    assert_eq!(answer["rows"][0]["connects"], 0);
    assert_eq!(answer["rows"][0]["max_ns"], Value::Null);
    assert_eq!(answer["outcomes"], json!([]));
    for question in ["summary", "percentiles", "destinations", "timeseries"] {
        for format in ["table", "csv", "markdown"] {
            dir.analyze(&[question, "--format", format, "none.parquet"]).text();
        }
    }
}

#[test]
fn every_warning_comes_with_its_consequence() {
    let dir = Dir::new();
    let mut capture = Capture::of(vec![Connect::at(0, 5)]);
    let info = &mut capture.info;
    info.clean = false;
    info.stop_reason = StopReason::Unknown;
    info.counters.written = 2;
    info.counters.lost.ring_full = 3;
    info.counters.lost.program_misses = 2;
    info.account_problem = Some("a \u{1b}counter could not be read".into());
    info.counters.suppressed.insert("established".into(), 17);
    info.filters.insert("pid".into(), vec!["42".into()]);
    info.clock[1].realtime_ns += 3_000_000_000;
    info.clock[1].adjtimex_state = Some(5);
    capture.write(dir.path("w.parquet"));

    let answer = dir.analyze(&["percentiles", "--format", "json", "w.parquet"]).json();
    let warnings = answer["capture"]["warnings"].as_array().expect("warnings");
    let kinds: Vec<&str> = warnings.iter().filter_map(|w| w["kind"].as_str()).collect();
    let all = [
        "lost",
        "account_unknown",
        "missed",
        "not_clean",
        "rows_disagree",
        "suppressed",
        "filtered",
        "clock_step",
        "clock_unsynchronised",
    ];
    assert_eq!(kinds, all);
    assert_eq!(answer["capture"]["lost"]["ring_full"], 3);
    assert_eq!(answer["capture"]["lost_total"], 3);
    assert_eq!(answer["capture"]["missed"], 2);
    assert_eq!(answer["capture"]["clean"], false);

    let table = dir.analyze(&["percentiles", "w.parquet"]).text();
    assert_eq!(table.matches("warning: ").count(), all.len(), "{table}");
    // CSV has no place for them, so they go where a pipe does not.
    let run = dir.analyze(&["percentiles", "--format", "csv", "w.parquet"]);
    assert_eq!(run.stderr.lines().count(), all.len());
    assert!(run.stderr.lines().all(|line| line.starts_with("analyze: warning: ")));
    assert_eq!(run.text().lines().count(), 2);
}

/// What was kept from the probe is shown always, and warned of where it matters;
/// recordings that missed little are not counted with those that missed much.
#[test]
fn what_the_probe_missed_is_told() {
    let dir = Dir::new();
    let mut capture = Capture::of(vec![Connect::at(0, 5)]);
    for (name, hour, seen, missed) in
        [("few.parquet", 0, 5_000, 5), ("many.parquet", 1, 600, 400), ("more.parquet", 2, 10, 90)]
    {
        capture.info.counters.seen = seen;
        capture.info.counters.lost.program_misses = missed;
        capture.info.start.monotonic_ns = hour * 3_600_000_000_000;
        capture.info.stop.monotonic_ns = capture.info.start.monotonic_ns + 60_000_000_000;
        capture.rows[0].time += hour;
        capture.write(dir.path(name));
    }
    let text = |files: &[&str]| {
        let text = dir.analyze(files).text();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let few = text(&["few.parquet"]);
    assert!(few.contains("5,000 seen") && few.contains("0 lost, 5 missed"), "{few}");
    assert!(!few.contains("warning: "), "{few}");
    let many = text(&["few.parquet", "many.parquet"]);
    let warning = "warning: the kernel did not run the probe for about 400 state changes of connects \
                   during many.parquet; up to 40.00% of all connects have no row, 600 were seen";
    assert!(many.contains(warning) && many.contains("405 missed"), "{many}");
    let all = text(&["few.parquet", "many.parquet", "more.parquet"]);
    let both = "490 state changes of connects during many.parquet and more.parquet;";
    assert!(all.contains(both), "{all}");
    assert_eq!(all.matches("warning: ").count(), 1, "{all}");

    let check = |condition: &str| dir.analyze(&["check", "--fail-if", condition, "many.parquet"]);
    assert_eq!(check("missed > 399").code, Some(3));
    assert_eq!(check("missed > 400").code, Some(0));
    assert_eq!(check("lost > 0").code, Some(0));
}

/// A group without a latency has none; only few latencies are too few.
#[test]
fn nothing_measured_is_not_a_small_sample() {
    let dir = Dir::new();
    let row = |n| Connect::at(n * S, 5).failed(connlat_schema::Outcome::Refused, Some(111));
    Capture::of((0..50).map(row).collect()).write(dir.path("none.parquet"));
    let text = dir.analyze(&["percentiles", "none.parquet"]).text();
    assert!(!text.contains("n/a"), "{text}");
    Capture::of(vec![Connect::at(0, 5)]).write(dir.path("one.parquet"));
    let text = dir.analyze(&["percentiles", "one.parquet"]).text();
    assert!(text.contains("n/a*"), "{text}");
}

/// On a terminal drawings are as wide as it is, and nothing is wider.
#[cfg(target_os = "linux")]
#[test]
fn drawings_follow_the_width_of_the_terminal() {
    let dir = Dir::new();
    let mut random = fastrand::Rng::with_seed(9);
    let rows = (0..5_000).map(|_| Connect::at(random.i64(0..60 * S), random.i64(0..1 << 32)));
    Capture::of(rows.collect()).write(dir.path("c.parquet"));
    let lines_of = |columns: usize, question: &str| -> Option<Vec<String>> {
        let run = format!(
            "stty rows 50 cols {columns}; NO_COLOR=1 {} {question} c.parquet",
            env!("CARGO_BIN_EXE_analyze")
        );
        let output = std::process::Command::new("script")
            .current_dir(dir.path("."))
            .args(["-qec", &run, "/dev/null"])
            .output()
            .ok()?;
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(!text.contains('\u{1b}'), "{text:?}");
        Some(text.lines().map(str::to_owned).collect())
    };
    for (columns, drawn) in [(60, 20..=50), (80, 28..=70), (200, 90..=190)] {
        for question in ["summary", "heatmap"] {
            let Some(lines) = lines_of(columns, question) else {
                return test_support::skip("no script(1)");
            };
            let most = lines.iter().map(|line| line.chars().count()).max().expect("lines");
            assert!(most <= columns, "{columns} {question}: {most}");
            let shades =
                |line: &String| line.chars().filter(|c| "·░▒▓█▁▂▃▄▅▆▇".contains(*c)).count();
            let widest = lines.iter().map(shades).max().expect("lines");
            assert!(drawn.contains(&widest), "{columns} {question}: {widest}");
        }
    }
}

#[test]
fn a_summary_fits_a_screen() {
    let dir = Dir::new();
    let mut random = fastrand::Rng::with_seed(3);
    let rows = (0..5_000).map(|_| {
        let to = format!("2001:db8:1111:2222:3333:4444:5555:{:x}", random.u16(0x1000..0x1020));
        Connect::at(random.i64(0..60 * S), random.i64(0..1 << 32)).to(&to, 8_443)
    });
    Capture::of(rows.collect()).write(dir.path("v6.parquet"));
    let text = dir.analyze(&["v6.parquet"]).text();
    assert!(text.lines().count() <= 50, "{}", text.lines().count());
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}
