//! Why one program is attached several times.
//!
//! The kernel skips a program on a CPU where it is already running
//! (kernel/trace/bpf_trace.c, `__bpf_trace_run`): because a softirq interrupts
//! it, or, since Linux 7.0, because the task inside it was preempted, and then
//! for as long as that task waits for its turn. Each attached program is
//! counted by itself, so a second and a third one see what the first did not.
//! They run in this order for each change of state, under the socket's lock,
//! and do only what those before them have not done.
//!
//! `ConnectStart::seen_last` tells them whether an entry is of this attempt:
//! the last program sets it, so an entry that has it at the next start of the
//! same socket is a left-over.

/// Which of the programs on the tracepoint is running; a constant in each.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Does the work, nearly always.
    First,
    /// Looks whether it was done.
    Middle,
    /// Also counts the attempts that leave no entry, so that each is counted once.
    Last,
}
