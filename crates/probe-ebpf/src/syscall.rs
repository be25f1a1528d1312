//! `--trace-local-errors`: connect(2) calls that fail before SYN_SENT.
//!
//! Without a route, say, the socket never changes state and the tracepoint of
//! `main` sees nothing. These two programs run at every system call of the
//! host, so they are loaded only when asked for, and they miss io_uring and
//! MSG_FASTOPEN, which do not go through connect(2).

use aya_ebpf::{
    bindings::BPF_ANY,
    helpers::{
        bpf_get_current_pid_tgid, bpf_ktime_get_ns, bpf_probe_read_user,
        generated::bpf_get_current_task,
    },
    programs::BtfTracePointContext,
};
use connlat_schema::{
    Outcome,
    counter::Counter,
    flags,
    wire::{AF_INET, AF_INET6, ConnectStart},
};

use crate::{
    end, filter,
    kernel::{field, offset, probe_read},
    maps::{CONNECTING, count, setting},
    task::describe_task,
};

const S_IFMT: u16 = 0o170_000;
const S_IFSOCK: u16 = 0o140_000;
const SOCK_STREAM: u16 = 1;
const IPPROTO_TCP: u16 = 6;
/// `socket.state` of a socket without a connect under way (include/uapi/linux/net.h).
const SS_UNCONNECTED: u32 = 1;

const EINTR: i64 = -4;
const EISCONN: i64 = -106;
const EALREADY: i64 = -114;
const EINPROGRESS: i64 = -115;
/// `-ERESTARTSYS`: from here on user space never sees the value.
const ERESTART: i64 = -512;

/// A thread enters a system call.
#[inline(always)]
pub fn on_enter(ctx: &BtfTracePointContext) {
    if ctx.arg::<u64>(1) != setting(|s| &s.connect_syscall) {
        return;
    }
    let fd = field!(ctx.arg(0), regs_arg0: u64) as u32;
    let address = field!(ctx.arg(0), regs_arg1: u64);
    let Some(sk) = unconnected_tcp_socket(fd) else { return };
    let Some(start) = describe(sk, address) else { return };
    if CONNECTING.insert(bpf_get_current_pid_tgid(), start, u64::from(BPF_ANY)).is_err() {
        count(Counter::SyscallTableFull);
    }
}

/// The thread's connect reached SYN_SENT: the state tracepoint has it now.
#[inline(always)]
pub fn on_syn_sent() {
    if setting(|s| &s.connect_syscall) != 0 {
        let _ = CONNECTING.remove(bpf_get_current_pid_tgid());
    }
}

/// A thread leaves a system call.
#[inline(always)]
pub fn on_exit(ctx: &BtfTracePointContext) {
    let key = bpf_get_current_pid_tgid();
    let Some(entry) = CONNECTING.get_ptr_mut(key) else { return };
    let result: i64 = ctx.arg(1);
    let failed = result < 0 && result > ERESTART;
    let undecided = matches!(result, EINTR | EISCONN | EALREADY | EINPROGRESS);
    if !failed || undecided {
        let _ = CONNECTING.remove(key);
        return;
    }
    count(Counter::Started);
    // SAFETY: the verifier checked the map value, and only this thread uses it.
    if !filter::accepts(unsafe { &*entry }) {
        count(Counter::Filtered);
        let _ = CONNECTING.remove(key);
        return;
    }
    // SAFETY: helper without arguments.
    let end_ns = unsafe { bpf_ktime_get_ns() };
    let Some(mut slot) = end::begin(&CONNECTING, key, entry) else { return };
    let record = end::begun(&mut slot);
    record.start.flags |= flags::PRE_SYN;
    record.end_ns = end_ns;
    record.syn_retransmits = 0;
    record.rtt_us = 0;
    record.errno = -result as u32;
    record.outcome = Outcome::LocalError as u32;
    end::hand_over(&CONNECTING, key, slot);
}

/// The socket behind a descriptor, if it is TCP and idle.
#[inline(always)]
fn unconnected_tcp_socket(fd: u32) -> Option<u64> {
    // SAFETY: helper without arguments.
    let task = unsafe { bpf_get_current_task() };
    let table: u64 = probe_read(probe_read(task, offset!(task_files)), offset!(files_fdt));
    if fd >= probe_read::<u32>(table, offset!(fdt_max_fds)) {
        return None;
    }
    let files: u64 = probe_read(table, offset!(fdt_fd));
    let file: u64 = probe_read(files + u64::from(fd) * 8, 0);
    let inode: u64 = probe_read(file, offset!(file_inode));
    if probe_read::<u16>(inode, offset!(inode_mode)) & S_IFMT != S_IFSOCK {
        return None;
    }
    let socket: u64 = probe_read(file, offset!(file_private_data));
    let sk: u64 = probe_read(socket, offset!(socket_sk));
    let is_idle_tcp = probe_read::<u32>(socket, offset!(socket_state)) == SS_UNCONNECTED
        && probe_read::<u16>(sk, offset!(sk_type)) == SOCK_STREAM
        && probe_read::<u16>(sk, offset!(sk_protocol)) == IPPROTO_TCP;
    is_idle_tcp.then_some(sk)
}

/// Who wants to connect where; `None` for what is no IP address, such as the
/// AF_UNSPEC that disconnects.
#[inline(always)]
fn describe(sk: u64, address: u64) -> Option<ConnectStart> {
    // `struct sockaddr_in` and `sockaddr_in6` begin alike.
    let head: [u16; 2] = read_user(address)?;
    let (family, port) = (head[0] as u8, u16::from_be(head[1]));
    let dst_addr = match family {
        AF_INET => [read_user(address + 4)?, 0, 0, 0],
        AF_INET6 => read_user(address + 8)?,
        _ => return None,
    };
    let mut start = describe_task();
    start.netns = probe_read(probe_read(sk, offset!(skc_net)), offset!(netns_inum));
    start.dst_addr = dst_addr;
    start.dst_port = port;
    // Of a bound socket; `inet_sport` can be left over from an earlier attempt.
    start.src_port = probe_read(sk, offset!(skc_num));
    start.family = family;
    Some(start)
}

#[inline(always)]
fn read_user<T>(address: u64) -> Option<T> {
    // SAFETY: the helper checks the address and reports what it cannot read.
    unsafe { bpf_probe_read_user(address as *const T) }.ok()
}
