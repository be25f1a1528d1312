//! `analyze merge`: what many captures say, one says, too.

use std::fs::{self, File};
use std::process::Command;

use arrow::array::{ArrayRef, AsArray};
use arrow::compute::{SortColumn, lexsort_to_indices, take};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use connlat_schema::Outcome;
use connlat_schema::capture::columns::{ROW_GROUP_SORT, START_NS, TIME};
use connlat_schema::capture::metadata::{Instant, StopReason};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Value, json};

use super::capture::{Capture, Connect, S, START};
use super::program::{Dir, command};

/// Segments of ten seconds, in the order of time: what began in one may have
/// ended in the next, where it is then.
fn segments(seed: u64, count: i64, rows: usize) -> Vec<Capture> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..count)
        .map(|number| {
            let (from, to) = (number * 10 * S, (number + 1) * 10 * S);
            let rows = (0..rows).map(|_| {
                let begun = random.i64((from - 5 * S).max(0)..to);
                let mut row = Connect::at(begun, random.i64(80_000..900_000_000));
                row.pid = random.i32(100..104);
                row.comm = ["curl", "postgres", "worker"][random.usize(..3)].into();
                row = row.to(["192.0.2.7", "198.51.100.20", "2001:db8::7"][random.usize(..3)], 443);
                match random.u8(..20) {
                    0 => row.failed(Outcome::Refused, Some(111)),
                    1 => row.failed(Outcome::TimedOut, Some(110)),
                    _ => row,
                }
            });
            let mut capture = Capture::of(rows.collect());
            let at = |us: i64| Instant { time_us: START + us, monotonic_ns: us * 1_000 };
            let info = &mut capture.info;
            (info.start, info.stop) = (at(from), at(to));
            (info.stop_reason, info.segment) = (StopReason::Rotated, Some(number as u64 + 1));
            for (sample, moment) in info.clock.iter_mut().zip([from, from + 5 * S, to]) {
                sample.monotonic_ns = moment * 1_000;
                sample.realtime_ns = (START + moment) * 1_000;
                sample.max_error_us = Some(1_000 + number);
            }
            info.counters.seen += 7 + number as u64;
            info.counters.filtered = 3;
            info.counters.lost.ring_full = 4 + number as u64;
            capture
        })
        .collect()
}

/// Writes them under names that are in another order.
fn write(dir: &Dir, name: &str, segments: &[Capture]) {
    fs::create_dir_all(dir.path(name)).expect("a directory");
    for (place, segment) in segments.iter().enumerate() {
        let other = (place * 7 + 3) % 11;
        segment.write(dir.path(&format!("{name}/{other:02}-{place:03}.parquet")));
    }
}

/// Whatever does not depend on how many files there are.
fn figures(answer: &mut Value) {
    for finding in answer["findings"].as_array_mut().into_iter().flatten() {
        finding["command"] = Value::Null;
    }
    let capture = answer["capture"].as_object_mut().expect("an account");
    for one_by_one in ["files", "warnings"] {
        capture.remove(one_by_one);
    }
}

const COMMANDS: [&[&str]; 14] = [
    &["summary"],
    &["percentiles", "--by", "comm,dst"],
    &["percentiles", "--from", "12s", "--to", "-7s"],
    &["destinations", "--sort", "p99"],
    &["outcomes", "--by", "comm"],
    &["processes"],
    &["cgroups"],
    &["timeseries", "--every", "1s"],
    &["histogram"],
    &["heatmap"],
    &["slowest", "--top", "50"],
    &["events", "--failed", "--top", "1000"],
    &["diff", "--split", "+25s", "--by", "dst"],
    &["check", "--fail-if", "p99 > 10s"],
];

fn assert_alike(dir: &Dir, many: &str, one: &str) {
    for question in COMMANDS {
        let question: Vec<&str> =
            question.iter().map(|word| if *word == "12s" { "00:00:12" } else { word }).collect();
        let ask = |files: &str| {
            let mut answer =
                dir.analyze(&[&question[..], &["--format", "json", files]].concat()).json();
            figures(&mut answer);
            answer
        };
        assert_eq!(ask(many), ask(one), "{question:?}");
    }
}

fn warnings(dir: &Dir, file: &str) -> Vec<String> {
    let answer = dir.analyze(&["percentiles", "--format", "json", file]).json();
    let all = answer["capture"]["warnings"].as_array().expect("warnings").iter();
    all.map(|warning| warning["kind"].as_str().expect("a kind").to_owned()).collect()
}

#[test]
fn one_capture_answers_as_many_did() {
    let dir = Dir::new();
    for (name, count, rows) in [("few", 3, 40), ("many", 40, 25), ("large", 6, 3_000)] {
        write(&dir, name, &segments(count as u64, count, rows));
        let one = format!("{name}.parquet");
        let said = dir.analyze(&["merge", "-o", &one, name]).text();
        assert!(said.starts_with(&format!("{one}: {count} captures of web-1, ")), "{said}");
        assert_alike(&dir, name, &one);
        assert_eq!(warnings(&dir, &one), ["lost"]);
    }
}

