//! Which attempts are recorded: decided at the start, in the connecting task.

use connlat_schema::{
    settings::filter,
    wire::{AF_INET, ConnectStart},
};

use crate::maps::{PIDS, setting};

/// Whether the filters let this attempt through.
#[inline(always)]
pub fn accepts(start: &ConnectStart) -> bool {
    let filters = setting(|settings| &settings.filters);
    if filters & filter::PID != 0 && PIDS.get_ptr(start.pid).is_none() {
        return false;
    }
    if filters & filter::IP_VERSION != 0
        && ip_version(start) != setting(|settings| &settings.ip_version)
    {
        return false;
    }
    true
}

/// 4 or 6; v4-mapped IPv6 (`::ffff:a.b.c.d`) travels as IPv4 and counts as 4.
#[inline(always)]
fn ip_version(start: &ConnectStart) -> u32 {
    if start.family == AF_INET || is_v4_mapped(&start.dst_addr) { 4 } else { 6 }
}

#[inline(always)]
fn is_v4_mapped(addr: &[u32; 4]) -> bool {
    addr[0] == 0 && addr[1] == 0 && addr[2] == 0xffff_u32.to_be()
}
