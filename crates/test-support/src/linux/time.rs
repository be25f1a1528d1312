//! The clock of captures, and waiting.

use std::thread;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

const PATIENCE: Duration = Duration::from_secs(20);

/// CLOCK_MONOTONIC, ns.
pub fn monotonic_ns() -> i64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

/// Waits until something is so; fails when it takes too long.
#[track_caller]
pub fn wait_until(what: &str, mut ready: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !ready() {
        assert!(Instant::now() < deadline, "{what} did not appear");
        thread::sleep(Duration::from_millis(5));
    }
}
