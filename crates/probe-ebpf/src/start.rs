//! The start of an attempt: any transition to SYN_SENT.
//!
//! Always in the connecting task, and only here is the current task the one
//! that connects; at the end it is whatever the softirq interrupted.

use core::ffi::c_void;

use aya_ebpf::bindings::BPF_NOEXIST;
use connlat_schema::{
    counter::Counter,
    flags,
    wire::{AF_INET6, ConnectStart},
};

use crate::{
    end, filter,
    kernel::{Sock, TcpSock, field, offset, present, tcp_sock},
    maps::{IN_FLIGHT, count, setting},
    network, syscall,
    task::describe_task,
    turn::Turn,
};

/// Notes who starts an attempt and towards what, unless a program before this
/// one did.
#[inline(always)]
pub fn on_start(sk: Sock, turn: Turn) {
    let Some(tcp) = tcp_sock(sk) else {
        if turn == Turn::Last {
            count(Counter::NotTcp);
        }
        return;
    };
    let key = sk as u64;
    if turn != Turn::First && already_noted(key, turn) {
        return;
    }
    syscall::on_syn_sent();
    let mut start = describe(sk, tcp);
    start.seen_last = u8::from(turn == Turn::Last);
    let fate = if !filter::accepts(&start) {
        end::drop_left_over(key);
        Counter::Filtered
    } else if !insert(key, &start) {
        Counter::StartMapFull
    } else {
        count(Counter::Started);
        network::note(sk);
        if turn == Turn::Last {
            count(Counter::LastNeeded);
        }
        return;
    };
    if turn == Turn::Last {
        count(Counter::Started);
        count(fate);
    }
}

/// Whether the entry of this socket is of this attempt.
#[inline(always)]
fn already_noted(key: u64, turn: Turn) -> bool {
    let Some(entry) = IN_FLIGHT.get_ptr_mut(key) else { return false };
    // SAFETY: the verifier checked the map value; the socket is locked.
    let seen_last = unsafe { &mut (*entry).seen_last };
    if *seen_last != 0 {
        return false;
    }
    *seen_last = u8::from(turn == Turn::Last);
    true
}

/// Puts the attempt into the table in place of a left-over: one of the same
/// socket whose end was never seen.
#[inline(always)]
fn insert(key: u64, start: &ConnectStart) -> bool {
    if IN_FLIGHT.insert(key, start, u64::from(BPF_NOEXIST)).is_ok() {
        return true;
    }
    if !end::claim(&IN_FLIGHT, key) {
        return false;
    }
    count(Counter::EndMissed);
    IN_FLIGHT.insert(key, start, u64::from(BPF_NOEXIST)).is_ok()
}

#[inline(always)]
fn describe(sk: Sock, tcp: TcpSock) -> ConnectStart {
    let family = field!(sk, skc_family: u16) as u8;
    let (src_addr, dst_addr) = addresses(sk, family);
    ConnectStart {
        netns: netns(sk),
        src_addr,
        dst_addr,
        dst_port: u16::from_be(field!(sk, skc_dport: u16)),
        flags: flags_at_start(sk, tcp),
        family,
        ..describe_task()
    }
}

/// Source and destination as `ConnectStart` holds them.
#[inline(always)]
fn addresses(sk: Sock, family: u8) -> ([u32; 4], [u32; 4]) {
    if family == AF_INET6 && present(offset!(skc_v6_daddr)) {
        (field!(sk, skc_v6_rcv_saddr: [u32; 4]), field!(sk, skc_v6_daddr: [u32; 4]))
    } else {
        ([field!(sk, skc_rcv_saddr: u32), 0, 0, 0], [field!(sk, skc_daddr: u32), 0, 0, 0])
    }
}

#[inline(always)]
fn netns(sk: Sock) -> u32 {
    if !present(offset!(skc_net)) || !present(offset!(netns_inum)) {
        return 0;
    }
    let net = field!(sk, skc_net: *const c_void);
    field!(net, netns_inum: u32)
}

#[inline(always)]
fn flags_at_start(sk: Sock, tcp: TcpSock) -> u16 {
    if present(offset!(is_mptcp)) && field!(tcp, is_mptcp: u8) != 0 {
        // Every subflow is a kernel socket; that says nothing about who wants it.
        return flags::MPTCP_SUBFLOW;
    }
    if present(offset!(sk_kern_sock))
        && u32::from(field!(sk, sk_kern_sock: u8)) & setting(|s| &s.sk_kern_sock_mask) != 0
    {
        return flags::KERNEL_SOCKET;
    }
    0
}
