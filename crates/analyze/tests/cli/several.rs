//! Several captures, check, diff, and what is generated.

use std::fs;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Field, Schema, TimeUnit, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use connlat_schema::Outcome;
use connlat_schema::capture::{columns, footer};
use serde_json::Value;

use super::capture::{Capture, Connect, S, START, write_parquet};
use super::program::{Dir, command};

fn rows(seed: u64, count: usize, latency: std::ops::Range<i64>) -> Vec<Connect> {
    let mut random = fastrand::Rng::with_seed(seed);
    let row = |_| Connect::at(random.i64(0..60 * S), random.i64(latency.clone()));
    (0..count).map(row).collect()
}

#[test]
fn directories_and_patterns_stand_for_their_captures() {
    let dir = Dir::new();
    for (day, host) in [("1", "web-1"), ("1", "web-2"), ("2", "web-1")] {
        let place = dir.path(&format!("all/host={host}/date=2026-01-0{day}"));
        fs::create_dir_all(&place).expect("a directory");
        let mut capture = Capture::of(rows(1, 10, 1_000..2_000));
        capture.info.host = host.into();
        capture.info.boot_id = host.into();
        let later = (day == "2") as i64 * 86_400;
        capture.info.start.time_us += later * S;
        capture.info.start.monotonic_ns += later * 1_000_000_000;
        capture.info.stop.time_us += later * S;
        capture.info.stop.monotonic_ns += later * 1_000_000_000;
        capture.write(place.join("segment-1.parquet"));
    }
    // Passed over: unfinished copies, and a journal beside its capture.
    let place = dir.path("all/host=web-1/date=2026-01-01");
    fs::write(place.join("segment-2.parquet.tmp"), "x").expect("a file");
    fs::write(place.join("segment-1.parquet.journal"), "x").expect("a file");
    fs::write(place.join("segment-3.parquet.journal"), Capture::of(vec![]).journal(1))
        .expect("a file");
    for (name, files) in [("all", 4), ("all/host=web-1", 3), ("all/*/*/*.parquet", 3)] {
        let args = ["percentiles", "--by", "host", "--format", "json", name];
        let answer = dir.analyze(&args).json();
        let found = answer["capture"]["files"].as_array().map(Vec::len);
        assert_eq!(found, Some(files), "{name}");
    }
    // Named twice by way of a search: taken once.
    let answer = dir.analyze(&["percentiles", "--format", "json", "all", "all/host=web-1"]).json();
    assert_eq!(answer["capture"]["rows"], 30);
    let text = dir.analyze(&["all"]).text().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("times of two hosts compare to within 2.50 ms"), "{text}");
}

#[test]
fn conditions_become_exit_codes() {
    let dir = Dir::new();
    let mut all = rows(2, 300, 1_000_000..2_000_000);
    all.extend(rows(3, 3, 1..2).into_iter().map(|row| row.failed(Outcome::Refused, Some(111))));
    Capture::of(all).write(dir.path("c.parquet"));
    let code = |conditions: &[&str], more: &[&str]| {
        let mut args = vec!["check"];
        for condition in conditions {
            args.extend(["--fail-if", *condition]);
        }
        args.extend(more);
        args.push("c.parquet");
        dir.analyze(&args).code
    };
    assert_eq!(code(&["p99 > 50ms"], &[]), Some(0));
    assert_eq!(code(&["p99 > 1ms"], &[]), Some(3));
    assert_eq!(code(&["p99 > 50ms", "failure_rate > 0.5%"], &[]), Some(3));
    assert_eq!(code(&["failure_rate > 1%", "connects < 303", "lost > 0"], &[]), Some(0));
    // 300 latencies carry no p999.
    assert_eq!(code(&["p999 > 50ms"], &[]), Some(1));
    assert_eq!(code(&["p999 > 50ms"], &["--too-small", "pass"]), Some(0));
    assert_eq!(code(&["p999 > 50ms", "p50 > 1us"], &[]), Some(3));
    assert_eq!(code(&["failure_rate > 0%"], &["--where", "comm = 'nobody'"]), Some(1));
}

fn verdicts(answer: &Value) -> Vec<String> {
    let rows = answer["rows"].as_array().expect("rows");
    rows.iter().map(|row| format!("{}: {}", row["dst_addr"], row["verdict"])).collect()
}

