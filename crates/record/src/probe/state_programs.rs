//! The programs on the tracepoint of TCP state changes: one that does the
//! work, and stand-ins that see what the kernel skips for it.
//!
//! Why, and how they share the work, is in `crates/probe-ebpf/src/turn.rs`.

use std::cell::Cell;
use std::os::fd::AsFd;

use aya::programs::BtfTracePoint;
use aya::{Btf, Ebpf};
use connlat_schema::counter::{Counter, CounterBlock};

use super::error::AttachError;
use super::fdinfo::recursion_misses;
use super::object::{attach, program};

const TRACEPOINT: &str = "inet_sock_set_state";
/// Where only an interrupt can make the kernel skip a program, one stand-in
/// is enough.
const FEW: &[&str] = &["connlat_state", "connlat_state_last"];
/// Where the task inside a program can be preempted, each stand-in is missed
/// by up to a tenth of what the one before it missed.
const MANY: &[&str] =
    &["connlat_state", "connlat_state2", "connlat_state3", "connlat_state4", "connlat_state_last"];
/// First release whose tracepoints leave preemption on (include/linux/tracepoint.h:
/// commit a46023d5616e guards them with SRCU instead).
const PREEMPTIBLE: (u32, u32) = (7, 0);

/// The programs a kernel of this version needs; an unknown one may need all.
pub fn needed(kernel: Option<(u32, u32)>) -> &'static [&'static str] {
    match kernel {
        Some(kernel) if kernel < PREEMPTIBLE => FEW,
        _ => MANY,
    }
}

/// The attached programs.
#[derive(Debug)]
pub struct StatePrograms {
    names: &'static [&'static str],
    /// The estimate so far: it never falls.
    missed: Cell<u64>,
}

impl StatePrograms {
    /// Attaches programs in the order they have to run: those attached later
    /// run later (kernel/tracepoint.c, `func_add`).
    ///
    /// # Errors
    /// Any [`AttachError`].
    pub fn attach(
        ebpf: &mut Ebpf,
        btf: &Btf,
        names: &'static [&'static str],
    ) -> Result<Self, AttachError> {
        for name in names {
            attach(ebpf, name, TRACEPOINT, btf)?;
        }
        Ok(Self { names, missed: Cell::new(0) })
    }

    /// Detaches them, the first one first: the others stand in until the end.
    pub fn detach(&mut self, ebpf: &mut Ebpf) {
        for name in self.names {
            if let Ok(state) = program::<BtfTracePoint>(ebpf, name) {
                // Unloading closes the link first; an error leaves it to the exit.
                let _ = state.unload();
            }
        }
    }

    /// About how many starts and ends of connects none of them saw.
    ///
    /// The kernel counts what it skipped for each program (`recursion_misses`),
    /// not what it skipped for all. But the last program counts how often those
    /// before it had been skipped, and it is itself skipped as often then as at
    /// other times. Once they are detached, the estimate up to then. `None` where
    /// the kernel does not say (before Linux 5.12).
    pub fn missed(&self, ebpf: &Ebpf, counts: &CounterBlock) -> Option<u64> {
        let last = self.names.last().and_then(|name| ebpf.program(name)?.fd().ok());
        if let Some(fd) = last {
            let skipped = recursion_misses(fd.as_fd())?;
            let count = |counter: Counter| counts[counter as usize];
            let now = estimate(count(Counter::LastNeeded), skipped, 2 * count(Counter::Started));
            self.missed.set(self.missed.get().max(now));
        }
        Some(self.missed.get())
    }
}

/// What the last program missed of what it alone could have seen: `needed` is
/// what it saw of that, `skipped` of at least `runs` is how often it is skipped.
fn estimate(needed: u64, skipped: u64, runs: u64) -> u64 {
    let missed = u128::from(needed) * u128::from(skipped) / u128::from(runs.max(1));
    u64::try_from(missed).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_all_missed_is_estimated_from_the_last() {
        assert_eq!(estimate(0, 1_000, 0), 0, "the last one was never needed");
        assert_eq!(estimate(4, 8, 400_000), 0, "interrupts hardly ever meet");
        // Three programs on Linux 7.2, one CPU, seven threads: 9 to 19 of
        // 8,000 connects were missed by all three.
        assert_eq!(estimate(320, 1_972, 16_000), 39);
        assert_eq!(estimate(u64::MAX, u64::MAX, 1), u64::MAX);
    }
}
