//! The probe's maps and the settings the recorder injects.

use core::intrinsics::{AtomicOrdering, atomic_xadd};
use core::mem::size_of;

use aya_ebpf::{
    helpers::generated::bpf_get_smp_processor_id,
    macros::map,
    maps::{Array, HashMap, LpmTrie, RingBuf},
};
use connlat_schema::{
    counter::{COUNTER_BLOCKS, Counter, CounterBlock, CounterBlocks},
    offsets::Offsets,
    settings::{NetworkSettings, Settings},
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

/// Blocks of `connlat_schema::counter::Counter` slots.
#[map]
pub static COUNTS: Array<CounterBlocks> = Array::with_max_entries(1, 0);

// What the filters of `connlat_schema::settings::filter` let through. The
// recorder sets the sizes of those in use.

/// Process ids, in the namespace that `Settings::pid_namespace` says.
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

/// Network namespaces that recorded connects came from: inode to `struct net`.
/// One that no longer fits stays unknown.
#[map]
pub static NETS: HashMap<u32, u64> = HashMap::with_max_entries(1024, 0);
/// The namespace of the latest connect, in the first word of a cache line for
/// each block of CPUs: nearly always there is nothing to note.
#[map]
pub static NET_LATEST: Array<[u64; 8]> = Array::with_max_entries(COUNTER_BLOCKS, 0);
/// What the recorder asked for of one namespace.
#[map]
pub static NET_SETTINGS: Array<NetworkSettings> = Array::with_max_entries(1, 0);

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
    sk_kern_sock_mask: 0,
    pid_namespace: [0; 2],
};

/// Reads one part of the settings so that the verifier, not rustc, folds it.
#[inline(always)]
pub fn setting<T: Copy + 'static>(part: impl FnOnce(&'static Settings) -> &'static T) -> T {
    let part: *const T = part(&SETTINGS);
    // SAFETY: a reference to a static; volatile because the loader replaces
    // the bytes after compilation.
    unsafe { part.read_volatile() }
}

/// The block of this CPU.
#[inline(always)]
pub fn block() -> u32 {
    // SAFETY: helper without arguments.
    let cpu = unsafe { bpf_get_smp_processor_id() };
    cpu & (COUNTER_BLOCKS - 1)
}

/// Adds one to a counter slot.
///
/// Atomically: a program can be interrupted, and since Linux 7.0 preempted, by
/// another that counts too, and CPUs share a block where there are many.
#[inline(always)]
pub fn count_slot(slot: usize) {
    if let Some(counters) = COUNTS.get_ptr_mut(0) {
        const SLOTS: usize = size_of::<CounterBlock>() / size_of::<u64>();
        // The masks keep the verifier sure of the bounds.
        let slot = block() as usize * SLOTS + (slot & (SLOTS - 1));
        // SAFETY: the verifier checked the map value, which is aligned.
        unsafe {
            let counter = counters.cast::<u64>().add(slot);
            atomic_xadd::<u64, u64, { AtomicOrdering::Relaxed }>(counter, 1);
        }
    }
}

/// Adds one to a counter.
#[inline(always)]
pub fn count(counter: Counter) {
    count_slot(counter as usize);
}
