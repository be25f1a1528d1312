//! Who is connecting: what there is to know of the current task.

use core::mem::MaybeUninit;

use aya_ebpf::helpers::{
    bpf_get_current_pid_tgid, bpf_get_current_uid_gid, bpf_ktime_get_ns,
    generated::{bpf_get_current_cgroup_id, bpf_get_current_comm},
};
use connlat_schema::wire::{COMM_LEN, ConnectStart};

/// Time and current task; the rest is left 0, also the source port, which at
/// SYN_SENT is not chosen yet or left over from an earlier attempt.
#[inline(always)]
pub fn describe_task() -> ConnectStart {
    // SAFETY: helper without arguments.
    let start_ns = unsafe { bpf_ktime_get_ns() };
    let mut comm = MaybeUninit::<[u64; COMM_LEN / 8]>::uninit();
    // SAFETY: the helper fills exactly the bytes it is told of, with zeroes
    // where it fails (kernel/bpf/helpers.c, bpf_get_current_comm).
    let comm = unsafe {
        bpf_get_current_comm(comm.as_mut_ptr().cast(), COMM_LEN as u32);
        comm.assume_init()
    };
    let pid_tgid = bpf_get_current_pid_tgid();
    ConnectStart {
        start_ns,
        // SAFETY: helper without arguments.
        cgroup_id: unsafe { bpf_get_current_cgroup_id() },
        pid: (pid_tgid >> 32) as u32,
        tid: pid_tgid as u32,
        uid: bpf_get_current_uid_gid() as u32,
        netns: 0,
        src_addr: [0; 4],
        dst_addr: [0; 4],
        comm,
        src_port: 0,
        dst_port: 0,
        flags: 0,
        family: 0,
        seen_last: 0,
    }
}
