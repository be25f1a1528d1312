//! What must hold for any bytes at all. Shared by the fuzz targets and by the
//! plain tests that replay seeds and regressions.

use arrow::array::Array;
use connlat_schema::capture::columns;
use connlat_schema::capture::journal::{JournalEnd, JournalReader};
use connlat_schema::capture::metadata::{CaptureInfo, MetadataError};
use connlat_schema::capture::rows::{Recorded, Row, Rows, batch};
use connlat_schema::decode::{
    ConnectEvent, RECORD_LEN, START_LEN, comm_text, decode_event, decode_record, decode_start,
};
use connlat_schema::encode::encode_record;
use connlat_schema::wire::ConnectRecord;

/// Records either decode to numbers that fit the capture's columns, or say why not.
pub fn wire(bytes: &[u8]) {
    assert_eq!(decode_start(bytes).is_ok(), bytes.len() == START_LEN);
    assert_eq!(decode_record(bytes).is_ok(), bytes.len() == RECORD_LEN);
    let Ok(event) = decode_event(bytes) else { return };
    let end_ns = event.start_ns.checked_add(event.latency_ns).expect("no overflow");
    assert!(i64::try_from(end_ns).is_ok() && i64::try_from(event.cgroup_id).is_ok());
    for number in [event.pid, event.tid, event.syn_retransmits, event.rtt_us.unwrap_or(0)] {
        assert!(i32::try_from(number).is_ok());
    }
    assert!(event.errno.is_none_or(|errno| errno > 0));
    // Each byte is at most escaped as `\xNN`.
    assert!(comm_text(&event.comm).len() <= 4 * event.comm.len());
    assert!(!comm_text(&event.comm).contains('\0'));

    // To bytes and to a row, and back.
    assert_eq!(decode_event(&encode_record(&ConnectRecord::from(&event))), Ok(event.clone()));
    let recorded = Recorded { host: "h", boot_id: "b", cgroup: "/", offset_ns: 0 };
    let row = Row::of_event(&event, recorded);
    let batch = batch([row.clone()]).expect("a batch");
    assert_eq!(Rows::of(&batch).expect("our columns").get(0), Some(row.clone()));
    let comm = ConnectEvent::try_from(&row).expect("an event").comm;
    assert_eq!(ConnectEvent::try_from(&row), Ok(ConnectEvent { comm, ..event }));
}

/// A journal reads to an end, as it is and as somebody who knows the format
/// would forge it: with every checksum right.
pub fn journal(bytes: &[u8]) {
    read_journal(bytes);
    read_journal(&with_checksums(bytes));
}

fn read_journal(bytes: &[u8]) {
    let Ok(mut reader) = JournalReader::open(bytes) else { return };
    // Each message takes at least its prefix.
    for _ in 0..=bytes.len() / 8 {
        match reader.next_batch() {
            Err(_) => return,
            Ok(None) => {
                let whole = reader.offset() as usize;
                assert!(whole <= bytes.len());
                assert_eq!(reader.end() == Some(JournalEnd::Open), whole == bytes.len());
                let _ = reader.info().to_json();
                return;
            }
            Ok(Some(batch)) => {
                assert_eq!(batch.schema().fields(), columns::schema().fields());
                // Rows take room: a small file cannot claim billions of them.
                assert!(batch.num_rows() <= bytes.len());
                for column in batch.columns() {
                    column.to_data().validate_full().expect("arrays that are what they say");
                }
            }
        }
    }
    panic!("more messages than the bytes can hold");
}

/// The same bytes with the checksum of each message computed anew, as far as
/// messages can be told: the layout is in `capture/journal.rs`.
pub fn with_checksums(bytes: &[u8]) -> Vec<u8> {
    let mut out = bytes.to_vec();
    let mut at = 0;
    while let Some(end) = fix_message(&mut out, at) {
        at = end;
    }
    out
}

/// Repairs the message at `at`; returns where the next one begins.
fn fix_message(bytes: &mut [u8], at: usize) -> Option<usize> {
    const AFTER_CRC: usize = 8 + 8;
    let length = bytes.get(at + 4..at + 8)?.try_into().ok()?;
    let block = at + 8;
    let body = block.checked_add(u32::from_le_bytes(length) as usize)?;
    let length = bytes.get(body.checked_sub(AFTER_CRC)?..body - 8)?.try_into().ok()?;
    let end = body.checked_add(usize::try_from(u64::from_le_bytes(length)).ok()?)?;
    let crc_at = (body - AFTER_CRC).checked_sub(4).filter(|crc_at| *crc_at >= block)?;
    let mut crc = crc32fast::Hasher::new();
    crc.update(&bytes[block..crc_at]);
    crc.update(&length);
    crc.update(bytes.get(body..end)?);
    bytes[crc_at..crc_at + 4].copy_from_slice(&crc.finalize().to_le_bytes());
    Some(end)
}

/// A document is refused, or says the same after it was stored again.
pub fn metadata(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(info) = CaptureInfo::from_json(text) else { return };
    match info.to_json() {
        // Escapes and spelled-out defaults can make it longer than it was.
        Err(error) => assert!(matches!(error, MetadataError::TooLarge(_)), "{error}"),
        Ok(json) => assert_eq!(CaptureInfo::from_json(&json).expect("own document"), info),
    }
}
