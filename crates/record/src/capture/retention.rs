//! What a flight recorder deletes: its own oldest sealed segments, nothing else.
//!
//! Own means: in this host's part of the tree, named like this host's
//! captures, and by its own metadata a rotated segment of this very machine.
//! Segments of earlier runs count, journals never do.
//!
//! A wall clock that is set forward must not make everything old, nor one that
//! is set back the newest segment the oldest. So segments of this boot are told
//! apart by CLOCK_MONOTONIC, and the wall clock, which those of earlier boots
//! need, counts only as far as it has run since the recorder began.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use connlat_schema::capture::metadata::CaptureInfo;

use super::naming::name_prefix;
use super::recover::capture_info;
use crate::host::ClockReading;

/// What to keep; `None` keeps everything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retention {
    /// Segments that ended longer ago are deleted.
    pub age: Option<Duration>,
    /// The oldest are deleted until the rest is smaller, bytes.
    pub bytes: Option<u64>,
}

/// Whose segments may be deleted.
#[derive(Debug, Clone)]
pub struct Owner {
    /// Host name.
    pub host: String,
    /// `CaptureInfo::machine_id_hash`.
    pub machine_id_hash: Option<String>,
    /// `CaptureInfo::boot_id` of this boot.
    pub boot_id: String,
    /// The clocks when the recorder began.
    pub started: ClockReading,
}

/// A sealed segment on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    ended: Ended,
}

/// When a segment ended; what ended later is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ended {
    /// In an earlier boot: when the file was last written.
    Before(SystemTime),
    /// In this boot: CLOCK_MONOTONIC, ns.
    ThisBoot(i64),
}

impl Ended {
    fn is_older_than(self, age: Duration, started: ClockReading, now: ClockReading) -> bool {
        let since = match self {
            Self::ThisBoot(ended) => duration(now.monotonic_ns.saturating_sub(ended)),
            Self::Before(written) => {
                let running = now.monotonic_ns.saturating_sub(started.monotonic_ns);
                let wall = now.realtime_ns.min(started.realtime_ns.saturating_add(running));
                let wall = SystemTime::UNIX_EPOCH + duration(wall);
                wall.duration_since(written).unwrap_or_default()
            }
        };
        since > age
    }
}

fn duration(nanoseconds: i64) -> Duration {
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or_default())
}

/// Deletes what need not be kept below the host's directory; returns the
/// segments deleted.
///
/// # Errors
/// The first failure; files deleted before it stay deleted.
pub fn apply(
    retention: Retention,
    host_directory: &Path,
    owner: &Owner,
    now: ClockReading,
) -> io::Result<Vec<Segment>> {
    if retention == Retention::default() {
        return Ok(Vec::new());
    }
    let mut segments = own_segments(host_directory, owner)?;
    // The newest come first: they are kept until the allowance is used up.
    segments.sort_by(|a, b| (b.ended, &b.path).cmp(&(a.ended, &a.path)));
    let mut kept_bytes = 0_u64;
    let mut deleted = Vec::new();
    for (newer, segment) in segments.into_iter().enumerate() {
        kept_bytes = kept_bytes.saturating_add(segment.bytes);
        let too_old =
            retention.age.is_some_and(|age| segment.ended.is_older_than(age, owner.started, now));
        // The newest is always kept, however small the allowance.
        let too_much = newer > 0 && retention.bytes.is_some_and(|bytes| kept_bytes > bytes);
        if too_old || too_much {
            fs::remove_file(&segment.path)?;
            deleted.push(segment);
        }
    }
    remove_empty_days(host_directory);
    Ok(deleted)
}

fn own_segments(host_directory: &Path, owner: &Owner) -> io::Result<Vec<Segment>> {
    let prefix = name_prefix(&owner.host);
    let mut segments = Vec::new();
    for day in fs::read_dir(host_directory)? {
        let day = day?;
        if !day.file_type()?.is_dir() || !day.file_name().to_string_lossy().starts_with("date=") {
            continue;
        }
        for entry in fs::read_dir(day.path())? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let is_candidate = name.starts_with(&prefix) && name.ends_with(".parquet");
            if !is_candidate || !entry.file_type()?.is_file() {
                continue;
            }
            let path = entry.path();
            let Ok(info) = capture_info(&path) else { continue };
            if is_own(&info, owner) {
                let metadata = entry.metadata()?;
                let ended = if info.boot_id == owner.boot_id {
                    Ended::ThisBoot(info.stop.monotonic_ns)
                } else {
                    Ended::Before(metadata.modified()?)
                };
                segments.push(Segment { path, bytes: metadata.len(), ended });
            }
        }
    }
    Ok(segments)
}

fn is_own(info: &CaptureInfo, owner: &Owner) -> bool {
    info.segment.is_some()
        && info.host == owner.host
        && info.machine_id_hash == owner.machine_id_hash
}

/// A day whose segments are all gone leaves no empty directory. The newest
/// day stays, for the next segment may be about to appear there, and one that
/// is not empty stays by rmdir(2).
fn remove_empty_days(host_directory: &Path) {
    let Ok(days) = fs::read_dir(host_directory) else { return };
    let names = days.flatten().map(|day| day.file_name().to_string_lossy().into_owned());
    let mut days: Vec<String> = names.filter(|name| name.starts_with("date=")).collect();
    days.sort();
    days.pop();
    for day in days {
        let _ = fs::remove_dir(host_directory.join(day));
    }
}

#[cfg(test)]
mod tests;
