//! What the recorder tells the probe: kernel offsets and filters.
//!
//! Injected into the object's read-only data before it is loaded, so the
//! verifier folds every value to a constant and removes the branches of
//! features that are off. rustc has no CO-RE relocations; this stands in.

use core::mem::{offset_of, size_of};

use crate::wire::assert_layout;

/// Name of the probe's global that holds [`Settings`].
pub const SETTINGS_GLOBAL: &str = "SETTINGS";

/// Offset of a field that this kernel does not have.
pub const ABSENT: u32 = u32::MAX;

/// Byte offsets inside kernel structures, resolved from the running kernel's BTF.
///
/// [`ABSENT`] marks an optional field the kernel lacks.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offsets {
    /// `sock.__sk_common.skc_family`
    pub skc_family: u32,
    /// `sock.__sk_common.skc_dport`
    pub skc_dport: u32,
    /// `sock.__sk_common.skc_rcv_saddr`
    pub skc_rcv_saddr: u32,
    /// `sock.__sk_common.skc_daddr`
    pub skc_daddr: u32,
    /// `sock.__sk_common.skc_v6_rcv_saddr` (optional: CONFIG_IPV6)
    pub skc_v6_rcv_saddr: u32,
    /// `sock.__sk_common.skc_v6_daddr` (optional: CONFIG_IPV6)
    pub skc_v6_daddr: u32,
    /// `sock.__sk_common.skc_net.net` (optional: CONFIG_NET_NS)
    pub skc_net: u32,
    /// `net.ns.inum`
    pub netns_inum: u32,
    /// `sock.sk_err`
    pub sk_err: u32,
    /// `sock.sk_shutdown`
    pub sk_shutdown: u32,
    /// Byte of `sock.sk_kern_sock` (optional, a bit field since 4.2)
    pub sk_kern_sock: u32,
    /// Mask of `sk_kern_sock` within its byte
    pub sk_kern_sock_mask: u32,
    /// `inet_sock.inet_sport`
    pub inet_sport: u32,
    /// `tcp_sock.total_retrans`
    pub total_retrans: u32,
    /// `tcp_sock.srtt_us`
    pub srtt_us: u32,
    /// `tcp_sock.segs_out`
    pub segs_out: u32,
    /// Byte of `tcp_sock.syn_data` (optional, a bit field)
    pub syn_data: u32,
    /// Mask of `syn_data` within its byte
    pub syn_data_mask: u32,
    /// `tcp_sock.is_mptcp` (optional: CONFIG_MPTCP)
    pub is_mptcp: u32,
    /// Always 0.
    pub reserved: u32,
}

impl Offsets {
    /// What the object carries before the recorder injects real offsets.
    pub const ALL_ABSENT: Self = Self {
        skc_family: ABSENT,
        skc_dport: ABSENT,
        skc_rcv_saddr: ABSENT,
        skc_daddr: ABSENT,
        skc_v6_rcv_saddr: ABSENT,
        skc_v6_daddr: ABSENT,
        skc_net: ABSENT,
        netns_inum: ABSENT,
        sk_err: ABSENT,
        sk_shutdown: ABSENT,
        sk_kern_sock: ABSENT,
        sk_kern_sock_mask: 0,
        inet_sport: ABSENT,
        total_retrans: ABSENT,
        srtt_us: ABSENT,
        segs_out: ABSENT,
        syn_data: ABSENT,
        syn_data_mask: 0,
        is_mptcp: ABSENT,
        reserved: 0,
    };
}

assert_layout!(Offsets, 80,
    skc_family: u32 = 0, skc_dport: u32 = 4, skc_rcv_saddr: u32 = 8, skc_daddr: u32 = 12,
    skc_v6_rcv_saddr: u32 = 16, skc_v6_daddr: u32 = 20, skc_net: u32 = 24, netns_inum: u32 = 28,
    sk_err: u32 = 32, sk_shutdown: u32 = 36, sk_kern_sock: u32 = 40, sk_kern_sock_mask: u32 = 44,
    inet_sport: u32 = 48, total_retrans: u32 = 52, srtt_us: u32 = 56, segs_out: u32 = 60,
    syn_data: u32 = 64, syn_data_mask: u32 = 68, is_mptcp: u32 = 72, reserved: u32 = 76,
);

/// Everything injected into the probe.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Where the kernel keeps things.
    pub offsets: Offsets,
    /// Bytes waiting in the ring buffer at which the reader is woken.
    pub wakeup_bytes: u64,
    /// Finished attempts shorter than this are counted, not sent; ns, 0 for none.
    pub min_latency_ns: u64,
    /// Bits of [`filter`]: which filters are on.
    pub filters: u32,
    /// 4 or 6 with [`filter::IP_VERSION`].
    pub ip_version: u32,
}

assert_layout!(Settings, 104,
    offsets: Offsets = 0, wakeup_bytes: u64 = 80, min_latency_ns: u64 = 88,
    filters: u32 = 96, ip_version: u32 = 100,
);

/// Bits of [`Settings::filters`].
pub mod filter {
    /// Only processes in the probe's `PIDS` map.
    pub const PID: u32 = 1;
    /// Only [`super::Settings::ip_version`] (v4-mapped IPv6 counts as 4).
    pub const IP_VERSION: u32 = 2;
}
