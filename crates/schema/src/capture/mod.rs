//! The capture file: one row per connect attempt, format version 1.
//!
//! `docs/format.md` is the reference for people; the names here are the
//! contract other programs read.
//!
//! * [`columns`] and [`rows`]: what a row is, and its way from and to events;
//! * [`metadata`] and [`footer`]: the document beside the rows, and where it lies;
//! * [`merged`]: what is said of captures that were put together;
//! * [`journal`]: what a recording leaves on disk before it is sealed;
//! * [`bundle`]: the archive that holds a capture and what belongs to it;
//! * `file` (feature `parquet`): captures written, and columns checked, in Parquet.

pub mod bundle;
mod cell;
mod clock_samples;
pub mod columns;
mod counters;
#[cfg(feature = "parquet")]
pub mod file;
pub mod footer;
mod instant;
pub mod journal;
pub mod loss_spans;
pub mod merged;
pub mod metadata;
pub mod rows;

/// Version of the columns and of the metadata document written by this crate.
pub const FORMAT_VERSION: u32 = 1;
/// Footer key whose value is [`FORMAT_VERSION`] in decimal.
pub const KEY_FORMAT_VERSION: &str = "connlat.schema_version";
/// Footer key whose value is [`metadata::CaptureInfo`] as JSON.
pub const KEY_CAPTURE: &str = "connlat.capture";
/// Both values together stay below this many bytes: larger ones break readers.
pub const METADATA_LIMIT: usize = 64 * 1024;
