//! The probe's counters as an account of events.

use aya::maps::{Array, MapData, MapError};
use connlat_schema::Outcome;
use connlat_schema::capture::metadata::{Counters, Lost};
use connlat_schema::counter::{Counter, CounterBlock, CounterBlocks, suppressed_slot};

/// A counter could not be read, so that the account is unknown.
#[derive(Debug, thiserror::Error)]
#[error("the kernel's counters cannot be read: {0}")]
pub struct Unreadable(#[from] MapError);

/// Each counter over all CPUs.
///
/// # Errors
/// [`Unreadable`] when they cannot be read.
pub fn sum(counts: &Array<MapData, CounterBlocks>) -> Result<CounterBlock, Unreadable> {
    let mut sums = CounterBlock::default();
    for block in counts.get(&0, 0)? {
        for (sum, count) in sums.iter_mut().zip(block) {
            *sum += count;
        }
    }
    Ok(sums)
}

/// The account as the capture holds it; `written` is the caller's.
pub fn counters(sums: &CounterBlock, program_misses: u64, undecodable: u64) -> Counters {
    let count = |counter: Counter| sums[counter as usize];
    let suppressed = Outcome::ALL
        .into_iter()
        .map(|outcome| (outcome.as_str().to_owned(), sums[suppressed_slot(outcome)]))
        .filter(|(_, count)| *count > 0)
        .collect();
    Counters {
        seen: count(Counter::Started),
        written: 0,
        filtered: count(Counter::Filtered),
        suppressed,
        end_without_start: count(Counter::EndWithoutStart),
        lost: Lost {
            ring_full: count(Counter::RingFull),
            in_flight_full: count(Counter::StartMapFull),
            end_missed: count(Counter::EndMissed),
            program_misses: program_misses + count(Counter::SyscallTableFull),
            recorder: undecodable,
        },
    }
}