#[test]
fn row_groups_follow_each_other_and_are_sorted_inside() {
    let dir = Dir::new();
    write(&dir, "all", &segments(1, 5, 45_000));
    dir.analyze(&["merge", "-o", "one.parquet", "all"]).text();
    let open = || {
        let file = File::open(dir.path("one.parquet")).expect("the capture");
        ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file")
    };
    let groups = open().metadata().num_row_groups();
    assert_eq!(groups, 3, "225,000 rows");
    let (mut until, mut until_us) = (i64::MIN, i64::MIN);
    for group in 0..groups {
        let reader = open().with_row_groups(vec![group]).with_batch_size(200_000);
        let rows = reader.build().expect("a reader").next().expect("rows").expect("whole");
        let sorted: Vec<SortColumn> = ROW_GROUP_SORT
            .iter()
            .map(|name| SortColumn { values: ArrayRef::clone(&rows[*name]), options: None })
            .collect();
        let order = lexsort_to_indices(&sorted, None).expect("an order");
        for column in &sorted {
            let again = take(&column.values, &order, None).expect("the same rows");
            assert_eq!(&again, &column.values, "group {group}");
        }
        let starts = rows[START_NS].as_primitive::<Int64Type>().values();
        let times = rows[TIME].as_primitive::<TimestampMicrosecondType>().values();
        let first = starts.iter().min().expect("rows");
        assert!(*first >= until && *times.iter().min().expect("rows") >= until_us);
        until = *starts.iter().max().expect("rows");
        until_us = *times.iter().max().expect("rows");
    }
}

#[test]
fn a_time_that_nobody_recorded_is_said() {
    let dir = Dir::new();
    let mut all = segments(2, 8, 30);
    all.remove(5);
    all.drain(2..4);
    write(&dir, "all", &all);
    let merged = dir.analyze(&["merge", "-o", "one.parquet", "all"]);
    let gaps = "2 gaps, 30.0 s in all, the longest from 2026-01-01 00:00:20.000 to \
                2026-01-01 00:00:40.000";
    assert!(merged.stderr.contains(gaps), "{}", merged.stderr);
    assert_eq!(merged.code, Some(0));
    assert_alike(&dir, "all", "one.parquet");
    assert_eq!(warnings(&dir, "one.parquet"), ["lost", "gaps"]);
    let text = dir.analyze(&["one.parquet"]).text();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains(gaps) && text.contains("nobody recorded"), "{text}");
    // A capture that was merged is merged as any other.
    let mut later = segments(3, 9, 30).split_off(8);
    later[0].info.command_line.push("--max-events=5".into());
    write(&dir, "later", &later);
    dir.analyze(&["merge", "-o", "two.parquet", "later", "one.parquet"]).text();
    let info = dir.analyze(&["summary", "--format", "json", "two.parquet"]).json();
    let merged = &info["capture"]["files"][0]["merged"];
    assert_eq!(merged["captures"], 6);
    assert_eq!((&merged["gap_count"], &merged["gap_ns"]), (&json!(2), &json!(30_000_000_000_i64)));
    assert_eq!(merged["command_lines"][0][2], "--max-events=5");
}

#[test]
fn journals_copies_and_damage_are_as_for_every_command() {
    let dir = Dir::new();
    let all = segments(4, 4, 50);
    write(&dir, "all", &all[..2]);
    fs::write(dir.path("all/killed.parquet.journal"), all[3].journal(20)).expect("a journal");
    let copy = fs::read_dir(dir.path("all")).expect("it").next().expect("one").expect("a name");
    fs::create_dir(dir.path("all/copies")).expect("a directory");
    if copy.file_name() != "killed.parquet.journal" {
        fs::copy(copy.path(), dir.path("all/copies/c.parquet")).expect("a copy");
    }
    dir.analyze(&["merge", "-o", "one.parquet", "all"]).text();
    assert_alike(&dir, "all", "one.parquet");
    let kinds = warnings(&dir, "one.parquet");
    assert!(kinds.contains(&"not_clean".to_owned()) && kinds.contains(&"gaps".into()), "{kinds:?}");
    let text = dir.analyze(&["percentiles", "one.parquet"]).text();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("not finished by the recorder (1 of the 3 captures in it)"), "{text}");

    fs::write(dir.path("all/cut.parquet"), b"PAR1 cut off").expect("a file");
    let lenient = dir.analyze(&["merge", "-o", "two.parquet", "all"]);
    assert!(lenient.stderr.contains("left out: all/cut.parquet"), "{}", lenient.stderr);
    assert_eq!(lenient.code, Some(0));
    let strict = dir.analyze(&["merge", "--strict", "-o", "three.parquet", "all"]);
    assert_eq!((strict.code, dir.path("three.parquet").exists()), (Some(1), false));
    // Whatever was read is there still.
    assert_eq!(fs::read_dir(dir.path("all")).expect("it").count(), 5);
}

