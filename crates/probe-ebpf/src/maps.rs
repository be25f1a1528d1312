//! The probe's maps and the settings the recorder injects.

use core::intrinsics::{AtomicOrdering, atomic_xadd};

use aya_ebpf::{
    macros::map,
    maps::{Array, HashMap, LpmTrie, PerCpuArray, RingBuf},
};
use connlat_schema::{
    counter::{COUNTERS, Counter},
    settings::{Offsets, Settings},
    wire::{COMM_LEN, ConnectStart},
};

/// Attempts between start and end, by the address of their `struct sock`.
///
/// Preallocated and not LRU: a full table is an error that is counted, never a
/// silent eviction. The recorder sets the size.
#[map]
pub static IN_FLIGHT: HashMap<u64, ConnectStart> = HashMap::with_max_entries(65_536, 0);

/// Finished attempts on their way to the recorder. The recorder sets the size.
#[map]
pub static EVENTS: RingBuf = RingBuf::with_byte_size(8 << 20, 0);

/// `connlat_schema::counter::Counter` slots.
#[map]
pub static COUNTS: PerCpuArray<u64> = PerCpuArray::with_max_entries(COUNTERS, 0);

// What the filters of `connlat_schema::settings::filter` let through. The
// recorder sets the sizes of those in use.

/// Process ids.
#[map]
pub static PIDS: HashMap<u32, u8> = HashMap::with_max_entries(1, 0);
/// User ids.
#[map]
pub static UIDS: HashMap<u32, u8> = HashMap::with_max_entries(1, 0);
/// Thread names.
#[map]
pub static COMMS: HashMap<[u64; COMM_LEN / 8], u8> = HashMap::with_max_entries(1, 0);
/// Network namespace inodes.
#[map]
pub static NETNSES: HashMap<u32, u8> = HashMap::with_max_entries(1, 0);
/// cgroup ids.
#[map]
pub static CGROUPS: HashMap<u64, u8> = HashMap::with_max_entries(1, 0);
/// Destination prefixes, IPv4 as v4-mapped IPv6.
#[map]
pub static DST_NETS: LpmTrie<[u32; 4], u8> = LpmTrie::with_max_entries(1, 0);
/// A bit for each destination port.
#[map]
pub static DST_PORTS: Array<u64> = Array::with_max_entries(65_536 / 64, 0);

/// connect(2) calls that have not reached SYN_SENT, by pid and tgid.
#[map]
pub static CONNECTING: HashMap<u64, ConnectStart> = HashMap::with_max_entries(1, 0);

/// Replaced by the recorder before loading; see `connlat_schema::settings`.
#[unsafe(no_mangle)]
static SETTINGS: Settings = Settings {
    offsets: Offsets::ALL_ABSENT,
    wakeup_bytes: u64::MAX,
    min_latency_ns: 0,
    connect_syscall: 0,
    filters: 0,
    ip_version: 0,
    cgroup_level: 0,
    reserved: 0,
};

/// Reads one part of the settings so that the verifier, not rustc, folds it.
#[inline(always)]
pub fn setting<T: Copy + 'static>(part: impl FnOnce(&'static Settings) -> &'static T) -> T {
    let part: *const T = part(&SETTINGS);
    // SAFETY: a reference to a static; volatile because the loader replaces
    // the bytes after compilation.
    unsafe { part.read_volatile() }
}

/// Adds one to a counter slot.
///
/// Atomically, although the slot belongs to this CPU: a program can be
/// interrupted, and since Linux 7.0 preempted, by another that counts too.
#[inline(always)]
pub fn count_slot(slot: u32) {
    if let Some(value) = COUNTS.get_ptr_mut(slot) {
        // SAFETY: the verifier checked the map value, which is aligned.
        unsafe { atomic_xadd::<u64, u64, { AtomicOrdering::Relaxed }>(value, 1) };
    }
}

/// Adds one to a counter.
#[inline(always)]
pub fn count(counter: Counter) {
    count_slot(counter as u32);
}
