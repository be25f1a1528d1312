//! Both clocks, read together now and then while a recording runs.

use serde::{Deserialize, Serialize};

/// Both clocks read together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockSample {
    /// CLOCK_MONOTONIC halfway between the two bracketing reads, ns.
    pub monotonic_ns: i64,
    /// CLOCK_REALTIME, ns since 1970 UTC.
    pub realtime_ns: i64,
    /// Distance of the bracketing monotonic reads, ns: the sample's own error bound.
    pub bracket_ns: i64,
    /// adjtimex(2) return value (`TIME_OK` 0 … `TIME_ERROR` 5), null if it failed.
    pub adjtimex_state: Option<i32>,
    /// adjtimex(2) `maxerror`, µs: the kernel's bound on its clock error.
    pub max_error_us: Option<i64>,
}

/// Most clock samples of a capture: those of a recording of any length must fit
/// into [`METADATA_LIMIT`](super::METADATA_LIMIT).
pub const CLOCK_SAMPLES_LIMIT: usize = 256;

/// Drops every other sample, but not the first, if there are more than
/// [`CLOCK_SAMPLES_LIMIT`]; returns whether it did.
pub fn thin_clock_samples(samples: &mut Vec<ClockSample>) -> bool {
    let too_many = samples.len() > CLOCK_SAMPLES_LIMIT;
    if too_many {
        let mut keep = false;
        samples.retain(|_| {
            keep = !keep;
            keep
        });
    }
    too_many
}
