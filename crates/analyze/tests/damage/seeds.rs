//! Makes `fuzz/seeds` from a recorded capture: a few rows of it, written with
//! and without compression, so that damage gets past the decompression.

use std::fs::{self, File};
use std::path::Path;

use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;
use connlat_schema::capture::journal::{JournalWriter, Note};
use connlat_schema::capture::metadata::CaptureInfo;
use connlat_schema::capture::{columns, file, footer};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;

use super::checks;

/// Small seeds make fast runs.
const ROWS: usize = 6;

/// Writes all seeds into `to`, from a capture that `record` wrote.
pub fn make(from: &Path, to: &Path) {
    let file = File::open(from).expect("a fixture");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    let mut info = file::capture_info(reader.metadata()).expect("a capture");
    // Long, and read as it stands: the business of the seeds of metadata.
    info.clock.truncate(2);
    info.sysctls.clear();
    let mut batches = reader.with_batch_size(100_000).build().expect("rows");
    let batch = batches.next().expect("rows").expect("rows");
    // From all over, for neighbours are alike.
    let step = batch.num_rows() / ROWS;
    let rows: Vec<_> = (0..ROWS).map(|row| batch.slice(row * step, 1)).collect();
    let rows = concat_batches(&rows[0].schema(), &rows).expect("rows");

    fs::create_dir_all(to).expect("a directory");
    let write = |name: &str, bytes: &[u8]| fs::write(to.join(name), bytes).expect("a seed");
    let zstd = Compression::ZSTD(ZstdLevel::try_new(3).expect("a level"));
    for (name, compression, dictionary) in [
        ("zstd", zstd, true),
        ("plain", Compression::UNCOMPRESSED, false),
        ("dictionary", Compression::UNCOMPRESSED, true),
    ] {
        let capture = capture(&rows, &info, compression, dictionary);
        write(name, &capture);
        let parts = parts(&capture);
        assert_eq!(checks::assembled(&parts), capture);
        write(&format!("{name}-parts"), &parts);
    }
    let plain = capture(&rows, &info, Compression::UNCOMPRESSED, false);
    write("bundle", &bundle(&plain));
    let mut journal = Vec::new();
    let mut writer = JournalWriter::create(&mut journal, &info).expect("a journal");
    let rows = RecordBatch::try_new(columns::schema(), rows.columns().to_vec()).expect("rows");
    for start in [0, ROWS / 2] {
        writer.write(&rows.slice(start, ROWS / 2), &Note::default()).expect("a batch");
    }
    writer.finish().expect("an end");
    write("journal", &journal);
}

/// What `record snapshot --bundle` compresses.
fn bundle(capture: &[u8]) -> Vec<u8> {
    let host = br#"{"version": 1, "memory": {"total_bytes": 1, "swap_total_bytes": null}}"#;
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in [
        ("README.txt", &b"connects"[..]),
        ("host.json", host),
        ("names", b"192.0.2.7 shop.example\n"),
        (&format!("{}.parquet", "n".repeat(120)), capture),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o600);
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, name, bytes).expect("a member");
    }
    archive.into_inner().expect("an archive")
}

fn capture(
    rows: &RecordBatch,
    info: &CaptureInfo,
    compression: Compression,
    dictionary: bool,
) -> Vec<u8> {
    let pairs = footer::pairs(info).expect("a small document");
    let pairs = pairs.map(|(key, value)| KeyValue::new(key.to_owned(), value)).to_vec();
    let mut properties = WriterProperties::builder()
        .set_compression(compression)
        .set_dictionary_enabled(dictionary)
        .set_max_row_group_row_count(Some(ROWS / 2))
        .set_offset_index_disabled(true)
        .set_key_value_metadata(Some(pairs));
    for name in [columns::TIME, columns::START_NS, columns::LATENCY_NS, columns::RTT_US] {
        let path = ColumnPath::new(vec![name.to_owned()]);
        properties = properties
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
    }
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), Some(properties.build()))
        .expect("a writer");
    writer.write(rows).expect("rows");
    writer.close().expect("a footer");
    bytes
}

/// What [`checks::assembled`] takes.
fn parts(capture: &[u8]) -> Vec<u8> {
    let (body, tail) = capture[4..].split_at(capture.len() - 12);
    let length = u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]) as usize;
    let start = u16::try_from(body.len() - length).expect("a small capture");
    [&start.to_le_bytes(), body].concat()
}
