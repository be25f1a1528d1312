//! Sealing real journals: layout of the file, and every failure's leftovers.

use std::fs;

use arrow::array::AsArray;
use arrow::datatypes::{Int32Type, Int64Type};
use connlat_schema::capture::journal::{JournalWriter, Note};
use connlat_schema::capture::metadata::{Counters, StopReason};
use connlat_schema::decode::ConnectEvent;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tempfile::TempDir;
use test_support::event;

use super::*;
use crate::capture::RowBuilder;
use crate::host::{CgroupPaths, ClockReading};

/// Metadata of a host called `h`.
pub(in crate::capture) fn info() -> CaptureInfo {
    let now = ClockReading::now().instant();
    CaptureInfo {
        format_version: FORMAT_VERSION,
        tool_version: "0".into(),
        host: "h".into(),
        kernel_release: "6".into(),
        arch: "x86_64".into(),
        boot_id: "b".into(),
        machine_id_hash: None,
        command_line: Vec::new(),
        filters: Default::default(),
        start: now,
        stop: now,
        stop_reason: StopReason::Unknown,
        clean: false,
        clock: Vec::new(),
        sysctls: Default::default(),
        sysctls_netns: None,
        networks: Vec::new(),
        account_problem: None,
        counters: Counters::default(),
        loss_spans: Vec::new(),
        segment: None,
        unavailable: Vec::new(),
        row_group_sort: Vec::new(),
    }
}

fn numbered(number: u64) -> ConnectEvent {
    ConnectEvent {
        start_ns: number * 1_000,
        latency_ns: number,
        pid: 100 - (number % 7) as u32,
        ..event()
    }
}

struct Files {
    directory: TempDir,
    journal: File,
    output: Output,
}

impl Files {
    fn seal(&self) -> Result<Sealed, SealError> {
        seal(&self.journal, &self.output, |info| info)
    }

    fn capture(&self) -> PathBuf {
        self.directory.path().join("c.parquet")
    }

    /// The journal's contents, changed.
    fn rewrite_journal(&mut self, change: impl FnOnce(Vec<u8>) -> Vec<u8>) {
        let path = self.directory.path().join("c.parquet.journal");
        let bytes = change(fs::read(&path).expect("read"));
        fs::write(&path, bytes).expect("write");
        self.journal = File::open(path).expect("the journal");
    }
}

/// A journal of `rows` rows in batches of 1,000.
fn files(rows: u64) -> Files {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("c.parquet");
    let output = Output::at(&path, false, 0o600).expect("an output");
    let file = output.create_journal().expect("a journal");
    let mut writer = JournalWriter::create(file, &info()).expect("a journal");
    let mut builder = RowBuilder::new("h".into(), "b".into(), CgroupPaths::open());
    for first in (0..rows).step_by(1_000) {
        let events = (first..rows.min(first + 1_000)).map(numbered).collect();
        let batch = builder.batch(events, 0).expect("rows");
        writer.write(&batch, &Note::default()).expect("a batch");
    }
    let journal = writer.finish().expect("an end");
    Files { directory, journal, output }
}

fn names(files: &Files) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(files.directory.path())
        .expect("the directory")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn every_row_arrives_in_sorted_row_groups_that_follow_in_time() {
    let files = files(250_000);
    let sealed = seal(&files.journal, &files.output, |mut info| {
        info.clean = true;
        info
    })
    .expect("sealed");
    assert_eq!((sealed.rows, sealed.end), (250_000, JournalEnd::Closed));
    assert_eq!(sealed.bytes, fs::metadata(files.capture()).expect("the capture").len());
    assert_eq!(names(&files), ["c.parquet"], "neither journal nor temporary file is left");

    let file = File::open(files.capture()).expect("the capture");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    let metadata = reader.metadata().clone();
    let groups: Vec<i64> = metadata.row_groups().iter().map(|group| group.num_rows()).collect();
    assert_eq!(groups, [100_000, 100_000, 50_000]);
    assert!(metadata.row_group(0).sorting_columns().is_some());
    let stored = metadata.file_metadata().key_value_metadata().expect("metadata");
    let json = stored.iter().find(|pair| pair.key == KEY_CAPTURE).expect("ours");
    let info = CaptureInfo::from_json(json.value.as_deref().expect("a value")).expect("readable");
    assert!(info.clean);
    assert_eq!(info.counters.written, 250_000);

    let mut starts = Vec::new();
    for batch in reader.with_batch_size(100_000).build().expect("a reader") {
        let batch = batch.expect("a batch");
        let pids = batch[columns::PID].as_primitive::<Int32Type>();
        assert!(pids.values().is_sorted(), "sorted by pid inside a row group");
        let times = batch[columns::START_NS].as_primitive::<Int64Type>();
        starts.push((times.values().iter().min().copied(), times.values().iter().max().copied()));
    }
    assert!(starts.windows(2).all(|pair| pair[0].1 < pair[1].0), "{starts:?}");
}

#[test]
fn an_empty_recording_is_a_capture_too() {
    let files = files(0);
    let sealed = files.seal().expect("sealed");
    assert_eq!(sealed.rows, 0);
    assert_eq!(names(&files), ["c.parquet"]);
}

#[test]
fn a_capture_that_appeared_meanwhile_is_kept_and_so_is_the_journal() {
    let files = files(10);
    fs::write(files.capture(), "somebody else's").expect("write");
    let error = files.seal().expect_err("in the way");
    assert!(matches!(error, SealError::Appeared { .. }), "{error}");
    assert_eq!(names(&files), ["c.parquet", "c.parquet.journal"]);
    assert_eq!(fs::read(files.capture()).expect("read"), b"somebody else's");

    let path = files.directory.path().join("c.parquet");
    let replacing = Output::unchecked(&path, true, 0o600).expect("an output");
    seal(&files.journal, &replacing, |info| info).expect("replaced when asked to");
    assert_eq!(names(&files), ["c.parquet"]);
}

#[test]
fn a_torn_journal_yields_its_whole_batches() {
    let mut files = files(3_000);
    files.rewrite_journal(|bytes| bytes[..bytes.len() - 100].to_vec());
    let sealed = files.seal().expect("sealed");
    assert_eq!((sealed.rows, sealed.end), (2_000, JournalEnd::Damaged));
}

#[test]
fn what_is_no_journal_is_left_alone() {
    let mut files = files(1);
    files.rewrite_journal(|_| b"not a journal".to_vec());
    let error = files.seal().expect_err("no journal");
    assert!(matches!(error, SealError::Journal { .. }), "{error}");
    assert_eq!(names(&files), ["c.parquet.journal"]);
}

#[test]
fn a_snapshot_leaves_the_journal_to_go_on() {
    let files = files(10);
    let beside = files.output.sibling("s.parquet".to_owned());
    let sealed = write_capture(&files.journal, &beside, |info| info).expect("written");
    assert_eq!(sealed.rows, 10);
    assert_eq!(names(&files), ["c.parquet.journal", "s.parquet"]);
    assert_eq!(files.seal().expect("sealed").rows, 10);
}

/// A sealed capture of so many rows, and the directory it is in.
pub(in crate::capture) fn sealed_file(rows: u64) -> (TempDir, PathBuf) {
    let files = files(rows);
    files.seal().expect("sealed");
    let path = files.capture();
    (files.directory, path)
}
