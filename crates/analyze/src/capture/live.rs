//! Whether a recorder is still at work on a journal.

use std::fs::File;
use std::time::Duration;

/// A journal that holds nothing is this young while its recorder begins.
const BEGINNING: Duration = Duration::from_secs(10);

/// Whether a recorder on this machine has the journal locked. Where that cannot
/// be told, as of a copy, it has not.
#[cfg(target_os = "linux")]
pub(super) fn is_recording(journal: &File) -> bool {
    use std::os::unix::fs::MetadataExt;

    // Asking for a lock would get one, and for that moment keep a recorder from
    // its own; the list says the same and disturbs nobody.
    let Ok(status) = journal.metadata() else { return false };
    let Ok(locks) = std::fs::read_to_string("/proc/locks") else { return false };
    locks.lines().any(|lock| is_lock_of(lock, status.ino()))
}

/// Nobody records elsewhere.
#[cfg(not(target_os = "linux"))]
pub(super) fn is_recording(_: &File) -> bool {
    false
}

/// A line such as `1: OFDLCK ADVISORY  WRITE -1 fe:00:6169903 0 EOF`: a lock on
/// a whole file as recorders take it. The device is not compared: it is not
/// that of stat(2) on every file system.
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "see is_recording"))]
fn is_lock_of(line: &str, inode: u64) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        [_, "OFDLCK", _, "WRITE", _, place, "0", "EOF"] => {
            place.rsplit(':').next().and_then(|number| number.parse().ok()) == Some(inode)
        }
        _ => false,
    }
}

/// Whether a journal without a whole message has only just been created.
pub(super) fn is_beginning(journal: &File) -> bool {
    let changed = journal.metadata().and_then(|status| status.modified()).ok();
    let age = changed.and_then(|changed| changed.elapsed().ok());
    is_recording(journal) || age.is_some_and(|age| age < BEGINNING)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_as_the_kernel_lists_them() {
        let line = "12: OFDLCK ADVISORY  WRITE -1 fe:00:6169903 0 EOF";
        assert!(is_lock_of(line, 6_169_903));
        assert!(!is_lock_of(line, 616_990));
        for other in [
            "1: OFDLCK ADVISORY  READ -1 fe:00:5 0 EOF",
            "1: FLOCK  ADVISORY  WRITE 77 fe:00:5 0 EOF",
            "1: -> OFDLCK ADVISORY  WRITE -1 fe:00:5 0 EOF",
            "1: OFDLCK ADVISORY  WRITE -1 fe:00:5 0 10",
            "",
        ] {
            assert!(!is_lock_of(other, 5), "{other}");
        }
    }
}
