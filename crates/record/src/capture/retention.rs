//! What a flight recorder deletes: its own oldest sealed segments, nothing else.
//!
//! Own means: in this host's part of the tree, named like this host's
//! captures, and by its own metadata a rotated segment of this very machine.
//! Segments of earlier runs count, journals never do.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::naming::name_prefix;
use super::recover::capture_info;

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
}

/// A sealed segment on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
    modified: SystemTime,
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
    now: SystemTime,
) -> io::Result<Vec<Segment>> {
    if retention == Retention::default() {
        return Ok(Vec::new());
    }
    let mut segments = own_segments(host_directory, owner)?;
    // The newest come first: they are kept until the allowance is used up.
    segments.sort_by(|a, b| (b.modified, &b.path).cmp(&(a.modified, &a.path)));
    let mut kept_bytes = 0_u64;
    let mut deleted = Vec::new();
    for (newer, segment) in segments.into_iter().enumerate() {
        kept_bytes = kept_bytes.saturating_add(segment.bytes);
        let too_old = retention
            .age
            .is_some_and(|age| now.duration_since(segment.modified).is_ok_and(|since| since > age));
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
            if is_candidate && entry.file_type()?.is_file() && is_own(&entry.path(), owner) {
                let metadata = entry.metadata()?;
                let modified = metadata.modified()?;
                segments.push(Segment { path: entry.path(), bytes: metadata.len(), modified });
            }
        }
    }
    Ok(segments)
}

fn is_own(path: &Path, owner: &Owner) -> bool {
    capture_info(path).is_ok_and(|info| {
        info.segment.is_some()
            && info.host == owner.host
            && info.machine_id_hash == owner.machine_id_hash
    })
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
