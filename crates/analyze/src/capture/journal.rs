//! Journals: what is on disk of a recording that nobody finished.
//!
//! The rows that pass their checksum are copied, a row group at a time, into a
//! temporary Parquet file. It costs a copy on disk; in return memory stays
//! bounded and every question works on a journal as on a capture.

use std::fmt;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use arrow::array::cast::AsArray;
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use arrow::record_batch::RecordBatch;
use connlat_schema::capture::columns::{LATENCY_NS, START_NS, TIME, schema};
use connlat_schema::capture::journal::{JournalEnd, JournalReader};
use connlat_schema::capture::metadata::{CaptureInfo, Instant, StopReason};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use tempfile::{NamedTempFile, TempPath};

use super::error::Problem;
use super::{Capture, parquet as sealed};
use crate::{guard, units};

/// First bytes of an Arrow IPC stream.
pub(super) const FIRST_BYTES: &[u8] = &[0xff; 4];
/// Rows that are held in memory at a time.
const ROW_GROUP_ROWS: usize = 100_000;

/// How a journal ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LeftOver {
    end: JournalEnd,
    /// Bytes after the last whole message.
    ignored: u64,
}

/// In words for people.
impl fmt::Display for LeftOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.end {
            JournalEnd::Closed => write!(f, "complete, but not yet made into a capture"),
            JournalEnd::Open => write!(f, "it ends after a whole batch: recording or killed"),
            JournalEnd::Damaged => {
                write!(
                    f,
                    "it ends in a torn or damaged batch: {} ignored",
                    units::bytes(self.ignored)
                )
            }
        }
    }
}

/// Opens a journal.
pub(super) fn open(path: &Path, file: File) -> Result<Capture, Problem> {
    // A recorder may still be writing: what comes later is not looked at.
    let bytes = file.metadata()?.len();
    let copied = guard::caught(|| copy(file.take(bytes))).map_err(Problem::damaged)??;
    let Copied { rows, info, end, read, temporary } = copied;
    let footer = sealed::footer(&File::open(&temporary)?)?;
    let file = sealed::as_read(&temporary, footer)?.keep(temporary);
    let journal = Some(LeftOver { end, ignored: bytes.saturating_sub(read) });
    Ok(Capture { path: path.to_owned(), bytes, rows, info, argument: 0, journal, file })
}

struct Copied {
    rows: u64,
    info: CaptureInfo,
    end: JournalEnd,
    read: u64,
    temporary: TempPath,
}

fn copy(input: impl Read) -> Result<Copied, Problem> {
    let mut reader = JournalReader::open(BufReader::new(input))?;
    let file = NamedTempFile::with_prefix("analyze-").map_err(temporary)?;
    let level = ZstdLevel::try_new(1).map_err(temporary)?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .build();
    let out = BufWriter::new(file);
    let mut writer = ArrowWriter::try_new(out, schema(), Some(properties)).map_err(temporary)?;
    let mut rows = 0;
    let mut last = reader.info().stop;
    while let Some(batch) = reader.next_batch()? {
        last = later(last, &batch);
        rows += batch.num_rows() as u64;
        writer.write(&batch).map_err(temporary)?;
    }
    let mut out = writer.into_inner().map_err(temporary)?;
    out.flush().map_err(temporary)?;
    let file = out.into_inner().map_err(temporary)?;
    let info = finish(reader.info(), rows, last);
    let end = reader.end().unwrap_or(JournalEnd::Damaged);
    Ok(Copied { rows, info, end, read: reader.offset(), temporary: file.into_temp_path() })
}

fn temporary(error: impl fmt::Display) -> Problem {
    Problem::Temporary(crate::escape::terminal(&error.to_string()))
}

/// The last moment a batch tells of, if later than the one known.
fn later(known: Instant, batch: &RecordBatch) -> Instant {
    let int64 = |name: &str| batch.column_by_name(name)?.as_primitive_opt::<Int64Type>();
    let time = batch
        .column_by_name(TIME)
        .and_then(|column| column.as_primitive_opt::<TimestampMicrosecondType>());
    let (Some(time), Some(start), Some(latency)) = (time, int64(START_NS), int64(LATENCY_NS))
    else {
        return known;
    };
    (0..batch.num_rows()).fold(known, |last, row| {
        let end = start.value(row).saturating_add(latency.value(row));
        if end <= last.monotonic_ns {
            return last;
        }
        let time_us = time.value(row).saturating_add(latency.value(row) / 1_000);
        Instant { time_us, monotonic_ns: end }
    })
}

/// The account as far as it goes.
fn finish(mut info: CaptureInfo, rows: u64, last: Instant) -> CaptureInfo {
    info.counters.written = rows;
    info.clean = false;
    info.stop_reason = StopReason::Unknown;
    let sample = info.clock.last().map(|sample| Instant {
        time_us: sample.realtime_ns / 1_000,
        monotonic_ns: sample.monotonic_ns,
    });
    info.stop = match sample {
        Some(sample) if sample.monotonic_ns > last.monotonic_ns => sample,
        _ => last,
    };
    info
}
