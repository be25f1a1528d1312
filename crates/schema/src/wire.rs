//! The record that crosses from the kernel to user space.
//!
//! Every byte is a named field, so nothing uninitialised ever leaves the
//! kernel, and the assertions below hold on the BPF target and on the host
//! alike: the two cannot drift apart and still compile.

use core::mem::{offset_of, size_of};

/// Bytes of a thread name, the terminating NUL included (`TASK_COMM_LEN`).
pub const COMM_LEN: usize = 16;
/// `ConnectRecord::family` of an IPv4 socket (`AF_INET`).
pub const AF_INET: u8 = 2;
/// `ConnectRecord::family` of an IPv6 socket (`AF_INET6`).
pub const AF_INET6: u8 = 10;
/// First word of every record; a change of layout changes it.
pub const RECORD_MAGIC: u32 = 0xC0_11_1A_01;

/// Who started the attempt and towards what: taken in the connecting task.
///
/// Also the value of the probe's in-flight table. Addresses and name are words,
/// not bytes: the BPF compiler turns byte arrays into calls of a `memset` loop.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConnectStart {
    /// CLOCK_MONOTONIC at the transition to SYN_SENT, ns (`bpf_ktime_get_ns`).
    pub start_ns: u64,
    /// cgroup v2 id of the task (`bpf_get_current_cgroup_id`).
    pub cgroup_id: u64,
    /// Process id (tgid) in the initial pid namespace.
    pub pid: u32,
    /// Thread id in the initial pid namespace.
    pub tid: u32,
    /// Real user id of the task in the initial user namespace.
    pub uid: u32,
    /// Inode of the socket's network namespace (`net.ns.inum`), 0 if unknown.
    pub netns: u32,
    /// Source address as it lies in memory (network order); IPv4 in the first word.
    pub src_addr: [u32; 4],
    /// Destination address, likewise.
    pub dst_addr: [u32; 4],
    /// Thread name as it lies in memory, NUL-padded.
    pub comm: [u64; COMM_LEN / 8],
    /// Source port, host order; 0 where not yet chosen.
    pub src_port: u16,
    /// Destination port, host order.
    pub dst_port: u16,
    /// Bits of [`crate::flags`].
    pub flags: u16,
    /// [`AF_INET`] or [`AF_INET6`].
    pub family: u8,
    /// In the probe's table: whether the last of its programs has seen this
    /// start. Always 0 in a record.
    pub seen_last: u8,
}

/// One finished attempt.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ConnectRecord {
    /// The start, with ports, addresses and flags as they were at the end.
    pub start: ConnectStart,
    /// CLOCK_MONOTONIC at the end, ns.
    pub end_ns: u64,
    /// SYNs sent again (`tcp_sock.total_retrans`).
    pub syn_retransmits: u32,
    /// Handshake RTT, µs (`srtt_us >> 3`); 0 where not known or not trustworthy.
    pub rtt_us: u32,
    /// Linux errno; 0 where none is known.
    pub errno: u32,
    /// [`crate::Outcome`] as its discriminant.
    pub outcome: u32,
    /// [`RECORD_MAGIC`].
    pub magic: u32,
    /// Always 0.
    pub reserved: u32,
}

/// Asserts that a `#[repr(C)]` struct has exactly these fields at these
/// offsets, without a hole between or after them.
macro_rules! assert_layout {
    ($ty:ty, $size:literal, $($field:ident: $field_ty:ty = $offset:literal),+ $(,)?) => {
        const _: () = {
            assert!(size_of::<$ty>() == $size);
            $(assert!(offset_of!($ty, $field) == $offset);)+
            assert!(0 $(+ size_of::<$field_ty>())+ == $size);
        };
    };
}

assert_layout!(ConnectStart, 88,
    start_ns: u64 = 0, cgroup_id: u64 = 8, pid: u32 = 16, tid: u32 = 20, uid: u32 = 24,
    netns: u32 = 28, src_addr: [u32; 4] = 32, dst_addr: [u32; 4] = 48, comm: [u64; 2] = 64,
    src_port: u16 = 80, dst_port: u16 = 82, flags: u16 = 84, family: u8 = 86, seen_last: u8 = 87,
);
assert_layout!(ConnectRecord, 120,
    start: ConnectStart = 0, end_ns: u64 = 88, syn_retransmits: u32 = 96, rtt_us: u32 = 100,
    errno: u32 = 104, outcome: u32 = 108, magic: u32 = 112, reserved: u32 = 116,
);

pub(crate) use assert_layout;
