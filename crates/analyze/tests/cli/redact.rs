//! `analyze redact`: nothing of the originals is left, and every answer stays
//! the same but for the names.

mod answers;
mod left;
mod usage;

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::record_batch::RecordBatch;
use connlat_schema::capture::file::capture_info;
use connlat_schema::capture::metadata::CaptureInfo;
use connlat_schema::capture::rows::{Row, Rows};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::program::{Dir, Run};

/// Redacts files into `out` of a directory.
fn redact(dir: &Dir, options: &[&str], files: &[&str]) -> Run {
    dir.analyze(&[&["redact", "-o", "out"], options, files].concat())
}

/// The captures in a directory, by name.
fn captures(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).expect("a directory");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

/// What a capture says about itself, and its rows.
fn content(path: &Path) -> (CaptureInfo, Vec<Row<'static>>) {
    let file = File::open(path).expect("a file");
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).expect("a Parquet file");
    let info = capture_info(builder.metadata()).expect("a capture");
    let batches: Vec<RecordBatch> =
        builder.build().expect("a reader").map(|batch| batch.expect("rows")).collect();
    let rows = batches.iter().flat_map(|batch| Rows::of(batch).expect("columns").iter());
    (info, rows.map(Row::into_owned).collect())
}

/// Rows of both captures that are of the same connect.
fn pairs(original: &Path, redacted: &Path) -> Vec<(Row<'static>, Row<'static>)> {
    let by_start = |path: &Path| {
        let rows = content(path).1;
        let count = rows.len();
        let key = |row: &Row<'_>| (row.start_ns, row.tid, row.latency_ns, row.dst_port);
        let rows: BTreeMap<_, _> = rows.into_iter().map(|row| (key(&row), row)).collect();
        assert_eq!(rows.len(), count, "two rows cannot be told apart");
        rows
    };
    let (original, redacted) = (by_start(original), by_start(redacted));
    assert!(original.keys().eq(redacted.keys()), "other rows");
    original.into_values().zip(redacted.into_values()).collect()
}
