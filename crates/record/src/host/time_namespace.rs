//! The time namespace this process is in (time_namespaces(7), Linux 5.6).
//!
//! The kernel's events carry the host's monotonic clock. In a time namespace
//! this process reads another one, off by a constant; everything that is
//! compared with events, or with captures of this boot, has to be the host's.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::sync::OnceLock;

use anyhow::{Context, bail};

/// This process's CLOCK_MONOTONIC minus the host's, ns.
static AHEAD_NS: OnceLock<i64> = OnceLock::new();

/// Finds out how far this process's monotonic clock is from the host's. To be
/// called before any clock is read. How far, ns.
///
/// # Errors
/// Where that cannot be told.
pub fn find() -> anyhow::Result<i64> {
    let inode = |name: &str| fs::metadata(format!("/proc/self/ns/{name}")).map(|file| file.ino());
    let Ok(own) = inode("time") else {
        // A kernel without time namespaces.
        return Ok(0);
    };
    // The offsets that /proc shows are those of future children.
    if inode("time_for_children").is_ok_and(|children| children != own) {
        bail!(
            "this process is not in the time namespace of its children, so that its clocks cannot be told; start record with unshare --time --fork, or outside the time namespace"
        );
    }
    let offsets = fs::read_to_string("/proc/self/timens_offsets")
        .context("cannot tell the time namespace's clock: /proc/self/timens_offsets")?;
    let ahead = parse(&offsets)
        .context("cannot tell the time namespace's clock from /proc/self/timens_offsets")?;
    Ok(*AHEAD_NS.get_or_init(|| ahead))
}

/// This process's CLOCK_MONOTONIC minus the host's, ns.
pub fn ahead_ns() -> i64 {
    AHEAD_NS.get().copied().unwrap_or_default()
}

/// The line `monotonic SECONDS NANOSECONDS`, in ns.
fn parse(offsets: &str) -> Option<i64> {
    let line = offsets.lines().find_map(|line| line.trim_start().strip_prefix("monotonic"))?;
    let mut numbers = line.split_whitespace().map(str::parse::<i64>);
    let (seconds, nanoseconds) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_monotonic_offset_is_found() {
        let offsets = "monotonic     1000000         5\nboottime      7         0\n";
        assert_eq!(parse(offsets), Some(1_000_000_000_000_005));
        assert_eq!(parse("monotonic -2 250000000\n"), Some(-1_750_000_000));
        for broken in ["", "boottime 1 0\n", "monotonic\n", "monotonic x 0\n"] {
            assert_eq!(parse(broken), None, "{broken}");
        }
    }
}
