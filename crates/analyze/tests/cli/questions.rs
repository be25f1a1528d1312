//! What the questions promise beside their figures: order, gaps, limits.

use connlat_schema::Outcome;
use serde_json::{Value, json};

use super::capture::{Capture, Connect, S, START};
use super::program::Dir;

fn column(answer: &Value, name: &str) -> Vec<Value> {
    let rows = answer["rows"].as_array().expect("rows");
    rows.iter().map(|row| row[name].clone()).collect()
}

#[test]
fn intervals_without_connects_are_rows_of_zeros() {
    let dir = Dir::new();
    let rows = vec![Connect::at(10 * S, 1), Connect::at(13 * S, 1), Connect::at(13 * S, 3)];
    Capture::of(rows).write(dir.path("gap.parquet"));
    let answer =
        dir.analyze(&["timeseries", "--every", "1s", "--format", "json", "gap.parquet"]).json();
    let counts = column(&answer, "connects");
    // The recording lasted a minute; its silence before and after counts too.
    assert_eq!(counts.len(), 60);
    assert_eq!(counts[9..15], [json!(0), json!(1), json!(0), json!(0), json!(2), json!(0)]);
    assert_eq!(answer["rows"][11]["failure_rate"], Value::Null);
    assert_eq!(answer["rows"][11]["max_ns"], Value::Null);
    assert_eq!(answer["rows"][13]["time"], "2026-01-01T00:00:13Z");
}

#[test]
fn intervals_nobody_recorded_are_pointed_out() {
    let dir = Dir::new();
    Capture::of(vec![Connect::at(0, 1)]).write(dir.path("a.parquet"));
    let mut later = Capture::of(vec![Connect::at(600 * S, 1)]);
    later.info.start.time_us += 600 * S;
    later.info.stop.time_us += 600 * S;
    later.info.start.monotonic_ns += 600_000_000_000;
    later.info.stop.monotonic_ns += 600_000_000_000;
    later.write(dir.path("b.parquet"));
    let text = dir.analyze(&["timeseries", "--every", "1m", "a.parquet", "b.parquet"]).text();
    assert!(text.contains("nothing was recorded during 8 of the intervals"), "{text}");
}

#[test]
fn an_absurd_number_of_intervals_is_refused() {
    let dir = Dir::new();
    Capture::of(vec![Connect::at(0, 1)]).write(dir.path("c.parquet"));
    let failure = dir.analyze(&["timeseries", "--every", "1us", "c.parquet"]).failure();
    assert_eq!(
        failure,
        "analyze: 60000000 intervals, at most 100000 can be shown; use a longer --every\n"
    );
    // Times at both ends of what the column holds.
    let mut wild = Capture::of(vec![Connect::at(0, 1), Connect::at(0, 1)]);
    wild.rows[0].time = i64::MIN;
    wild.rows[1].time = i64::MAX;
    wild.write(dir.path("wild.parquet"));
    dir.analyze(&["timeseries", "--every", "1s", "wild.parquet"]).failure();
    dir.analyze(&["timeseries", "wild.parquet"]).text();
    dir.analyze(&["wild.parquet"]).text();
}

#[test]
fn destinations_come_in_the_order_asked_for() {
    let dir = Dir::new();
    let many = |count: usize, addr: &str, latency: i64| {
        (0..count).map(|_| Connect::at(0, latency).to(addr, 443)).collect::<Vec<_>>()
    };
    let mut rows = many(300, "busy", 10);
    rows.extend(many(120, "slow", 1_000));
    rows.extend(many(5, "few", 9_000));
    for addr in ["broken", "broken", "slow"] {
        rows.push(Connect::at(0, 1).to(addr, 443).failed(Outcome::Refused, Some(111)));
    }
    Capture::of(rows).write(dir.path("d.parquet"));
    let order = |sort: &str| {
        let args = ["destinations", "--sort", sort, "--format", "json", "d.parquet"];
        column(&dir.analyze(&args).json(), "dst_addr")
    };
    assert_eq!(order("count"), ["busy", "slow", "few", "broken"]);
    assert_eq!(order("failures"), ["broken", "slow", "busy", "few"]);
    assert_eq!(order("p99"), ["slow", "busy", "few", "broken"]);

    let text = dir.analyze(&["destinations", "--top", "2", "d.parquet"]).text();
    assert!(text.contains("2 of 4 destinations shown; --top 0 shows all"), "{text}");
    assert!(!text.contains("broken"), "{text}");
    let text = dir.analyze(&["percentiles", "--by", "dst", "--top", "3", "d.parquet"]).text();
    assert!(text.contains("3 of 4 groups shown; --top 0 shows all"), "{text}");
}

