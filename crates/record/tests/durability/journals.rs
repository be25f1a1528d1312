//! Journals made here, with known rows: recovering them needs neither root nor BPF.

use std::fs::File;
use std::path::Path;

use connlat_record::capture::RowBuilder;
use connlat_record::host::CgroupPaths;
use connlat_schema::capture::journal::{JournalEnd, JournalReader, JournalWriter, Note};
use connlat_schema::capture::metadata::CaptureInfo;
use connlat_schema::decode::ConnectEvent;
use test_support::{Row, event};

/// Metadata of a real recording that has not ended.
const INFO: &str = include_str!("../../../schema/fuzz/seeds/metadata/recorded");

pub const BATCH_ROWS: u64 = 50;

/// Event `number` starts at that many microseconds.
fn numbered(number: u64) -> ConnectEvent {
    ConnectEvent { start_ns: number * 1_000, pid: 1 + (number % 7) as u32, ..event() }
}

/// The bytes of a journal of `batches` batches.
pub fn bytes(batches: u64, closed: bool) -> Vec<u8> {
    let info = CaptureInfo::from_json(INFO).expect("a recorded document");
    let mut bytes = Vec::new();
    let mut writer = JournalWriter::create(&mut bytes, &info).expect("in memory");
    let mut builder = RowBuilder::new("h".into(), "b".into(), CgroupPaths::open());
    for batch in 0..batches {
        let numbers = batch * BATCH_ROWS..(batch + 1) * BATCH_ROWS;
        let rows = builder.batch(numbers.map(numbered).collect(), 0).expect("rows");
        writer.write(&rows, &Note::default()).expect("in memory");
    }
    if closed {
        writer.finish().expect("in memory");
    }
    bytes
}

/// Whether rows are the first `count` events, each once.
#[track_caller]
pub fn assert_first(rows: &[Row], count: u64) {
    let starts: Vec<i64> = rows.iter().map(|row| row.start_ns).collect();
    let expected: Vec<i64> = (0..count).map(|number| number as i64 * 1_000).collect();
    assert_eq!(starts.len(), expected.len(), "rows");
    assert!(starts == expected, "other rows than were written");
}

/// Rows and end of a journal; fails unless it opens.
pub fn read(path: &Path) -> (u64, JournalEnd) {
    let mut reader = JournalReader::open(File::open(path).expect("the journal")).expect("readable");
    let mut rows = 0;
    while let Some(batch) = reader.next_batch().expect("whole batches") {
        rows += batch.num_rows() as u64;
    }
    (rows, reader.end().expect("read to its end"))
}
