//! What findings may rest on. Connects that are missing because of how they
//! ended or how long they took make the others look worse than they were.

use connlat_schema::capture::columns::{
    ERRNO, FLAGS, LATENCY_NS, OUTCOME, RTT_US, SRC_PORT, SYN_RETRANSMITS,
};
use connlat_schema::capture::metadata::CaptureInfo;

use crate::select::{Only, Selection};

/// The recorder's filter by latency, as captures name it.
const MIN_LATENCY: &str = "min_latency_ns";

/// Why shares and percentiles mean nothing, if they do not.
pub fn partial<'a>(
    selection: &Selection,
    mut captures: impl Iterator<Item = &'a CaptureInfo>,
) -> Option<&'static str> {
    const RESULTS: [&str; 7] =
        [ERRNO, FLAGS, LATENCY_NS, OUTCOME, RTT_US, SRC_PORT, SYN_RETRANSMITS];
    let filter = selection.filter.as_deref().unwrap_or_default();
    if selection.only != Only::All || RESULTS.iter().any(|column| filter.contains(column)) {
        return Some("the selection is by how connects ended");
    }
    captures
        .any(|info| info.filters.contains_key(MIN_LATENCY))
        .then_some("fast connects were not recorded (--min-latency)")
}
