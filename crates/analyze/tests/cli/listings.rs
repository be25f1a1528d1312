//! Listings of single connects that do not fit into memory: the same answer as
//! at once, in every format.

use std::fs;
use std::os::unix::fs::FileExt;

use arrow::record_batch::{RecordBatch, RecordBatchReader};
use connlat_analyze::{Answer, Budget, answer_within};
use connlat_schema::Outcome;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::capture::{Capture, Connect};
use super::program::Dir;

/// Two files with times, latencies and texts that repeat across row groups.
fn written(dir: &Dir) -> [String; 2] {
    let mut random = fastrand::Rng::with_seed(51);
    [250, 380].map(|rows| {
        let row = |_| {
            let latency = random.i64(-2..40) * 1_000;
            let mut row = Connect::at(random.i64(0..300) * 1_000_000, latency);
            row.comm = "name ".repeat(random.usize(0..9));
            row.cgroup = format!("/{}", random.u64(..) >> random.u32(..64));
            row.rtt_us = random.bool().then(|| random.i32(..));
            match random.u8(..4) {
                0 => row.failed(Outcome::Refused, Some(111)),
                _ => row.to(&format!("2001:db8::{:x}", random.u16(..)), 443),
            }
        };
        let mut capture = Capture::of((0..rows).map(row).collect());
        capture.row_group = 70;
        let path = capture.write(dir.path(&format!("{rows}.parquet")));
        path.to_str().expect("a name").to_owned()
    })
}

fn ask(budget: Budget, question: &str, format: &str, files: &[String]) -> Answer {
    let files = files.iter().map(String::as_str);
    let answer =
        answer_within(budget, question.split(' ').chain(["--format", format]).chain(files));
    assert_eq!(answer.exit, 0, "{question}: {}", answer.stderr);
    answer
}

const QUESTIONS: [&str; 7] = [
    "events --top 0",
    "events --top 277",
    "events --top 5000 --where rtt_us>5",
    "events --failed --top 0",
    "slowest --top 0",
    "slowest --top 234",
    "slowest --failed --top 0",
];

#[test]
fn pages_change_no_answer() {
    let dir = Dir::new();
    let files = written(&dir);
    let whole = Budget::default();
    for question in QUESTIONS {
        // Pages of some rows, and of few because there is no room for their texts.
        let [few, fewer, short] = [
            Budget { rows: 97, ..whole },
            Budget { rows: 31, ..whole },
            Budget { texts: 1 << 14, rows: 150, ..whole },
        ];
        for (format, budgets) in [
            ("csv", &[few, fewer, short][..]),
            ("table", &[few]),
            ("json", &[few]),
            ("markdown", &[few]),
        ] {
            let expected = ask(whole, question, format, &files);
            for budget in budgets {
                let found = ask(*budget, question, format, &files);
                assert_eq!(found.stderr, expected.stderr, "{question} {format}");
                assert!(found.stdout == expected.stdout, "{question} {format}: {budget:?}");
            }
        }
    }
}

fn rows_of(bytes: Vec<u8>) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes));
    let reader = reader.expect("Parquet").build().expect("a reader");
    let schema = reader.schema();
    let batches: Vec<RecordBatch> = reader.collect::<Result<_, _>>().expect("rows");
    arrow::compute::concat_batches(&schema, &batches).expect("alike")
}

#[test]
fn pages_change_no_parquet_file() {
    let dir = Dir::new();
    let files = written(&dir);
    for question in QUESTIONS {
        let expected = ask(Budget::default(), question, "parquet", &files);
        let found = ask(Budget { rows: 97, ..Budget::default() }, question, "parquet", &files);
        let [expected, found] = [expected, found].map(|answer| rows_of(answer.stdout));
        assert!(expected.num_rows() > 100, "{question}: {}", expected.num_rows());
        assert!(expected == found, "{question}");
    }
}

/// What is damaged is found before the first row is shown, though the order
/// does not depend on it.
#[test]
fn damage_is_found_first() {
    let dir = Dir::new();
    let [file, _] = written(&dir);
    let bytes = fs::read(&file).expect("a file");
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(bytes));
    let footer = reader.expect("Parquet").metadata().clone();
    let last = footer.row_groups().last().expect("a row group");
    let chunk = last.columns().iter().find(|chunk| chunk.column_path().string() == "cgroup");
    let (start, length) = chunk.expect("a column").byte_range();
    let writer = fs::File::options().write(true).open(&file).expect("a file");
    writer.write_all_at(&vec![0xff; length as usize], start).expect("written");
    for format in ["table", "json", "csv", "markdown", "parquet"] {
        let budget = Budget { rows: 50, ..Budget::default() };
        let args = ["events", "--top", "0", "--format", format, &file];
        let answer = answer_within(budget, args);
        assert_eq!(answer.exit, 1);
        assert!(answer.stdout.is_empty(), "{} bytes", answer.stdout.len());
        assert_eq!(answer.stderr.lines().count(), 1, "{}", answer.stderr);
    }
}

/// A latency that no connect has is warned of, however the rows are read.
#[test]
fn absurd_latencies_are_said() {
    let dir = Dir::new();
    let files = written(&dir);
    for format in ["table", "csv"] {
        let budget = Budget { rows: 50, ..Budget::default() };
        let answer = ask(budget, "events --top 0", format, &files);
        let said = if format == "csv" { answer.stderr.as_bytes() } else { &answer.stdout };
        let said = String::from_utf8_lossy(said).replace('\n', " ");
        assert!(said.contains("below zero"), "{said:.900}");
    }
}

#[test]
fn names_that_do_not_fit_are_a_clear_no() {
    let dir = Dir::new();
    let files = written(&dir);
    let budget = Budget { texts: 2_000, ..Budget::default() };
    let args = ["percentiles", "--by", "cgroup"];
    let answer = answer_within(budget, args.into_iter().chain(files.iter().map(String::as_str)));
    assert_eq!(answer.exit, 1);
    assert!(answer.stdout.is_empty());
    assert!(answer.stderr.contains("ask about fewer rows"), "{}", answer.stderr);
    assert_eq!(answer.stderr.lines().count(), 1);
}

#[test]
fn groups_that_do_not_fit_are_a_clear_no() {
    let dir = Dir::new();
    let files = written(&dir);
    let files = || files.iter().map(String::as_str);
    let few = Budget { listed: 50, ..Budget::default() };
    let args = ["destinations", "--top", "0"];
    let answer = answer_within(few, args.into_iter().chain(files()));
    assert_eq!((answer.exit, answer.stdout.len()), (1, 0));
    assert!(answer.stderr.contains("more than 50 groups"), "{}", answer.stderr);
    assert_eq!(answer.stderr.lines().count(), 1);
    // The first of them fit, and so do all where there are few.
    for args in [
        ["destinations", "--sort=failures", "--top=30"],
        ["percentiles", "--by=outcome", "--top=0"],
    ] {
        let answer = answer_within(few, args.into_iter().chain(files()));
        assert_eq!(answer.exit, 0, "{}", answer.stderr);
    }
}
