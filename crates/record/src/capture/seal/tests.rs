//! Sealing real journals: layout of the file, and every failure's leftovers.

use std::fs;

use connlat_schema::capture::FORMAT_VERSION;
use connlat_schema::capture::journal::{JournalWriter, Note};
use connlat_schema::capture::metadata::{Counters, StopReason};
use connlat_schema::decode::ConnectEvent;
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
        merged: None,
        redacted: None,
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
fn every_row_arrives_with_the_metadata_made_final() {
    let files = files(2_500);
    let sealed = seal(&files.journal, &files.output, |mut info| {
        info.clean = true;
        info
    })
    .expect("sealed");
    assert_eq!((sealed.rows, sealed.end), (2_500, JournalEnd::Closed));
    assert_eq!(sealed.bytes, fs::metadata(files.capture()).expect("the capture").len());
    assert_eq!(names(&files), ["c.parquet"], "neither journal nor temporary file is left");
    let capture = test_support::Capture::read(&files.capture());
    assert!(capture.info.clean);
    assert_eq!(capture.info.counters.written, 2_500);
    let starts: Vec<i64> = capture.rows.iter().map(|row| row.start_ns).collect();
    assert_eq!(starts, (0..2_500).map(|number| number * 1_000).collect::<Vec<_>>());
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
