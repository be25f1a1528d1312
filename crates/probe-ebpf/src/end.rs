//! The end of an attempt: a transition out of SYN_SENT or SYN_RECV, or the
//! end of the recording.

use core::ptr::addr_of_mut;

use aya_ebpf::{
    bindings::{BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP},
    helpers::bpf_ktime_get_ns,
    maps::{HashMap, ring_buf::RingBufEntry},
};
use connlat_schema::{
    Outcome,
    classify::{
        EndState,
        tcp_state::{ESTABLISHED, SYN_RECV, SYN_SENT},
    },
    counter::{Counter, suppressed_slot},
    flags,
    wire::{ConnectRecord, ConnectStart, RECORD_MAGIC},
};

use crate::{
    kernel::{Sock, TcpSock, field, offset, probe_read, tcp_sock},
    maps::{EVENTS, IN_FLIGHT, count, count_slot, setting},
    turn::Turn,
};

/// Finishes the attempt of this socket, if one is in flight and no program
/// before this one did.
#[inline(always)]
pub fn on_end(sk: Sock, old_state: i32, new_state: i32, turn: Turn) {
    let key = sk as u64;
    let Some(entry) = IN_FLIGHT.get_ptr_mut(key) else {
        // SYN_RECV without an entry is an ordinary passive open, and MPTCP's
        // outer socket, whose subflows are the connects, never had one.
        if old_state == SYN_SENT && turn == Turn::First && tcp_sock(sk).is_some() {
            count(Counter::EndWithoutStart);
        }
        return;
    };
    // SAFETY: the verifier checked the map value.
    let was_simultaneous = unsafe { (*entry).flags } & flags::SIMULTANEOUS != 0;
    if old_state == SYN_RECV && !was_simultaneous {
        // A passive open: its socket has the memory of one whose end was missed.
        drop_left_over(key);
        return;
    }
    if new_state == SYN_RECV {
        // Simultaneous open or self-connect: the handshake goes on.
        // SAFETY: the verifier checked the map value; the socket is locked.
        unsafe { (*entry).flags |= flags::SIMULTANEOUS };
        return;
    }
    let Some(tcp) = tcp_sock(sk) else { return };
    if turn == Turn::Last {
        count(Counter::LastNeeded);
    }
    // SAFETY: helper without arguments.
    let end_ns = unsafe { bpf_ktime_get_ns() };
    let end = end_state(sk, tcp, new_state);
    // SAFETY: the verifier checked the map value.
    let start_ns = unsafe { (*entry).start_ns };
    if end_ns - start_ns < setting(|s| &s.min_latency_ns) {
        if claim(&IN_FLIGHT, key) {
            count_slot(suppressed_slot(end.outcome()));
        }
        return;
    }
    let Some(mut slot) = begin(&IN_FLIGHT, key, entry) else { return };
    let record = begun(&mut slot);
    let retransmits = field!(tcp, total_retrans: u32);
    // After a retransmission the measure is quantised or missing.
    let rtt_is_known = new_state == ESTABLISHED && retransmits == 0;
    record.start.src_port = src_port(sk, tcp, &end);
    record.start.flags |= flags_at_end(tcp, &end);
    record.end_ns = end_ns;
    record.syn_retransmits = retransmits;
    record.rtt_us = if rtt_is_known { field!(tcp, srtt_us: u32) >> 3 } else { 0 };
    record.errno = end.errno() as u32;
    record.outcome = end.outcome() as u32;
    hand_over(&IN_FLIGHT, key, slot);
}

/// Reports an attempt that is still undecided now.
///
/// `key` comes from the recorder as a plain number, so the socket is read with
/// checks. Claiming afterwards proves it was alive: its end was not yet seen.
#[inline(always)]
pub fn on_stop(key: u64) {
    let Some(entry) = IN_FLIGHT.get_ptr_mut(key) else { return };
    let state = i32::from(probe_read::<u8>(key, offset!(skc_state)));
    if state != SYN_SENT && state != SYN_RECV {
        // It ended unseen: in a run of the program that the kernel skipped.
        if claim(&IN_FLIGHT, key) {
            count(Counter::EndMissed);
        }
        return;
    }
    let sport: u16 = probe_read(key, offset!(inet_sport));
    let retransmits: u32 = probe_read(key, offset!(total_retrans));
    let Some(mut slot) = begin(&IN_FLIGHT, key, entry) else { return };
    let record = begun(&mut slot);
    record.start.src_port = u16::from_be(sport);
    // SAFETY: helper without arguments.
    record.end_ns = unsafe { bpf_ktime_get_ns() };
    record.syn_retransmits = retransmits;
    record.rtt_us = 0;
    record.errno = 0;
    record.outcome = Outcome::InFlight as u32;
    hand_over(&IN_FLIGHT, key, slot);
}

