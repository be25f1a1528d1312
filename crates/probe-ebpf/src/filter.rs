//! Which attempts are recorded: decided at the start, in the connecting task.
//!
//! A filter that is off costs nothing: its bit is a constant to the verifier,
//! which removes the code behind it.

use core::mem::size_of;

use aya_ebpf::{
    bindings::bpf_pidns_info,
    helpers::generated::{bpf_get_current_ancestor_cgroup_id, bpf_get_ns_current_pid_tgid},
    maps::lpm_trie::Key,
};
use connlat_schema::{
    settings::{MAX_CGROUP_LEVEL, filter},
    wire::{AF_INET, ConnectStart},
};

use crate::maps::{CGROUPS, COMMS, DST_NETS, DST_PORTS, NETNSES, PIDS, UIDS, setting};

/// Whether every filter that is on lets this attempt through.
#[inline(always)]
pub fn accepts(start: &ConnectStart) -> bool {
    (off(filter::PID) || PIDS.get_ptr(process_number(start.pid)).is_some())
        && (off(filter::IP_VERSION) || ip_version(start) == setting(|s| &s.ip_version))
        && (off(filter::UID) || UIDS.get_ptr(start.uid).is_some())
        && (off(filter::NETNS) || NETNSES.get_ptr(start.netns).is_some())
        && (off(filter::DST_PORT) || port_is_wanted(start.dst_port))
        && (off(filter::COMM) || COMMS.get_ptr(start.comm).is_some())
        && (off(filter::DST_NET) || destination_is_wanted(start))
        && (off(filter::CGROUP) || cgroup_is_wanted())
}

#[inline(always)]
fn off(bit: u32) -> bool {
    setting(|s| &s.filters) & bit == 0
}

/// The number that the filter knows the current process by: `initial`, its id
/// in the initial pid namespace, or that in the recorder's own; 0 for a process
/// outside it or in one below.
#[inline(always)]
pub fn process_number(initial: u32) -> u32 {
    let [device, inode] = setting(|s| &s.pid_namespace);
    if inode == 0 {
        return initial;
    }
    let mut numbers = bpf_pidns_info { pid: 0, tgid: 0 };
    // SAFETY: the helper fills the structure or leaves zeroes
    // (kernel/bpf/helpers.c, bpf_get_ns_current_pid_tgid).
    unsafe {
        let size = size_of::<bpf_pidns_info>() as u32;
        bpf_get_ns_current_pid_tgid(device, inode, &raw mut numbers, size);
    }
    numbers.tgid
}

/// 4 or 6; v4-mapped IPv6 (`::ffff:a.b.c.d`) travels as IPv4 and counts as 4.
#[inline(always)]
fn ip_version(start: &ConnectStart) -> u32 {
    if start.family == AF_INET || is_v4_mapped(&start.dst_addr) { 4 } else { 6 }
}

#[inline(always)]
fn is_v4_mapped(addr: &[u32; 4]) -> bool {
    addr[0] == 0 && addr[1] == 0 && addr[2] == V4_MAPPED
}

/// Third word of `::ffff:0:0/96`.
const V4_MAPPED: u32 = 0xffff_u32.to_be();

#[inline(always)]
fn port_is_wanted(port: u16) -> bool {
    match DST_PORTS.get(u32::from(port / 64)) {
        Some(word) => word & (1 << (port % 64)) != 0,
        None => false,
    }
}

#[inline(always)]
fn destination_is_wanted(start: &ConnectStart) -> bool {
    let address =
        if start.family == AF_INET { [0, 0, V4_MAPPED, start.dst_addr[0]] } else { start.dst_addr };
    DST_NETS.get(Key::new(128, address)).is_some()
}

/// Whether the task's cgroup, or one above it, is among the wanted.
#[inline(always)]
fn cgroup_is_wanted() -> bool {
    let deepest = setting(|s| &s.cgroup_level);
    let mut level = 0;
    while level <= MAX_CGROUP_LEVEL {
        if level > deepest {
            break;
        }
        // SAFETY: helper without pointers; 0 where the task's cgroup is not that deep.
        let id = unsafe { bpf_get_current_ancestor_cgroup_id(level as i32) };
        if CGROUPS.get_ptr(id).is_some() {
            return true;
        }
        level += 1;
    }
    false
}
