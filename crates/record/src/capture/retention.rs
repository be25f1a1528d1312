//! What a flight recorder deletes: its own oldest sealed segments, nothing else.
//!
//! Own means: in this host's part of the tree, in the directory of today's
//! layout or of the former one, named like this host's captures, and by its own
//! metadata a rotated segment of this very machine.
//! Segments of earlier runs count, journals never do. Others may put files with
//! such names there: of each no more is read than a bounded look at its footer,
//! and what is deleted is the file that was looked at.
//!
//! A wall clock that is set forward must not make everything old, nor one that
//! is set back the newest segment the oldest. So segments of this boot are told
//! apart by CLOCK_MONOTONIC, and the wall clock, which those of earlier boots
//! need, counts only as far as it has run since the recorder began.

mod ended;
mod foreign;

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use connlat_schema::capture::metadata::CaptureInfo;

use super::naming::name_prefix;
use super::recover::capture_info;
use crate::files::{Directory, FileId};
use crate::host::ClockReading;
use ended::Ended;
pub use foreign::Foreign;

/// Most segments that are remembered during a look, some 2 MB. Others can put
/// any number of them there; the oldest are what matters, and what is beyond
/// them has its turn at the next look.
const MOST_REMEMBERED: usize = 10_000;

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

/// A sealed segment on disk; what ended later is greater.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Segment {
    /// Which of the host's directories.
    host: usize,
    /// The directory in the host's that it is in.
    day: OsString,
    /// Its name in that.
    name: OsString,
    file: FileId,
    /// Its size.
    pub bytes: u64,
    ended: Ended,
}

impl Segment {
    /// Its name in the host's directory.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(&self.day).join(&self.name)
    }

    fn delete(&self, hosts: &[&Directory]) -> io::Result<()> {
        let host = hosts.get(self.host).ok_or(io::ErrorKind::NotFound)?;
        host.subdirectory(&self.day)?.remove(&self.name, self.file)
    }
}

impl Ord for Segment {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.ended, &self.name, &self.day, self.host).cmp(&(
            other.ended,
            &other.name,
            &other.day,
            other.host,
        ))
    }
}

impl PartialOrd for Segment {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What became of what need not be kept.
#[derive(Debug, Default)]
pub struct Deleted {
    /// Segments that are gone.
    pub segments: Vec<Segment>,
    /// The first failure to delete one.
    pub failed: Option<io::Error>,
}

/// Deletes what need not be kept below the host's directories: first that of
/// today's layout, then that of earlier versions if there is one. What cannot be
/// deleted does not keep the others.
///
/// # Errors
/// When a directory cannot be listed; nothing is deleted then.
pub fn apply(
    retention: Retention,
    hosts: &[&Directory],
    owner: &Owner,
    now: ClockReading,
    foreign: &mut Foreign,
) -> io::Result<Deleted> {
    if retention == Retention::default() {
        return Ok(Deleted::default());
    }
    let Found { oldest, mut count, mut bytes } =
        Found::look(hosts, owner, foreign, MOST_REMEMBERED)?;
    let mut deleted = Vec::new();
    let mut failed = None;
    for segment in oldest.into_sorted_vec() {
        let too_old =
            retention.age.is_some_and(|age| segment.ended.is_older_than(age, owner.started, now));
        // The newest is always kept, however small the allowance.
        let too_much = count > 1 && retention.bytes.is_some_and(|most| bytes > most);
        // What is left are those that are newer.
        count -= 1;
        bytes = bytes.saturating_sub(segment.bytes);
        if too_old || too_much {
            match segment.delete(hosts) {
                Ok(()) => deleted.push(segment),
                // Another recorder in this tree was faster.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => failed = failed.or(Some(error)),
            }
        }
    }
    for (place, host_directory) in hosts.iter().enumerate() {
        remove_empty_days(host_directory, place == 0);
    }
    Ok(Deleted { segments: deleted, failed })
}

/// Own segments in the tree.
#[derive(Debug, Default)]
struct Found {
    /// The oldest of them.
    oldest: BinaryHeap<Segment>,
    /// How many there are.
    count: u64,
    /// Their size together.
    bytes: u64,
}

impl Found {
    fn look(
        hosts: &[&Directory],
        owner: &Owner,
        foreign: &mut Foreign,
        most: usize,
    ) -> io::Result<Self> {
        let prefix = name_prefix(&owner.host);
        let mut found = Self::default();
        let mut failed = None;
        for (host, host_directory) in hosts.iter().enumerate() {
            host_directory.for_each_name(|day| {
                if !is_day(day) {
                    return;
                }
                // A link or a file, or another recorder has just removed it.
                let Ok(directory) = host_directory.subdirectory(day) else { return };
                let listed = directory.for_each_name(|name| {
                    let text = name.to_string_lossy();
                    if text.starts_with(&prefix)
                        && text.ends_with(".parquet")
                        // What is no segment of ours, or cannot be read, is none.
                        && let Some((file, bytes, ended)) = own_segment(&directory, name, owner, foreign)
                    {
                        let (day, name) = (day.to_owned(), name.to_owned());
                        found.add(Segment { host, day, name, file, bytes, ended }, most);
                    }
                });
                failed = failed.take().or(listed.err());
            })?;
        }
        failed.map_or(Ok(found), Err)
    }

    fn add(&mut self, segment: Segment, most: usize) {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(segment.bytes);
        self.oldest.push(segment);
        if self.oldest.len() > most {
            self.oldest.pop();
        }
    }
}

fn own_segment(
    directory: &Directory,
    name: &OsStr,
    owner: &Owner,
    foreign: &mut Foreign,
) -> Option<(FileId, u64, Ended)> {
    let file = directory.open_file(name).ok()?;
    let own_info = || {
        let info = capture_info(&file, &directory.shown(name)).ok()?;
        is_own(&info, owner).then_some(info)
    };
    let info = foreign.look_once(&file, own_info)?;
    let metadata = file.metadata().ok()?;
    let ended = if info.boot_id == owner.boot_id {
        Ended::ThisBoot(info.stop.monotonic_ns)
    } else {
        Ended::Before(metadata.modified().ok()?)
    };
    Some((FileId::of(&file).ok()?, metadata.len(), ended))
}

fn is_day(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with("date=")
}

fn is_own(info: &CaptureInfo, owner: &Owner) -> bool {
    info.segment.is_some()
        && info.host == owner.host
        && info.machine_id_hash == owner.machine_id_hash
}

/// A day whose segments are all gone leaves no empty directory. The newest
/// day stays if segments still come, for the next may be about to appear there,
/// and one that is not empty stays by rmdir(2).
fn remove_empty_days(host_directory: &Directory, segments_come: bool) {
    let mut newest = OsString::new();
    let listed = host_directory.for_each_name(|name| {
        if is_day(name) && name > newest.as_os_str() {
            newest = name.to_owned();
        }
    });
    let _ = listed.and_then(|()| {
        host_directory.for_each_name(|name| {
            if is_day(name) && !(segments_come && name == newest.as_os_str()) {
                let _ = host_directory.remove_subdirectory(name);
            }
        })
    });
}

#[cfg(test)]
mod tests;
