//! The process filter follows processes: `--follow` lets it grow with the
//! command's descendants, and one that has ended is forgotten.

use core::ffi::c_void;

use aya_ebpf::{
    bindings::BPF_ANY, helpers::bpf_get_current_pid_tgid, programs::BtfTracePointContext,
};

use crate::{filter::process_number, kernel::field, maps::PIDS};

/// The recorder asks for itself: in a pid namespace it does not know its number.
#[inline(always)]
pub fn on_ask(follow: bool) {
    let process = (bpf_get_current_pid_tgid() >> 32) as u32;
    // The recorder looks whether it worked.
    let _ = if follow { PIDS.insert(process, 1, u64::from(BPF_ANY)) } else { PIDS.remove(process) };
}

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

/// The current thread ends. Once it is the last of its process the number is
/// forgotten, before the kernel can give it to another process
/// (kernel/exit.c, `do_exit`: `signal->live` is counted down before this and
/// the id is freed after it).
#[inline(always)]
pub fn on_exit(ctx: &BtfTracePointContext) {
    let signal = field!(ctx.arg(0), task_signal: *const c_void);
    if field!(signal, signal_live: u32) == 0 {
        let _ = PIDS.remove(process_number(field!(ctx.arg(0), task_tgid: u32)));
    }
}
