//! Writes synthetic captures the way `record` does: by the schema crate.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::record_batch::RecordBatch;
use connlat_schema::Outcome;
use connlat_schema::capture::file::{CaptureWriter, WriterOptions};
use connlat_schema::capture::journal::{JournalWriter, Note};
use connlat_schema::capture::metadata::{CaptureInfo, ClockSample, Counters, Instant, StopReason};
use connlat_schema::capture::rows::{Row, Timestamp, batch};
use connlat_schema::capture::{FORMAT_VERSION, columns, footer};
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
    pub rtt_us: Option<i32>,
    pub src_addr: String,
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
            rtt_us: Some(250),
            src_addr: "10.0.0.1".into(),
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

    /// The row of the capture.
    fn stored<'a>(&'a self, info: &'a CaptureInfo) -> Row<'a> {
        Row {
            host: info.host.as_str().into(),
            boot_id: info.boot_id.as_str().into(),
            time: Timestamp(self.time),
            start_ns: self.time.wrapping_sub(START).wrapping_mul(1_000),
            latency_ns: self.latency_ns,
            outcome: self.outcome.as_str().into(),
            errno: self.errno,
            syn_retransmits: self.syn_retransmits,
            rtt_us: self.rtt_us.filter(|_| self.errno.is_none()),
            pid: self.pid,
            tid: self.pid,
            uid: 1_000,
            comm: self.comm.as_str().into(),
            cgroup: self.cgroup.as_str().into(),
            cgroup_id: 77,
            netns: self.netns,
            ip_version: if self.dst_addr.contains(':') { 6 } else { 4 },
            src_addr: self.src_addr.as_str().into(),
            dst_addr: self.dst_addr.as_str().into(),
            src_port: self.src_port,
            dst_port: self.dst_port,
            flags: self.flags,
        }
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
        batch(self.rows.iter().map(|row| row.stored(&self.info))).expect("columns of one length")
    }

    /// Writes the capture.
    pub fn write(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = path.as_ref();
        if self.info.counters.written != self.rows.len() as u64 {
            // No writer of ours makes a capture that contradicts itself.
            let pairs = footer::pairs(&self.info).expect("a small document");
            return write_parquet(path, &self.batch(), &pairs, self.row_group);
        }
        let file = File::create(path).expect("a new file");
        let options = WriterOptions { row_group_rows: self.row_group, ..WriterOptions::default() };
        let mut writer = CaptureWriter::create(file, &options).expect("a writer");
        let all = self.batch();
        for start in (0..all.num_rows()).step_by(self.row_group) {
            let rows = self.row_group.min(all.num_rows() - start);
            writer.write(all.slice(start, rows)).expect("rows");
        }
        writer.finish(self.info.clone()).expect("a footer");
        path.to_owned()
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
        merged: None,
        redacted: None,
    }
}
