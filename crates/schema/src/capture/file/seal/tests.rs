//! Journals of any length become captures that say what the journals said.

use std::fs::File;
use std::io::Seek;

use arrow::array::AsArray;
use arrow::datatypes::{Int32Type, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;
use crate::Outcome;
use crate::capture::journal::{JournalWriter, Note};
use crate::capture::metadata::tests::info;
use crate::capture::metadata::{CLOCK_SAMPLES_LIMIT, ClockSample, Instant, StopReason};
use crate::capture::rows::{Recorded, Row, batch};
use crate::capture::{columns, file};
use crate::decode::ConnectEvent;

/// Rows that start 1 µs apart, of seven processes.
fn rows(numbers: std::ops::Range<u64>) -> impl Iterator<Item = Row<'static>> {
    let event = |number: u64| ConnectEvent {
        start_ns: number * 1_000,
        latency_ns: number,
        outcome: Outcome::Established,
        errno: None,
        syn_retransmits: 0,
        rtt_us: None,
        pid: 100 - (number % 7) as u32,
        tid: 1,
        uid: 0,
        comm: *b"test\0\0\0\0\0\0\0\0\0\0\0\0",
        cgroup_id: 0,
        netns: 1,
        src_addr: [127, 0, 0, 1].into(),
        src_port: 1,
        dst_addr: [127, 0, 0, 1].into(),
        dst_port: 2,
        flags: 0,
    };
    let recorded = Recorded { host: "h", boot_id: "b", cgroup: "", offset_ns: 0 };
    numbers.map(move |number| Row::of_event(&event(number), recorded))
}

/// A journal of so many rows in batches of 1,000, with a note each.
fn journal(count: u64, note: impl Fn(u64) -> Note) -> Vec<u8> {
    journal_of(count, 1_000, note)
}

fn journal_of(count: u64, each: u64, note: impl Fn(u64) -> Note) -> Vec<u8> {
    let mut writer = JournalWriter::create(Vec::new(), &info()).expect("in memory");
    for first in (0..count).step_by(each as usize) {
        let rows = batch(rows(first..count.min(first + each))).expect("rows");
        writer.write(&rows, &note(first)).expect("in memory");
    }
    writer.finish().expect("in memory")
}

fn sealed(journal: &[u8]) -> (Sealed, File) {
    let reader = JournalReader::open(journal).expect("a journal");
    let out = tempfile::tempfile().expect("a file");
    let (sealed, mut out) =
        seal(reader, out, &WriterOptions::default(), |info| info).expect("sealed");
    out.rewind().expect("the beginning");
    (sealed, out)
}

/// A capture of so many rows.
pub(in crate::capture) fn capture(count: u64) -> File {
    sealed(&journal(count, |_| Note::default())).1
}

#[test]
fn row_groups_are_sorted_and_follow_in_time() {
    let (sealed, file) = sealed(&journal(250_000, |_| Note::default()));
    assert_eq!((sealed.rows, sealed.end), (250_000, JournalEnd::Closed));
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    let metadata = reader.metadata().clone();
    let groups: Vec<i64> = metadata.row_groups().iter().map(|group| group.num_rows()).collect();
    assert_eq!(groups, [100_000, 100_000, 50_000]);
    assert!(metadata.row_group(0).sorting_columns().is_some());
    assert_eq!(file::check_columns(metadata.file_metadata().schema_descr()), Ok(()));
    let info = file::capture_info(&metadata).expect("ours");
    assert_eq!(info.counters.written, 250_000);
    assert_eq!(info.row_group_sort, columns::ROW_GROUP_SORT);

    let mut spans = Vec::new();
    for batch in reader.with_batch_size(100_000).build().expect("a reader") {
        let batch = batch.expect("a batch");
        assert!(batch[columns::PID].as_primitive::<Int32Type>().values().is_sorted());
        let times = batch[columns::START_NS].as_primitive::<Int64Type>();
        spans.push((times.values().iter().min().copied(), times.values().iter().max().copied()));
    }
    assert!(spans.windows(2).all(|pair| pair[0].1 < pair[1].0), "{spans:?}");
}

#[test]
fn what_the_last_note_or_row_says_is_when_it_stopped() {
    let account = |journal: &[u8]| {
        let file = sealed(journal).1;
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
        file::capture_info(reader.metadata()).expect("ours")
    };
    let by_rows = account(&journal(2_000, |_| Note::default()));
    assert!(!by_rows.clean && by_rows.stop_reason == StopReason::Unknown);
    // Row 1,999 starts at 1,999 µs and takes 1,999 ns.
    assert_eq!(by_rows.stop, Instant { time_us: 2_000, monotonic_ns: 2_000_999 });
    let later = Instant { time_us: 9_000, monotonic_ns: 9_000_000 };
    let by_note = account(&journal(10, |_| Note { now: Some(later), ..Note::default() }));
    assert_eq!(by_note.stop, later);
}

/// A recorder thins what it keeps, but its journal has every sample it took.
#[test]
fn the_clock_of_a_long_recording_fits_the_footer() {
    let sample = |number: u64| ClockSample {
        monotonic_ns: number as i64 * 10_000_000_000,
        realtime_ns: number as i64 * 10_000_000_000 + 1_767_225_600_000_000_000,
        bracket_ns: 180,
        adjtimex_state: Some(0),
        max_error_us: Some(1_250_000),
    };
    let note = |first: u64| Note { clock: vec![sample(first)], ..Note::default() };
    let (_, file) = sealed(&journal_of(2_000, 1, note));
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    let clock = file::capture_info(reader.metadata()).expect("ours").clock;
    assert!((100..=CLOCK_SAMPLES_LIMIT).contains(&clock.len()), "{}", clock.len());
    assert_eq!(clock[0], sample(0));
}
