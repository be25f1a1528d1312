//! The BPF side: a tracepoint program that watches every TCP connect, with
//! stand-ins for the runs the kernel skips, three that the recorder runs itself,
//! and four that are loaded only when asked for.
//!
//! `inet_sock_set_state` fires for every TCP state change on the host, so the
//! first test of each path rejects everything that is not a connect.
#![no_std]
#![no_main]
// Atomic operations of core need compare-and-swap on this target; BPF has the
// addition alone.
#![feature(core_intrinsics)]
#![expect(internal_features, reason = "see above")]
#![expect(missing_docs, reason = "the program macros write functions without documentation")]

mod end;
mod filter;
mod follow;
mod kernel;
mod maps;
mod network;
mod start;
mod syscall;
mod task;
mod turn;

use aya_ebpf::{
    macros::{btf_tracepoint, raw_tracepoint},
    programs::{BtfTracePointContext, RawTracePointContext},
};
use connlat_schema::classify::tcp_state::{SYN_RECV, SYN_SENT};
use turn::Turn;

/// A program on `trace_inet_sock_set_state(const struct sock *sk, int oldstate,
/// int newstate)`, net/ipv4/af_inet.c; [`turn`] says why there are several.
macro_rules! state_program {
    ($name:ident, $turn:expr) => {
        #[btf_tracepoint(function = "inet_sock_set_state")]
        pub fn $name(ctx: BtfTracePointContext) -> i32 {
            let new_state: i32 = ctx.arg(2);
            if new_state == SYN_SENT {
                start::on_start(ctx.arg(0), $turn);
                return 0;
            }
            let old_state: i32 = ctx.arg(1);
            if old_state == SYN_SENT || old_state == SYN_RECV {
                end::on_end(ctx.arg(0), old_state, new_state, $turn);
            }
            0
        }
    };
}
state_program!(connlat_state, Turn::First);
state_program!(connlat_state2, Turn::Middle);
state_program!(connlat_state3, Turn::Middle);
state_program!(connlat_state4, Turn::Middle);
state_program!(connlat_state_last, Turn::Last);

/// Run by the recorder with BPF_PROG_TEST_RUN, never attached: reports the
/// attempt of one socket as still in flight.
///
/// Argument: the in-flight table's key.
#[raw_tracepoint]
pub fn connlat_in_flight(ctx: RawTracePointContext) -> i32 {
    end::on_stop(ctx.arg(0));
    0
}

/// Run by the recorder, never attached: reads the settings of the network
/// namespace with the inode given into `NET_SETTINGS`.
#[raw_tracepoint]
pub fn connlat_network(ctx: RawTracePointContext) -> i32 {
    network::on_ask(ctx.arg::<u64>(0) as u32);
    0
}

/// Run by the recorder, never attached: with 1 follows the recorder itself, with
/// 0 no more.
#[raw_tracepoint]
pub fn connlat_follow(ctx: RawTracePointContext) -> i32 {
    follow::on_ask(ctx.arg::<u64>(0) != 0);
    0
}

/// `trace_sched_process_fork(struct task_struct *parent, struct task_struct *child)`.
#[btf_tracepoint(function = "sched_process_fork")]
pub fn connlat_fork(ctx: BtfTracePointContext) -> i32 {
    follow::on_fork(&ctx);
    0
}

/// `trace_sched_process_exit(struct task_struct *p, …)`.
#[btf_tracepoint(function = "sched_process_exit")]
pub fn connlat_process_exit(ctx: BtfTracePointContext) -> i32 {
    follow::on_exit(&ctx);
    0
}

/// `trace_sys_enter(struct pt_regs *regs, long id)`.
#[btf_tracepoint(function = "sys_enter")]
pub fn connlat_enter(ctx: BtfTracePointContext) -> i32 {
    syscall::on_enter(&ctx);
    0
}

/// `trace_sys_exit(struct pt_regs *regs, long ret)`.
#[btf_tracepoint(function = "sys_exit")]
pub fn connlat_exit(ctx: BtfTracePointContext) -> i32 {
    syscall::on_exit(&ctx);
    0
}

#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// The kernel's test for GPL-compatible programs (include/linux/license.h).
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
