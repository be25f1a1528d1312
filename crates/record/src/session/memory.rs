//! Keeps the recorder small: it runs for months beside what it observes.

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
