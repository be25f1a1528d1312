//! `--follow`: the process filter grows with the command's descendants.

use aya_ebpf::{bindings::BPF_ANY, programs::BtfTracePointContext};

use crate::{kernel::field, maps::PIDS};

/// A process that is followed has forked: so is its child, before it runs
/// (kernel/fork.c, `kernel_clone`).
#[inline(always)]
pub fn on_fork(ctx: &BtfTracePointContext) {
    let parent = field!(ctx.arg(0), task_tgid: u32);
    let child = field!(ctx.arg(1), task_tgid: u32);
    if parent != child && PIDS.get_ptr(parent).is_some() {
        // A full table shows as attempts that were filtered out.
        let _ = PIDS.insert(child, 1, u64::from(BPF_ANY));
    }
}

/// The last thread of a process is gone for good: its id may be used again.
#[inline(always)]
pub fn on_free(ctx: &BtfTracePointContext) {
    let process = field!(ctx.arg(0), task_tgid: u32);
    if process == field!(ctx.arg(0), task_pid: u32) {
        let _ = PIDS.remove(process);
    }
}
