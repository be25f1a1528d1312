//! Captures read back, by parquet alone: no code of the analyzer.

use std::fs::File;
use std::path::Path;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int32Type, Int64Type};
use arrow::record_batch::RecordBatch;
use connlat_schema::capture::KEY_CAPTURE;
use connlat_schema::capture::columns;
use connlat_schema::capture::metadata::CaptureInfo;
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

/// The columns tests look at, as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "named as the columns, which docs/format.md explains")]
pub struct Row {
    pub start_ns: i64,
    pub latency_ns: i64,
    pub outcome: String,
    pub errno: Option<i32>,
    pub syn_retransmits: i32,
    pub rtt_us: Option<i32>,
    pub pid: i32,
    pub tid: i32,
    pub uid: i64,
    pub comm: String,
    pub cgroup: String,
    pub netns: i64,
    pub ip_version: i32,
    /// Address and port.
    pub src: (String, i32),
    /// Address and port.
    pub dst: (String, i32),
    pub flags: i32,
}

impl Capture {
    /// Reads the file; fails if it is no whole capture.
    #[track_caller]
    pub fn read(path: &Path) -> Self {
        let mut rows = Vec::new();
        let info = for_each_batch(path, |batch| {
            rows.extend((0..batch.num_rows()).map(|index| Row::of(batch, index)));
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
        self.rows.iter().filter(|row| row.dst.1 == i32::from(port)).cloned().collect()
    }
}

/// Reads a capture too large for rows in memory; returns its metadata.
#[track_caller]
pub fn for_each_batch(path: &Path, mut each: impl FnMut(&RecordBatch)) -> CaptureInfo {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    let stored = reader.metadata().file_metadata().key_value_metadata().expect("metadata");
    let json = stored.iter().find(|pair| pair.key == KEY_CAPTURE).expect("ours");
    let info = CaptureInfo::from_json(json.value.as_deref().expect("a value")).expect("valid");
    for batch in reader.build().expect("a reader") {
        each(&batch.expect("a batch"));
    }
    info
}

impl Row {
    fn of(batch: &RecordBatch, index: usize) -> Self {
        let int32 = |name: &str| batch[name].as_primitive::<Int32Type>().value(index);
        let int64 = |name: &str| batch[name].as_primitive::<Int64Type>().value(index);
        let text = |name: &str| batch[name].as_string::<i32>().value(index).to_owned();
        let optional = |name: &str| (!batch[name].is_null(index)).then(|| int32(name));
        Self {
            start_ns: int64(columns::START_NS),
            latency_ns: int64(columns::LATENCY_NS),
            outcome: text(columns::OUTCOME),
            errno: optional(columns::ERRNO),
            syn_retransmits: int32(columns::SYN_RETRANSMITS),
            rtt_us: optional(columns::RTT_US),
            pid: int32(columns::PID),
            tid: int32(columns::TID),
            uid: int64(columns::UID),
            comm: text(columns::COMM),
            cgroup: text(columns::CGROUP),
            netns: int64(columns::NETNS),
            ip_version: int32(columns::IP_VERSION),
            src: (text(columns::SRC_ADDR), int32(columns::SRC_PORT)),
            dst: (text(columns::DST_ADDR), int32(columns::DST_PORT)),
            flags: int32(columns::FLAGS),
        }
    }
}
