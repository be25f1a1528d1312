//! Captures read back, by parquet alone: no code of the analyzer.

use std::fs::File;
use std::path::Path;

use arrow::record_batch::RecordBatch;
use connlat_schema::capture::metadata::CaptureInfo;
use connlat_schema::capture::{file, rows};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::captures_below;

/// Rows and metadata of a capture.
#[derive(Debug)]
pub struct Capture {
    /// In the order of their starts.
    pub rows: Vec<Row>,
    /// What the footer says.
    pub info: CaptureInfo,
}

/// A row as it is stored.
pub type Row = rows::Row<'static>;

impl Capture {
    /// Reads the file; fails if it is no whole capture.
    #[track_caller]
    pub fn read(path: &Path) -> Self {
        let mut rows: Vec<Row> = Vec::new();
        let info = for_each_batch(path, |batch| {
            let read = rows::Rows::of(batch).expect("the columns of a capture");
            rows.extend(read.iter().map(rows::Row::into_owned));
        });
        rows.sort_by_key(|row| row.start_ns);
        Self { rows, info }
    }

    /// All rows of all captures at any depth below a directory.
    pub fn rows_below(directory: &Path) -> Vec<Row> {
        captures_below(directory).iter().flat_map(|path| Self::read(path).rows).collect()
    }

    /// Rows of one process, in the order of their starts.
    pub fn of_pid(&self, pid: u32) -> Vec<Row> {
        self.rows.iter().filter(|row| row.pid.cast_unsigned() == pid).cloned().collect()
    }

    /// Rows of connects to one port, in the order of their starts.
    pub fn to_port(&self, port: u16) -> Vec<Row> {
        self.rows.iter().filter(|row| row.dst_port == i32::from(port)).cloned().collect()
    }
}

/// Reads a capture too large for rows in memory; returns its metadata.
#[track_caller]
pub fn for_each_batch(path: &Path, mut each: impl FnMut(&RecordBatch)) -> CaptureInfo {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    let info = file::capture_info(reader.metadata()).expect("the metadata of a capture");
    for batch in reader.build().expect("a reader") {
        each(&batch.expect("a batch"));
    }
    info
}