/// Damage inside of a row group is found when it is read: nothing is left then.
#[test]
fn damage_inside_ends_it_and_leaves_nothing() {
    let dir = Dir::new();
    write(&dir, "all", &segments(5, 3, 500));
    let file = dir.path("all/03-000.parquet");
    let mut bytes = fs::read(&file).expect("a capture");
    bytes[200..1_000].fill(0xa5);
    fs::write(&file, bytes).expect("it");
    let run = dir.analyze(&["merge", "-o", "one.parquet", "all"]);
    assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""));
    assert!(run.stderr.starts_with("analyze: all/03-000.parquet: is damaged"), "{}", run.stderr);
    let left: Vec<_> = fs::read_dir(dir.path(".")).expect("it").flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let dir = Dir::new();
    type Change = fn(&mut Capture);
    let changes: [(&str, Change, &str); 8] = [
        ("boot", |c| c.info.boot_id = "another".into(), "--boot another (1 capture of web-1)"),
        ("name", |c| c.info.host = "web-2".into(), "the same host"),
        ("machine", |c| c.info.machine_id_hash = Some("m".into()), "the same machine"),
        ("kernel", |c| c.info.kernel_release = "7.2".into(), "the same kernel"),
        (
            "filter",
            |c| drop(c.info.filters.insert("min_latency_ns".into(), vec!["5".into()])),
            "the same filter: min_latency_ns=5 (1, such as filter/",
        ),
        (
            "option",
            |c| c.info.command_line.insert(1, "--trace-local-errors".into()),
            "the same option: --trace-local-errors",
        ),
        ("overlap", |c| c.info.start.monotonic_ns -= 1, "were recorded at the same time"),
        ("unknown", |c| c.info.boot_id.clear(), "does not say of which boot it is"),
    ];
    for (name, change, reason) in changes {
        let mut all = segments(6, 3, 10);
        change(&mut all[1]);
        write(&dir, name, &all);
        let run = dir.analyze(&["merge", "-o", "one.parquet", name]);
        assert_eq!((run.code, run.stdout.as_str()), (Some(1), ""), "{name}");
        assert!(run.stderr.contains(reason), "{name}: {}", run.stderr);
        assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
        assert!(!dir.path("one.parquet").exists());
    }
    // As it is told to.
    dir.analyze(&["merge", "--boot", "another", "-o", "another.parquet", "boot"]).text();
    let info = dir.analyze(&["percentiles", "--format", "json", "another.parquet"]).json();
    assert_eq!(info["capture"]["rows"], 10);
    let nobody = dir.analyze(&["merge", "--boot", "x", "-o", "x.parquet", "boot"]);
    assert_eq!(
        nobody.stderr,
        "analyze: no capture is of boot x; `analyze info` gives the boot ids\n"
    );
}

#[test]
fn what_is_there_is_not_replaced() {
    let dir = Dir::new();
    write(&dir, "all", &segments(7, 2, 10));
    for name in ["file", "link"] {
        fs::write(dir.path("file"), "mine").expect("a file");
        #[cfg(unix)]
        let _ = std::os::unix::fs::symlink("nowhere", dir.path("link"));
        let run = dir.analyze(&["merge", "-o", name, "all"]);
        let expected = format!("analyze: {name} is there and is not replaced; name another file\n");
        assert_eq!((run.code, run.stderr), (Some(1), expected));
    }
    assert_eq!(fs::read(dir.path("file")).expect("it"), b"mine");
    let nowhere = dir.analyze(&["merge", "-o", "missing/one.parquet", "all"]);
    assert!(nowhere.stderr.contains("missing/one.parquet cannot be written"), "{}", nowhere.stderr);
    assert_eq!(nowhere.code, Some(1));
}

/// More files and journals than may be open.
#[test]
#[cfg(unix)]
fn few_descriptors_are_enough() {
    let dir = Dir::new();
    let mut all = segments(8, 500, 4);
    write(&dir, "all", &all[..400]);
    for (place, segment) in all[400..].iter_mut().enumerate() {
        // All ended before the next one began.
        segment.rows.iter_mut().for_each(|row| row.latency_ns = 1_000);
        fs::write(dir.path(&format!("all/j{place:03}.parquet.journal")), segment.journal(9))
            .expect("a journal");
    }
    let program = command(&dir.path(".")).get_program().to_owned();
    let limited = |arguments: &str| {
        let line = format!("ulimit -n 256; exec {} {arguments}", program.to_string_lossy());
        let mut shell = Command::new("sh");
        let run = shell.current_dir(dir.path(".")).args(["-c", &line]).output().expect("a shell");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        String::from_utf8(run.stdout).expect("UTF-8")
    };
    let rows =
        |json: &str| serde_json::from_str::<Value>(json).expect("JSON")["capture"]["rows"].clone();
    assert_eq!(rows(&limited("percentiles --format json all")), 2_000);
    limited("merge -o one.parquet all");
    assert_eq!(rows(&limited("percentiles --format json one.parquet")), 2_000);
}
