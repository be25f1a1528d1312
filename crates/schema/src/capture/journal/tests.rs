//! A journal read back whole, cut at every byte, and damaged at every byte.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Int32Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, SchemaRef};
use arrow::ipc::reader::StreamReader;
use arrow::ipc::root_as_message;
use arrow::record_batch::RecordBatch;

use super::super::columns;
use super::message::{CONTINUATION, checksum};
use super::*;
use crate::capture::metadata::tests::info;

fn batch(first: i64, rows: i64) -> RecordBatch {
    let schema: SchemaRef = columns::schema();
    let numbers = || first..first + rows;
    let arrays = schema.fields().iter().map(|field| -> ArrayRef {
        match field.data_type() {
            DataType::Utf8 => {
                Arc::new(StringArray::from_iter_values(numbers().map(|n| format!("{n}"))))
            }
            DataType::Int64 => Arc::new(Int64Array::from_iter_values(numbers())),
            DataType::Int32 => Arc::new(Int32Array::from_iter_values(numbers().map(|n| n as i32))),
            _ => Arc::new(
                TimestampMicrosecondArray::from_iter_values(numbers()).with_timezone("UTC"),
            ),
        }
    });
    RecordBatch::try_new(schema.clone(), arrays.collect()).expect("columns of the schema")
}

fn note(seen: u64) -> Note {
    let mut note = Note::default();
    note.counters.seen = seen;
    note
}

fn journal(closed: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = JournalWriter::create(&mut bytes, &info()).expect("in memory");
    writer.write(&batch(0, 3), &note(3)).expect("in memory");
    writer.write(&batch(3, 2), &note(5)).expect("in memory");
    if closed {
        writer.finish().expect("in memory");
    }
    bytes
}

/// Rows, the end and the last `seen` of a journal; `None` if it does not open.
fn read(bytes: &[u8]) -> Option<(Vec<i64>, JournalEnd, u64)> {
    let mut reader = JournalReader::open(bytes).ok()?;
    let mut rows = Vec::new();
    while let Some(batch) = reader.next_batch().ok()? {
        let column = batch.column_by_name(columns::START_NS).expect("start_ns");
        let column = column.as_any().downcast_ref::<Int64Array>().expect("int64");
        rows.extend(column.values());
    }
    Some((rows, reader.end().expect("read to its end"), reader.info().counters.seen))
}

#[test]
fn rows_notes_and_metadata_come_back() {
    assert_eq!(read(&journal(true)), Some((vec![0, 1, 2, 3, 4], JournalEnd::Closed, 5)));
    assert_eq!(read(&journal(false)), Some((vec![0, 1, 2, 3, 4], JournalEnd::Open, 5)));
    let bytes = journal(true);
    let reader = JournalReader::open(bytes.as_slice()).expect("a journal");
    assert_eq!(reader.info().host, info().host);
}

#[test]
fn any_arrow_reader_opens_it() {
    let bytes = journal(true);
    let reader = StreamReader::try_new(bytes.as_slice(), None).expect("an Arrow stream");
    let rows: usize = reader.map(|batch| batch.expect("a batch").num_rows()).sum();
    assert_eq!(rows, 5);
}

#[test]
fn cut_anywhere_it_keeps_every_whole_batch() {
    let bytes = journal(false);
    let mut seen = Vec::new();
    for length in 0..=bytes.len() {
        let outcome = read(&bytes[..length]).map(|(rows, end, _)| (rows.len(), end));
        if let Some((rows, end)) = outcome {
            let boundary = JournalReader::open(&bytes[..length]).is_ok_and(|mut reader| {
                while matches!(reader.next_batch(), Ok(Some(_))) {}
                reader.offset() == length as u64
            });
            assert_eq!(end == JournalEnd::Open, boundary, "cut at {length}");
            seen.push(rows);
        }
    }
    assert!(seen.is_sorted(), "a longer journal never has fewer rows");
    seen.dedup();
    assert_eq!(seen, [0, 3, 5]);
}

#[test]
fn a_changed_byte_is_never_read_as_data() {
    let good = journal(true);
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        if let Some((rows, end, _)) = read(&bytes) {
            assert!([0, 3, 5].contains(&rows.len()), "byte {at}: {rows:?}");
            assert!(rows.iter().copied().eq(0..rows.len() as i64), "byte {at}: {rows:?}");
            assert_eq!(end, JournalEnd::Damaged, "byte {at}");
        }
    }
}

#[test]
fn other_files_are_not_journals() {
    for bytes in [&b""[..], b"PAR1", b"\xff\xff\xff\xff\0\0\0\0", &[0xff; 64]] {
        assert!(matches!(JournalReader::open(bytes), Err(JournalError::NotAJournal)));
    }
}

/// A journal of one batch whose columns all claim the same bytes: as many rows
/// as one of them needs, and no more body than that.
fn sharing(rows: i64) -> Vec<u8> {
    let mut head = Vec::new();
    JournalWriter::create(&mut head, &info()).expect("in memory");
    let mut bytes = Vec::new();
    let mut writer = JournalWriter::create(&mut bytes, &info()).expect("in memory");
    writer.write(&batch(0, rows), &note(1)).expect("in memory");
    let length = u32::from_le_bytes(bytes[head.len() + 4..][..4].try_into().expect("4 bytes"));
    let mut block = bytes[head.len() + 8..][..length as usize].to_vec();

    // Offsets and lengths of the buffers lie in the header as pairs of i64.
    let message = root_as_message(&block).expect("a message");
    let header = message.header_as_record_batch().expect("a batch");
    let buffers = header.buffers().expect("buffers");
    let at = buffers.bytes().as_ptr().addr() - block.as_ptr().addr();
    let lengths: Vec<i64> = buffers.iter().map(|buffer| buffer.length()).collect();
    let texts = lengths.iter().map(|length| *length == (rows + 1) * 4);
    // Text follows its offsets: with those all 0, it is empty.
    let is_text: Vec<bool> = std::iter::once(false).chain(texts).collect();
    for (number, length) in lengths.iter().enumerate() {
        let length = if is_text[number] { 0 } else { *length };
        block[at + 16 * number..][..8].copy_from_slice(&0_i64.to_le_bytes());
        block[at + 16 * number + 8..][..8].copy_from_slice(&length.to_le_bytes());
    }
    let body = vec![0; (rows as usize * 8).next_multiple_of(64)];
    let (end, checked) = (block.len(), block.len() - 20);
    block[end - 16..end - 8].copy_from_slice(&(body.len() as u64).to_le_bytes());
    let crc = checksum(&block[..checked], &body);
    block[checked..checked + 4].copy_from_slice(&crc.to_le_bytes());
    [head, CONTINUATION.to_vec(), length.to_le_bytes().to_vec(), block, body].concat()
}

#[test]
fn columns_that_share_their_bytes_are_refused() {
    let bytes = sharing(1_000);
    let mut reader = JournalReader::open(bytes.as_slice()).expect("the head is right");
    let error = reader.next_batch().expect_err("more claimed than there is");
    assert!(matches!(error, JournalError::Columns), "{error}");
}
