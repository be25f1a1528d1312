//! What the probe is asked for.

use std::path::PathBuf;

use connlat_schema::wire::ConnectStart;

use super::filters::Filters;

/// What to record, and with how much kernel memory.
#[derive(Debug, Clone)]
pub struct ProbeOptions {
    /// Which connects.
    pub filters: Filters,
    /// The kernel's type information.
    pub btf: PathBuf,
    /// Finished attempts shorter than this are only counted, ns; 0 for none.
    pub min_latency_ns: u64,
    /// Whether connect(2) calls that fail before SYN_SENT are recorded too.
    pub trace_local_errors: bool,
    /// Size of the ring buffer, bytes, a power of two and a multiple of the page size.
    pub ring_bytes: u32,
    /// Slots of the in-flight table.
    pub max_in_flight: u32,
}

impl ProbeOptions {
    /// 8 MiB: 65,000 events, a second and a half at 40,000 connects a second.
    pub const DEFAULT_RING_SIZE: &str = "8MiB";
    /// 64k connects waiting for an answer at one time; about 10 MB.
    pub const DEFAULT_MAX_IN_FLIGHT: u32 = 65_536;

    /// What the large maps take, bytes: the ring buffer, and for each slot of
    /// the preallocated table its entry, key and `struct htab_elem`.
    pub fn kernel_memory(&self) -> u64 {
        const SLOT: u64 = size_of::<ConnectStart>() as u64 + 8 + 48;
        u64::from(self.ring_bytes) + u64::from(self.max_in_flight) * SLOT
    }
}
