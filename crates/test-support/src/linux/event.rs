//! Events that nobody made.

use connlat_schema::Outcome;
use connlat_schema::decode::ConnectEvent;

/// An unremarkable event; tests change what they are about:
/// `ConnectEvent { dst_port: 53, ..event() }`.
pub fn event() -> ConnectEvent {
    ConnectEvent {
        start_ns: 1_000,
        latency_ns: 10,
        outcome: Outcome::Established,
        errno: None,
        syn_retransmits: 0,
        rtt_us: None,
        pid: 1,
        tid: 1,
        uid: 0,
        comm: *b"test\0\0\0\0\0\0\0\0\0\0\0\0",
        cgroup_id: 0,
        netns: 1,
        src_addr: [127, 0, 0, 1].into(),
        src_port: 1,
        dst_addr: [127, 0, 0, 1].into(),
        dst_port: 2,
        flags: 0,
    }
}
