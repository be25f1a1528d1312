//! Captures too large to be held in memory at once.

use std::fs::File;
use std::path::Path;

use connlat_schema::capture::file::{CaptureWriter, WriterOptions};

use super::capture::{Capture, Connect};

/// Writes a capture of at least so many rows, block by block; returns how many
/// it has.
pub fn write_blocks(path: &Path, rows: usize, mut block: impl FnMut() -> Vec<Connect>) -> usize {
    let mut written = 0;
    let mut capture = Capture::of(block());
    let file = File::create(path).expect("a file");
    let options = WriterOptions { zstd_level: 1, ..WriterOptions::default() };
    let mut writer = CaptureWriter::create(file, &options).expect("a writer");
    loop {
        writer.write(capture.batch()).expect("a batch");
        written += capture.rows.len();
        if written >= rows {
            break;
        }
        capture.rows = block();
    }
    capture.info.counters.seen = written as u64;
    writer.finish(capture.info).expect("a footer");
    written
}
