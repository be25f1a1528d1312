//! Writes synthetic captures the way `record` does: arrow-rs, zstd, the
//! schema crate's columns and metadata.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow::record_batch::RecordBatch;
use connlat_schema::Outcome;
use connlat_schema::capture::journal::{JournalWriter, Note};
use connlat_schema::capture::metadata::{CaptureInfo, ClockSample, Counters, Instant, StopReason};
use connlat_schema::capture::{FORMAT_VERSION, KEY_CAPTURE, KEY_FORMAT_VERSION, columns};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

/// 2026-01-01 00:00:00 UTC, µs.
pub const START: i64 = 1_767_225_600_000_000;
/// One second in µs.
pub const S: i64 = 1_000_000;

/// One row.
#[derive(Debug, Clone)]
pub struct Connect {
    pub time: i64,
    pub latency_ns: i64,
    pub outcome: String,
    pub errno: Option<i32>,
    pub syn_retransmits: i32,
    pub pid: i32,
    pub comm: String,
    pub cgroup: String,
    pub dst_addr: String,
    pub dst_port: i32,
    pub src_port: i32,
    pub netns: i64,
    pub flags: i32,
}

impl Connect {
    /// An established connect `offset` µs after [`START`].
    pub fn at(offset: i64, latency_ns: i64) -> Self {
        Self {
            time: START + offset,
            latency_ns,
            outcome: Outcome::Established.as_str().into(),
            errno: None,
            syn_retransmits: 0,
            pid: 4_242,
            comm: "curl".into(),
            cgroup: "/system.slice/web.service".into(),
            dst_addr: "192.0.2.7".into(),
            dst_port: 443,
            src_port: 40_000,
            netns: 4_026_531_840,
            flags: 0,
        }
    }

    pub fn failed(mut self, outcome: Outcome, errno: Option<i32>) -> Self {
        self.outcome = outcome.as_str().into();
        self.errno = errno;
        self
    }

    pub fn to(mut self, addr: &str, port: i32) -> Self {
        self.dst_addr = addr.into();
        self.dst_port = port;
        self
    }
}

/// A capture to be written.
#[derive(Clone)]
pub struct Capture {
    pub rows: Vec<Connect>,
    pub info: CaptureInfo,
    pub row_group: usize,
}

impl Capture {
    /// A clean recording of one minute on host web-1 with these rows.
    pub fn of(rows: Vec<Connect>) -> Self {
        let written = rows.len() as u64;
        Self { rows, info: info(written), row_group: 100_000 }
    }

    /// The batch of the capture's columns.
    pub fn batch(&self) -> RecordBatch {
        let rows = &self.rows;
        let int32 = |value: fn(&Connect) -> i32| -> ArrayRef {
            Arc::new(Int32Array::from_iter_values(rows.iter().map(value)))
        };
        let int64 = |value: fn(&Connect) -> i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(rows.iter().map(value)))
        };
        let text = |value: fn(&Connect) -> &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(rows.iter().map(value)))
        };
        let constant = |value: &str| -> ArrayRef {
            Arc::new(StringArray::from_iter_values(rows.iter().map(|_| value)))
        };
        let time = TimestampMicrosecondArray::from_iter_values(rows.iter().map(|row| row.time));
        let arrays = columns::schema()
            .fields()
            .iter()
            .map(|field| match field.name().as_str() {
                columns::HOST => constant(&self.info.host),
                columns::BOOT_ID => constant(&self.info.boot_id),
                columns::TIME => Arc::new(time.clone().with_timezone("UTC")) as ArrayRef,
                columns::START_NS => int64(|row| row.time.wrapping_sub(START).wrapping_mul(1_000)),
                columns::LATENCY_NS => int64(|row| row.latency_ns),
                columns::OUTCOME => text(|row| &row.outcome),
                columns::ERRNO => Arc::new(Int32Array::from_iter(rows.iter().map(|row| row.errno))),
                columns::SYN_RETRANSMITS => int32(|row| row.syn_retransmits),
                columns::RTT_US => {
                    let rtt = |row: &Connect| (row.errno.is_none()).then_some(250);
                    Arc::new(Int32Array::from_iter(rows.iter().map(rtt)))
                }
                columns::PID | columns::TID => int32(|row| row.pid),
                columns::UID => int64(|_| 1_000),
                columns::COMM => text(|row| &row.comm),
                columns::CGROUP => text(|row| &row.cgroup),
                columns::CGROUP_ID => int64(|_| 77),
                columns::NETNS => int64(|row| row.netns),
                columns::IP_VERSION => int32(|row| if row.dst_addr.contains(':') { 6 } else { 4 }),
                columns::SRC_ADDR => text(|_| "10.0.0.1"),
                columns::SRC_PORT => int32(|row| row.src_port),
                columns::DST_ADDR => text(|row| &row.dst_addr),
                columns::DST_PORT => int32(|row| row.dst_port),
                columns::FLAGS => int32(|row| row.flags),
                other => panic!("column {other} is new: give it a value here"),
            })
            .collect();
        RecordBatch::try_new(columns::schema(), arrays).expect("columns of one length")
    }

    /// Writes the capture.
    pub fn write(&self, path: impl AsRef<Path>) -> PathBuf {
        write_parquet(path.as_ref(), &self.batch(), &self.pairs(), self.row_group)
    }

    /// The footer's metadata.
    pub fn pairs(&self) -> [(&'static str, String); 2] {
        [
            (KEY_FORMAT_VERSION, FORMAT_VERSION.to_string()),
            (KEY_CAPTURE, self.info.to_json().expect("a small document")),
        ]
    }
}

