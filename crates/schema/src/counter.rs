//! Indexes of the probe's counters.
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
    /// Attempts lost because their end was never seen: while they were still in
    /// the table their socket started again or became another, or was found in
    /// another state at the stop.
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
    /// Calls of connect(2) that could not be followed to their end because the
    /// table for `--trace-local-errors` was full. Those that reach SYN_SENT are
    /// seen all the same.
    SyscallTableFull = 9,
    /// First of [`Outcome::COUNT`] slots: finished attempts below the
    /// configured minimum latency, by outcome.
    SuppressedBase = 10,
}

/// Number of counters.
pub const COUNTERS: usize = Counter::SuppressedBase as usize + Outcome::COUNT;

/// Copies of the counters; each CPU adds to the one of its number modulo this.
///
/// Not a per-CPU map: the kernel writes as many values of one as it has
/// possible CPUs, and a program learns that number only from files that a
/// container may fake. Here the map's own size says it all. A power of two.
pub const COUNTER_BLOCKS: u32 = 64;

/// The counters of one block, padded so that no two blocks share a cache line
/// and an index is bounded by a mask. A power of two.
pub type CounterBlock = [u64; 32];

/// All blocks, which are one value of the map: the recorder reads them ten times
/// a second, with one call.
pub type CounterBlocks = [CounterBlock; COUNTER_BLOCKS as usize];

const _: () = assert!(COUNTERS <= size_of::<CounterBlock>() / size_of::<u64>());

/// Slot that counts suppressed attempts of one outcome.
pub const fn suppressed_slot(outcome: Outcome) -> usize {
    Counter::SuppressedBase as usize + outcome as usize
}
