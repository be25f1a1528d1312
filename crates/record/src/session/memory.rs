//! Keeps the recorder small: it runs for months beside what it observes.

use anyhow::ensure;
use rustix::process::{Resource, getrlimit};

/// Address space that a start takes beside the program: types of the kernel,
/// the ring buffer, stacks. An allocation that fails later ends the process.
const START: u64 = 96 << 20;

/// Looks whether a limit on the address space leaves room for a start.
///
/// # Errors
/// When it does not.
pub fn check_limit() -> anyhow::Result<()> {
    let Some(limit) = getrlimit(Resource::As).current else { return Ok(()) };
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm.split(' ').next().and_then(|pages| pages.parse().ok()).unwrap_or(0);
    let needed = (pages * rustix::param::page_size() as u64).saturating_add(START);
    ensure!(
        limit >= needed,
        "the address space is limited to {} MB and {} MB are needed; raise ulimit -v, or LimitAS= of the service",
        limit >> 20,
        needed >> 20
    );
    Ok(())
}

/// Hands back what parsing the kernel's BTF took (some 70 MB), and keeps the
/// allocator from giving each of the segments' threads an arena of its own.
///
/// Only glibc needs telling; other allocators do so by themselves.
pub fn keep_small() {
    #[cfg(target_env = "gnu")]
    // SAFETY: both calls only change the allocator's own bookkeeping; neither
    // takes a pointer (mallopt(3), malloc_trim(3)).
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
        libc::malloc_trim(0);
    }
}
