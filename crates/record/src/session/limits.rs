//! Bounds the user set on a recording, and which of them it reached.

use std::fs;
use std::time::{Duration, Instant};

use connlat_schema::capture::metadata::StopReason;

/// How often memory is looked at.
const MEMORY_INTERVAL: Duration = Duration::from_secs(1);

/// Bounds; `None` is no bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// Rows written.
    pub events: Option<u64>,
    /// Bytes on disk: journals and sealed captures of this recording.
    pub bytes: Option<u64>,
    /// Bytes of memory: the process, the ring buffer and the in-flight table.
    pub memory: Option<u64>,
}

/// Watches the bounds.
#[derive(Debug)]
pub struct LimitWatch {
    limits: Limits,
    kernel_memory: u64,
    memory_looked_at: Option<Instant>,
}

impl LimitWatch {
    /// `kernel_memory` is what the probe's maps take, bytes.
    pub fn new(limits: Limits, kernel_memory: u64) -> Self {
        Self { limits, kernel_memory, memory_looked_at: None }
    }

    /// The bound that is reached, if any.
    pub fn reached(&mut self, events: u64, bytes: u64) -> Option<StopReason> {
        if self.limits.events.is_some_and(|most| events >= most) {
            return Some(StopReason::MaxEvents);
        }
        if self.limits.bytes.is_some_and(|most| bytes >= most) {
            return Some(StopReason::MaxSize);
        }
        let most = self.limits.memory?;
        if self.memory_looked_at.is_some_and(|at| at.elapsed() < MEMORY_INTERVAL) {
            return None;
        }
        self.memory_looked_at = Some(Instant::now());
        let used = resident_bytes()?.saturating_add(self.kernel_memory);
        (used >= most).then_some(StopReason::MaxMemory)
    }
}

/// Resident memory of this process, from `/proc/self/statm` (proc(5)).
fn resident_bytes() -> Option<u64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bound_stops_when_it_is_reached() {
        let mut none = LimitWatch::new(Limits::default(), 0);
        assert_eq!(none.reached(u64::MAX, u64::MAX), None);
        let limits = Limits { events: Some(10), bytes: Some(100), memory: None };
        let mut watch = LimitWatch::new(limits, 0);
        assert_eq!(watch.reached(9, 99), None);
        assert_eq!(watch.reached(10, 99), Some(StopReason::MaxEvents));
        assert_eq!(watch.reached(9, 100), Some(StopReason::MaxSize));
        let limits = Limits { memory: Some(1), ..Limits::default() };
        assert_eq!(LimitWatch::new(limits, 0).reached(0, 0), Some(StopReason::MaxMemory));
        let limits = Limits { memory: Some(u64::MAX), ..Limits::default() };
        assert_eq!(LimitWatch::new(limits, 0).reached(0, 0), None);
    }
}
