//! When segments ended, whatever the wall clock does.

use std::time::{Duration, SystemTime};

use crate::host::ClockReading;

/// When a segment ended; what ended later is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ended {
    /// In an earlier boot: when the file was last written.
    Before(SystemTime),
    /// In this boot: CLOCK_MONOTONIC, ns.
    ThisBoot(i64),
}

impl Ended {
    /// Whether it ended longer ago than `age`.
    pub fn is_older_than(self, age: Duration, started: ClockReading, now: ClockReading) -> bool {
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
