//! Settings of the network namespaces that connects come from.
//!
//! `/proc/sys` shows a reader those of its own namespace only. So the probe
//! notes where each namespace is, and the recorder asks for its settings with
//! BPF_PROG_TEST_RUN, once for each.

use core::ffi::c_void;

use aya_ebpf::bindings::BPF_ANY;
use connlat_schema::settings::NetworkSettings;

use crate::{
    kernel::{Sock, field, offset, present, probe_read},
    maps::{NET_LATEST, NET_SETTINGS, NETS, block},
};

/// Notes the namespace of a socket that a connect was recorded of.
#[inline(always)]
pub fn note(sk: Sock) {
    if !present(offset!(skc_net)) || !present(offset!(netns_inum)) {
        return;
    }
    let net = field!(sk, skc_net: *const c_void);
    let Some(latest) = NET_LATEST.get_ptr_mut(block()) else { return };
    let latest = latest.cast::<u64>();
    // SAFETY: the verifier checked the map value; a torn race only notes twice.
    if unsafe { latest.read_volatile() } == net as u64 {
        return;
    }
    let inode = field!(net, netns_inum: u32);
    if NETS.insert(inode, net as u64, u64::from(BPF_ANY)).is_ok() {
        // SAFETY: likewise.
        unsafe { latest.write_volatile(net as u64) };
    }
}

/// Reads the settings of the namespace with this inode, if it is known and
/// still there.
#[inline(always)]
pub fn on_ask(inode: u32) {
    let Some(settings) = NET_SETTINGS.get_ptr_mut(0) else { return };
    // SAFETY: the verifier checked the map value.
    let settings = unsafe { &mut *settings };
    settings.netns = 0;
    let Some(net) = NETS.get_ptr(inode) else { return };
    // SAFETY: likewise.
    let net = unsafe { *net };
    *settings = NetworkSettings {
        syn_retries: read(net, offset!(net_syn_retries)),
        syn_linear_timeouts: read(net, offset!(net_syn_linear_timeouts)),
        port_range: read(net, offset!(net_port_range)),
        fastopen: read(net, offset!(net_fastopen)),
        tw_reuse: read(net, offset!(net_tw_reuse)),
        // Last: what was read is then of a namespace that was there all the time.
        netns: u64::from(probe_read::<u32>(net, offset!(netns_inum))),
    };
}

/// The bytes at a field, more of them than it may have.
#[inline(always)]
fn read(net: u64, offset: u32) -> u64 {
    if present(offset) { probe_read(net, offset) } else { 0 }
}
