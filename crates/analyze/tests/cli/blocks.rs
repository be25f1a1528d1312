//! Captures too large to be held in memory at once.

use std::fs::File;
use std::path::Path;

use connlat_schema::capture::columns;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;

use super::capture::{Capture, Connect};

/// Writes a capture of at least so many rows, block by block; returns how many
/// it has.
pub fn write_blocks(path: &Path, rows: usize, mut block: impl FnMut() -> Vec<Connect>) -> usize {
    let mut written = 0;
    let mut capture = Capture::of(block());
    let zstd = Compression::ZSTD(ZstdLevel::try_new(1).expect("a level"));
    let properties = WriterProperties::builder()
        .set_compression(zstd)
        .set_max_row_group_row_count(Some(100_000))
        .build();
    let file = File::create(path).expect("a file");
    let schema = columns::schema();
    let mut writer = ArrowWriter::try_new(file, schema, Some(properties)).expect("a writer");
    loop {
        writer.write(&capture.batch()).expect("a batch");
        written += capture.rows.len();
        if written >= rows {
            break;
        }
        capture.rows = block();
    }
    let counters = &mut capture.info.counters;
    (counters.seen, counters.written) = (written as u64, written as u64);
    for (key, value) in capture.pairs() {
        writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
    }
    writer.close().expect("a footer");
    written
}
