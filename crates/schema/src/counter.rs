//! Indexes of the probe's per-CPU counters.
//!
//! Together they account for every attempt the probe saw start:
//!
//! ```text
//! Started = Filtered + StartMapFull + EndMissed
//!         + Emitted + RingFull + Suppressed… + still in the in-flight table
//! ```

use crate::outcome::Outcome;

/// One counter of the probe; the discriminant is its slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Counter {
    /// Transitions to SYN_SENT of TCP sockets, before any filter.
    Started = 0,
    /// Started attempts that a filter rejected.
    Filtered = 1,
    /// Attempts lost because the in-flight table was full.
    StartMapFull = 2,
    /// Attempts lost because their end was never seen: the socket started
    /// again, or was found in another state at the stop, while its attempt was
    /// still in the table.
    EndMissed = 3,
    /// Ends of SYN_SENT without an entry: begun before the recording, filtered
    /// out, or lost at the start.
    EndWithoutStart = 4,
    /// Records handed to the ring buffer.
    Emitted = 5,
    /// Finished attempts lost because the ring buffer was full.
    RingFull = 6,
    /// SYN_SENT transitions of sockets that are not `tcp_sock`s (MPTCP's outer socket).
    NotTcp = 7,
    /// Starts and ends that only the last program on the tracepoint saw: the
    /// kernel had skipped those before it.
    LastNeeded = 8,
    /// First of [`Outcome::COUNT`] slots: finished attempts below the
    /// configured minimum latency, by outcome.
    SuppressedBase = 9,
}

/// Number of slots.
pub const COUNTERS: u32 = Counter::SuppressedBase as u32 + Outcome::COUNT as u32;

/// Slot that counts suppressed attempts of one outcome.
pub const fn suppressed_slot(outcome: Outcome) -> u32 {
    Counter::SuppressedBase as u32 + outcome as u32
}
