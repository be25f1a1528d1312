//! What the recorder tells the probe: kernel offsets and filters.
//!
//! Injected into the object's read-only data before it is loaded, so the
//! verifier folds every value to a constant and removes the branches of
//! features that are off. rustc has no CO-RE relocations; this stands in.

use core::mem::{offset_of, size_of};

use crate::offsets::Offsets;
use crate::wire::assert_layout;

/// Name of the probe's global that holds [`Settings`].
pub const SETTINGS_GLOBAL: &str = "SETTINGS";

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
    /// Number of the connect system call here; 0 when it is not traced.
    pub connect_syscall: u64,
    /// Bits of [`filter`]: which filters are on.
    pub filters: u32,
    /// 4 or 6 with [`filter::IP_VERSION`].
    pub ip_version: u32,
    /// Deepest level of a cgroup in the probe's `CGROUPS` map; the root is 0.
    pub cgroup_level: u32,
    /// Mask of `sk_kern_sock` within its byte.
    pub sk_kern_sock_mask: u32,
    /// Device and inode of the pid namespace that [`filter::PID`] counts in; 0
    /// for the initial one, whose numbers the kernel uses by itself.
    pub pid_namespace: [u64; 2],
}

assert_layout!(Settings, 216,
    offsets: Offsets = 0, wakeup_bytes: u64 = 160, min_latency_ns: u64 = 168,
    connect_syscall: u64 = 176, filters: u32 = 184, ip_version: u32 = 188,
    cgroup_level: u32 = 192, sk_kern_sock_mask: u32 = 196, pid_namespace: [u64; 2] = 200,
);

/// Settings of one network namespace, each as the bytes at its field; how many
/// of them count, the recorder knows from the kernel's types.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NetworkSettings {
    /// `net.ipv4.tcp_syn_retries`
    pub syn_retries: u64,
    /// `net.ipv4.tcp_syn_linear_timeouts`
    pub syn_linear_timeouts: u64,
    /// `net.ipv4.ip_local_port_range`
    pub port_range: u64,
    /// `net.ipv4.tcp_fastopen`
    pub fastopen: u64,
    /// `net.ipv4.tcp_tw_reuse`
    pub tw_reuse: u64,
    /// Inode of the namespace they are of; 0 where it is not known.
    pub netns: u64,
}

assert_layout!(NetworkSettings, 48,
    syn_retries: u64 = 0, syn_linear_timeouts: u64 = 8, port_range: u64 = 16, fastopen: u64 = 24,
    tw_reuse: u64 = 32, netns: u64 = 40,
);

/// Deepest cgroup a filter can name.
pub const MAX_CGROUP_LEVEL: u32 = 31;

/// Bits of [`Settings::filters`]; each names the map that holds what is let through.
pub mod filter {
    /// `PIDS`: process ids, in [`super::Settings::pid_namespace`] or, with
    /// `--follow`, where the command's descendants join, in the initial one.
    pub const PID: u32 = 1;
    /// Only [`super::Settings::ip_version`] (v4-mapped IPv6 counts as 4).
    pub const IP_VERSION: u32 = 2;
    /// `UIDS`: user ids.
    pub const UID: u32 = 4;
    /// `COMMS`: thread names, NUL-padded.
    pub const COMM: u32 = 8;
    /// `NETNSES`: network namespace inodes.
    pub const NETNS: u32 = 16;
    /// `CGROUPS`: cgroup ids, with everything below them.
    pub const CGROUP: u32 = 32;
    /// `DST_NETS`: destination prefixes, IPv4 as v4-mapped IPv6.
    pub const DST_NET: u32 = 64;
    /// `DST_PORTS`: a bit for each destination port.
    pub const DST_PORT: u32 = 128;
}