impl Capture {
    /// The journal of a recorder that was killed: batches of `rows` rows.
    pub fn journal(&self, rows: usize) -> Vec<u8> {
        let mut info = self.info.clone();
        info.clean = false;
        info.stop = info.start;
        info.stop_reason = StopReason::Unknown;
        info.clock.truncate(1);
        let mut writer = JournalWriter::create(Vec::new(), &info).expect("a journal");
        let (all, mut note) = (self.batch(), Note::default());
        for start in (0..all.num_rows()).step_by(rows) {
            let batch = all.slice(start, rows.min(all.num_rows() - start));
            note.counters.seen += batch.num_rows() as u64;
            writer.write(&batch, &note).expect("a batch");
        }
        writer.get_ref().clone()
    }
}

/// Writes any Parquet file.
pub fn write_parquet(
    path: &Path,
    batch: &RecordBatch,
    pairs: &[(&str, String)],
    row_group: usize,
) -> PathBuf {
    let pairs = pairs.iter().map(|(key, value)| KeyValue::new((*key).to_owned(), value.clone()));
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).expect("a level")))
        .set_max_row_group_row_count(Some(row_group))
        .set_key_value_metadata(Some(pairs.collect()))
        .build();
    let file = File::create(path).expect("a new file");
    let mut writer =
        ArrowWriter::try_new(file, batch.schema(), Some(properties)).expect("a writer");
    writer.write(batch).expect("a batch");
    writer.close().expect("a footer");
    path.to_owned()
}

fn info(written: u64) -> CaptureInfo {
    let clock = |seconds: i64| ClockSample {
        monotonic_ns: seconds * 1_000_000_000,
        realtime_ns: (START + seconds * S) * 1_000,
        bracket_ns: 180,
        adjtimex_state: Some(0),
        max_error_us: Some(1_250),
    };
    CaptureInfo {
        format_version: FORMAT_VERSION,
        tool_version: "0.1.0".into(),
        host: "web-1".into(),
        kernel_release: "6.18.0".into(),
        arch: "x86_64".into(),
        boot_id: "6b2c7b9e-0000-4000-8000-000000000001".into(),
        machine_id_hash: None,
        command_line: vec!["record".into(), "web-1.parquet".into()],
        filters: BTreeMap::new(),
        start: Instant { time_us: START, monotonic_ns: 0 },
        stop: Instant { time_us: START + 60 * S, monotonic_ns: 60_000_000_000 },
        stop_reason: StopReason::Interrupted,
        clean: true,
        clock: vec![clock(0), clock(30), clock(60)],
        sysctls: BTreeMap::from([("net.ipv4.tcp_syn_retries".into(), "6".into())]),
        sysctls_netns: None,
        networks: Vec::new(),
        account_problem: None,
        counters: Counters { seen: written, written, ..Counters::default() },
        loss_spans: Vec::new(),
        segment: None,
        unavailable: Vec::new(),
        row_group_sort: columns::ROW_GROUP_SORT.map(str::to_owned).to_vec(),
    }
}