#[test]
fn rows_of_several_files_are_put_together() {
    let dir = Dir::new();
    Capture::of(vec![Connect::at(0, 1)]).write(dir.path("a.parquet"));
    let mut other = Capture::of(vec![Connect::at(0, 2), Connect::at(S, 3)]);
    other.info.host = "web-2".into();
    other.info.boot_id = "other".into();
    other.write(dir.path("b.parquet"));
    let args = ["percentiles", "--by", "host", "--format", "json", "a.parquet", "b.parquet"];
    let answer = dir.analyze(&args).json();
    assert_eq!(column(&answer, "host"), ["web-2", "web-1"]);
    assert_eq!(column(&answer, "connects"), [2, 1]);
    assert_eq!(answer["capture"]["rows"], 3);
    assert_eq!(answer["capture"]["hosts"], json!(["web-1", "web-2"]));
    assert_eq!(answer["capture"]["files"].as_array().map(Vec::len), Some(2));
    assert_eq!(answer["capture"]["warnings"], json!([]));
}

#[test]
fn the_same_capture_twice_is_pointed_out() {
    let dir = Dir::new();
    Capture::of(vec![Connect::at(0, 1)]).write(dir.path("a.parquet"));
    std::fs::copy(dir.path("a.parquet"), dir.path("b.parquet")).expect("a copy");
    for files in [["a.parquet", "a.parquet"], ["a.parquet", "b.parquet"]] {
        let answer = dir.analyze(&[&["--format", "json"], &files[..]].concat()).json();
        assert_eq!(answer["capture"]["warnings"][0]["kind"], "copy");
        assert_eq!(answer["rows"][0]["connects"], 1);
    }
    // Another recording of the same time.
    let mut other = Capture::of(vec![Connect::at(0, 1), Connect::at(0, 2)]);
    other.info.start.monotonic_ns += 5;
    other.write(dir.path("c.parquet"));
    let answer = dir.analyze(&["--format", "json", "a.parquet", "c.parquet"]).json();
    assert_eq!(answer["capture"]["warnings"][0]["kind"], "overlap");
}

#[test]
fn outcomes_of_a_later_version_are_counted_and_shown() {
    let dir = Dir::new();
    let mut row = Connect::at(0, 1);
    row.outcome = "teleported".into();
    Capture::of(vec![row, Connect::at(0, 1)]).write(dir.path("new.parquet"));
    let answer = dir.analyze(&["--format", "json", "new.parquet"]).json();
    assert_eq!(answer["rows"][0]["connects"], 2);
    assert_eq!(answer["rows"][0]["failed"], 0);
    assert_eq!(answer["outcomes"][1]["outcome"], "teleported");
}

#[cfg(unix)]
#[test]
fn file_names_are_taken_as_they_are() {
    let dir = Dir::new();
    for name in ["*.parquet", "host=web-9.parquet", "[a].parquet", "s3:x.parquet", "%41.parquet"] {
        let mut capture = Capture::of(vec![Connect::at(0, 1)]);
        capture.rows[0].comm = name.chars().take(15).collect();
        capture.write(dir.path(name));
        let args = ["percentiles", "--by", "comm,host", "--format", "json", name];
        let answer = dir.analyze(&args).json();
        assert_eq!(column(&answer, "host"), ["web-1"], "{name}");
        assert_eq!(column(&answer, "comm"), [capture.rows[0].comm.as_str()]);
    }
}

#[test]
fn the_recording_ends_the_series() {
    let dir = Dir::new();
    Capture::of(vec![]).write(dir.path("none.parquet"));
    let answer = dir.analyze(&["timeseries", "--format", "json", "none.parquet"]).json();
    assert_eq!(answer["rows"], json!([]));
    assert_eq!(answer["capture"]["start"], "2026-01-01T00:00:00.000000Z");
    assert_eq!(START % S, 0);
}

#[cfg(target_os = "linux")]
#[test]
fn file_names_need_not_be_unicode() {
    use std::os::unix::ffi::OsStringExt;

    let dir = Dir::new();
    let name = std::ffi::OsString::from_vec(b"caf\xe9.parquet".to_vec());
    Capture::of(vec![Connect::at(0, 1)]).write(dir.path(".").join(&name));
    let output = super::program::command(&dir.path(".")).arg(&name).output();
    assert_eq!(output.expect("the program runs").status.code(), Some(0));
}
