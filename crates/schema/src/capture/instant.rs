//! A moment as the metadata of a capture has it.

use serde::{Deserialize, Serialize};

/// One moment on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instant {
    /// Wall clock, µs since 1970 UTC.
    pub time_us: i64,
    /// CLOCK_MONOTONIC, ns.
    pub monotonic_ns: i64,
}