#[test]
fn what_moved_comes_first_and_noise_is_called_noise() {
    let dir = Dir::new();
    let to = |rows: Vec<Connect>, addr: &str| -> Vec<Connect> {
        rows.into_iter().map(|row| row.to(addr, 443)).collect()
    };
    let usual = 1_000_000..3_000_000;
    let mut before = to(rows(1, 900, usual.clone()), "same");
    before.extend(to(rows(2, 900, usual.clone()), "slower"));
    before.extend(to(rows(3, 900, usual.clone()), "failing"));
    before.extend(to(rows(4, 100, usual.clone()), "gone"));
    before.extend(to(rows(5, 3, usual.clone()), "rare"));
    let mut after = to(rows(6, 900, usual.clone()), "same");
    after.extend(to(rows(7, 900, 20_000_000..60_000_000), "slower"));
    let failing = to(rows(8, 900, usual.clone()), "failing").into_iter().enumerate();
    after.extend(failing.map(|(n, row)| match n % 4 {
        0 => row.failed(Outcome::TimedOut, Some(110)),
        _ => row,
    }));
    after.extend(to(rows(9, 100, usual), "new"));
    Capture::of(before).write(dir.path("before.parquet"));
    Capture::of(after).write(dir.path("after.parquet"));
    let args = ["diff", "--by", "dst_addr", "--format", "json", "before.parquet", "after.parquet"];
    let answer = dir.analyze(&args).json();
    let found = verdicts(&answer);
    // Too few latencies for an interval of the p99; the p50 says it.
    let mut first = found[..2].to_vec();
    first.sort();
    assert_eq!(first, ["\"failing\": \"failures up\"", "\"slower\": \"p50 up\""]);
    assert!(found.contains(&"\"same\": \"noise\"".to_owned()), "{found:?}");
    assert!(found.contains(&"\"gone\": \"vanished\"".to_owned()), "{found:?}");
    assert!(found.contains(&"\"new\": \"appeared\"".to_owned()), "{found:?}");
    assert!(found.contains(&"\"rare\": \"too few\"".to_owned()), "{found:?}");
    // What the groups contribute adds up to the whole.
    let rows = answer["rows"].as_array().expect("rows");
    let sum: i64 = rows.iter().filter_map(|row| row["contribution_ns"].as_i64()).sum();
    let whole = answer["whole"][0]["contribution_ns"].as_i64().expect("a number");
    assert!((sum - whole).abs() <= rows.len() as i64, "{sum} {whole}");
}

#[test]
fn spans_of_one_capture_are_compared() {
    let dir = Dir::new();
    let mut all = rows(1, 6_000, 1_000_000..3_000_000);
    for row in all.iter_mut().filter(|row| row.time >= START + 30 * S) {
        row.latency_ns *= 20;
    }
    Capture::of(all).write(dir.path("c.parquet"));
    let splits: [&[&str]; 3] = [
        &["--split", "00:00:30"],
        &["--split", "-30s"],
        &["--before-range", "00:00:00..00:00:20", "--after-range", "00:00:40..00:01:00"],
    ];
    for split in splits {
        let args =
            [&["diff", "--by", "dst_addr", "--format", "json"], split, &["c.parquet"]].concat();
        assert_eq!(verdicts(&dir.analyze(&args).json()), ["\"192.0.2.7\": \"p99 up, p50 up\""]);
    }
}

/// Connects a second are those of the time that was recorded, not of a range
/// that goes beyond it, and a side that was not recorded at all is no side.
#[test]
fn rates_are_those_of_the_time_recorded() {
    let dir = Dir::new();
    Capture::of(rows(1, 6_000, 1_000..3_000)).write(dir.path("c.parquet"));
    let diff = |more: &[&str]| {
        let common = ["diff", "--by", "dst_addr", "--format", "json", "c.parquet"];
        dir.analyze(&[&common, more].concat())
    };
    for more in [
        &["--before-range", "+0s..+30s", "--after-range", "+30s..+300s"][..],
        &["--split", "+40s", "--from", "+20s", "--to", "+59s"],
    ] {
        let answer = diff(more).json();
        assert_eq!(verdicts(&answer), ["\"192.0.2.7\": \"noise\""], "{more:?}");
        for side in ["rate_before", "rate_after"] {
            let rate = answer["rows"][0][side].as_f64().expect("a number");
            assert!((90.0..110.0).contains(&rate), "{more:?}: {side} {rate}");
        }
    }
    for more in [
        &["--split", "2026-01-01T05:00"][..],
        &["--split", "+0s"],
        &["--before-range", "+0s..+1s", "--after-range", "+60s..+61s"],
        &["--split", "+30s", "--from", "+40s"],
    ] {
        let run = diff(more);
        assert_eq!(run.code, Some(2), "{more:?}: {}", run.stderr);
        let line = "analyze: nothing was recorded ";
        assert!(run.stderr.starts_with(line), "{}", run.stderr);
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    }
}

