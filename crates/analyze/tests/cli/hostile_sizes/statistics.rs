//! Statistics of row groups that lie: a question gets the answer of the rows, or none.

use std::fs;

use connlat_schema::Outcome;
use connlat_schema::capture::columns::{
    COMM, DST_ADDR, ERRNO, LATENCY_NS, NETNS, OUTCOME, START_NS, TIME,
};
use parquet::data_type::ByteArray;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use parquet::file::statistics::{Statistics, ValueStatistics};

use super::super::capture::{Capture, Connect, START};
use super::super::program::Dir;
use super::with_footer;

/// Four row groups that follow each other, of one program each.
fn good(dir: &Dir) -> Vec<u8> {
    let rows = (0..2_000_i64).map(|n| {
        let mut row = Connect::at(n * 10_000, 50_000 + n * n % 977);
        row.comm = format!("worker-{}", n / 500);
        match n % 9 {
            0 => row.failed(Outcome::Refused, Some(111)),
            _ => row,
        }
    });
    let mut capture = Capture::of(rows.collect());
    capture.row_group = 500;
    fs::read(capture.write(dir.path("good.parquet"))).expect("a file")
}

/// The footer with other statistics of a column of its second row group.
fn lie(footer: ParquetMetaData, column: &str, statistics: &Statistics) -> ParquetMetaData {
    let mut footer = footer.into_builder();
    let groups = footer.take_row_groups().into_iter().enumerate().map(|(at, group)| {
        let mut group = group.into_builder();
        let columns = group.take_columns().into_iter().map(|chunk| {
            match at == 1 && chunk.column_path().string() == column {
                true => chunk.into_builder().set_statistics(statistics.clone()).build(),
                false => Ok(chunk),
            }
        });
        let columns: Result<Vec<_>, _> = columns.collect();
        group.set_column_metadata(columns.expect("columns")).build().expect("a row group")
    });
    let groups: Vec<RowGroupMetaData> = groups.collect();
    footer.set_row_groups(groups).build()
}

fn int64(min: i64, max: i64) -> Statistics {
    Statistics::Int64(ValueStatistics::new(Some(min), Some(max), None, Some(0), false))
}

fn int32(min: i32, max: i32, nulls: u64) -> Statistics {
    Statistics::Int32(ValueStatistics::new(Some(min), Some(max), None, Some(nulls), false))
}

fn text(min: &str, max: &str) -> Statistics {
    let [min, max] = [min, max].map(|text| Some(ByteArray::from(text)));
    let values = ValueStatistics::new(min, max, None, Some(0), false);
    Statistics::ByteArray(values.with_min_is_exact(true).with_max_is_exact(true))
}

#[test]
fn statistics_that_lie_change_no_answer() {
    let dir = Dir::new();
    let good = good(&dir);
    let second = START + 5_000_000;
    let lies = [
        ("swapped", TIME, int64(second + 4_990_000, second)),
        ("earlier", TIME, int64(0, 1)),
        ("later", TIME, int64(second + 3_600_000_000, second + 3_700_000_000)),
        ("shorter", TIME, int64(second + 2_000_000, second + 3_000_000)),
        ("a moment", TIME, int64(second, second)),
        ("extreme", TIME, int64(i64::MIN, i64::MIN)),
        ("start", START_NS, int64(5, 6)),
        ("latency", LATENCY_NS, int64(0, 1_000)),
        ("netns", NETNS, int64(1, 1)),
        ("no nulls", ERRNO, int32(111, 111, 0)),
        ("all null", ERRNO, int32(111, 111, 500)),
        ("more nulls", ERRNO, int32(111, 111, 501)),
        ("errno", ERRNO, int32(1, 2, 444)),
        ("outcome", OUTCOME, text("established", "established")),
        ("failed", OUTCOME, text("refused", "refused")),
        ("comm", COMM, text("a", "b")),
        ("one comm", COMM, text("worker-3", "worker-3")),
        ("dst", DST_ADDR, text("203.0.113.1", "203.0.113.9")),
        ("turned", DST_ADDR, text("z", "a")),
    ];
    let questions: [&[&str]; 12] = [
        &["events", "--top", "0", "--from", "+4s", "--to", "+11s"],
        &["events", "--top", "0", "--where", "latency > 50us and latency < 51us"],
        &["percentiles", "--where", "comm = 'worker-1'", "--by", "comm"],
        &["outcomes", "--failed"],
        &["outcomes", "--established"],
        &["destinations", "--where", "errno is null"],
        &["destinations", "--where", "errno is not null"],
        &["outcomes", "--where", "dst_addr = '192.0.2.7'"],
        &["timeseries", "--every", "1s"],
        &["heatmap"],
        &["summary"],
        &["slowest"],
    ];
    let ask = |question: &[&str], name: &str| {
        dir.analyze(&[question, &["--format", "csv", name]].concat())
    };
    for (name, column, statistics) in lies {
        let file = with_footer(&good, |footer| lie(footer, column, &statistics));
        fs::write(dir.path("lying.parquet"), file).expect("written");
        let mut refused = 0;
        for question in questions {
            let right = ask(question, "good.parquet").text();
            let run = ask(question, "lying.parquet");
            if run.code == Some(0) {
                assert_eq!(run.stdout, right, "{name}: {question:?}");
            } else {
                let said = run.failure();
                assert!(said.contains(&format!("statistics of column `{column}`")), "{said}");
                refused += 1;
            }
        }
        // Of namespaces no question here asks.
        assert!(refused > 0 || column == NETNS || column == START_NS, "{name}: never refused");
    }
}

/// Of many rows row groups are passed over, and what is read is compared.
#[test]
fn what_is_read_is_compared_with_its_statistics() {
    let dir = Dir::new();
    let good = good(&dir);
    let file = with_footer(&good, |footer| lie(footer, TIME, &int64(START, START + 60_000_000)));
    fs::write(dir.path("wide.parquet"), file).expect("written");
    // Wider than the rows are is no lie.
    let run = ["outcomes", "--to", "+2s", "--format", "csv"];
    let answers = ["good.parquet", "wide.parquet"]
        .map(|name| dir.analyze(&[&run[..], &[name]].concat()).text());
    assert_eq!(answers[0], answers[1]);
    // What `merge` and `redact` read, too.
    let file = with_footer(&good, |footer| lie(footer, START_NS, &int64(5, 6)));
    fs::write(dir.path("start.parquet"), file).expect("written");
    for run in [
        &["merge", "-o", "merged.parquet", "start.parquet"][..],
        &["redact", "-o", "r", "start.parquet"],
    ] {
        let said = dir.analyze(run).failure();
        assert!(said.contains("statistics of column `start_ns`"), "{said}");
    }
    assert!(!dir.path("merged.parquet").exists() && !dir.path("r").exists());
}
