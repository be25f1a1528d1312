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
    /// `sock.__sk_common.skc_state`
    pub skc_state: u32,
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
    /// `tcp_sock.data_segs_out`
    pub data_segs_out: u32,
    /// `sock.__sk_common.skc_num`
    pub skc_num: u32,
    /// `tcp_sock.is_mptcp` (optional: CONFIG_MPTCP)
    pub is_mptcp: u32,
    /// `task_struct.pid`, the thread (for `--follow`)
    pub task_pid: u32,
    /// `task_struct.tgid`, the process (for `--follow`)
    pub task_tgid: u32,
    /// `task_struct.files` (this and all below: for `--trace-local-errors`)
    pub task_files: u32,
    /// `files_struct.fdt`
    pub files_fdt: u32,
    /// `fdtable.max_fds`
    pub fdt_max_fds: u32,
    /// `fdtable.fd`
    pub fdt_fd: u32,
    /// `file.f_inode`
    pub file_inode: u32,
    /// `file.private_data`
    pub file_private_data: u32,
    /// `inode.i_mode`
    pub inode_mode: u32,
    /// `socket.state`
    pub socket_state: u32,
    /// `socket.sk`
    pub socket_sk: u32,
    /// `sock.sk_type`
    pub sk_type: u32,
    /// `sock.sk_protocol`
    pub sk_protocol: u32,
    /// First system call argument in `pt_regs`
    pub regs_arg0: u32,
    /// Second system call argument in `pt_regs`
    pub regs_arg1: u32,
    /// Always 0.
    pub reserved: u32,
}

impl Offsets {
    /// What the object carries before the recorder injects real offsets.
    pub const ALL_ABSENT: Self = Self {
        skc_family: ABSENT,
        skc_state: ABSENT,
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
        data_segs_out: ABSENT,
        skc_num: ABSENT,
        is_mptcp: ABSENT,
        task_pid: ABSENT,
        task_tgid: ABSENT,
        task_files: ABSENT,
        files_fdt: ABSENT,
        fdt_max_fds: ABSENT,
        fdt_fd: ABSENT,
        file_inode: ABSENT,
        file_private_data: ABSENT,
        inode_mode: ABSENT,
        socket_state: ABSENT,
        socket_sk: ABSENT,
        sk_type: ABSENT,
        sk_protocol: ABSENT,
        regs_arg0: ABSENT,
        regs_arg1: ABSENT,
        reserved: 0,
    };
}

assert_layout!(Offsets, 144,
    skc_family: u32 = 0, skc_state: u32 = 4, skc_dport: u32 = 8, skc_rcv_saddr: u32 = 12,
    skc_daddr: u32 = 16, skc_v6_rcv_saddr: u32 = 20, skc_v6_daddr: u32 = 24, skc_net: u32 = 28,
    netns_inum: u32 = 32, sk_err: u32 = 36, sk_shutdown: u32 = 40, sk_kern_sock: u32 = 44,
    sk_kern_sock_mask: u32 = 48, inet_sport: u32 = 52, total_retrans: u32 = 56, srtt_us: u32 = 60,
    segs_out: u32 = 64, data_segs_out: u32 = 68, skc_num: u32 = 72, is_mptcp: u32 = 76,
    task_pid: u32 = 80, task_tgid: u32 = 84, task_files: u32 = 88, files_fdt: u32 = 92,
    fdt_max_fds: u32 = 96, fdt_fd: u32 = 100, file_inode: u32 = 104, file_private_data: u32 = 108,
    inode_mode: u32 = 112, socket_state: u32 = 116, socket_sk: u32 = 120, sk_type: u32 = 124,
    sk_protocol: u32 = 128, regs_arg0: u32 = 132, regs_arg1: u32 = 136, reserved: u32 = 140,
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
    /// Number of the connect system call here; 0 when it is not traced.
    pub connect_syscall: u64,
    /// Bits of [`filter`]: which filters are on.
    pub filters: u32,
    /// 4 or 6 with [`filter::IP_VERSION`].
    pub ip_version: u32,
    /// Deepest level of a cgroup in the probe's `CGROUPS` map; the root is 0.
    pub cgroup_level: u32,
    /// Always 0.
    pub reserved: u32,
}

assert_layout!(Settings, 184,
    offsets: Offsets = 0, wakeup_bytes: u64 = 144, min_latency_ns: u64 = 152,
    connect_syscall: u64 = 160, filters: u32 = 168, ip_version: u32 = 172,
    cgroup_level: u32 = 176, reserved: u32 = 180,
);

/// Deepest cgroup a filter can name.
pub const MAX_CGROUP_LEVEL: u32 = 31;

/// Bits of [`Settings::filters`]; each names the map that holds what is let through.
pub mod filter {
    /// `PIDS`: process ids; with `--follow`, the command's descendants join.
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