#[inline(always)]
fn end_state(sk: Sock, tcp: TcpSock, new_state: i32) -> EndState {
    EndState {
        new_state,
        segs_out: field!(tcp, segs_out: u32),
        sk_shutdown: field!(sk, sk_shutdown: u8),
        sk_err: field!(sk, sk_err: i32),
    }
}

/// The port of this attempt, 0 where none was chosen: then `inet_sport` is
/// that of the socket's last attempt, and `skc_num` says whether it was bound.
#[inline(always)]
fn src_port(sk: Sock, tcp: TcpSock, end: &EndState) -> u16 {
    if end.outcome() as u32 == Outcome::LocalError as u32 {
        return field!(sk, skc_num: u16);
    }
    u16::from_be(field!(tcp, inet_sport: u16))
}

#[inline(always)]
fn flags_at_end(tcp: TcpSock, end: &EndState) -> u16 {
    let mut bits = 0;
    if end.new_state == ESTABLISHED && end.segs_out == 0 {
        bits |= flags::REPAIR;
    }
    // Nothing but a SYN can have carried data yet. Not `syn_data`: it outlives
    // a disconnect and marks the socket's next attempt.
    if field!(tcp, data_segs_out: u32) != 0 {
        bits |= flags::FAST_OPEN;
    }
    bits
}

/// Whoever removes the entry reports the attempt, and only they: the end of a
/// connect and the end of the recording can meet.
#[inline(always)]
pub fn claim(table: &HashMap<u64, ConnectStart>, key: u64) -> bool {
    table.remove(key).is_ok()
}

/// Counts an attempt that is still in the table although its socket has become
/// another, if there is one: its end was missed, and nothing that follows is it.
#[inline(always)]
pub fn drop_left_over(key: u64) {
    if IN_FLIGHT.get_ptr(key).is_some() && claim(&IN_FLIGHT, key) {
        count(Counter::EndMissed);
    }
}

/// Begins a record of the attempt in `table`; `None`, and counted, if the
/// buffer is full.
///
/// The record is built in the buffer itself: the BPF stack has 512 bytes. The
/// entry is copied before it is claimed, for afterwards its memory may already
/// belong to another attempt.
#[inline(always)]
pub fn begin(
    table: &HashMap<u64, ConnectStart>,
    key: u64,
    entry: *mut ConnectStart,
) -> Option<RingBufEntry<ConnectRecord>> {
    let Some(mut slot) = EVENTS.reserve::<ConnectRecord>(0) else {
        if claim(table, key) {
            count(Counter::RingFull);
        }
        return None;
    };
    // SAFETY: the verifier checked both sides.
    let start = unsafe { addr_of_mut!((*slot.as_mut_ptr()).start) };
    // SAFETY: likewise; they do not overlap.
    unsafe { core::ptr::copy_nonoverlapping(entry, start, 1) };
    Some(slot)
}

/// The record in a slot, its start filled in; the caller writes the other fields.
#[inline(always)]
pub fn begun(slot: &mut RingBufEntry<ConnectRecord>) -> &mut ConnectRecord {
    // SAFETY: `ConnectRecord` has no padding, any bytes make one, and every
    // field is written before the slot is submitted.
    let record = unsafe { &mut *slot.as_mut_ptr() };
    record.magic = RECORD_MAGIC;
    record.reserved = 0;
    record.start.seen_last = 0;
    record
}

/// Hands the finished record to the recorder, unless somebody else reports the
/// attempt.
///
/// Waking the reader for each record would cost ten times the rest of the
/// program, so it polls and is woken early only when the buffer fills.
#[inline(always)]
pub fn hand_over(table: &HashMap<u64, ConnectStart>, key: u64, slot: RingBufEntry<ConnectRecord>) {
    if !claim(table, key) {
        slot.discard(u64::from(BPF_RB_NO_WAKEUP));
        return;
    }
    let filling = EVENTS.query(u64::from(BPF_RB_AVAIL_DATA)) >= setting(|s| &s.wakeup_bytes);
    slot.submit(u64::from(if filling { BPF_RB_FORCE_WAKEUP } else { BPF_RB_NO_WAKEUP }));
    count(Counter::Emitted);
}