#[test]
fn many_captures_with_the_same_flaw_are_one_warning() {
    let dir = Dir::new();
    fs::create_dir(dir.path("all")).expect("a directory");
    for segment in 0..6 {
        let mut capture = Capture::of(vec![Connect::at(segment, 1)]);
        let later = segment * 3_600;
        capture.info.start.monotonic_ns += later * 1_000_000_000;
        capture.info.stop.monotonic_ns += later * 1_000_000_000;
        capture.info.clock[0].adjtimex_state = Some(5);
        capture.info.clean = false;
        let filters = &mut capture.info.filters;
        filters.insert("pid".into(), vec![(segment % 2).to_string()]);
        filters.insert("uid".into(), vec!["7".into()]);
        capture.write(dir.path(&format!("all/{segment}.parquet")));
    }
    let run = dir.analyze(&["percentiles", "--format", "csv", "all"]);
    let warnings: Vec<&str> = run.stderr.lines().collect();
    assert_eq!(warnings.len(), 6, "{warnings:#?}");
    assert!(warnings[2].contains("all/2.parquet was not finished"), "{}", warnings[2]);
    assert!(warnings[3].ends_with("3 more like that; --format json has all"), "{}", warnings[3]);
    assert!(warnings[4].contains("(pid=0 uid=7; pid=1 uid=7)"), "{}", warnings[4]);
    let clocks = "during all/0.parquet, all/1.parquet and 4 others; ";
    assert!(warnings[5].contains(clocks), "{}", warnings[5]);
    let answer = dir.analyze(&["percentiles", "--format", "json", "all"]).json();
    assert_eq!(answer["capture"]["warnings"].as_array().map(Vec::len), Some(8));
}

/// Another writer may embed another zone; moments stay what they are.
#[test]
fn times_of_another_zone_are_selected_alike() {
    let dir = Dir::new();
    let capture = Capture::of(rows(3, 600, 200_000..900_000));
    capture.write(dir.path("utc.parquet"));
    let batch = capture.batch();
    let place = batch.schema().index_of(columns::TIME).expect("the column");
    let zone = "Europe/Berlin";
    let times = batch.column(place).as_primitive::<TimestampMicrosecondType>().clone();
    let mut arrays = batch.columns().to_vec();
    arrays[place] = Arc::new(times.with_timezone(zone));
    let mut fields: Vec<Field> =
        batch.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
    let berlin = DataType::Timestamp(TimeUnit::Microsecond, Some(zone.into()));
    fields[place] = fields[place].clone().with_data_type(berlin);
    let moved = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).expect("a batch");
    let pairs = footer::pairs(&capture.info).expect("a small document");
    write_parquet(&dir.path("berlin.parquet"), &moved, &pairs, 100);
    let ask = |file: &str| {
        let args = ["timeseries", "--from", "+10s", "--to", "+30s", "--every", "5s"];
        let answer = dir.analyze(&[&args[..], &["--format", "json", file]].concat()).json();
        answer["rows"].clone()
    };
    let expected = ask("utc.parquet");
    assert_ne!(expected[0]["connects"], 0, "{expected}");
    assert_eq!(ask("berlin.parquet"), expected);
}

#[test]
fn a_selection_is_said_and_applied() {
    let dir = Dir::new();
    Capture::of((0..60).map(|n| Connect::at(n * S, n + 1)).collect()).write(dir.path("c.parquet"));
    let count = |more: &[&str]| {
        let answer = dir
            .analyze(&[&["percentiles", "--format", "json"], more, &["c.parquet"]].concat())
            .json();
        assert_eq!(answer["selected"]["rows"], answer["rows"][0]["connects"]);
        answer["rows"][0]["connects"].as_i64().expect("a number")
    };
    assert_eq!(count(&["--from", "00:00:50"]), 10);
    assert_eq!(count(&["--from", "-10s", "--to", "-5s"]), 5);
    assert_eq!(count(&["--where", "latency_ns > 30 AND comm LIKE 'cu%'"]), 30);
    assert_eq!(count(&["--where", "dst_port IN (443, 80)", "--to", "2026-01-01T00:00:07Z"]), 7);
    assert_eq!(count(&["--failed"]), 0);
    assert_eq!(count(&["--established"]), 60);
}

#[test]
fn an_answer_can_be_a_parquet_file() {
    let dir = Dir::new();
    Capture::of(rows(1, 200, 1..9)).write(dir.path("c.parquet"));
    let output = command(&dir.path("."))
        .args(["timeseries", "--every", "10s", "--format", "parquet", "c.parquet"])
        .output()
        .expect("the program runs");
    assert!(output.status.success());
    fs::write(dir.path("answer.parquet"), output.stdout).expect("a file");
    let file = fs::File::open(dir.path("answer.parquet")).expect("the file");
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(|builder| builder.build())
        .expect("Parquet");
    let batches: Vec<_> = reader.collect::<Result<_, _>>().expect("rows");
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 6);
    assert!(batches[0].column_by_name("p50_ns").is_some());
}

#[test]
fn completions_and_manual_pages_are_generated() {
    let dir = Dir::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(dir.analyze(&["completions", shell]).text().contains("percentiles"), "{shell}");
    }
    dir.analyze(&["man", "pages"]).text();
    let page = fs::read_to_string(dir.path("pages/analyze-diff.1")).expect("a page");
    assert!(page.contains("before"), "{page}");
}
